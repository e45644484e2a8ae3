"""What the engine makes of documents at both sides of our bounds, and of whatever else an item may hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from lab.engine import Engine
from searchsync.documents.document import document_text, encode
from searchsync.documents.fields import Fields
from searchsync.documents.shape import METADATA, Rules, Shape
from searchsync.limits import FIELD_COST, LONGEST_FIELD, LONGEST_NUMBER, LONGEST_PATH, MAPPED_FIELDS, MOST_MAPPED
from tests.support.prove_documents import PATIENCE, SLOW, Search, Unasked, search

ONE = {"N": "1"}
TEXT = {"S": "a"}
Image = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def looked(engine: Engine) -> Search:
    return Search(engine.url)


def wide(names: int, value: dict[str, Any], tail: str = "") -> Image:
    return {f"n{number}{tail}": value for number in range(names)}


LONG_NAMES = 90
"""Of LONGEST_FIELD characters, in one item."""


def many_long(number: int, letters: int, count: int = LONG_NAMES) -> Image:
    """An item with names that no other one has."""
    return {f"{number}-{each}-".ljust(letters, "n"): ONE for each in range(count)}


@pytest.mark.parametrize(
    "image",
    [
        {".".join(["a"] * LONGEST_PATH): ONE},
        wide(MOST_MAPPED // FIELD_COST, ONE),
        wide(MOST_MAPPED // FIELD_COST, TEXT),
        wide(950, TEXT, ".a" * 17),
        wide(39, TEXT, ".a" * (LONGEST_PATH - 1)),
    ],
    ids=["path", "numbers", "texts", "dots", "long paths"],
)
def test_what_is_just_within_the_bounds_is_answered_in_time(looked: Search, image: Image) -> None:
    document_text(image)
    assert looked.judge(image, None) == "answered 400"


def test_an_index_whose_fields_all_have_the_longest_names_still_answers(looked: Search) -> None:
    index = looked._index(None)
    sent = [many_long(number, LONGEST_FIELD) for number in range(MAPPED_FIELDS // LONG_NAMES + 1)]
    answers = [looked._send(index, document_text(image), number)[0] for number, image in enumerate(sent, 1)]
    assert answers == [201, *[200] * (len(sent) - 2), 400]
    assert looked._send(index, document_text({"n": ONE}), len(sent))[0] == 200


def test_the_engine_itself_maps_names_of_any_number_of_characters(looked: Search) -> None:
    """Else the bound has no reason any more."""
    index = looked._index(None)
    assert looked._send(index, document_text(many_long(0, 8 * LONGEST_FIELD, 1), Unasked()), 1)[0] == 201


@pytest.mark.parametrize("name", METADATA)
def test_a_name_that_the_engine_keeps_is_refused_as_it_is_and_taken_as_it_is_stored(looked: Search, name: str) -> None:
    item = {"id": TEXT, name: TEXT, f"_{name}": ONE}
    index = looked._index(None)
    assert (
        looked._send(index, document_text({"id": TEXT}), 1)[0] == 201
    )  # of an index's first one it takes _primary_term
    assert looked._send(index, document_text(item), 2)[0] == 400
    index = looked._index(None)
    assert looked._send(index, (encode("a", item) or b"").decode(), 1)[0] == 201
    stored = looked.session.get(f"{looked.url}/{index}/_source/a", timeout=PATIENCE).json()
    assert (stored[f"_{name}"], stored[f"__{name}"]) == ("a", 1)


@pytest.mark.parametrize("name", ["name", "_name", "_id_", "é ü", " a", "a\\", '"', "*", "#"])
def test_the_engine_takes_every_new_name_that_a_setting_may_give_and_finds_by_it(looked: Search, name: str) -> None:
    shape = Shape(rename=(("a", name), ("m.a", name)), constants=((f"{name}c", {"BOOL": True}),))
    assert not shape.problem()
    index = looked._index(None)
    document = encode("a", {"id": TEXT, "a": ONE, "m": {"L": [{"M": {"a": TEXT}}]}}, Rules(shape)) or b""
    assert looked._send(index, document.decode(), 1)[0] == 201
    asked = [{"term": {name: 1}}, {"term": {f"m.{name}.keyword": "a"}}, {"term": {f"{name}c": True}}]
    looked.session.post(f"{looked.url}/{index}/_refresh", timeout=PATIENCE)
    answer = looked.session.post(
        f"{looked.url}/{index}/_search", json={"query": {"bool": {"must": asked}}}, timeout=PATIENCE
    )
    assert [hit["_source"] for hit in answer.json()["hits"]["hits"]] == [json.loads(document)]


def test_an_empty_name_is_refused_by_the_engine_and_by_the_setting(looked: Search) -> None:
    assert all(Shape(rename=((path, ""),)).problem() for path in ("a", "m.a"))
    for item in ({"": ONE}, {"m": {"M": {"": ONE}}}):
        assert looked._send(looked._index(None), document_text(item), 1)[0] == 400


@pytest.mark.parametrize("name", METADATA)
def test_a_name_that_the_engine_keeps_may_be_new_below_the_top_alone(looked: Search, name: str) -> None:
    assert Shape(rename=(("a", name),)).problem()
    assert Shape(constants=((name, ONE),)).problem()
    shape = Shape(rename=(("m.a", name),))
    assert not shape.problem()
    document = encode("a", {"id": TEXT, "m": {"M": {"a": ONE}}}, Rules(shape)) or b""
    assert looked._send(looked._index(None), document.decode(), 1)[0] == 201


@pytest.mark.parametrize(
    ("image", "mapping"),
    [
        (wide(30_000, TEXT), None),
        (wide(7_000, TEXT, ".a" * 20), None),
        ({"n": {"S": "1" * 390_000}}, {"properties": {"n": {"type": "long"}}}),
    ],
    ids=["texts", "dots", "digits"],
)
def test_what_is_far_beyond_a_bound_takes_the_engine_seconds(
    looked: Search, image: Image, mapping: Mapping[str, Any] | None
) -> None:
    """Else the bound has no reason any more."""
    index = looked._index(mapping)
    status, seconds = looked._send(index, document_text(image, Unasked()), 1)
    assert (status in (None, 400), seconds > SLOW) == (True, True)


def test_what_has_a_path_far_beyond_the_bound_is_never_answered(looked: Search) -> None:
    """The thread of the engine ends with its stack, and its other threads go on."""
    index = looked._index(None)
    with pytest.raises(requests.Timeout):
        looked.session.post(
            f"{looked.url}/{index}/_doc", json={".".join(["a"] * 10 * LONGEST_PATH): 1}, timeout=PATIENCE / 4
        )
    assert looked._send(index, "{}", 1)[0] == 201


@pytest.mark.parametrize(
    "mapping",
    [
        {"dynamic": False},
        {"properties": {"m": {"type": "flat_object"}}},
        {"properties": {"m": {"type": "object", "enabled": False}}},
        {"dynamic_templates": [{"maps": {"match_mapping_type": "object", "mapping": {"enabled": False}}}]},
    ],
    ids=str,
)
def test_what_the_index_does_not_map_is_taken_however_wide_and_deep_it_is(
    looked: Search, mapping: Mapping[str, Any]
) -> None:
    for names in (wide(20_000, TEXT), {".".join(["a"] * 10 * LONGEST_PATH): ONE}):
        assert looked.judge({"m": {"M": names}}, mapping) == "taken"


def test_a_whole_number_of_the_most_digits_is_refused_in_time(looked: Search) -> None:
    mapping = {"properties": {"n": {"type": "long"}}}
    assert looked.judge({"n": {"S": "1" * LONGEST_NUMBER}}, mapping) == "answered 400"


def test_whatever_an_item_holds_is_answered_in_time_or_not_sent(engine: Engine) -> None:
    found = search(engine.url, 25, 20)
    assert not found.finding
    assert found.ended["taken"]
    assert found.ended["refused"]


@pytest.mark.parametrize(
    ("spoilt", "mapping", "finding"),
    [
        (Unasked.check, None, "after .* only|not at all"),
        (lambda _, text: Fields.__dict__["unspoilt"](Fields(), text), {"dynamic": False}, "refused, though taken"),
    ],
    ids=["nothing refused", "the mapping not asked"],
)
def test_the_search_finds_what_is_not_refused_and_what_is_for_nothing(
    looked: Search,
    monkeypatch: pytest.MonkeyPatch,
    spoilt: Callable[..., None],
    mapping: Mapping[str, Any] | None,
    finding: str,
) -> None:
    monkeypatch.setattr(Fields, "unspoilt", Fields.check, raising=False)
    monkeypatch.setattr(Fields, "check", spoilt)
    with pytest.raises(AssertionError, match=finding):
        looked.judge({"m": {"M": wide(30_000, TEXT)}}, mapping)
