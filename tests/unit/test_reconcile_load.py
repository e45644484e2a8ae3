"""Loads of an export: what is refused, at each of their steps, and what their results say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from searchsync.errors import (
    ExportRefusedError,
    RunRefusedError,
)
from tests.support.events import STREAM_ARN
from tests.support.reconcile_steps import (
    PREPARE,
    Bench,
    filled,
)

EXPORT_ARN = f"{STREAM_ARN.partition('/stream/')[0]}/export/01-ab"


@pytest.fixture
def bench() -> Bench:
    return filled()


def load(bench: Bench, **changed: Any) -> dict[str, Any]:
    """The input of a load of an export that is a minute old."""
    description = {"ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT", "ExportFormat": "DYNAMODB_JSON"}
    description |= {"S3Bucket": "b", "S3Prefix": "p", "ExportManifest": "AWSDynamoDB/01-ab/manifest-summary.json"}
    described = {"ExportTime": bench.world.clock.time - 60.0, "ItemCount": 10, **changed}
    bench.account.exports[EXPORT_ARN] = description | described
    return {**PREPARE, "input": {"task": "backfill", "export": {"arn": EXPORT_ARN, "rate": 10.0**6}}}


def test_a_load_is_refused_with_the_trigger_on_and_ends_when_it_is_turned_on(bench: Bench) -> None:
    order, exported = load(bench), float(int(bench.world.clock.time - 60.0))
    plan = bench.run(order)
    assert plan["export"] == {
        "bucket": "b",
        "manifest": "p/AWSDynamoDB/01-ab/manifest-files.json",
        "etag": "e",
        "exported_at": exported,
        "items": 10,
        "rate": 10.0**6,
    }
    assert (plan["of"], plan["segments"]) == (2, ["0-9", "10-19"])
    bench.account.mapping = {"State": "Enabled"}
    with pytest.raises(RunRefusedError, match="is Enabled"):
        bench.run(load(bench))
    state = {
        "step": "part",
        "task": "backfill",
        "run": "r",
        "recheck_delay": 30,
        "export": plan["export"],
        "position": None,
    }
    part = {"bucket": "b", "manifest": "m", "etag": "e", "lines": "0-9"}
    with pytest.raises(RunRefusedError, match="is Enabled"):
        bench.run({**state, "part": part, "call": 0, "totals": {}})


def loading(bench: Bench) -> tuple[dict[str, Any], dict[str, Any]]:
    """The events of a load's next call and of its end."""
    plan = bench.run(load(bench))
    carried = {name: plan[name] for name in ("task", "run", "export")}
    part = {"bucket": "b", "manifest": "m", "etag": "e", "lines": "0-9"}
    run = carried | {"step": "part", "recheck_delay": 30, "position": None, "part": part, "call": 0, "totals": {}}
    return run, carried | {"step": "finish", "started": plan["started"], "saw": plan["saw"], "results": [{"items": 1}]}


@pytest.mark.parametrize("step", ["part", "finish"])
def test_a_load_that_goes_on_days_later_writes_nothing_and_is_no_success(bench: Bench, step: str) -> None:
    """What has changed since the export is lost by then, and the trigger would bring none of it."""
    event = loading(bench)[step == "finish"]
    bench.world.clock.sleep(72 * 3_600.0)
    documents = dict(bench.world.index.documents)
    with pytest.raises(ExportRefusedError, match=r"72\.0 h old.*export-table-to-point-in-time --table-arn arn"):
        bench.run(event)
    assert bench.world.index.documents == documents
    assert bench.report.result is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda bench: bench.account.mapping.update(State="Enabled"), "is Enabled"),
        (lambda bench: bench.account.mapping.update(MaximumRecordAgeInSeconds=60), "not time enough"),
        (lambda bench: bench.replaced_stream(), "older than the table's stream"),
    ],
)
@pytest.mark.parametrize("step", ["part", "finish"])
def test_each_step_of_a_load_asks_anew_whether_a_change_would_be_lost(
    bench: Bench, step: str, changed: Callable[[Bench], object], said: str
) -> None:
    event = loading(bench)[step == "finish"]
    changed(bench)
    with pytest.raises(RunRefusedError, match=said):
        bench.run(event)


def test_a_loads_result_says_until_when_the_trigger_must_be_turned_on(bench: Bench) -> None:
    _, finish = loading(bench)
    exported = datetime.fromtimestamp(finish["export"]["exported_at"], UTC)
    by = exported + timedelta(hours=0.8 * 24)  # a fifth of the stream's day is for reading what has changed
    assert datetime.fromisoformat(bench.run(finish)["trigger_by"]) == by
    for export in ({"export": None}, {}):  # of the table itself; of a machine before this one
        assert "trigger_by" not in bench.run({**finish, **export} if export else without(finish, "export"))


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    """The event without a member."""
    return {each: value for each, value in event.items() if each != name}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ExportTime": 1_000_000_000.0}, "older than the table's stream"),
        ({"ItemCount": 10**12}, "not time enough"),
        ({"ItemCount": 10**9}, ""),
        ({"FilterSpecification": {"ProjectionExpression": "a"}}, "not whole"),
    ],
)
def test_a_load_is_refused_that_would_lose_something(bench: Bench, changed: dict[str, Any], said: str) -> None:
    order = load(bench, **changed)
    if not said:
        assert bench.run(order)["export"]["items"] == 10**9
        return
    with pytest.raises(RunRefusedError, match=said):
        bench.run(order)


def test_another_tables_export_is_refused_before_dynamodb_is_asked(bench: Bench) -> None:
    order = load(bench)
    order["input"]["export"]["arn"] = EXPORT_ARN.replace("/export/", "-other/export/")
    with pytest.raises(RunRefusedError, match="the stack's table is"):
        bench.run(order)
