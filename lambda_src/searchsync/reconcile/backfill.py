"""Backfill: items to documents, with the version of the read that gave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from searchsync.clock import Clock, Deadline
from searchsync.documents.document import MAPS_ALL, encode
from searchsync.documents.fields import Fields
from searchsync.edges.table import Item
from searchsync.protocol.bulk import Answer, Kind, Write
from searchsync.protocol.plan import Poison, refused, unwritable
from searchsync.protocol.version import Verdict, verdict_on_page
from searchsync.sync.resync import Deliver


@dataclass(frozen=True)
class Batch:
    """Items of one read, the external version of that read, and until when they may be written."""

    items: Sequence[Item]
    version: int
    until: Deadline


@dataclass(frozen=True)
class Written:
    """What became of a batch: counts, what can never be written, and what must be read and written again."""

    counts: Counter[str] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)
    left: list[Item] = field(default_factory=list)


@dataclass(frozen=True)
class Backfill:
    """Writes batches of items; `max_skew` in seconds."""

    deliver: Deliver
    clock: Clock
    max_skew: float
    fields: Fields = MAPS_ALL

    def write(self, batch: Batch) -> Written:
        """Write the items of one read; what the stream has written since stays.

        Counts: `written`, `passed` (something newer was there), `poison`.
        """
        version = batch.version
        written = Written()
        items: dict[str, Item] = {}
        writes: list[Write] = []
        for item in batch.items:
            try:
                writes.append(Write(item.id, version, encode(item.id, item.image, self.fields)))
            except Exception as error:  # noqa: BLE001 - one item's failure in pure code is that item's
                written.poison.append(unwritable(item.keys, "", version, error))
            else:
                items[item.id] = item
        for name, answer in self.deliver(writes, batch.until).items():
            result = self._result(version, answer)
            if result == "poison":
                written.poison.append(refused(items[name].keys, "", version, answer))
            elif result:
                written.counts[result] += 1
            else:
                written.left.append(items[name])
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
