"""What stands outside the function: people, the engine, requests still on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from searchsync.protocol.version import LOW_BITS, SEQUENCE_LOG, second_of, stream_version
from tests.support.protocol.aging import remapped, versions
from tests.support.protocol.rules import Configuration
from tests.support.protocol.state import (
    BAD,
    CURRENT,
    EXPIRED,
    FUTURE,
    GONE,
    MENDED,
    NOW,
    OLD_BAD,
    PARENT,
    SUPERSEDED,
    Record,
    State,
    Write,
    bits_of,
    rests,
)


def people(state: State, world: Configuration) -> Iterator[State]:
    """Somebody changes or deletes the item, splits the shard, mends the mapping, removes what is future."""
    if world.split and state.shard == 0:
        yield state._replace(shard=1)
    if world.mended and not state.mended and state.left < world.writes:
        yield _valued(state, MENDED)._replace(mended=True)
    if state.document[1] == FUTURE:
        yield state._replace(document=(GONE, 0))
    if state.left == 0:
        return
    values = [
        CURRENT,
        *([BAD] if world.poison and not state.mended else []),
        *([GONE] if state.table not in (GONE, EXPIRED) or world.views else []),
    ]
    if world.expires and state.table == CURRENT and state.rested >= rests(world):
        gone = state._replace(table=EXPIRED, left=state.left - 1, rested=0)
        for offset in world.stream_clock:
            yield from _recorded(gone, NOW + offset, CURRENT, True, world, expiry=True)
    for value in values:
        changed = _valued(state, SUPERSEDED)._replace(table=value, left=state.left - 1, rested=0)
        for offset in world.stream_clock:
            for image in (True, False) if world.imageless and value != GONE else (True,):
                yield from _recorded(changed, NOW + offset, value, image, world)


def _valued(state: State, new: tuple[int, ...]) -> State:
    """The state with every value renamed."""
    worker, reader = state.worker, state.reader
    if worker is not None:
        worker = worker._replace(write=_renamed(worker.write, new), kept=_renamed(worker.kept, new))
    if reader is not None:
        reader = reader._replace(write=_renamed(reader.write, new))
    return state._replace(
        table=new[state.table],
        stream=tuple([record._replace(value=new[record.value]) for record in state.stream]),
        worker=worker,
        wire=tuple([(new[value], version, age) for value, version, age in state.wire]),
        document=(new[state.document[0]], state.document[1]),
        reader=reader,
    )


def _renamed(write: Write | None, new: tuple[int, ...]) -> Write | None:
    return None if write is None else (new[write[0]], write[1])


def _recorded(
    state: State, second: int, value: int, image: bool, world: Configuration, *, expiry: bool = False
) -> Iterator[State]:
    """The change's stream record, with every place that its low bits may take among those of its second.

    Only their order counts, so what stands above them moves up. In one shard they rise; a child's lie below.
    """
    group = PARENT if world.split and state.shard == 0 else 0
    there = {bits_of(each) for each in versions(state) if second_of(each) == second and not each & 1}
    bits = {each for each in there if each & PARENT == group}
    highest = max(bits, default=group)
    places = [highest + 1] if world.split or world.rising else list(range(1, highest + 2))
    if world.low_bits_zero and 0 not in bits:
        places.append(0)
    for place in places:
        version = stream_version(second, place * SEQUENCE_LOG)
        moved = remapped(state, _moved_up(version), _same) if 0 < place <= highest else state
        yield moved._replace(stream=(*moved.stream, Record(value, version, image, state.shard, expiry)))


def _moved_up(place: int) -> Callable[[int], int]:
    top = (second_of(place) + 1) << LOW_BITS

    def move(version: int) -> int:
        return version + 2 if place <= version < top and not version & 1 else version

    return move


def _same(second: int) -> int:
    return second


# The engine and the wire


def applied(document: Write, write: Write, world: Configuration) -> Write | None:
    """The index after a write, or None where it refused it."""
    if world.rules.external and write[1] <= document[1]:
        return None
    return write


def landed(state: State, value: int, version: int, world: Configuration) -> State | None:
    """The state after the engine took a write, None where it refused it: a conflict, or one that never can be."""
    if value in (BAD, OLD_BAD):
        return None
    document = applied(state.document, (value, version), world)
    return None if document is None else without_dead(state._replace(document=document, tombstone=0), world)


def without_dead(state: State, world: Configuration) -> State:
    """Without requests that can only be refused: their version is passed, and no tombstone goes while they live.

    Not so a document from the future: somebody may remove it at any time.
    """
    current = state.document[1]
    if world.tombstone is not None or current == FUTURE or not world.rules.external:
        return state
    if state.wire:
        state = state._replace(wire=tuple([each for each in state.wire if each[1] > current]))
    reader = state.reader
    if reader is not None and reader.kind == "page" and reader.write is not None and reader.write[1] <= current:
        return state._replace(reader=None) if world.rules.page_deadline else state
    return state


def outside(state: State, world: Configuration) -> Iterator[State]:
    """Requests land late or never, tombstones are collected, poison's mapping stays what it is."""
    for position, (value, version, _) in enumerate(state.wire):
        rest = state._replace(wire=state.wire[:position] + state.wire[position + 1 :])
        yield rest
        late = landed(rest, value, version, world)
        if late is not None:
            yield late
    if world.reads_late and state.shown != _there(state):
        yield state._replace(shown=_there(state))
    if state.document[0] == GONE and state.document[1] and _collectable(state, world):
        yield state._replace(document=(GONE, 0), tombstone=0)


def _there(state: State) -> int:
    return 0 if state.document[0] == GONE else state.document[1]


def shown(state: State, world: Configuration) -> int | None:
    """The version that `_mget` shows, None where it shows no document."""
    return (state.shown if world.reads_late else _there(state)) or None


def known(state: State, world: Configuration) -> int | None:
    """The current version that whoever met a conflict knows: said by it, or looked up."""
    return shown(state, world) if world.silent else state.document[1]


def _collectable(state: State, world: Configuration) -> bool:
    if world.tombstone is not None:
        return state.tombstone >= world.tombstone
    under_way = state.reader is not None and state.reader.write is not None
    return state.worker is None and not state.wire and not (world.rules.page_deadline and under_way)
