"""Who called what, and what of its policies let it.

AWS: CloudTrail and "access advisor" tell which actions a principal used.
ministack: authorizes each request in one place and forgets it.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id

from lab.cloud import calls
from lab.cloud.patching import private, replace


def apply() -> None:
    """Note each request that is authorized; one without valid credentials has no caller."""

    def enforce(access_key_id: str, iam_action: str, *rest: Any, **named: Any) -> Any:
        principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
        if not isinstance(principal, iam_evaluator.AuthError):
            calls.record(principal.arn, iam_action)
        return original(access_key_id, iam_action, *rest, **named)

    def evaluate(context: Any, policies: Any, *limits: Any) -> Any:
        verdict = decide(context, policies, *limits)
        if verdict.decision == "Allow":
            statement = first(context, [each for policy in policies for each in policy], "Allow")
            for action in filter(lambda each: takes_action(context.action, [each], []), statement.actions):
                for resource in filter(lambda each: takes(context.resource_arn, [each], []), statement.resources):
                    calls.grant(context.principal_arn, action, resource)
        return verdict

    takes_action, takes = private(iam_evaluator, "_action_matches"), private(iam_evaluator, "_resource_matches")
    first = private(iam_evaluator, "_first_match")
    decide = replace(iam_evaluator, "evaluate", evaluate)
    original = replace(iam_evaluator, "enforce", enforce)
