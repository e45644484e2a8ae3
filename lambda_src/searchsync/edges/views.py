"""The indexes of a table with several views, as one: an edge.

Each is ensured as one alone is; a bulk names the index of each of its writes, and goes to all of them at once. Where
one cannot be ensured nothing is written: the batch has one checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from searchsync.clock import Clock
from searchsync.edges.collection import OpenSearchCollection
from searchsync.protocol.bulk import DONE, Answer, Kind, Response


class Indexes:
    """Several indexes of one collection, by name, the first view's first."""

    def __init__(self, indexes: Mapping[str, OpenSearchCollection], clock: Clock) -> None:
        self._indexes = indexes
        self._first = next(iter(indexes.values()))
        self._clock = clock

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return sum(each.requests for each in self._indexes.values())

    def bulk(self, body: bytes, timeout: float, begin_within: float = math.inf) -> Response:
        """Send a bulk body whose actions name their indexes."""
        return self._first.bulk(body, timeout, begin_within)

    def current_versions(self, ids: Sequence[str], timeout: float, index: str = "") -> dict[str, int]:
        """The external versions of those documents of an index that a read shows; it may be late."""
        return self._indexes[index].current_versions(ids, timeout)

    def ensure_index(self, timeout: float) -> Answer:
        """Make sure that each index is there with our mark, one after the other in this time: DONE, or the first BUSY.

        Raises StackError as an index alone does.
        """
        end = self._clock.monotonic() + timeout
        for each in self._indexes.values():
            answer = each.ensure_index(end - self._clock.monotonic())
            if answer.kind is not Kind.DONE:
                return answer
        return DONE

    @property
    def is_new(self) -> bool:
        """Whether one of them was created so lately that AOSS may not know of it everywhere."""
        return any(each.is_new for each in self._indexes.values())

    def forget_index(self) -> None:
        """None of them is known to be there any more."""
        for each in self._indexes.values():
            each.forget_index()

    @property
    def recreated(self) -> bool:
        """Whether the first one has been replaced by another. Of each other one only its signal tells."""
        return self._first.recreated

    @recreated.setter
    def recreated(self, recreated: bool) -> None:
        self._first.recreated = recreated
