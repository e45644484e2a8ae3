"""The program in which the lab runs a Python function's zip: what Lambda's runtime does.

It is copied out and run alone (nothing of the lab can be imported here) by ministack's worker:
one JSON line in with the handler, one out when it is loaded; then for each invocation one in with
event and context, one out with the result. Output of the function goes to standard error, with
END_MARK after each invocation.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

END_MARK = "\x1eend of invocation"


@dataclass(frozen=True)
class Context:
    """The part of Lambda's context object that a function reads."""

    function_name: str
    function_version: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this process is killed."""
        return max(0, int((self.deadline - time.time()) * 1000))


def run() -> None:
    """Serve invocations until standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    start = json.loads(sys.stdin.readline())
    try:
        handler = _load(start)
    except Exception as error:  # noqa: BLE001  As the runtime: it is the init error.
        traceback.print_exc()
        _send(answers, {"status": "error", "error": f"{type(error).__name__}: {error}"})
        return
    _send(answers, {"status": "ready", "cold": True})
    for line in sys.stdin:
        message = json.loads(line)
        answer = _invoke(handler, message["event"], _context(start, message["ctx"]))
        print(END_MARK, flush=True)
        _send(answers, answer)


def _load(start: dict[str, Any]) -> Callable[[Any, Context], Any]:
    os.environ.update(start.get("env", {}))
    sys.path.insert(0, start["code_dir"])
    handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(start["module"]), start["handler"])
    return handler


def _context(start: dict[str, Any], given: dict[str, Any]) -> Context:
    name = start["function_name"]
    return Context(
        function_name=name,
        function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        memory_limit_in_mb=int(start["memory"]),
        invoked_function_arn=given.get("invoked_function_arn") or start["arn"],
        aws_request_id=given["request_id"],
        log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", f"/aws/lambda/{name}"),
        log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        deadline=time.time() + float(os.environ.get("_LAMBDA_TIMEOUT", "3")),
    )


def _invoke(handler: Callable[[Any, Context], Any], event: Any, context: Context) -> dict[str, Any]:
    try:
        result = handler(event, context)
        json.dumps(result)
    except Exception as error:  # noqa: BLE001  As the runtime: it is the function's error.
        trace = traceback.format_exc()
        failure = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": trace.splitlines(),
        }
        return {"status": "error", "error": json.dumps(failure), "trace": trace}
    return {"status": "ok", "result": result}


def _send(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    run()
