"""How everything here is measured: rounds in turns, medians, ratios in one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table. `met` is None where there is no target."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """Its members, for another process."""
        return asdict(self)


def at_least(what: str, ratio: float, target: float) -> Figure:
    """A ratio that is better the larger it is."""
    return Figure(what, f"{ratio:.2f} x", f"at least {target:g} x", ratio >= target)


def at_most(what: str, ratio: float, target: float) -> Figure:
    """A ratio that is better the smaller it is."""
    return Figure(what, f"{ratio:.2f} x", f"at most {target:g} x", ratio <= target)


def in_turns(
    subjects: Mapping[str, Callable[[], object]], rounds: int, before: Callable[[], object] = lambda: None
) -> dict[str, float]:
    """The median seconds of each subject. They take turns, so that a busy machine slows all of them alike.

    `before` is called ahead of each, and not measured.
    """
    taken: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        before()
        subject()
    for _ in range(rounds):
        for name, subject in subjects.items():
            before()
            started = time.perf_counter()
            subject()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table."""
    marks = {True: "met", False: "MISSED", None: ""}
    rows = [("what", "figure", "target", ""), *((f.what, f.figure, f.target, marks[f.met]) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
