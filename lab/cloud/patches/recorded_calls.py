"""Who called what.

AWS: CloudTrail and "access advisor" tell which actions a principal used.
ministack: authorizes each request in one place and forgets it.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id

from lab.cloud import calls
from lab.cloud.patching import replace


def apply() -> None:
    """Note each request that is authorized; one without valid credentials has no caller."""

    def enforce(access_key_id: str, iam_action: str, *rest: Any, **named: Any) -> Any:
        principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
        if not isinstance(principal, iam_evaluator.AuthError):
            calls.record(principal.arn, iam_action)
        return original(access_key_id, iam_action, *rest, **named)

    original = replace(iam_evaluator, "enforce", enforce)
