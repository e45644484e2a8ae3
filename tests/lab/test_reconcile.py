"""The reconciliation of the applied walk-through: its tasks, its faults, and each permission it needs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from lab.applied import Applied
from lab.cloud.retries import THROTTLED
from lab.faults import Fault, FaultKind
from tests.support.applied_run import REFRESH_SECONDS, Run, damage, settling_soon, with_environment

FUNCTION_ROLE = "dynamodb-to-opensearch-reconcile-role"
MACHINE_ROLE = "dynamodb-to-opensearch-reconcile-machine-role"
ITEMS = 40
STALL_SECONDS = 90.0
LATE_CLOUDWATCH = "120"
"""Seconds that the module sets."""
SLOW_SECONDS = 6.0
"""Of each bulk request, so that a backfill is still under way."""


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


@pytest.fixture(scope="module")
def run(workshop: Applied) -> Iterator[Run]:
    """The run, with items in the table."""
    names = [f"run-{number}" for number in range(ITEMS)]
    with settling_soon(workshop):
        for each in names:
            workshop.put({**key(each), "state": {"S": "put"}})
        workshop.until("the documents", lambda: all(map(workshop.document, names)))
        yield Run(workshop)
    for each in names:
        workshop.delete(key(each))
    workshop.until("the deletions", lambda: not any(map(workshop.document, names)))


def test_damage_is_found_named_repaired_and_gone(run: Run) -> None:
    stack = run.stack
    run.run("backfill")
    damage(stack, "run-1", {"id": "run-1", "state": "damaged"})
    damage(stack, "run-2", None)
    damage(stack, "run-nobody", {"id": "run-nobody"})
    damage(stack, "run-without-a-key", {"id": "run-without-a-key"}, with_key=False)
    time.sleep(REFRESH_SECONDS)
    found = run.run("verify")
    assert (found["in_step"], found["report"]) == (False, None)
    kinds = {each["id"]: (each["kind"], each["attributes"]) for each in run.differences(found["run"])}
    assert kinds == {
        "run-1": ("different", ["state"]),
        "run-2": ("missing", []),
        "run-nobody": ("orphan", []),
        "run-without-a-key": ("orphan", []),
    }
    assert run.drift() == 4
    assert run.run("repair")["totals"]["repaired"] == 4
    assert stack.document("run-1")["state"] == stack.document("run-2")["state"] == "put"
    time.sleep(REFRESH_SECONDS)
    clean = run.run("verify")
    assert clean["in_step"] is True, run.differences(clean["run"])
    assert run.drift() == 0
    assert stack.comparison().in_step


def test_an_orphan_whose_neighbours_change_is_found_and_what_agrees_is_read_once(run: Run) -> None:
    """What the table's phase has read stands in the module's bucket; no item that changes meanwhile is a difference."""
    stack, changing = run.stack, [f"run-{number}" for number in range(0, ITEMS, 2)]
    damage(stack, "run-orphan", {"id": "run-orphan"})
    time.sleep(REFRESH_SECONDS)
    execution = run.start("verify")
    for turn in range(5):
        for name in changing:
            stack.put({**key(name), "state": {"S": f"changed-{turn}"}})
        time.sleep(1.0)
    ended = run.end(execution)
    found = json.loads(ended["output"])
    assert {each["id"]: each["kind"] for each in run.differences(found["run"])} == {"run-orphan": "orphan"}
    assert found["totals"]["documents"] >= ITEMS
    assert run.run("repair")["totals"]["repaired"] == 1
    for name in changing:
        stack.put({**key(name), "state": {"S": "put"}})
    time.sleep(REFRESH_SECONDS)
    quiet = run.run("verify")
    assert quiet["in_step"] is True
    with with_environment(stack, SEEN_BUCKET=""):
        alone = run.run("verify")
    # The lab's table says no units of keys; what must be looked up is asked for by its ids before.
    assert alone["totals"]["requests"] > quiet["totals"]["requests"]


def test_a_pipeline_that_stands_still_for_a_while_makes_no_differences(run: Run) -> None:
    """Only its writes are refused, so that nothing tells the run; CloudWatch does when an invocation has ended."""
    stack, name = run.stack, "run-stalled"
    gate = stack.lab.gate_of(stack.outputs["collection_endpoint"])
    run.run("backfill")
    with with_environment(stack, WATCH_SECONDS=LATE_CLOUDWATCH):
        gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=429, count=None, ids=(name, "run-3", "run-4")))
        end = threading.Timer(STALL_SECONDS, gate.clear)
        end.start()
        try:
            stack.put({**key(name), "state": {"S": "new"}})
            stack.put({**key("run-3"), "state": {"S": "changed"}})
            stack.delete(key("run-4"))
            time.sleep(REFRESH_SECONDS)
            verified = run.run("verify")
        finally:
            end.cancel()
            gate.clear()
    assert run.differences(verified["run"]) == []
    assert verified["in_step"] is True
    stack.put({**key("run-4"), "state": {"S": "put"}})
    stack.delete(key(name))
    stack.until("all of it", lambda: stack.document("run-4") and not stack.document(name))


def test_a_backfill_whose_index_is_deleted_fails_and_one_begun_again_is_whole(run: Run) -> None:
    stack, since = run.stack, time.time()
    gate = stack.lab.gate_of(stack.outputs["collection_endpoint"])
    # Behind the probes that the run begins with.
    gate.inject(Fault(FaultKind.DELAY, path="_bulk", count=None, skip=2, seconds=SLOW_SECONDS))
    try:
        execution = run.start("backfill")
        stack.until("its parts", lambda: run.states.list_map_runs(executionArn=execution)["mapRuns"])
        url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}"
        requests.delete(url, timeout=10).raise_for_status()
        ended = run.end(execution)
    finally:
        gate.clear()
    assert ended["status"] == "FAILED"
    said = run.causes(ended)  # of a call that began behind the deletion, or of the run's end
    assert "RunRefusedError" in said, said
    assert "A backfill must go over all of it from the beginning" in said, said

    def noticed() -> bool:
        """The sync function looks at its index once a minute, when it writes: then its signal precedes what follows."""
        stack.put({**key("run-5"), "state": {"S": f"put at {time.time()}"}})
        return any(line.get("RepairNeeded") for line in stack.log_lines(since))

    stack.until("repair needed", noticed, 120)
    run.run("backfill")
    time.sleep(REFRESH_SECONDS)
    assert run.run("verify")["in_step"] is True
    assert stack.comparison().in_step


def test_of_two_runs_at_once_the_second_is_refused(run: Run) -> None:
    first, second = run.start("verify"), run.start("verify")
    ends = [run.end(first), run.end(second)]
    assert [each["status"] for each in ends] == ["SUCCEEDED", "FAILED"]
    assert ends[1]["error"] == "RunRefusedError"
    assert first.rpartition(":")[2] in ends[1]["cause"]


def test_a_call_that_lambda_has_no_room_for_is_waited_out(run: Run) -> None:
    """More often than any other error is: each of these waits is a tenth of AWS's."""
    functions, name = run.stack.lab.boto3_client("lambda"), run.stack.outputs["reconciliation_function_name"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        execution = run.start("backfill")
        run.stack.until("throttled calls", lambda: run.failures(execution).count(THROTTLED) > 7, 120)
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert run.end(execution)["status"] == "SUCCEEDED"
    assert set(run.failures(execution)) == {THROTTLED}


def test_a_run_that_would_leave_the_sync_function_no_room_is_refused(run: Run) -> None:
    """The sync function reserves all but seven, as many as an account of ten may have."""
    functions, name = run.stack.lab.boto3_client("lambda"), run.stack.outputs["function_name"]
    room = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=room - 7)
    try:
        ended = run.end(run.start("verify"))
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert ended["error"] == "RunRefusedError"
    assert "reconciliation.concurrency is 4" in ended["cause"]
    assert "at most 3" in ended["cause"]


@contextmanager
def without(stack: Applied, role: str, action: str) -> Iterator[None]:
    """The stack without one permission of a role of the run."""
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
def test_without_this_permission_a_run_fails_and_says_so_and_a_redrive_ends_it(
    run: Run, role: str, action: str, task: str
) -> None:
    if action == "sqs:SendMessage":
        # The stream's own message comes first; the run has one of its own to send.
        run.stack.put({**key("run-poison"), "a..b": {"S": "no field of a document"}})
        run.stack.until("the stream's message", run.stack.failure_messages)
    if action == "dynamodb:BatchGetItem":  # what agrees is not looked up
        damage(run.stack, "run-looked-up", {"id": "run-looked-up"})
        time.sleep(REFRESH_SECONDS)
    with without(run.stack, role, action):
        ended = run.end(execution := run.start(task))
        assert ended["status"] == "FAILED"
        said = run.causes(ended)
        assert action in said or (action == "aoss:APIAccessAll" and "data access policy" in said), said
    assert run.redrive(execution)["status"] == "SUCCEEDED"
    if action == "sqs:SendMessage":
        assert [each["key"] for each in run.stack.failure_messages()] == [key("run-poison")]
        run.stack.delete(key("run-poison"))


@pytest.mark.parametrize("permission", ["aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"])
def test_without_this_data_access_a_run_says_so_and_a_redrive_ends_it(run: Run, permission: str) -> None:
    aoss, name = run.stack.lab.boto3_client("opensearchserverless"), "dynamodb-to-opensearch-runs"

    def put_policy(policy: Any) -> None:
        version = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policyVersion"]
        aoss.update_access_policy(type="data", name=name, policyVersion=version, policy=json.dumps(policy))

    before = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policy"]
    without_it = json.loads(json.dumps(before))
    without_it[0]["Rules"][0]["Permission"].remove(permission)
    put_policy(without_it)
    try:
        ended = run.end(execution := run.start("backfill" if permission == "aoss:WriteDocument" else "verify"))
    finally:
        put_policy(before)
    assert ended["status"] == "FAILED"
    assert "data access policy" in run.causes(ended)
    assert run.redrive(execution)["status"] == "SUCCEEDED"


def test_without_redrive_permission_the_parts_stay_where_they_are(run: Run) -> None:
    with without(run.stack, FUNCTION_ROLE, "dynamodb:Scan"):
        execution = run.start("backfill")
        run.end(execution)
    with without(run.stack, MACHINE_ROLE, "states:RedriveExecution"):
        assert "states:RedriveExecution" in run.redrive(execution)["cause"]
    assert run.redrive(execution)["status"] == "SUCCEEDED"


def test_a_stopped_run_goes_on_when_it_is_redriven(run: Run) -> None:
    execution = run.start("backfill")
    run.states.stop_execution(executionArn=execution)
    assert run.end(execution)["status"] == "ABORTED"
    ended = run.redrive(execution)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["totals"]["items"] >= ITEMS
