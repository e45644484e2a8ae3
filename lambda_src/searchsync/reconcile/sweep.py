"""One call's way through a range of the index: which of its documents must be looked up in the table.

The rules:

1. A document's key is its id's alone. So one that is there all the while lies in one range, and is shown when that
   range is read, whatever is written meanwhile: there is no point in time, no order, and each page begins anywhere.
   A page is all documents of a range, or none; ids of one key are never on two pages.
2. A page shows keys alone, from the engine's columns. That costs as much in a large index as in a small one: nothing
   of other ranges is looked at, and no document is read.
3. A key is not looked up where the table's part of this run has compared an item of it (`seen`), and one document
   shows it. Two documents of one key are both looked up: one of them may be a copy under another id.
   What was read may be gone since, and its deletion be lost: that is the next run's to find, like what rule 4 leaves.
4. A document written since the run began is left to the next one; one from the future was written by nobody of ours.
5. A document without a key was not written by the pipeline. They are listed with the first range, and looked up.

Two ids of one key, of which one is an item's, the other an orphan's, and the item's document is missing: then the
orphan is found by the run after the repair of the missing one. Where the item's document is there, both are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from searchsync.clock import Clock, Deadline
from searchsync.documents.document import KEY_FIELD
from searchsync.errors import RunRefusedError
from searchsync.limits import LARGEST_RESULT_WINDOW
from searchsync.protocol.version import second_of
from searchsync.reconcile.reader import Hit, KeyPage
from searchsync.reconcile.seen import Seen
from searchsync.reconcile.state import Range
from searchsync.reconcile.verify import Verification
from searchsync.reconcile.visibility import Visibility, is_probe


class Index(Protocol):
    """The index as a sweep sees it."""

    def keys(self, low: int, high: int, deadline: Deadline) -> KeyPage:
        """The keys from `low` to before `high`."""
        ...

    def holding(self, keys: Sequence[int], deadline: Deadline) -> list[Hit]:
        """The documents of these keys."""
        ...

    def keyless(self, deadline: Deadline) -> list[Hit]:
        """The documents without a key."""
        ...


@dataclass
class Stride:
    """How wide the next page's range is, for about `wanted` documents: as dense as the last one was."""

    wanted: int
    _per_key: float | None = None

    def end(self, low: int, high: int) -> int:
        """Where a page that begins at `low` ends; `high` where nothing is known yet."""
        if self._per_key is None:
            return high
        return min(high, low + max(1, int(self.wanted / self._per_key)))

    def saw(self, width: int, documents: int) -> None:
        """A range so wide has so many documents."""
        self._per_key = max(documents, 1) / width


@dataclass
class Sweep:
    """The pages of one call. `max_skew` in seconds."""

    index: Index
    visibility: Visibility
    clock: Clock
    max_skew: float
    part: Range
    seen: Seen
    verification: Verification
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._stride = Stride(max(1, min(LARGEST_RESULT_WINDOW // 2, self.verification.most)))

    def page(self, position: str | None, deadline: Deadline) -> str | None:
        """Look at the page that begins at `position`; where the next one begins, None behind the last.

        Raises as the reader does, and RunRefusedError where too many documents have one key, or none.
        """
        if position is None and self.part.range == 0:
            self._without_keys(deadline)
        low = self.part.low if position is None else int(position, 16)
        end, page = self._keys(low, deadline)
        known = self.seen.between(low, end)
        doubtful = sorted(key for key, shown in Counter(page.keys).items() if shown > 1 or key not in known)
        found = self.index.holding(doubtful, deadline)
        self.verification.look_up([hit for hit in found if self._is_old(hit.document.version)], deadline)
        self.counts["documents"] += page.total
        return None if end == self.part.high else f"{end:016x}"

    def _keys(self, low: int, deadline: Deadline) -> tuple[int, KeyPage]:
        """The page that begins at `low`, and where it ends; narrower ones are tried while it holds too many."""
        while True:
            end = self._stride.end(low, self.part.high)
            page = self.index.keys(low, end, deadline)
            self._stride.saw(end - low, page.total)
            narrow = end - low == 1
            if page.total <= (LARGEST_RESULT_WINDOW if narrow else 2 * self._stride.wanted):
                return end, page
            if narrow:
                raise RunRefusedError(
                    f"{page.total} documents of the index have the same {KEY_FIELD}, {low}: they were not written by "
                    "searchsync. Delete them, or delete the index and run a backfill."
                )

    def _without_keys(self, deadline: Deadline) -> None:
        found = self.index.keyless(deadline)
        probes = {hit.id: hit.document.version for hit in found if is_probe(hit.id)}
        self.visibility.remove_left(probes)
        self.verification.look_up([hit for hit in found if hit.id not in probes], deadline)
        self.counts["documents"] += len(found) - len(probes)

    def _is_old(self, version: int) -> bool:
        """Whether a document was there when the run began, or has a version that nobody of ours can have written."""
        second = second_of(version)
        return not self.part.since + self.max_skew < second <= self.clock.now() + self.max_skew
