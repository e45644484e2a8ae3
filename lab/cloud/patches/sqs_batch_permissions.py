"""IAM on batches of messages.

AWS: SendMessageBatch asks for sqs:SendMessage (Service Authorization Reference, Amazon SQS: there is
no action for the batch). ministack: asks for sqs:SendMessageBatch, which no policy can rightly grant.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions

from lab.cloud.patching import replace

SINGLE = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def apply() -> None:
    """Authorize a batch as its single action."""

    def action(*arguments: Any, **named: Any) -> Any:
        found = original(*arguments, **named)
        return SINGLE.get(found, found)

    original = replace(iam_actions, "extract_iam_action", action)
