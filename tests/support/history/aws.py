"""The SDK's clients of the table and of the failure queue, on the world's truth."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
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

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - the SDK's name
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
            "UnprocessedKeys": {name: {"Keys": left}} if left else {},
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }


class QueueClient:
    """SendMessageBatch into a list; `took` is told of each message."""

    def __init__(
        self, moment: Callable[[str], None], took: Callable[[dict[str, Any]], None], injected: Counter[str]
    ) -> None:
        self._moment, self._took, self._injected = moment, took, injected
        self.messages: list[dict[str, Any]] = []
        self.refusals: deque[bool] = deque()

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
            self.messages.append(message)
        self._moment("message taken")
        names = {entry["Id"] for entry in taken}
        return {
            "Successful": [{"Id": name} for name in sorted(names)],
            "Failed": [{"Id": each["Id"], "Code": "InternalError"} for each in Entries if each["Id"] not in names],
        }
