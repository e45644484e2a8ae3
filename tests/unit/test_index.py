"""The guard: what its answer says of a collection, and that nothing of the others' answers is lost with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.documents.document import KEY_FIELD
from searchsync.documents.index import (
    DEFAULT_MAPPING,
    GUARD,
    Mark,
    Owner,
    adoption_body,
    creation_body,
    has_key,
    holder,
    mark_in,
    refusal,
    take_guard,
    unfit,
)
from tests.support.events import OWNER
from tests.support.fakes import BUSY, GUARDED, POISONED, error

MISSING = {"status": 404, **error("document_missing_exception")}
TAKEN = {"status": 201}


@pytest.mark.parametrize(
    ("first", "guard", "heeded"),
    [
        (TAKEN, GUARDED, True),
        (POISONED, GUARDED, True),
        (TAKEN, MISSING, False),
        (TAKEN, {"status": 404}, False),
        (GUARDED, GUARDED, None),
        (TAKEN, BUSY, None),
        (TAKEN, POISONED, None),
    ],
)
def test_the_guards_answer_says_whether_a_write_makes_an_index(
    first: dict[str, Any], guard: dict[str, Any], heeded: bool | None
) -> None:
    body = {"errors": True, "items": [{"index": first}, {"delete": TAKEN}, {"update": guard}]}
    assert take_guard(body) is heeded
    assert body["items"] == [{"index": first}, {"delete": TAKEN}]


@pytest.mark.parametrize("body", [None, "", {}, {"items": None}, {"items": []}, {"items": [{"index": TAKEN}]}])
def test_an_answer_without_the_guards_says_nothing_and_is_left_as_it_is(body: Any) -> None:
    before = json.dumps(body)
    assert take_guard(body) is None
    assert json.dumps(body) == before


def test_the_guard_is_an_update_of_two_lines_that_asks_for_an_alias() -> None:
    head, source, rest = GUARD.split(b"\n")
    assert (json.loads(head)["update"]["require_alias"], json.loads(source), rest) == (True, {"doc": {}}, b"")


@pytest.mark.parametrize(
    "mapping",
    [None, {}, {"dynamic": "strict", "properties": {"id": {"type": "keyword"}}}, {"dynamic": False, "_meta": {"x": 1}}],
)
def test_an_index_is_made_with_the_keys_field_whatever_the_users_mapping(mapping: Any) -> None:
    before = json.dumps(mapping)
    made = creation_body(mapping, Mark("m", 1.0, OWNER))["mappings"]
    assert made["properties"][KEY_FIELD] == {"type": "long"}
    assert made["properties"].keys() - {KEY_FIELD} == (mapping or {}).get("properties", {}).keys()
    assert has_key({"i": {"mappings": made}})
    assert json.dumps(mapping) == before
    assert "properties" not in DEFAULT_MAPPING


@pytest.mark.parametrize("mappings", [{}, {"properties": {}}, {"properties": {KEY_FIELD: {"type": "double"}}}])
def test_an_index_without_the_keys_field_is_known(mappings: Any) -> None:
    assert not has_key({"i": {"mappings": mappings}})
    assert not has_key(None)


OTHER = Owner("billing", OWNER.table)
OLDER = Mark("m", 1.0, None)


@pytest.mark.parametrize("owner", [OWNER, OTHER, None])
def test_a_mark_says_whose_the_index_is_and_is_read_as_it_was_written(owner: Owner | None) -> None:
    mark = Mark("m", 1.0, owner)
    assert mark_in({"i": creation_body(None, mark)}) == mark
    assert holder(mark) == (str(owner) if owner else "nobody")


@pytest.mark.parametrize("strange", [{"stack": "a b"}, {"table": "\x1b[31m"}, {"stack": None}, {"table": "x" * 5_000}])
def test_an_owner_that_no_stack_writes_is_nobody(strange: dict[str, Any]) -> None:
    found = mark_in({"i": {"mappings": {"_meta": {"searchsync": {**Mark("m", 1.0, OWNER).as_member(), **strange}}}}})
    assert holder(found) == "nobody"


def test_the_refusal_names_both_owners_and_how_the_index_is_handed_over() -> None:
    said = refusal("orders", Mark("m", 1.0, OTHER), OWNER)
    for each in (OTHER.stack, OTHER.table, OWNER.stack, OWNER.table, f'index.adopt = "{OTHER}"'):
        assert each in said
    for mark in (None, OLDER):
        assert 'index.adopt = "nobody"' in refusal("orders", mark, OWNER)


def test_an_index_that_is_taken_over_keeps_the_rest_of_its_meta_and_gets_the_keys_field() -> None:
    described = {"i": {"mappings": {"_meta": {"team": "shop", "searchsync": OLDER.as_member()}, "properties": {}}}}
    assert unfit(described) == ""
    assert adoption_body(described, Mark("n", 1.0, OWNER)) == {
        "properties": {KEY_FIELD: {"type": "long"}},
        "_meta": {"team": "shop", "searchsync": Mark("n", 1.0, OWNER).as_member()},
    }


def test_an_index_with_another_field_of_the_keys_name_is_not_taken_over() -> None:
    assert KEY_FIELD in unfit({"i": {"mappings": {"properties": {KEY_FIELD: {"type": "text"}}}}})
