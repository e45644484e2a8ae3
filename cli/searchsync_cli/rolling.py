"""What stands of the rolling verification, as the reconcile function tells it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync_cli.text import duration


@dataclass(frozen=True)
class Differing:
    """A part in which differences were found. ended: Unix seconds; run: of its report."""

    part: str
    ended: float
    differences: int
    run: str


@dataclass(frozen=True)
class Rolling:
    """period: seconds within which each part is compared; since: when all began, None: it has not; oldest: when the
    part was begun that was compared before all others (Unix seconds); covered: whether every part was compared;
    changed: names of what is another now."""

    period: float
    since: float | None = None
    covered: bool = False
    oldest: float = 0.0
    parts: int = 0
    compared: int = 0
    changed: tuple[str, ...] = ()
    differing: tuple[Differing, ...] = ()

    def is_fresh(self, now: float) -> bool:
        """Whether every part of what is there now was compared within the period."""
        return self.covered and not self.doubts(now)

    def doubts(self, now: float) -> list[tuple[str, float | None]]:
        """What is wrong with it, and since when."""
        if self.since is None:
            return [("the rolling verification has not begun", None)]
        found: list[tuple[str, float | None]] = []
        if self.changed:
            found.append((f"the rolling verification compared another {', '.join(self.changed)}", None))
        if now - self.oldest > self.period:
            found.append(
                (f"the rolling verification has a part that is older than {duration(self.period)}", self.oldest)
            )
        return found

    def left(self, settled: float | None) -> list[Differing]:
        """Parts with differences that no comparison of everything begun later than them has settled."""
        return [each for each in self.differing if settled is None or each.ended > settled]


def read_rolling(answer: Any) -> Rolling | None:
    """It, from the function's answer; None where the stack has none. Raises KeyError or TypeError for anything else."""
    if answer is None:
        return None
    told: Mapping[str, Any] = answer
    if told["since"] is None:
        return Rolling(period=told["period"])
    return Rolling(
        period=told["period"],
        since=told["since"],
        covered=told["covered"],
        oldest=told["oldest"],
        parts=told["parts"],
        compared=told["compared"],
        changed=tuple(told["changed"]),
        differing=tuple(
            Differing(each["part"], each["ended"], each["differences"], each["run"]) for each in told["differing"]
        ),
    )
