"""The steps of a run over a world in memory, called as the state machine calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from searchsync.config import read_environment
from searchsync.reconcile.identity import Index
from searchsync.reconcile.manifest import Export
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.report import Reports
from searchsync.reconcile.settings import Settings
from searchsync.reconcile.steps import Report, Steps
from searchsync.reconcile.verify import Lateness
from tests.support.events import STREAM_ARN, environment
from tests.support.reconcile_harness import Lane, World

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:sync-reconcile:run-1"
STARTED = datetime(2027, 1, 15, 8, 0, 0, 123_000, tzinfo=UTC)
PREPARE = {"step": "prepare", "execution": EXECUTION, "started": "2027-01-15T08:00:00.123Z"}
VERIFY = {**PREPARE, "input": {"task": "verify"}}
BACKFILL = {**PREPARE, "input": {"task": "backfill"}}


class Account:
    """What AWS says."""

    def __init__(self) -> None:
        self.facts = TableFacts({"id": "S"}, 0, STREAM_ARN, "table-1", 5.0)
        self.runs: list[Mapping[str, Any]] = []
        self.mapping: Mapping[str, Any] | None = {"State": "Disabled", "StartingPosition": "TRIM_HORIZON"}
        self.age = 0.0
        self.room = 1_000
        self.signalled: dict[str, list[float]] = {}
        self.ended = 0.0
        self.exports: dict[str, Mapping[str, Any]] = {}

    def table(self) -> TableFacts:
        return self.facts

    def running(self) -> list[Mapping[str, Any]]:
        return self.runs

    def ended_since(self, since: float) -> bool:
        return self.ended >= since

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


def filled() -> Bench:
    """With ten items."""
    bench = Bench()
    for number in range(10):
        bench.world.client.put({"id": {"S": f"item-{number}"}, "n": {"N": str(number)}})
    return bench


class Context:
    """Lambda's context object."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000
