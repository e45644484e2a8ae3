"""The memory of a call is that of a page, however many pages it runs."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.limits import KEYS, LARGEST_RESULT_WINDOW
from searchsync.reconcile.agreement import Document
from searchsync.reconcile.reader import Hit, KeyPage
from tests.support.reconcile_harness import Lane, TableClient, World

pytestmark = pytest.mark.slow

PAGE = 200


class EndlessTable(TableClient):
    """A table of so many pages that no memory holds; its items are made when they are read."""

    pages = 0

    def scan(self, *, Segment: int, TotalSegments: int, Limit: int, **request: Any) -> dict[str, Any]:  # noqa: N803
        after = int(request["ExclusiveStartKey"]["id"]["S"]) if "ExclusiveStartKey" in request else 0
        items = [self.made(str(number)) for number in range(after + 1, after + PAGE + 1)]
        body: dict[str, Any] = {"Items": items}
        if after + PAGE < self.pages * PAGE:
            body["LastEvaluatedKey"] = {"id": items[-1]["id"]}
        return self._answer(body, 0.0)

    def batch_get_item(self, *, RequestItems: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        ((table, request),) = RequestItems.items()
        return self._answer({"Responses": {table: [self.made(key["id"]["S"]) for key in request["Keys"]]}}, 0.0)

    def made(self, name: str) -> dict[str, Any]:
        return {"id": {"S": name}, "text": {"S": "x" * 500}}


class Forgetful(list[bytes]):
    """A list that keeps nothing."""

    def append(self, _: bytes) -> None:
        return


def taken(_operation: str, name: str, version: int, _source: Any) -> dict[str, Any]:
    return {"_id": name, "_version": version, "status": 201}


def in_step(ids: list[str], _deadline: Deadline) -> Iterator[dict[str, Document]]:
    yield {name: Document(3, {"id": name, "text": "x" * 500, KEY_FIELD: Decimal(index_key(name))}) for name in ids}


def traced(work: Callable[[], None]) -> int:
    """The most bytes that the work held at once. The collector's turn would decide a third of it."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


def peak(task: str, pages: int) -> int:
    world = World()
    client = EndlessTable(world.clock)
    client.pages = pages
    world.table._client = client
    world.index.bodies = Forgetful()
    world.index._apply = taken  # type: ignore[assignment, method-assign]
    if task == "verify":
        world.reader.documents = in_step  # type: ignore[assignment, method-assign]

    def scanned() -> None:
        assert Lane(world).run(task, {"segment": 0, "of": 1})["items"] == pages * PAGE

    return traced(scanned)


@pytest.mark.parametrize("task", ["backfill", "verify"])
def test_memory_is_flat_over_the_pages(task: str) -> None:
    peak(task, 2)  # what is made once
    assert peak(task, 60) < 1.3 * peak(task, 6)


def test_memory_is_flat_over_the_indexs_pages() -> None:
    def index_peak(pages: int) -> int:
        world = World()
        client = EndlessTable(world.clock)
        world.table._client = client

        def keys(low: int, high: int, _deadline: Deadline) -> KeyPage:
            width = KEYS // (pages * PAGE)
            found = range(low, high, width)
            return KeyPage(len(found), list(found[:LARGEST_RESULT_WINDOW]))

        reader: Any = world.reader
        reader.keys = keys
        reader.holding = lambda asked, _deadline: [Hit(str(each), Document(3, None)) for each in asked]

        def scanned() -> None:
            part = {"range": 0, "of": 1, "since": world.clock.now()}
            assert Lane(world).run("verify", part)["documents"] >= pages * PAGE

        return traced(scanned)

    index_peak(2)
    assert index_peak(300) < 1.3 * index_peak(100)  # of 10,000 documents a page has half
