"""State machines in the lab: Distributed Maps, stops, redrives and roles, as AWS runs them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.stack import Lab
from tests.support.small_machine import SmallMachine
from tests.support.small_stack import wait_until


def test_a_child_is_an_execution_of_its_own(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        ended = machine.end(execution := machine.start([7]))
        assert ended["status"] == "SUCCEEDED", ended
        assert json.loads(ended["output"]) == [{"items": 3, "text": ""}]
        run = machine.map_run(execution)
        (child,) = machine.executions_of(run)
        history = machine.states.get_execution_history(executionArn=child["executionArn"])["events"]
    assert json.loads(child["input"])["parent"] == execution
    assert child["mapRunArn"] == run["mapRunArn"]
    kinds = [each["type"] for each in history]
    assert kinds.count("TaskStateEntered") == kinds.count("TaskSucceeded") == 3
    assert kinds[0] == "ExecutionStarted"
    assert kinds[-1] == "ExecutionSucceeded"


def test_a_definition_with_a_state_name_twice_is_refused(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        described = machine.states.describe_state_machine(stateMachineArn=machine.arn)
        definition = json.loads(described["definition"])
        inner = definition["States"]["Parts"]["ItemProcessor"]
        inner["States"]["Parts"] = inner["States"].pop(inner["StartAt"])
        inner["StartAt"] = inner["States"]["Done"]["Default"] = "Parts"
        text = json.dumps(definition)
        found = machine.states.validate_state_machine_definition(definition=text)
        assert (found["result"], [each["code"] for each in found["diagnostics"]]) == ("FAIL", ["DUPLICATE_STATE_NAME"])
        with pytest.raises(ClientError, match=r"InvalidDefinition.*DUPLICATE_STATE_NAME.*Parts"):
            machine.states.update_state_machine(stateMachineArn=machine.arn, definition=text)
        with pytest.raises(ClientError, match=r"InvalidDefinition.*DUPLICATE_STATE_NAME.*Parts"):
            machine.states.create_state_machine(name=f"{machine.name}-2", roleArn=described["roleArn"], definition=text)
        assert (
            machine.states.describe_state_machine(stateMachineArn=machine.arn)["definition"] == described["definition"]
        )
        good = machine.states.validate_state_machine_definition(definition=described["definition"])
        assert (good["result"], good["diagnostics"]) == ("OK", [])


def test_a_machine_that_is_gone_is_deleted_again_without_an_error(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.states.delete_state_machine(stateMachineArn=machine.arn)
        machine.states.delete_state_machine(stateMachineArn=machine.arn)


def test_a_childs_context_is_its_own(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        processor = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Say",
            "States": {"Say": {"Type": "Pass", "Parameters": {"execution.$": "$$.Execution.Id"}, "End": True}},
        }
        definition = json.loads(machine.states.describe_state_machine(stateMachineArn=machine.arn)["definition"])
        definition["States"]["Parts"]["ItemProcessor"] = processor
        machine.states.update_state_machine(stateMachineArn=machine.arn, definition=json.dumps(definition))
        execution = machine.start([1, 2])
        said = json.loads(machine.end(execution)["output"])
        children = machine.executions_of(machine.map_run(execution))
    assert sorted(each["execution"] for each in said) == sorted(each["executionArn"] for each in children)
    assert execution not in {each["execution"] for each in said}


def test_no_more_children_run_at_once_than_the_map_allows(lab: Lab) -> None:
    with SmallMachine(lab, concurrency=2) as machine:
        machine.behave(SLEEP="1,2,3,4")
        execution = machine.start([1, 2, 3, 4])
        seen = set()
        while machine.states.describe_execution(executionArn=execution)["status"] == "RUNNING":
            for found in machine.states.list_map_runs(executionArn=execution)["mapRuns"]:
                run = machine.states.describe_map_run(mapRunArn=found["mapRunArn"])
                seen.add(run["executionCounts"]["running"])
        assert max(seen) == 2
        # Each call under way has a sandbox of its own, as on AWS.
        assert len({each["pid"] for each in machine.printed()}) == 2


def test_a_failed_child_ends_the_map_run_and_stops_the_others(lab: Lab) -> None:
    with SmallMachine(lab, concurrency=2) as machine:
        machine.behave(REFUSE="bad", SLEEP="slow")
        execution = machine.start(["slow", "bad", "never"])
        ended = machine.end(execution)
        assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        run = machine.map_run(execution)
        children = machine.executions_of(run)
        assert run["status"] == "FAILED"
        counts = run["executionCounts"]
        assert (counts["aborted"], counts["failed"], counts["pending"]) == (1, 1, 1)
        assert sorted(each["status"] for each in children) == ["ABORTED", "FAILED"]
        (failed,) = (each for each in children if each["status"] == "FAILED")
        assert failed["error"] == "RunRefusedError"
        assert failed["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
        assert machine.calls().count(("bad", 1)) == 1, "a refusal was repeated"
        wait_until("the stopped child's call", lambda: ("slow", 0) in machine.calls())
        assert ("slow", 1) not in machine.calls()


def test_a_redrive_goes_on_where_the_child_failed(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(REFUSE="b")
        execution = machine.start(["a", "b", "c"])
        failed = machine.end(execution)
        assert (failed["redriveStatus"], failed["redriveCount"]) == ("REDRIVABLE", 0)
        run = machine.map_run(execution)
        machine.behave()
        ended = machine.redrive(execution)
        assert ended["status"] == "SUCCEEDED", ended
        assert (ended["redriveCount"], ended["redriveStatus"]) == (1, "NOT_REDRIVABLE")
        assert json.loads(ended["output"]) == [{"items": 3, "text": ""}] * 3
        again = machine.map_run(execution)
        assert again["mapRunArn"] == run["mapRunArn"]
        assert again["redriveCount"] == 1
        calls = machine.calls()
    assert [calls.count(("a", call)) for call in range(3)] == [1, 1, 1]
    assert [calls.count(("b", call)) for call in range(3)] == [1, 2, 1]
    assert [calls.count(("c", call)) for call in range(3)] == [1, 1, 1]


def test_a_redrive_keeps_to_the_definition_that_the_execution_began_with(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(REFUSE="a")
        machine.end(execution := machine.start(["a"]))
        changed = {"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}
        machine.states.update_state_machine(stateMachineArn=machine.arn, definition=json.dumps(changed))
        machine.behave()
        assert json.loads(machine.redrive(execution)["output"]) == [{"items": 3, "text": ""}]


def test_a_stop_reaches_the_children_and_a_redrive_goes_on(lab: Lab) -> None:
    with SmallMachine(lab, concurrency=2) as machine:
        machine.behave(SLEEP="a,b")
        execution = machine.start(["a", "b", "c"])
        wait_until("two children", lambda: machine.map_run(execution)["executionCounts"]["running"] == 2)
        machine.states.stop_execution(executionArn=execution)
        run = machine.map_run(execution)
        assert run["status"] == "ABORTED"
        assert [each["status"] for each in machine.executions_of(run)] == ["ABORTED", "ABORTED"]
        assert machine.end(execution)["status"] == "ABORTED"
        machine.behave()
        ended = machine.redrive(execution)
        assert json.loads(ended["output"]) == [{"items": 3, "text": ""}] * 3


def test_what_succeeded_or_runs_is_not_redriven(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(SLEEP="a")
        execution = machine.start(["a"])
        for _ in range(2):
            with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
                machine.states.redrive_execution(executionArn=execution)
            machine.end(execution)
        with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
            machine.states.redrive_execution(executionArn=f"{execution}x")


def test_a_passing_error_is_repeated(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(ONCE="a")
        assert machine.end(machine.start(["a"]))["status"] == "SUCCEEDED"
        assert machine.calls().count(("a", 1)) == 2


@pytest.mark.parametrize("member", ["ItemReader", "ItemBatcher", "ResultWriter"])
def test_a_member_of_a_map_that_the_lab_does_not_know_is_refused(lab: Lab, member: str) -> None:
    unknown: dict[str, Any] = {member: {}}
    with SmallMachine(lab, **unknown) as machine:
        refused = machine.end(machine.start(["a"]))
        assert (refused["status"], member in refused["cause"]) == ("FAILED", True)


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("states:StartExecution", "States.Runtime"),
        ("states:DescribeExecution", "States.Runtime"),
        ("lambda:InvokeFunction", "States.ExceedToleratedFailureThreshold"),
    ],
)
def test_without_this_permission_of_its_role_a_run_fails(lab: Lab, action: str, error: str) -> None:
    with SmallMachine(lab) as machine:
        machine.forbid(action)
        execution = machine.start(["a"])
        ended = machine.end(execution)
        assert (ended["status"], ended["error"]) == ("FAILED", error)
        if action == "lambda:InvokeFunction":
            (child,) = machine.executions_of(machine.map_run(execution))
            assert child["error"] == "Lambda.AWSLambdaException"
        assert machine.calls() == []
        machine.forbid()
        assert machine.redrive(execution)["status"] == "SUCCEEDED"


def test_without_redrive_permission_children_stay_where_they_are(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(REFUSE="a")
        machine.end(execution := machine.start(["a"]))
        machine.behave()
        machine.forbid("states:RedriveExecution")
        assert "states:RedriveExecution" in machine.redrive(execution)["cause"]
        machine.forbid()
        assert machine.redrive(execution)["status"] == "SUCCEEDED"


def test_a_rule_starts_the_machine_with_its_targets_role(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        rule, events = machine.name, lab.boto3_client("events")
        events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))
        target = {"Id": "reconcile", "Arn": machine.arn, "RoleArn": machine.rule_role(), "Input": '{"parts": ["a"]}'}
        events.put_targets(Rule=rule, Targets=[target])
        entry = {"Source": rule, "DetailType": "x", "Detail": "{}"}

        def executions() -> list[dict[str, str]]:
            return list(machine.states.list_executions(stateMachineArn=machine.arn)["executions"])

        events.put_events(Entries=[entry])
        assert executions() == []
        machine.let_the_rule_start()
        events.put_events(Entries=[entry])
        (found,) = wait_until("an execution", executions)
        assert machine.end(found["executionArn"])["input"] == '{"parts": ["a"]}'


def test_an_ending_lab_waits_for_no_function() -> None:
    with Lab.start() as lab:
        machine = SmallMachine(lab)
        machine.behave(SLEEP="a", SECONDS="600")
        execution = machine.start(["a"])
        wait_until("the call", lambda: machine.map_run(execution)["executionCounts"]["running"] == 1)
        # The worker is started by the call.
        wait_until("the worker", lambda: lab.state()["functions_under_way"] == 1)
        # As its parent's sudden end does: the process alone is told, not the functions' too.
        lab.cloud_process.terminate()
        assert lab.cloud_process.wait(60) == 0


def test_results_over_256_kib_are_refused(lab: Lab) -> None:
    selector = {"part.$": "$$.Map.Item.Value", "call": 0, "size.$": "$.size"}
    with SmallMachine(lab, ItemSelector=selector) as machine:
        assert machine.end(machine.start([1, 2], size=120_000))["status"] == "SUCCEEDED"
        ended = machine.end(machine.start([1, 2, 3], size=120_000))
        assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
