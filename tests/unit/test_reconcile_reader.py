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
from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD
from searchsync.documents.index import Mark, Owner, creation_body
from searchsync.edges.collection import connect
from searchsync.errors import CollectionBusyError, RunRefusedError, StackError
from searchsync.limits import IDS_AT_ONCE, KEYS, LARGEST_ANSWER, LARGEST_RESULT_WINDOW, LASTING_ERROR
from searchsync.reconcile.agreement import Document
from searchsync.reconcile.reader import ExactJson, IndexReader, KeyPage
from tests.support.events import OWNER, environment
from tests.support.fakes import FakeClock
from tests.support.reconcile_transport import Asked
from tests.support.stub_services import Reply, serving


def hits(*names: str, total: int | None = None, **more: Any) -> dict[str, Any]:
    found = [{"_id": name, "_version": 3, "fields": {KEY_FIELD: [ord(name[-1])]}} for name in names]
    return {"_shards": {"failed": 0}, "hits": {"hits": found, "total": {"value": total or len(names)}}, **more}


def failed(kind: str) -> dict[str, Any]:
    return {"failed": 1, "failures": [{"shard": 0, "reason": {"type": kind, "reason": "because"}}]}


DOCUMENT = {"_id": "a", "found": True, "_version": 4, "_source": {"id": "a"}}


@pytest.mark.parametrize(
    "partial",
    [
        hits("a", _shards=failed("rejected_execution_exception")),
        hits("a", timed_out=True),
        # Of a shard that no node has at the time the engine says no more (tests/engine/test_reconcile.py).
        hits("a", _shards={"total": 2, "successful": 1, "skipped": 0, "failed": 0}),
        TransportError(429, "busy", {}),
        TransportError(503, "busy", {}),
    ],
)
def test_a_page_without_some_shard_is_asked_for_again(partial: Any) -> None:
    asked = Asked(partial, partial, hits("a", "b"))
    assert asked.page() == KeyPage(2, [97, 98])
    assert asked.reader.requests == 3


def test_a_page_that_stays_partial_is_no_page() -> None:
    with pytest.raises(CollectionBusyError):
        Asked(hits("a", _shards=failed("rejected_execution_exception"))).page()


def test_a_page_asks_for_the_keys_of_a_range_and_for_nothing_that_is_stored() -> None:
    asked = Asked(hits("a"))
    assert asked.page() == KeyPage(1, [97])
    ((_, path, request),) = asked.transport.asked
    assert path == "/i/_search"
    assert json.loads(request["body"]) == {
        "query": {"range": {KEY_FIELD: {"gte": 100, "lt": 900}}},
        "size": LARGEST_RESULT_WINDOW,
        "sort": ["_doc"],
        "track_total_hits": True,
        "_source": False,
        "stored_fields": "_none_",
        "docvalue_fields": [KEY_FIELD],
    }


@pytest.mark.parametrize(
    ("low", "high", "query"),
    [
        (0, 9, {"range": {KEY_FIELD: {"lt": 9}}}),
        (9, KEYS, {"range": {KEY_FIELD: {"gte": 9}}}),
        (0, KEYS, {"exists": {"field": KEY_FIELD}}),
    ],
)
def test_the_first_and_the_last_range_have_no_end_for_keys_that_somebody_else_wrote(
    low: int, high: int, query: Any
) -> None:
    asked = Asked(hits("a"))
    asked.reader.keys(low, high, asked.deadline)
    assert json.loads(asked.transport.asked[0][2]["body"])["query"] == query


def test_a_total_that_is_a_lower_bound_is_no_page() -> None:
    many = hits(*["a"] * LARGEST_RESULT_WINDOW)
    many["hits"]["total"]["relation"] = "gte"
    with pytest.raises(StackError, match="does not count what a search finds"):
        Asked(many).page()


def test_documents_that_an_answer_leaves_out_are_not_missing() -> None:
    asked = Asked({"docs": [DOCUMENT]})
    with pytest.raises(CollectionBusyError, match="answered for 1 of 2"):
        list(asked.reader.documents(["a", "b"], asked.deadline))


@pytest.mark.parametrize("total", [3, LARGEST_RESULT_WINDOW + 1])
def test_a_page_that_shows_fewer_documents_than_it_has_is_no_page(total: int) -> None:
    with pytest.raises(CollectionBusyError, match=f"showed 2 of the {total}"):
        Asked(hits("a", "b", total=total)).page()


def test_documents_that_are_not_ours_are_too_many_in_the_end() -> None:
    many = hits(*["a"] * LARGEST_RESULT_WINDOW, total=LARGEST_RESULT_WINDOW + 1)
    asked = Asked(many)
    with pytest.raises(RunRefusedError, match="run a backfill"):
        asked.reader.keyless(asked.deadline)
    assert asked.page().total == LARGEST_RESULT_WINDOW + 1  # a page of keys is then asked for again, and narrower


def test_documents_with_a_routing_are_told_of_and_not_taken_for_gone() -> None:
    found = hits("a", "b")
    found["hits"]["hits"][1]["_routing"] = "x"
    asked = Asked(found)
    for ask in (asked.reader.keyless, lambda deadline: asked.reader.holding([7], deadline)):
        with pytest.raises(RunRefusedError, match="1 documents of the index i were written with a routing, 'b'"):
            ask(asked.deadline)


def test_documents_are_asked_for_by_their_keys_with_their_versions() -> None:
    asked = Asked(hits("a", "b"))
    found = asked.reader.holding(list(range(IDS_AT_ONCE + 1)), asked.deadline)
    assert [(hit.id, hit.document) for hit in found[:2]] == [("a", Document(3, None)), ("b", Document(3, None))]
    bodies = [json.loads(request["body"]) for _, _, request in asked.transport.asked]
    assert [len(body["query"]["terms"][KEY_FIELD]) for body in bodies] == [IDS_AT_ONCE, 1]
    assert all(body["version"] for body in bodies)


def test_an_error_that_lasts_is_said_long_before_a_call_ends() -> None:
    trouble = TransportError(500, "circuit_breaking_exception", {"error": {"type": "circuit_breaking_exception"}})
    clock = FakeClock()
    asked = Asked(trouble, clock=clock)
    began = clock.time
    with pytest.raises(RunRefusedError, match="500 circuit_breaking_exception for over 300 s"):
        asked.reader.keys(0, 9, Deadline.after(clock, 880.0))
    assert LASTING_ERROR <= clock.time - began < LASTING_ERROR + 60.0


def test_errors_between_other_answers_are_no_lasting_error_and_the_last_one_is_said() -> None:
    trouble = TransportError(500, "x", {"error": {"type": "circuit_breaking_exception"}})
    busy = TransportError(429, "x", {"error": {"type": "rejected_execution_exception"}})
    clock = FakeClock()
    asked = Asked(*[trouble, busy] * 400, clock=clock)
    with pytest.raises(CollectionBusyError, match=r"(429 rejected_execution|500 circuit_breaking)_exception\.$"):
        asked.reader.keys(0, 9, Deadline.after(clock, 880.0))


def test_a_shards_failure_is_named() -> None:
    with pytest.raises(CollectionBusyError, match="200 circuit_breaking_exception"):
        Asked(hits("a", _shards=failed("circuit_breaking_exception"))).page()


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
    asked = Asked(lambda request: {"docs": [{**each, "found": False} for each in json.loads(request["body"])["docs"]]})
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
        reader = IndexReader(client, "items", ("id",), Backoff(clock, random.Random(1)), OWNER)
        names = [str(number) for number in range(9)]
        pages = list(reader.documents(names, Deadline.after(clock, 60.0)))
    assert [name for page in pages for name in page] == names
    assert max(map(len, pages)) < 4
    assert len(services.asked) == reader.requests == len(pages) + 1


WITHOUT_VERSION = {"_id": "a", "found": True, "_source": {"id": "a"}, "sort": ["a"]}


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        ({"docs": [WITHOUT_VERSION]}, lambda asked: list(asked.reader.documents(["a"], asked.deadline))),
        (
            {"hits": {"hits": [WITHOUT_VERSION], "total": {"value": 1}}},
            lambda asked: asked.reader.holding([1], asked.deadline),
        ),
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


def test_a_refusal_names_the_permission() -> None:
    asks: tuple[Callable[[Asked], object], ...] = (
        lambda asked: asked.page(),
        lambda asked: list(asked.reader.documents(["a"], asked.deadline)),
        lambda asked: asked.reader.keyless(asked.deadline),
        lambda asked: asked.reader.require(asked.deadline),
    )
    for ask in asks:
        with pytest.raises(StackError, match="data access policy"):
            ask(Asked(TransportError(403, "Forbidden", {"error": {"type": "Forbidden"}})))


@pytest.mark.parametrize("owner", [Owner("billing", OWNER.table), Owner(OWNER.stack, OWNER.table + "-2"), None])
def test_the_index_of_another_stack_or_table_is_not_scanned(owner: Owner | None) -> None:
    asked = Asked({"i": creation_body(None, Mark("m", 0.0, owner))})
    with pytest.raises(RunRefusedError, match="belongs to the stack" if owner else "older version"):
        asked.reader.require(asked.deadline)


def test_an_index_without_the_keys_field_is_not_scanned() -> None:
    mapping: dict[str, Any] = {"_meta": {"searchsync": Mark("m", 0.0, OWNER).as_member()}}
    asked = Asked({"i": {"mappings": mapping}})
    with pytest.raises(RunRefusedError, match=f"no field {KEY_FIELD} .* Delete the index, and run a backfill"):
        asked.reader.require(asked.deadline)
    asked = Asked({"i": {"mappings": {**mapping, "properties": {KEY_FIELD: {"type": "long"}}}}})
    asked.reader.require(asked.deadline)


def test_a_page_whose_keys_are_left_out_is_no_page_of_an_index_without_orphans() -> None:
    left_out = hits("a", "b")
    del left_out["hits"]["hits"][1]["fields"]
    with pytest.raises(StackError, match="left `docvalue_fields` out"):
        Asked(left_out).page()
