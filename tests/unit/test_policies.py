"""The rules that every planned policy is held to see what is too wide, and let pass what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.policies import faults, policies, resources

ARN = "arn:aws:sqs:eu-central-1:111122223333:q"


def allow(**changes: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [ARN], **changes}]}


def access(**changes: Any) -> list[dict[str, Any]]:
    rule = {"ResourceType": "index", "Resource": ["index/shop/*"], "Permission": ["aoss:ReadDocument"]}
    return [{"Principal": ["arn:aws:iam::111122223333:role/x"], "Rules": [rule | changes]}]


@pytest.mark.parametrize(
    "policy",
    [
        allow(),
        allow(Action=["dynamodb:ListStreams"], Resource=["*"]),
        allow(Effect="Deny", Principal="*", Action="sqs:*", Resource="*"),
        access(),
        [{"AllowFromPublic": True, "Rules": [{"ResourceType": "collection", "Resource": ["collection/shop"]}]}],
        ["id"],
    ],
    ids=str,
)
def test_what_is_narrow_passes(policy: Any) -> None:
    assert faults(policy) == []


@pytest.mark.parametrize(
    "policy",
    [
        allow(Action="*"),
        allow(Action=["sqs:SendMessage", "sqs:*"]),
        allow(Action=["sqs:Send*"]),
        allow(Resource="*"),
        allow(Action=["dynamodb:ListStreams", "dynamodb:Scan"], Resource=["*"]),
        allow(NotAction=["sqs:DeleteQueue"]),
        allow(Principal="*"),
        allow(Principal={"AWS": "*"}),
        {"Statement": allow(Action="*")["Statement"][0]},
        allow(Action=["sqs:SendMessages"]),
        access(Permission=["aoss:*"]),
        access(Permission=["aoss:ReadDocuments"]),
        access(Permission=["aoss:DescribeCollectionItems"]),
        access(Resource=["index/*/*"]),
        [{**access()[0], "Principal": ["*"]}],
        [{"AllowFromPublic": True, "SourceVPCEs": ["vpce-1"], "Rules": []}],
    ],
    ids=str,
)
def test_what_is_wide_or_unknown_is_named(policy: Any) -> None:
    assert len(faults(policy)) == 1


def test_policies_of_modules_below_are_found() -> None:
    resource = {"address": "module.run.x", "values": {"name": "x", "definition": json.dumps(allow()), "n": 1}}
    module = {"resources": [], "child_modules": [{"child_modules": [{"resources": [resource]}]}]}
    assert [policy for each in resources(module) for policy in policies(each)] == [allow()]
