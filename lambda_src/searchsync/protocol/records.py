"""Stream events to stream records. Pure.

The event's shape is that of the AWS page "Using AWS Lambda with Amazon DynamoDB" (example event).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.errors import MalformedEventError
from searchsync.protocol.version import DELETED, EXPIRED, LATEST_SECOND, sequence_order

EVENT_NAMES = frozenset({"INSERT", "MODIFY", "REMOVE"})
EXPIRY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""The `userIdentity` of a deletion by time to live (DynamoDB developer guide, "DynamoDB Streams and Time to Live"). In
the other regions of a global table the replicated deletion has none: there it is a deletion like any other."""


@dataclass(slots=True)  # one a record is made: frozen takes three times as long
class StreamRecord:
    """One change of one item.

    `image` is the new image, None on a deletion and where the stream's view type leaves it out.
    `second` is the creation time in whole Unix seconds, None where the event gives none that can be used.
    `by_expiry`: DynamoDB deleted the item by its time to live; `old_image`: of such a record alone, where the stream's
    view type has it.
    """

    event_name: str
    keys: AttributeMap
    image: AttributeMap | None
    sequence_number: str
    second: int | None
    stream_arn: str
    by_expiry: bool = False
    old_image: AttributeMap | None = None

    @property
    def is_deletion(self) -> bool:
        """Whether the item is gone after this change."""
        return self.event_name == "REMOVE"

    @property
    def removal(self) -> str:
        """What ended the item: DELETED, EXPIRED, or nothing."""
        if not self.is_deletion:
            return ""
        return EXPIRED if self.by_expiry else DELETED


def parse_event(event: object) -> list[StreamRecord]:
    """The records of an event, in delivery order.

    Raises MalformedEventError when any part that the protocol needs is missing: a record that cannot
    be named cannot be reported as failed either, so nothing of the batch may count as done.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise MalformedEventError(
            "The event has no list 'Records'. This function takes events of a DynamoDB stream's "
            "event source mapping only; check what invokes it."
        )
    return [_parse_record(position, raw) for position, raw in enumerate(records)]


def _parse_record(position: int, raw: Any) -> StreamRecord:
    try:
        change = raw["dynamodb"]
        event_name, keys, number = raw["eventName"], change["Keys"], change["SequenceNumber"]
        image, stream_arn = change.get("NewImage"), raw["eventSourceARN"]
        created = change.get("ApproximateCreationDateTime")
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedEventError(_malformed(position, f"lacks {error}")) from error
    if event_name not in EVENT_NAMES:
        raise MalformedEventError(_malformed(position, "has an unknown eventName"))
    if not (isinstance(keys, dict) and keys and isinstance(number, str) and number):
        raise MalformedEventError(_malformed(position, "has no usable Keys or SequenceNumber"))
    by_expiry = event_name == "REMOVE" and _is_by_expiry(raw.get("userIdentity"))
    old_image = change.get("OldImage") if by_expiry else None
    return StreamRecord(
        event_name,
        keys,
        image if isinstance(image, dict) and event_name != "REMOVE" else None,
        number,
        _second(created),
        str(stream_arn),
        by_expiry,
        old_image if isinstance(old_image, dict) else None,
    )


def _is_by_expiry(identity: object) -> bool:
    return isinstance(identity, Mapping) and all(identity.get(name) == text for name, text in EXPIRY.items())


def _malformed(position: int, what: str) -> str:
    return (
        f"Record {position} of the event {what}. The batch fails and is delivered again; "
        "check that only a DynamoDB stream's event source mapping invokes this function."
    )


def _second(created: object) -> int | None:
    if isinstance(created, bool) or not isinstance(created, int | float):
        return None
    return int(created) if 0 < created <= LATEST_SECOND else None


def lowest(sequence_numbers: Iterable[str]) -> str | None:
    """The lowest of some SequenceNumbers given in delivery order.

    Compared as integers; where one has an unknown shape delivery order is all there is, and it is
    the first. None when there are none.
    """
    numbers = list(sequence_numbers)
    if not numbers:
        return None
    orders = [sequence_order(number) for number in numbers]
    if any(order is None for order in orders):
        return numbers[0]
    return min(numbers, key=int)
