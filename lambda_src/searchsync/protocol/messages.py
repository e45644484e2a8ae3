"""What a message of the failure queue is. Pure.

Two kinds come there: our own, one for each record that can never be written
(`failures.failure_message`), and the trigger's, which names a range of a shard without its records
(AWS page "Retain discarded records for a DynamoDB event source", example for an SQS destination).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from searchsync.config import Config
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_id
from searchsync.documents.key_values import possible_key
from searchsync.protocol.plan import POISON_KIND
from searchsync.protocol.version import second_of

UNREADABLE, ANOTHER_TABLE = "unreadable", "another_table"


@dataclass(frozen=True, slots=True)
class PoisonMessage:
    """Our own: a record's key with its document id. `second`: the Unix second of the record, or a later one;
    `as_of`: what `deletes_as_of` says of the record."""

    id: str
    keys: AttributeMap
    second: int
    as_of: float = 0.0


@dataclass(frozen=True, slots=True)
class RangeMessage:
    """The trigger's: the records of one shard from the number `first` to `last`, both included.

    `last_second`: Unix time of the last one, None where the message does not say it.
    """

    stream_arn: str
    shard_id: str
    first: str
    last: str
    last_second: float | None


@dataclass(frozen=True, slots=True)
class StrangeMessage:
    """One that no redrive can take up, and why: UNREADABLE or ANOTHER_TABLE."""

    reason: str


Content = PoisonMessage | RangeMessage | StrangeMessage


def read_message(text: str, config: Config, now: float) -> Content:
    """What a message's body says to the function of this configuration, taken at `now` (Unix seconds)."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        return StrangeMessage(UNREADABLE)
    if isinstance(batch := body.get("DDBStreamBatchInfo"), Mapping):
        return _range(batch, config)
    return _poison(body, config, now) if body.get("kind") == POISON_KIND else StrangeMessage(UNREADABLE)


def _poison(body: Mapping[str, Any], config: Config, now: float) -> PoisonMessage | StrangeMessage:
    if body.get("table_arn") != config.table_arn:
        return StrangeMessage(ANOTHER_TABLE)
    keys = body.get("key")
    if not _is_key(keys, config.key_attributes):
        return StrangeMessage(UNREADABLE)
    name = document_id(keys, config.key_attributes)
    told = _told_second(body, now + config.max_skew)
    second = _second(body, now, config.max_skew) if told is None else told
    return PoisonMessage(name, keys, second, _as_of(body, now + config.max_skew, told or 0.0))


def _range(batch: Mapping[str, Any], config: Config) -> RangeMessage | StrangeMessage:
    names = ("streamArn", "shardId", "startSequenceNumber", "endSequenceNumber")
    texts = [value for name in names if isinstance(value := batch.get(name), str) and value]
    if len(texts) != len(names):
        return StrangeMessage(UNREADABLE)
    arn, shard, first, last = texts
    if not arn.startswith(f"{config.table_arn}/stream/"):
        return StrangeMessage(ANOTHER_TABLE)
    return RangeMessage(arn, shard, first, last, _unix(batch.get("approximateArrivalOfLastRecord")))


def rest_of(text: str, first: str) -> str:
    """The message of a range from the sequence number `first` on. What told of the whole range is left out."""
    body = json.loads(text)
    batch = body["DDBStreamBatchInfo"]
    of_the_whole = {"startSequenceNumber", "approximateArrivalOfFirstRecord", "batchSize"}
    kept = {name: value for name, value in batch.items() if name not in of_the_whole}
    return json.dumps({**body, "DDBStreamBatchInfo": {**kept, "startSequenceNumber": first}}, separators=(",", ":"))


def _is_key(keys: Any, names: Sequence[str]) -> TypeGuard[AttributeMap]:
    """Whether DynamoDB would take it: one refused key fails the read of all the keys beside it.

    The types of the table's key attributes are not known here.
    """
    if not isinstance(keys, Mapping) or keys.keys() != set(names):
        return False
    values = [keys[name] for name in names]
    if not all(isinstance(value, Mapping) and len(value) == 1 for value in values):
        return False
    pairs = [pair for value in values for pair in value.items()]
    return all(isinstance(text, str) for _, text in pairs) and possible_key(pairs)


def _told_second(body: Mapping[str, Any], latest: float) -> int | None:
    """The version's second; None where there is none, or it lies beyond the skew bound."""
    version = body.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and 0 <= second_of(version) <= latest:
        return second_of(version)
    return None


def _as_of(body: Mapping[str, Any], latest: float, told: float) -> float:
    as_of = body.get("as_of", told)
    if as_of is None:
        return math.inf
    return as_of if isinstance(as_of, int | float) and 0 <= as_of <= latest else 0.0


def _second(body: Mapping[str, Any], now: float, max_skew: float) -> int:
    """The message's time; now where it lies beyond the skew bound, for the record is older than the message that was
    taken."""
    written = _unix(body.get("time"))
    return math.ceil(now if written is None or written > now + max_skew else written)


def _unix(text: Any) -> float | None:
    """An ISO 8601 time as Unix seconds; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
