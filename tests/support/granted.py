"""What an applied stack's roles may do, and which of it nothing has needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.stack import Lab

Permission = tuple[str, str, str]
"""A role, an action and a resource, as its policies have them; or a data access policy's permission."""


def unused(lab: Lab, prefix: str) -> set[Permission]:
    """What the roles whose names begin so may do, and have not done since the lab's start."""
    found = set()
    for role in (each for each in lab.boto3_client("iam").list_roles()["Roles"] if each["RoleName"].startswith(prefix)):
        used = lab.granted(role["RoleName"])
        found |= {
            (role["RoleName"], *each) for each in [*_policies(lab, role), *_data_access(lab, role)] if each not in used
        }
    return found


def _policies(lab: Lab, role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    iam, name = lab.boto3_client("iam"), role["RoleName"]
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        for statement in document["Statement"]:
            yield from ((action, resource) for action in statement["Action"] for resource in statement["Resource"])


def _data_access(lab: Lab, role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    aoss = lab.boto3_client("opensearchserverless")
    for each in aoss.list_access_policies(type="data")["accessPolicySummaries"]:
        for statement in aoss.get_access_policy(type="data", name=each["name"])["accessPolicyDetail"]["policy"]:
            if role["Arn"] in statement["Principal"]:
                for rule in statement["Rules"]:
                    yield from ((permission, place) for permission in rule["Permission"] for place in rule["Resource"])
