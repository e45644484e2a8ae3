"""Backfill: items to documents, with the version of the read that gave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from searchsync.bulk import Answer, Kind, Write
from searchsync.clock import Clock, Deadline
from searchsync.plan import Poison, encode, refused, unwritable
from searchsync.resync import Deliver
from searchsync.table import Item
from searchsync.version import Verdict, verdict_on_page


@dataclass(frozen=True)
class Written:
    """What became of a page: counts, what can never be written, and whether it must be read again."""

    counts: Counter[str] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)
    again: bool = False


@dataclass(frozen=True)
class Backfill:
    """Writes pages of items; `margin` in seconds."""

    deliver: Deliver
    clock: Clock
    margin: float

    def write(self, items: Iterable[Item], version: int, until: Deadline) -> Written:
        """Write the items of one read; what the stream has written since stays.

        Counts: `items`, `written`, `passed` (something newer was there), `poison`.
        """
        poison: list[Poison] = []
        writes: list[Write] = []
        keys = {}
        for item in items:
            keys[item.id] = item.keys
            try:
                writes.append(Write(item.id, version, encode(item.image)))
            except Exception as error:  # noqa: BLE001 - one item's failure in pure code is that item's
                poison.append(unwritable(item.keys, "", version, error))
        counts: Counter[str] = Counter(items=len(keys))
        again = False
        for name, answer in self.deliver(writes, until).items():
            result = self._result(version, answer)
            if result == "poison":
                poison.append(refused(keys[name], "", version, answer))
            elif result:
                counts[result] += 1
            again = again or not result
        counts["poison"] = len(poison)
        return Written(counts, poison, again)

    def _result(self, version: int, answer: Answer) -> str:
        """The count that an answer belongs to; empty where the page must be read again."""
        if answer.kind is Kind.DONE:
            return "written"
        if answer.kind is Kind.POISON:
            return "poison"
        if answer.kind is not Kind.CONFLICT:
            return ""
        found = verdict_on_page(ours=version, current=answer.current, now=self.clock.now(), margin=self.margin)
        return {Verdict.PASSED: "passed", Verdict.FUTURE: "poison"}.get(found, "")
