"""IAM on the resource that a request names.

AWS: tags are authorized on the ARN in the request; a rule's targets on the rule, which on the default event bus is
`rule/<name>`; a new function, a deleted alarm, a changed or deleted collection on its own ARN, a dashboard on
one without a region (Service Authorization Reference of each service).
ministack: authorizes them on `*` or the event bus, and such a rule on `rule/default/<name>`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions

from lab.cloud.patching import private, replace

OF_A_DASHBOARD = ("cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard")
OF_A_COLLECTION = ("aoss:DeleteCollection", "aoss:UpdateCollection")
TAGGED = ("dynamodb", "events", "monitoring", "states")


def apply() -> None:
    """Authorize a request on what it names."""

    def resource(service: str, *request: Any) -> str:
        _, _, _, body, parameters, region, account = request
        action = iam_actions.extract_iam_action(service, *request[:5]) or ""
        read = private(iam_actions, "_param")
        named = _named(service, action, lambda *names: str(read(body, parameters, *names)))
        if named.startswith("arn:"):
            return named
        return _arn(action, named, region, account) if named else _default_bus(str(original(service, *request)))

    original = replace(iam_actions, "extract_resource_arn", resource)


def _named(service: str, action: str, member: Callable[..., str]) -> str:
    """An ARN or a name; empty where ministack finds it."""
    if action in OF_A_COLLECTION:
        return member("id")
    if action == "lambda:CreateFunction":
        return member("FunctionName")
    if action == "cloudwatch:DeleteAlarms":
        return member("AlarmNames.member.1")
    if action in OF_A_DASHBOARD:
        return member("DashboardName", "DashboardNames.member.1")
    tagged = member("ResourceARN", "ResourceArn", "resourceArn") if service in TAGGED else ""
    return tagged or (member("Rule") if service == "events" else "")


def _arn(action: str, name: str, region: str, account: str) -> str:
    service = action.partition(":")[0]
    if action in OF_A_DASHBOARD:
        return f"arn:aws:cloudwatch::{account}:dashboard/{name}"
    kind = {"aoss": "collection/", "cloudwatch": "alarm:", "events": "rule/", "lambda": "function:"}[service]
    return f"arn:aws:{service}:{region}:{account}:{kind}{name}"


def _default_bus(arn: str) -> str:
    return arn.replace(":rule/default/", ":rule/")
