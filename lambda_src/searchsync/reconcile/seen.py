"""Which items the table's part of a run has compared, by the keys of their documents, in the run's bucket.

A call of a segment writes the keys that it read as one object before it says how far it came. A call of the index reads
its range's of all objects. What is lost, or was overwritten by the same call's repetition that came less far, is only
looked up once more: keys say what was read, never what was not.

An object: the counts of keys in each of `of` ranges, 32 bits each, and the keys by range, 64 bits each, sorted within
theirs. For a billion items of 1 KB there are about as many objects as segments (1,000), 8 GB in all. A call of the
index reads from each the counts and one range: 2,000 requests, and 50 MB.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from searchsync.documents.document import index_key
from searchsync.limits import KEYS, MOST_SEEN_BYTES
from searchsync.reconcile.bucket import Bucket

COUNT, KEY = "I", "Q"
"""Codes of `array`: 4 and 8 bytes."""
assert (array(COUNT).itemsize, array(KEY).itemsize, sys.byteorder) == (4, 8, "little")  # noqa: S101 - as it is written
PREFIX = "seen/"


@dataclass
class Keys:
    """The keys that one call of a segment has read, by the ranges that the index is scanned in."""

    of: int

    def __post_init__(self) -> None:
        self._ranges = [array(KEY) for _ in range(self.of)]
        self.count = 0

    def add(self, names: Iterable[str]) -> None:
        """Take note of documents' ids."""
        for name in names:
            key = index_key(name)
            self._ranges[key * self.of // KEYS].append(key)
            self.count += 1

    def body(self) -> bytes:
        """The object."""
        counts = array(COUNT, map(len, self._ranges))
        return b"".join([counts.tobytes(), *(array(KEY, sorted(each)).tobytes() for each in self._ranges)])


@dataclass(frozen=True)
class Seen:
    """Sorted keys of one range, an array an object."""

    keys: list[array[int]] = field(default_factory=list)

    def between(self, low: int, high: int) -> set[int]:
        """Those from `low` to before `high`."""
        return {key for each in self.keys for key in each[bisect_left(each, low) : bisect_left(each, high)]}


@dataclass(frozen=True)
class SeenStore:
    """Where keys lie between the two phases of a run; without a bucket nowhere, and every document is looked up."""

    bucket: Bucket | None

    def write(self, run: str, name: str, keys: Keys) -> None:
        """Write a call's keys; `name` is the call's. Raises StackError where S3 refuses it."""
        if self.bucket is not None:
            self.bucket.put(f"{PREFIX}{run}/{name}", keys.body())

    def read(self, run: str, number: int, of: int) -> Seen:
        """The keys of a range, up to MOST_SEEN_BYTES of them. Raises StackError where S3 refuses it."""
        if self.bucket is None:
            return Seen()
        found: list[array[int]] = []
        left = MOST_SEEN_BYTES
        for name in self.bucket.keys(f"{PREFIX}{run}/"):
            counts = array(COUNT, self.bucket.part(name, 0, 4 * of))
            size = 8 * counts[number]
            if size > left:
                break
            if size:
                found.append(array(KEY, self.bucket.part(name, 4 * of + 8 * sum(counts[:number]), size)))
            left -= size
        return Seen(found)
