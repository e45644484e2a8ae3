"""What the `Retry` of a state does: which retrier an error is for, and how long it waits. Pure.

    rule                                                                                          source
    the first retrier whose ErrorEquals names the error, or has a wildcard for it, is the one     ASL, "Errors"
    States.TaskFailed is a wildcard for whatever a task reports but States.Timeout, States.ALL    "Handling errors"
    for all
    each retrier has a count of its own, which is reset when another state is entered             ASL, "Complex retry
                                                                                                  scenarios"
    a retrier that is used up fails the state: no later one is asked                              the same
    IntervalSeconds times BackoffRate for each retry before, at most MaxDelaySeconds; 1 s, 2 and  ASL, "Retrying after
    no bound by default; MaxAttempts 3, and 0 is never                                            error"
    JitterStrategy FULL: a random number between 0 and that                                       CDK, JitterType

ASL: the Amazon States Language's specification. "Handling errors": "Handling errors in Step Functions workflows".
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Retrier = Mapping[str, Any]
THROTTLED = "Lambda.TooManyRequestsException"
"""Of an invocation that Lambda has no room for ("Handle Lambda service exceptions")."""


def chosen(retriers: Sequence[Retrier], error: str) -> int | None:
    """The place of the retrier that an error is for."""
    for place, retrier in enumerate(retriers):
        names = retrier["ErrorEquals"]
        if error in names or "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout"):
            return place
    return None


def delay(retrier: Retrier, before: int, rng: random.Random) -> float:
    """Seconds until the next retry of a retrier that has made so many."""
    computed = retrier.get("IntervalSeconds", 1) * float(retrier.get("BackoffRate", 2.0)) ** before
    computed = min(computed, retrier.get("MaxDelaySeconds", math.inf))
    return rng.uniform(0.0, computed) if retrier.get("JitterStrategy") == "FULL" else float(computed)


def waits(retriers: Sequence[Retrier], errors: Iterable[str], rng: random.Random) -> Iterator[float]:
    """The waits of one state whose attempts end in these errors, until a retrier is used up."""
    counts: Counter[int] = Counter()
    for error in errors:
        place = chosen(retriers, error)
        if place is None or counts[place] >= retriers[place].get("MaxAttempts", 3):
            return
        yield delay(retriers[place], counts[place], rng)
        counts[place] += 1
