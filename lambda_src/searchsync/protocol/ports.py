"""What the protocol asks of its edges, so that it imports none: reads of the table, and delivery of writes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from searchsync.clock import Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.protocol.bulk import Answer, Write


@dataclass(frozen=True)
class Page:
    """Items read at once: `read_at` is Unix time, `read_monotonic` the same moment for deadlines.

    `images` maps each document id of the page to its item, None where the table has none. `refused` are the ids of keys
    that the table cannot have: another type, or another name, than its key schema says.
    """

    read_at: float
    read_monotonic: float
    images: Mapping[str, AttributeMap | None]
    refused: frozenset[str] = frozenset()


class Table(Protocol):
    """The table as the resync sees it."""

    def read(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> Iterator[Page]:
        """Consistent reads of all keys, in pages that memory holds; an empty one before the table is waited for.

        Raises TableBusyError when the time does not suffice.
        """
        ...


Deliver = Callable[[Sequence[Write], Deadline], dict[str, Answer]]
"""Sends writes until each has an answer that counts, or the time is over: the answers by document id."""
