"""What the engine does not answer in time is known before it is sent, and nothing else is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from searchsync.config import read_environment
from searchsync.documents.document import document_text
from searchsync.documents.fields import WHOLE_NUMBERS, Fields
from searchsync.errors import ConversionError
from searchsync.limits import (
    FIELD_COST,
    LONGEST_FIELD,
    LONGEST_KEPT,
    LONGEST_NUMBER,
    LONGEST_PATH,
    MANY_DOTS,
    MAPPED_DEPTH,
    MOST_MAPPED,
    NESTING,
)
from tests.support.events import environment

Image = dict[str, dict[str, Any]]
Mapped = Mapping[str, Any] | None
ONE = {"N": "1"}
MOST_FIELDS = MOST_MAPPED // FIELD_COST


def dotted(names: int) -> str:
    """A name that is a path of so many names."""
    return ".".join(["a"] * names)


def nested(levels: int, name: str, value: dict[str, Any]) -> Image:
    """Maps in each other, all of one name; the innermost one's member is `value`."""
    for _ in range(levels):
        value = {"M": {name: value}}
    return {name: value}


def wide(names: int, tail: str = "") -> Image:
    return {f"n{number}{tail}": ONE for number in range(names)}


LONGEST = [
    {dotted(LONGEST_PATH): ONE},
    {"m": {"M": {dotted(LONGEST_PATH - 1): ONE}}},
    {"l": {"L": [ONE, {"L": [{"M": {dotted(LONGEST_PATH - 1): ONE}}]}]}},
    {dotted(LONGEST_PATH - 100): {"M": {dotted(100): {"SS": ["x"]}}}},
]


@pytest.mark.parametrize("image", LONGEST)
def test_a_path_of_more_names_than_the_engine_survives_is_refused(image: Image) -> None:
    assert json.loads(document_text(image))
    for _ in range(2):
        with pytest.raises(ConversionError, match=f"over {LONGEST_PATH} names"):
            document_text({"m": {"M": image}})


LONG = "n" * LONGEST_FIELD


@pytest.mark.parametrize(
    ("image", "longer"),
    [
        ({LONG: ONE}, {f"{LONG}n": ONE}),
        ({"m": {"M": {LONG[:-2]: ONE}}}, {"m": {"M": {LONG[:-1]: ONE}}}),
        ({"l": {"L": [{"M": {LONG[:-2]: ONE}}]}}, {"l": {"L": [{"M": {LONG[:-1]: ONE}}]}}),
        ({f"m.{LONG[:-2]}": ONE}, {f"m.{LONG[:-1]}": ONE}),
    ],
    ids=["attribute", "member of a map", "of a map in a list", "behind a dot"],
)
def test_a_path_of_very_many_characters_is_refused(image: Image, longer: Image) -> None:
    assert json.loads(document_text(image))
    for _ in range(2):
        with pytest.raises(ConversionError, match=f"over {LONGEST_FIELD} characters"):
            document_text(longer)
    assert document_text(longer, Fields({"dynamic": False}))
    assert document_text({"m": {"M": longer}}, Fields({"properties": {"m": {"type": "flat_object"}}}))


def test_names_of_few_characters_make_no_path_that_is_too_long() -> None:
    Fields().check(document_text(nested(NESTING, "n" * LONGEST_KEPT, ONE)))
    longer = "n" * (LONGEST_FIELD // (NESTING + 1) + 1)
    with pytest.raises(ConversionError, match="characters"):
        document_text(nested(NESTING, longer, ONE))


def test_names_of_few_dots_make_no_path_that_is_too_long() -> None:
    assert (MANY_DOTS + 1) * (NESTING + 1) <= LONGEST_PATH
    Fields().check(document_text(nested(NESTING, dotted(MANY_DOTS + 1), ONE)))
    with pytest.raises(ConversionError):
        document_text(nested(NESTING, dotted(MANY_DOTS + 2), ONE))


@pytest.mark.parametrize(
    ("image", "more"),
    [
        (wide(MOST_FIELDS), wide(MOST_FIELDS + 1)),
        (wide(1_000, tail=".a" * 16), wide(1_000, tail=".a" * 17)),
        ({"m": {"M": wide(MOST_FIELDS - 1)}}, {"m": {"M": wide(MOST_FIELDS)}}),
        (
            {"l": {"L": [{"M": {name: value}} for name, value in wide(MOST_FIELDS - 1).items()]}},
            {"l": {"L": [{"M": {name: value}} for name, value in wide(MOST_FIELDS).items()]}},
        ),
    ],
)
def test_more_names_than_the_engine_maps_in_a_useful_time_are_refused(image: Image, more: Image) -> None:
    assert json.loads(document_text(image))
    with pytest.raises(ConversionError, match=f"over {MOST_FIELDS} fields"):
        document_text(more)


def test_a_path_that_is_never_mapped_costs_in_each_element_of_a_list() -> None:
    mapped, deeper = dotted(MAPPED_DEPTH - 1), dotted(MAPPED_DEPTH)
    assert document_text({"l": {"L": [{"M": {mapped: ONE}}] * 5_000}})
    with pytest.raises(ConversionError, match="fields"):
        document_text({"l": {"L": [{"M": {deeper: ONE}}] * 5_000}})


@pytest.mark.parametrize(
    "image",
    [
        {"l": {"L": [{"M": {"a.b.c": ONE, "d": {"S": "x. y."}}}] * 10_000}},
        {"l": {"L": [{"N": "1.5"}] * 60_000}},
        {"s": {"S": '":.' * 100_000}},
        {f"n{number}": {"NULL": True} for number in range(2 * MOST_FIELDS)},
    ],
)
def test_what_makes_few_fields_is_taken_however_much_it_is(image: Image) -> None:
    assert json.loads(document_text(image))


BIG: Image = {"m": {"M": wide(2 * MOST_FIELDS, tail=f".{dotted(8)}")}}
DEEP: Image = {"m": {"M": {dotted(2 * LONGEST_PATH): ONE}}}


@pytest.mark.parametrize("image", [BIG, DEEP], ids=["wide", "deep"])
@pytest.mark.parametrize(
    "mapping",
    [
        {"dynamic": False},
        {"dynamic": "false"},
        {"dynamic": "strict"},
        {"enabled": False},
        {"properties": {"m": {"dynamic": False}}},
        {"properties": {"m": {"type": "object", "enabled": False}}},
        {"properties": {"m": {"type": "flat_object"}}},
        {"dynamic_templates": [{"maps": {"match_mapping_type": "object", "mapping": {"enabled": False}}}]},
    ],
    ids=json.dumps,
)
def test_what_the_index_does_not_map_is_not_refused(mapping: Mapped, image: Image) -> None:
    assert json.loads(document_text(image, Fields(mapping)))
    with pytest.raises(ConversionError):
        document_text(image)


@pytest.mark.parametrize(
    "mapping",
    [
        None,
        {"properties": {"id": {"type": "keyword"}}},
        {"dynamic": "strict_allow_templates"},
        {"dynamic": False, "properties": {"m": {"dynamic": True}}},
        {"properties": {"other": {"enabled": False}}},
    ],
    ids=json.dumps,
)
def test_what_the_index_maps_is_refused_whatever_else_the_mapping_says(mapping: Mapped) -> None:
    for image in (BIG, DEEP):
        with pytest.raises(ConversionError):
            document_text(image, Fields(mapping))


def test_a_property_of_a_dotted_name_is_the_one_in_the_map() -> None:
    image: Image = {"m": {"M": {"n": BIG["m"]}}}
    for mapping in ({"properties": {"m.n": {"enabled": False}}}, {"properties": {"m": {"properties": {"n": OFF}}}}):
        assert document_text(image, Fields(mapping))


OFF = {"enabled": False}


@pytest.mark.parametrize("kind", sorted(WHOLE_NUMBERS))
def test_a_text_of_very_many_digits_is_no_whole_number(kind: str) -> None:
    fields = Fields({"properties": {"m.n": {"type": kind}}})
    digits = "1" * (LONGEST_NUMBER + 1)
    for value in (
        {"S": digits},
        {"L": [ONE, {"S": f"-{digits}.0e7"}]},
        {"M": {"gte": {"S": digits}}},
        {"SS": [digits]},
    ):
        with pytest.raises(ConversionError, match=f"over {LONGEST_NUMBER} digits, and its field is a {kind}"):
            document_text({"m": {"M": {"n": value}}}, fields)
        assert document_text({"n": value}, fields)
        assert document_text({"m": {"M": {"n": value}}})
    for text in (digits[1:], "x" * 2 * LONGEST_NUMBER):
        assert document_text({"m": {"M": {"n": {"S": text}}}}, fields)


def test_the_functions_mapping_says_what_is_refused() -> None:
    chosen = read_environment(environment(INDEX_MAPPING='{"dynamic": false}'))
    assert document_text(BIG, chosen.rules.fields)
    with pytest.raises(ConversionError):
        document_text(BIG, read_environment(environment()).rules.fields)
