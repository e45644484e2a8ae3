"""Time: the clock stands at NOW, and all that carries a time ages instead.

What is so old that only its order, and whether more than the skew bound lies between, still count is moved together.
So time has no end, and yet there are finitely many states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from searchsync.protocol.version import LOW_BITS, second_of
from tests.support.protocol.rules import Configuration
from tests.support.protocol.state import FUTURE, GONE, NOW, PARENT, Late, State, bits_of, rests


def versions(state: State) -> Iterator[int]:
    """Every version in the state."""
    for record in state.stream:
        yield record.version
    for _, version, _ in state.wire:
        yield version
    for actor in (state.worker, state.reader):
        if actor is not None and actor.write is not None:
            yield actor.write[1]
    if state.worker is not None and state.worker.kept is not None:
        yield state.worker.kept[1]
    if state.worker is not None and state.worker.known:
        yield state.worker.known
    if 0 < state.document[1] < FUTURE:
        yield state.document[1]
    if state.shown:
        yield state.shown


def _seconds(state: State) -> Iterator[int]:
    """Every second in the state that is not in a version."""
    for actor in (state.worker, state.reader):
        if actor is not None:
            yield actor.second
            yield actor.past
    if state.worker is not None:
        yield state.worker.as_of
    yield from state.queue
    yield from state.dropped


def remapped(state: State, version: Callable[[int], int], second: Callable[[int], int]) -> State:
    """The state with every version and every second replaced."""
    worker, reader, document = state.worker, state.reader, state.document
    if worker is not None:
        write = None if worker.write is None else (worker.write[0], version(worker.write[1]))
        worker = worker._replace(
            second=second(worker.second),
            past=second(worker.past),
            write=write,
            as_of=second(worker.as_of),
            kept=None if worker.kept is None else (worker.kept[0], version(worker.kept[1])),
            known=version(worker.known) if worker.known else 0,
        )
    if reader is not None:
        write = None if reader.write is None else (reader.write[0], version(reader.write[1]))
        reader = reader._replace(second=second(reader.second), past=second(reader.past), write=write)
    if 0 < document[1] < FUTURE:
        document = (document[0], version(document[1]))
    return state._replace(
        stream=tuple([record._replace(version=version(record.version)) for record in state.stream]),
        worker=worker,
        wire=tuple(sorted([(value, version(each), age) for value, each, age in state.wire])),
        document=document,
        reader=reader,
        queue=tuple([second(each) for each in state.queue]),
        dropped=tuple([second(each) for each in state.dropped]),
        shown=version(state.shown) if state.shown else 0,
    )


def tick(state: State, world: Configuration) -> State:
    """A second later: everything is a second older. What came too late has died."""
    longest = world.late
    worker, reader, wire = state.worker, state.reader, state.wire
    if longest is not None:
        wire = _under_way(wire, longest, world.rules.cut)
        if worker is not None and worker.step == "read":
            worker = worker._replace(age=min(worker.age + 1, longest))
        if reader is not None and reader.step == "read":
            reader = reader._replace(age=min(reader.age + 1, longest))
    tombstone = state.tombstone
    if world.tombstone is not None and state.document[0] == GONE and state.document[1]:
        tombstone = min(tombstone + 1, world.tombstone)
    rested = min(state.rested + 1, rests(world)) if world.expires else 0
    state = state._replace(worker=worker, reader=reader, wire=wire, tombstone=tombstone, rested=rested)
    return _moved_together(state, world)


def _under_way(wire: tuple[Late, ...], longest: int, cut: bool) -> tuple[Late, ...]:
    """The requests that may still land a second later. One that trickles, and is not cut off, does so for ever."""
    older = [(value, version, min(age + 1, longest)) for value, version, age in wire if age < longest or not cut]
    return tuple(sorted(older))


def _moved_together(state: State, world: Configuration) -> State:
    """Everything a second older, what is old moved together, low bits of a closed second counted from one."""
    clocks = world.stream_clock + world.function_clock + world.reader_clock
    # What a deletion as of a record is above, and below, lies a skew bound more apart.
    apart = world.rules.max_skew * (3 if world.expires else 1) + (3 if world.expires else 1)
    old = NOW - (apart - min(clocks))
    version, second = _older(frozenset(versions(state)), frozenset(_seconds(state)), old, apart)
    return remapped(state, version.__getitem__, second.__getitem__)


@cache
def _older(
    there: frozenset[int], seconds: frozenset[int], old: int, apart: int
) -> tuple[dict[int, int], dict[int, int]]:
    """What versions and seconds become. Nothing that is yet to come compares otherwise with what is `old` now."""
    second_moved, above = {0: 0}, 0
    for second in sorted({*seconds, *map(second_of, there)} - {0}, reverse=True):
        later = second - 1
        if later < old:
            later = min(old, second_moved[above] - min(above - second, apart)) if above else old
        second_moved[second] = later
        above = second
    version_moved: dict[int, int] = {}
    count: dict[tuple[int, int], int] = {}
    for version in sorted(there):
        second, bits = second_of(version), bits_of(version)
        if bits and not version & 1:
            group = (second, bits & PARENT)
            count[group] = count.get(group, bits & PARENT) + 1
            bits = count[group]
        version_moved[version] = second_moved[second] << LOW_BITS | bits << 1 | version & 1
    return version_moved, second_moved
