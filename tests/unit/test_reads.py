"""Reads of bounded time and size: real sockets on the loopback, the SDK's own client."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from searchsync.clock import Backoff, Deadline, SystemClock
from searchsync.edges.reads import BoundedReads, Portion
from searchsync.edges.table import DynamoTable
from searchsync.entry import OnFirstUse
from searchsync.errors import TableBusyError
from searchsync.limits import FIRST_READ, LARGEST_ANSWER, LARGEST_READ, SDK_PAUSE, SHORTEST_READ
from tests.support.stub_services import Reply, serving

LARGE = LARGEST_ANSWER // 4
"""Bytes of an item: an answer has room for less than four."""


def table_at(url: str, monkeypatch: pytest.MonkeyPatch) -> DynamoTable:
    """The table behind a URL, read as the functions read it."""
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "ENDPOINT_URL": url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    reads, clock = BoundedReads(), SystemClock()
    client = OnFirstUse("dynamodb", "eu-central-1", True, reads)
    return DynamoTable(client, "t", ("id",), clock, Backoff(clock, random.Random(1)), reads=reads)


def keys(count: int, first: int = 0) -> dict[str, Any]:
    return {str(number): {"id": {"S": str(number)}} for number in range(first, first + count)}


class Items:
    """A table that has every item, the one named so as large as it says; what each answer had."""

    def __init__(self, size: Callable[[int], int], **headers: str) -> None:
        self.size = size
        self.headers = headers
        self.asked: list[int] = []
        self.answered: list[int] = []

    def __call__(self, asked: str, body: str) -> Reply:
        wanted = json.loads(body)["RequestItems"]["t"]["Keys"]
        items = [{**key, "text": {"S": "x" * self.size(int(key["id"]["S"]))}} for key in wanted]
        content = json.dumps({"Responses": {"t": items}, "UnprocessedKeys": {}}).encode()
        self.asked.append(len(wanted))
        self.answered.append(len(content))
        if self.headers:
            content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        return Reply(200, content, self.headers)


@contextmanager
def items(size: Callable[[int], int], monkeypatch: pytest.MonkeyPatch, **headers: str) -> Iterator[Any]:
    with serving() as services:
        services.now = time.time
        services.answer = Items(size, **headers)
        yield table_at(services.url, monkeypatch), services.answer


def read(table: DynamoTable, wanted: dict[str, Any], seconds: float = 60.0) -> list[set[str]]:
    return [set(page.images) for page in table.read(wanted, Deadline.after(SystemClock(), seconds)) if page.images]


def test_small_items_are_soon_read_a_hundred_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with items(lambda _: 1_000, monkeypatch) as (table, answer):
        assert set().union(*read(table, keys(1_000))) == set(keys(1_000))
    assert answer.asked[:5] == [FIRST_READ, 2 * FIRST_READ, 4 * FIRST_READ, 8 * FIRST_READ, LARGEST_READ]


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_memory_may_not_hold_is_not_taken_and_asked_for_in_parts(
    chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunked answers have no length that would say it before they come."""
    headers = {"transfer-encoding": "chunked", "content-length": ""} if chunked else {}
    with items(lambda number: 100 if number < 250 else LARGE, monkeypatch, **headers) as (table, answer):
        pages = read(table, keys(290))
    assert [name for page in pages for name in sorted(page, key=int)] == list(keys(290))
    refused = [size for size in answer.answered if size > LARGEST_ANSWER]
    assert len(refused) <= (4 if chunked else 1), "its length says how many fit; without one it is halved"
    assert max(len(page) for page in pages if int(max(page, key=int)) >= 250) < 4


def test_one_item_is_read_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with items(lambda _: 2 * LARGEST_ANSWER, monkeypatch) as (table, answer):
        assert read(table, keys(3), seconds=5.0) == [{"0"}, {"1"}, {"2"}]
    assert answer.asked == [3, 1, 1, 1]


def test_the_portion_doubles_and_behind_a_refusal_grows_by_one() -> None:
    portion = Portion(1_000)
    portion.took(10)
    portion.took(20)
    assert portion.now == 4 * FIRST_READ
    portion.refused(40, 2 * LARGEST_ANSWER)
    assert portion.now == 10
    portion.took(10)
    assert portion.now == 11
    portion.took(11, LARGEST_ANSWER)
    assert portion.now == 5
    portion.took(5)
    assert portion.now == 10


def trickle(line: socket.socket) -> None:
    """Answers a byte now and then."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    for _ in range(100):
        line.sendall(b" ")
        time.sleep(0.1)


def black_hole(line: socket.socket) -> None:
    """Says nothing."""
    while line.recv(65_536):
        pass


@pytest.mark.parametrize("behave", [trickle, black_hole])
def test_a_read_keeps_to_its_deadline_whatever_the_table_does(
    behave: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=quietly, args=(line,), daemon=True).start()

    def quietly(line: socket.socket) -> None:
        try:
            behave(line)
        except OSError:
            pass
        finally:
            line.close()

    threading.Thread(target=accept, daemon=True).start()
    table = table_at(f"http://127.0.0.1:{listener.getsockname()[1]}", monkeypatch)
    started = time.monotonic()
    with pytest.raises(TableBusyError):
        read(table, keys(1), SHORTEST_READ + 0.2)
    listener.close()
    assert time.monotonic() - started < SHORTEST_READ + 0.2 + SDK_PAUSE
