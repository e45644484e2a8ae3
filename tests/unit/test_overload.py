"""A throttled collection through the trigger: what is taken stays near what could be, whatever the pattern of refusals.

`make bench` has the same with the whole handler, beside the way it was (`bench.overload`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest

from lab.trigger_core import Answer
from searchsync.config import read_environment
from searchsync.limits import SLOW_AGE
from searchsync.protocol.bulk import Response
from searchsync.sync.delivery import Window
from tests.support.events import environment
from tests.support.fakes import BUSY, FakeClock, MemoryIndex
from tests.support.fakes import Bench as Function
from tests.support.redrive_harness import RedriveBench, poison_message
from tests.support.trigger_harness import START, STREAM, Bench, number, settings, stream_record

CHANGES = 500
ROUND_TRIP_S = 0.05
TIMES_THE_LEAST = 3.0
OLD = 2 * SLOW_AGE


class Clocked(Protocol):
    """A bench with a clock that its index moves."""

    clock: FakeClock


@dataclass
class ThrottledIndex(MemoryIndex):
    """Takes `capacity` writes a second, with what one second saves up; `whole`: or refuses the request.

    `refusals_cost`: of a refused write, where one that is taken costs 1.
    """

    capacity: float = 10.0
    whole: bool = False
    refusals_cost: float = 0.0
    tokens: float = 0.0

    def throttle(self, function: Clocked, seed: int) -> None:
        """`function`: whose clock its seconds are."""
        self.function, self.rng, self.filled_at = function, random.Random(seed), function.clock.time

    def bulk(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        clock, count = self.function.clock, body.count(b'"version_type"')
        clock.time += ROUND_TRIP_S
        self.tokens = min(self.capacity, self.tokens + (clock.time - self.filled_at) * self.capacity)
        self.filled_at = clock.time
        room = max(0, min(count, int(self.tokens)))
        if self.whole and room < count:
            self.tokens -= self.refusals_cost * count
            return Response(429)
        self.tokens -= room + self.refusals_cost * (count - room)
        refused = iter([False] * count)
        if room < count:
            taken = set(self.rng.sample(range(count), room))
            refused = iter([place not in taken for place in range(count)])
        self.item_fault = lambda _operation, _name: BUSY if next(refused) else None
        return super().bulk(body, timeout, begin_within)


@dataclass
class SlowIndex(ThrottledIndex):
    """Refuses nothing, and takes one request behind the other in its time. `drops`: what was given up costs nothing;
    else it is worked on all the same."""

    drops: bool = False
    free_at: float = 0.0

    def bulk(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        clock, count = self.function.clock, body.count(b'"version_type"')
        done = max(clock.time, self.free_at) + ROUND_TRIP_S + count / self.capacity
        if done <= clock.time + timeout:
            clock.time = self.free_at = done
            return MemoryIndex.bulk(self, body, timeout, begin_within)
        if not self.drops:
            MemoryIndex.bulk(self, body, timeout, begin_within)
            self.free_at = done
        clock.time += timeout
        return Response(None)


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
    keeps: bool = True
    """Whether the sandbox is the same each time."""

    def __post_init__(self) -> None:
        self.begun = self.trigger.now

    def invoke(self, event: dict[str, Any]) -> Answer:
        self.invocations += 1
        self.function.clock.time = max(self.function.clock.time, self.trigger.now)
        self.function.window = self.function.window if self.keeps else Window()
        failed = self.function.run(event)
        self.trigger.now = self.function.clock.time
        return Answer(payload={"batchItemFailures": [{"itemIdentifier": each} for each in failed]})

    def drain(self, most_s: float) -> float:
        """Seconds until all is behind the checkpoint, `most_s` at most."""
        while self.trigger.trigger.checkpoints != {"s": number(CHANGES - 1)}:
            if self.trigger.now - self.begun > most_s:
                break
            if not self.trigger.trigger.step():
                self.trigger.now += 0.1
        return self.trigger.now - self.begun


def shard(index: ThrottledIndex, deletions: bool, seed: int, age: float = 0.0) -> Shard:
    function = Function(config=replace(read_environment(environment()), stream_arn=STREAM), index=index)
    function.clock.time = START + age
    index.throttle(function, seed)
    if deletions:
        index.documents = {f"k{position}": (1, {}) for position in range(CHANGES)}
    trigger = Bench(settings(batch_size=CHANGES, bisect=False, on_failure=None, max_record_age=79_200))
    trigger.now = START + age
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


@pytest.mark.parametrize("capacity", [5, 10, 15])
@pytest.mark.parametrize("drops", [False, True], ids=["works on what was given up", "drops what was given up"])
@pytest.mark.parametrize("age", [0.0, OLD])
@pytest.mark.parametrize("warm", [False, True])
def test_a_collection_that_is_slow_and_refuses_nothing_catches_up(
    capacity: int, drops: bool, age: float, warm: bool
) -> None:
    """`warm`: in a sandbox that has seen it take everything at once."""
    found = shard(SlowIndex(capacity=capacity, drops=drops), deletions=False, seed=1, age=age)
    if warm:
        found.function.window = Window(size=2 * CHANGES)
    least_s = CHANGES / capacity
    assert found.drain(10 * least_s) <= TIMES_THE_LEAST * least_s
    assert found.function.queue.messages == []


def test_new_sandboxes_catch_up_with_a_slow_collection_too() -> None:
    found = shard(SlowIndex(capacity=10), deletions=False, seed=1)
    found.keeps = False
    assert found.drain(500.0) <= 4 * CHANGES / 10
    assert found.function.queue.messages == []


@pytest.mark.parametrize("capacity", [10, 15])
@pytest.mark.parametrize("whole", [False, True], ids=["items refused", "requests refused"])
@pytest.mark.parametrize("age", [0.0, OLD])
def test_a_collection_whose_refusals_cost_it_something_catches_up(capacity: int, whole: bool, age: float) -> None:
    index = ThrottledIndex(capacity=capacity, whole=whole, refusals_cost=0.5)
    found = shard(index, deletions=False, seed=1, age=age)
    least_s = CHANGES / capacity
    assert found.drain(10 * least_s) <= TIMES_THE_LEAST * least_s
    assert found.function.queue.messages == []


def test_a_redrive_takes_near_as_much_as_a_slow_collection_can() -> None:
    index = SlowIndex(capacity=3)
    bench = RedriveBench(index=index)
    index.throttle(bench, seed=1)
    names = [f"k{each}" for each in range(300)]
    for name in names:
        bench.put(name)
    bench.queue.put(*[poison_message(name) for name in names])
    began = bench.clock.time
    assert bench.run()["redriven"] == len(names)
    assert bench.clock.time - began <= 1.5 * len(names) / index.capacity
