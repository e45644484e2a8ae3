"""Repair: what differs is brought in step by resync, what belongs to no item is deleted.

Each item is read and written by itself. Where very many differ, as in an index that was lost, that takes twelve times
as long as a backfill, which writes them by the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from searchsync.clock import Clock, Deadline, time_to_write
from searchsync.documents.shape import WHOLE, Rules
from searchsync.documents.view import View
from searchsync.errors import CollectionBusyError
from searchsync.limits import FEW_TO_REPAIR, MOST_TO_REPAIR
from searchsync.protocol.bulk import Answer, Kind, Write
from searchsync.protocol.plan import Poison, refused
from searchsync.protocol.ports import Deliver, Table
from searchsync.protocol.version import Verdict, read_version, second_of, verdict_on_page
from searchsync.reconcile.verify import Difference
from searchsync.sync.resync import Outcome, Result, Resync, Target

RIGHT = frozenset({Result.RESYNCED, Result.PASSED, Result.STALE, Result.DELETED})
"""Outcomes after which the key is right: by this repair, or by somebody who was later."""


def lost(counts: Mapping[str, int]) -> int:
    """How many items have no document that is theirs."""
    return counts.get("missing", 0) + counts.get("different", 0)


def needs_backfill(counts: Mapping[str, int]) -> bool:
    """Whether so many of the items that were looked at are lost that a backfill is the quicker way."""
    items = counts.get("items", 0) - counts.get("filtered", 0)
    return lost(counts) >= FEW_TO_REPAIR and lost(counts) > MOST_TO_REPAIR * items


@dataclass(frozen=True)
class Repaired:
    """What became of differences: the counts `repaired` and `poison`, and what can never be written."""

    counts: Counter[str] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)


@dataclass(frozen=True)
class Repair:
    """Mends differences; `max_skew` in seconds."""

    table: Table
    deliver: Deliver
    clock: Clock
    max_skew: float
    rules: Rules = WHOLE

    def mend(self, differences: Sequence[Difference], deadline: Deadline) -> Repaired:
        """Bring their keys in step with the table.

        Raises CollectionBusyError where one of them could not be settled in time; doing it again is harmless.
        """
        now = int(self.clock.now())
        keys = {each.id: each.keys for each in differences if each.keys is not None}
        view = View(self.rules)
        targets = [
            Target(each.id, each.keys, now, self._past(each), view, _as_of(each))
            for each in differences
            if each.keys is not None
        ]
        resync = Resync(self.table, self.deliver, self.clock, self.max_skew)
        outcomes = resync.run(targets, deadline) if targets else {}
        outcomes |= self._delete([each.id for each in differences if each.keys is None], deadline)
        results = Counter(outcome.result for outcome in outcomes.values())
        if results[Result.FAILED]:
            raise CollectionBusyError(f"{results[Result.FAILED]} differences could not be mended in time.")
        wrong = {name: outcome.answer for name, outcome in outcomes.items() if outcome.result not in RIGHT}
        as_of = {each.id: _as_of(each) for each in differences}
        poison = [
            refused(keys[name], "", None, answer, as_of=as_of[name]) for name, answer in wrong.items() if name in keys
        ]
        return Repaired(Counter(repaired=len(outcomes) - len(wrong), poison=len(poison)), poison)

    def _past(self, difference: Difference) -> int:
        """The second that the read's version must lie above, so that what it meets there is not the wrong document.

        A version from the future is not waited for: the write says it.
        """
        second = 0 if difference.version is None else second_of(difference.version)
        return 0 if second > self.clock.now() + self.max_skew else second

    def _delete(self, names: Sequence[str], deadline: Deadline) -> dict[str, Outcome]:
        """Delete documents that belong to no item. An item that comes now has a later version.

        A digest whose source was spoilt after the table's part had passed its item goes with them, for nothing
        says whose it is: the next verification finds the item missing.
        """
        if not names:
            return {}
        version = read_version(self.clock.now(), self.max_skew)
        until = time_to_write(self.clock.monotonic(), deadline)
        answers = self.deliver([Write(name, version, None) for name in names], until)
        return {name: Outcome(self._result(version, each), each) for name, each in answers.items()}

    def _result(self, version: int, answer: Answer) -> Result:
        """A conflict with our own version is our own deletion, which was taken without an answer."""
        if answer.kind is Kind.CONFLICT:
            if answer.current == version and not answer.looked_up:
                return Result.DELETED
            found = verdict_on_page(ours=version, current=answer.current, now=self.clock.now(), max_skew=self.max_skew)
            return Result.FUTURE if found is Verdict.FUTURE else Result.FAILED
        return {Kind.DONE: Result.DELETED, Kind.POISON: Result.POISON}.get(answer.kind, Result.FAILED)


def _as_of(difference: Difference) -> float:
    """Where expired items' documents are kept a deletion is of the document that was seen: it may not undo an expiry
    that has come since."""
    return 0.0 if difference.version is None else float(second_of(difference.version))
