"""What an applied stack looks like from outside while it runs: memory, lag, and how far the trigger is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lab.applied import Applied
from lab.errors import LabError

LOOK_SECONDS = 1.0
OVERLAP_SECONDS = 2.0
"""A log line's time is taken before it can be read."""
COUNTER_UNIT = 10**20
KIB = 1024


@dataclass(frozen=True)
class Sample:
    """One look. `progress`: share of the work from 0 to 1; `memory`: bytes of the function's sandboxes."""

    progress: float
    memory: int
    lag: float


class Watch:
    """Looks at a stack about once a second, and keeps what it saw."""

    def __init__(self, stack: Applied) -> None:
        self.samples: list[Sample] = []
        self.longest_lag = 0.0
        self.invocations = 0
        self._stack = stack
        self._looked = float("-inf")
        self._read_until = time.time()
        self._seen: set[str] = set()
        self._lag = 0.0

    def place(self) -> int:
        """The counter of the last record that the trigger is done with, 0 before the first."""
        trigger = self._stack.outputs["trigger_uuid"]
        for source in self._stack.lab.state()["event_sources"]:
            if source["id"] == trigger:
                return max((counter(number) for number in source["checkpoints"].values()), default=0)
        raise LabError(f"The lab has no trigger {trigger}: was the stack destroyed?")

    def look(self, progress: float, *, now: bool = False) -> Sample:
        """The latest sample, taken anew when a second has passed or at once."""
        if now or not self.samples or time.monotonic() - self._looked >= LOOK_SECONDS:
            self._read_log()
            self.samples.append(Sample(progress, self._memory(), self._lag))
            self._looked = time.monotonic()
        return self.samples[-1]

    def _read_log(self) -> None:
        since, self._read_until = self._read_until - OVERLAP_SECONDS, time.time()
        lines = {line["request_id"]: line for line in self._stack.log_lines(since)}
        for name in lines.keys() - self._seen:
            self.invocations += 1
            self.longest_lag = max(self.longest_lag, lines[name]["OldestRecordAge"])
        if lines:
            self._lag = list(lines.values())[-1]["OldestRecordAge"]
        self._seen = set(lines)

    def _memory(self) -> int:
        name = self._stack.outputs["function_name"]
        sandboxes = self._stack.lab.state()["sandboxes"]
        return sum(resident(each["pid"]) for each in sandboxes if each["function"] == name)


def counter(sequence_number: str) -> int:
    """The counter in a sequence number, counter * 10**20 + log; the lab's rises by one with each record."""
    return int(sequence_number) // COUNTER_UNIT


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (RSS); 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return next((int(line.split()[1]) * KIB for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    except OSError:
        # No /proc (macOS), or no such process; ps knows which.
        done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(done.stdout.strip() or 0) * KIB


def growth(samples: Sequence[Sample]) -> int:
    """Bytes between the usual memory of the first quarter of the work and of the last."""
    alive = [sample for sample in samples if sample.memory]
    first = [sample.memory for sample in alive if sample.progress <= 0.25]
    last = [sample.memory for sample in alive if sample.progress >= 0.75]
    return int(median(last) - median(first)) if first and last else 0
