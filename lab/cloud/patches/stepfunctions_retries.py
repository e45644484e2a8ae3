"""What a state does with an error of its task.

AWS: as lab/cloud/retries.py says, with its sources. A function that Lambda has no room for fails its task with
Lambda.TooManyRequestsException ("Handle Lambda service exceptions"); a reserved concurrency of 0 is none for anybody
("Configuring reserved concurrency").
ministack: knows neither MaxDelaySeconds nor JitterStrategy, and calls that error Lambda.Unknown. No wait is over 60 s
here, as there.
"""

from __future__ import annotations

import json
import random
from typing import Any

from ministack.services import stepfunctions

from lab.cloud.patching import private, replace
from lab.cloud.retries import THROTTLED, chosen, delay

RNG = random.Random()


def apply() -> None:
    """Wait as long as AWS does, and name a throttled call."""

    def retrier(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> tuple[Any, int]:
        place = chosen(retriers, error)
        if place is None or counts.get(place, 0) >= retriers[place].get("MaxAttempts", 3):
            return None, -1
        seconds = delay(retriers[place], counts.get(place, 0), RNG)
        return {**retriers[place], "IntervalSeconds": seconds, "BackoffRate": 1.0}, place

    def call(function: str, payload: Any) -> Any:
        try:
            return invoke(function, payload)
        except failed as error:
            if error.error == "Lambda.Unknown" and _is_throttle(error.cause):
                raise failed(THROTTLED, "Rate Exceeded. (Service: Lambda, Status Code: 429)") from error
            raise

    failed = private(stepfunctions, "_ExecutionError")
    replace(stepfunctions, "_find_matching_retrier", retrier)
    invoke = replace(stepfunctions, "_call_lambda", call)


def _is_throttle(cause: str) -> bool:
    try:
        said = json.loads(cause)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("__type") == "TooManyRequestsException"
