"""The SDK's clients of the table and of the failure queue, on the world's truth."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import formatdate
from typing import Any

from botocore.exceptions import ClientError

from tests.support.history.clock import WorldClock
from tests.support.history.truth import Truth

SLOW_READ, LATE_READ = 5.0, 20.0
"""Seconds: before the table is read (over the tolerance to its Date), and after it."""


def refused(code: str, status: int, operation: str) -> ClientError:
    """An SDK's error."""
    error: Any = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, operation)


class TableClient:
    """BatchGetItem on the truth."""

    def __init__(self, truth: Truth, clock: WorldClock, moment: Callable[[str], None], injected: Counter[str]) -> None:
        self._truth, self._clock, self._moment, self._injected = truth, clock, moment, injected
        self.faults: deque[str] = deque()

    def batch_get_item(self, *, RequestItems: Mapping[str, Any], ReturnConsumedCapacity: str) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        """One read."""
        self._moment("read")
        ((name, request),) = RequestItems.items()
        fault = self.faults.popleft() if self.faults else ""
        self._injected.update([f"table {fault}"] if fault else [])
        if fault == "throttled":
            raise refused("ProvisionedThroughputExceededException", 400, "BatchGetItem")
        if fault == "refused":
            raise refused("AccessDeniedException", 400, "BatchGetItem")
        if fault == "slow read":
            self._clock.advance(SLOW_READ)
        keys = list(request["Keys"])
        left = [keys.pop()] if fault == "unprocessed" else []
        read = self._truth.item if request["ConsistentRead"] else self._truth.earlier_item
        items = [item for key in keys if (item := read(self._truth.named(key["id"]["S"]))) is not None]
        date = formatdate(self._clock.time, usegmt=True)
        self._moment("items")
        if fault == "late read":
            self._clock.advance(LATE_READ)
        return {
            "Responses": {name: items},
            "ConsumedCapacity": [{"TableName": name, "CapacityUnits": float(len(keys))}],
            "UnprocessedKeys": {name: {"Keys": left}} if left else {},
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }


class QueueClient:
    """An SQS queue in memory; `took` is told of each message that the function sends."""

    def __init__(
        self, moment: Callable[[str], None], took: Callable[[dict[str, Any]], None], injected: Counter[str]
    ) -> None:
        self._moment, self._took, self._injected = moment, took, injected
        self._bodies: dict[str, dict[str, Any]] = {}
        self._hidden: set[str] = set()
        self._sent = 0
        self.refusals: deque[bool] = deque()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All that are in the queue."""
        return list(self._bodies.values())

    def holds(self, sequences: Iterable[str]) -> bool:
        """Whether one of these records has a message of its own."""
        wanted = set(sequences)
        return any(each.get("sequence_number") in wanted for each in self.messages)

    def holds_item(self, name: str) -> bool:
        """Whether a repair left a message for the item whose `id` this is: it knows of no record."""
        keys = [each["key"]["id"]["S"] for each in self.messages if each.get("sequence_number") == ""]
        return name in keys

    def put(self, message: dict[str, Any]) -> None:
        """A message comes in."""
        self._sent += 1
        self._bodies[str(self._sent)] = message

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """One request."""
        self._moment("message")
        refusal = self.refusals.popleft() if self.refusals else None
        if refusal is not None:
            self._injected["queue refuses all" if refusal else "queue refuses one"] += 1
        if refusal:
            raise refused("AccessDenied", 403, "SendMessageBatch")
        taken = list(Entries)[:-1] if refusal is False else list(Entries)
        for entry in taken:
            message = json.loads(entry["MessageBody"])
            self._took(message)
            self.put(message)
        self._moment("message taken")
        names = {entry["Id"] for entry in taken}
        return {
            "Successful": [{"Id": name} for name in sorted(names)],
            "Failed": [{"Id": each["Id"], "Code": "InternalError"} for each in Entries if each["Id"] not in names],
        }

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, WaitTimeSeconds: int) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """Take some; they are hidden until they are released."""
        names = [name for name in self._bodies if name not in self._hidden][:MaxNumberOfMessages]
        self._hidden.update(names)
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": json.dumps(self._bodies[name])} for name in names
            ]
        }

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """They are gone."""
        for entry in Entries:
            del self._bodies[entry["ReceiptHandle"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """They are seen again."""
        self._hidden.difference_update(entry["ReceiptHandle"] for entry in Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


class StreamClient:
    """The stream as the redrive reads it."""

    def __init__(self, truth: Truth) -> None:
        self._stream = truth.stream

    def get_shard_iterator(self, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str) -> Any:  # noqa: N803 - the SDK's names
        """At a record."""
        assert ShardIteratorType == "AT_SEQUENCE_NUMBER"
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self._stream.records[ShardId]]
        return {"ShardIterator": f"{ShardId}:{numbers.index(SequenceNumber)}"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """Up to the end of the shard as it is now."""
        page = self._stream.read(ShardIterator, 1_000)
        return {"Records": page.records, "NextShardIterator": page.iterator}
