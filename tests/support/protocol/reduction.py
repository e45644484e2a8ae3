"""States that no later step can tell apart are one: what is left out of a state, each with its reason."""

from __future__ import annotations

from searchsync.protocol.version import read_version, verdict, verdict_on_read, wait_until_past
from tests.support.protocol.rules import Configuration, Rules
from tests.support.protocol.state import FUTURE, GONE, NOW, Reader, State


def reduced(state: State, world: Configuration) -> State:
    """The state that stands for all those that behave as this one does."""
    if state.worker is not None and _is_over(state.worker.past, world):
        state = state._replace(worker=state.worker._replace(past=0))
    if state.reader is not None and _is_over(state.reader.past, world):
        state = state._replace(reader=state.reader._replace(past=0))
    queue = _messages(state.queue, state.reader, world)
    if queue != state.queue:
        state = state._replace(queue=queue)
    if len(state.dropped) > 1:  # a repair clears all or leaves the last, and only whether any is left is asked
        state = state._replace(dropped=state.dropped[-1:])
    if state.wire and world.tombstone is not None:
        state = _without_refused(state, world)
    if state.shown and not world.expires and _judged_as_ever(world.rules) and not _matters(state.shown, state, world):
        state = state._replace(shown=0)
    return state


def _is_over(past: int, world: Configuration) -> bool:
    """Whether a wait is over for every clock, so that its second is not needed any more."""
    now = NOW + min(*world.function_clock, *world.reader_clock)
    return past > 0 and wait_until_past(past, now, world.rules.max_skew) == 0.0


def _messages(queue: tuple[int, ...], reader: Reader | None, world: Configuration) -> tuple[int, ...]:
    """A redrive takes all messages, waits for the last of them, and all of them leave or stay.

    So the last stands for those that came before it began, and the last for those that came since. Without one only
    whether there is any is asked.
    """
    if not queue:
        return queue
    if not world.redrive:
        return (0,)
    if reader is None or reader.kind != "redrive":
        return queue[-1:]
    since = [each for each in queue if each != reader.second][-1:]
    return tuple(sorted([*since, reader.second])) if reader.second in queue else tuple(since)


def _without_refused(state: State, world: Configuration) -> State:
    """Without requests that can only be refused: what refuses them outlives them, as a document or a tombstone."""
    longest, lives = world.late, world.tombstone
    value, current = state.document
    if longest is None or lives is None or current == FUTURE or not (world.rules.external and world.rules.cut):
        return state
    refused_for = lives - (state.tombstone if value == GONE else 0)
    wire = tuple([each for each in state.wire if each[1] > current or longest - each[2] >= refused_for])
    return state if len(wire) == len(state.wire) else state._replace(wire=wire)


def _judged_as_ever(rules: Rules) -> bool:
    """Whether these are the function's own rules, of which a test shows what `_matters` takes for granted."""
    return rules.on_record is verdict and rules.on_read is verdict_on_read


def _matters(shown: int, state: State, world: Configuration) -> bool:
    """Whether a shown version can still be told from none.

    Silent, it is compared with the versions of reads, where a lower one says no more than none. Else only whether it
    is that of a table read, and the index's: by now, or after a request with the same version.
    """
    writes = [actor.write for actor in (state.worker, state.reader) if actor is not None and actor.write is not None]
    reads = [version for _, version in writes if version & 1]
    next_read = read_version(NOW + min(*world.function_clock, *world.reader_clock), world.rules.max_skew)
    if world.silent:
        return shown >= min([*reads, next_read])
    if not shown & 1:
        return False
    under_way = [version for _, version, _ in state.wire]
    return shown >= next_read or shown in (state.document[1], *reads, *under_way)
