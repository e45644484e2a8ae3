"""How far a walk is: pure. Counts of segments are exact; counts of items are estimates, marked `~` where shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from searchsync_cli.machine import MapRun

PHASES = ("table", "index")
"""The distributed maps of an execution, in order."""
ALMOST = 0.99
"""The most that an estimate says; only the segments' end is the end."""


@dataclass(frozen=True)
class Snapshot:
    """A walk at one moment. elapsed: seconds of the phase, None when its pace is not known; items: looked at so
    far, None when nobody says."""

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


def snapshot(runs: Sequence[MapRun], items: int | None, expected: int | None, now: float) -> Snapshot:
    """The walk at `now` (Unix seconds). Items count for the table's phase alone: the index is counted in slices."""
    if not runs:
        return Snapshot("prepare", 0, 0, 0, None, None, None)
    run, phase = runs[-1], PHASES[min(len(runs), len(PHASES)) - 1]
    in_table = phase == "table"
    return Snapshot(
        phase=phase,
        segments=run.total,
        done=run.done,
        running=run.running,
        items=items if in_table else None,
        expected_items=expected if in_table else None,
        elapsed=None if run.redriven else max(0.0, now - run.started),
    )


def items_in(line: Mapping[str, Any], started: float) -> int:
    """Items that one log line of the walk function tells of (metric WalkItems), of calls since `started`."""
    items, written = line.get("WalkItems"), line.get("_aws")
    at = written.get("Timestamp") if isinstance(written, dict) else None
    if isinstance(items, bool) or not isinstance(items, int | float) or not isinstance(at, int | float):
        return 0
    return int(items) if at >= started * 1000 else 0
