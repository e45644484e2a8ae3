"""The world's time: it moves when somebody waits, and what is due on the way happens at its own second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Due(Protocol):
    """Something that happens at a time of its own."""

    latest: float

    def come(self) -> None:
        """Happen, and be due no more."""
        ...


@dataclass
class WorldClock:
    """Unix time of the world, in seconds."""

    time: float
    due: list[Due] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until = self.time + seconds
        while waiting := [each for each in self.due if each.latest <= until]:
            first = min(waiting, key=lambda each: each.latest)
            self.time = max(self.time, first.latest)
            self.due.remove(first)
            first.come()
        self.time = until


@dataclass(frozen=True)
class SandboxClock:
    """A sandbox's clock: the world's, so many seconds off; `wait` is how its time passes."""

    world: WorldClock
    skew: float
    wait: Callable[[float], None]

    def now(self) -> float:
        """Unix time as the sandbox has it."""
        return self.world.time + self.skew

    def monotonic(self) -> float:
        """Time that never runs back."""
        return self.world.time

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.wait(seconds)
