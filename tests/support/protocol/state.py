"""The state of one key's world.

A value is told apart only as far as it matters: gone, what the table holds now, or anything older.
"""

from __future__ import annotations

from typing import NamedTuple

from searchsync.protocol.version import LOW_BITS, expires_after
from tests.support.protocol.rules import Configuration

NOW = 1_000
"""Unix seconds, for ever."""
SECOND = 1 << LOW_BITS
PARENT = 1 << 20
"""Low bits of a parent shard's records, when it may split, lie above this; its child's below."""
FUTURE = (NOW * 1_000) << LOW_BITS
"""A version from the future: milliseconds taken for seconds."""

GONE, OLD, CURRENT, BAD, OLD_BAD, EXPIRED = range(6)
"""Values: no item, one that the table no longer holds, what it holds; the same two where they can never be written. Of
the table alone: no item, since it expired, and its last value is CURRENT still."""
SUPERSEDED = (GONE, OLD, OLD, OLD_BAD, OLD_BAD, EXPIRED)
MENDED = (GONE, OLD, CURRENT, CURRENT, OLD, EXPIRED)
LONG_SINCE = (NOW - 100) << LOW_BITS | 2
"""The version of a document that is there at the beginning."""

Write = tuple[int, int]
"""A value and its external version."""
Late = tuple[int, int, int]
"""A request on the wire: value, version, seconds since its read or first sending."""


class Record(NamedTuple):
    """A stream record; `image`: whether it carries its image; `shard`: 0 the parent, 1 its child."""

    value: int
    version: int
    image: bool
    shard: int
    expiry: bool = False


class Worker(NamedTuple):
    """An invocation with `taken` records in hand: "send", "wait" or "read" is what it does next.

    `second` of the record that it serves, `past` what a read must lie above, `age` of what was read. `as_of`, `kept`
    and `known` as in the function's `Target`, zero for none.
    """

    step: str
    taken: int
    second: int
    past: int
    write: Write | None
    age: int
    as_of: int = 0
    kept: Write | None = None
    known: int = 0


class Reader(NamedTuple):
    """A "page", a "repair" or a "redrive" under way; `second`, `past`, `write` and `age` as a worker's.

    A redrive's `second` is that of the last of its messages.
    """

    kind: str
    step: str
    second: int
    past: int
    write: Write | None
    age: int


class State(NamedTuple):
    """Everything there is. `queue` and `dropped`: the seconds of the records in our messages and the trigger's.

    `stream` begins at the shard's checkpoint, `done` of it are dealt with; `tombstone` is its age. `shown` is the
    version of the document that `_mget` shows where it may be late, 0 where it shows none. `blamed`: a record was
    handed over in a storm. `rested`: seconds since the item's last change, where it may expire.
    """

    table: int
    left: int
    shard: int
    stream: tuple[Record, ...]
    done: int
    worker: Worker | None
    wire: tuple[Late, ...]
    document: Write
    tombstone: int
    reader: Reader | None
    queue: tuple[int, ...]
    dropped: tuple[int, ...]
    mended: bool
    shown: int
    blamed: bool
    rested: int = 0


def begin(world: Configuration) -> State:
    """The world before anything happened."""
    if world.expires:
        there, rested = (CURRENT, LONG_SINCE), rests(world)
        return State(CURRENT, world.writes, 0, (), 0, None, (), there, 0, None, (), (), False, 0, False, rested)
    document = (OLD, FUTURE) if world.future else (GONE, 0)
    return State(GONE, world.writes, 0, (), 0, None, (), document, 0, None, (), (), False, 0, False)


def rests(world: Configuration) -> int:
    """Seconds after an item's last change before it may expire."""
    return int(expires_after(world.rules.max_skew)) if world.rules.rests else 0


def bits_of(version: int) -> int:
    """A version's low bits."""
    return (version & (SECOND - 1)) >> 1
