"""The trigger and the sync function: records in order, at least once, to the index or the failure queue."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from searchsync.protocol.version import Verdict, read_version, second_of, wait_until_past
from tests.support.protocol.rules import Configuration
from tests.support.protocol.state import BAD, EXPIRED, GONE, NOW, OLD_BAD, State, Worker, Write, bits_of
from tests.support.protocol.world import known, landed, shown, without_dead

MOST_RENEWED = 2
"""How often a tombstone of one second is renewed here; a further one is refused, and its record comes again."""
DONE = frozenset({Verdict.DUPLICATE, Verdict.PASSED, Verdict.STALE})


def consume(state: State, world: Configuration) -> Iterator[State]:
    """What the trigger and an invocation may do next."""
    if state.worker is not None:
        yield from _work(state, state.worker, world)
        return
    yield from _take(state, world)
    if world.drops and state.done < len(state.stream):
        dropped = state.dropped
        if world.rules.drop_is_raised:
            dropped = added(dropped, second_of(state.stream[state.done].version))
        yield _passed(state, 1, world)._replace(dropped=dropped)
    if world.lanes and state.done:
        yield state._replace(stream=state.stream[1:], done=state.done - 1)
        yield state._replace(done=0)


def _take(state: State, world: Configuration) -> Iterator[State]:
    """One or two records of one shard; a child's only when its parent's are all behind the checkpoint.

    Only the last is sent. Where the versions do not rise, or it has no image, the table is asked.
    """
    for count in (1, 2):
        batch = state.stream[state.done : state.done + count]
        if len(batch) < count or batch[-1].shard != state.stream[0].shard:
            return
        last = batch[-1]
        seconds = [second_of(record.version) for record in batch]
        rising = all(before.version < after.version for before, after in itertools.pairwise(batch))
        step = Worker("wait", count, max(seconds), max(seconds), None, 0)
        if world.expires:
            as_of = max([second_of(each.version) for each in batch if not each.expiry], default=0)
            step = step._replace(as_of=as_of, kept=(last.value, last.version) if last.expiry else None)
        if last.image and (rising or last.expiry or not world.rules.batch_order):
            step = step._replace(step="send", write=(last.value, last.version))
        yield state._replace(worker=step)


def _work(state: State, worker: Worker, world: Configuration) -> Iterator[State]:
    yield state._replace(worker=None)  # a crash
    if worker.step == "wait":
        for write in reads(state, worker.past, world, world.function_clock, worker):
            yield state._replace(worker=worker._replace(step="read", write=write, age=0))
    yield from _taken_as_done(state, worker, world)
    if worker.write is None:
        return
    if worker.step == "read" and late(worker.age, world):
        yield state._replace(worker=worker._replace(step="wait", write=None, age=0))
        return
    for after, done in cut(state, worker.write, worker.age, world):
        yield after  # tried again
        yield after._replace(worker=None)
        if done:
            yield _passed(after, worker.taken, world)
        if world.alone:
            yield from _alone(after, worker, worker.write, world)
    if worker.write[0] in (BAD, OLD_BAD):
        yield from _poisoned(state, worker, world)
        return
    new = landed(state, *worker.write, world)
    if new is not None:
        yield new  # the answer cut off, and tried again
        yield new._replace(worker=None)  # the answer lost
        yield from _done(new, worker, world)
        return
    yield from _refused(state, worker, worker.write, world)


def _taken_as_done(state: State, worker: Worker, world: Configuration) -> Iterator[State]:
    """What the variants of views make of a record that is not yet in step here."""
    skips = worker.write is not None and worker.write[0] == GONE and not world.rules.left_out_is_deleted
    if skips or (world.views and not world.rules.done_in_all):
        yield _passed(state, worker.taken, world)


def _refused(state: State, worker: Worker, write: Write, world: Configuration) -> Iterator[State]:
    """A conflict, judged by the function's rules."""
    for found in {_verdict(state, worker, write, offset, world) for offset in world.function_clock}:
        if found in DONE:
            yield from _done(state, worker, world)
        elif found is Verdict.FUTURE:
            yield from _poisoned(state, worker, world)
        else:
            unknown = world.silent and worker.step == "send"
            past = worker.past if unknown else max(worker.past, past_known(known(state, world), write))
            waiting = worker._replace(step="wait", past=past, write=None, age=0)
            if world.expires:
                met = 0 if unknown else known(state, world) or 0
                waiting = waiting._replace(known=met if met >= write[1] else 0)
            yield state._replace(worker=waiting)


def _verdict(state: State, worker: Worker, write: Write, offset: int, world: Configuration) -> Verdict:
    now, max_skew, current = NOW + offset, world.rules.max_skew, known(state, world)
    if worker.kept == write:
        return world.rules.on_expiry(ours=write[1], current=current, now=now, max_skew=max_skew)
    if worker.step == "send":
        return world.rules.on_record(
            ours=write[1],
            deletion=write[0] == GONE,
            current=None if world.silent else current,
            shown=shown(state, world),
            now=now,
            max_skew=max_skew,
        )
    if world.expires and write == without_item(worker, write[1] + 1, world):
        as_of = worker.as_of
        return world.rules.on_deletion(ours=write[1], as_of=as_of, current=current, now=now, max_skew=max_skew)
    return world.rules.on_read(ours=write[1], record_second=worker.second, current=current, now=now, max_skew=max_skew)


def _alone(state: State, worker: Worker, write: Write, world: Configuration) -> Iterator[State]:
    """A lone document is not taken: tried again, or handed over where the probe beside it is answered."""
    probed = with_probe(state, write, world)
    yield probed
    yield from _poisoned(probed, worker, world)
    if not world.rules.storm_is_nobodys:
        yield from _poisoned(state._replace(blamed=True), worker, world)


def _poisoned(state: State, worker: Worker, world: Configuration) -> Iterator[State]:
    """A message, then the checkpoint; between them the function may crash."""
    if not world.rules.poison_passes:
        return
    if world.rules.poison_is_queued:
        second = second_of(state.stream[state.done + worker.taken - 1].version)
        state = state._replace(queue=added(state.queue, second))
        yield state._replace(worker=None)
    yield _passed(state, worker.taken, world)


def _done(state: State, worker: Worker, world: Configuration) -> Iterator[State]:
    """In step here. Another view holds the record back, as a crash does, is done too, or makes a message of it."""
    yield _passed(state, worker.taken, world)
    if world.views:
        yield from _poisoned(state, worker, world)


def _passed(state: State, count: int, world: Configuration) -> State:
    """These records are dealt with. Alone in its lane's shard, the checkpoint follows."""
    done = state.done + count
    if world.lanes:
        return state._replace(worker=None, done=done)
    return state._replace(worker=None, stream=state.stream[done:], done=0)


def added(seconds: tuple[int, ...], second: int) -> tuple[int, ...]:
    """One more message; two of one second are one."""
    return tuple(sorted({*seconds, second}))


# What every resync does, the readers' too


def reads(
    state: State, past: int, world: Configuration, clock: tuple[int, ...], worker: Worker | None = None
) -> Iterator[Write]:
    """What a consistent read of the table writes, once its version lies above all that is involved."""
    max_skew = world.rules.max_skew
    for offset in clock:
        version = read_version(NOW + offset, max_skew)
        if not world.rules.wait:
            yield state.table, max(version, (past << 31) + 1)
        elif wait_until_past(past, NOW + offset, max_skew) == 0.0:
            if worker is None or not world.expires or state.table not in (GONE, EXPIRED):
                yield state.table, version
            elif worker.kept is not None:
                yield worker.kept
            elif bits_of((write := without_item(worker, version, world))[1]) <= MOST_RENEWED:
                yield write


def without_item(worker: Worker, read: int, world: Configuration) -> Write:
    """The deletion of a worker whose read found no item, where what expired is kept."""
    return GONE, world.rules.without_item(worker.as_of, read, world.rules.max_skew, worker.known or None)


def past_known(current: int | None, write: Write) -> int:
    """The second that the next read must lie above: the current version's, or now where that is not known."""
    return NOW if current is None or current < write[1] else second_of(current)


def late(age: int, world: Configuration) -> bool:
    """Whether what was read so long ago must be read again. What follows may still take a second to land."""
    return world.late is not None and world.rules.page_deadline and age >= world.late - 1


def cut(state: State, write: Write, age: int, world: Configuration) -> Iterator[tuple[State, bool]]:
    """A request is cut off in its body, or behind it, still under way then; and whether a variant takes it as done."""
    yield state, not world.rules.cut_body_is_open
    if len(state.wire) < world.wire:
        under_way = state._replace(wire=tuple(sorted((*state.wire, (*write, age)))))
        yield without_dead(under_way, world), not world.rules.cut_answer_is_open


def with_probe(state: State, write: Write, world: Configuration) -> State:
    """The state after the probe was answered: a document of its own, so that nothing is otherwise for this one."""
    if world.rules.probe_is_another:
        return state
    return landed(state, GONE, write[1], world) or state
