"""A function's metrics, whoever invokes it.

AWS ("Types of metrics for Lambda functions"): every invocation counts in Invocations, Errors and Duration;
one of a stream's trigger also in IteratorAge, the age of its last record in milliseconds when it is sent.
ministack: counts the invocations of its Invoke API alone. IteratorAge is sent by lab/cloud/event_sources.py.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import lambda_svc

from lab.cloud.patching import replace


def apply() -> None:
    """Count each execution once."""

    def dispatch(function: dict[str, Any], config: dict[str, Any], *rest: Any) -> Any:
        began = time.monotonic()
        result = original(function, config, *rest)
        milliseconds = (time.monotonic() - began) * 1000
        count(config["FunctionName"], duration_ms=milliseconds, error=bool(result.get("error")), throttle=False)
        return result

    def throttled_only(function: str, *, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            count(function, duration_ms=duration_ms, error=error, throttle=True)

    original = replace(lambda_svc, "_execute_function_dispatch", dispatch)
    count = replace(lambda_svc, "_emit_lambda_metrics", throttled_only)
