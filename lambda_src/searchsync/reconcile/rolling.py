"""A verification that goes round for ever, part by part: which part is due, and what stands of each. Pure.

The rules:

1. A round is every segment of the table, then every range of the index's keys. Its parts are begun evenly, so that
   each is begun again within the period, however late in its `every` seconds a call comes.
2. A range is compared with what the same round's segments have read, as a whole verification's is: what agrees costs
   no look-up. So what the index lacks, or has otherwise, is found when its part is read again: within a period. An
   orphan may have been an item when its segment was read, and is found by the round after: within two.
3. A part's verdict stands until the part is compared again. Where the table has grown a round has other parts, and
   those of the one before stand until it has ended.
4. Nothing stands of a collection, an index or a table that is another now: it begins anew.
5. One call at a time. It says how long it may last, and one that dies keeps the next from its work no longer.
6. A round that found nothing says so (Differences 0, which ends the alarm on drift) where no whole run has ended
   since it began: that one's word counts, and may be about a part that this round had compared before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from searchsync.limits import LONGEST_CALL, ROUND_SHARE
from searchsync.reconcile.state import ranges_of

DIFFERENCES = ("missing", "orphan", "different", "unmappable")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds: within `period` each part is begun again; a call comes each `every`."""

    period: float
    every: float

    def spacing(self, parts: int) -> float:
        """Seconds between the beginnings of two parts."""
        return ROUND_SHARE * (self.period - self.every) / parts


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of a part. `run`: of its report; `began`, `ended`: Unix seconds."""

    run: str
    began: float
    ended: float
    differences: int


@dataclass(frozen=True, slots=True)
class Rolled:
    """How far it is, as it lies in S3 between two calls. All times are Unix seconds.

    `saw`: what is compared; `since`: when that was begun; `run`, `of`, `round_began`: of the round under way;
    `next`: the number of its next part, which is begun at `due` and is `under_way` (a run's state) since `part_began`;
    `covered`: whether a round has ended; `busy_until`: when a call at work is over at the latest.
    """

    saw: Mapping[str, Any]
    since: float
    of: int
    due: float
    run: str = ""
    round_began: float = 0.0
    next: int = 0
    under_way: Mapping[str, Any] | None = None
    part_began: float = 0.0
    covered: bool = False
    busy_until: float = 0.0
    parts: Mapping[str, Compared] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Parts of the round."""
        return self.of + ranges_of(self.of)

    @property
    def ended(self) -> bool:
        """Whether the round has."""
        return self.next == self.count

    @property
    def clean(self) -> bool:
        """Whether nothing that stands is a difference."""
        return not any(each.differences for each in self.parts.values())

    def oldest(self) -> float:
        """When the part was begun that was compared before all others; where none was, when all began."""
        return min((each.began for each in self.parts.values()), default=self.since)


def begun(saw: Mapping[str, Any], now: float, of: int) -> Rolled:
    """Nothing is compared yet."""
    return Rolled(saw, now, of, now)


def held(rolled: Rolled, now: float) -> Rolled:
    """A call begins to work."""
    return replace(rolled, busy_until=now + LONGEST_CALL)


def part(rolled: Rolled) -> tuple[str, dict[str, Any]]:
    """The next part: its name, and as a run's state has it."""
    number, ranges = rolled.next, ranges_of(rolled.of)
    if number < rolled.of:
        return f"segment {number} of {rolled.of}", {"segment": number, "of": rolled.of}
    found = {"range": number - rolled.of, "of": ranges, "since": rolled.round_began}
    return f"range {number - rolled.of} of {ranges}", found


def taken_up(rolled: Rolled, now: float, recheck_delay: float) -> Rolled:
    """With the next part under way: as it was left, or from its beginning."""
    if rolled.under_way is not None:
        return rolled
    if rolled.next == 0:
        run = f"rolling-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        rolled = replace(rolled, run=run, round_began=now)
    state = {
        "task": "verify",
        "run": rolled.run,
        "recheck_delay": recheck_delay,
        "export": None,
        "part": part(rolled)[1],
    }
    return replace(rolled, part_began=now, under_way={**state, "position": None, "call": 0, "totals": {}})


def after(rolled: Rolled, answer: Mapping[str, Any], now: float, schedule: Schedule) -> Rolled:
    """Behind a call of the part under way; `answer`: the run's."""
    if not answer["done"]:
        return replace(rolled, under_way=answer)
    found = sum(answer["totals"].get(kind, 0) for kind in DIFFERENCES)
    done = Compared(rolled.run, rolled.part_began, now, found)
    return replace(
        rolled,
        next=rolled.next + 1,
        # What could not be begun in time is caught up with, but no more than a round of it.
        due=max(rolled.due + schedule.spacing(rolled.count), now - schedule.period),
        under_way=None,
        parts={**rolled.parts, part(rolled)[0]: done},
    )


def next_round(rolled: Rolled, of: int) -> Rolled:
    """Behind a round: the next one, of a table that has so many segments now. Of older rounds nothing stands."""
    mine = {name: each for name, each in rolled.parts.items() if each.run == rolled.run}
    return replace(rolled, of=of, next=0, covered=True, parts=mine)


def told(rolled: Rolled | None, changed: list[str], schedule: Schedule) -> dict[str, Any]:
    """What `searchsync status` is told. `changed`: the names of what is another now than it saw."""
    if rolled is None:
        return {"period": schedule.period, "since": None}
    differ = {name: each for name, each in rolled.parts.items() if each.differences}
    return {
        "period": schedule.period,
        "since": rolled.since,
        "covered": rolled.covered,
        "oldest": rolled.oldest(),
        "parts": rolled.count,
        "compared": len(rolled.parts),
        "changed": changed,
        "differing": [{"part": name, **asdict(each)} for name, each in sorted(differ.items())],
    }


def read_rolled(raw: Any) -> Rolled | None:
    """It, from its JSON; None where another version of the package has written it otherwise."""
    try:
        return Rolled(**{**raw, "parts": {name: Compared(**each) for name, each in raw["parts"].items()}})
    except (AttributeError, KeyError, TypeError):
        return None


def written_rolled(rolled: Rolled) -> dict[str, Any]:
    """It, for JSON."""
    return asdict(rolled)
