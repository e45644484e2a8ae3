"""One call of a walk: a part of the table, an export or the index, walked for minutes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from searchsync.bulk import LARGEST_BODY
from searchsync.clock import Backoff, Clock, Deadline
from searchsync.config import Config
from searchsync.delivery import Delivery
from searchsync.errors import CollectionBusyError, StackError
from searchsync.failures import failure_message
from searchsync.foreign import shown
from searchsync.pipeline import Failures, PipelineCollection
from searchsync.plan import Poison
from searchsync.records import AttributeMap
from searchsync.resync import time_to_write
from searchsync.table import DynamoTable, Item, ScanPage
from searchsync.version import read_version
from searchsync.walk.backfill import Backfill, Written
from searchsync.walk.export import BrokenFileError, ExportFile
from searchsync.walk.keys import KeyTypes
from searchsync.walk.reader import IndexReader
from searchsync.walk.repair import Repair
from searchsync.walk.report import Reports
from searchsync.walk.state import File, Segment, Slice, State
from searchsync.walk.verify import Difference, Verification

ONE_PAGE = 70.0
"""Seconds: with less left no page is begun. A page has 55 s from its read to the last answer."""
LINES_AT_ONCE = 1_000
"""Lines of an export's file that are written together."""


class Pace:
    """Keeps a lane to its read units a second; None is no limit."""

    def __init__(self, clock: Clock, rate: float | None) -> None:
        self._clock = clock
        self._rate = rate
        self._free_at = 0.0

    def wait(self) -> None:
        """Wait until the units taken so far are paid for."""
        pause = self._free_at - self._clock.monotonic()
        if pause > 0.0:
            self._clock.sleep(pause)

    def took(self, units: float) -> None:
        """Take note of a page's read units."""
        if self._rate is not None:
            self._free_at = max(self._free_at, self._clock.monotonic()) + units / self._rate


@dataclass(frozen=True)
class Walker:
    """Walks parts. `types` are the table's key attributes; `counts` grows with what a call does."""

    config: Config
    table: DynamoTable
    collection: PipelineCollection
    reader: IndexReader
    failures: Failures
    reports: Reports
    s3: Any
    clock: Clock
    backoff: Backoff
    rng: random.Random
    pace: Pace
    types: KeyTypes
    counts: Counter[str] = field(default_factory=Counter)

    def walk(self, state: State, deadline: Deadline) -> tuple[Any, tuple[str, ...]]:
        """Walk the state's part from its position on, until it is done or the time is nearly over.

        Returns where the next call begins (None: the part is done), and what of an export was broken.
        Raises SearchsyncError where the call must be repeated: that is harmless, whatever it did.
        """
        part = state.part
        if isinstance(part, File):
            return self._load(state, part, deadline)
        if isinstance(part, Segment) and state.task == "backfill":
            return self._backfill(state, part, deadline), ()
        return self._verify(state, part, deadline), ()

    def _backfill(self, state: State, part: Segment, deadline: Deadline) -> Any:
        position = state.position
        while True:
            page, written = self._written_page(part, position, deadline)
            self.counts.update(written.counts)
            self._hand_over(written.poison)
            position = page.position
            if position is None or deadline.remaining() < ONE_PAGE:
                return position

    def _written_page(self, part: Segment, position: Any, deadline: Deadline) -> tuple[ScanPage, Written]:
        """A page, read and written within the time that a tombstone lives; read again while it is not."""

        def write() -> tuple[ScanPage, Written]:
            page = self._scan(part, position, deadline)
            until = time_to_write(page.read_monotonic, deadline)
            return page, self._write(page.items, read_version(page.read_at, self.config.margin), until)

        return self._until_settled(write, deadline)

    def _load(self, state: State, part: File, deadline: Deadline) -> tuple[int | None, tuple[str, ...]]:
        """Write a file of an export; its line when the time is over, and its name when it is broken."""
        version = read_version(state.read_at or 0.0, self.config.margin)
        file = ExportFile(self.s3, part, state.position or 0)
        try:
            for images in file.pages(LINES_AT_ONCE):
                items = self._items(images, file)
                _, written = self._until_settled(partial(self._loaded, items, version, deadline), deadline)
                self.counts.update(written.counts)
                self._hand_over(written.poison)
                if deadline.remaining() < ONE_PAGE:
                    return file.line, ()
        except BrokenFileError as error:
            self.counts["broken_files"] += 1
            return None, (str(error),)
        return None, ()

    def _loaded(self, items: Sequence[Item], version: int, deadline: Deadline) -> tuple[None, Written]:
        return None, self._write(items, version, deadline)

    def _items(self, images: Sequence[AttributeMap], file: ExportFile) -> list[Item]:
        try:
            return [self.table.item(image) for image in images]
        except KeyError as error:
            raise BrokenFileError(
                f"{file.name} has an item without the key attribute {shown(error.args[0])}"
            ) from error

    def _until_settled(self, write: Callable[[], tuple[Any, Written]], deadline: Deadline) -> tuple[Any, Written]:
        attempt = 0
        while True:
            page, written = write()
            if not written.again:
                return page, written
            if not self.backoff.pause(attempt, deadline, ONE_PAGE):
                raise CollectionBusyError("The collection did not take a page in the call's time.")
            attempt += 1

    def _write(self, items: Sequence[Item], version: int, until: Deadline) -> Written:
        return Backfill(self._delivery().deliver, self.clock, self.config.margin).write(items, version, until)

    def _delivery(self) -> Delivery:
        return Delivery(self.collection, self.backoff, LARGEST_BODY)

    def _scan(self, part: Segment, position: Any, deadline: Deadline) -> ScanPage:
        self.pace.wait()
        page = self.table.scan(part.segment, part.of, position, deadline)
        self.pace.took(page.units)
        return page

    def _verify(self, state: State, part: Segment | Slice, deadline: Deadline) -> Any:
        verification = Verification(self.table, self.reader, self.clock, self.rng, self.types, state.settle)
        position, differences = state.position, list[Difference]()
        while True:
            if isinstance(part, Segment):
                position = self._compare(part, verification, position, deadline)
            else:
                position = self._look_up(part, verification, position, state.counts["documents"], deadline)
            if position is None or deadline.remaining() < verification.longest + ONE_PAGE:
                break
            if verification.full:
                differences += verification.settle(deadline)
        differences += verification.settle(deadline)
        self.counts.update(verification.counts)
        self.reports.write(state.run, state.name, differences)
        if state.task == "repair":
            self._mend(differences, deadline)
        return position

    def _compare(self, part: Segment, verification: Verification, position: Any, deadline: Deadline) -> Any:
        """Compare a page of items with their documents; where the next one begins, None behind the last."""
        page = self._scan(part, position, deadline)
        verification.compare(page.items, deadline)
        return page.position

    def _look_up(self, part: Slice, verification: Verification, position: Any, before: int, deadline: Deadline) -> Any:
        """Look up the items of a page of documents; where the next one begins, None behind the last.

        `before`: how many documents of the slice earlier calls saw.
        """
        page = self.reader.page(part.pit, part.slice, part.of, position, deadline)
        verification.look_up(page.hits, deadline)
        seen = before + verification.counts["documents"]
        if page.position is None and seen != page.total:
            raise CollectionBusyError(f"The index showed {seen} of the {page.total} documents of a slice.")
        return page.position

    def _mend(self, differences: Sequence[Difference], deadline: Deadline) -> None:
        repair = Repair(self.table, self._delivery().deliver, self.clock, self.config.margin)
        repaired = repair.mend(differences, deadline)
        self.counts.update(repaired.counts)
        self._hand_over(repaired.poison)

    def _hand_over(self, poison: Sequence[Poison]) -> None:
        """Send poison to the failure queue. Raises StackError when the queue does not take all of it."""
        now = self.clock.now()
        untaken, why = self.failures.send([failure_message(each, self.config, now) for each in poison])
        if untaken:
            raise StackError(
                f"The failure queue refused {len(untaken)} messages ({why}): check the walk role's sqs:SendMessage."
            )
