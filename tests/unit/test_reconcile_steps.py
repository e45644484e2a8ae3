"""The steps of a run as the state machine calls them, and the function's entry with its log lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from opensearchpy.exceptions import ConnectionTimeout

from searchsync import PACKAGE
from searchsync.config import read_environment
from searchsync.errors import (
    CollectionBusyError,
    ExportRefusedError,
    PipelineLateError,
    RunRefusedError,
    StackError,
    UnforeseenError,
)
from searchsync.limits import LONGEST_RECHECK_DELAY, TOGETHER
from searchsync.protocol.bulk import Answer, Kind, Response
from searchsync.reconcile.identity import UNASKED, Index
from searchsync.reconcile.manifest import Export
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.report import Reports, settled_lines
from searchsync.reconcile.settings import Settings
from searchsync.reconcile.steps import Report, Steps
from searchsync.reconcile.verify import Lateness
from tests.support.events import STREAM_ARN, environment
from tests.support.fakes import error
from tests.support.reconcile_harness import Lane, World
from tests.support.reconcile_transport import Asked

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:sync-reconcile:run-1"
STARTED = datetime(2027, 1, 15, 8, 0, 0, 123_000, tzinfo=UTC)
PREPARE = {"step": "prepare", "execution": EXECUTION, "started": "2027-01-15T08:00:00.123Z"}


class Account:
    """What AWS says."""

    def __init__(self) -> None:
        self.facts = TableFacts({"id": "S"}, 0, STREAM_ARN, "table-1", 5.0)
        self.runs: list[Mapping[str, Any]] = []
        self.mapping: Mapping[str, Any] | None = {"State": "Disabled", "StartingPosition": "TRIM_HORIZON"}
        self.age = 0.0
        self.room = 1_000
        self.signalled: dict[str, list[float]] = {}
        self.exports: dict[str, Mapping[str, Any]] = {}

    def table(self) -> TableFacts:
        return self.facts

    def running(self) -> list[Mapping[str, Any]]:
        return self.runs

    def trigger(self) -> Mapping[str, Any] | None:
        return self.mapping

    def unreserved(self) -> int:
        return self.room

    def lag(self, _now: float, _since: float | None = None) -> float:
        return self.age

    def signals(self, function: str, since: float, now: float) -> int:
        return sum(since - since % 60 <= when <= now for when in self.signalled.get(function, ()))

    def export(self, arn: str) -> Mapping[str, Any]:
        return self.exports[arn]

    def export_parts(self, _export: Export) -> tuple[str, list[str]]:
        return "e", ["0-9", "10-19"]


class Bench:
    """The steps over a world in memory."""

    def __init__(self) -> None:
        self.world = World()
        self.account = Account()
        self.lane = Lane(self.world)
        self.lines: list[str] = []
        reader: Any = self.world.reader
        reader.require = lambda *_: None
        index: Any = self.world.index
        index.requests = 0
        self.index = Index("there", "uuid-1", "mark-1", 7.0, 10)
        looker: Any = SimpleNamespace(look=lambda _: self.index)
        account: Any = self.account
        self.steps = Steps(
            config=read_environment(environment()),
            settings=Settings(30.0, None, 2, None, None, "sync", MACHINE),
            account=account,
            table=self.world.table,
            collection=index,
            reader=reader,
            looker=looker,
            reports=Reports(None, None, self.lane.config, self.lane.lines.append),
            clock=self.world.clock,
            backoff=self.world.backoff,
            reconciler=self.reconciler,
        )

    def reconciler(self, types: Mapping[str, str], pace: Pace, lateness: Lateness) -> Reconciler:
        return replace(self.lane.reconciler(), types=types, pace=pace, lateness=lateness)

    def run(self, event: Any) -> dict[str, Any]:
        self.report = Report()
        answer: dict[str, Any] = json.loads(json.dumps(self.steps.run(event, 900.0, self.report)))
        return answer

    def replaced_stream(self) -> None:
        """Another stream, later than any export, and the stack applied again."""
        stream = STREAM_ARN.partition("/stream/")[0] + "/stream/2999-01-01T00:00:00.000"
        self.steps = replace(self.steps, config=replace(self.steps.config, stream_arn=stream))
        self.account.facts = replace(self.account.facts, stream_arn=stream)

    def begun(self, task: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The plan of a run, and the state that each of its parts begins with."""
        plan = self.run({**PREPARE, "input": {"task": task}})
        beginning = {name: plan[name] for name in ("task", "run", "recheck_delay", "export", "saw")}
        return plan, {**beginning, "position": None, "call": 0, "totals": {}}

    def first_call(self, task: str) -> dict[str, Any]:
        """The event of a run's first call, of a table in one segment."""
        return {**self.begun(task)[1], "step": "part", "part": {"segment": 0, "of": 1}}

    def machine(self, task: str) -> dict[str, Any]:
        """The whole state machine; its output."""
        plan, beginning = self.begun(task)
        results = [self.part({**beginning, "part": {"segment": each, "of": plan["of"]}}) for each in plan["segments"]]
        if task != "backfill":
            index, since = plan["index"], plan["started"]
            parts = [{"range": each, "of": index["of"], "since": since} for each in index["ranges"]]
            results += [self.part({**beginning, "part": part}) for part in parts]
        finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
        return self.run({**finish, "results": results})

    def part(self, state: dict[str, Any]) -> dict[str, Any]:
        while True:
            state = self.run({**state, "step": "part"})
            if state["done"]:
                totals: dict[str, Any] = state["totals"]
                return totals


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    for number in range(10):
        bench.world.client.put({"id": {"S": f"item-{number}"}, "n": {"N": str(number)}})
    return bench


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


EXPORT_ARN = f"{STREAM_ARN.partition('/stream/')[0]}/export/01-ab"


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


def test_an_index_that_could_not_be_looked_at_is_tried_again(bench: Bench) -> None:
    bench.world.index.ensure_answers += [Answer(Kind.BUSY)] * 5
    assert bench.run({**PREPARE, "input": {"task": "backfill"}})["segments"]
    bench.world.index.ensure_answers += [Answer(Kind.BUSY)] * 100
    with pytest.raises(CollectionBusyError, match="too busy"):
        bench.run({**PREPARE, "input": {"task": "backfill"}})


VERIFY = {**PREPARE, "input": {"task": "verify"}}
BACKFILL = {**PREPARE, "input": {"task": "backfill"}}


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


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
    for name, value in {**variables, "SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": MACHINE}.items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    return reconcile_handler


def test_the_entry_starts_and_refuses_what_is_no_step(entry: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunRefusedError):
        entry.handle({"Records": []}, Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["request_id"]) == ("ERROR", "request-1")
    assert "no step" in line["error"]


def test_each_call_leaves_a_line_and_the_runs_end_its_result(
    entry: Any, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.machine("backfill")
    del bench.world.index.documents["item-3"]
    state = {"step": "part", "task": "verify", "run": "r", "recheck_delay": 30, "export": None, "position": None}
    entry.invoke(bench.steps, {**state, "part": {"segment": 1, "of": 2}, "call": 0, "totals": {}}, Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["step"], line["part"], line["level"]) == ("part", "segment-0001-0000", "INFO")
    assert line["RunItems"] == line["counts"]["items"] > 0
    finish = {
        "step": "finish",
        "task": "verify",
        "run": "r",
        "started": PREPARE["started"],
        "results": [{"missing": 1}],
    }
    entry.invoke(bench.steps, finish, Context())
    _, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert (result["Differences"], result["level"], result["result"]["in_step"]) == (1, "ERROR", False)


def test_what_nobody_foresaw_is_named_by_type_and_place_alone(
    entry: Any, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Any:
        raise RuntimeError("secret of an item")

    bench.account.table = broken  # type: ignore[method-assign]
    with pytest.raises(UnforeseenError):
        entry.invoke(bench.steps, {**PREPARE, "input": {"task": "verify"}}, Context())
    assert "secret" not in capsys.readouterr().out


def test_a_scheduled_verification_gives_way_to_another_run_and_is_no_failure(bench: Bench) -> None:
    bench.account.runs = [{"name": "other", "startDate": STARTED - timedelta(hours=1)}]
    with pytest.raises(RunRefusedError, match="Another run is running, 'other'"):
        bench.run({**PREPARE, "input": {"task": "verify"}})
    answer = bench.run({**PREPARE, "input": {"task": "verify", "scheduled": True}})
    assert answer == {"gave_way": "Another run is running, 'other': wait for its end, or stop it."}


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


def test_a_result_names_what_was_compared(bench: Bench) -> None:
    seen = bench.machine("verify")["saw"]
    assert (seen["collection"], seen["index"]) == (urlsplit(bench.steps.config.host).netloc, bench.steps.config.index)
    assert (seen["index_uuid"], seen["index_mark"], seen["table_id"]) == ("uuid-1", "mark-1", "table-1")
    assert (seen["stream_arn"], seen["package"]) == (STREAM_ARN, PACKAGE)
    assert bench.report.result is not None
    assert bench.report.result["saw"] == seen


@pytest.mark.parametrize("other", [{"uuid": "uuid-2"}, {"mark": "mark-2"}, {"state": "missing", "uuid": None}])
def test_a_run_over_an_index_that_was_replaced_meanwhile_has_no_result(bench: Bench, other: dict[str, str]) -> None:
    plan = bench.run({**PREPARE, "input": {"task": "verify"}})
    finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
    bench.index = replace(bench.index, **other)  # type: ignore[arg-type]
    with pytest.raises(RunRefusedError, match=r"replaced while|is missing"):
        bench.run({**finish, "results": []})


@pytest.mark.parametrize("task", ["backfill", "verify"])
@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"uuid": "uuid-2"}, "index_uuid"),
        ({"mark": "mark-2"}, "index_mark"),
        ({"state": "missing", "uuid": None, "mark": None}, "is missing"),
        ({"state": "unowned", "uuid": None, "mark": None}, "is unowned"),
    ],
)
def test_the_next_call_of_a_run_whose_index_was_deleted_ends_it_before_anything_is_written(
    bench: Bench, task: str, other: dict[str, Any], said: str
) -> None:
    state = bench.first_call(task)
    bench.world.index.bodies.clear()
    bench.index = replace(bench.index, **other)
    with pytest.raises(RunRefusedError, match=rf"{said}.* A backfill must go over all"):
        bench.run(state)
    assert bench.world.index.bodies == []


def test_an_index_that_some_nodes_do_not_know_yet_is_no_deleted_one(bench: Bench) -> None:
    """AOSS answers 404 of one that is new, and shows it without its mapping."""
    state = bench.first_call("backfill")
    there, began = bench.index, bench.world.clock.time
    bench.index = Index("missing")
    bench.world.clock.at(began + 120.0, lambda: setattr(bench, "index", Index("unowned")))
    bench.world.clock.at(began + 208.0, lambda: setattr(bench, "index", there))
    assert bench.run(state)["done"]


def test_an_index_of_another_stack_is_not_waited_for(bench: Bench) -> None:
    state = bench.first_call("backfill")
    bench.index, began = (
        Index("unowned", owner="billing arn:aws:dynamodb:eu-central-1:1:table/o"),
        bench.world.clock.time,
    )
    with pytest.raises(RunRefusedError, match="is unowned"):
        bench.run(state)
    assert bench.world.clock.time - began < 1.0


def test_a_collection_that_is_too_busy_to_say_what_its_index_is_ends_no_run(bench: Bench) -> None:
    def busy(_deadline: Any) -> Any:
        raise CollectionBusyError("busy")

    state = bench.first_call("backfill")
    looker: Any = SimpleNamespace(look=busy)
    bench.steps = replace(bench.steps, looker=looker)
    assert bench.run(state)["done"]


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


def test_a_look_asks_the_index_only_where_it_is_told_to(bench: Bench) -> None:
    assert bench.run({"step": "look"})["index"] == asdict(UNASKED)
    asked = bench.run({"step": "look", "index": True})
    assert asked["index"] == asdict(bench.index)
    assert asked["saw"] == bench.machine("verify")["saw"]
    assert asked["table_created"] == 5.0
