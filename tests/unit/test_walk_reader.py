"""Reads of the index: answers that look good and are not whole, and refusals."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from opensearchpy.exceptions import TransportError
from requests_aws4auth import AWS4Auth

from searchsync.clock import Backoff, Deadline, SystemClock
from searchsync.collection import connect
from searchsync.config import read_environment
from searchsync.errors import CollectionBusyError, PointInTimeGoneError, StackError, WalkRefusedError
from searchsync.limits import IDS_AT_ONCE, LARGEST_ANSWER
from searchsync.walk.reader import ExactJson, IndexReader
from tests.support.events import environment
from tests.support.stub_services import Reply, serving
from tests.support.walk_transport import Asked


def hits(*names: str, total: int | None = None, **more: Any) -> dict[str, Any]:
    found = [{"_id": name, "_version": 3, "_source": {"id": name}, "sort": [name]} for name in names]
    return {"_shards": {"failed": 0}, "hits": {"hits": found, "total": {"value": total or len(names)}}, **more}


def failed(kind: str) -> dict[str, Any]:
    return {"failed": 1, "failures": [{"shard": 0, "reason": {"type": kind, "reason": "because"}}]}


DOCUMENT = {"_id": "a", "found": True, "_version": 4, "_source": {"id": "a"}}


@pytest.mark.parametrize(
    "partial",
    [
        hits("a", _shards=failed("rejected_execution_exception")),
        hits("a", timed_out=True),
        TransportError(429, "busy", {}),
        TransportError(503, "busy", {}),
    ],
)
def test_a_page_without_some_shard_is_asked_for_again(partial: Any) -> None:
    asked = Asked(partial, partial, hits("a", "b"))
    assert [hit.id for hit in asked.page().hits] == ["a", "b"]
    assert asked.reader.requests == 3


def test_a_page_that_stays_partial_is_no_page() -> None:
    with pytest.raises(CollectionBusyError):
        Asked(hits("a", _shards=failed("rejected_execution_exception"))).page()


@pytest.mark.parametrize(
    "gone",
    [
        hits("a", _shards=failed("search_context_missing_exception")),
        TransportError(
            404, "search_phase_execution_exception", {"error": {"type": "search_phase_execution_exception"}}
        ),
    ],
)
def test_a_point_in_time_that_is_gone_somewhere_is_gone(gone: Any) -> None:
    with pytest.raises(PointInTimeGoneError):
        Asked(gone).page()


def test_a_page_asks_by_id_with_versions_keys_and_its_slice() -> None:
    asked = Asked(hits("a"))
    page = asked.page()
    assert (page.total, page.position) == (1, None)
    body = asked.transport.asked[0][2]["body"].decode()
    for part in ('"sort": [{"_id": "asc"}]', '"version": true', '"_source": ["id"]', '"slice": {"id": 1, "max": 4}'):
        assert part in body


def test_a_full_page_says_where_the_next_one_begins() -> None:
    names = [f"{number:04d}" for number in range(IDS_AT_ONCE)]
    assert Asked(hits(*names, total=5_000)).page().position == [names[-1]]


def test_a_document_that_could_not_be_read_is_asked_for_again() -> None:
    busy = {"docs": [{"_id": "a", "error": {"type": "es_rejected_execution_exception"}}]}
    asked = Asked(busy, {"docs": [DOCUMENT, {"_id": "b", "found": False}]})
    (documents,) = asked.reader.documents(["a", "b"], asked.deadline)
    assert documents["a"] is not None
    assert documents["b"] is None
    assert asked.reader.requests == 2


def test_in_an_index_that_is_gone_nothing_is_there() -> None:
    asked = Asked({"docs": [{"_id": "a", "error": {"type": "index_not_found_exception"}}]})
    assert list(asked.reader.documents(["a"], asked.deadline)) == [{"a": None}]


def test_many_ids_go_in_several_requests_and_none_in_none() -> None:
    asked = Asked({"docs": []})
    names = [str(number) for number in range(3 * IDS_AT_ONCE)]
    pages = list(asked.reader.documents(names, asked.deadline))
    assert [name for page in pages for name in page] == names
    assert max(map(len, pages)) == IDS_AT_ONCE
    assert asked.reader.requests == len(pages)
    assert list(asked.reader.documents([], asked.deadline)) == []
    assert asked.reader.requests == len(pages)


def test_documents_over_the_bound_are_left_on_the_wire() -> None:
    """On a real connection: a refused answer is no lost one, and the next request has a connection of its own."""
    text = "x" * (LARGEST_ANSWER // 4)

    def answer(_asked: str, body: str) -> Reply:
        names = [each["_id"] for each in json.loads(body)["docs"]]
        found = [{**DOCUMENT, "_id": name, "_source": {"id": name, "text": text}} for name in names]
        return Reply(200, {"docs": found})

    with serving() as services:
        services.answer = answer
        clock = SystemClock()
        config = read_environment(environment(OPENSEARCH_HOST=services.url))
        client = connect(config, AWS4Auth("key", "secret", "eu-central-1", "aoss"), ExactJson())
        reader = IndexReader(client, "items", ("id",), Backoff(clock, random.Random(1)))
        names = [str(number) for number in range(9)]
        pages = list(reader.documents(names, Deadline.after(clock, 60.0)))
    assert [name for page in pages for name in page] == names
    assert max(map(len, pages)) < 4
    assert len(services.asked) == reader.requests == len(pages) + 1


def test_an_open_point_in_time_without_some_shard_is_asked_for_again() -> None:
    asked = Asked({"pit_id": "half", "_shards": {"failed": 1}}, {"pit_id": "whole", "_shards": {"failed": 0}})
    assert asked.reader.open_point_in_time(asked.deadline) == "whole"


WITHOUT_VERSION = {"_id": "a", "found": True, "_source": {"id": "a"}, "sort": ["a"]}


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        ({"docs": [WITHOUT_VERSION]}, lambda asked: list(asked.reader.documents(["a"], asked.deadline))),
        ({"hits": {"hits": [WITHOUT_VERSION], "total": {"value": 1}}}, lambda asked: asked.page()),
        ({"hits": {"hits": [WITHOUT_VERSION]}}, lambda asked: asked.reader.found(["a"], asked.deadline)),
    ],
)
def test_a_document_without_its_version_is_no_document_that_is_missing(
    answer: Any, ask: Callable[[Asked], object]
) -> None:
    with pytest.raises(StackError, match="left `_version` out"):
        ask(Asked(answer))


def test_a_search_by_ids_says_which_it_shows() -> None:
    asked = Asked(hits("a"))
    assert asked.reader.found(["a", "b"], asked.deadline) == {"a"}
    ((_, path, request),) = asked.transport.asked
    assert path == "/i/_search"
    assert json.loads(request["body"])["query"] == {"ids": {"values": ["a", "b"]}}
    assert json.loads(request["body"])["size"] == 2  # a search gives ten of them otherwise


PIT = {"pit_id": "p", "_shards": {"failed": 0}}
FORBIDDEN = TransportError(403, "Forbidden", {"error": {"type": "Forbidden"}})


def test_a_point_in_time_is_opened_searched_and_closed_before_it_is_needed() -> None:
    asked = Asked(PIT, hits(), {"pits": []})
    asked.reader.try_point_in_time(asked.deadline)
    assert [(method, path) for method, path, _ in asked.transport.asked] == [
        ("POST", "/i/_search/point_in_time"),
        ("POST", "/_search"),
        ("DELETE", "/_search/point_in_time"),
    ]


def test_a_search_refused_in_a_point_in_time_names_the_rule_to_add_and_leaves_none_open() -> None:
    asked = Asked(PIT, FORBIDDEN, {"pits": []})
    with pytest.raises(WalkRefusedError, match=r'"Resource": \["index/<collection>/\*"\], "Permission": \["aoss:Read'):
        asked.reader.try_point_in_time(asked.deadline)
    assert asked.transport.asked[-1][0] == "DELETE"


def test_a_point_in_time_that_cannot_be_closed_is_good_all_the_same() -> None:
    asked = Asked(PIT, hits(), FORBIDDEN)
    asked.reader.try_point_in_time(asked.deadline)
    asked = Asked(PIT, TransportError(503, "busy", {}), hits(), FORBIDDEN)
    asked.reader.try_point_in_time(asked.deadline)


def test_a_refusal_names_the_permission() -> None:
    asks: tuple[Callable[[Asked], object], ...] = (
        lambda asked: asked.page(),
        lambda asked: list(asked.reader.documents(["a"], asked.deadline)),
        lambda asked: asked.reader.open_point_in_time(asked.deadline),
        lambda asked: asked.reader.require(asked.deadline),
    )
    for ask in asks:
        with pytest.raises(StackError, match="data access policy"):
            ask(Asked(TransportError(403, "Forbidden", {"error": {"type": "Forbidden"}})))
