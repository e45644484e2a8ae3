"""A redrive on fakes: a queue whose messages are hidden once they are taken, and a stream's ranges."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from searchsync.clock import Backoff, Deadline
from searchsync.config import Config, read_environment
from searchsync.edges.failures import Message
from searchsync.errors import LostRecordsError
from searchsync.protocol.messages import RangeMessage
from searchsync.protocol.records import StreamRecord, parse_event
from searchsync.sync.metrics import RedriveReport
from searchsync.sync.redrive import Redrive
from tests.support.events import NOW, STREAM_ARN, TABLE_ARN, version
from tests.support.events import environment as variables
from tests.support.fakes import FakeClock, MemoryIndex, MemoryTable

SHARD = "shardId-1"


def poison_message(name: str, *, number: int = 1, second: int = NOW, **changes: Any) -> str:
    """Our own message of one record, as the queue holds it."""
    body = {
        "kind": "searchsync.poison",
        "table_arn": TABLE_ARN,
        "stream_arn": STREAM_ARN,
        "index": "items",
        "key": {"id": {"S": name}},
        "sequence_number": str(number),
        "version": version(number, second),
        "error_type": "mapper_parsing_exception",
        "reason": "secret",
        "trace": "",
        "time": "2027-01-15T08:00:00.000+00:00",
    }
    return json.dumps(body | changes)


def range_message(first: str, last: str, **changes: Any) -> str:
    """The trigger's message of a range, as SQS gets it."""
    batch = {
        "shardId": SHARD,
        "startSequenceNumber": first,
        "endSequenceNumber": last,
        "approximateArrivalOfFirstRecord": "2027-01-15T08:00:00Z",
        "approximateArrivalOfLastRecord": "2027-01-15T08:00:00Z",
        "batchSize": 2,
        "streamArn": STREAM_ARN,
    }
    return json.dumps({"requestContext": {}, "version": "1.0", "DDBStreamBatchInfo": batch | changes})


@dataclass
class QueueFake:
    """Messages by id: what is taken is hidden until it is released. `history` is what was asked, in order."""

    visible: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    undeletable: bool = False
    unsendable: bool = False
    history: list[tuple[str, list[str]]] = field(default_factory=list)
    receives: int = 0

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.visible[f"m{len(self.visible) + len(self.hidden) + len(self.history)}"] = body

    def send(self, messages: Sequence[str], _: Deadline) -> tuple[list[int], str]:
        if self.unsendable:
            return list(range(len(messages))), "AccessDenied" if messages else ""
        self.history.append(("send", list(messages)))
        self.put(*messages)
        return [], ""

    def receive(self) -> list[Message]:
        self.receives += 1
        taken = dict(list(self.visible.items())[:10])
        self.visible = {name: body for name, body in self.visible.items() if name not in taken}
        self.hidden |= taken
        return [Message(name, f"receipt-{name}-{self.receives}", body) for name, body in taken.items()]

    def delete(self, messages: Sequence[Message], _: Deadline) -> tuple[list[int], str]:
        if self.undeletable:
            return list(range(len(messages))), "AccessDenied" if messages else ""
        self.history.append(("delete", [each.id for each in messages]))
        for each in messages:
            del self.hidden[each.id]
        return [], ""

    def release(self, messages: Sequence[Message], _: Deadline) -> tuple[list[int], str]:
        self.history.append(("release", [each.id for each in messages]))
        for each in messages:
            self.visible[each.id] = self.hidden.pop(each.id)
        return [], ""


@dataclass
class StreamFake:
    """The raw records that a range's reading gives; `lost` is raised behind them."""

    raw: list[dict[str, Any]] = field(default_factory=list)
    lost: Exception | None = None
    asked: list[RangeMessage] = field(default_factory=list)

    def records(self, wanted: RangeMessage, deadline: Deadline) -> Iterator[StreamRecord]:
        self.asked.append(wanted)
        records = parse_event({"Records": self.raw})
        yield from (each for each in records if int(each.sequence_number) >= int(wanted.first))
        if self.lost is not None:
            raise self.lost


TRIMMED = LostRecordsError("trimmed", SHARD)


@dataclass
class RedriveBench:
    """A redrive on fakes, and what to look at afterwards."""

    config: Config = field(default_factory=lambda: read_environment(variables()))
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW + 100.5))
    index: MemoryIndex = field(default_factory=MemoryIndex)
    queue: QueueFake = field(default_factory=QueueFake)
    stream: StreamFake = field(default_factory=StreamFake)
    remaining: float = 300.0

    def __post_init__(self) -> None:
        self.table = MemoryTable(self.clock)
        self.report = RedriveReport()

    def put(self, key: str, number: str = "1") -> None:
        self.table.items[key] = {"id": {"S": key}, "n": {"N": number}}

    def run(self, event: object = None) -> dict[str, Any]:
        """Run one redrive; its answer."""
        self.report = RedriveReport()
        self.redrive().run({} if event is None else event, self.remaining, self.report)
        return self.report.answer()

    def redrive(self) -> Redrive:
        """The redrive on these fakes."""
        backoff = Backoff(self.clock, random.Random(7))
        return Redrive(self.config, self.index, self.table, self.stream, self.queue, self.clock, backoff)


def answer(**counts: Any) -> dict[str, Any]:
    """A redrive's answer with these counts, zero else."""
    return {
        "taken": 0,
        "redriven": 0,
        "stayed": 0,
        "unreadable": 0,
        "keys": 0,
        "reasons": {},
        "more": False,
        **counts,
    }
