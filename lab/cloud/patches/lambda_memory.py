"""The memory that a function used.

AWS ("Understanding the Lambda execution environment", REPORT line): Max Memory Used is the most that the
execution environment has used.
ministack: reports the largest child of its own that has already ended. Here: the worker's own peak, where
the system tells it (Linux).
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from lab.cloud.patching import private, replace

PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class _Last(threading.local):
    """Of the invocation that this thread made last."""

    megabytes: int | None = None


def apply() -> None:
    """Measure the worker after each invocation."""
    last = _Last()
    worker = private(lambda_runtime, "Worker")

    def invoke(self: Any, *arguments: Any, **named: Any) -> Any:
        answer = original(self, *arguments, **named)
        process = private(self, "_proc")
        last.megabytes = None if process is None else _peak(process.pid)
        return answer

    def probe(function: dict[str, Any]) -> int:
        return int(probed(function)) if last.megabytes is None else last.megabytes

    original = replace(worker, "invoke", invoke)
    probed = replace(lambda_svc, "_probe_peak_memory_mb", probe)


def _peak(pid: int) -> int | None:
    try:
        found = PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(found[1]) // 1024 if found else None
