"""The failure queue: an edge. A message for each record that can never be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.config import Config
from searchsync.foreign import code
from searchsync.plan import Poison

MESSAGES_AT_ONCE = 10
"""Messages of one SendMessageBatch (API reference, SendMessageBatch)."""
BYTES_AT_ONCE = 250_000
"""Bytes of one SendMessageBatch, below the 256 KiB that every region takes."""
LONGEST_TEXT = 2_000
"""Characters of a reason or a trace."""


def failure_message(poison: Poison, config: Config, now: float) -> str:
    """The failure queue's message: all that a redrive needs, as JSON text."""
    return json.dumps(
        {
            "kind": "searchsync.poison",
            "table_arn": config.table_arn,
            "stream_arn": config.stream_arn,
            "index": config.index,
            "key": poison.keys,
            "sequence_number": poison.sequence_number,
            "version": poison.version,
            "error_type": poison.error_type,
            "reason": poison.reason[:LONGEST_TEXT],
            "trace": poison.trace[-LONGEST_TEXT:],
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        },
        separators=(",", ":"),
    )


class FailureQueue:
    """The SQS queue for what can never be written."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, messages: Sequence[str]) -> tuple[list[int], str]:
        """Send messages. Returns the positions of those that the queue did not take, and why."""
        refused: list[int] = []
        why = ""
        for part in _parts(messages):
            entries = [{"Id": str(position), "MessageBody": messages[position]} for position in part]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                refused.extend(part)
                said = "" if isinstance(error, BotoCoreError) else code(error.response.get("Error", {}).get("Code"))
                why = said or type(error).__name__
                continue
            taken = {entry["Id"] for entry in answer.get("Successful", [])}
            refused.extend(position for position in part if str(position) not in taken)
            why = why or next((code(entry.get("Code")) for entry in answer.get("Failed", [])), "")
        return refused, why


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
