"""External versions: the rules of the write protocol. Pure.

Every write carries `version_type: external`, so that a late or repeated write never undoes a newer one.

A stream record writes  seconds << 31 | ((counter + log) mod 2**30) << 1      (even)
    `seconds` is its ApproximateCreationDateTime, floored, and its SequenceNumber is
    counter * 10**20 + log. The low bits order writes within one second where they can, but decide
    nothing: counter + log may fall from a parent shard to its child (the examples of the AWS API
    reference, DescribeStream, show it).
A read of the table at time t writes  (t - max_skew) << 31 | 1                   (odd)
    max_skew bounds clock differences and flooring together. So a change after the read carries a
    later second than t - max_skew, and always wins.

A conflict (409) met the current version c with ours v. The first line that holds decides:

    c is unknown, or below v               RESYNC     it is not what refused v (a late answer to a look-up)
    c = v, and ours is no deletion         DUPLICATE  done
    c's second is beyond now + max_skew    FUTURE     not from this pipeline: failure queue, error metric
    ours is a deletion                     RESYNC     a repeated deletion does not renew its tombstone
    c is odd, and not shown                RESYNC     a tombstone may be gone before a late request of ours lands
    c is odd                               PASSED     a table read has passed this record: done
    c's second is above v's + max_skew     STALE      done
    else                                   RESYNC     time and order disagree

c is shown when `_mget` shows a document of exactly this version. On AOSS reads see a write only later, at a
refresh or after minutes: an older version, a newer one or none does not say that c is no tombstone. A version
that only `_mget` says, because the conflict did not, may have been replaced: here it is unknown.

A resync waits until now - max_skew is past every second involved, reads the table and writes what it
read with that read's version. The wait is what makes an odd c a proof: a read that beat ours then
took place after the record. On its own conflict (`verdict_on_read`) the same lines hold but for the
deletion's, the duplicate's and the tombstone's: PASSED and STALE are done, else it waits past c's second and reads
again, a bounded number of times. A looked-up c counts here: whoever wrote it was later than the record,
though something may stand over it by now.

A view may keep the documents of items that expired by their time to live. Then a read that finds no item does not say
what is to be there: nothing, or what the item was. The record does, and no write of ours claims more than it does:

    an expiry      writes the item's old image with the record's own version, and a conflict with a version that is not
                   below it is done: what stands there is of a later record, or of a later read. That is so because
                   an item expires a while after its last change (`expires_after`): until then DynamoDB has not come
                   to it, and no clock difference brings a version of what was before to that of the expiry.
    no item read   the deletion's second is not the read's but (record + max_skew + 1): above all that was written
                   before the record, and below the expiry that may have come since (`version_without_item`). So a
                   late deletion does not undo what a later expiry has kept. A tombstone that it meets is renewed by
                   one more, and so is what a read has written: what ended that item since is still to come.
                   That of an expiry, and of a put without a time, is below all: the one keeps what is there, and what
                   ended the item of the other is in the stream (`deletes_as_of`).

A run's page, or an item of an export, writes what it read with its read's version. On its conflict
(`verdict_on_page`) an unknown c and one from the future mean what they mean above; any other is PASSED: it
was written by a later read, or by a record that the stream, which goes on from there, has brought.
"""

from __future__ import annotations

import math
from enum import Enum

LOW_BITS = 31
SEQUENCE_LOG = 10**20
SEQUENCE_MODULUS = 2**30
LATEST_SECOND = 2**32 - 1
"""A second above this would overflow OpenSearch's signed 64 bit version."""

DELETED, EXPIRED = "deleted", "expired"
"""What ended an item, as a record tells it: somebody's deletion, or its time to live."""


class Verdict(Enum):
    """What a version conflict means for the write that met it."""

    DUPLICATE = "duplicate"
    PASSED = "passed"
    STALE = "stale"
    RESYNC = "resync"
    FUTURE = "future"


def sequence_order(sequence_number: str) -> int | None:
    """The integer behind a SequenceNumber, or None where its text is not a number (an unknown shape)."""
    if sequence_number.isascii() and sequence_number.isdigit():
        return int(sequence_number)
    return None


def stream_version(second: int, sequence: int) -> int:
    """The external version of a stream record created in `second` (Unix time) with its SequenceNumber."""
    counter, log = divmod(sequence, SEQUENCE_LOG)
    return second << LOW_BITS | ((counter + log) % SEQUENCE_MODULUS) << 1


def read_version(read_at: float, max_skew: float) -> int:
    """The external version of a table read at `read_at` (Unix seconds), taken before it was first sent."""
    return int(read_at - max_skew) << LOW_BITS | 1


def deletes_as_of(removal: str, second: float | None) -> float:
    """The second that a deletion stands for in a view that keeps what expired, when a read finds no item: that of the
    record, None where it tells none. Zero: of nothing that is there. Infinity: as of the read.

    A deletion without a time is as of the read, which is the one case in which an expiry that came since is undone.
    """
    if removal == EXPIRED:
        return 0.0
    return second if second is not None else math.inf if removal == DELETED else 0.0


def version_without_item(as_of: float, read: int, max_skew: float, known: int | None = None) -> int:
    """The external version of a deletion in a view that keeps what expired, as of a second, when a read of version
    `read` found no item. `known`: what stands there; where that is of a read, or a tombstone of this record's own, it
    is renewed by one just above."""
    if as_of == math.inf:
        return read
    version = (int(as_of) + math.ceil(max_skew) + 1) << LOW_BITS | 1
    if as_of and known is not None and is_table_read(known):
        version = max(version, known + 2)
    return min(read, version)


def expires_after(max_skew: float) -> float:
    """Seconds after an item's last change within which it is not taken to expire: three times `max_skew`, of the last
    change's second, the deletion's and the expiry's own, and the rounding of `version_without_item`."""
    return 3 * max_skew + 2


def second_of(version: int) -> int:
    """The Unix second that a version carries."""
    return version >> LOW_BITS


def is_table_read(version: int) -> bool:
    """Whether a version was written by a read of the table."""
    return version & 1 == 1


def verdict(
    *, ours: int, deletion: bool, current: int | None, shown: int | None, now: float, max_skew: float
) -> Verdict:
    """What the conflict of a stream record's write means.

    `current` is None where the conflict did not say; `shown`: the version that `_mget` shows, None where none.
    """
    if current is None or current < ours:
        return Verdict.RESYNC
    if current == ours and not deletion:
        return Verdict.DUPLICATE
    if second_of(current) > now + max_skew:
        return Verdict.FUTURE
    if deletion or (is_table_read(current) and shown != current):
        return Verdict.RESYNC
    return _behind(second_of(ours), current, max_skew)


def verdict_on_read(*, ours: int, record_second: int, current: int | None, now: float, max_skew: float) -> Verdict:
    """What the conflict of a resync's write, of version `ours`, means for the record that asked for it."""
    if current is None or current < ours:
        return Verdict.RESYNC
    if second_of(current) > now + max_skew:
        return Verdict.FUTURE
    return _behind(record_second, current, max_skew)


def verdict_on_expiry(*, ours: int, current: int | None, now: float, max_skew: float) -> Verdict:
    """What the conflict of an expiry's write means, in a view that keeps the document: FUTURE, that it is done, or
    RESYNC where nothing says that it met a later version. A looked-up one does: whoever wrote it was later."""
    if current is None or current < ours:
        return Verdict.RESYNC
    if second_of(current) > now + max_skew:
        return Verdict.FUTURE
    return Verdict.DUPLICATE if current == ours else Verdict.STALE


def verdict_without_item(*, ours: int, as_of: float, current: int | None, now: float, max_skew: float) -> Verdict:
    """What the conflict of a deletion as of a second means (`version_without_item`): a tombstone is to be renewed, and
    anything else that is not below was written by somebody later."""
    found = verdict_on_read(ours=ours, record_second=int(as_of), current=current, now=now, max_skew=max_skew)
    return Verdict.RESYNC if found is Verdict.PASSED and as_of else found


def verdict_on_page(*, ours: int, current: int | None, now: float, max_skew: float) -> Verdict:
    """What the conflict of a run's page means: PASSED, FUTURE, or RESYNC where the page must be read again."""
    if current is None or current < ours:
        return Verdict.RESYNC
    return Verdict.FUTURE if second_of(current) > now + max_skew else Verdict.PASSED


def _behind(second: int, current: int, max_skew: float) -> Verdict:
    if is_table_read(current):
        return Verdict.PASSED
    if second_of(current) - second > max_skew:
        return Verdict.STALE
    return Verdict.RESYNC


def wait_until_past(second: int, now: float, max_skew: float) -> float:
    """Seconds to wait until a read's version lies above everything written in `second`; 0.0 when it does."""
    return max(0.0, second + 1 + max_skew - now)
