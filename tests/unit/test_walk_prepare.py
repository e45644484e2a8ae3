"""What is looked at before a walk begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from searchsync.config import read_environment
from searchsync.errors import StackError, WalkRefusedError
from searchsync.walk.prepare import (
    SEGMENT_BYTES,
    Account,
    Export,
    Order,
    TableFacts,
    check_age,
    check_table,
    check_trigger,
    other_walk,
    read_order,
    segments,
    settling,
)
from searchsync.walk.settings import LONGEST_SETTLE, Settings
from tests.support.events import NOW, STREAM_ARN, environment

CONFIG = read_environment(environment())
SETTINGS = Settings(30.0, None, 4, None, "sync", "arn:machine")
EXPORT = {"bucket": "b", "manifest": "x/manifest-files.json", "exported_at": NOW, "items": 10}


@pytest.mark.parametrize(
    ("event", "order"),
    [
        ({"task": "backfill"}, Order("backfill", None)),
        ({"task": "verify", "export": None}, Order("verify", None)),
        ({"task": "repair"}, Order("repair", None)),
        ({"task": "backfill", "export": EXPORT}, Order("backfill", Export("b", EXPORT["manifest"], float(NOW), 10))),  # type: ignore[arg-type]
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
        ({"task": "backfill", "export": {}}, "bucket"),
        ({"task": "backfill", "export": []}, "manifest"),
        ({"task": "backfill", "export": {**EXPORT, "bucket": ""}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "exported_at": "2026-01-01"}}, "exported_at"),
        ({"task": "backfill", "export": {**EXPORT, "exported_at": "nan"}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "exported_at": 1e999}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "exported_at": 0}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "items": -1}}, "out of range"),
        ({"task": "backfill", "export": {**EXPORT, "items": 1e999}}, "OverflowError"),
        ({"task": "backfill", "export": {**EXPORT, "items": None}}, "items"),
    ],
)
def test_a_bad_input_is_refused_with_what_is_wrong(event: Any, said: str) -> None:
    with pytest.raises(WalkRefusedError, match=said):
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
        with pytest.raises(WalkRefusedError, match=said):
            check_table(facts, CONFIG)


def test_a_load_needs_a_trigger_that_is_off_and_never_read() -> None:
    check_trigger({"State": "Disabled", "LastProcessingResult": "No records processed"})
    check_trigger({"State": "Disabled"})
    for trigger, said in (
        (None, "has no trigger"),
        ({"State": "Enabled"}, "is Enabled"),
        ({"State": "Disabling"}, "is Disabling"),
        ({"State": "Disabled", "LastProcessingResult": "OK"}, "has read the stream before"),
    ):
        with pytest.raises(WalkRefusedError, match=said):
            check_trigger(trigger)


HOUR = 3_600.0


@pytest.mark.parametrize(
    ("age", "items", "lanes", "said"),
    [
        (1 * HOUR, 0, 1, ""),
        (23.9 * HOUR, 0, 1, ""),
        (24.1 * HOUR, 0, 1, "24 h that the stream keeps"),
        (20 * HOUR, 500 * 3_600, 1, ""),
        (20 * HOUR, 500 * 3_600 * 3, 1, "its load and drain may take 6.0 h"),
        (20 * HOUR, 500 * 3_600 * 3, 4, ""),
        (-60.0, 0, 1, "60 s in the future"),
    ],
)
def test_a_load_must_be_done_while_the_stream_keeps_what_came_since(
    age: float, items: int, lanes: int, said: str
) -> None:
    export = Export("b", "m", NOW - age, items)
    if not said:
        check_age(export, NOW, lanes)
        return
    with pytest.raises(WalkRefusedError, match=said):
        check_age(export, NOW, lanes)


def test_segments_follow_the_tables_size() -> None:
    assert segments(0, 4) == 4
    assert segments(SEGMENT_BYTES * 9 + 1, 4) == 10
    assert segments(10**15, 4) == 1_000


def test_the_settling_time_is_the_lag_and_a_refresh_where_that_is_longer() -> None:
    assert settling(30.0, 0.0) == 30.0
    assert settling(30.0, 19.0) == 30.0
    assert settling(30.0, 25.0) == 35.0
    assert settling(30.0, LONGEST_SETTLE - 10.0) == LONGEST_SETTLE
    with pytest.raises(WalkRefusedError, match="300 s behind"):
        settling(30.0, 300.0)


def walk(name: str, second: int) -> dict[str, Any]:
    return {"executionArn": f"arn:{name}", "name": name, "startDate": datetime.fromtimestamp(second, UTC)}


def test_of_two_walks_the_later_one_is_refused() -> None:
    first, second, same = walk("first", 1), walk("second", 2), walk("same", 2)
    assert other_walk([first], "arn:first") is None
    assert other_walk([first, second], "arn:first") is None
    assert other_walk([first, second], "arn:second") == "first"
    assert {other_walk([second, same], each) for each in ("arn:second", "arn:same")} == {None, "same"}
    assert other_walk([second], "arn:not-listed-yet") == "second"


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
    with pytest.raises(WalkRefusedError, match="There is no table"):
        account.table()


class Answering:
    """AWS clients that give one answer, or an error, to whatever they are asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
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


def test_what_aws_refuses_names_the_permission() -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "x")
    asks: tuple[tuple[str, Callable[[Account], object], str], ...] = (
        ("cloudwatch", lambda asking: asking.lag(NOW), "cloudwatch:GetMetricStatistics"),
        ("lambda", lambda asking: asking.trigger(), "lambda:ListEventSourceMappings"),
        ("stepfunctions", lambda asking: asking.running_walks(), "states:ListExecutions"),
        ("dynamodb", lambda asking: asking.table(), "dynamodb:DescribeTable"),
    )
    for service, ask, permission in asks:
        with pytest.raises(StackError, match=permission):
            ask(account(service, denied)[0])
