"""A trigger on a stream and a function that are plain lists, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from lab.trigger import Trigger
from lab.trigger_core import (
    Answer,
    Backoff,
    Discarded,
    JsonObject,
    TriggerSettings,
)
from lab.trigger_edges import Page, PositionLost, Shard, Submit, at_once

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
START = 1_800_000_000.0
FAILED = Answer(error="Unhandled")


def number(position: int) -> str:
    """Sequence numbers that grow a digit: text order is not their order."""
    return str((95 + position) * 10**20 + position)


def stream_record(position: int, key: str | None = None, created: float = START) -> JsonObject:
    return {
        "eventID": f"e{position}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": created,
            "Keys": {"id": {"S": key or f"k{position}"}},
            "SequenceNumber": number(position),
        },
    }


@dataclass
class Stream:
    """A stream in memory; an iterator is `shard:position`."""

    shards_now: list[Shard] = field(default_factory=lambda: [Shard("s")])
    records: dict[str, list[JsonObject]] = field(default_factory=lambda: {"s": []})
    closed: set[str] = field(default_factory=set)
    lost: list[PositionLost] = field(default_factory=list)
    opened: list[tuple[str, str, str | None]] = field(default_factory=list)

    def put(self, *records: JsonObject, shard: str = "s") -> None:
        self.records[shard] += records

    def shards(self) -> Sequence[Shard]:
        return self.shards_now

    def iterator(self, shard_id: str, kind: str, sequence: str | None) -> str:
        self.opened.append((shard_id, kind, sequence))
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self.records[shard_id]]
        place = {"TRIM_HORIZON": 0, "LATEST": len(numbers)}.get(kind, 0)
        return f"{shard_id}:{numbers.index(sequence) + 1 if sequence else place}"

    def read(self, iterator: str, limit: int) -> Page:
        if self.lost:
            raise self.lost.pop()
        shard_id, place = iterator.split(":")
        page = self.records[shard_id][int(place) : int(place) + limit]
        end = int(place) + len(page)
        ended = shard_id in self.closed and end == len(self.records[shard_id])
        return Page(page, None if ended else f"{shard_id}:{end}")


@dataclass
class Sent:
    """A destination that remembers, and refuses while `refusing`."""

    messages: list[JsonObject] = field(default_factory=list)
    objects: list[JsonObject] = field(default_factory=list)
    refusing: bool = False

    def send(self, arn: str, discarded: Discarded, message: JsonObject) -> None:
        if self.refusing:
            raise PermissionError("sqs:SendMessage")
        assert arn == QUEUE
        self.messages.append(message)
        self.objects.append(discarded.s3_object(message))


Respond = Callable[[list[str]], Answer]


def succeed(_: list[str]) -> Answer:
    return Answer(payload={"batchItemFailures": []})


@dataclass
class Bench:
    """A trigger on a stream in memory, with a clock that a test moves."""

    settings: TriggerSettings
    respond: Respond = succeed
    stream: Stream = field(default_factory=Stream)
    sent: Sent = field(default_factory=Sent)
    submit: Submit = at_once
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    now: float = START
    batches: list[list[str]] = field(default_factory=list)
    events: list[JsonObject] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trigger = Trigger(
            self.settings,
            stream_arn=STREAM,
            function_arn=FUNCTION,
            source=self.stream,
            invoke=self.invoke,
            destination=self.sent,
            clock=lambda: self.now,
            submit=self.submit,
            backoff=Backoff(first=1.0, most=8.0),
            checkpoints=self.checkpoints,
        )

    def invoke(self, event: JsonObject) -> Answer:
        self.events.append(event)
        batch = [each["dynamodb"]["SequenceNumber"] for each in event["Records"]]
        self.batches.append(batch)
        return self.respond(batch)

    def run(self, seconds: float = 0.0, most_steps: int = 500) -> None:
        """Step until nothing moves, then let the clock go on, for so many seconds."""
        end = self.now + seconds
        for _ in range(most_steps):
            if self.trigger.step():
                continue
            if self.now >= end:
                return
            self.now += 1.0
        raise AssertionError("the trigger never came to rest")

    @property
    def positions(self) -> list[list[int]]:
        """The delivered batches as positions of the stream."""
        return [[int(each) % 10**20 for each in batch] for batch in self.batches]


def settings(**changes: Any) -> TriggerSettings:
    base: dict[str, Any] = {
        "batch_size": 4,
        "starting_position": "TRIM_HORIZON",
        "report_batch_item_failures": True,
        "on_failure": QUEUE,
    }
    return TriggerSettings(**base | changes)


def failures(*identifiers: Any) -> Answer:
    return Answer(payload={"batchItemFailures": [{"itemIdentifier": i} for i in identifiers]})


def once(first: Answer) -> Respond:
    """`first` for the first invocation, success afterwards."""
    answers = [first]
    return lambda batch: answers.pop() if answers else succeed(batch)


def four() -> list[JsonObject]:
    return [stream_record(position) for position in range(4)]


def fails_with(position: int) -> Respond:
    return lambda batch: FAILED if number(position) in batch else succeed(batch)


@dataclass
class Later:
    """A `submit` whose answers a test gives, in any order."""

    calls: list[tuple[Callable[[], Answer], Future[Answer]]] = field(default_factory=list)

    def __call__(self, call: Callable[[], Answer]) -> Future[Answer]:
        future: Future[Answer] = Future()
        self.calls.append((call, future))
        return future

    def answer(self, which: int) -> None:
        call, future = self.calls.pop(which)
        future.set_result(call())
