"""The write protocol of one key, explored state by state with the function's own `version` rules.

In the model: the table's item and its stream, whose clock may run back by a second; a consumer that takes
one or two records, may crash, time out or lose an answer; a request left on the wire, which lands late or
never; the index's document with its external version, or its tombstone; one page of a walk over the table.
Tombstones are collected when nothing is under way. Property: whenever all is quiet, the index is the table.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from searchsync.version import (
    SEQUENCE_LOG,
    Verdict,
    read_version,
    second_of,
    stream_version,
    verdict,
    verdict_on_read,
    wait_until_past,
)

START, LONGEST, SKEW = 1_000, 6, 1
"""Seconds: when the model begins, how long its clock runs, how far the stream's clock may run back."""

Write = tuple[int | None, int]
"""A value, None for a deletion, and its external version."""
DONE = frozenset({Verdict.DUPLICATE, Verdict.PASSED, Verdict.STALE})


@dataclass(frozen=True)
class Rules:
    """The protocol; each field is one rule that a variant can take away."""

    external: bool = True
    margin: int = 2
    batch_order: bool = True
    page_deadline: bool = True
    on_record: Callable[..., Verdict] = verdict
    on_read: Callable[..., Verdict] = verdict_on_read


class Worker(NamedTuple):
    """A consumer with `taken` records in hand: "send", "wait" or "read" is what it does next."""

    step: str
    taken: int
    second: int
    past: int
    write: Write | None


class State(NamedTuple):
    """Everything there is. `page`: None before the walk, False when it is over."""

    now: int
    table: int | None
    stream: tuple[Write, ...]
    checkpoint: int
    worker: Worker | None
    wire: Write | None
    document: Write
    page: Write | bool | None


def explore(rules: Rules, writes: int) -> tuple[int, list[State] | None]:
    """How many states there are, and the shortest way to one that is quiet and wrong, or None.

    All orders of the sequence numbers' low bits are tried: AWS promises none across shards.
    """
    total = 0
    for bits in itertools.permutations(range(1, writes + 1)):
        start = State(START, None, (), 0, None, None, (None, 0), None)
        parent: dict[State, State | None] = {start: None}
        queue = deque([start])
        while queue:
            state = queue.popleft()
            if _quiet(state, writes) and state.document[0] != state.table:
                return total + len(parent), _way(state, parent)
            for follower in _successors(state, bits, rules):
                if follower not in parent:
                    parent[follower] = state
                    queue.append(follower)
        total += len(parent)
    return total, None


def _quiet(state: State, writes: int) -> bool:
    idle = state.worker is None and state.wire is None and not isinstance(state.page, tuple)
    return idle and len(state.stream) == state.checkpoint == writes


def _way(state: State, parent: dict[State, State | None]) -> list[State]:
    way: list[State] = []
    step: State | None = state
    while step is not None:
        way.append(step)
        step = parent[step]
    return way[::-1]


def _successors(state: State, bits: tuple[int, ...], rules: Rules) -> Iterator[State]:
    yield from _people(state, bits)
    if state.now < START + LONGEST:
        yield state._replace(now=state.now + 1)
    yield from _take(state, rules) if state.worker is None else _work(state, state.worker, rules)
    if state.wire is not None:
        yield state._replace(wire=None, document=_applied(state.document, state.wire, rules)[0])
        yield state._replace(wire=None)
    yield from _walk(state, rules)
    held = state.worker is not None or state.wire is not None or (rules.page_deadline and isinstance(state.page, tuple))
    if state.document[0] is None and state.document[1] and not held:
        yield state._replace(document=(None, 0))


def _people(state: State, bits: tuple[int, ...]) -> Iterator[State]:
    """Somebody changes or deletes the item."""
    number = len(state.stream)
    if number == len(bits):
        return
    for value in (number + 1, None) if state.table is not None else (number + 1,):
        for skew in range(SKEW + 1):
            version = stream_version(state.now - skew, bits[number] * SEQUENCE_LOG)
            yield state._replace(table=value, stream=(*state.stream, (value, version)))


def _take(state: State, rules: Rules) -> Iterator[State]:
    """The consumer takes one or two records; where their versions do not rise, the table is asked."""
    for count in (1, 2):
        batch = state.stream[state.checkpoint : state.checkpoint + count]
        if len(batch) < count:
            return
        versions = [version for _, version in batch]
        latest = max(map(second_of, versions))
        rising = all(before < after for before, after in itertools.pairwise(versions))
        if rules.batch_order and not rising:
            yield state._replace(worker=Worker("wait", count, latest, latest, None))
        else:
            yield state._replace(worker=Worker("send", count, latest, latest, batch[-1]))


def _work(state: State, worker: Worker, rules: Rules) -> Iterator[State]:
    yield state._replace(worker=None)  # a crash
    if worker.step == "wait" and wait_until_past(worker.past, state.now, rules.margin) == 0.0:
        read = (state.table, read_version(state.now, rules.margin))
        yield state._replace(worker=worker._replace(step="read", write=read))
    if worker.write is None:
        return
    if state.wire is None:
        yield state._replace(worker=None, wire=worker.write)  # timed out, still under way
    index, refused = _applied(state.document, worker.write, rules)
    if not refused:
        yield state._replace(worker=None, document=index)  # applied, the answer lost
    found = _judge(state, worker, worker.write, refused, rules)
    if found in DONE:
        yield state._replace(worker=None, document=index, checkpoint=state.checkpoint + worker.taken)
    else:
        past = max(worker.past, second_of(state.document[1]))
        yield state._replace(worker=worker._replace(step="wait", past=past, write=None))


def _judge(state: State, worker: Worker, write: Write, refused: bool, rules: Rules) -> Verdict:
    if not refused:
        return Verdict.DUPLICATE
    now, margin, current = state.now, rules.margin, state.document[1]
    if worker.step == "send":
        return rules.on_record(ours=write[1], deletion=write[0] is None, current=current, now=now, margin=margin)
    return rules.on_read(ours=write[1], record_second=worker.second, current=current, now=now, margin=margin)


def _applied(index: Write, write: Write, rules: Rules) -> tuple[Write, bool]:
    """The index after a write, and whether it refused it."""
    if rules.external and write[1] <= index[1]:
        return index, True
    return write, False


def _walk(state: State, rules: Rules) -> Iterator[State]:
    """One page of a walk over the table: read at some time, written at a later one."""
    if state.page is None and state.table is not None:
        yield state._replace(page=(state.table, read_version(state.now, rules.margin)))
    if isinstance(state.page, tuple):
        yield state._replace(page=False, document=_applied(state.document, state.page, rules)[0])
