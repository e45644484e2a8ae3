"""The clock: an edge. Wall time for the protocol, monotonic time for deadlines."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from typing import Protocol

from searchsync.limits import BACKOFF_BASE, BACKOFF_CAP, LAST_TRY, READ_TO_ANSWER, READ_TO_REQUEST


class Clock(Protocol):
    """What time it is, and waiting. All in seconds."""

    def now(self) -> float:
        """Unix time."""
        ...

    def monotonic(self) -> float:
        """Time that never runs back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Unix time."""
        return time.time()

    def monotonic(self) -> float:
        """Time that never runs back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Deadline:
    """A monotonic time at which everything must have its answer; `begin_by`: after which nothing is begun."""

    clock: Clock
    at: float
    begin_by: float = math.inf

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """The deadline `seconds` from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - self.clock.monotonic()

    def begin_within(self) -> float:
        """Seconds in which something may still be begun; negative when that has passed."""
        return self.begin_by - self.clock.monotonic()

    def at_most(self, at: float, begin_by: float = math.inf) -> Deadline:
        """The earlier of this deadline and these monotonic times."""
        return Deadline(self.clock, min(self.at, at), min(self.begin_by, begin_by))

    def allows(self, needed: float, after: float = 0.0) -> bool:
        """Whether something that needs `needed` seconds may be begun `after` seconds from now."""
        return self.remaining() - after >= needed and self.clock.monotonic() + after <= self.begin_by


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter")."""

    clock: Clock
    rng: random.Random

    def pause(self, attempt: int, deadline: Deadline, needed: float) -> bool:
        """Wait before the try after `attempt` (0 is the first). False, at once, when the deadline would not
        allow what needs `needed` seconds after the wait."""
        seconds = self.rng.uniform(0.0, min(BACKOFF_CAP, BACKOFF_BASE * 2.0**attempt))
        # The last try is made when the time to begin one ends: what shows only after a while is still seen.
        left = deadline.begin_by - LAST_TRY - self.clock.monotonic()
        seconds = min(seconds, left)
        if left <= 0.0 or not deadline.allows(needed, seconds):
            return False
        self.clock.sleep(seconds)
        return True


def time_to_write(read_monotonic: float, deadline: Deadline) -> Deadline:
    """Until when what was read from the table, or taken from the stream, at a monotonic time may be written."""
    return deadline.at_most(read_monotonic + READ_TO_ANSWER, begin_by=read_monotonic + READ_TO_REQUEST)
