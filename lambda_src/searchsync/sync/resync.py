"""Resync: read items and write what the table holds now, with the read's version.

The rules and their reasons stand at the head of `version`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from searchsync.clock import Clock, Deadline, time_to_write
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import encode
from searchsync.documents.view import FIRST, View, name_of
from searchsync.errors import SearchsyncError, TableBusyError
from searchsync.limits import GATHERED_S, LARGEST_BODY, READ_AND_WRITE, ROUNDS
from searchsync.protocol.bulk import DONE, Answer, Kind, Write, lines
from searchsync.protocol.ports import Deliver, Page, Table
from searchsync.protocol.version import Verdict, read_version, second_of, verdict_on_read, wait_until_past

NO_KEY_OF_THE_TABLE = Answer(
    Kind.POISON,
    None,
    "another_key_schema",
    "the table refuses the key: it was written when the table had another key schema",
)
"""Of a key that no item of the table can have: nothing can be read, and no redrive can bring it in step."""


class Result(Enum):
    """What became of a document."""

    WRITTEN = "written"
    DELETED = "deleted"
    RESYNCED = "resynced"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    PASSED = "passed"
    STALE = "stale"
    POISON = "poison"
    FUTURE = "future"
    FAILED = "failed"


@dataclass(slots=True)  # one a record is made: frozen takes three times as long
class Outcome:
    """A document's result, with the answer that led to it."""

    result: Result
    answer: Answer = DONE


@dataclass(frozen=True, slots=True)
class Target:
    """A key to bring in step in a view. `record_second`: of the record that asks for it; `past`: the latest second
    that the read's version must lie above."""

    id: str
    keys: AttributeMap
    record_second: int
    past: int
    view: View = FIRST

    @property
    def name(self) -> str:
        """By what its outcome is found."""
        return name_of(self.view.index, self.id)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page gave: its writes with its version, their size, and what of it cannot be written."""

    read_monotonic: float
    writes: list[Write]
    size: int
    unwritable: dict[str, tuple[int, Answer]]


@dataclass(frozen=True)
class Resync:
    """Brings keys in step with the table."""

    table: Table
    deliver: Deliver
    clock: Clock
    max_skew: float
    largest_body: int = LARGEST_BODY

    def run(self, targets: Sequence[Target], deadline: Deadline) -> dict[str, Outcome]:
        """The outcome of each target, by its name: RESYNCED, PASSED, STALE, POISON, FUTURE or FAILED."""
        outcomes: dict[str, Outcome] = {}
        waiting = {target.name: target for target in targets}
        busy: set[str] = set()
        for _ in range(ROUNDS):
            if not waiting:
                return outcomes
            if not self._wait(max(target.past for target in waiting.values()), deadline):
                return outcomes | _all(waiting, Result.FAILED)
            answers, unread = self._round(waiting, deadline)
            busy |= {name for name, (_, answer) in answers.items() if answer.kind is Kind.BUSY}
            for name, (version, answer) in answers.items():
                outcome = self._classify(waiting[name], version, answer)
                if isinstance(outcome, Target):
                    waiting[name] = outcome
                else:
                    outcomes[name] = outcome
                    del waiting[name]
            if unread:
                return outcomes | _all(waiting, Result.FAILED, unread)
        disputed = f"no agreement with the index in {ROUNDS} rounds"
        return (
            outcomes
            | _all([name for name in waiting if name in busy], Result.FAILED, "the collection was busy")
            | _all([name for name in waiting if name not in busy], Result.POISON, disputed)
        )

    def _wait(self, second: int, deadline: Deadline) -> bool:
        while (pause := wait_until_past(second, self.clock.now(), self.max_skew)) > 0.0:
            if deadline.remaining() - pause < READ_AND_WRITE:
                return False
            self.clock.sleep(pause)
        return deadline.remaining() >= READ_AND_WRITE

    def _round(self, waiting: Mapping[str, Target], deadline: Deadline) -> tuple[dict[str, tuple[int, Answer]], str]:
        """Versions written with their answers, by name; and why the rest was not read, else empty. A key that several
        views wait for is read once."""
        answers: dict[str, tuple[int, Answer]] = {}
        gathered: list[_Read] = []
        unread = ""
        views: dict[str, list[View]] = {}
        for target in waiting.values():
            views.setdefault(target.id, []).append(target.view)
        try:
            # `map` keeps no page: while one is read the one before it would be in memory, too.
            pages = self.table.read({target.id: target.keys for target in waiting.values()}, deadline)
            for read in map(partial(self._converted, views), pages):
                answers |= read.unwritable
                if self._is_time(gathered, read, deadline):
                    answers |= self._write(gathered, deadline)
                    gathered = []
                if read.writes:
                    gathered.append(read)
        except TableBusyError as error:
            unread = str(error)
        return answers | self._write(gathered, deadline), unread

    def _converted(self, views: Mapping[str, Sequence[View]], page: Page) -> _Read:
        version = read_version(page.read_at, self.max_skew)
        read = _Read(page.read_monotonic, [], 0, {})
        for name, image in page.images.items():
            for view in views[name]:
                try:
                    read.writes.append(Write(name, version, encode(name, image, view.rules), view.index))
                except Exception as error:  # noqa: BLE001 - one item's failure in pure code is that item's
                    read.unwritable[name_of(view.index, name)] = (version, _unwritable(error))
        refused = [name_of(view.index, name) for name in page.refused for view in views[name]]
        read.unwritable.update(dict.fromkeys(refused, (version, NO_KEY_OF_THE_TABLE)))
        return replace(read, size=sum(len(lines(write)) for write in read.writes))

    def _is_time(self, gathered: Sequence[_Read], read: _Read, deadline: Deadline) -> bool:
        """Whether what was gathered is written before `read` is added: it would be too much for one request, or
        old, or late; or the table gave nothing and is waited for."""
        if not gathered:
            return False
        size = sum(each.size for each in gathered) + read.size
        age = self.clock.monotonic() - gathered[0].read_monotonic
        late = deadline.remaining() < READ_AND_WRITE
        return late or not read.writes or size > self.largest_body or age >= GATHERED_S

    def _write(self, gathered: Sequence[_Read], deadline: Deadline) -> dict[str, tuple[int, Answer]]:
        """Each write carries its own read's version; all are begun and answered in the oldest read's time."""
        if not gathered:
            return {}
        writes = [write for read in gathered for write in read.writes]
        answers = self.deliver(writes, time_to_write(gathered[0].read_monotonic, deadline))
        versions = {write.name: write.version for write in writes}
        return {name: (versions[name], answer) for name, answer in answers.items()}

    def _classify(self, target: Target, version: int, answer: Answer) -> Outcome | Target:
        if answer.kind is Kind.DONE:
            return Outcome(Result.RESYNCED, answer)
        if answer.kind is Kind.POISON:
            return Outcome(Result.POISON, answer)
        if answer.kind is Kind.BUSY:
            return target
        verdict = verdict_on_read(
            ours=version,
            record_second=target.record_second,
            current=answer.current,
            now=self.clock.now(),
            max_skew=self.max_skew,
        )
        if verdict is Verdict.RESYNC:
            # What refused this version is at least as high; a late look-up does not know it.
            known = answer.current if answer.current is not None and answer.current >= version else None
            past = int(self.clock.now()) if known is None else second_of(known)
            return replace(target, past=max(target.past, past))
        return Outcome(Result(verdict.value), answer)


def _all(names: Iterable[str], result: Result, reason: str = "the invocation's time is over") -> dict[str, Outcome]:
    outcome = Outcome(result, Answer(Kind.BUSY, None, f"resync_{result.value}", reason))
    return dict.fromkeys(names, outcome)


def _unwritable(error: Exception) -> Answer:
    reason = str(error) if isinstance(error, SearchsyncError) else "an error in the conversion of this item"
    return Answer(Kind.POISON, None, type(error).__name__, reason)
