"""The event source mapping of a DynamoDB stream: its settings, records and verdicts, as data.

What AWS documents, in the pages "Using Lambda with DynamoDB" (with-ddb), "Configuring partial batch
response" (services-ddb-batchfailurereporting), "Retain discarded records" (services-dynamodb-errors)
and "Parameters" (services-ddb-params):

- A response counts as success when it is null or {}, or when its batchItemFailures is missing, null
  or []. An itemIdentifier that is empty, null, unknown or under another key fails the whole batch.
  Else the lowest sequence number is the checkpoint: everything from it on is delivered again.
- With bisect a failed batch is split: at the checkpoint if the response has one, else in halves.
  Splitting spends no retry. N retries are N + 1 invocations, -1 is for ever.
- A record older than the maximum age is discarded, -1 is never. What is discarded (age, retries) goes
  to the on-failure destination as a range of sequence numbers; S3 gets the records too.

What it does not document, and what we take: a response that is neither null nor an object fails the
whole batch; a checkpoint at the very first record is no progress, so that it counts as a failure of
the whole batch (halved with bisect, else a retry).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

JsonObject = dict[str, Any]
StartingPosition = Literal["TRIM_HORIZON", "LATEST"]
Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]

FOREVER = -1
# "The payload of an invocation is at most 6 MB" (Lambda quotas), the list's brackets included.
EVENT_LIMIT = 6 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class TriggerSettings:
    """The settings of an event source mapping; the defaults are AWS's."""

    batch_size: int = 100  # records
    window: float = 0.0  # seconds
    parallelization_factor: int = 1  # lanes a shard
    retries: int = FOREVER
    max_record_age: float = FOREVER  # seconds
    bisect: bool = False
    starting_position: StartingPosition = "LATEST"
    report_batch_item_failures: bool = False
    on_failure: str | None = None  # ARN
    enabled: bool = True


@dataclass(frozen=True)
class Backoff:
    """The pause before the n-th repetition of a batch: doubling from `first`, at most `most`."""

    first: float = 0.1  # seconds
    most: float = 10.0  # seconds

    def pause(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (from 1)."""
        return min(self.most, self.first * 2.0 ** min(failures - 1, 30))


@dataclass(frozen=True)
class Record:
    """One stream record in the event's shape, with what the mapping needs to know of it."""

    event: JsonObject
    sequence: str
    created: float | None  # seconds since the epoch
    size: int  # bytes of JSON

    @classmethod
    def of(cls, record: Mapping[str, Any], stream_arn: str) -> Record:
        """From an answer of GetRecords: boto3's (bytes, datetime) or the wire's."""
        event = event_record(record, stream_arn)
        change = event["dynamodb"]
        created = change.get("ApproximateCreationDateTime")
        size = len(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode())
        return cls(event, change["SequenceNumber"], created, size)

    def lane(self, lanes: int) -> int:
        """The lane of the record's item: the same item is always in the same lane."""
        keys = json.dumps(self.event["dynamodb"].get("Keys"), sort_keys=True).encode()
        return int.from_bytes(hashlib.sha256(keys).digest()[:8], "big") % lanes


def event_record(record: Mapping[str, Any], stream_arn: str) -> JsonObject:
    """A record of GetRecords as the function's event carries it.

    Binary becomes base64 text, the creation time a number of seconds, `userIdentity` gets the
    event's small letters, and the stream's ARN is added.
    """
    event = {name: _plain(value) for name, value in record.items()}
    identity = event.get("userIdentity")
    if identity is not None:
        event["userIdentity"] = {
            "type": identity["Type"],
            "principalId": identity["PrincipalId"],
        }
    return event | {"eventSourceARN": stream_arn}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return value


def event_of(records: Iterable[Record]) -> JsonObject:
    """The function's event for these records."""
    return {"Records": [record.event for record in records]}


def full_batch(records: Sequence[Record], batch_size: int) -> tuple[int, bool]:
    """How many of `records` make the next batch, and whether it can hold no more.

    At least one (a record alone is under the limit), at most `batch_size` and 6 MB of event.
    """
    size = len('{"Records":[]}')
    for count, record in enumerate(records):
        size += record.size + 1
        if count and (count == batch_size or size > EVENT_LIMIT):
            return count, True
    return len(records), len(records) >= batch_size


@dataclass(frozen=True)
class Answer:
    """What an invocation came to: a payload, or the function's error.

    `error` is Lambda's X-Amz-Function-Error ("Unhandled", "Handled").
    """

    payload: Any = None
    error: str | None = None


class NotInvoked(Exception):
    """The function could not be invoked (throttled, missing, service trouble): no retry is spent."""


WHOLE_BATCH = 0


def first_failed(answer: Answer, records: Sequence[Record], report: bool) -> int | None:
    """The position in `records` from which on they are delivered again; None: all is done.

    `report`: whether the mapping has ReportBatchItemFailures; without it only an error counts.
    """
    if answer.error is not None:
        return WHOLE_BATCH
    if not report or answer.payload is None:
        return None
    if not isinstance(answer.payload, dict):
        return WHOLE_BATCH
    failures = answer.payload.get("batchItemFailures")
    if failures is None or failures == []:
        return None
    if not isinstance(failures, list):
        return WHOLE_BATCH
    positions = {record.sequence: position for position, record in enumerate(records)}
    found = [_position(failure, positions) for failure in failures]
    return WHOLE_BATCH if None in found else min(each for each in found if each is not None)


def _position(failure: Any, positions: Mapping[str, int]) -> int | None:
    identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    return positions.get(identifier) if isinstance(identifier, str) else None


@dataclass(frozen=True)
class Discarded:
    """Records that the mapping gives up: what the on-failure destination is told."""

    records: Sequence[Record]
    condition: Condition
    shard_id: str
    invocations: int
    error: str | None
    at: float  # seconds since the epoch

    def message(self, function_arn: str, stream_arn: str, request_id: str) -> JsonObject:
        """The invocation record that SQS and SNS get: a range, without the records."""
        context = {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": self.condition,
            "approximateInvokeCount": self.invocations,
        }
        response: JsonObject = {"statusCode": 200, "executedVersion": "$LATEST"}
        if self.error is not None:
            response["functionError"] = self.error
        first, last = self.records[0], self.records[-1]
        return {
            "requestContext": context,
            "responseContext": response,
            "version": "1.0",
            "timestamp": _time(self.at, "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": self.shard_id,
                "startSequenceNumber": first.sequence,
                "endSequenceNumber": last.sequence,
                "approximateArrivalOfFirstRecord": _time(first.created or self.at, "seconds"),
                "approximateArrivalOfLastRecord": _time(last.created or self.at, "seconds"),
                "batchSize": len(self.records),
                "streamArn": stream_arn,
            },
        }

    def s3_object(self, message: JsonObject) -> JsonObject:
        """The object that S3 gets: the message with the whole event as JSON text."""
        return message | {"payload": json.dumps(event_of(self.records))}

    def s3_key(self, mapping_id: str, suffix: str) -> str:
        """The object's key: aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<suffix>."""
        moment = datetime.datetime.fromtimestamp(self.at, datetime.UTC)
        day, second = moment.strftime("%Y/%m/%d"), moment.strftime("%Y-%m-%dT%H.%M.%S")
        return f"aws/lambda/{mapping_id}/{self.shard_id}/{day}/{second}-{suffix}"


def _time(seconds: float, precision: str) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
