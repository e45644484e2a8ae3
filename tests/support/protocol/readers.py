"""Those who read the table beside the stream: a run's page, a repair, a redrive. One at a time."""

from __future__ import annotations

from collections.abc import Iterator

from searchsync.protocol.version import Verdict, read_version
from tests.support.protocol.consumer import DONE, added, cut, late, past_known, reads, with_probe
from tests.support.protocol.rules import Configuration, Rules
from tests.support.protocol.state import BAD, EXPIRED, GONE, NOW, OLD_BAD, Reader, State, Write
from tests.support.protocol.world import known, landed, without_dead


def read(state: State, world: Configuration) -> Iterator[State]:
    """What a reader may do next, or who may begin."""
    if state.reader is None:
        yield from _begin(state, world)
        return
    if state.reader.kind == "page":
        yield from _page(state, state.reader, world)
    else:
        yield from _resync(state, state.reader, world)


def _begin(state: State, world: Configuration) -> Iterator[State]:
    for offset in world.reader_clock:
        now = NOW + offset
        if world.page and state.table != BAD and (world.views or state.table not in (GONE, EXPIRED)):
            write = (state.table, read_version(now, world.rules.max_skew))
            yield without_dead(state._replace(reader=Reader("page", "read", 0, 0, write, 0)), world)
        if world.repair and state.dropped:
            yield state._replace(reader=Reader("repair", "wait", now, now, None, 0))
    if world.redrive and state.queue:
        second = max(state.queue)
        past = second if world.rules.redrive_waits else 0
        queue = state.queue if world.rules.redrive_writes_first else ()
        yield state._replace(queue=queue, reader=Reader("redrive", "wait", second, past, None, 0))


def _page(state: State, reader: Reader, world: Configuration) -> Iterator[State]:
    yield state._replace(reader=None)
    if reader.write is None or late(reader.age, world):
        return
    new = landed(state, *reader.write, world)
    if new is not None:
        yield new._replace(reader=None)


def _resync(state: State, reader: Reader, world: Configuration) -> Iterator[State]:
    yield state._replace(reader=None)  # a crash; its messages come back
    yield from _settled_elsewhere(state, reader, world)
    if reader.step == "wait":
        for write in reads(state, reader.past, world, world.reader_clock):
            yield state._replace(reader=reader._replace(step="read", write=write, age=0))
    if reader.write is None:
        return
    if late(reader.age, world):
        yield state._replace(reader=reader._replace(step="wait", write=None, age=0))
        return
    for after, done in cut(state, reader.write, reader.age, world):
        yield after  # tried again
        yield after._replace(reader=None)
        if done:
            yield from _over(after, reader, world)
        if world.alone:
            yield from _alone(after, reader, reader.write, world)
    if reader.write[0] in (BAD, OLD_BAD):
        yield from _stays(state, reader, world)
        return
    new = landed(state, *reader.write, world)
    if new is not None:
        yield new  # the answer cut off, and tried again
        yield new._replace(reader=None)  # the answer lost
        yield from _over(new, reader, world)
        return
    yield from _refused(state, reader, reader.write, world)


def _refused(state: State, reader: Reader, write: Write, world: Configuration) -> Iterator[State]:
    """A conflict, judged by the function's rules. What is from the future stays with its message."""
    for offset in world.reader_clock:
        found = world.rules.on_read(
            ours=write[1],
            record_second=reader.second,
            current=known(state, world),
            now=NOW + offset,
            max_skew=world.rules.max_skew,
        )
        if found in DONE:
            yield from _over(state, reader, world)
        elif found is Verdict.RESYNC:
            past = max(reader.past, past_known(known(state, world), write))
            yield state._replace(reader=reader._replace(step="wait", past=past, write=None, age=0))


def _alone(state: State, reader: Reader, write: Write, world: Configuration) -> Iterator[State]:
    """A lone document is not taken: tried again, or left where the probe beside it is answered."""
    probed = with_probe(state, write, world)
    yield probed
    yield from _stays(probed, reader, world)
    if not world.rules.storm_is_nobodys:
        yield from _stays(state._replace(blamed=True), reader, world)


def _stays(state: State, reader: Reader, world: Configuration) -> Iterator[State]:
    """What cannot be written: a redrive leaves its message, a repair makes one."""
    if reader.kind == "redrive" and world.rules.redrive_keeps:
        yield state._replace(reader=None)
        return
    if reader.kind == "repair" and world.rules.repair_queues_poison:
        state = state._replace(queue=added(state.queue, reader.second))
    yield from _over(state, reader, world)


def _over(state: State, reader: Reader, world: Configuration) -> Iterator[State]:
    """The key is right: the messages that called for this leave, once it is so in the other view."""
    if world.views:
        yield state._replace(reader=None)
    yield _settled(state, reader, world.rules)


def _settled_elsewhere(state: State, reader: Reader, world: Configuration) -> Iterator[State]:
    """The other view is in step, which is enough for a variant."""
    in_all = world.rules.settled_in_all if reader.kind == "redrive" else world.rules.cleared_in_all
    if world.views and not in_all:
        yield _settled(state, reader, world.rules)


def _settled(state: State, reader: Reader, rules: Rules) -> State:
    if reader.kind == "redrive":
        left = [each for each in state.queue if rules.redrive_spares_later and each != reader.second]
        return state._replace(reader=None, queue=tuple(left))
    if not rules.repair_clears:
        return state._replace(reader=None)
    left = [each for each in state.dropped if rules.repair_begun_later and not reader.second - each > rules.max_skew]
    return state._replace(reader=None, dropped=tuple(left))
