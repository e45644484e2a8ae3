"""What no policy of the module may say, looked for in everything that Terraform plans or applies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.actions import is_action, is_permission

ON_EVERYTHING = {
    "cloudwatch:GetMetricStatistics": "knows no resource; the run asks how late the pipeline is",
    "lambda:ListEventSourceMappings": "knows no resource; the run asks whether the trigger is off",
    "dynamodb:ListStreams": "knows no resource; Lambda asks for it when the mapping is created",
    "ec2:AssignPrivateIpAddresses": "network interfaces of a function in a VPC have no ARN before they exist",
    "ec2:CreateNetworkInterface": "the same",
    "ec2:DeleteNetworkInterface": "the same",
    "ec2:DescribeNetworkInterfaces": "the same",
    "ec2:DescribeSubnets": "the same",
    "ec2:UnassignPrivateIpAddresses": "the same",
}
"""The actions that may be allowed on the resource `*`, each with its reason."""


def resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a module and of those below it, as `terraform show -json` writes them."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def policies(resource: Mapping[str, Any]) -> Iterator[Any]:
    """Every policy in a resource's values: texts of JSON, wherever they stand."""
    for value in resource.get("values", {}).values():
        if isinstance(value, str) and value[:1] in ("{", "["):
            try:
                yield json.loads(value)
            except json.JSONDecodeError:
                continue


def faults(policy: Any) -> list[str]:
    """What is too wide or unknown in an IAM policy, or in a network or data access policy of a collection."""
    if isinstance(policy, list):
        return [fault for rule in policy if isinstance(rule, dict) for fault in _collection_faults(rule)]
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    statements = [statements] if isinstance(statements, dict) else statements
    return [fault for each in statements if each["Effect"] == "Allow" for fault in _statement_faults(each)]


def _statement_faults(statement: Mapping[str, Any]) -> Iterator[str]:
    actions = _listed(statement.get("Action"))
    yield from (f"{name} allows what nobody named" for name in statement if name.startswith("Not"))
    yield from (f"the action {action} has a wildcard" for action in actions if "*" in action)
    yield from (f"there is no action {action}" for action in actions if "*" not in action and not is_action(action))
    if "*" in _listed(statement.get("Resource")):
        yield from (f"{action} is allowed on everything" for action in actions if action not in ON_EVERYTHING)
    if "*" in json.dumps(statement.get("Principal", "")):
        yield "everybody is a principal"


def _collection_faults(policy: Mapping[str, Any]) -> Iterator[str]:
    if "*" in "".join(policy.get("Principal", [])):
        yield "everybody is a principal of the collection"
    if policy.get("AllowFromPublic") and policy.get("SourceVPCEs"):
        yield "a collection for VPC endpoints is public"
    for rule in policy.get("Rules", []):
        yield from (f"the permission {each} has a wildcard" for each in rule.get("Permission", []) if "*" in each)
        yield from (
            f"there is no permission {each} on {rule['ResourceType']}"
            for each in rule.get("Permission", [])
            if "*" not in each and not is_permission(each, rule["ResourceType"])
        )
        yield from (f"{each} names every collection" for each in rule["Resource"] if "*" in each.split("/")[1])


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
