"""Network policies for dashboards.

AWS: a rule with ResourceType `dashboard` names collections, `"Resource": ["collection/name"]`
("Network access for Amazon OpenSearch Serverless").
ministack: wants `dashboard/name`, which AWS refuses.
"""

from __future__ import annotations

from typing import Any

from ministack.services import opensearchserverless

from lab.cloud.patching import private, replace

DASHBOARD = "dashboard"


def apply() -> None:
    """Read dashboard rules as AWS does."""

    def validate(rules: Any, allowed_types: Any, need_permission: bool) -> None:
        read = [_as_ministack_reads(rule) for rule in rules] if isinstance(rules, list) else rules
        original(read, allowed_types, need_permission)

    original = replace(opensearchserverless, "_validate_rules", validate)


def _as_ministack_reads(rule: Any) -> Any:
    if not isinstance(rule, dict) or rule.get("ResourceType") != DASHBOARD:
        return rule
    named = rule.get("Resource") or []
    for resource in named:
        if not str(resource).startswith("collection/"):
            invalid = private(opensearchserverless, "_Invalid")
            raise invalid(f"Policy json is invalid, error: [Resource {resource!r} must start with 'collection/']")
    return {**rule, "Resource": [r.replace("collection/", "dashboard/", 1) for r in named]}
