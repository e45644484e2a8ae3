"""Every batch of three keys through the real pipeline, delivered as the trigger does until it is empty.

A key's record is good or poison, at once or after one busy delivery; the failure queue may refuse a message of the
first delivery. In the end every good record is in the index, and every poison one in the queue: once, or, where the
queue refused some and took others, at least once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from searchsync.protocol.plan import Poison
from searchsync.sync.pipeline import Pipeline
from tests.support.events import event, number, record
from tests.support.fakes import BUSY, POISONED, Bench, faulty

pytestmark = pytest.mark.slow

NAMES = ("a", "b", "c")
KINDS = ("good", "poison", "busy", "busy poison")
REFUSED = (frozenset[int](), frozenset({0}), frozenset({1}))


def wrong(kinds: Sequence[str], refused: frozenset[int]) -> str:
    """What is wrong in the end, or nothing."""
    bench = Bench(remaining=8.0)
    bench.queue.refusing = refused
    records = [record("INSERT", name, number=each) for each, name in enumerate(NAMES, 1)]
    numbers = [number(each) for each in range(1, len(NAMES) + 1)]
    first, deliveries = 0, 0
    while first < len(records):
        if deliveries == len(NAMES) + 1:
            return "the shard is blocked"
        answers = {name: POISONED for name, kind in zip(NAMES, kinds, strict=True) if kind.endswith("poison")}
        if not deliveries:
            answers |= {name: BUSY for name, kind in zip(NAMES, kinds, strict=True) if kind.startswith("busy")}
        bench.index.item_fault = faulty(**answers)
        failed = bench.run(event(*records[first:]))
        first = numbers.index(failed[0]) if failed else len(records)
        bench.queue.refusing = frozenset()
        deliveries += 1
    good = {name for name, kind in zip(NAMES, kinds, strict=True) if not kind.endswith("poison")}
    queued = sorted(message["key"]["id"]["S"] for message in bench.queue.messages)
    if refused:
        queued = sorted(set(queued))
    if set(bench.index.documents) != good:
        return "the index is not the table"
    return "" if queued == sorted(set(NAMES) - good) else "the queue is not the poison"


def found() -> set[str]:
    every = itertools.product(itertools.product(KINDS, repeat=len(NAMES)), REFUSED)
    return {wrong(kinds, refused) for kinds, refused in every}


def test_every_record_is_in_the_index_or_once_in_the_queue() -> None:
    assert found() == {""}


HandOver = Callable[..., "str | None"]


def poison_above_too(whole: HandOver) -> HandOver:
    def hand_over(self: Pipeline, records: Any, failed: list[str], poison: list[Poison], *rest: Any) -> str | None:
        refused = whole(self, records, [], poison, *rest)
        return min([*failed, *([refused] if refused else [])], default=None)

    return hand_over


def no_poison_below(whole: HandOver) -> HandOver:
    def hand_over(self: Pipeline, records: Any, failed: list[str], poison: list[Poison], *rest: Any) -> str | None:
        return whole(self, records, failed, [] if failed else poison, *rest)

    return hand_over


def the_highest(whole: HandOver) -> HandOver:
    def hand_over(self: Pipeline, records: Any, failed: list[str], poison: list[Poison], *rest: Any) -> str | None:
        return whole(self, records, failed[-1:], poison, *rest)

    return hand_over


def a_refused_message_is_forgotten(whole: HandOver) -> HandOver:
    def hand_over(self: Pipeline, records: Any, failed: list[str], poison: list[Poison], *rest: Any) -> str | None:
        refused = whole(self, records, failed, poison, *rest)
        return refused if refused in failed else None

    return hand_over


@pytest.mark.parametrize(
    ("broken", "shows"),
    [
        (poison_above_too, "the queue is not the poison"),
        (no_poison_below, "the queue is not the poison"),
        (the_highest, "the index is not the table"),
        (a_refused_message_is_forgotten, "the queue is not the poison"),
    ],
)
def test_without_this_rule_a_batch_goes_wrong(
    broken: Callable[[HandOver], HandOver], shows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipeline, "_hand_over", broken(Pipeline._hand_over))
    assert shows in found()
