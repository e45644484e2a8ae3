"""The IAM actions of Lambda's operations.

AWS: an operation is authorized as the action of its own name, but Invoke as lambda:InvokeFunction (Service
Authorization Reference, AWS Lambda).
ministack: guesses the action from the path. Reading one event source mapping counts as listing all, changing
or deleting one as nothing at all.
"""

from __future__ import annotations

from ministack.core import iam_actions

from lab.cloud.patching import private, replace

OTHER_NAMES = {"Invoke": "InvokeFunction"}


def apply() -> None:
    """Find the operation in Lambda's own service model."""
    private(iam_actions, "_BOTOCORE_SERVICE_MAP")["lambda"] = ["lambda"]
    operation = private(iam_actions, "_match_rest_action")

    def action(method: str, path: str) -> str | None:
        name: str | None = operation("lambda", method, path)
        return OTHER_NAMES.get(name, name) if name else None

    replace(iam_actions, "_lambda_action", action)
