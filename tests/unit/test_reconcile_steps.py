"""The steps of a run as the state machine calls them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from searchsync.errors import (
    CollectionBusyError,
    PipelineLateError,
    RunRefusedError,
)
from searchsync.reconcile.identity import Index
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.report import Reports, settled_lines
from tests.support.reconcile_steps import (
    PREPARE,
    STARTED,
    Bench,
    filled,
)


@pytest.fixture
def bench() -> Bench:
    return filled()


def test_a_machines_run_from_an_empty_index_to_one_in_step(bench: Bench) -> None:
    filled = bench.machine("backfill")
    assert (filled["run"], filled["task"], filled["in_step"], filled["report"]) == ("run-1", "backfill", None, None)
    assert (filled["totals"]["items"], filled["totals"]["written"], filled["totals"]["calls"]) == (10, 10, 2)
    assert bench.machine("verify")["in_step"]
    del bench.world.index.documents["item-3"]
    verified = bench.machine("verify")
    assert (verified["in_step"], verified["totals"]["missing"]) == (False, 1)
    assert bench.report.differences == 1
    repaired = bench.machine("repair")
    assert (repaired["in_step"], repaired["totals"]["repaired"]) == (True, 1)
    assert bench.report.result == repaired
    assert not bench.report.differences  # what was mended is no drift
    assert bench.machine("verify")["totals"]["documents"] == 10


def test_a_bucket_is_named_where_there_is_something_in_it(bench: Bench) -> None:
    reports = Reports(None, "b", bench.lane.config, print)
    bench.steps = replace(bench.steps, reports=reports)
    finish = {"step": "finish", "task": "verify", "run": "r", "started": PREPARE["started"]}
    assert bench.run({**finish, "results": [{"orphan": 1}]})["report"] == "s3://b/r/"
    assert bench.run({**finish, "results": [{}]})["report"] is None


@pytest.mark.parametrize("event", [None, [], "reconcile", {}, {"step": "other"}, {"step": None}, {"task": "verify"}])
def test_what_is_no_step_is_refused(bench: Bench, event: Any) -> None:
    with pytest.raises(RunRefusedError, match=r"[Ss]tate machine"):
        bench.run(event)


@pytest.mark.parametrize("step", ["part", "finish"])
def test_a_stream_that_is_turned_off_meanwhile_ends_the_run(bench: Bench, step: str) -> None:
    bench.account.facts = TableFacts({"id": "S"}, 0, None)
    state = {"task": "verify", "run": "r", "recheck_delay": 10, "export": None, "part": {"segment": 0, "of": 1}}
    state |= {"position": None, "call": 0, "totals": {}, "started": PREPARE["started"], "results": []}
    with pytest.raises(RunRefusedError, match="is off"):
        bench.run({**state, "step": step})


def test_a_pipeline_that_falls_behind_meanwhile_lengthens_the_settling_time(bench: Bench) -> None:
    bench.machine("backfill")
    del bench.world.index.documents["item-3"]
    plan = bench.run({**PREPARE, "input": {"task": "verify"}})
    assert plan["recheck_delay"] == 30.0
    bench.account.age = 90.0
    state = {"step": "part", "task": "verify", "run": "r", "recheck_delay": plan["recheck_delay"], "export": None}
    state |= {"part": {"segment": 0, "of": 1}, "position": None, "call": 0, "totals": {}}
    bench.world.clock.slept.clear()
    bench.run(state)
    assert max(bench.world.clock.slept) == 100.0
    bench.account.age = 500.0
    with pytest.raises(PipelineLateError, match="500 s behind"):  # tried again, and --resume goes on
        bench.run(state)
    with pytest.raises(RunRefusedError, match="500 s behind"):
        bench.run({**PREPARE, "input": {"task": "verify"}})


def test_a_pipeline_that_is_too_late_for_a_while_is_waited_for(bench: Bench) -> None:
    bench.machine("backfill")
    began, bench.account.age = bench.world.clock.time, 130.0
    bench.world.clock.at(began + 200.0, lambda: setattr(bench.account, "age", 0.0))
    state = {"step": "part", "task": "verify", "run": "r", "recheck_delay": 30.0, "export": None}
    state |= {"part": {"segment": 0, "of": 1}, "position": None, "call": 0, "totals": {}}
    assert bench.run(state)["done"]
    assert bench.world.clock.time >= began + 200.0


@pytest.mark.parametrize("window", [0.0, 150.0, 300.0])
def test_a_trigger_that_waits_for_full_batches_makes_no_differences(bench: Bench, window: float) -> None:
    """Each change comes when the window is over, and the pipeline is in time."""
    bench.machine("backfill")
    bench.steps = replace(bench.steps, settings=replace(bench.steps.settings, window=window))
    world = bench.world
    world.lag = lambda: window
    del world.index.documents["item-9"]
    for number in range(5):
        world.put(f"item-{number}", n={"N": "100"})
    world.put("new", n={"N": "1"})
    world.delete("item-7")
    verified = bench.machine("verify")
    assert bench.lane.differences() == {"item-9": "missing"}
    assert (verified["in_step"], verified["totals"]["missing"]) == (False, 1)


@pytest.mark.parametrize(("capacity", "seconds"), [(None, 0.0), (40.0, 2.0), (4.0, 20.0)])
def test_a_run_keeps_to_its_share_of_what_the_table_has_at_each_call(
    bench: Bench, capacity: float | None, seconds: float
) -> None:
    """Two lanes, a quarter of the table's for both: ten items of a unit each."""
    plan = bench.run({**PREPARE, "input": {"task": "backfill"}})
    bench.world.client.unit = 1.0
    bench.account.facts = replace(bench.account.facts, capacity=capacity)  # it scales meanwhile
    state = {
        "step": "part",
        "task": "backfill",
        "run": "run-1",
        "recheck_delay": 30,
        "export": plan["export"],
        "position": None,
    }
    began = bench.world.clock.time
    bench.part({**state, "part": {"segment": 0, "of": 1}, "call": 0, "totals": {}})
    assert bench.world.clock.time - began == pytest.approx(seconds, abs=0.5)


def test_what_a_call_could_not_pay_for_the_next_one_pays_before_it_reads(bench: Bench) -> None:
    bench.world.client.unit = 100.0
    bench.steps = replace(bench.steps, settings=replace(bench.steps.settings, units=0.5))
    state = {"step": "part", "task": "backfill", "run": "run-1", "recheck_delay": 30, "export": None, "position": None}
    began = bench.world.clock.time
    bench.part({**state, "part": {"segment": 0, "of": 1}, "call": 0, "totals": {}})
    assert bench.world.clock.time - began >= 10 * 100 / 0.5


@pytest.mark.parametrize(
    ("signalled_after_s", "results", "settled"),
    [
        (-90.0, [], {"sync", "sync-redrive"}),
        (1.0, [], {"sync-redrive"}),
        (-90.0, [{"missing": 1}], set()),
        (-90.0, [{"missing": 1, "repaired": 1}], {"sync", "sync-redrive"}),
    ],
    ids=["before it began", "since it began", "differences are left", "all are repaired"],
)
def test_a_clean_comparison_ends_the_alarm_of_a_repair_that_was_needed_before(
    bench: Bench, signalled_after_s: float, results: list[dict[str, int]], settled: set[str]
) -> None:
    bench.world.clock.time = STARTED.timestamp() + 60
    bench.account.signalled = {"sync": [STARTED.timestamp() + signalled_after_s]}
    finish = {"step": "finish", "task": "verify", "run": "r", "started": PREPARE["started"], "results": results}
    bench.run(finish)
    lines = map(json.loads, settled_lines(bench.report.settled, bench.steps.config, 0.0))
    assert {line["FunctionName"] for line in lines if line["RepairNeeded"] == 0} == settled


@pytest.mark.parametrize(
    ("task", "results", "needs"),
    [
        ("verify", [{"items": 5_000, "missing": 600}, {"items": 4_000, "different": 400}], True),
        ("verify", [{"items": 5_000, "missing": 600}, {"items": 4_000, "orphan": 4_000}], False),
        ("verify", [{"items": 50_000, "missing": 5_000}], False),
        ("verify", [{"items": 50_000, "missing": 5_001}], True),
        ("backfill", [{"items": 5_000}], False),
    ],
)
def test_a_result_says_whether_a_backfill_mends_its_differences_sooner(
    bench: Bench, task: str, results: list[dict[str, int]], needs: bool
) -> None:
    finish = {"step": "finish", "task": task, "run": "r", "started": PREPARE["started"], "results": results}
    assert bench.run(finish)["needs_backfill"] is needs


NEW = Index("unowned", owner="nobody")
"""A new index as some nodes show it for a while: without its mapping, and so without our mark."""


def shown_late(bench: Bench, looks: int) -> None:
    """The index, which so many looks find without its mapping."""
    late = [NEW] * looks
    bench.steps = replace(bench.steps, looker=SimpleNamespace(look=lambda _: late.pop() if late else bench.index))  # type: ignore[arg-type]


def test_a_run_names_the_index_that_it_begins_with_also_where_that_is_new(bench: Bench) -> None:
    """Without its names another one in its place would be no other: a verdict of an index that nobody has filled."""
    bench.machine("backfill")
    bench.index = replace(bench.index, uuid=None)  # a collection that shows no uuid
    shown_late(bench, 2)
    plan, beginning = bench.begun("verify")
    assert plan["saw"]["index_mark"] == "mark-1"
    bench.part({**beginning, "part": {"segment": 0, "of": 1}})
    bench.index = replace(bench.index, mark="mark-2")
    finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
    with pytest.raises(RunRefusedError, match="replaced while the run went over it"):
        bench.run({**finish, "results": []})


def test_a_run_does_not_begin_over_an_index_that_stays_unnamed(bench: Bench) -> None:
    bench.machine("backfill")
    bench.index = NEW
    with pytest.raises(CollectionBusyError, match="is unowned yet"):
        bench.begun("verify")


def test_a_short_run_over_a_new_index_does_not_fail_at_its_end(bench: Bench) -> None:
    plan, _ = bench.begun("backfill")
    bench.world.clock.time = STARTED.timestamp() + 20.0
    shown_late(bench, 2)
    finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
    assert bench.run({**finish, "results": []})["saw"]["index_mark"] == "mark-1"


def test_an_index_that_is_lost_at_the_end_of_a_long_run_is_not_waited_for(bench: Bench) -> None:
    plan, _ = bench.begun("backfill")
    bench.index, bench.world.clock.time = Index("missing"), STARTED.timestamp() + 1000.0
    finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
    began = bench.world.clock.time
    with pytest.raises(RunRefusedError, match="is missing"):
        bench.run({**finish, "results": []})
    assert bench.world.clock.time == began


@pytest.mark.parametrize(
    ("redriven", "ended_after_s", "told"),
    [(True, 3600.0, None), (True, -3600.0, 0), (False, 3600.0, 0)],
    ids=["another ran meanwhile", "another ran before", "one that gave way"],
)
def test_a_run_that_was_resumed_ends_no_alarm_of_one_that_ran_meanwhile(
    bench: Bench, redriven: bool, ended_after_s: float, told: int | None
) -> None:
    """What that one found, this one may have compared before it was so."""
    bench.account.ended = STARTED.timestamp() + ended_after_s
    own = {"name": "r", "startDate": STARTED} | ({"redriveDate": STARTED + timedelta(days=2)} if redriven else {})
    bench.account.runs = [own]
    finish = {"step": "finish", "task": "repair", "run": "r", "started": PREPARE["started"]}
    assert bench.run({**finish, "results": [{"missing": 1, "repaired": 1}]})["in_step"]
    assert bench.report.differences == told
    assert bench.run({**finish, "results": [{"missing": 1}]})["in_step"] is False
    assert bench.report.differences == 1
