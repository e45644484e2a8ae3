"""The actions that AWS knows: of IAM policies, and of an OpenSearch Serverless collection's data access policies."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache
from typing import Any

from lab.gate_rules import PERMISSIONS


@cache
def reference() -> Any:
    """AWS's Service Authorization Reference, as cfn-lint carries it: the actions, and the resources each knows."""
    place = importlib.resources.files("cfnlint.data.AdditionalSpecs") / "Policies.json"
    return json.loads(place.read_text("utf-8"))


def is_action(name: str) -> bool:
    """Whether IAM knows an action, or what a last `*` stands for."""
    service, _, action = name.lower().partition(":")
    actions = reference().get(service, {}).get("Actions", {})
    return action in actions or (action.endswith("*") and any(each.startswith(action[:-1]) for each in actions))


def is_permission(name: str, resource_type: str) -> bool:
    """Whether a data access policy knows a permission on this type of resource.

    The permissions are those of "Supported operations and plugins in Amazon OpenSearch Serverless", as the gate has
    them; what its "…CollectionItems" are about is the resource type `collection` ("Data access control").
    """
    return name in PERMISSIONS and name.endswith("CollectionItems") == (resource_type == "collection")
