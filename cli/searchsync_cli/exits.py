"""The exit codes: what each means, once. The help, docs/operations.md (a test compares) and the commands agree."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    LEFT = 1
    ERROR = 2
    INTERRUPTED = 130
    """128 and the signal's number, as a shell says it."""

    @classmethod
    def of(cls, good: bool) -> Exit:
        """DONE, or LEFT where something stays."""
        return cls.DONE if good else cls.LEFT


MEANING: Mapping[Exit, str] = {
    Exit.DONE: "in step or done",
    Exit.LEFT: "differences or messages that stay",
    Exit.ERROR: "an error",
    Exit.INTERRUPTED: "Ctrl-C",
}
IN_SHORT = ", ".join(f"{int(code)} {meaning}" for code, meaning in MEANING.items())
