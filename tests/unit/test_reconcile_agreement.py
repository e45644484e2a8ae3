"""When an item and its document agree, and what two looks say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.documents.document import document_text
from searchsync.reconcile.agreement import Document, Kind, Look, Verdict, differing, exact, judge, look, same

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda number: {"N": format(number, "f")})
SCALARS = (
    st.text(max_size=5).map(lambda text: {"S": text})
    | NUMBERS
    | st.booleans().map(lambda value: {"BOOL": value})
    | st.just({"NULL": True})
    | st.binary(max_size=5).map(lambda data: {"B": data.hex()})
    | st.lists(st.text(max_size=3), min_size=1, unique=True).map(lambda texts: {"SS": texts})
    | st.lists(st.integers(), min_size=1, unique=True).map(lambda numbers: {"NS": list(map(str, numbers))})
)
ATTRIBUTES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: {"L": each})
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(lambda each: {"M": each})
    ),
    max_leaves=8,
)
IMAGES = st.dictionaries(st.text(max_size=3), ATTRIBUTES, max_size=4)


def document(text: str, version: int = 2) -> Document:
    return Document(version, exact(text))


@given(IMAGES)
def test_an_item_agrees_with_what_the_converter_makes_of_it(image: dict[str, Any]) -> None:
    assert look(image, document(document_text(image))) == Look(2, None)


@given(IMAGES, IMAGES)
def test_items_agree_with_each_others_documents_only_where_those_are_the_same(one: Any, other: Any) -> None:
    """Sets are taken in order here, where the document has an array; those are in a test of their own."""
    agree = look(one, document(document_text(other))).kind is None
    if exact(document_text(one)) == exact(document_text(other)) and "true" not in document_text(one):
        assert agree
    elif agree:  # then only the order inside sets, or the kind of an array, is another
        assert sorted(document_text(one)) == sorted(document_text(other)) or "[" in document_text(one)


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ({"N": "9007199254740993"}, "9007199254740993"),
        ({"N": "0.1"}, "0.10"),
        ({"N": "100"}, "1E+2"),
        ({"N": "12345678901234567890123456789012345678"}, "12345678901234567890123456789012345678"),
        ({"SS": ["a", "b"]}, '["b","a"]'),
        ({"NS": ["1", "20"]}, "[20,1.0]"),
        ({"BS": ["YQ==", "Yg=="]}, '["Yg==","YQ=="]'),
        ({"M": {"deep": {"SS": ["a", "b"]}}}, '{"deep":["b","a"]}'),
        ({"L": []}, "[]"),
        ({"NULL": True}, "null"),
    ],
)
def test_the_same_value_in_another_form_agrees(attribute: dict[str, Any], text: str) -> None:
    assert same(attribute, exact(text))


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ({"N": "9007199254740993"}, "9007199254740992"),
        ({"N": "9007199254740993"}, "9007199254740993.0000001"),
        ({"N": "1"}, "true"),
        ({"BOOL": True}, "1"),
        ({"BOOL": False}, "null"),
        ({"N": "1"}, '"1"'),
        ({"S": "1"}, "1"),
        ({"S": "a"}, "null"),
        ({"NULL": True}, "false"),
        ({"L": [{"S": "a"}, {"S": "b"}]}, '["b","a"]'),
        ({"L": [{"S": "a"}]}, '["a","a"]'),
        ({"SS": ["a", "b"]}, '["a","a"]'),
        ({"SS": ["a", "b"]}, '["a","b","b"]'),
        ({"SS": ["1"]}, "[1]"),
        ({"NS": ["1"]}, "[true]"),
        ({"NS": ["1"]}, '["1"]'),
        ({"SS": ["a"]}, '"a"'),
        ({"M": {"a": {"S": "x"}}}, '{"a":"x","b":null}'),
        ({"M": {}}, "[]"),
        ({"X": "what no table has"}, '"what no table has"'),
    ],
)
def test_another_value_differs(attribute: dict[str, Any], text: str) -> None:
    assert not same(attribute, exact(text))


def test_the_attributes_that_differ_are_named() -> None:
    image: dict[str, Any] = {"a": {"S": "1"}, "b": {"S": "2"}, "c": {"S": "3"}, "e": {"M": {"x": {"N": "1"}}}}
    assert differing(image, exact('{"a":"1","b":"x","d":"4","e":{"x":2}}')) == ("b", "c", "d", "e")


@pytest.mark.parametrize("source", [None, [], "text", 1])
def test_a_document_that_is_no_object_differs_in_everything(source: Any) -> None:
    assert look({"a": {"S": "1"}}, Document(4, source)) == Look(4, Kind.DIFFERENT, ("a",))


def test_an_item_alone_is_missing_a_document_alone_is_extra_neither_agrees() -> None:
    assert look({"a": {"S": "1"}}, None) == Look(None, Kind.MISSING)
    assert look(None, document("{}")) == Look(2, Kind.ORPHAN)
    assert look(None, None) == Look(None, None)


def test_exact_keeps_every_digit_and_refuses_what_is_no_json() -> None:
    text = '{"n":0.30000000000000004440892098500626,"m":[1E+400]}'
    assert json.dumps(exact(text), default=str) == '{"n": "0.30000000000000004440892098500626", "m": ["1E+400"]}'
    with pytest.raises(ValueError, match="Expecting"):
        exact("{")


DIFFERENT, MISSING, EXTRA, GOOD = Kind.DIFFERENT, Kind.MISSING, Kind.ORPHAN, None


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (Look(2, DIFFERENT), Look(4, GOOD), Verdict.AGREES),
        (Look(2, DIFFERENT), Look(2, GOOD), Verdict.AGREES),
        (Look(None, MISSING), Look(None, GOOD), Verdict.AGREES),
        (Look(2, DIFFERENT), Look(2, DIFFERENT), Verdict.DIFFERS),
        (Look(2, EXTRA), Look(2, EXTRA), Verdict.DIFFERS),
        (Look(2, EXTRA), Look(2, DIFFERENT), Verdict.DIFFERS),
        (Look(2, DIFFERENT), Look(4, DIFFERENT), Verdict.MOVING),
        (Look(4, DIFFERENT), Look(2, DIFFERENT), Verdict.MOVING),
        (Look(2, EXTRA), Look(None, MISSING), Verdict.MOVING),
        (Look(None, MISSING), Look(2, DIFFERENT), Verdict.MOVING),
        (Look(None, MISSING), Look(2, EXTRA), Verdict.MOVING),
        (Look(None, MISSING), Look(None, MISSING), Verdict.MISSING),
        (Look(0, DIFFERENT), Look(None, MISSING), Verdict.MOVING),
    ],
)
def test_the_verdict_of_two_looks(before: Look, now: Look, verdict: Verdict) -> None:
    assert judge(before, now) is verdict
