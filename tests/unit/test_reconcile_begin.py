"""When a run begins: what is waited for, which run goes on, and what it leaves room for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opensearchpy.exceptions import ConnectionTimeout

from searchsync.errors import (
    CollectionBusyError,
    RunRefusedError,
    StackError,
)
from searchsync.limits import LONGEST_RECHECK_DELAY, TOGETHER
from searchsync.protocol.bulk import Answer, Kind, Response
from tests.support.fakes import error
from tests.support.reconcile_steps import (
    BACKFILL,
    EXECUTION,
    PREPARE,
    STARTED,
    VERIFY,
    Bench,
    filled,
)
from tests.support.reconcile_transport import Asked


@pytest.fixture
def bench() -> Bench:
    return filled()


def test_a_second_run_is_refused(bench: Bench) -> None:
    bench.account.runs = [
        {"name": "other", "startDate": STARTED - timedelta(milliseconds=1)},
        {"name": "run-1", "startDate": STARTED},
    ]
    with pytest.raises(RunRefusedError, match="Another run is running, 'other'"):
        bench.run({**PREPARE, "input": {"task": "verify"}})


@pytest.mark.parametrize("task", ["backfill", "verify", "repair"])
def test_a_run_that_would_leave_the_sync_function_no_room_is_refused_before_anything_is_done(
    bench: Bench, task: str
) -> None:
    bench.account.room = 3
    with pytest.raises(RunRefusedError, match=r"concurrency is 2, .* to at most 1"):
        bench.run({**PREPARE, "input": {"task": task}})
    assert bench.world.index.documents == {}


def test_an_index_that_could_not_be_looked_at_is_tried_again(bench: Bench) -> None:
    bench.world.index.ensure_answers += [Answer(Kind.BUSY)] * 5
    assert bench.run({**PREPARE, "input": {"task": "backfill"}})["segments"]
    bench.world.index.ensure_answers += [Answer(Kind.BUSY)] * 100
    with pytest.raises(CollectionBusyError, match="too busy"):
        bench.run({**PREPARE, "input": {"task": "backfill"}})


def test_a_verification_begins_when_the_collection_shows_what_was_written(bench: Bench) -> None:
    bench.machine("backfill")
    bench.world.reads_late(70.0, 70.0)
    before = bench.world.clock.time
    plan = bench.run(VERIFY)
    assert bench.world.clock.time - before >= 70.0
    assert 70.0 <= plan["recheck_delay"] <= LONGEST_RECHECK_DELAY  # its calls keep so much time for each look
    bench.world.reads_late(400.0)
    assert bench.run(VERIFY)["recheck_delay"] == LONGEST_RECHECK_DELAY
    bench.world.reads_late(2_000.0)
    with pytest.raises(RunRefusedError, match=r"shows writes over 8\d\d s late"):
        bench.run(VERIFY)
    bench.world.index.item_fault = lambda *_: {"status": 402, **error("service_quota_exceeded_exception")}
    with pytest.raises(RunRefusedError, match=r"took no write .* 402 service_quota_exceeded_exception"):
        bench.run(VERIFY)


def test_a_backfill_begins_when_a_new_index_takes_writes_whoever_made_it(bench: Bench) -> None:
    """Its lanes are other sandboxes, that do not know how new the index is."""
    bench.world.index.faults += [Response(404, error("index_not_found_exception"))] * 40
    before = bench.world.clock.time
    bench.run(BACKFILL)
    assert bench.world.clock.time - before > 120.0
    assert bench.world.index.faults == []
    assert bench.world.index.documents == {}


def test_a_search_that_is_refused_ends_a_run_before_it_begins(bench: Bench) -> None:
    def refused(*_: Any) -> None:
        raise StackError("check the data access policy")

    reader: Any = bench.world.reader
    reader.keys = refused
    for task in ("verify", "repair"):
        with pytest.raises(StackError, match="policy"):
            bench.run({**PREPARE, "input": {"task": task}})
    assert bench.world.index.bodies == []
    bench.run(BACKFILL)  # needs none


@pytest.mark.parametrize("wakes_in", [10.0, 30.0, 45.0])
def test_a_sleeping_collection_wakes_within_a_step(bench: Bench, wakes_in: float) -> None:
    """Indexing and search sleep apart; what is asked meanwhile is held until it is given up."""
    clock = bench.world.clock
    awake: dict[str, float] = {}

    def held(units: str, timeout: float) -> bool:
        until = awake.setdefault(units, clock.time + wakes_in)
        clock.sleep(max(0.0, min(timeout, until - clock.time)))
        return clock.time < until

    def answer(*_: str, **request: Any) -> Any:
        if held("search", request["params"]["request_timeout"]):
            raise ConnectionTimeout("TIMEOUT", "asleep", None)
        return {"_shards": {"failed": 0}, "hits": {"hits": [], "total": {"value": 0}}}

    bulk = bench.world.index.bulk

    def write(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        return Response(None) if held("indexing", timeout) else bulk(body, timeout, begin_within)

    def ensure(timeout: float) -> Answer:
        return Answer(Kind.BUSY) if held("indexing", timeout) else Answer(Kind.DONE)

    asked = Asked({}, clock=clock)
    asked.transport.perform_request = answer  # type: ignore[method-assign]
    reader: Any = bench.world.reader
    reader.keys = asked.reader.keys
    index: Any = bench.world.index
    index.bulk, index.ensure_index = write, ensure
    bench.run(BACKFILL)
    awake.clear()
    bench.run(VERIFY)


@dataclass
class Listing:
    """Runs as ListExecutions shows them: `late` seconds after they began, and not when they have ended."""

    clock: Any
    late: float
    began: dict[str, datetime] = field(default_factory=dict)

    def running(self) -> list[Mapping[str, Any]]:
        now = datetime.fromtimestamp(self.clock.time, UTC)
        listed = [name for name, began in self.began.items() if (now - began).total_seconds() >= self.late]
        return [{"name": name, "startDate": self.began[name]} for name in listed]


@pytest.mark.parametrize("late", [0.0, 1.0, TOGETHER + 0.5, 90.0])
@pytest.mark.parametrize("apart", [0.0, 0.2, 0.9])
def test_of_two_runs_started_together_one_goes_on_and_one_is_refused_at_its_next_call_at_the_latest(
    bench: Bench, late: float, apart: float
) -> None:
    clock = bench.world.clock
    listing = Listing(clock, late)
    account: Any = bench.account
    account.running = listing.running
    refused: set[str] = set()

    def step(name: str, event: dict[str, Any]) -> None:
        if name in refused:
            return
        try:
            bench.run(event)
        except RunRefusedError:
            listing.began.pop(name)
            refused.add(name)

    listing.began["one"] = datetime.fromtimestamp(clock.time, UTC)
    clock.time += apart
    listing.began["two"] = datetime.fromtimestamp(clock.time, UTC)
    for name, began in list(listing.began.items()):
        arn = EXECUTION.replace("run-1", name)
        step(name, {**VERIFY, "execution": arn, "started": began.isoformat()})
    for name in ("one", "two"):  # a part's first call, too early perhaps, and its next one
        for wait in (0.0, late):
            clock.time += wait
            state = {
                "step": "part",
                "task": "verify",
                "run": name,
                "recheck_delay": 30,
                "export": None,
                "position": None,
            }
            step(name, {**state, "part": {"segment": 0, "of": 1}, "call": 0, "totals": {}})
    assert refused == {"two"}


def test_a_call_that_may_not_ask_for_other_runs_now_goes_on(bench: Bench) -> None:
    bench.machine("backfill")

    def throttled() -> Any:
        raise StackError("AWS refused a question of the run: ThrottlingException.")

    bench.account.running = throttled  # type: ignore[method-assign]
    run = {"step": "part", "task": "verify", "run": "run-1", "recheck_delay": 30, "export": None, "position": None}
    assert bench.run({**run, "part": {"segment": 0, "of": 1}, "call": 0, "totals": {}})["done"]
    with pytest.raises(StackError, match="Throttling"):
        bench.run(VERIFY)


def test_a_scheduled_verification_gives_way_to_another_run_and_is_no_failure(bench: Bench) -> None:
    bench.account.runs = [{"name": "other", "startDate": STARTED - timedelta(hours=1)}]
    with pytest.raises(RunRefusedError, match="Another run is running, 'other'"):
        bench.run({**PREPARE, "input": {"task": "verify"}})
    answer = bench.run({**PREPARE, "input": {"task": "verify", "scheduled": True}})
    assert answer == {"gave_way": "Another run is running, 'other': wait for its end, or stop it."}
