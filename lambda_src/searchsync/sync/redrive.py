"""One redrive: messages of the failure queue to keys, keys in step with the table, messages deleted.

It reads like the sync function's pipeline: take messages, bring their keys in step by resync, delete
what is settled. A message is deleted only when its key is right, so a crash anywhere repeats writes
that are versioned, and loses nothing.

The trigger's range messages carry no keys: they are read from the stream, which keeps them 24 hours. A
key of the range that still cannot be written gets a message of its own before the range's goes, since
that one could not be taken up again after those 24 hours. What a call could not bring in step of a range
is a message of its own, too, from the first record of the first such key on: it is sent before the
range's goes, so that the next call goes on where this one came to, and a crash between leaves both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Protocol

from searchsync.clock import Backoff, Clock, Deadline
from searchsync.config import Config
from searchsync.documents.document import document_id
from searchsync.edges.failures import Message, failure_message
from searchsync.errors import LostRecordsError, MalformedEventError, TableBusyError
from searchsync.limits import LARGEST_BODY, RESERVE, SHORTEST_ROUND, TAKEN_AT_ONCE
from searchsync.protocol.messages import PoisonMessage, RangeMessage, StrangeMessage, read_message, rest_of
from searchsync.protocol.plan import FROM_THE_FUTURE, Poison, told_second
from searchsync.protocol.ports import Table
from searchsync.protocol.records import StreamRecord
from searchsync.protocol.version import deletes_as_of
from searchsync.sync.delivery import Delivery, Window
from searchsync.sync.metrics import MADE_ANEW, RedriveReport
from searchsync.sync.pipeline import Failures, PipelineCollection, outcome_poison
from searchsync.sync.resync import Outcome, Result, Resync, Target

RIGHT = frozenset({Result.RESYNCED, Result.PASSED, Result.STALE})
"""Results after which the key is right: written as it was read, or something newer is there already."""
OWN_MESSAGE = frozenset({Result.POISON, Result.FUTURE})
"""Results that only somebody's hand can change."""


class FailureMessages(Failures, Protocol):
    """The failure queue as the redrive sees it."""

    def receive(self) -> list[Message]:
        """Take some messages; none: the queue has none to give."""
        ...

    def delete(self, messages: Sequence[Message], deadline: Deadline) -> tuple[list[int], str]:
        """Delete messages; the positions of those that stay all the same, and why."""
        ...

    def release(self, messages: Sequence[Message], deadline: Deadline) -> tuple[list[int], str]:
        """Let messages be seen again at once; the positions of those that stay hidden, and why."""
        ...


class Stream(Protocol):
    """The stream as the redrive sees it."""

    def records(self, wanted: RangeMessage, deadline: Deadline) -> Iterator[StreamRecord]:
        """The records of a range. Raises LostRecordsError, or TableBusyError where the time does not suffice."""
        ...


def repaired_since(event: object, latest: float) -> float | None:
    """When the last successful repair began (Unix seconds), None where the event does not say.

    Raises MalformedEventError where it says something else, or a time after `latest`.
    """
    given = event.get("repaired_since") if isinstance(event, Mapping) else None
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= latest:
        raise MalformedEventError(
            f"repaired_since is {str(given)[:40]!r}: give the start of the last successful repair in Unix seconds "
            "(not milliseconds), or leave it out."
        )
    return float(given)


def settled_by_repair(wanted: RangeMessage, repaired: float | None, max_skew: float) -> bool:
    """Whether a repair that began at `repaired` has read every key of the range after its last record."""
    return repaired is not None and wanted.last_second is not None and wanted.last_second + max_skew < repaired


def targets_of(messages: Iterable[PoisonMessage]) -> list[Target]:
    """One target for each key: several messages of one key are one resync, of the latest of their records."""
    found: dict[str, Target] = {}
    for each in messages:
        before = found.get(each.id)
        second = each.second if before is None else max(each.second, before.record_second)
        as_of = each.as_of if before is None else max(each.as_of, before.as_of)
        found[each.id] = Target(each.id, each.keys, second, second, as_of=as_of)
    return list(found.values())


def why_it_stays(outcomes: Mapping[str, Outcome]) -> str:
    """Why a key is not right after its views' outcomes, as an error type; empty where it is right in all of them."""
    outcome = next((each for each in outcomes.values() if each.result not in RIGHT), None)
    if outcome is None:
        return ""
    if outcome.result is Result.FUTURE:
        return FROM_THE_FUTURE
    return outcome.answer.error_type or outcome.result.value


def _is_settled(outcomes: Mapping[str, Outcome]) -> bool:
    """Whether a key is right in each view, or can have a message of its own."""
    return all(each.result in RIGHT | OWN_MESSAGE for each in outcomes.values())


@dataclass(frozen=True, slots=True)
class _Changed:
    """A key of a range: the number of its first record, its last record, and of them all the latest second, and what
    `deletes_as_of` says."""

    first: str
    record: StreamRecord
    second: int
    as_of: float


@dataclass
class _Held:
    """Messages that are taken and not settled, by id; of ranges, from which sequence number on they are not in step."""

    messages: dict[str, Message] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Redrive:
    """The redrive's parts, put together."""

    config: Config
    collection: PipelineCollection
    table: Table
    stream: Stream
    queue: FailureMessages
    clock: Clock
    backoff: Backoff
    largest_body: int = LARGEST_BODY
    window: Window = field(default_factory=Window)

    def run(self, event: object, remaining: float, report: RedriveReport) -> None:
        """Take up messages until the queue gives none, or the time is nearly over. Fills the report.

        `remaining`: seconds that the invocation still has. Raises SearchsyncError when nothing could be
        taken up: the stack is wrong, or the event.
        """
        deadline = Deadline.after(self.clock, remaining - RESERVE)
        repaired = repaired_since(event, self.clock.now() + self.config.max_skew)
        held = _Held()
        try:
            seen: set[str] = set()
            while messages := self._take(seen, deadline):
                held.messages |= messages
                self._round(held, list(messages.values()), repaired, deadline, report)
                if deadline.remaining() < SHORTEST_ROUND:
                    report.more = report.ended = True
                    self._shorten(held, deadline, report)
                    return  # what stays is hidden for its time: the next call takes up what was not yet seen
        except Exception:
            self._shorten(held, deadline, report)
            self._release(held, deadline, report)
            raise
        report.ended = True
        self._shorten(held, deadline, report)
        self._release(held, deadline, report)

    def _take(self, seen: set[str], deadline: Deadline) -> dict[str, Message]:
        """Messages that were not seen yet, by id; a standard queue may give one twice."""
        taken: dict[str, Message] = {}
        while len(taken) < TAKEN_AT_ONCE and (not taken or deadline.remaining() >= SHORTEST_ROUND):
            fresh = {each.id: each for each in self.queue.receive() if each.id not in seen}
            if not fresh:
                break
            seen.update(fresh)
            taken |= fresh
        return taken

    def _round(
        self,
        held: _Held,
        messages: Sequence[Message],
        repaired: float | None,
        deadline: Deadline,
        report: RedriveReport,
    ) -> None:
        report.taken += len(messages)
        contents = {each.id: read_message(each.body, self.config, self.clock.now()) for each in messages}
        poison = {name: each for name, each in contents.items() if isinstance(each, PoisonMessage)}
        outcomes = self._resync(targets_of(poison.values()), deadline, report)
        reasons = {name: why_it_stays(outcomes[each.id]) for name, each in poison.items()}
        for name, each in contents.items():
            if isinstance(each, StrangeMessage):
                reasons[name] = each.reason
                report.strange += 1
        self._acknowledge(held, reasons, deadline, report)
        for name, each in contents.items():
            if isinstance(each, RangeMessage):
                reason, reached = self._range(each, repaired, deadline, report)
                if reached:
                    held.reached[name] = reached
                self._acknowledge(held, {name: reason}, deadline, report)

    def _acknowledge(self, held: _Held, reasons: Mapping[str, str], deadline: Deadline, report: RedriveReport) -> None:
        """Delete the messages without a reason to stay."""
        settled = [held.messages[name] for name, reason in reasons.items() if not reason]
        left = self._delete(held, settled, deadline, report)
        report.redriven += len(settled) - left
        report.reasons.update([reason for reason in reasons.values() if reason] + ["not_deleted"] * left)

    def _delete(self, held: _Held, messages: Sequence[Message], deadline: Deadline, report: RedriveReport) -> int:
        """Delete messages; how many stay all the same."""
        refused, why = self.queue.delete(messages, deadline)
        if refused:
            report.error = f"{len(refused)} messages could not be deleted ({why}): check the role's sqs:DeleteMessage"
        for position, message in enumerate(messages):
            if position not in refused:
                del held.messages[message.id]
        return len(refused)

    def _shorten(self, held: _Held, deadline: Deadline, report: RedriveReport) -> None:
        """Put messages of what is left of ranges in place of theirs, at the end: this call shall not take them up."""
        longer = [held.messages[name] for name in held.reached]
        rests = [rest_of(each.body, held.reached[each.id]) for each in longer]
        refused, why = self.queue.send(rests, deadline)
        if refused:
            report.error = _not_sent(len(refused), why)
        self._delete(held, [each for place, each in enumerate(longer) if place not in refused], deadline, report)

    def _range(
        self, wanted: RangeMessage, repaired: float | None, deadline: Deadline, report: RedriveReport
    ) -> tuple[str, str]:
        """Bring the keys of a range in step. Why its message stays, else empty; and the sequence number before which
        all is settled, empty where that is nothing."""
        by_repair = settled_by_repair(wanted, repaired, self.config.max_skew)
        # A repair leaves what may be kept, and only the stream tells which of it somebody deleted.
        if by_repair and not any(view.rules.keep_expired for view in self.config.targets):
            return "", ""
        try:
            if wanted.stream_arn != self.config.stream_arn:
                raise LostRecordsError("another_stream", wanted.shard_id)
            changed = self._changed(self.stream.records(wanted, deadline))
        except LostRecordsError as error:
            # Not RepairNeeded, which only a later repair settles: a schedule says it again while a repair runs.
            report.lost += not by_repair
            return "" if by_repair else error.reason, ""
        except TableBusyError:
            return "stream_busy", ""
        targets = [
            Target(name, each.record.keys, each.second, each.second, as_of=each.as_of) for name, each in changed.items()
        ]
        outcomes = self._resync(targets, deadline, report)
        settled = list(takewhile(lambda name: _is_settled(outcomes[name]), changed))
        own = [
            outcome_poison(changed[name].record, outcome, index, changed[name].as_of)
            for name in settled
            for index, outcome in outcomes[name].items()
            if outcome.result in OWN_MESSAGE
        ]
        if not self._hand_over(own, deadline, report):
            return "not_sent", ""
        if len(settled) == len(changed):
            return "", ""
        first = list(changed)[len(settled)]
        return why_it_stays(outcomes[first]), changed[first].first if settled else ""

    def _hand_over(self, poison: Sequence[Poison], deadline: Deadline, report: RedriveReport) -> bool:
        """A message of its own for each key of a range that cannot be written. Whether the queue took them all."""
        now = self.clock.now()
        refused, why = self.queue.send([failure_message(each, self.config, now) for each in poison], deadline)
        if refused:
            report.error = _not_sent(len(refused), why)
        return not refused

    def _changed(self, records: Iterable[StreamRecord]) -> dict[str, _Changed]:
        """The keys of a range by document id, in the order of their first records."""
        found: dict[str, _Changed] = {}
        now = self.clock.now()
        for record in records:
            name = document_id(record.keys, self.config.key_attributes)
            told = told_second(record, now + self.config.max_skew)
            second = math.ceil(now) if told is None else told
            as_of = deletes_as_of(record.removal, told)
            before = found.get(name)
            found[name] = (
                _Changed(record.sequence_number, record, second, as_of)
                if before is None
                else _Changed(before.first, record, max(second, before.second), max(as_of, before.as_of))
            )
        return found

    def _resync(
        self, keys: Sequence[Target], deadline: Deadline, report: RedriveReport
    ) -> dict[str, dict[str, Outcome]]:
        """The outcomes of each key in each view, by document id and index."""
        report.keys += len(keys)
        if not keys:
            return {}
        targets = [replace(each, view=view) for each in keys for view in self.config.targets]
        born = {each.name: float(each.record_second) for each in targets}
        delivery = Delivery(self.collection, self.backoff, self.largest_body, born.__getitem__, window=self.window)
        found = Resync(self.table, delivery.deliver, self.clock, self.config.max_skew).run(targets, deadline)
        outcomes: dict[str, dict[str, Outcome]] = {each.id: {} for each in keys}
        for target in targets:
            outcomes[target.id][target.view.index] = found[target.name]
        reasons = {name: why_it_stays(each) for name, each in outcomes.items()}
        report.stayed_documents += [(name, reason) for name, reason in reasons.items() if reason]
        if self.collection.recreated:
            report.repair_needed.append(MADE_ANEW)
            self.collection.recreated = False
        return outcomes

    def _release(self, held: _Held, deadline: Deadline, report: RedriveReport) -> None:
        refused, why = self.queue.release(list(held.messages.values()), deadline)
        if refused and not report.error:
            report.error = (
                f"{len(refused)} messages stay hidden for the queue's visibility timeout ({why}): "
                "check the role's sqs:ChangeMessageVisibility"
            )


def _not_sent(count: int, why: str) -> str:
    return f"the failure queue refused {count} messages ({why}): check the role's sqs:SendMessage"
