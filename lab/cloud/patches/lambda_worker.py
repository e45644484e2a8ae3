"""The execution environment of a Python function.

AWS: an environment outlives an exception of the handler; an error carries the exception's class;
every line on standard output reaches the log; the code folder is read-only, so no byte code is
written; a deployment's folder holds only the zip.
ministack: ends the process on any exception, names every error Runtime.HandlerError, and takes the
lines that happen to have arrived. Here: the worker program of lab/cloud/bootstrap.py, and an end
mark on standard error for each invocation.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from lab.cloud.bootstrap import END_MARK
from lab.cloud.patching import private, replace

BOOTSTRAP = Path(__file__).parent.parent / "bootstrap.py"
LOG_PATIENCE_SECONDS = 2.0

Answer = dict[str, Any]


def apply() -> None:
    """Run Python functions in our worker."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", BOOTSTRAP.read_text())
    replace(lambda_runtime, "Worker", Worker)
    lambda_svc._execute_function_warm = _with_error_type(  # noqa: SLF001
        private(lambda_svc, "_execute_function_warm")
    )


def _with_error_type(original: Any) -> Any:
    """The answer of a failed invocation as Lambda gives it: the worker sends it as JSON text."""

    def execute(function: Answer, event: Any, request_id: str) -> Answer:
        result: Answer = original(function, event, request_id)
        body = result.get("body")
        message = body.get("errorMessage", "") if result.get("error") and body else ""
        if isinstance(message, str) and message.startswith('{"errorMessage"'):
            result["body"] = json.loads(message)
        return result

    return execute


def sandboxes() -> list[dict[str, Any]]:
    """The running execution environments: each one's function and process."""
    with private(lambda_runtime, "_lock"):
        workers = [worker for pool in private(lambda_runtime, "_workers").values() for worker in pool]
    # A worker's process comes and goes while others look.
    running = [(worker.func_name, getattr(worker, "_proc", None)) for worker in workers]
    return [{"function": name, "pid": process.pid} for name, process in running if process is not None]


class Worker(lambda_runtime.Worker):  # type: ignore[misc]
    """ministack's worker with an invocation of our own; it spawns and kills as before."""

    _proc: Any

    def invoke(
        self,
        event: Any,
        request_id: str,
        **context: Any,
    ) -> Answer:
        """One invocation; a timeout ends the process, an exception of the handler does not."""
        with self._lock:
            cold = self._proc is None or self._proc.poll() is not None
            if cold:
                self._spawn()
            answer = self._exchange({"event": event, "ctx": {"request_id": request_id, **context}})
            return {**answer, "cold_start": cold}

    def _exchange(self, envelope: Answer) -> Answer:
        timeout = float(self.config.get("Timeout", 3))
        process: Any = self._proc
        answers: list[str] = []

        def ask() -> None:
            try:
                process.stdin.write(json.dumps(envelope) + "\n")
                process.stdin.flush()
                answers.append(process.stdout.readline())
            except (OSError, ValueError):
                answers.append("")

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(timeout)
        if answers and answers[0]:
            return {**json.loads(answers[0]), "log": self._log_until_mark()}
        problem = "Runtime exited without providing a reason"
        if asking.is_alive():
            problem = f"Task timed out after {timeout:.2f} seconds"
        self._proc = None
        process.kill()
        process.wait()
        return {"status": "error", "error": problem, "log": self._drain_stderr()}

    def _log_until_mark(self) -> str:
        lines: list[str] = []
        deadline = time.monotonic() + LOG_PATIENCE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            if line == END_MARK:
                break
            lines.append(line)
        return "\n".join(lines)
