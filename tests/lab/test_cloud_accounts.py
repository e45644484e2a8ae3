"""A table in another account in the lab: read by its ARN, where the owner's policies admit the role."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.stack import Lab
from tests.support import there
from tests.support.small_stack import SmallStack, wait_until

OWNER = "222222222222"
STREAM = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]


@pytest.fixture
def owned(lab: Lab, stack: SmallStack) -> Any:
    """A table of the same name as the stack's, in the owner's account; the function's role may read its stream."""
    made = there.table(lab.boto3_client("dynamodb", OWNER), stack.name)
    stack.policy("another", (STREAM, made["LatestStreamArn"]))
    return made


def admit(lab: Lab, resource: str, actions: list[str], role_arn: str) -> None:
    """Put a resource-based policy that admits a role of the function's account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"{role_arn.partition(':role/')[0]}:root"},
        "Action": actions,
        "Resource": resource,
        "Condition": {"ArnEquals": {"aws:PrincipalArn": role_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    lab.boto3_client("dynamodb", OWNER).put_resource_policy(ResourceArn=resource, Policy=policy)


def test_a_stream_in_another_account_is_read_while_its_policy_admits_the_role(
    lab: Lab, stack: SmallStack, owned: Any
) -> None:
    stream, tables = owned["LatestStreamArn"], lab.boto3_client("dynamodb", OWNER)
    with pytest.raises(ClientError, match="DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator"):
        stack.map(EventSourceArn=stream)
    admit(lab, stream, STREAM, f"{stack.role_arn}-another")
    with pytest.raises(ClientError, match="Cannot access the event source"):
        stack.map(EventSourceArn=stream)
    admit(lab, stream, STREAM, stack.role_arn)
    stack.map(EventSourceArn=stream)
    stack.put("mine")
    tables.put_item(TableName=stack.name, Item={"id": {"S": "theirs"}, "do": {"S": ""}})
    wait_until("a delivery", stack.deliveries)
    assert stack.delivered() == [["theirs"]]
    tables.delete_resource_policy(ResourceArn=stream)
    wait_until("the refusal", lambda: stack.last_result().startswith("PROBLEM"))


def test_a_stream_of_another_region_has_no_mapping(stack: SmallStack, owned: Any) -> None:
    with pytest.raises(ClientError, match="region must match"):
        stack.map(EventSourceArn=owned["LatestStreamArn"].replace("us-east-1", "eu-west-1"))


def test_the_root_of_another_account_reads_no_table(lab: Lab, owned: Any) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: dynamodb:Scan"):
        lab.boto3_client("dynamodb").scan(TableName=owned["TableArn"])
