"""The search: every state that can be reached, the property in each, the shortest way to a wrong one."""

from __future__ import annotations

import gc
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.protocol.aging import tick
from tests.support.protocol.consumer import consume
from tests.support.protocol.readers import read
from tests.support.protocol.reduction import reduced
from tests.support.protocol.rules import Configuration
from tests.support.protocol.state import BAD, CURRENT, EXPIRED, FUTURE, State, begin
from tests.support.protocol.world import outside, people


@dataclass(frozen=True)
class Explored:
    """`states` seen; `quiet` of them at rest; `wrong`: what is broken, empty when nothing is; `way`: how it came."""

    states: int
    quiet: int
    wrong: str
    way: list[State]


def explore(world: Configuration) -> Explored:
    """Every state of a configuration, until one is wrong."""
    gc.disable()  # millions of tuples, none in a circle
    try:
        return _explore(world)
    finally:
        gc.enable()


def _explore(world: Configuration) -> Explored:
    number: dict[State, int] = {begin(world): 0}
    states = [begin(world)]
    parents, edges = array("q", [-1]), array("q")
    rest: list[int] = []
    at = 0
    while at < len(states):
        state = states[at]
        if world.live:
            edges.append(-1 - at)
        for follower in successors(state, world):
            known = number.get(follower)
            if known is None:
                known = number[follower] = len(states)
                states.append(follower)
                parents.append(at)
            if world.live:
                edges.append(known)
        wrong = broken(state, world)
        if wrong:
            return Explored(len(states), len(rest), wrong, _way(at, states, parents))
        if quiet(state, world):
            rest.append(at)
        at += 1
    stuck = _stuck(len(states), edges, rest) if world.live else None
    if stuck is not None:
        return Explored(len(states), len(rest), "can never be quiet again", _way(stuck, states, parents))
    return Explored(len(states), len(rest), "", [])


def successors(state: State, world: Configuration) -> Iterator[State]:
    """All that may happen next."""
    for follower in _followers(state, world):
        yield reduced(follower, world)


def _followers(state: State, world: Configuration) -> Iterator[State]:
    yield tick(state, world)
    yield from people(state, world)
    yield from outside(state, world)
    yield from consume(state, world)
    yield from read(state, world)


def broken(state: State, world: Configuration) -> str:
    """What is wrong with a state, or nothing.

    With every record behind the checkpoint: what can never be written is in the queue. When nothing is under way
    either: the index is the table, or a message says which record is not there yet.
    """
    if state.blamed:
        return "a storm made poison"
    if state.stream or state.worker is not None or state.dropped or state.left == world.writes:
        return ""
    if state.table == BAD:
        return "" if state.queue else "a poison record is in neither place"
    if state.wire or state.reader is not None or state.queue:
        return ""
    wanted = CURRENT if state.table == EXPIRED else state.table
    return "" if state.document[0] == wanted else "the index is not the table"


def quiet(state: State, world: Configuration) -> bool:
    """Whether nothing is left to do: no record, no request, and no message that could still be settled."""
    if state.stream or state.worker is not None or state.wire or state.reader is not None:
        return False
    settled = state.table == BAD or state.document[1] == FUTURE
    return not (state.dropped and world.repair) and (settled or not (state.queue and world.redrive))


def _way(at: int, states: list[State], parents: array[int]) -> list[State]:
    way: list[State] = []
    while at >= 0:
        way.append(states[at])
        at = parents[at]
    return way[::-1]


def _stuck(count: int, edges: array[int], rest: list[int]) -> int | None:
    """The first state from which none at rest can be reached, or None."""
    before: list[list[int]] = [[] for _ in range(count)]
    at = 0
    for edge in edges:
        if edge < 0:
            at = -1 - edge
        else:
            before[edge].append(at)
    good = bytearray(count)
    todo = list(rest)
    for each in rest:
        good[each] = 1
    while todo:
        for each in before[todo.pop()]:
            if not good[each]:
                good[each] = 1
                todo.append(each)
    stuck = good.find(0)
    return None if stuck < 0 else stuck
