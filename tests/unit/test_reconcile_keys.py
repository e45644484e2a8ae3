"""From a document back to the key of its item."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.documents.document import document_id, document_text
from searchsync.documents.key_values import EXACT, LARGEST, PLAIN, SMALLEST, possible_number
from searchsync.documents.values import exact
from searchsync.limits import MOST_DIGITS
from searchsync.reconcile.keys import key_of, split_id

ONE = {"id": "S"}


def canonical(number: Decimal) -> str:
    """A number as DynamoDB gives it: plain digits, no zeros around them."""
    shortest = number.normalize()
    return format(shortest, "f") if shortest else "0"


NUMBERS = st.builds(
    lambda digits, sign, exponent: canonical(Decimal((sign, tuple(map(int, str(digits))), exponent))),
    st.integers(0, 10**28 - 1),
    st.integers(0, 1),
    st.integers(-120, 90),
)
VALUES = {
    "S": st.text(st.characters(codec="utf-8"), min_size=1, max_size=300).filter(
        lambda text: 0 < len(text.encode()) <= 1024
    )
    | st.sampled_from(["sha256:" + "0" * 64, "sha256:", "|", "\\", "a|b", "x" * 1024, "1", "true"]),
    "N": NUMBERS,
    "B": st.binary(min_size=1, max_size=600).map(lambda data: base64.b64encode(data).decode()),
}
KEYS = (
    st.lists(st.sampled_from("SNB"), min_size=1, max_size=2)
    .flatmap(lambda kinds: st.tuples(*(st.tuples(st.just(kind), VALUES[kind]) for kind in kinds)))
    .map(lambda values: {f"k{number}": {kind: text} for number, (kind, text) in enumerate(values)})
)


def types_of(keys: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: next(iter(value)) for name, value in keys.items()}


@given(KEYS)
def test_a_documents_source_leads_back_to_its_key(keys: dict[str, dict[str, str]]) -> None:
    name = document_id(keys, tuple(keys))
    assert key_of(name, exact(document_text(keys)), types_of(keys)) == keys


@given(KEYS, st.sampled_from([None, {}, {"k0": None}, {"k0": Decimal(7)}, "text"]))
def test_where_the_source_is_spoilt_the_id_says_the_key_unless_it_is_a_digest(keys: Any, source: Any) -> None:
    name = document_id(keys, tuple(keys))
    assert key_of(name, source, types_of(keys)) == (None if name.startswith("sha256:") else keys)


@pytest.mark.parametrize("length", [512, 513, 2048])
def test_long_keys_are_found_by_their_source(length: int) -> None:
    keys = {"id": {"S": "x" * length}}
    assert key_of(document_id(keys, ("id",)), {"id": "x" * length}, ONE) == keys


@pytest.mark.parametrize(
    ("name", "source", "types"),
    [
        ("sha256:" + "0" * 64, {"id": "a"}, ONE),
        ("sha256:" + "0" * 64, None, ONE),
        ("", {"id": ""}, ONE),
        ("\ud800", None, ONE),
        ("a", {}, {"id": "N"}),
        ("1.0", None, {"id": "N"}),
        ("01", {"id": Decimal(1)}, {"id": "N"}),
        ("+1", None, {"id": "N"}),
        ("1_000", None, {"id": "N"}),
        (" 1", None, {"id": "N"}),
        ("-0", None, {"id": "N"}),
        (".5", None, {"id": "N"}),
        ("1E+2", None, {"id": "N"}),
        ("NaN", None, {"id": "N"}),
        ("Infinity", None, {"id": "N"}),
        ("١", None, {"id": "N"}),
        ("1" * 39, None, {"id": "N"}),
        ("1" + "0" * 126, None, {"id": "N"}),
        ("0." + "0" * 130 + "1", None, {"id": "N"}),
        ("x", {"id": Decimal("1E+999999999")}, {"id": "N"}),
        ("YR==", None, {"id": "B"}),
        ("Y Q==", None, {"id": "B"}),
        ("é", None, {"id": "B"}),
        ("", None, {"id": "B"}),
        ("a", None, {"a": "S", "b": "S"}),
        ("a|b|c", None, {"a": "S", "b": "S"}),
        ("a\\b|c", None, {"a": "S", "b": "S"}),
        ("a|b\\", None, {"a": "S", "b": "S"}),
        ("a|", None, {"a": "S", "b": "S"}),
        ("a|b", None, {"a": "S", "b": "N"}),
    ],
)
def test_a_document_that_no_item_can_have_is_unmappable(name: str, source: Any, types: dict[str, str]) -> None:
    assert key_of(name, source, types) is None


def test_a_range_key_over_its_limit_belongs_to_no_item() -> None:
    types = {"a": "S", "b": "S"}
    keys = {"a": {"S": "h"}, "b": {"S": "x" * 1024}}
    assert key_of(document_id(keys, ("a", "b")), {"a": "h", "b": "x" * 1024}, types) == keys
    keys = {"a": {"S": "h"}, "b": {"S": "x" * 1025}}
    assert key_of(document_id(keys, ("a", "b")), {"a": "h", "b": "x" * 1025}, types) is None


def test_a_number_with_many_zeros_may_stand_by_its_exponent() -> None:
    assert key_of("1E+100", None, {"id": "N"}) == {"id": {"N": "1E+100"}}
    assert key_of("1" + "0" * 100, None, {"id": "N"}) == {"id": {"N": "1" + "0" * 100}}


@pytest.mark.parametrize("text", ["1E+100", "1" + "0" * 100])
def test_a_number_with_many_zeros_is_found_behind_a_digest_too(text: str) -> None:
    types = {"a": "S", "b": "N"}
    keys = {"a": {"S": "x" * 600}, "b": {"N": text}}
    assert key_of(document_id(keys, ("a", "b")), exact(document_text(keys)), types) == keys


def test_the_id_counts_where_the_source_names_another_item() -> None:
    assert key_of("a", {"id": "b"}, ONE) == {"id": {"S": "a"}}


def test_a_number_as_the_engine_prints_it_is_the_items_number() -> None:
    """A page's source went through the engine's own numbers: 0.0000001 comes back as 1.0E-7."""
    types = {"a": "S", "b": "N"}
    keys = {"a": {"S": "x" * 600}, "b": {"N": "0.0000001"}}
    assert key_of(document_id(keys, ("a", "b")), exact('{"a":"%s","b":1.0E-7}' % ("x" * 600)), types) == keys


def test_escapes_are_undone() -> None:
    assert split_id(r"a\|b|c\\|d") == ["a|b", "c\\", "d"]


@given(st.from_regex(PLAIN, fullmatch=True))
def test_a_number_of_few_digits_is_possible_without_a_look_at_its_size(text: str) -> None:
    value = Decimal(text)
    assert possible_number(text)
    assert value == 0 or SMALLEST <= abs(value) < LARGEST
    assert len(value.normalize(EXACT).as_tuple().digits) <= MOST_DIGITS
