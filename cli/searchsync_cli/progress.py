"""How far a run is: pure. Counts of segments are exact; counts of items are estimates, marked `~` where shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from searchsync_cli.machine import MapRun

PHASES = ("table", "index")
"""The distributed maps of an execution, in order."""
ALMOST = 0.99
"""The most that an estimate says; only the segments' end is the end."""


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment. elapsed: seconds of the phase, None when its pace is not known; items: those of the
    table, or documents of the index, that the phase has looked at; None when nobody says."""

    phase: str
    segments: int
    done: int
    running: int
    items: int | None
    expected_items: int | None
    elapsed: float | None

    @property
    def fraction(self) -> float:
        """How much of the phase is done, from 0 to 1: by segments, and by items within them."""
        by_segments = self.done / self.segments if self.segments else 0.0
        if not self.items or not self.expected_items:
            return by_segments
        return max(by_segments, min(ALMOST, self.items / self.expected_items))

    @property
    def rate(self) -> float | None:
        """Items a second so far."""
        return self.items / self.elapsed if self.items and self.elapsed else None

    @property
    def left(self) -> float | None:
        """Seconds that the phase still needs at the pace so far; None before there is a pace."""
        fraction = self.fraction
        return self.elapsed * (1 - fraction) / fraction if fraction and self.elapsed is not None else None

    def as_json(self) -> dict[str, Any]:
        """The snapshot for --progress."""
        return asdict(self) | {"fraction": round(self.fraction, 4), "rate": self.rate, "left": self.left}


def snapshot(runs: Sequence[MapRun], seen: Seen | None, expected: int | None, now: float) -> Snapshot:
    """The run at `now` (Unix seconds). expected: items of the table, and about as many documents of the index."""
    if not runs:
        return Snapshot("prepare", 0, 0, 0, None, None, None)
    run, phase = runs[-1], PHASES[min(len(runs), len(PHASES)) - 1]
    items = None if seen is None else seen.items if phase == "table" else seen.documents
    return Snapshot(
        phase=phase,
        segments=run.total,
        done=run.done,
        running=run.running,
        items=items,
        expected_items=expected,
        elapsed=None if run.redriven else max(0.0, now - run.started),
    )


@dataclass(frozen=True)
class Seen:
    """What the run's calls have looked at: items of the table, documents of the index."""

    items: int = 0
    documents: int = 0

    def __add__(self, other: Seen) -> Seen:
        return Seen(self.items + other.items, self.documents + other.documents)


def seen_in(line: Mapping[str, Any], run: str) -> Seen:
    """What one log line of the reconcile function tells of: the counts of one call of this run."""
    counts = line.get("counts")
    if line.get("run") != run or not isinstance(counts, dict):
        return Seen()
    return Seen(_count(counts.get("items")), _count(counts.get("documents")))


@dataclass
class Tally:
    """What one run's calls have looked at, by their log lines in any order: of a call that is over its last line
    counts, of one under way its newest."""

    run: str
    _over: Seen = field(default_factory=Seen)
    _names: set[str] = field(default_factory=set)
    _under_way: dict[str, Seen] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any]) -> None:
        """One log line; others' are passed over."""
        if line.get("run") != self.run:
            return
        under_way, part = line.get("under_way"), line.get("part")
        if isinstance(under_way, dict):
            if (name := str(under_way.get("part"))) not in self._names:
                self._under_way[name] = Seen(_count(under_way.get("items")), _count(under_way.get("documents")))
            return
        self._over += seen_in(line, self.run)
        self._under_way.pop(str(part), None)
        if part and "error" not in line:  # what failed is called again under the same name
            self._names.add(str(part))

    @property
    def seen(self) -> Seen:
        """All of it."""
        return sum(self._under_way.values(), self._over)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
