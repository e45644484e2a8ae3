"""The edges of a trigger: the stream it reads, the function it calls, where it tells of failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from lab.trigger_core import Answer, Discarded, JsonObject


class PositionLost(Exception):
    """A shard iterator is no longer good; `trimmed`: the stream forgot the records before it."""

    def __init__(self, trimmed: bool = False) -> None:
        super().__init__("the records were trimmed" if trimmed else "the iterator expired")
        self.trimmed = trimmed


@dataclass(frozen=True)
class Shard:
    """A shard of the stream."""

    id: str
    parent: str | None = None


@dataclass(frozen=True)
class Page:
    """An answer of GetRecords; `iterator` None: the shard is closed and this was its end."""

    records: Sequence[Mapping[str, Any]]
    iterator: str | None


class Source(Protocol):
    """The stream."""

    def shards(self) -> Sequence[Shard]:
        """All shards that the stream still has."""

    def iterator(self, shard_id: str, kind: str, sequence: str | None) -> str:
        """GetShardIterator; `kind` TRIM_HORIZON, LATEST or AFTER_SEQUENCE_NUMBER of `sequence`."""

    def read(self, iterator: str, limit: int) -> Page:
        """GetRecords; PositionLost when the iterator is no longer good."""


class Destination(Protocol):
    """Where discarded records are told of."""

    def send(self, arn: str, discarded: Discarded, message: JsonObject) -> None:
        """Deliver; raise when it cannot be delivered, and the batch stays."""


Invoke = Callable[[JsonObject], Answer]
Submit = Callable[[Callable[[], Answer]], "Future[Answer]"]


def at_once(call: Callable[[], Answer]) -> Future[Answer]:
    """Run a call here and now: the `submit` of a trigger without threads."""
    future: Future[Answer] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001  A future carries whatever was raised.
        future.set_exception(error)
    return future
