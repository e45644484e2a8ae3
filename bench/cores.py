"""Whose CPU time a run takes: the services', this process's with the gate, and the lanes'."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

NAMES = {"LabNode": "engine", "-inMemory": "DynamoDB Local"}
"""By what stands in a service's command line."""
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> dict[str, float]:
    """CPU seconds so far of this process, and of the services below it. Only Linux says them."""
    used = os.times()
    found = {"gate": used.user + used.system}
    for process in _descendants(os.getpid()):
        command = (process / "cmdline").read_bytes()
        for mark, name in NAMES.items():
            if mark.encode() in command:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS
    return found


def since(before: Mapping[str, float]) -> dict[str, float]:
    """What was used since then."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in cpu_seconds().items()}


def _descendants(parent: int) -> Iterator[Path]:
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield Path(f"/proc/{child}")
            yield from _descendants(child)
