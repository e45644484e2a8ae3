"""Reads of the table, against moto's DynamoDB and against answers that are hard to come by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from searchsync.clock import Backoff, Deadline, SystemClock
from searchsync.config import read_environment
from searchsync.edges.reads import BoundedReads
from searchsync.edges.table import DynamoTable
from searchsync.edges.wire import AS_SENT, keep_as_sent, normalised
from searchsync.entry import OnFirstUse, connect_edges
from searchsync.errors import StackError, TableBusyError
from searchsync.limits import SDK_PAUSE, SHORTEST_READ
from tests.support.events import TABLE_ARN, environment
from tests.support.fakes import FakeClock

ITEM = {
    "id": {"S": "a"},
    "raw": {"B": b"\x00\x01"},
    "set": {"SS": ["x"]},
    "deep": {"L": [{"M": {"b": {"B": b"\xff"}}}]},
}


class Client:
    """A DynamoDB client that gives prepared answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    def batch_get_item(self, RequestItems: dict[str, Any], **_: Any) -> Any:  # noqa: N803 - the SDK's name
        self.requests.append(RequestItems["t"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def answered(clock: FakeClock, *items: Any, unread: Any = (), late: float = 0.0) -> dict[str, Any]:
    headers = {"date": formatdate(clock.time + late, usegmt=True)}
    unprocessed = {"t": {"Keys": list(unread)}} if unread else {}
    return {
        "Responses": {"t": list(items)},
        "UnprocessedKeys": unprocessed,
        "ResponseMetadata": {"HTTPHeaders": headers},
    }


def failure(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "BatchGetItem")  # type: ignore[typeddict-item]


def read(client: Any, clock: Any, *names: str, seconds: float = 30.0) -> dict[str, Any]:
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    keys = {name: {"id": {"S": name}} for name in names}
    return {
        name: image for page in table.read(keys, Deadline.after(clock, seconds)) for name, image in page.images.items()
    }


@pytest.fixture(params=["as sent", "by an older botocore"])
def real(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Moto's DynamoDB, with and without botocore's event `before-parse`."""
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        if request.param == "as sent":
            keep_as_sent(client)
        create(client)
        yield client


def create(client: Any) -> None:
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_items_come_in_the_events_form_and_missing_ones_as_none(real: Any) -> None:
    real.put_item(TableName="t", Item=ITEM)
    real.meta.events.register("after-call.dynamodb.BatchGetItem", with_date)
    found = read(real, SystemClock(), "a", "none")
    assert found["none"] is None
    assert found["a"] == {
        "id": {"S": "a"},
        "raw": {"B": "AAE="},
        "set": {"SS": ["x"]},
        "deep": {"L": [{"M": {"b": {"B": "/w=="}}}]},
    }


def with_date(parsed: dict[str, Any], **_: Any) -> None:
    parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = formatdate(usegmt=True)


def test_the_function_asks_for_the_table_by_its_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name it would read the table of that name in its own account."""
    asked: list[Any] = []
    monkeypatch.setattr("searchsync.entry.DynamoTable", lambda _client, table, *_rest, **_more: asked.append(table))
    edges = connect_edges(read_environment(environment()), {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"})
    edges.another_table()
    assert asked == [TABLE_ARN, TABLE_ARN]


@pytest.mark.parametrize("under", ["t", "arn:aws:dynamodb:eu-central-1:123456789012:table/t"])
def test_an_answer_counts_under_the_tables_arn_and_its_name(under: str) -> None:
    """An answer that is not looked at would say that no item is there, and delete the document."""
    clock = FakeClock()
    first = answered(clock, {"id": {"S": "a"}}, unread=[{"id": {"S": "b"}}])
    renamed = first | {each: {under: first[each]["t"]} for each in ("Responses", "UnprocessedKeys")}
    found = read(Client(renamed, answered(clock, {"id": {"S": "b"}})), clock, "a", "b")
    assert found == {"a": {"id": {"S": "a"}}, "b": {"id": {"S": "b"}}}


def test_over_a_hundred_keys_are_read_in_pages(real: Any) -> None:
    for each in range(130):
        real.put_item(TableName="t", Item={"id": {"S": str(each)}})
    real.meta.events.register("after-call.dynamodb.BatchGetItem", with_date)
    found = read(real, SystemClock(), *map(str, range(130)))
    assert len(found) == 130
    assert None not in found.values()


def test_a_number_in_two_forms_is_one_key_and_is_not_asked_for_twice_at_once() -> None:
    """DynamoDB refuses a request that names a key twice (API reference, BatchGetItem)."""
    clock = FakeClock()
    client = Client(answered(clock))
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    keys = {text: {"id": {"N": text}} for text in ("1E+50", "1" + "0" * 50, "7")}
    pages = list(table.read(keys, Deadline.after(clock, 30)))
    assert [list(page.images) for page in pages] == [["1E+50", "7"], ["1" + "0" * 50]]


def test_reads_are_consistent() -> None:
    clock = FakeClock()
    client = Client(answered(clock))
    read(client, clock, "a")
    assert client.requests[0]["ConsistentRead"] is True


def test_a_binary_key_is_asked_for_as_bytes() -> None:
    clock = FakeClock()
    client = Client(answered(clock))
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    list(table.read({"AAE=": {"id": {"B": "AAE="}}}, Deadline.after(clock, 30)))
    assert client.requests[0]["Keys"] == [{"id": {"B": b"\x00\x01"}}]


def test_what_was_not_processed_is_asked_for_again() -> None:
    clock = FakeClock()
    item = {"id": {"S": "b"}}
    client = Client(answered(clock, unread=[item]), answered(clock, item))
    assert read(client, clock, "a", "b") == {"a": None, "b": item}
    assert client.requests[1]["Keys"] == [item]


def test_a_read_whose_date_is_far_from_ours_is_refused_and_repeated() -> None:
    clock = FakeClock()
    client = Client(answered(clock, late=5.0), answered(clock, {"id": {"S": "a"}}))
    assert read(client, clock, "a")["a"] is not None
    assert len(client.requests) == 2


def test_clocks_that_never_agree_fail_the_batch() -> None:
    clock = FakeClock()
    with pytest.raises(StackError, match="clock"):
        read(Client(answered(clock, late=-5.0)), clock, "a")


def test_an_answer_without_a_date_proves_nothing() -> None:
    clock = FakeClock()
    answer = answered(clock)
    answer["ResponseMetadata"]["HTTPHeaders"] = {}
    with pytest.raises(StackError, match="clock"):
        read(Client(answer), clock, "a")


@pytest.mark.parametrize(
    "busy",
    [failure("ProvisionedThroughputExceededException"), failure("x", 500), ConnectTimeoutError(endpoint_url="here")],
)
def test_a_busy_table_is_tried_again_while_there_is_time(busy: Exception) -> None:
    clock = FakeClock()
    assert read(Client(busy, busy, answered(clock)), clock, "a") == {"a": None}
    with pytest.raises(TableBusyError):
        read(Client(busy), clock, "a")


class Slow(Client):
    """Gives the same answer again and again, each after a time; what a request had left when it was begun."""

    def __init__(self, clock: FakeClock, seconds: float, at: float, answer: Any) -> None:
        super().__init__(answer)
        self.clock, self.seconds, self.at = clock, seconds, at
        self.left: list[float] = []

    def batch_get_item(self, RequestItems: dict[str, Any], **_: Any) -> Any:  # noqa: N803
        self.left.append(self.at - self.clock.time)
        self.answers[0]["ResponseMetadata"]["HTTPHeaders"]["date"] = formatdate(self.clock.time, usegmt=True)
        self.clock.time += self.seconds
        return super().batch_get_item(RequestItems)


@pytest.mark.parametrize("busy", [False, True])
def test_no_read_is_begun_for_which_the_time_does_not_suffice(busy: bool) -> None:
    """10,000 keys, slowly answered, or throttled for most of them."""
    clock = FakeClock()
    at = clock.time + 30.0
    unread = [{"id": {"S": str(number)}} for number in range(9, 100)] if busy else []
    client = Slow(clock, 0.4, at, answered(clock, unread=unread))
    reads = Allowed()
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)), reads=reads)
    keys = {str(number): {"id": {"S": str(number)}} for number in range(10_000)}
    with pytest.raises(TableBusyError):
        list(table.read(keys, Deadline(clock, at)))
    assert min(client.left) >= SHORTEST_READ
    assert clock.time <= at
    assert all(seconds + SDK_PAUSE <= left for seconds, left in zip(reads.seconds, client.left, strict=True))


class Allowed(BoundedReads):
    """Keeps what each read was allowed, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    @contextmanager
    def allowed(self, seconds: float, most_bytes: float) -> Iterator[None]:
        self.seconds.append(seconds)
        with super().allowed(seconds, most_bytes):
            yield


def test_before_the_table_is_waited_for_there_is_an_empty_page() -> None:
    clock = FakeClock()
    item = {"id": {"S": "b"}}
    client = Client(failure("ThrottlingException"), answered(clock, unread=[item]), answered(clock, item))
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    keys = {name: {"id": {"S": name}} for name in "ab"}
    pages = table.read(keys, Deadline.after(clock, 30))
    found = [(sorted(page.images), len(clock.slept)) for page in pages]
    assert found == [([], 0), (["a"], 1), ([], 1), (["b"], 2)]


NO_ANSWERS = (b"<html>Welcome</html>", b"", b'{"message": "x"}', b'{"Items": [{"id"')


def all_answers(client: Any, clock: FakeClock, body: bytes, status: int = 200) -> None:
    """Let every request have this body, with a good date."""

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

    headers = HTTPHeaders.from_dict({"date": formatdate(clock.time, usegmt=True)})
    client.meta.events.register_first("before-send", lambda **_: AWSResponse("http://x", status, headers, Raw()))


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_an_answer_that_is_not_dynamodbs_does_not_say_that_items_are_gone(real: Any, body: bytes) -> None:
    clock = FakeClock()
    all_answers(real, clock, body)
    with pytest.raises(TableBusyError):
        read(real, clock, "a")
    with pytest.raises(TableBusyError):
        scan(real, clock)


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("body", [b"[]", b"null", b'"busy"', b"\xff", b'{"Responses": null, "UnprocessedKeys": null}'])
def test_an_answer_that_botocore_cannot_parse_is_tried_again_too(
    body: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clock = FakeClock()
    client = OnFirstUse("dynamodb", "eu-central-1")
    all_answers(client, clock, body, status)
    with pytest.raises(TableBusyError):
        read(client, clock, "a")


def test_the_functions_client_does_not_spend_its_time_in_botocores_parser() -> None:
    with mock_aws():
        client = OnFirstUse("dynamodb", "eu-central-1")
        create(client)
        assert client.scan(TableName="t")[AS_SENT]
        assert client.batch_get_item(RequestItems={"t": {"Keys": [{"id": {"S": "a"}}]}})[AS_SENT]


class Typed:
    """A table whose key is a string: DynamoDB refuses a read whole where one of its keys is none."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.requests = 0

    def batch_get_item(self, RequestItems: dict[str, Any], **_: Any) -> Any:  # noqa: N803
        self.requests += 1
        keys = RequestItems["t"]["Keys"]
        if any("S" not in key["id"] for key in keys):
            raise failure("ValidationException")
        return answered(self.clock, *keys)


@pytest.mark.parametrize("others", [{7}, {0}, {99}, {1, 2, 50}, set(range(100))])
def test_a_key_that_the_table_cannot_have_stands_alone_and_the_others_are_read(others: set[int]) -> None:
    clock = FakeClock()
    client = Typed(clock)
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    keys = {str(each): {"id": {"N" if each in others else "S": str(each)}} for each in range(100)}
    pages = list(table.read(keys, Deadline.after(clock, 30)))
    assert {name for page in pages for name in page.refused} == set(map(str, others))
    assert {name for page in pages for name in page.images} == keys.keys() - set(map(str, others))
    assert client.requests < 2 * len(keys)


def test_a_refused_read_names_the_permission() -> None:
    with pytest.raises(StackError, match="dynamodb:BatchGetItem"):
        read(Client(failure("AccessDeniedException")), FakeClock(), "a")


def test_normalising_leaves_other_values_alone() -> None:
    image: dict[str, dict[str, Any]] = {
        "n": {"N": "1.0"},
        "m": {"M": {"x": {"NULL": True}}},
        "ns": {"NS": ["1"]},
        "f": {"BOOL": False},
    }
    assert normalised(image) == image


@pytest.fixture
def keyed(real: Any) -> DynamoTable:
    """Moto's table with 23 items, each of 100 KB: more than one page."""
    real.meta.events.register("after-call.dynamodb.Scan", with_date)
    for each in range(23):
        real.put_item(TableName="t", Item={"id": {"S": str(each)}, "fill": {"S": "x" * 100_000}, "b": {"B": b"\x00"}})
    clock = SystemClock()
    return DynamoTable(real, "t", ("id",), clock, Backoff(clock, random.Random(1)))


def test_a_segments_pages_follow_each_other_to_the_last_item(keyed: DynamoTable) -> None:
    deadline = Deadline.after(SystemClock(), 30)
    first = keyed.scan(0, 1, None, deadline)
    assert first.position is not None
    found = list(first.items)
    position: Any = first.position
    while position is not None:
        page = keyed.scan(0, 1, position, deadline)
        found, position = found + page.items, page.position
    assert sorted(int(item.id) for item in found) == list(range(23))
    assert found[0].image["b"] == {"B": "AA=="}
    assert found[0].keys == {"id": {"S": found[0].id}}
    assert first.units > 0


def scanned(clock: FakeClock, *items: Any, late: float = 0.0) -> dict[str, Any]:
    return {"Items": list(items), **{k: v for k, v in answered(clock, late=late).items() if k == "ResponseMetadata"}}


class Scans(Client):
    def scan(self, **request: Any) -> Any:
        return self.batch_get_item({"t": request})


def scan(client: Any, clock: FakeClock, position: Any = None) -> Any:
    table = DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)))
    return table.scan(2, 5, position, Deadline.after(clock, 30))


def test_a_scan_is_consistent_and_says_what_it_takes() -> None:
    clock = FakeClock()
    client = Scans(scanned(clock))
    scan(client, clock, {"id": {"B": "AAE="}})
    (request,) = client.requests
    assert (request["Segment"], request["TotalSegments"]) == (2, 5)
    assert request["ConsistentRead"] is True
    assert request["ReturnConsumedCapacity"] == "TOTAL"
    assert request["ExclusiveStartKey"] == {"id": {"B": b"\x00\x01"}}


def test_a_throttled_scan_backs_off_and_goes_on() -> None:
    clock = FakeClock()
    busy = failure("ProvisionedThroughputExceededException")
    page = scan(Scans(busy, busy, scanned(clock, {"id": {"S": "a"}})), clock)
    assert [item.id for item in page.items] == ["a"]
    assert clock.slept
    with pytest.raises(TableBusyError):
        scan(Scans(busy), clock)


def test_a_scan_that_is_refused_has_no_key_to_stand_alone() -> None:
    with pytest.raises(StackError, match="ValidationException"):
        scan(Scans(failure("ValidationException")), FakeClock())


def test_a_scan_whose_date_is_far_from_ours_is_refused_and_repeated() -> None:
    clock = FakeClock()
    page = scan(Scans(scanned(clock, late=5.0), scanned(clock, {"id": {"S": "a"}})), clock)
    assert [item.id for item in page.items] == ["a"]
    with pytest.raises(StackError, match="clock"):
        scan(Scans(scanned(clock, late=-5.0)), clock)
