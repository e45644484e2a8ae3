"""Backfill: items to documents, with the version of the read that gave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from searchsync.clock import Clock, Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import encode
from searchsync.documents.shape import WHOLE, Rules
from searchsync.edges.table import Item, ScanPage
from searchsync.protocol.bulk import Answer, Kind, Write
from searchsync.protocol.plan import Poison, refused, unwritable
from searchsync.protocol.ports import Deliver
from searchsync.protocol.version import Verdict, read_version, verdict_on_page


@dataclass(frozen=True)
class Documents:
    """Items of one read as writes of its external version, their keys by document id, and what can never be written.

    One that has no document is a deletion; `filtered` counts those of which no deletion is needed. The items themselves
    are gone: memory holds them once.
    """

    version: int
    writes: Sequence[Write]
    keys: Mapping[str, AttributeMap]
    poison: Sequence[Poison] = ()
    filtered: int = 0

    def __len__(self) -> int:
        return len(self.writes) + len(self.poison) + self.filtered


_CONVERTING = Lock()
"""The converter serves one thread at a time: it remembers names."""


def documents(items: Iterable[Item], version: int, rules: Rules = WHOLE) -> Documents:
    """The documents of items."""
    with _CONVERTING:
        return _documents(items, version, rules)


@dataclass(frozen=True, slots=True)
class Converted:
    """A page of the table as documents, with what was known of the read."""

    read_monotonic: float
    position: AttributeMap | None
    units: float
    documents: Documents


def converted(page: ScanPage, max_skew: float, rules: Rules = WHOLE) -> Converted:
    """A page just read, with its read's version; `max_skew` in seconds."""
    found = documents(page.items, read_version(page.read_at, max_skew), rules)
    return Converted(page.read_monotonic, page.position, page.units, found)


def _documents(items: Iterable[Item], version: int, rules: Rules) -> Documents:
    keys: dict[str, AttributeMap] = {}
    writes: list[Write] = []
    poison: list[Poison] = []
    filtered = 0
    for item in items:
        if rules.filters(item.keys):
            filtered += 1
            continue
        try:
            writes.append(Write(item.id, version, encode(item.id, item.image, rules)))
        except Exception as error:  # noqa: BLE001 - one item's failure in pure code is that item's
            poison.append(unwritable(item.keys, "", version, error))
        else:
            keys[item.id] = item.keys
    return Documents(version, writes, keys, poison, filtered)


@dataclass(frozen=True)
class Batch:
    """Documents, and until when they may be written."""

    documents: Documents
    until: Deadline


@dataclass(frozen=True)
class Written:
    """What became of a batch: counts, what can never be written, and what must be read and written again."""

    counts: Counter[str] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)
    left: list[Write] = field(default_factory=list)


@dataclass(frozen=True)
class Backfill:
    """Writes batches of documents; `max_skew` in seconds."""

    deliver: Deliver
    clock: Clock
    max_skew: float

    def write(self, batch: Batch) -> Written:
        """Write the documents of one read; what the stream has written since stays.

        Counts: `written`, `passed` (something newer was there), `filtered` (there is no document), `poison`.
        """
        given = batch.documents
        written = Written(Counter(filtered=given.filtered), list(given.poison))
        writes = {write.id: write for write in given.writes}
        for name, answer in self.deliver(list(writes.values()), batch.until).items():
            result = self._result(given.version, answer)
            if result == "poison":
                written.poison.append(refused(given.keys[name], "", given.version, answer))
            elif result:
                written.counts["filtered" if result == "written" and writes[name].source is None else result] += 1
            else:
                written.left.append(writes[name])
        written.counts["poison"] += len(written.poison)
        return written

    def _result(self, version: int, answer: Answer) -> str:
        """The count that an answer belongs to; empty where the item must be read and written again."""
        if answer.kind is Kind.DONE:
            return "written"
        if answer.kind is Kind.POISON:
            return "poison"
        if answer.kind is not Kind.CONFLICT:
            return ""
        found = verdict_on_page(ours=version, current=answer.current, now=self.clock.now(), max_skew=self.max_skew)
        return {Verdict.PASSED: "passed", Verdict.FUTURE: "poison"}.get(found, "")
