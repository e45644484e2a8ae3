"""Resync: read items and write what the table holds now, with the read's version.

The rules and their reasons stand at the head of `version`.
"""

from __future__ import annotations

import math
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
from searchsync.protocol.version import (
    Verdict,
    is_table_read,
    read_version,
    second_of,
    verdict_on_expiry,
    verdict_on_read,
    verdict_without_item,
    version_without_item,
    wait_until_past,
)

NO_KEY_OF_THE_TABLE = Answer(
    Kind.POISON,
    None,
    "another_key_schema",
    "the table refuses the key: it was written when the table had another key schema",
)
"""Of a key that no item of the table can have: nothing can be read, and no redrive can bring it in step."""

TOO_LATE = Answer(Kind.BUSY, None, "resync_failed", "an expiry's batch was taken too long ago to write it")


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
    that the read's version must lie above; `as_of`: what `deletes_as_of` says of the record; `known`: the version that
    refused it, None where it is not known; `kept`: an expiry's write, where the item is gone."""

    id: str
    keys: AttributeMap
    record_second: int
    past: int
    view: View = FIRST
    as_of: float = math.inf
    known: int | None = None
    kept: Write | None = None

    @property
    def name(self) -> str:
        """By what its outcome is found."""
        return name_of(self.view.index, self.id)

    def version(self, image: AttributeMap | None, read: int, max_skew: float) -> int:
        """The version to write what a read of version `read` found of its item."""
        if image is not None or not self.view.rules.keep_expired:
            return read
        return version_without_item(self.as_of, read, max_skew, self.known)

    def is_fixed(self, version: int, max_skew: float) -> bool:
        """Whether a version is a deletion's as of the record: a later read would give the same."""
        return self.version(None, version + 1, max_skew) == version


@dataclass(frozen=True, slots=True)
class _Read:
    """What a page gave: its writes, their size, and what of it cannot be written, by name with version and reason."""

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
    kept_until: Deadline | None = None
    """Until when what expiries keep may be written: it is of the batch, and no read makes it newer."""

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
        targets: dict[str, list[Target]] = {}
        for target in waiting.values():
            targets.setdefault(target.id, []).append(target)
        try:
            # `map` keeps no page: while one is read the one before it would be in memory, too.
            pages = self.table.read({target.id: target.keys for target in waiting.values()}, deadline)
            for read in map(partial(self._converted, targets), pages):
                answers |= read.unwritable
                if self._is_time(gathered, read, deadline):
                    answers |= self._write(gathered, deadline)
                    gathered = []
                if read.writes:
                    gathered.append(read)
        except TableBusyError as error:
            unread = str(error)
        return answers | self._write(gathered, deadline), unread

    def _converted(self, targets: Mapping[str, Sequence[Target]], page: Page) -> _Read:
        of_read = read_version(page.read_at, self.max_skew)
        read = _Read(page.read_monotonic, [], 0, {})
        for name, image in page.images.items():
            for target in targets[name]:
                if image is None and target.kept is not None:
                    self._keep(target.kept, read)
                    continue
                version = target.version(image, of_read, self.max_skew)
                try:
                    source = encode(name, image, target.view.rules)
                    read.writes.append(Write(name, version, source, target.view.index))
                except Exception as error:  # noqa: BLE001 - one item's failure in pure code is that item's
                    read.unwritable[target.name] = (version, _unwritable(error))
        refused = [target.name for name in page.refused for target in targets[name]]
        read.unwritable.update(dict.fromkeys(refused, (of_read, NO_KEY_OF_THE_TABLE)))
        return replace(read, size=sum(len(lines(write)) for write in read.writes))

    def _keep(self, write: Write, read: _Read) -> None:
        if self.kept_until is None or self.kept_until.begin_within() > 0.0:
            read.writes.append(write)
        else:
            read.unwritable[write.name] = (write.version, TOO_LATE)

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
        until = time_to_write(gathered[0].read_monotonic, deadline)
        if self.kept_until is not None and any(not is_table_read(write.version) for write in writes):
            until = until.at_most(self.kept_until.at, self.kept_until.begin_by)
        answers = self.deliver(writes, until)
        versions = {write.name: write.version for write in writes}
        return {name: (versions[name], answer) for name, answer in answers.items()}

    def _classify(self, target: Target, version: int, answer: Answer) -> Outcome | Target:
        if answer.kind is Kind.DONE:
            return Outcome(Result.RESYNCED, answer)
        if answer.kind is Kind.POISON:
            return Outcome(Result.POISON, answer)
        if answer.kind is Kind.BUSY:
            return target
        found = self._verdict(target, version, answer.current)
        if found is Verdict.RESYNC:
            # What refused this version is at least as high; a late look-up does not know it.
            known = answer.current if answer.current is not None and answer.current >= version else None
            past = int(self.clock.now()) if known is None else second_of(known)
            return replace(target, past=max(target.past, past), known=known)
        return Outcome(Result(found.value), answer)

    def _verdict(self, target: Target, version: int, current: int | None) -> Verdict:
        now, max_skew = self.clock.now(), self.max_skew
        if target.kept is not None and target.kept.version == version:
            return verdict_on_expiry(ours=version, current=current, now=now, max_skew=max_skew)
        if target.is_fixed(version, max_skew):
            as_of = target.as_of
            return verdict_without_item(ours=version, as_of=as_of, current=current, now=now, max_skew=max_skew)
        second = target.record_second
        return verdict_on_read(ours=version, record_second=second, current=current, now=now, max_skew=max_skew)


def _all(names: Iterable[str], result: Result, reason: str = "the invocation's time is over") -> dict[str, Outcome]:
    outcome = Outcome(result, Answer(Kind.BUSY, None, f"resync_{result.value}", reason))
    return dict.fromkeys(names, outcome)


def _unwritable(error: Exception) -> Answer:
    reason = str(error) if isinstance(error, SearchsyncError) else "an error in the conversion of this item"
    return Answer(Kind.POISON, None, type(error).__name__, reason)
