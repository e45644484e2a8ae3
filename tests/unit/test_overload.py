"""A throttled collection through the trigger: what is taken stays near what could be, whatever the pattern of refusals.

`make bench` has the same with the whole handler, beside the way it was (`bench.overload`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lab.trigger_core import Answer
from searchsync.config import read_environment
from searchsync.protocol.bulk import Response
from tests.support.events import environment
from tests.support.fakes import BUSY, MemoryIndex
from tests.support.fakes import Bench as Function
from tests.support.trigger_harness import START, STREAM, Bench, number, settings, stream_record

CHANGES = 500
ROUND_TRIP_S = 0.05
TIMES_THE_LEAST = 3.0


@dataclass
class ThrottledIndex(MemoryIndex):
    """Takes `capacity` writes a second, with what one second saves up; `whole`: or refuses the request."""

    capacity: float = 10.0
    whole: bool = False
    tokens: float = 0.0

    def throttle(self, function: Function, seed: int) -> None:
        self.function, self.rng, self.filled_at = function, random.Random(seed), function.clock.time

    def bulk(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        clock, count = self.function.clock, body.count(b'"version_type"')
        clock.time += ROUND_TRIP_S
        self.tokens = min(self.capacity, self.tokens + (clock.time - self.filled_at) * self.capacity)
        self.filled_at = clock.time
        room = min(count, int(self.tokens))
        if self.whole and room < count:
            return Response(429)
        self.tokens -= room
        refused = iter([False] * count)
        if room < count:
            taken = set(self.rng.sample(range(count), room))
            refused = iter([place not in taken for place in range(count)])
        self.item_fault = lambda _operation, _name: BUSY if next(refused) else None
        return super().bulk(body, timeout, begin_within)


def change(position: int, deletions: bool) -> dict[str, Any]:
    found = stream_record(position)
    if deletions:
        found["eventName"] = "REMOVE"
    else:
        found["dynamodb"]["NewImage"] = found["dynamodb"]["Keys"]
    return found


@dataclass
class Shard:
    """The module's trigger on one shard, and the function behind it; one clock."""

    function: Function
    trigger: Bench
    invocations: int = 0

    def invoke(self, event: dict[str, Any]) -> Answer:
        self.invocations += 1
        self.function.clock.time = max(self.function.clock.time, self.trigger.now)
        failed = self.function.run(event)
        self.trigger.now = self.function.clock.time
        return Answer(payload={"batchItemFailures": [{"itemIdentifier": each} for each in failed]})

    def drain(self, most_s: float) -> float:
        """Seconds until all is behind the checkpoint, `most_s` at most."""
        while self.trigger.trigger.checkpoints != {"s": number(CHANGES - 1)}:
            if self.trigger.now - START > most_s:
                break
            if not self.trigger.trigger.step():
                self.trigger.now += 0.1
        return self.trigger.now - START


def shard(index: ThrottledIndex, deletions: bool, seed: int) -> Shard:
    function = Function(config=replace(read_environment(environment()), stream_arn=STREAM), index=index)
    function.clock.time = START
    index.throttle(function, seed)
    if deletions:
        index.documents = {f"k{position}": (1, {}) for position in range(CHANGES)}
    trigger = Bench(settings(batch_size=CHANGES, bisect=False, on_failure=None, max_record_age=79_200))
    trigger.stream.put(*[change(position, deletions) for position in range(CHANGES)])
    found = Shard(function, trigger)
    trigger.invoke = found.invoke  # type: ignore[method-assign]
    trigger.trigger._invoke = found.invoke
    return found


@pytest.mark.parametrize("capacity", [10, 20, 50, 200])
@pytest.mark.parametrize("whole", [False, True], ids=["items refused", "requests refused"])
@pytest.mark.parametrize("deletions", [False, True], ids=["puts", "deletions"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_throttled_collection_takes_near_as_much_as_it_can(
    capacity: int, whole: bool, deletions: bool, seed: int
) -> None:
    index = ThrottledIndex(capacity=capacity, whole=whole)
    found = shard(index, deletions, seed)
    least_s = CHANGES / capacity
    assert found.drain(10 * least_s) <= TIMES_THE_LEAST * least_s
    assert len(index.documents) == (0 if deletions else CHANGES)
    assert found.function.queue.messages == []
