"""The stream: an edge. The records of a range that the trigger gave up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.clock import Backoff, Deadline
from searchsync.edges.table import BUSY_CODES
from searchsync.edges.wire import event_form
from searchsync.errors import LostRecordsError, StackError, TableBusyError
from searchsync.limits import QUICK_TRIES, SHORTEST_READ
from searchsync.protocol.messages import RangeMessage
from searchsync.protocol.records import StreamRecord, parse_event
from searchsync.protocol.version import sequence_order
from searchsync.sanitize import code_of

LOST_CODES = {"TrimmedDataAccessException": "trimmed", "ResourceNotFoundException": "unknown_shard"}
"""GetShardIterator and GetRecords (API reference): the records are over 24 h old; the shard is gone with them."""
AGAIN_CODES = BUSY_CODES | {"ExpiredIteratorException"}


class DynamoStream:
    """The records of one table's stream, by shard and sequence number."""

    def __init__(self, client: Any, backoff: Backoff) -> None:
        self._client = client
        self._backoff = backoff

    def records(self, wanted: RangeMessage, deadline: Deadline) -> Iterator[StreamRecord]:
        """The range's records in stream order, without their images.

        Raises LostRecordsError when the stream does not have them all any more, TableBusyError when the
        time does not suffice, StackError when the stream refuses the function.
        """
        where = {"StreamArn": wanted.stream_arn, "ShardId": wanted.shard_id}
        start = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": wanted.first}
        iterator = self._ask(deadline, "get_shard_iterator", "ShardIterator", **where, **start)["ShardIterator"]
        empty = 0
        while iterator:
            page = self._ask(deadline, "get_records", "Records", ShardIterator=iterator)
            for raw in page["Records"]:
                record = _record(page, raw, wanted.stream_arn)
                if _past(record.sequence_number, wanted.last):
                    raise LostRecordsError("range_not_found", wanted.shard_id)
                yield record
                if record.sequence_number == wanted.last:
                    return
            empty = 0 if page["Records"] else empty + 1
            if empty and not self._backoff.pause(min(empty, QUICK_TRIES), deadline, SHORTEST_READ):
                raise _no_time()
            iterator = page.get("NextShardIterator")
        raise LostRecordsError("range_not_found", wanted.shard_id)

    def _ask(self, deadline: Deadline, operation: str, wanted: str, **parameters: str) -> Any:
        """An answer that has `wanted`: botocore takes a body that is no JSON for an empty one."""
        attempt = 0
        while deadline.remaining() >= SHORTEST_READ:
            try:
                answer = getattr(self._client, operation)(**parameters)
                if wanted in answer:
                    return answer
            except ClientError as error:
                code = code_of(error)
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                if code in LOST_CODES:
                    raise LostRecordsError(LOST_CODES[code], parameters.get("ShardId", "a shard")) from error
                if code not in AGAIN_CODES and status < 500:
                    raise StackError(
                        f"The stream refused a read: {code}. Check the role's dynamodb:GetShardIterator and "
                        "dynamodb:GetRecords on the stream (and kms:Decrypt where the table has a customer key)."
                    ) from error
            except BotoCoreError:
                pass
            if not self._backoff.pause(attempt, deadline, SHORTEST_READ):
                break
            attempt += 1
        raise _no_time()


def _no_time() -> TableBusyError:
    return TableBusyError("the stream's records were not read in the invocation's time")


def _record(page: Mapping[str, Any], raw: Mapping[str, Any], stream_arn: str) -> StreamRecord:
    """A record of GetRecords as the function's event carries it, for one parser."""
    change = dict(raw["dynamodb"])
    created = change.get("ApproximateCreationDateTime")
    (change["Keys"],) = event_form(page, [change["Keys"]])
    if isinstance(created, datetime):
        change["ApproximateCreationDateTime"] = created.timestamp()
    told = raw.get("userIdentity", {})
    identity = {"type": told.get("Type"), "principalId": told.get("PrincipalId")}  # the event writes them small
    event = {**raw, "dynamodb": change, "userIdentity": identity, "eventSourceARN": stream_arn}
    (record,) = parse_event({"Records": [event]})
    return replace(record, image=None, old_image=None)


def _past(number: str, last: str) -> bool:
    """Whether `number` lies behind the range. Numbers of an unknown shape say nothing."""
    order, end = sequence_order(number), sequence_order(last)
    return order is not None and end is not None and order > end
