"""Bulk bodies, and every row of the answer table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.protocol.bulk import Answer, Kind, Response, Write, chunk, classify_items, classify_request, lines
from searchsync.protocol.records import lowest
from tests.support.events import sequence_number
from tests.support.fakes import error

INDEX = Write("a", 4, b'{"n":1}')
DELETE = Write("a", 4, None)


def item(write: Write, **result: Any) -> dict[str, Any]:
    return {"delete" if write.source is None else "index": {"_id": write.id, **result}}


def answer(write: Write, **result: Any) -> Answer:
    found = classify_items([write], {"items": [item(write, **result)]})
    assert found is not None
    return found[0]


def test_every_write_is_versioned_externally() -> None:
    action, source = lines(INDEX).splitlines()
    assert json.loads(action) == {"index": {"_id": "a", "version": 4, "version_type": "external"}}
    assert source == b'{"n":1}'
    assert json.loads(lines(DELETE)) == {"delete": {"_id": "a", "version": 4, "version_type": "external"}}


def test_an_id_is_escaped_in_its_action_line() -> None:
    (action,) = lines(Write('a"\n\\é', 1, None)).splitlines()
    assert json.loads(action)["delete"]["_id"] == 'a"\n\\é'


def test_a_write_larger_than_a_request_stands_alone() -> None:
    writes = [Write("a", 1, b"x"), Write("b", 1, b"y" * 500), Write("c", 1, b"z")]
    found = [[write.id for write in chunk(writes[first:], 9, 300).writes] for first in range(3)]
    assert found == [["a"], ["b"], ["c"]]


def test_a_request_takes_the_first_writes_and_no_more_than_it_is_told() -> None:
    writes = [Write(str(each), 1, None) for each in range(5)]
    found = chunk(writes, 3)
    assert found.writes == writes[:3]
    assert found.body == b"".join(map(lines, writes[:3]))


@pytest.mark.parametrize(("write", "status"), [(INDEX, 200), (INDEX, 201), (DELETE, 200)])
def test_what_the_index_took_is_done(write: Write, status: int) -> None:
    assert answer(write, status=status).kind is Kind.DONE


def test_a_deletion_of_what_was_not_there_is_done() -> None:
    assert answer(DELETE, status=404, result="not_found").kind is Kind.DONE


@pytest.mark.parametrize("write", [INDEX, DELETE])
def test_an_item_that_failed_without_an_error_is_judged_by_its_status(write: Write) -> None:
    """AOSS leaves `error` out of some items: such a deletion is not done, and such a conflict no poison."""
    assert answer(write, status=404).kind is Kind.NO_INDEX
    assert answer(write, status=409) == Answer(Kind.CONFLICT, 409)
    assert answer(write, status=429).kind is Kind.BUSY
    assert answer(write, status=400).kind is Kind.POISON


def test_a_mapping_update_beside_another_one_is_busy() -> None:
    reason = "Update to the indices [items] failed due to either concurrent update or deletion of the indices"
    found = answer(INDEX, status=400, **error("resource_already_exists_exception", reason))
    assert (found.kind, found.reason) == (Kind.BUSY, reason)
    assert answer(INDEX, status=400, **error("mapper_parsing_exception", reason)).kind is Kind.POISON


def test_a_conflict_says_its_current_version() -> None:
    reason = "[a]: version conflict, current version [77] is higher or equal to the one provided [4]"
    found = answer(INDEX, status=409, **error("version_conflict_engine_exception", reason))
    assert (found.kind, found.current) == (Kind.CONFLICT, 77)


def test_another_conflict_is_no_documents_fault_and_another_wording_has_no_version() -> None:
    assert answer(INDEX, status=409, **error("something_else")).kind is Kind.BUSY
    assert answer(INDEX, status=409, **error("version_conflict_engine_exception", "?")).current is None


@pytest.mark.parametrize("status", [402, 429, 500, 502, 503, 504])
def test_a_busy_item_is_busy_whatever_its_type(status: int) -> None:
    assert answer(INDEX, status=status, **error("mapper_parsing_exception")).kind is Kind.BUSY


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_item_is_the_stacks_fault(status: int) -> None:
    assert answer(INDEX, status=status, **error("security_exception")).kind is Kind.STACK


def test_a_missing_index_is_no_missing_document() -> None:
    assert answer(DELETE, status=404, **error("index_not_found_exception")).kind is Kind.NO_INDEX
    assert answer(INDEX, status=404, **error("index_not_found_exception")).kind is Kind.NO_INDEX


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "mapper_parsing_exception"),
        (400, "illegal_argument_exception"),
        (400, "strict_dynamic_mapping_exception"),
        (422, ""),
    ],
)
def test_what_the_engine_says_of_a_document_is_poison(status: int, error_type: str) -> None:
    assert answer(INDEX, status=status, **error(error_type)).kind is Kind.POISON


@pytest.mark.parametrize("write", [INDEX, DELETE])
@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (404, "shard_not_found_exception"),
        (404, "index_shard_not_started_exception"),
        (404, "index_shard_recovering_exception"),
        (404, "index_shard_relocated_exception"),
        (404, "index_shard_closed_exception"),
        (408, ""),
        (412, "something_else"),
    ],
)
def test_what_is_said_of_a_shard_or_was_not_foreseen_is_no_documents_fault(
    write: Write, status: int, error_type: str
) -> None:
    assert answer(write, status=status, **error(error_type)).kind is Kind.BUSY


def test_a_reason_carries_its_causes() -> None:
    cause = {"type": "number_format_exception", "reason": 'For input string: "abc"'}
    body = {"error": {"type": "mapper_parsing_exception", "reason": "failed to parse", "caused_by": cause}}
    assert answer(INDEX, status=400, **body).reason == 'failed to parse: For input string: "abc"'


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        (None, "", Kind.BUSY),
        (429, "", Kind.BUSY),
        (402, "service_quota_exceeded_exception", Kind.BUSY),
        (500, "", Kind.BUSY),
        (504, "", Kind.BUSY),
        (401, "", Kind.STACK),
        (403, "Forbidden", Kind.STACK),
        (404, "index_not_found_exception", Kind.NO_INDEX),
        (404, "", Kind.STACK),
        (405, "", Kind.STACK),
        (413, "", Kind.TOO_LARGE),
        (400, "action_request_validation_exception", Kind.REFUSED),
        (400, "resource_already_exists_exception", Kind.BUSY),
        (200, "", Kind.DONE),
    ],
)
def test_a_whole_request_is_classified(status: int | None, error_type: str, kind: Kind) -> None:
    body = error(error_type) if error_type else None
    assert classify_request(Response(status, body)).kind is kind


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"items": []},
        {"items": [item(INDEX, status=200)] * 2},
        {"items": [item(DELETE, status=200)]},
        {"items": ["text"]},
        {"items": [{"index": {}}]},
    ],
)
def test_an_answer_that_does_not_fit_the_writes_is_none(body: Any) -> None:
    assert classify_items([INDEX], body) is None


def test_the_lowest_number_is_found_among_integers_not_texts() -> None:
    assert lowest([sequence_number(10), sequence_number(9)]) == sequence_number(9)
    assert lowest(["b", "a"]) == "b"
    assert lowest([]) is None
