"""Reads of a range of the stream, against answers in the shape of the SDK's."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from searchsync.clock import Backoff, Deadline
from searchsync.edges.stream import DynamoStream
from searchsync.edges.wire import AS_SENT
from searchsync.entry import OnFirstUse
from searchsync.errors import LostRecordsError, StackError, TableBusyError
from searchsync.protocol.messages import RangeMessage
from searchsync.protocol.records import StreamRecord
from tests.support.events import NOW, STREAM_ARN, number
from tests.support.fakes import FakeClock
from tests.support.stub_services import Reply, serving

WANTED = RangeMessage(STREAM_ARN, "shard", number(1), number(3), None)


class Client:
    """A DynamoDB Streams client that gives prepared pages; an exception is raised. The last repeats."""

    def __init__(self, *pages: Any, iterator: Any = "iterator-0") -> None:
        self.pages, self.iterator = list(pages), iterator
        self.asked: list[dict[str, Any]] = []
        self.read: list[str] = []

    def get_shard_iterator(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        if isinstance(self.iterator, Exception):
            raise self.iterator
        return {"ShardIterator": self.iterator}

    def get_records(self, ShardIterator: str) -> Any:  # noqa: N803 - the SDK's name
        self.read.append(ShardIterator)
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(page, Exception):
            raise page
        return page


def raw(position: int, **keys: Any) -> dict[str, Any]:
    change = {
        "ApproximateCreationDateTime": datetime.fromtimestamp(NOW + position, UTC),
        "Keys": keys or {"id": {"S": f"k{position}"}},
        "NewImage": {"id": {"S": "secret"}},
        "SequenceNumber": number(position),
    }
    return {"eventID": "e", "eventName": "INSERT", "dynamodb": change}


def page(*records: Any, after: str | None = "iterator-1") -> dict[str, Any]:
    return {"Records": list(records), **({} if after is None else {"NextShardIterator": after})}


def failure(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetRecords")  # type: ignore[typeddict-item]


def read(client: Client, seconds: float = 30.0) -> list[StreamRecord]:
    clock = FakeClock()
    stream = DynamoStream(client, Backoff(clock, random.Random(1)))
    return list(stream.records(WANTED, Deadline.after(clock, seconds)))


def test_a_range_is_read_from_its_first_number_to_its_last() -> None:
    client = Client(page(raw(1)), page(raw(2), raw(3), raw(4), after="iterator-2"))
    found = read(client)
    assert [each.sequence_number for each in found] == [number(1), number(2), number(3)]
    assert client.read == ["iterator-0", "iterator-1"]
    assert client.asked == [
        {
            "StreamArn": STREAM_ARN,
            "ShardId": "shard",
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "SequenceNumber": number(1),
        }
    ]


def test_records_come_in_the_events_form_without_their_image() -> None:
    client = Client(page(raw(1, id={"B": b"\x01\x02"}), raw(3)))
    first = read(client)[0]
    assert (first.keys, first.second, first.image) == ({"id": {"B": "AQI="}}, NOW + 1, None)


def test_empty_pages_are_read_over() -> None:
    assert len(read(Client(page(), page(), page(raw(1), raw(3))))) == 2


def test_a_page_that_is_not_dynamodbs_is_read_again() -> None:
    """botocore takes a proxy's page for an empty answer."""
    assert len(read(Client({}, page(raw(1), raw(3))))) == 2
    with pytest.raises(TableBusyError):
        read(Client({}))


def test_a_last_record_that_never_comes_ends_with_the_time() -> None:
    with pytest.raises(TableBusyError):
        read(Client(page(raw(1)), page()))


@pytest.mark.parametrize("pages", [[page(raw(1), raw(2), after=None)], [page(raw(2), raw(4))]])
def test_a_range_whose_last_record_is_not_there_is_lost(pages: list[Any]) -> None:
    with pytest.raises(LostRecordsError) as caught:
        read(Client(*pages))
    assert caught.value.reason == "range_not_found"


@pytest.mark.parametrize(
    ("code", "reason"), [("TrimmedDataAccessException", "trimmed"), ("ResourceNotFoundException", "unknown_shard")]
)
def test_trimmed_records_and_an_unknown_shard_are_told_apart(code: str, reason: str) -> None:
    for client in (Client(page(), iterator=failure(code)), Client(failure(code))):
        with pytest.raises(LostRecordsError, match="repair") as caught:
            read(client)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    "busy", [failure("LimitExceededException"), failure("x", 500), ConnectTimeoutError(endpoint_url="here")]
)
def test_a_busy_stream_is_tried_again_while_there_is_time(busy: Exception) -> None:
    assert len(read(Client(busy, busy, page(raw(1), raw(3))))) == 2
    with pytest.raises(TableBusyError):
        read(Client(busy))


def test_with_no_time_left_nothing_is_asked() -> None:
    client = Client(page(raw(1)))
    with pytest.raises(TableBusyError):
        read(client, seconds=1.0)
    assert client.asked == []


def test_a_refused_read_names_the_permissions() -> None:
    with pytest.raises(StackError, match=r"dynamodb:GetShardIterator and dynamodb:GetRecords"):
        read(Client(page(), iterator=failure("AccessDeniedException")))


def test_records_come_as_they_were_sent_past_botocores_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes a copy of every image, and a page of them is all that memory holds."""
    created = float(NOW)
    change = {"Keys": {"id": {"B": "AAE="}}, "SequenceNumber": number(1), "ApproximateCreationDateTime": created}
    records = [{"eventName": "REMOVE", "dynamodb": {**change, "SequenceNumber": number(each)}} for each in (1, 3)]

    def answer(asked: str, _body: str) -> Reply:
        return Reply(200, {"ShardIterator": "i"} if asked == "GetShardIterator" else {"Records": records})

    with serving() as services:
        services.answer = answer
        for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "ENDPOINT_URL": services.url}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        client = OnFirstUse("dynamodbstreams", "eu-central-1")
        assert client.get_records(ShardIterator="i")[AS_SENT]
        stream = DynamoStream(client, Backoff(FakeClock(), random.Random(1)))
        wanted = replace(WANTED, shard_id="shardId-00000000000000000001-test")
        found = list(stream.records(wanted, Deadline.after(FakeClock(), 30.0)))
    assert [(each.keys, each.second) for each in found] == [({"id": {"B": "AAE="}}, NOW)] * 2
