"""What is looked at before a run begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from searchsync.config import read_environment
from searchsync.edges.wire import AS_SENT
from searchsync.errors import PipelineLateError, RunRefusedError, StackError
from searchsync.limits import LONGEST_RECHECK_DELAY, MOST_SEGMENTS, SEGMENT_BYTES
from searchsync.reconcile.manifest import Asked, Export
from searchsync.reconcile.prepare import (
    Account,
    Order,
    TableFacts,
    check_age,
    check_alone,
    check_stream,
    check_table,
    check_trigger,
    read_order,
    recheck_delay,
    segments,
)
from searchsync.reconcile.settings import Settings
from tests.support.events import NOW, STREAM_ARN, environment

CONFIG = read_environment(environment())
SETTINGS = Settings(30.0, None, 4, None, None, "sync", "arn:machine")
ARN = f"{STREAM_ARN.partition('/stream/')[0]}/export/01693685827463-2d8752fd"
EXPORT = {"arn": ARN}


@pytest.mark.parametrize(
    ("event", "order"),
    [
        ({"task": "backfill"}, Order("backfill", None)),
        ({"task": "verify", "export": None}, Order("verify", None)),
        ({"task": "repair"}, Order("repair", None)),
        ({"task": "backfill", "export": EXPORT}, Order("backfill", Asked(ARN))),
        ({"task": "backfill", "export": {**EXPORT, "rate": 9}}, Order("backfill", Asked(ARN, 9.0))),
    ],
)
def test_an_input_is_an_order(event: Any, order: Order) -> None:
    assert read_order(event) == order


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ({}, "backfill, verify, repair"),
        ({"task": "destroy"}, "'destroy'"),
        ({"task": ["verify"]}, "verify"),
        ({"task": "verify", "segments": 4}, "segments"),
        ({"task": "verify", "export": EXPORT}, "goes with the task backfill"),
        ({"task": "backfill", "export": {}}, "arn"),
        ({"task": "backfill", "export": []}, "list-exports"),
        ({"task": "backfill", "export": {**EXPORT, "bucket": "b"}}, "no such member: bucket"),
        ({"task": "backfill", "export": {**EXPORT, "rate": 0}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "rate": "fast"}}, "rate"),
    ],
)
def test_a_bad_input_is_refused_with_what_is_wrong(event: Any, said: str) -> None:
    with pytest.raises(RunRefusedError, match=said):
        read_order(event)


def test_a_table_that_is_not_the_configured_one_is_refused() -> None:
    good = TableFacts({"id": "S"}, 1, STREAM_ARN)
    check_table(good, CONFIG)
    for facts, said in (
        (TableFacts({"other": "S"}, 1, STREAM_ARN), "KEY_ATTRIBUTES"),
        (TableFacts({"id": "S", "r": "N"}, 1, STREAM_ARN), "KEY_ATTRIBUTES"),
        (TableFacts({"id": "S"}, 1, None), "stream of the table .* is off"),
        (TableFacts({"id": "S"}, 1, STREAM_ARN + "-new"), "the trigger reads"),
    ):
        with pytest.raises(RunRefusedError, match=said):
            check_table(facts, CONFIG)


OFF = {"State": "Disabled", "StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 79_200}


def test_a_load_needs_a_trigger_that_is_off_and_never_read_and_begins_at_the_beginning() -> None:
    check_trigger({**OFF, "LastProcessingResult": "No records processed"})
    assert check_trigger(OFF) == OFF
    for trigger, said in (
        (None, "has no trigger"),
        ({**OFF, "State": "Enabled"}, "is Enabled"),
        ({**OFF, "State": "Disabling"}, "is Disabling"),
        ({**OFF, "LastProcessingResult": "OK"}, "has read the stream before"),
        ({**OFF, "LastProcessingResult": "PROBLEM: Function call failed"}, "has read the stream before"),
        ({**OFF, "StartingPosition": "LATEST"}, "starts at LATEST"),
        ({"State": "Disabled"}, "starts at None"),
    ):
        with pytest.raises(RunRefusedError, match=said):
            check_trigger(trigger)


HOUR = 3_600.0


@pytest.mark.parametrize(
    ("age", "items", "lanes", "rate", "said"),
    [
        (1 * HOUR, 0, 1, None, ""),
        (-60.0, 0, 1, None, "60 s in the future"),
        # age + load + (age + load) / 4 <= 22 h, so age + load <= 17.6 h.
        (17.6 * HOUR - 1, 0, 1, None, ""),
        (17.6 * HOUR + 1, 0, 1, None, "lost after 22.0 h"),
        (16 * HOUR, 500 * 3_600, 1, None, ""),
        (16 * HOUR, 500 * 3_600 * 2, 1, None, "16.0 h old, its load takes about 2.0 h at 500 .* then 4.5 h more"),
        (16 * HOUR, 500 * 3_600 * 2, 2, None, ""),
        (16 * HOUR, 500 * 3_600 * 2, 1, 1_500.0, ""),
        (16 * HOUR, 500 * 3_600 * 2, 4, 500.0, "at 500 items"),
    ],
)
def test_a_load_must_be_done_and_drained_before_the_first_change_since_is_too_old(
    age: float, items: int, lanes: int, rate: float | None, said: str
) -> None:
    export = Export("b", "m", NOW - age, items, rate)
    if not said:
        check_age(export, OFF, NOW, lanes)
        return
    with pytest.raises(RunRefusedError, match=said):
        check_age(export, OFF, NOW, lanes)


@pytest.mark.parametrize(
    ("maximum", "hours"), [(79_200, 17.6), (86_400, 19.2), (604_800, 19.2), (-1, 19.2), (None, 19.2), (3_600, 0.8)]
)
def test_the_shorter_of_the_streams_day_and_the_triggers_maximum_age_counts(maximum: int | None, hours: float) -> None:
    trigger = {**OFF, "MaximumRecordAgeInSeconds": maximum}
    check_age(Export("b", "m", NOW - hours * HOUR + 1, 0), trigger, NOW, 4)
    with pytest.raises(RunRefusedError, match="not time enough"):
        check_age(Export("b", "m", NOW - hours * HOUR - 1, 0), trigger, NOW, 4)


def test_an_export_from_before_the_stream_is_refused() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    check_stream(Export("b", "m", began, 0), STREAM_ARN)
    with pytest.raises(RunRefusedError, match=r"2\.0 h older than the table's stream"):
        check_stream(Export("b", "m", began - 2 * HOUR, 0), STREAM_ARN)
    check_stream(Export("b", "m", 1.0, 0), STREAM_ARN.replace("2026-01-01T00:00:00.000", "label"))


def test_segments_follow_the_tables_size() -> None:
    assert segments(0, 4) == 4
    assert segments(SEGMENT_BYTES * 9 + 1, 4) == 10
    assert segments(10**15, 4) == MOST_SEGMENTS


def test_the_settling_time_is_the_lag_and_a_refresh_where_that_is_longer() -> None:
    assert recheck_delay(30.0, 0.0) == 30.0
    assert recheck_delay(30.0, 19.0) == 30.0
    assert recheck_delay(30.0, 25.0) == 35.0
    assert recheck_delay(30.0, LONGEST_RECHECK_DELAY - 10.0) == LONGEST_RECHECK_DELAY
    with pytest.raises(PipelineLateError, match="300 s behind"):
        recheck_delay(30.0, 300.0)


def second(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)


def run(name: str, began: int, **more: Any) -> dict[str, Any]:
    return {"executionArn": f"arn:machine:{name}", "name": name, "startDate": second(began), **more}


@pytest.mark.parametrize(
    ("running", "goes_on"),
    [
        ([run("first", 1)], "first"),
        ([run("first", 1), run("second", 2), run("third", 3)], "first"),
        ([run("later", 2), run("a", 2), run("z", 2)], "a"),  # at the same time: by name
        ([run("redriven", 1, redriveDate=second(5)), run("running", 3)], "running"),
    ],
)
def test_of_runs_that_run_together_one_goes_on_whoever_is_missing_from_each_ones_list(
    running: list[dict[str, Any]], goes_on: str
) -> None:
    for mine in running:
        name, began = str(mine["name"]), mine.get("redriveDate") or mine["startDate"]
        for listed in (running, [each for each in running if each is not mine]):
            if name == goes_on:
                check_alone(listed, name, began)
            else:
                with pytest.raises(RunRefusedError, match=f"Another run is running, '{goes_on}'"):
                    check_alone(listed, name, began)
        check_alone([], name, began)  # no list shows the others yet
        check_alone([each for each in running if each is not mine], name)  # nor what we know of ourselves


@mock_aws
def test_the_tables_facts_are_read_in_key_order() -> None:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    client.create_table(
        TableName=CONFIG.table_name,
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "a", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "a", "AttributeType": "N"},
            {"AttributeName": "h", "AttributeType": "B"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    account = Account({"dynamodb": client}, CONFIG, SETTINGS)
    facts = account.table()
    assert list(facts.types.items()) == [("h", "B"), ("a", "N")]
    assert facts.stream_arn is None
    client.update_table(
        TableName=CONFIG.table_name,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    assert account.table().stream_arn is not None
    client.delete_table(TableName=CONFIG.table_name)
    with pytest.raises(RunRefusedError, match="There is no table"):
        account.table()


class Answering:
    """AWS clients that give one answer, or an error, to whatever they are asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **request: Any) -> Any:
            self.asked.append(request)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


def account(service: str, answer: Any) -> tuple[Account, Answering]:
    client = Answering(answer)
    return Account({service: client}, CONFIG, SETTINGS), client


def test_the_lag_is_the_functions_latest_iterator_age_in_seconds() -> None:
    asking, client = account("cloudwatch", {"Datapoints": [{"Maximum": 1_500.0}, {"Maximum": 7_000.0}]})
    assert asking.lag(NOW) == 7.0
    (request,) = client.asked
    assert request["Dimensions"] == [{"Name": "FunctionName", "Value": "sync"}]
    assert request["EndTime"].timestamp() == NOW
    assert account("cloudwatch", {"Datapoints": []})[0].lag(NOW) == 0.0


def test_the_trigger_is_the_one_on_our_stream() -> None:
    asking, client = account("lambda", {"EventSourceMappings": [{"State": "Enabled"}]})
    assert asking.trigger() == {"State": "Enabled"}
    assert client.asked == [{"FunctionName": "sync", "EventSourceArn": STREAM_ARN}]
    assert account("lambda", {"EventSourceMappings": []})[0].trigger() is None


def test_the_running_runs_are_all_pages_of_them_and_no_children_of_a_map() -> None:
    client = boto3.client("stepfunctions", region_name="eu-central-1")
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile"
    asked = {"stateMachineArn": machine, "statusFilter": "RUNNING"}

    def listed(name: str, map_: str = "") -> dict[str, Any]:
        arn = f"{machine.replace('stateMachine', 'execution')}{map_}:{name}"
        found = {"executionArn": arn, "stateMachineArn": machine, "name": name, "status": "RUNNING"}
        return {**found, "startDate": second(1)}

    with Stubber(client) as stub:
        first = {"executions": [listed("b"), listed("child", "/Table")], "nextToken": "more"}
        stub.add_response("list_executions", first, asked)
        stub.add_response("list_executions", {"executions": [listed("a")]}, {**asked, "nextToken": "more"})
        account = Account({"stepfunctions": client}, CONFIG, replace(SETTINGS, state_machine_arn=machine))
        assert [each["name"] for each in account.running()] == ["b", "a"]


def test_an_export_is_what_dynamodb_says_of_it_unparsed() -> None:
    described = {"ExportStatus": "COMPLETED", "FilterSpecification": {"FilterExpression": "a = :b"}}
    asking, client = account("dynamodb", {"ExportDescription": described, AS_SENT: True})
    assert asking.export(ARN) == described
    assert client.asked == [{"ExportArn": ARN}]
    unknown = ClientError({"Error": {"Code": "ExportNotFoundException"}}, "x")
    with pytest.raises(RunRefusedError, match=r"knows no export .* list-exports"):
        account("dynamodb", unknown)[0].export(ARN)
    with pytest.raises(StackError, match="botocore hides whether an export is whole"):
        account("dynamodb", {"ExportDescription": described})[0].export(ARN)


def test_what_aws_refuses_names_the_permission() -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "x")
    asks: tuple[tuple[str, Callable[[Account], object], str], ...] = (
        ("cloudwatch", lambda asking: asking.lag(NOW), "cloudwatch:GetMetricStatistics"),
        ("lambda", lambda asking: asking.trigger(), "lambda:ListEventSourceMappings"),
        ("stepfunctions", lambda asking: asking.running(), "states:ListExecutions"),
        ("dynamodb", lambda asking: asking.table(), "dynamodb:DescribeTable"),
        ("dynamodb", lambda asking: asking.export(ARN), "dynamodb:DescribeExport"),
    )
    for service, ask, permission in asks:
        with pytest.raises(StackError, match=permission):
            ask(account(service, denied)[0])
