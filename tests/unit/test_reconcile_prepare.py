"""What is looked at before a run begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from searchsync.config import read_environment
from searchsync.errors import ExportRefusedError, PipelineLateError, RunRefusedError
from searchsync.limits import LONGEST_RECHECK_DELAY, MOST_SEGMENTS, SEGMENT_BYTES
from searchsync.reconcile.manifest import Asked, Export
from searchsync.reconcile.prepare import (
    Order,
    TableFacts,
    check_age,
    check_alone,
    check_lanes,
    check_stream,
    check_table,
    check_trigger,
    read_capacity,
    read_order,
    recheck_delay,
    segments,
    trigger_by,
    units,
)
from searchsync.reconcile.settings import Settings
from tests.support.events import NOW, STREAM_ARN, environment

CONFIG = read_environment(environment())
SETTINGS = Settings(30.0, None, 4, None, None, "sync", "arn:machine")
ARN = f"{STREAM_ARN.partition('/stream/')[0]}/export/01693685827463-2d8752fd"
EXPORT = {"arn": ARN}
ON_DEMAND = {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}


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
        (16 * HOUR, 500 * 3_600 * 2, 1, None, "16.0 h old, its load takes about 2.0 h at 500 .* then take 4.5 h more"),
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
        check_age(export, OFF, NOW, lanes, STREAM_ARN)
        return
    wrong = RunRefusedError if age < 0 else ExportRefusedError
    with pytest.raises(wrong, match=said):
        check_age(export, OFF, NOW, lanes, STREAM_ARN)


@pytest.mark.parametrize(
    ("maximum", "hours"), [(79_200, 17.6), (86_400, 19.2), (604_800, 19.2), (-1, 19.2), (None, 19.2), (3_600, 0.8)]
)
def test_the_shorter_of_the_streams_day_and_the_triggers_maximum_age_counts(maximum: int | None, hours: float) -> None:
    trigger = {**OFF, "MaximumRecordAgeInSeconds": maximum}
    check_age(Export("b", "m", NOW - hours * HOUR + 1, 0), trigger, NOW, 4, STREAM_ARN)
    with pytest.raises(RunRefusedError, match="not time enough"):
        check_age(Export("b", "m", NOW - hours * HOUR - 1, 0), trigger, NOW, 4, STREAM_ARN)


def test_a_load_that_goes_on_later_may_do_so_until_what_changed_since_can_no_more_be_read() -> None:
    """However much it had left when it began: what it took is in the export's age, or still to come."""
    for age, good in ((17.6 * HOUR - 1, True), (17.6 * HOUR + 1, False), (72 * HOUR, False)):
        export = Export("exports", "m", NOW - age, 10**12, 1.0)
        assert (trigger_by(export, OFF) >= NOW) is good
        if good:
            check_age(export, OFF, NOW, None, STREAM_ARN)
            continue
        with pytest.raises(ExportRefusedError) as refused:
            check_age(export, OFF, NOW, None, STREAM_ARN)
        table = STREAM_ARN.partition("/stream/")[0]
        command = f"`aws dynamodb export-table-to-point-in-time --table-arn {table} --s3-bucket exports`"
        assert command in str(refused.value)
        assert "its load takes" not in str(refused.value)


def test_an_export_from_before_the_stream_is_refused() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    check_stream(Export("b", "m", began, 0), STREAM_ARN)
    with pytest.raises(ExportRefusedError, match=r"2\.0 h older than the table's stream"):
        check_stream(Export("b", "m", began - 2 * HOUR, 0), STREAM_ARN)
    check_stream(Export("b", "m", 1.0, 0), STREAM_ARN.replace("2026-01-01T00:00:00.000", "label"))


@pytest.mark.parametrize(
    ("table", "capacity"),
    [
        ({"ProvisionedThroughput": {"ReadCapacityUnits": 5}}, 5.0),  # never on demand: no BillingModeSummary
        (
            {"BillingModeSummary": {"BillingMode": "PROVISIONED"}, "ProvisionedThroughput": {"ReadCapacityUnits": 5}},
            5.0,
        ),
        ({**ON_DEMAND, "ProvisionedThroughput": {"ReadCapacityUnits": 0}}, None),
        ({**ON_DEMAND, "ProvisionedThroughput": {"ReadCapacityUnits": 5}}, None),  # what an emulation says
        ({**ON_DEMAND, "OnDemandThroughput": {"MaxReadRequestUnits": 40}}, 40.0),
        ({**ON_DEMAND, "OnDemandThroughput": {"MaxReadRequestUnits": -1}}, None),
        ({}, None),
    ],
)
def test_a_tables_read_capacity_is_what_it_throttles_beyond(table: dict[str, Any], capacity: float | None) -> None:
    assert read_capacity(table) == capacity


@pytest.mark.parametrize(
    ("set_units", "capacity", "lanes", "each"),
    [
        (None, None, 4, None),
        (None, 400.0, 4, 25.0),  # a quarter of it, all lanes together
        (None, 5.0, 100, 0.0125),
        (7.0, 400.0, 4, 7.0),  # as it is set, for each lane
        (7.0, None, 4, 7.0),
    ],
)
def test_a_run_that_is_not_told_how_much_takes_a_share_of_what_the_table_has(
    set_units: float | None, capacity: float | None, lanes: int, each: float | None
) -> None:
    facts = TableFacts({"id": "S"}, 1, STREAM_ARN, capacity=capacity)
    assert units(replace(SETTINGS, units=set_units, lanes=lanes), facts) == each


@pytest.mark.parametrize(
    ("lanes", "unreserved", "most"), [(4, 1_000, 500), (5, 10, 5), (6, 10, 5), (100, 10, 5), (1, 0, 1)]
)
def test_a_run_leaves_half_of_what_lambda_has_room_for_to_the_sync(lanes: int, unreserved: int, most: int) -> None:
    if lanes <= most:
        check_lanes(lanes, unreserved)
        return
    with pytest.raises(
        RunRefusedError, match=f"reconciliation.concurrency is {lanes}, .* for {unreserved} .* at most {most}"
    ):
        check_lanes(lanes, unreserved)


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
