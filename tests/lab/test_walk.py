"""The table walk of the applied walk-through: its tasks, its faults, and each permission it needs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.applied import Applied
from lab.cloud.retries import THROTTLED
from tests.support.applied_walk import REFRESH_SECONDS, damage, settling_soon, with_environment

FUNCTION_ROLE = "dynamodb-to-opensearch-walk-role"
MACHINE_ROLE = "dynamodb-to-opensearch-walk-machine-role"
ITEMS = 40


class Walk:
    """Executions of the applied walk."""

    def __init__(self, stack: Applied) -> None:
        self.stack = stack
        self.states = stack.lab.boto3_client("stepfunctions")
        self.machine = stack.outputs["walk_state_machine_arn"]

    def start(self, task: str, **more: Any) -> str:
        given = json.dumps({"task": task, **more})
        return str(self.states.start_execution(stateMachineArn=self.machine, input=given)["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        def ended() -> Any:
            found = self.states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return dict(self.stack.until("the walk's end", ended, 180))

    def run(self, task: str) -> dict[str, Any]:
        """The output of a walk that succeeds."""
        ended = self.end(self.start(task))
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"), self.causes(ended))
        return dict(json.loads(ended["output"]))

    def redrive(self, execution: str) -> dict[str, Any]:
        self.states.redrive_execution(executionArn=execution)
        return self.end(execution)

    def causes(self, ended: dict[str, Any]) -> str:
        """Why it failed: its own cause, and its children's."""
        said = [f"{ended.get('error')}: {ended.get('cause')}"]
        for run in self.states.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]:
            for child in self.states.list_executions(mapRunArn=run["mapRunArn"])["executions"]:
                found = self.states.describe_execution(executionArn=child["executionArn"])
                said.append(f"{found.get('error')}: {found.get('cause')}")
        return "\n".join(said)

    def failures(self, execution: str) -> list[str]:
        """The errors of an execution's own calls so far."""
        events = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [each["taskFailedEventDetails"]["error"] for each in events if "taskFailedEventDetails" in each]

    def log(self) -> list[dict[str, Any]]:
        """The walk function's JSON lines."""
        logs = self.stack.lab.boto3_client("logs")
        found = logs.filter_log_events(logGroupName=self.stack.outputs["walk_log_group_name"])["events"]
        return [json.loads(each["message"]) for each in found if each["message"].startswith("{")]

    def differences(self, run: str) -> list[dict[str, Any]]:
        """The differences of a run, as its log has them."""
        return [line for line in self.log() if line.get("run") == run and "attributes" in line]

    def drift(self) -> float:
        """The latest Differences metric."""
        now = datetime.now(UTC)
        found = self.stack.lab.boto3_client("cloudwatch").get_metric_statistics(
            Namespace="searchsync",
            MetricName="Differences",
            Dimensions=[{"Name": "FunctionName", "Value": self.stack.outputs["walk_function_name"]}],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(seconds=1),
            Period=1,
            Statistics=["Maximum"],
        )["Datapoints"]
        return float(max(found, key=lambda point: point["Timestamp"])["Maximum"])


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


@pytest.fixture(scope="module")
def walk(workshop: Applied) -> Iterator[Walk]:
    """The walk, with items in the table."""
    names = [f"walk-{number}" for number in range(ITEMS)]
    with settling_soon(workshop):
        for each in names:
            workshop.put({**key(each), "state": {"S": "put"}})
        workshop.until("the documents", lambda: all(map(workshop.document, names)))
        yield Walk(workshop)
    for each in names:
        workshop.delete(key(each))
    workshop.until("the deletions", lambda: not any(map(workshop.document, names)))


def test_damage_is_found_named_repaired_and_gone(walk: Walk) -> None:
    stack = walk.stack
    walk.run("backfill")
    damage(stack, "walk-1", {"id": "walk-1", "state": "damaged"})
    damage(stack, "walk-2", None)
    damage(stack, "walk-nobody", {"id": "walk-nobody"})
    damage(stack, "walk-without-a-key", {"id": "walk-without-a-key"}, with_key=False)
    time.sleep(REFRESH_SECONDS)
    found = walk.run("verify")
    assert (found["in_step"], found["report"]) == (False, None)
    kinds = {each["id"]: (each["kind"], each["attributes"]) for each in walk.differences(found["run"])}
    assert kinds == {
        "walk-1": ("different", ["state"]),
        "walk-2": ("missing", []),
        "walk-nobody": ("extra", []),
        "walk-without-a-key": ("extra", []),
    }
    assert walk.drift() == 4
    assert walk.run("repair")["totals"]["repaired"] == 4
    assert stack.document("walk-1")["state"] == stack.document("walk-2")["state"] == "put"
    time.sleep(REFRESH_SECONDS)
    clean = walk.run("verify")
    assert clean["in_step"] is True, walk.differences(clean["run"])
    assert walk.drift() == 0
    assert stack.comparison().in_step


def test_an_orphan_whose_neighbours_change_is_found_and_what_agrees_is_read_once(walk: Walk) -> None:
    """What the table's phase has read stands in the module's bucket; no item that changes meanwhile is a difference."""
    stack, changing = walk.stack, [f"walk-{number}" for number in range(0, ITEMS, 2)]
    damage(stack, "walk-orphan", {"id": "walk-orphan"})
    time.sleep(REFRESH_SECONDS)
    execution = walk.start("verify")
    for turn in range(5):
        for name in changing:
            stack.put({**key(name), "state": {"S": f"changed-{turn}"}})
        time.sleep(1.0)
    ended = walk.end(execution)
    found = json.loads(ended["output"])
    assert {each["id"]: each["kind"] for each in walk.differences(found["run"])} == {"walk-orphan": "extra"}
    assert found["totals"]["documents"] >= ITEMS
    assert walk.run("repair")["totals"]["repaired"] == 1
    for name in changing:
        stack.put({**key(name), "state": {"S": "put"}})
    time.sleep(REFRESH_SECONDS)
    quiet = walk.run("verify")
    assert quiet["in_step"] is True
    with with_environment(stack, SEEN_BUCKET=""):
        alone = walk.run("verify")
    # The lab's table says no units of keys; what must be looked up is asked for by its ids before.
    assert alone["totals"]["requests"] > quiet["totals"]["requests"]


def test_of_two_walks_at_once_the_second_is_refused(walk: Walk) -> None:
    first, second = walk.start("verify"), walk.start("verify")
    ends = [walk.end(first), walk.end(second)]
    assert [each["status"] for each in ends] == ["SUCCEEDED", "FAILED"]
    assert ends[1]["error"] == "WalkRefusedError"
    assert first.rpartition(":")[2] in ends[1]["cause"]


def test_a_call_that_lambda_has_no_room_for_is_waited_out(walk: Walk) -> None:
    """More often than any other error is: each of these waits is a tenth of AWS's."""
    functions, name = walk.stack.lab.boto3_client("lambda"), walk.stack.outputs["walk_function_name"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        execution = walk.start("backfill")
        walk.stack.until("throttled calls", lambda: walk.failures(execution).count(THROTTLED) > 7, 120)
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert walk.end(execution)["status"] == "SUCCEEDED"
    assert set(walk.failures(execution)) == {THROTTLED}


def test_a_walk_that_would_leave_the_sync_function_no_room_is_refused(walk: Walk) -> None:
    """The sync function reserves all but seven, as many as an account of ten may have."""
    functions, name = walk.stack.lab.boto3_client("lambda"), walk.stack.outputs["function_name"]
    room = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=room - 7)
    try:
        ended = walk.end(walk.start("verify"))
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert ended["error"] == "WalkRefusedError"
    assert "table_walk.concurrency is 4" in ended["cause"]
    assert "at most 3" in ended["cause"]


@contextmanager
def without(stack: Applied, role: str, action: str) -> Iterator[None]:
    """The stack without one permission of a role of the walk."""
    iam = stack.lab.boto3_client("iam")
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="taken-away", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="taken-away")


@pytest.mark.parametrize(
    ("role", "action", "task"),
    [
        (FUNCTION_ROLE, "dynamodb:DescribeTable", "backfill"),
        (FUNCTION_ROLE, "dynamodb:Scan", "backfill"),
        (FUNCTION_ROLE, "s3:GetObject", "verify"),
        (FUNCTION_ROLE, "s3:ListBucket", "verify"),
        (FUNCTION_ROLE, "s3:PutObject", "verify"),
        (FUNCTION_ROLE, "lambda:GetAccountSettings", "backfill"),
        (FUNCTION_ROLE, "states:ListExecutions", "backfill"),
        (FUNCTION_ROLE, "aoss:APIAccessAll", "backfill"),
        (FUNCTION_ROLE, "cloudwatch:GetMetricStatistics", "verify"),
        (FUNCTION_ROLE, "dynamodb:BatchGetItem", "repair"),
        (FUNCTION_ROLE, "sqs:SendMessage", "backfill"),
        (MACHINE_ROLE, "lambda:InvokeFunction", "backfill"),
        (MACHINE_ROLE, "states:StartExecution", "backfill"),
        (MACHINE_ROLE, "states:DescribeExecution", "backfill"),
    ],
)
def test_without_this_permission_a_walk_fails_and_says_so_and_a_redrive_ends_it(
    walk: Walk, role: str, action: str, task: str
) -> None:
    if action == "sqs:SendMessage":
        # The stream's own message comes first; the walk has one of its own to send.
        walk.stack.put({**key("walk-poison"), "_id": {"S": "no field of a document"}})
        walk.stack.until("the stream's message", walk.stack.failure_messages)
    if action == "dynamodb:BatchGetItem":  # what agrees is not looked up
        damage(walk.stack, "walk-looked-up", {"id": "walk-looked-up"})
        time.sleep(REFRESH_SECONDS)
    with without(walk.stack, role, action):
        ended = walk.end(execution := walk.start(task))
        assert ended["status"] == "FAILED"
        said = walk.causes(ended)
        assert action in said or (action == "aoss:APIAccessAll" and "data access policy" in said), said
    assert walk.redrive(execution)["status"] == "SUCCEEDED"
    if action == "sqs:SendMessage":
        assert [each["key"] for each in walk.stack.failure_messages()] == [key("walk-poison")]
        walk.stack.delete(key("walk-poison"))


@pytest.mark.parametrize("permission", ["aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"])
def test_without_this_data_access_a_walk_says_so_and_a_redrive_ends_it(walk: Walk, permission: str) -> None:
    aoss, name = walk.stack.lab.boto3_client("opensearchserverless"), "dynamodb-to-opensearch-walk"

    def put_policy(policy: Any) -> None:
        version = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policyVersion"]
        aoss.update_access_policy(type="data", name=name, policyVersion=version, policy=json.dumps(policy))

    before = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policy"]
    without_it = json.loads(json.dumps(before))
    without_it[0]["Rules"][0]["Permission"].remove(permission)
    put_policy(without_it)
    try:
        ended = walk.end(execution := walk.start("backfill" if permission == "aoss:WriteDocument" else "verify"))
    finally:
        put_policy(before)
    assert ended["status"] == "FAILED"
    assert "data access policy" in walk.causes(ended)
    assert walk.redrive(execution)["status"] == "SUCCEEDED"


def test_without_redrive_permission_the_parts_stay_where_they_are(walk: Walk) -> None:
    with without(walk.stack, FUNCTION_ROLE, "dynamodb:Scan"):
        execution = walk.start("backfill")
        walk.end(execution)
    with without(walk.stack, MACHINE_ROLE, "states:RedriveExecution"):
        assert "states:RedriveExecution" in walk.redrive(execution)["cause"]
    assert walk.redrive(execution)["status"] == "SUCCEEDED"


def test_a_stopped_walk_goes_on_when_it_is_redriven(walk: Walk) -> None:
    execution = walk.start("backfill")
    walk.states.stop_execution(executionArn=execution)
    assert walk.end(execution)["status"] == "ABORTED"
    ended = walk.redrive(execution)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["totals"]["items"] >= ITEMS
