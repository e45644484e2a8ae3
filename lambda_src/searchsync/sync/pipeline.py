"""One invocation: records to documents, documents to the index, what failed to the trigger.

It reads like the picture: plan the batch, write it, look at the conflicts, ask the table where time
and order disagree, hand poison to the failure queue, name the lowest record that failed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

from searchsync.clock import Backoff, Clock, Deadline, time_to_write
from searchsync.config import Config
from searchsync.edges.failures import failure_message
from searchsync.errors import StackError
from searchsync.limits import BEHIND_AGE, LARGEST_BODY, RECORDS_SHOWN, REPAIR_AGE, RESERVE
from searchsync.protocol.bulk import Answer, Kind, Write
from searchsync.protocol.plan import Change, Plan, Poison, plan_batch, record_version, refused
from searchsync.protocol.ports import Table
from searchsync.protocol.records import StreamRecord, lowest, parse_event
from searchsync.protocol.version import Verdict, is_table_read, second_of, verdict, verdict_on_expiry
from searchsync.sanitize import shown
from searchsync.sync.delivery import Collection, Delivery, Window
from searchsync.sync.metrics import MADE_ANEW, Report
from searchsync.sync.resync import Outcome, Result, Resync, Target


class PipelineCollection(Collection, Protocol):
    """The collection as the pipeline sees it."""

    recreated: bool


class Failures(Protocol):
    """The failure queue as the pipeline sees it."""

    def send(self, messages: Sequence[str], deadline: Deadline) -> tuple[list[int], str]:
        """Send messages, until the reserve behind the deadline; the positions that were not taken, and why."""
        ...


@dataclass(frozen=True)
class Pipeline:
    """The function's parts, put together."""

    config: Config
    collection: PipelineCollection
    table: Table
    failures: Failures
    clock: Clock
    backoff: Backoff
    largest_body: int = LARGEST_BODY
    window: Window = field(default_factory=Window)

    def run(self, event: object, remaining: float, report: Report) -> dict[str, Any]:
        """Bring the event's records into the index; the answer for the trigger.

        `remaining`: seconds that the invocation still has. `report` is filled as it goes, also when
        this raises. Raises SearchsyncError when the whole batch must be delivered again.
        """
        taken = self.clock.monotonic()
        deadline = Deadline.after(self.clock, remaining - RESERVE)
        records = parse_event(event)
        self._look_at_the_stream(records, report)
        received = math.ceil(self.clock.now())
        latest = self.clock.now() + self.config.max_skew
        plan = plan_batch(records, self.config.key_attributes, received, latest, self.config.targets)
        named = islice(plan.last, RECORDS_SHOWN)
        report.records = [(each.record.event_name, each.id, each.record.sequence_number) for each in named]
        self.window.begin(behind=report.oldest_age >= BEHIND_AGE)
        delivery = Delivery(
            self.collection,
            self.backoff,
            self.largest_body,
            lambda name: plan.changes[name].latest_second,
            window=self.window,
        )
        outcomes = self._write(plan, delivery, taken, deadline) if plan.changes else {}
        for outcome in outcomes.values():
            report.results[outcome.result] += 1
        if plan.filtered:
            report.results[Result.FILTERED] += plan.filtered
        report.busy = _busy(delivery, outcomes)
        if self.collection.recreated:
            report.repair_needed.append(MADE_ANEW)
            self.collection.recreated = False
        poison = plan.poison + [
            outcome_poison((change := plan.changes[name]).record, outcome, change.view.index, change.as_of)
            for name, outcome in outcomes.items()
            if outcome.result in (Result.POISON, Result.FUTURE)
        ]
        failed = [
            change.record.sequence_number
            for name, change in plan.changes.items()
            if name in outcomes and outcomes[name].result is Result.FAILED
        ]
        report.failed = self._hand_over(records, failed, poison, deadline, report)
        return {"batchItemFailures": [] if report.failed is None else [{"itemIdentifier": report.failed}]}

    def _look_at_the_stream(self, records: Sequence[StreamRecord], report: Report) -> None:
        report.received = len(records)
        seconds = [record.second for record in records if record.second is not None]
        if seconds:
            report.oldest_age = max(0.0, self.clock.now() - min(seconds))
        if report.oldest_age > REPAIR_AGE:
            report.repair_needed.append("a record over 23 h old: the stream may have dropped others")
        for arn in {record.stream_arn for record in records} - {self.config.stream_arn}:
            if not arn.startswith(self.config.table_arn + "/stream/"):
                raise StackError(
                    f"A record comes from {shown(arn)}, not from the table of STREAM_ARN. "
                    "Check the event source mappings of this function."
                )
            report.repair_needed.append("the table's stream is not the configured one: apply again")

    def _write(self, plan: Plan, delivery: Delivery, taken: float, deadline: Deadline) -> dict[str, Outcome]:
        """The outcome of each document that the plan writes or resyncs.

        Nothing above the lowest failed record is resynced: it comes again, and what it would meet then is another
        conflict.
        """
        outcomes: dict[str, Outcome] = {}
        # A newer trigger may deliver the deletion that follows, while nobody waits for this invocation any more.
        answers = delivery.deliver(plan.writes, time_to_write(taken, deadline))
        passed = {name for name, each in answers.items() if each.current is not None and is_table_read(each.current)}
        shown = delivery.current_versions((each for each in plan.writes if each.name in passed), deadline)
        settled = {
            (name := write.name): self._classify(write, plan.changes[name], answers[name], shown.get(name))
            for write in plan.writes
        } | {name: self._target(plan.changes[name]) for name in plan.resyncs}
        targets: list[Target] = []
        failed = False
        for name in plan.changes:
            found = settled.get(name)
            if isinstance(found, Outcome):
                outcomes[name] = found
                failed = failed or found.result is Result.FAILED
            elif found is not None and not failed:
                targets.append(found)
        if targets:
            until = time_to_write(taken, deadline)
            resync = Resync(self.table, delivery.deliver, self.clock, self.config.max_skew, kept_until=until)
            outcomes |= resync.run(targets, deadline)
        return outcomes

    def _target(self, change: Change, current: int | None = None) -> Target:
        past = change.latest_second if current is None else max(change.latest_second, second_of(current))
        second, view = change.latest_second, change.view
        return Target(change.id, change.record.keys, second, past, view, change.as_of, current)

    def _classify(self, write: Write, change: Change, answer: Answer, shown: int | None) -> Outcome | Target:
        if answer.kind is Kind.DONE:
            return Outcome(Result.DELETED if write.source is None else Result.WRITTEN, answer)
        if answer.kind is Kind.POISON:
            return Outcome(Result.POISON, answer)
        if answer.kind is Kind.BUSY:
            return Outcome(Result.FAILED, answer)
        current = None if answer.looked_up else answer.current
        now, max_skew = self.clock.now(), self.config.max_skew
        if change.is_kept and write.source is not None:
            found = verdict_on_expiry(ours=write.version, current=answer.current, now=now, max_skew=max_skew)
            target = replace(self._target(change, current), kept=write)
            return target if found is Verdict.RESYNC else Outcome(Result(found.value), answer)
        found = verdict(
            ours=write.version,
            deletion=write.source is None,
            current=current,
            shown=shown,
            now=now,
            max_skew=max_skew,
        )
        if found is Verdict.RESYNC:
            return self._target(change, current)
        return Outcome(Result(found.value), answer)

    def _hand_over(
        self,
        records: Sequence[StreamRecord],
        failed: list[str],
        poison: list[Poison],
        deadline: Deadline,
        report: Report,
    ) -> str | None:
        """Send the poison below the lowest failed record to the failure queue; the lowest failed record.

        What lies above it comes again, and would be in the queue twice. What the queue refuses fails.
        """
        position = {record.sequence_number: number for number, record in enumerate(records)}
        lowest_failed = lowest(sorted(failed, key=position.__getitem__))
        poison = sorted(poison, key=lambda each: position[each.sequence_number])
        if lowest_failed is not None:
            poison = [each for each in poison if position[each.sequence_number] < position[lowest_failed]]
        now = self.clock.now()
        untaken, why = self.failures.send([failure_message(each, self.config, now) for each in poison], deadline)
        report.poison = [each for number, each in enumerate(poison) if number not in untaken]
        if not untaken:
            return lowest_failed
        report.error = f"the failure queue refused {len(untaken)} messages ({why}): check the role's sqs:SendMessage"
        return poison[min(untaken)].sequence_number


def outcome_poison(record: StreamRecord, outcome: Outcome, index: str, as_of: float) -> Poison:
    """The poison that the outcome POISON or FUTURE in an index makes of a record. `as_of`: as in `Poison`."""
    version = record_version(record, math.inf)
    return refused(record.keys, record.sequence_number, version, outcome.answer, index, as_of=as_of)


def _busy(delivery: Delivery, outcomes: Mapping[str, Outcome]) -> str:
    """What held up the invocation: the collection's last busy answer, and why a resync gave up."""
    last = delivery.last_busy
    held = [f"{last.status or 'no answer'} {last.error_type}".strip()] if last is not None else []
    failed = [each.answer for each in outcomes.values() if each.result is Result.FAILED]
    ours = {answer.reason for answer in failed if answer.status is None and answer.error_type == "resync_failed"}
    return "; ".join(held + sorted(ours))
