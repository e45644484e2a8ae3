"""The failure queue: an edge. A message for each record that can never be written, and for each range that
the trigger gave up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.clock import Deadline
from searchsync.config import Config
from searchsync.errors import StackError
from searchsync.limits import (
    BYTES_AT_ONCE,
    LAST_LINE,
    LONG_POLL,
    LONGEST_TEXT,
    MESSAGES_AT_ONCE,
    QUEUE_CALL,
    RESERVE,
    SDK_PAUSE,
)
from searchsync.protocol.plan import POISON_KIND, Poison
from searchsync.sanitize import code, code_of


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was taken: its id in the queue, the handle of this receive, its text."""

    id: str
    receipt: str
    body: str


def failure_message(poison: Poison, config: Config, now: float) -> str:
    """The failure queue's message: all that a redrive needs, as JSON text."""
    return json.dumps(
        {
            "kind": POISON_KIND,
            "table_arn": config.table_arn,
            "stream_arn": config.stream_arn,
            "index": poison.index or config.index,
            "key": poison.keys,
            "sequence_number": poison.sequence_number,
            "version": poison.version,
            "as_of": None if poison.as_of == math.inf else poison.as_of,
            "error_type": poison.error_type,
            "reason": poison.reason[:LONGEST_TEXT],
            "trace": poison.trace[-LONGEST_TEXT:],
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        },
        separators=(",", ":"),
    )


class FailureQueue:
    """The SQS queue for what can never be written.

    A request is begun only where it ends before the reserve behind the deadline does, and none behind one that
    had no answer: what was not asked for counts as refused.
    """

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[str], deadline: Deadline) -> tuple[list[int], str]:
        """Send messages. Returns the positions of those that the queue did not take, and why."""
        bodies = [{"MessageBody": each} for each in messages]
        return self._batches("send_message_batch", _parts(messages), bodies, deadline)

    def receive(self) -> list[Message]:
        """Take up to ten messages; none: the queue has none to give. Raises StackError when it refuses."""
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=MESSAGES_AT_ONCE, WaitTimeSeconds=LONG_POLL
            )
        except (ClientError, BotoCoreError) as error:
            raise StackError(
                f"The failure queue did not give its messages: {code_of(error)}. Check the role's sqs:ReceiveMessage "
                "on the queue (and kms:Decrypt where it has a customer key), and run it again."
            ) from error
        return [Message(each["MessageId"], each["ReceiptHandle"], each["Body"]) for each in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message], deadline: Deadline) -> tuple[list[int], str]:
        """Delete messages. Returns the positions of those that stay all the same, and why."""
        entries = [{"ReceiptHandle": each.receipt} for each in messages]
        return self._batches("delete_message_batch", _tens(messages), entries, deadline)

    def release(self, messages: Sequence[Message], deadline: Deadline) -> tuple[list[int], str]:
        """Let messages be seen again at once. Returns the positions of those that stay hidden, and why."""
        entries = [{"ReceiptHandle": each.receipt, "VisibilityTimeout": 0} for each in messages]
        return self._batches("change_message_visibility_batch", _tens(messages), entries, deadline)

    def _batches(
        self, operation: str, parts: Iterator[range], entries: Sequence[dict[str, Any]], deadline: Deadline
    ) -> tuple[list[int], str]:
        """One batch request for each part of the entries; the positions refused, and why."""
        refused: list[int] = []
        why = ""
        silent = False
        for part in parts:
            if silent or deadline.remaining() + RESERVE < QUEUE_CALL + SDK_PAUSE + LAST_LINE:
                refused.extend(part)
                why = why or "no_time"
                continue
            named = [{"Id": str(position), **entries[position]} for position in part]
            try:
                answer = getattr(self._client, operation)(QueueUrl=self._url, Entries=named)
            except (ClientError, BotoCoreError) as error:
                refused.extend(part)
                why = code_of(error)
                silent = isinstance(error, BotoCoreError)
                continue
            taken = {entry["Id"] for entry in answer.get("Successful", [])}
            refused.extend(position for position in part if str(position) not in taken)
            why = why or next((code(entry.get("Code")) for entry in answer.get("Failed", [])), "")
        return refused, why


def _tens(messages: Sequence[Message]) -> Iterator[range]:
    for start in range(0, len(messages), MESSAGES_AT_ONCE):
        yield range(start, min(start + MESSAGES_AT_ONCE, len(messages)))


def _parts(messages: Sequence[str]) -> Iterator[range]:
    """Positions of the messages that go together; their text is ASCII, so characters are bytes."""
    start, size = 0, 0
    for position, message in enumerate(messages):
        if position > start and (position - start == MESSAGES_AT_ONCE or size + len(message) > BYTES_AT_ONCE):
            yield range(start, position)
            start, size = position, 0
        size += len(message)
    if messages:
        yield range(start, len(messages))
