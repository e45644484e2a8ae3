"""The SDK's clients of the table, the failure queue and the stream, on the world's truth.

What a call may take is bounded as by the real edges (`calls`, `reads`), in the world's time.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from email.utils import formatdate
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, ReadTimeoutError

from searchsync.edges.reads import BoundedReads
from searchsync.limits import LAST_LINE, LONGEST_CALL_OUT, QUEUE_CALL, READ_TIMEOUT, RESERVE, SDK_PAUSE, SHORTEST_TRY
from tests.support.history.clock import WorldClock
from tests.support.history.truth import Truth

SLOW_READ, LATE_READ, SLOW_BYTES = 5.0, 20.0, 8.0
"""Seconds: before the table is read (over the tolerance to its Date), after it, and of an answer's bytes."""


def refused(code: str, status: int, operation: str) -> ClientError:
    """An SDK's error."""
    error: Any = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, operation)


class Edge:
    """An AWS service, and what its next calls meet."""

    def __init__(self, name: str, clock: WorldClock, ends: Callable[[], float], injected: Counter[str]) -> None:
        """`ends`: the world's time when the invocation under way is over."""
        self.faults: deque[str] = deque()
        self._name, self._clock, self._ends, self._injected = name, clock, ends, injected

    @contextmanager
    def call(self, most_s: float, kept_s: float = RESERVE) -> Iterator[str]:
        """A call that may take so many seconds, and leaves the invocation so many; the fault that it meets, or none.

        Half an answer comes from a service that has done what it was asked to do.
        """
        fault = self.faults.popleft() if self.faults else ""
        self._injected.update([f"{self._name}: {fault}"] if fault else [])
        given = max(SHORTEST_TRY, min(most_s, self._ends() - kept_s - self._clock.time))
        if fault == "no answer":
            self._clock.advance(given)
            raise ReadTimeoutError(endpoint_url=self._name)
        if fault == "throttled":
            raise refused("ThrottlingException", 400, self._name)
        if fault == "refused":
            raise refused("AccessDeniedException", 400, self._name)
        yield fault
        if fault == "half an answer":
            raise HTTPClientError(error=ValueError("half an answer"))
        if fault == "slow bytes":
            self._clock.advance(min(given, SLOW_BYTES))
            if given < SLOW_BYTES:
                raise ReadTimeoutError(endpoint_url=self._name)


class TimedReads(BoundedReads):
    """Remembers how many seconds a read of the table may take."""

    seconds = 0.0

    @contextmanager
    def allowed(self, seconds: float, most_bytes: float) -> Iterator[None]:
        """As the base class, which sends nothing here."""
        self.seconds = min(seconds, READ_TIMEOUT)
        yield


class TableClient:
    """BatchGetItem on the truth."""

    def __init__(
        self, truth: Truth, clock: WorldClock, moment: Callable[[str], None], edge: Edge, rob: Callable[[], None]
    ) -> None:
        """`rob` is called where the sandbox stands still for a while."""
        self._truth, self._clock, self._moment, self._edge, self._rob = truth, clock, moment, edge, rob
        self.reads = TimedReads()

    def batch_get_item(self, *, RequestItems: Mapping[str, Any], ReturnConsumedCapacity: str) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        """One read."""
        self._moment("read")
        ((name, request),) = RequestItems.items()
        # The first try has its time, and the second one none behind the pause between them.
        with self._edge.call(min(self.reads.seconds + SDK_PAUSE, LONGEST_CALL_OUT)) as fault:
            if fault == "slow read":
                self._clock.advance(SLOW_READ)
            keys = list(request["Keys"])
            left = [keys.pop()] if fault == "unprocessed" else []
            read = self._truth.item if request["ConsistentRead"] else self._truth.earlier_item
            items = [item for key in keys if (item := read(self._truth.named(key["id"]["S"]))) is not None]
            date = formatdate(self._clock.time, usegmt=True)
            self._moment("items")
        if fault == "late read":
            self._rob()
            self._clock.advance(LATE_READ)
        if fault == "no JSON":
            return {}
        return {
            "Responses": {name: items},
            "ConsumedCapacity": [{"TableName": name, "CapacityUnits": float(len(keys))}],
            "UnprocessedKeys": {name: {"Keys": left}} if left else {},
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }


class QueueClient:
    """An SQS queue in memory; `took` is told of each message that the function sends."""

    def __init__(self, moment: Callable[[str], None], took: Callable[[dict[str, Any]], None], edge: Edge) -> None:
        self._moment, self._took, self._edge = moment, took, edge
        self._bodies: dict[str, dict[str, Any]] = {}
        self._hidden: set[str] = set()
        self._sent = 0

    def show_all(self) -> None:
        """The visibility timeout of what was received is over."""
        self._hidden.clear()

    def _call(self) -> AbstractContextManager[str]:
        return self._edge.call(QUEUE_CALL, LAST_LINE + SDK_PAUSE)

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
        with self._call() as fault:
            taken = list(Entries)[:-1] if fault == "refuses one" else list(Entries)
            for entry in taken:
                message = json.loads(entry["MessageBody"])
                self._took(message)
                self.put(message)
            self._moment("message taken")
        names = {entry["Id"] for entry in taken}
        if fault == "no JSON":
            return {}
        return {
            "Successful": [{"Id": name} for name in sorted(names)],
            "Failed": [{"Id": each["Id"], "Code": "InternalError"} for each in Entries if each["Id"] not in names],
        }

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, WaitTimeSeconds: int) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """Take some; they are hidden until they are released."""
        with self._call():
            names = [name for name in self._bodies if name not in self._hidden][:MaxNumberOfMessages]
            self._hidden.update(names)
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": json.dumps(self._bodies[name])} for name in names
            ]
        }

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """They are gone."""
        with self._call():
            for entry in Entries:
                self._bodies.pop(entry["ReceiptHandle"], None)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """They are seen again."""
        with self._call():
            self._hidden.difference_update(entry["ReceiptHandle"] for entry in Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


class StreamClient:
    """The stream as the redrive reads it."""

    def __init__(self, truth: Truth, edge: Edge) -> None:
        self._stream, self._edge = truth.stream, edge

    def get_shard_iterator(self, *, StreamArn: str, ShardId: str, ShardIteratorType: str, SequenceNumber: str) -> Any:  # noqa: N803 - the SDK's names
        """At a record."""
        assert ShardIteratorType == "AT_SEQUENCE_NUMBER"
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self._stream.records[ShardId]]
        with self._edge.call(LONGEST_CALL_OUT) as fault:
            return {} if fault == "no JSON" else {"ShardIterator": f"{ShardId}:{numbers.index(SequenceNumber)}"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - the SDK's names
        """Up to the end of the shard as it is now."""
        with self._edge.call(LONGEST_CALL_OUT) as fault:
            page = self._stream.read(ShardIterator, 1_000)
            return {} if fault == "no JSON" else {"Records": page.records, "NextShardIterator": page.iterator}
