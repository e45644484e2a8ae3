"""Sending writes: what stands beside the ones that stay busy."""

from __future__ import annotations

import random

import pytest

from searchsync.bulk import Kind, Write
from searchsync.clock import Backoff, Deadline
from searchsync.delivery import Delivery
from tests.support.fakes import BUSY, FakeClock, MemoryIndex, faulty

EARLIER = Write("earlier", 2, b'{"n":1}')
STARTED, ANSWERED_IN = 25.0, 55.0
LONE = Write("lone", 2, b'{"n":2}')


def delivered_after(seconds: float) -> MemoryIndex:
    """One write is answered; `seconds` later another stays busy. The index, with what was sent then alone."""
    clock, index = FakeClock(), MemoryIndex()
    delivery = Delivery(index, Backoff(clock, random.Random(1)), 5_000_000)
    assert delivery.deliver([EARLIER], Deadline.after(clock, 55.0))["earlier"].kind is Kind.DONE
    clock.sleep(seconds)
    index.bodies.clear()
    index.item_fault = faulty(lone=BUSY)
    delivery.deliver([LONE], Deadline.after(clock, 55.0))
    assert len(index.bodies) > 1
    return index


def test_a_write_that_was_answered_stands_beside_the_busy_one() -> None:
    assert all(b'"earlier"' in body for body in delivered_after(5.0).bodies[1:5])


def test_what_was_answered_is_never_sent_again_after_its_deadline() -> None:
    """What a read of the table wrote could raise the dead when a tombstone since is gone: its document is only
    asked for then, by a deletion that is below every version."""
    index = delivered_after(56.0)
    asked = b'{"delete":{"_id":"earlier","version":1,"version_type":"external"}}\n'
    assert all(body.count(b'"earlier"') == body.count(asked) == 1 for body in index.bodies[1:5])
    assert index.documents["earlier"] == (2, {"n": 1})


@pytest.mark.parametrize("tick", [0.0, 0.001])
def test_the_last_try_comes_when_the_time_to_begin_one_ends(tick: float) -> None:
    """So a document that alone stays busy is known for it in every invocation, whatever the jitter."""
    for seed in range(40):
        clock, index = FakeClock(tick=tick), MemoryIndex()
        index.item_fault = faulty(lone=BUSY)
        deadline = Deadline.after(clock, 300.0).at_most(clock.time + ANSWERED_IN, begin_by=clock.time + STARTED)
        delivery = Delivery(index, Backoff(clock, random.Random(seed)), 5_000_000)
        assert delivery.deliver([EARLIER, LONE], deadline)["lone"].kind is Kind.POISON, seed


def test_no_request_is_begun_so_late_that_it_could_land_after_a_tombstone() -> None:
    """A request that had no answer may be applied all the same."""
    clock, index = FakeClock(), MemoryIndex()
    index.item_fault = faulty(lone=BUSY)
    began = clock.time
    sent: list[float] = []
    index.after_bulk = lambda: sent.append(clock.time - began)
    deadline = Deadline.after(clock, 300.0).at_most(began + ANSWERED_IN, begin_by=began + STARTED)
    answers = Delivery(index, Backoff(clock, random.Random(1)), 5_000_000).deliver([LONE], deadline)
    assert answers["lone"].kind is Kind.BUSY
    assert max(sent) <= STARTED
