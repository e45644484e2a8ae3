"""IAM is enforced: the stack works with the module's own policies, and needs each of their permissions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from lab.applied import Applied
from lab.faults import Fault, FaultKind

ROLE = "lambda-lab-role"
STALLED_SECONDS = 4.0


@contextmanager
def without(stack: Applied, action: str) -> Iterator[None]:
    """The stack without one permission."""
    iam = stack.lab.boto3_client("iam")
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="taken-away", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=ROLE, PolicyName="taken-away")


@contextmanager
def without_data_access(stack: Applied, permission: str) -> Iterator[None]:
    """The collection's policy for the function without one permission."""
    aoss = stack.lab.boto3_client("opensearchserverless")
    name = stack.outputs["data_access_policy_name"]
    before = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]
    changed = json.loads(json.dumps(before["policy"]))
    for statement in changed:
        for rule in statement["Rules"]:
            rule["Permission"] = [each for each in rule["Permission"] if each != permission]
    try:
        put_policy(aoss, name, changed)
        yield
    finally:
        put_policy(aoss, name, before["policy"])


def put_policy(aoss: Any, name: str, policy: Any) -> None:
    version = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policyVersion"]
    aoss.update_access_policy(type="data", name=name, policyVersion=version, policy=json.dumps(policy))


def restart(stack: Applied) -> None:
    """New sandboxes, and a trigger that begins anew where it was."""
    functions = stack.lab.boto3_client("lambda")
    name = stack.outputs["function_name"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for changed in ({**variables, "RESTARTED": str(time.monotonic())}, variables):
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    for enabled in (False, True):
        functions.update_event_source_mapping(UUID=stack.outputs["trigger_uuid"], Enabled=enabled)
        time.sleep(0.5)


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def put(stack: Applied, name: str) -> None:
    stack.put({**key(name), "state": {"S": "put"}})


def dispute(stack: Applied, name: str) -> None:
    """Put an item whose document was written a moment ahead by somebody: the table must be asked."""
    version = (int(time.time()) + 2) << 31
    action = {"index": {"_id": name, "version": version, "version_type": "external"}}
    url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_bulk"
    body = json.dumps(action) + '\n{"state":"disputed"}\n'
    requests.post(url, body, headers={"content-type": "application/x-ndjson"}, timeout=10).raise_for_status()
    put(stack, name)


def silent_conflict(stack: Applied, name: str) -> None:
    """Put an item whose write meets a conflict that does not say its version."""
    stack.lab.gate_of(stack.outputs["collection_endpoint"]).inject(
        Fault(
            FaultKind.ITEM,
            ids=(name,),
            status=409,
            error_type="version_conflict_engine_exception",
            reason="of another wording",
            applied=True,
        )
    )
    put(stack, name)


def poison(stack: Applied, name: str) -> None:
    stack.put({**key(name), "number": {"S": "no number"}})


def written(stack: Applied, name: str) -> Any:
    return (stack.document(name) or {}).get("state") == "put"


def reported(stack: Applied, name: str) -> Any:
    return any(message.get("key") == key(name) for message in stack.failure_messages())


def logged(stack: Applied, name: str) -> Any:
    return stack.log_line(name)


def refused(line: dict[str, Any], named: str) -> bool:
    """Whether the function says so: in its first 90 s, while a policy may not hold yet, without an error."""
    return named in line.get("error", "") or "403_not_granted_yet" in line.get("busy", "")


@pytest.mark.parametrize(
    ("action", "change", "arrived"),
    [
        ("dynamodb:DescribeStream", put, written),
        ("dynamodb:GetShardIterator", put, written),
        ("dynamodb:GetRecords", put, written),
        ("dynamodb:BatchGetItem", dispute, written),
        ("aoss:APIAccessAll", put, written),
        ("sqs:SendMessage", poison, reported),
        ("logs:CreateLogStream", put, logged),
        ("logs:PutLogEvents", put, logged),
    ],
)
def test_without_this_permission_the_pipeline_stands_still(
    workshop: Applied,
    action: str,
    change: Callable[[Applied, str], None],
    arrived: Callable[[Applied, str], Any],
) -> None:
    workshop.put({**key("number"), "number": {"N": "1"}})
    name = "without-" + action.replace(":", "-")
    with without(workshop, action):
        restart(workshop)
        change(workshop, name)
        time.sleep(STALLED_SECONDS)
        assert not arrived(workshop, name)
    if not action.startswith("logs:"):
        workshop.until("the change", lambda: arrived(workshop, name))
    workshop.delete(key(name))
    workshop.until("the deletion", lambda: workshop.document(name) is None)


@pytest.mark.parametrize("action", ["dynamodb:ListStreams", "dynamodb:GetRecords", "sqs:SendMessage"])
def test_without_this_permission_no_trigger_can_be_made(workshop: Applied, action: str) -> None:
    functions = workshop.lab.boto3_client("lambda")
    mapping = functions.get_event_source_mapping(UUID=workshop.outputs["trigger_uuid"])
    wanted = {
        "FunctionName": mapping["FunctionArn"],
        "EventSourceArn": mapping["EventSourceArn"],
        "StartingPosition": "LATEST",
        "DestinationConfig": mapping["DestinationConfig"],
        "Enabled": False,
    }
    with without(workshop, action), pytest.raises(ClientError, match=action):
        functions.create_event_source_mapping(**wanted)
    made = functions.create_event_source_mapping(**wanted)
    functions.delete_event_source_mapping(UUID=made["UUID"])


@pytest.mark.parametrize(
    ("permission", "change"),
    [
        ("aoss:WriteDocument", put),
        ("aoss:ReadDocument", silent_conflict),
        ("aoss:DescribeIndex", put),
    ],
)
def test_without_this_data_access_the_pipeline_says_so(
    workshop: Applied, permission: str, change: Callable[[Applied, str], None]
) -> None:
    name = "without-" + permission.replace(":", "-")
    with without_data_access(workshop, permission):
        restart(workshop)
        change(workshop, name)
        workshop.until(
            "the error",
            lambda: any(refused(line, "data access policy") for line in workshop.log_lines()[-3:]),
        )
    workshop.until("the change", lambda: written(workshop, name))
    workshop.delete(key(name))
    workshop.until("the deletion", lambda: workshop.document(name) is None)


def test_without_create_index_a_missing_index_is_named(workshop: Applied) -> None:
    for item in workshop.dynamodb.scan(TableName=workshop.outputs["table_name"])["Items"]:
        workshop.delete({"id": item["id"]})
    workshop.until("an empty index", lambda: workshop.comparison().in_step)
    with without_data_access(workshop, "aoss:CreateIndex"):
        requests.delete(f"{workshop.lab.engine_url}/{workshop.outputs['index_name']}", timeout=10)
        restart(workshop)
        put(workshop, "no-index")
        workshop.until(
            "the error",
            lambda: any(refused(line, "aoss:CreateIndex") for line in workshop.log_lines()[-3:]),
        )
    workshop.until("the change", lambda: written(workshop, "no-index"))
