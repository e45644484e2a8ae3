"""The steps of a run, as the state machine calls them: prepare, run, finish.

And `look`, which `searchsync status` calls: what a run begun now would see.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from searchsync.clock import Backoff, Clock, Deadline
from searchsync.config import Config
from searchsync.documents.index import NOBODY
from searchsync.edges.collection import OpenSearchCollection
from searchsync.edges.table import DynamoTable
from searchsync.errors import (
    CollectionBusyError,
    PipelineLateError,
    RunRefusedError,
    StackError,
)
from searchsync.limits import (
    ASKED_EVERY,
    CAUGHT_UP_WITHIN,
    LONGEST_RECHECK_DELAY,
    NEW_INDEX_S,
    RECONCILE_RESERVE,
    REQUEST_TIMEOUT,
    SHORT_STEP,
    SHORTEST_REQUEST,
    TOGETHER,
)
from searchsync.protocol.bulk import Kind
from searchsync.reconcile import prepare
from searchsync.reconcile.account import Account
from searchsync.reconcile.identity import UNASKED, Index, Looker, changed, looked, saw
from searchsync.reconcile.keys import KeyTypes
from searchsync.reconcile.manifest import Asked, Export, check_arn, check_export, described
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.prepare import Order, TableFacts, read_order
from searchsync.reconcile.reader import IndexReader
from searchsync.reconcile.repair import needs_backfill
from searchsync.reconcile.report import Reports
from searchsync.reconcile.rolling import DIFFERENCES
from searchsync.reconcile.settings import Settings
from searchsync.reconcile.slices import Rolling, Slice
from searchsync.reconcile.state import Files, ranges_of, read_state, summed, written_state
from searchsync.reconcile.verify import Lateness
from searchsync.reconcile.visibility import Visibility
from searchsync.sanitize import shown, shown_list

ANEW = "A backfill must go over all of it from the beginning."


@dataclass
class Report:
    """What one call did, as it goes along: for its log line."""

    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    differences: int | None = None
    """Those that are left, None of a backfill."""
    result: dict[str, Any] | None = None
    settled: tuple[str, ...] = ()
    """Functions whose signals that a repair is needed are older than this clean comparison."""
    rolling: Slice | None = None
    error: str = ""


@dataclass(frozen=True)
class Call:
    """One call of a step: what it was given, until when, and where it says what it did."""

    event: Mapping[str, Any]
    deadline: Deadline
    report: Report


@dataclass(frozen=True)
class Steps:
    """The steps, with their edges. `reconciler` makes the reconciler of one call for a table's key types, a pace, and
    how late the pipeline is."""

    config: Config
    settings: Settings
    account: Account
    table: DynamoTable
    collection: OpenSearchCollection
    reader: IndexReader
    looker: Looker
    reports: Reports
    clock: Clock
    backoff: Backoff
    reconciler: Callable[[KeyTypes, Pace, Lateness], Reconciler]
    rolling: Rolling | None = None

    def run(self, event: object, remaining: float, report: Report) -> dict[str, Any]:
        """One step; `remaining`: seconds that the invocation still has. Raises SearchsyncError."""
        if not isinstance(event, Mapping):
            raise RunRefusedError(
                "The reconcile function is called by its state machine only: start that, with a task."
            )
        steps = {
            "prepare": self.prepare,
            "part": self.part,
            "finish": self.finish,
            "look": self.look,
            "rolling": self.roll,
        }
        step = steps.get(str(event.get("step")))
        if step is None:
            raise RunRefusedError(
                f"The run has no step {shown(event.get('step'))}: {', '.join(steps)}. Start the state machine."
            )
        report.facts = {"step": event["step"]} | {name: event[name] for name in ("task", "run") if name in event}
        return step(Call(event, Deadline.after(self.clock, remaining - RECONCILE_RESERVE), report))

    def prepare(self, call: Call) -> dict[str, Any]:
        """Look at everything before anything is changed; the run's plan."""
        order = read_order(call.event["input"])
        run, started = call.event["execution"].rpartition(":")[2], datetime.fromisoformat(call.event["started"])
        asked = self.clock.monotonic()
        if gave_way := self._gives_way(order, run, started):
            return gave_way
        prepare.check_lanes(self.settings.lanes, self.account.unreserved())
        facts = self.account.table()
        prepare.check_table(facts, self.config)
        export, parts = self._export(order.export) if order.export else (None, None)
        recheck_delay = self._prepare_backfill(call) if order.task == "backfill" else self._prepare_comparison(call)
        self.clock.sleep(max(0.0, asked + TOGETHER - self.clock.monotonic()))
        if gave_way := self._gives_way(order, run, started):
            return gave_way
        of = prepare.segments(facts.size, self.settings.lanes) if parts is None else len(parts)
        index = self._index(call.deadline)
        if index.state != "there":  # as long as nothing names it, another one could take its place
            raise CollectionBusyError(f"The index {self.config.index} is {index.state} yet.")
        return {
            "task": order.task,
            "run": run,
            "started": call.event["started"],
            "recheck_delay": recheck_delay,
            "of": of,
            "segments": list(range(of)) if parts is None else parts,
            "index": {"of": ranges_of(of), "ranges": list(range(ranges_of(of)))},
            "export": export,
            "saw": saw(self.config, facts, index),
        }

    def part(self, call: Call) -> dict[str, Any]:
        """Run one part for a while; its new state."""
        state = read_state(call.event)
        self._check_alone(state.run)
        facts = self.account.table()
        prepare.check_table(facts, self.config)
        if isinstance(state.part, Files):
            self._still_loadable(call.event["export"])
        if state.task != "backfill":  # the pipeline may have fallen behind since the run began, and catch up
            state = replace(state, recheck_delay=self._delay_when_in_time(state.recheck_delay))
        self._still_there(call, facts)
        pace = Pace(self.clock, prepare.units(self.settings, facts), state.paid_at)
        reconciler = self.reconciler(facts.types, pace, self._lateness)
        call.report.facts["part"] = state.name
        call.report.counts = reconciler.counts
        with self._costs(reconciler):
            position, broken = reconciler.reconcile(state, call.deadline)
        if broken:
            call.report.facts["broken"] = broken
        return written_state(call.event, state.after(position, reconciler.counts, broken, pace.paid_at))

    @contextmanager
    def _costs(self, reconciler: Reconciler) -> Iterator[None]:
        """Count what the block takes, however it ends."""
        began, asked, read, counts = self.clock.monotonic(), self._requests(), reconciler.units, reconciler.counts
        try:
            yield
        finally:
            counts["calls"] += 1
            counts["requests"] += self._requests() - asked
            counts["units"] += math.ceil(reconciler.units - read)
            counts["milliseconds"] += int((self.clock.monotonic() - began) * 1000)

    def finish(self, call: Call) -> dict[str, Any]:
        """The whole run's result."""
        facts = self.account.table()
        prepare.check_table(facts, self.config)
        trigger_by = self._still_loadable(call.event["export"]) if call.event.get("export") else None
        seen = self._unchanged(call, facts)
        totals = summed(call.event["results"])
        differences = None if call.event["task"] == "backfill" else sum(totals.get(kind, 0) for kind in DIFFERENCES)
        result = {
            "task": call.event["task"],
            "run": call.event["run"],
            "index": self.config.index,
            "stream_arn": self.config.stream_arn,
            "saw": seen,
            "started": call.event["started"],
            "finished": datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="seconds"),
            "totals": totals,
            "in_step": None if differences is None else differences == totals.get("repaired", 0),
            "report": self.reports.place(call.event["run"]) if differences else None,
            "needs_backfill": differences is not None and needs_backfill(totals),
        }
        if trigger_by:
            result["trigger_by"] = trigger_by
        call.report.result = result
        if differences is not None:
            began = datetime.fromisoformat(call.event["started"]).timestamp()
            call.report.differences = differences - totals.get("repaired", 0)
            if not call.report.differences:
                call.report.settled = self._settled(began)
                if self._is_overtaken(call.event["run"], began):
                    call.report.differences = None
        return result

    def _is_overtaken(self, run: str, began: float) -> bool:
        """Whether a run was resumed, and another one has run meanwhile: what that one found, this one may have compared
        before it was so. Others that ended since it began have given way to it."""
        resumed = any(each["name"] == run and "redriveDate" in each for each in self.account.running())
        return resumed and self.account.ended_since(began)

    def _settled(self, began: float) -> tuple[str, ...]:
        """The functions that need no repair: none was signalled since a clean comparison began, at Unix seconds."""
        sync = self.settings.sync_function
        with suppress(StackError):  # nobody knows: the alarm stays
            now = self.clock.now()
            return tuple(each for each in (sync, f"{sync}-redrive") if not self.account.signals(each, began, now))
        return ()

    def look(self, call: Call) -> dict[str, Any]:
        """What a run begun now would see. The index is asked where the event says `index`: that wakes a collection."""
        index = self.looker.look(self._soon(call.deadline)) if call.event.get("index") is True else UNASKED
        found = looked(self.config, self.account.table(), index)
        return found | {"rolling": None if self.rolling is None else self.rolling.look(found["saw"])}

    def roll(self, call: Call) -> dict[str, Any]:
        """Compare the parts that the rolling verification has due; which they were."""
        if self.rolling is None or self.settings.rolling is None:
            raise RunRefusedError("The rolling verification is off: set reconciliation.rolling, or take its rule away.")
        paced = replace(self, settings=replace(self.settings, units=self.settings.rolling.units or self.settings.units))
        counts: Counter[str] = Counter()

        def run(state: Mapping[str, Any]) -> Mapping[str, Any]:
            report = Report()
            try:
                return paced.part(Call(state, call.deadline, report))
            finally:
                counts.update(report.counts)

        call.report.counts = counts
        call.report.rolling = done = Slice()
        try:
            self.rolling.call(run, call.deadline, done)
        except Exception:
            # No age; but a part that differs is not compared again for a period.
            call.report.rolling = replace(done, age=None) if done.differences else None
            raise
        return {"parts": done.parts, "differences": done.differences, "gave_way": done.gave_way}

    def _unchanged(self, call: Call, facts: TableFacts) -> dict[str, Any]:
        """What the run saw. Raises RunRefusedError where it ended over something else than it began with."""
        began = datetime.fromisoformat(call.event["started"]).timestamp()
        return self._same(call, facts, self._index(call.deadline, began + NEW_INDEX_S - self.clock.now()))

    def _still_there(self, call: Call, facts: TableFacts) -> None:
        """Raise RunRefusedError where a call would go on over something else than the run began with: what was done
        before is lost, and its end would say so hours later."""
        with suppress(CollectionBusyError):  # nobody knows: the next call asks again, and the run's end
            self._same(call, facts, self._index(call.deadline))

    def _index(self, deadline: Deadline, within: float = NEW_INDEX_S) -> Index:
        """The index, waited for so many seconds. A new one may be unknown to some nodes for a while, or shown without
        its mapping; one that names another owner is another's. Raises as the looker does."""
        until = self.clock.monotonic() + within
        while (index := self.looker.look(self._soon(deadline))).state != "there":
            if self.clock.monotonic() >= until or index.owner not in (None, NOBODY):
                break
            self.clock.sleep(ASKED_EVERY)
        return index

    def _same(self, call: Call, facts: TableFacts, index: Index) -> dict[str, Any]:
        """What the run sees. Raises RunRefusedError where that is something else than it began with."""
        seen = saw(self.config, facts, index)
        others = changed(call.event.get("saw") or {}, seen)
        if index.state != "there":
            raise RunRefusedError(f"The index {self.config.index} is {index.state}, and the run went over it. {ANEW}")
        if others:
            raise RunRefusedError(
                f"Something was replaced while the run went over it, {shown_list(others)}: what it did is not whole. "
                f"{ANEW}"
            )
        return seen

    def _export(self, asked: Asked) -> tuple[dict[str, Any], list[str]]:
        """An export that may be loaded, as the parts' state carries it, and its parts."""
        trigger = prepare.check_trigger(self.account.trigger())
        check_arn(asked.arn, self.config.stream_arn.partition("/stream/")[0])
        description = self.account.export(asked.arn)
        check_export(description)
        export = described(description, asked.rate)
        prepare.check_stream(export, self.config.stream_arn)
        prepare.check_age(export, trigger, self.clock.now(), self.settings.lanes, self.config.stream_arn)
        etag, parts = self.account.export_parts(export)
        return asdict(export) | {"etag": etag}, parts

    def _still_loadable(self, loading: Mapping[str, Any]) -> str:
        """Until when the trigger must be turned on. Raises RunRefusedError where changes since the export are lost by
        then: a load that failed may go on days later."""
        export = Export(**{name: value for name, value in loading.items() if name != "etag"})
        trigger = prepare.check_trigger(self.account.trigger())
        prepare.check_stream(export, self.config.stream_arn)
        prepare.check_age(export, trigger, self.clock.now(), None, self.config.stream_arn)
        return datetime.fromtimestamp(prepare.trigger_by(export, trigger), UTC).isoformat(timespec="seconds")

    def _prepare_backfill(self, call: Call) -> float:
        """Make sure that the index is there and takes writes; the recheck delay."""
        self._ensure_index(self._soon(call.deadline))
        self._visibility.writable(call.deadline)
        return self.settings.recheck_delay

    def _prepare_comparison(self, call: Call) -> float:
        """Make sure that the index can be read and shows what was written; the recheck delay."""
        self.reader.require(self._soon(call.deadline))
        self.reader.keys(0, 1, self._soon(call.deadline))  # so that a refusal comes before the table is scanned
        visibility = self._visibility
        try:
            recheck_delay = prepare.recheck_delay(self.settings.recheck_delay, self.account.lag(self.clock.now()))
            visibility.wait(call.deadline)
        except (PipelineLateError, CollectionBusyError) as error:
            raise RunRefusedError(str(error)) from error
        # A collection that was late will be so again: the calls keep time for it.
        return max(recheck_delay, min(visibility.late, LONGEST_RECHECK_DELAY))

    def _gives_way(self, order: Order, run: str, started: datetime) -> dict[str, Any]:
        """The answer of a scheduled run that leaves the field to another, else empty. Raises RunRefusedError."""
        try:
            prepare.check_alone(self.account.running(), run, started)
        except RunRefusedError as error:
            if order.scheduled:
                return {"gave_way": str(error)}
            raise
        return {}

    def _check_alone(self, run: str) -> None:
        """Raise RunRefusedError where a run that began together with this one is to go on instead of it."""
        with suppress(
            StackError
        ):  # the question has a rate that all runs of an account share: the next call asks again
            prepare.check_alone(self.account.running(), run)

    def _ensure_index(self, deadline: Deadline) -> None:
        attempt = 0
        while self.collection.ensure_index(min(REQUEST_TIMEOUT, deadline.remaining())).kind is not Kind.DONE:
            if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                raise CollectionBusyError("The collection was too busy to say whether the index is there.")
            attempt += 1

    def _delay_when_in_time(self, recheck_delay: float) -> float:
        """The recheck delay of a call. A pipeline that is too late is waited for a while, then raises
        PipelineLateError: what CloudWatch says of the last minutes is still there when it has caught up."""
        until = self.clock.monotonic() + CAUGHT_UP_WITHIN
        while True:
            try:
                return prepare.recheck_delay(recheck_delay, self.account.lag(self.clock.now()))
            except PipelineLateError:
                if self.clock.monotonic() >= until:
                    raise
                self.clock.sleep(ASKED_EVERY)

    @property
    def _lateness(self) -> Lateness:
        watch = self.settings.watch + self.settings.window  # so late a change may be without any lag
        return Lateness(lambda since: self.account.lag(self.clock.now(), since), watch)

    @property
    def _visibility(self) -> Visibility:
        return Visibility(self.collection, self.reader, self.clock, self.backoff, self.config.max_skew)

    def _soon(self, deadline: Deadline) -> Deadline:
        return deadline.at_most(self.clock.monotonic() + SHORT_STEP)

    def _requests(self) -> int:
        return self.collection.requests + self.reader.requests
