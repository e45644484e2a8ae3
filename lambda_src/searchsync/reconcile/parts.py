"""One call of a run: a part of the table, an export or the index, scanned for minutes."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from searchsync.clock import Backoff, Clock, Deadline, time_to_write
from searchsync.config import Config
from searchsync.documents.attributes import AttributeMap
from searchsync.edges.failures import failure_message
from searchsync.edges.table import DynamoTable, ScanPage
from searchsync.errors import CollectionBusyError, RunRefusedError, StackError, TableBusyError
from searchsync.limits import (
    ITEM_EVERY,
    LARGEST_BODY,
    LINES_AT_ONCE,
    LOOKS,
    MOST_DISAGREEMENTS,
    MOST_KEYS,
    ONE_PAGE,
    SAMPLES,
    SETTLED_IN,
)
from searchsync.protocol.bulk import Write
from searchsync.protocol.plan import Poison
from searchsync.protocol.ports import Page
from searchsync.protocol.version import read_version
from searchsync.reconcile.ahead import Ahead
from searchsync.reconcile.backfill import Backfill, Batch, Converted, Documents, converted, documents
from searchsync.reconcile.export import ExportFiles
from searchsync.reconcile.keys import KeyTypes
from searchsync.reconcile.pages import P, Pages
from searchsync.reconcile.reader import IndexReader
from searchsync.reconcile.repair import Repair, lost, needs_backfill
from searchsync.reconcile.report import Reports
from searchsync.reconcile.seen import Keys, SeenStore
from searchsync.reconcile.state import END, Files, Range, Segment, State, ranges_of
from searchsync.reconcile.sweep import Sweep
from searchsync.reconcile.verify import Difference, Lateness, Verification
from searchsync.reconcile.visibility import Visibility
from searchsync.sync.delivery import Delivery
from searchsync.sync.pipeline import Failures, PipelineCollection

UNITS_TO_SETTLE = 2.0 * (LOOKS - 1) + 1.0 + SAMPLES / ITEM_EVERY
"""Read units that a small item costs which is looked at again to the end: a missing document's."""

Again = Callable[[Mapping[str, AttributeMap], Sequence[Write]], Iterable[Batch]]
"""Batches of the documents that were not taken, by their keys or as they were."""


class Pace:
    """Keeps a lane to its read units a second; `rate` None is no limit. `paid_at`: Unix seconds until which what
    earlier calls have read takes it up."""

    def __init__(self, clock: Clock, rate: float | None, paid_at: float = 0.0) -> None:
        self._clock = clock
        self._rate = rate
        self._free_at = 0.0 if rate is None else clock.monotonic() + paid_at - clock.now()

    @property
    def owes(self) -> bool:
        """Whether units taken so far are not paid for; a millisecond is a clock's."""
        return self.pause > 0.001

    @property
    def paid_at(self) -> float:
        """Unix seconds when the units taken so far are paid for."""
        return self._clock.now() + self.pause if self.owes else 0.0

    @property
    def pause(self) -> float:
        """Seconds until the units taken so far are paid for."""
        return max(0.0, self._free_at - self._clock.monotonic())

    @property
    def for_two(self) -> float:
        """Seconds that this page and the next one take to be paid for: the next costs what this one did."""
        return 2.0 * self.pause

    def units_in(self, seconds: float) -> float:
        """Units that may be taken in a time."""
        return math.inf if self._rate is None else self._rate * seconds

    def wait(self, deadline: Deadline) -> None:
        """Wait until they are, or the time is over."""
        self._clock.sleep(max(0.0, min(self.pause, deadline.remaining())))

    def took(self, units: float) -> None:
        """Take note of read units."""
        if self._rate is not None:
            self._free_at = max(self._free_at, self._clock.monotonic()) + units / self._rate


@dataclass(frozen=True)
class PacedTable:
    """The table's reads by key, counted by a pace. They do not wait: the next page does."""

    table: DynamoTable
    pace: Pace

    def read(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> Iterator[Page]:
        """Consistent reads of all keys, as the table's. Raises StackError where it cannot have one: a run asks for
        keys of the types that the table had when it began."""
        before = self.table.units
        try:
            yield from map(_whole, self.table.read(keys, deadline))  # `map` keeps no page in memory
        finally:
            self.pace.took(self.table.units - before)


def _whole(page: Page) -> Page:
    if page.refused:
        raise StackError("The table's key schema is another one than when the run began: start a new run.")
    return page


@dataclass(frozen=True)
class Reconciler:
    """Runs parts. `types` are the table's key attributes; `counts` grows with what a call does.

    `scanned` is the table once more: by `ahead` its scans run beside the reads of `table`.
    """

    config: Config
    table: DynamoTable
    scanned: DynamoTable
    ahead: Ahead
    collection: PipelineCollection
    reader: IndexReader
    failures: Failures
    reports: Reports
    seen: SeenStore
    s3: Any
    clock: Clock
    backoff: Backoff
    rng: random.Random
    pace: Pace
    types: KeyTypes
    lateness: Lateness
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def units(self) -> float:
        """Read units that were consumed."""
        return sum(each.units for each in {self.table, self.scanned})

    def reconcile(self, state: State, deadline: Deadline) -> tuple[Any, tuple[str, ...]]:
        """Run the state's part from its position on, until it is done or the time is nearly over.

        Returns where the next call begins (None: the part is done), and what of an export was broken.
        Raises SearchsyncError where the call must be repeated: that is harmless, whatever it did.
        """
        part = state.part
        if isinstance(part, Files):
            return self._load(state, part, deadline)
        try:
            position = self._read(state, part, deadline)
        finally:
            self.pace.wait(deadline)  # also of a call that fails: the next one knows nothing of what it has read
        if self.pace.owes:
            return END if position is None else position, ()
        return None if position == END else position, ()

    def _read(self, state: State, part: Segment | Range, deadline: Deadline) -> Any:
        """Run a part of table or index; where the next call begins. A call that begins with something to pay for only
        pays: one that settles what it finds needs its whole time."""
        if self.pace.owes or state.position == END:
            return state.position
        if isinstance(part, Segment) and state.task == "backfill":
            return self._backfill(state, part, deadline)
        return self._verify(state, part, deadline)

    def _backfill(self, state: State, part: Segment, deadline: Deadline) -> Any:
        """Write a segment's items; where the next call begins, None behind the last."""

        def read(position: Any, until: Deadline) -> Converted:
            page = self.scanned.scan(part.segment, part.of, position, until)
            return converted(page, self.config.max_skew, self.config.rules)

        def again(left: Mapping[str, AttributeMap], _: Sequence[Write]) -> Iterator[Batch]:
            for page in self._paced.read(left, deadline):
                items = [self.table.item(image) for image in page.images.values() if image is not None]
                found = documents(items, read_version(page.read_at, self.config.max_skew), self.config.rules)
                yield Batch(found, time_to_write(page.read_monotonic, deadline))

        position = state.position
        with closing(self._pages(read, deadline)) as pages:
            while True:
                try:
                    page = pages.at(position)
                    batch = Batch(page.documents, time_to_write(page.read_monotonic, deadline))
                    self._write(batch, again, deadline)
                    self._tell(state, self.counts)
                except (CollectionBusyError, TableBusyError):
                    if position == state.position:
                        raise
                    return position  # the pages before it need not be written again
                position = page.position
                if position is None or self._is_late(deadline):
                    return position

    def _load(self, state: State, part: Files, deadline: Deadline) -> tuple[list[int] | None, tuple[str, ...]]:
        """Write files of an export; where the next call begins, None behind the last, and which were broken."""
        version = read_version(state.read_at, self.config.max_skew)

        def again(left: Mapping[str, AttributeMap], writes: Sequence[Write]) -> list[Batch]:
            return [Batch(Documents(version, writes, left), deadline)]

        begun: list[int] = state.position or [0, 0]
        files = ExportFiles(self.s3, part, begun, self.table.item)
        position: list[int] | None = begun
        broken = 0
        try:
            for items in files.pages(LINES_AT_ONCE):
                if items:
                    batch = Batch(documents(items, version, self.config.rules), deadline)
                    self._write(batch, again, deadline)
                    self._tell(state, self.counts)
                position, broken = files.position, len(files.broken)
                if self._is_late(deadline):
                    break
            else:
                position = None
        except (CollectionBusyError, TableBusyError):
            if position == begun:
                raise
        self.counts["broken_files"] += broken
        return position, tuple(files.broken[:broken])

    def _write(self, batch: Batch, again: Again, deadline: Deadline) -> None:
        """Write documents until the collection has taken all of them; `again` gives batches of those that are left.

        Raises CollectionBusyError when the time does not suffice. Counts only what is done.
        """
        counts = Counter(items=len(batch.documents))
        batches: Iterable[Batch] = [batch]
        # One for all tries: an item that alone is not answered is known by the time that they take together.
        backfill = Backfill(self._delivery().deliver, self.clock, self.config.max_skew)
        attempt = 0
        while True:
            keys, left = dict[str, AttributeMap](), list[Write]()
            for each in batches:
                written = backfill.write(each)
                self._hand_over(written.poison, deadline)
                counts.update(written.counts)
                left += written.left
                keys |= {write.id: each.documents.keys[write.id] for write in written.left}
            if not left:
                self.counts.update(counts)
                return
            if not self.backoff.pause(attempt, deadline, ONE_PAGE):
                raise CollectionBusyError(f"The collection did not take {len(left)} documents in the call's time.")
            attempt += 1
            batches = again(keys, left)

    def _tell(self, state: State, counts: Counter[str]) -> None:
        self.reports.tell(state.run, state.name, counts, self.clock.monotonic())

    def _delivery(self) -> Delivery:
        return Delivery(self.collection, self.backoff, LARGEST_BODY)

    def _pages(self, read: Callable[[Any, Deadline], P], deadline: Deadline, at_the_end: float = 0.0) -> Pages[P]:
        return Pages(read, self.ahead, self.pace, self.clock, deadline, lambda: self._is_late(deadline, at_the_end))

    def _verify(self, state: State, part: Segment | Range, deadline: Deadline) -> Any:
        """Compare a part's pages with what they belong to; where the next call begins, None behind the last."""
        verification = Verification(
            self._paced,
            self.reader,
            self.clock,
            self.rng,
            self.types,
            self.config.rules,
            state.recheck_delay,
            self._visibility,
            self.lateness if state.task == "verify" else replace(self.lateness, watch=0.0),  # to mend does no harm
            self._most_in_doubt,
        )
        at_the_end = verification.longest + ONE_PAGE * (2 if state.task == "repair" else 1)
        position, differences = state.position, list[Difference]()
        keys = Keys(ranges_of(part.of))
        with self._compared(state, verification, keys, deadline, at_the_end) as compare:
            while True:
                position = compare(position)
                self._tell(state, verification.counts)
                if position is None or keys.count >= MOST_KEYS or self._is_late(deadline, at_the_end):
                    break
                if verification.full:
                    differences += verification.recheck(deadline)
                    # Mending them takes time, too; and what the looks took of the table is yet to be paid for.
                    if state.task == "repair" or self._is_late(deadline, at_the_end):
                        break
        differences = verification.confirmed(differences + verification.recheck(deadline), deadline)
        if isinstance(part, Segment):
            self.seen.write(state.run, state.name, keys)
        self.counts.update(verification.counts)
        self.reports.write(state.run, state.name, differences)
        if state.task == "repair":
            self._check_share(part, state.counts + verification.counts)
            self._mend(differences, deadline)
        return position

    @contextmanager
    def _compared(
        self, state: State, verification: Verification, keys: Keys, deadline: Deadline, at_the_end: float
    ) -> Iterator[Callable[[Any], Any]]:
        """What compares the page of a part that begins at a position, and says where the next one begins."""
        part = state.part
        if isinstance(part, Range):
            sweep = self._sweep(state, part, verification)

            def swept(position: Any) -> Any:
                self.pace.wait(deadline)
                return sweep.page(position, deadline)

            yield swept
        elif isinstance(part, Segment):

            def read(position: Any, until: Deadline) -> ScanPage:
                return self.scanned.scan(part.segment, part.of, position, until, verification.most)

            with closing(self._pages(read, deadline, at_the_end)) as pages:
                yield lambda position: self._compare(pages.at(position), verification, keys, deadline)

    def _check_share(self, part: Segment | Range, counts: Counter[str]) -> None:
        """Raise RunRefusedError where a backfill is the way to mend a segment."""
        if isinstance(part, Segment) and needs_backfill(counts):
            raise RunRefusedError(
                f"{lost(counts):,} of the first {counts['items']:,} items of a part are missing in the index, or "
                "different there: so many are written twelve times as fast, and for a tenth of the read units, by a "
                "backfill. Run `searchsync backfill` first."
            )

    @property
    def _paced(self) -> PacedTable:
        return PacedTable(self.table, self.pace)

    def _sweep(self, state: State, part: Range, verification: Verification) -> Sweep:
        seen = self.seen.read(state.run, part.range, part.of)
        return Sweep(
            self.reader, self._visibility, self.clock, self.config.max_skew, part, seen, verification, self.counts
        )

    @property
    def _visibility(self) -> Visibility:
        return Visibility(self.collection, self.reader, self.clock, self.backoff, self.config.max_skew)

    @property
    def _most_in_doubt(self) -> int:
        """So many disagreements are looked at again together; a page of items has no more of them."""
        return max(1, int(min(MOST_DISAGREEMENTS, self.pace.units_in(SETTLED_IN) / UNITS_TO_SETTLE)))

    def _is_late(self, deadline: Deadline, at_the_end: float = 0.0) -> bool:
        """Whether a call that needs `at_the_end` seconds behind its last page must not begin another one."""
        return deadline.remaining() < ONE_PAGE + self.pace.for_two + at_the_end

    def _compare(self, page: ScanPage, verification: Verification, keys: Keys, deadline: Deadline) -> Any:
        """Compare a page of items with their documents; where the next one begins, None behind the last."""
        compared = verification.compare(page.items, deadline)
        if self.seen.bucket is not None:
            keys.add(compared)
        return page.position

    def _mend(self, differences: Sequence[Difference], deadline: Deadline) -> None:
        repair = Repair(self._paced, self._delivery().deliver, self.clock, self.config.max_skew, self.config.rules)
        repaired = repair.mend(differences, deadline)
        self.counts.update(repaired.counts)
        self._hand_over(repaired.poison, deadline)

    def _hand_over(self, poison: Sequence[Poison], deadline: Deadline) -> None:
        """Send poison to the failure queue. Raises StackError when the queue does not take all of it."""
        now = self.clock.now()
        untaken, why = self.failures.send([failure_message(each, self.config, now) for each in poison], deadline)
        if untaken:
            raise StackError(
                f"The failure queue refused {len(untaken)} messages ({why}): "
                "check sqs:SendMessage of the reconcile function's role."
            )
