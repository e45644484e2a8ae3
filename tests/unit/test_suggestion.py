"""A mapping from a sample: the type of each field, its reason, and what the present mapping would refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from searchsync.documents.document import document_fields
from searchsync.documents.index import DEFAULT_MAPPING
from searchsync.documents.mapping import problem
from searchsync.documents.shape import Shape
from searchsync.documents.suggestion import DATES, KEYWORD, TEXT, UNMAPPED, Choice, Sample, Suggestion, refused_by
from searchsync.limits import (
    FIRST_TIME,
    LAST_TIME,
    LONG_LIST,
    LONGEST_CODE,
    LONGEST_FLAT,
    LONGEST_FLAT_NAME,
    LONGEST_KEYWORD,
    MANY_NAMES,
    MAPPED_DEPTH,
    MOST_PLACES,
    SOME_NAMES,
    SUGGESTED_DEPTH,
    SUGGESTED_FIELDS,
)

Value = Mapping[str, Any]
DATE = {"type": "date", "format": DATES}
POINT: Value = {"M": {"lat": {"N": "48.1"}, "lon": {"N": "11.5"}}}
PAIR: Value = {"L": [{"N": "11.5"}, {"N": "48.1"}]}
GEO = {"type": "geo_point"}
LONG, DOUBLE = {"type": "long"}, {"type": "double"}


def suggestion(*items: Mapping[str, Value], keys: tuple[str, ...] = ()) -> Suggestion:
    sample = Sample()
    for item in items:
        sample.add(document_fields("a", item) or {})
    found = sample.suggestion(keys)
    assert not problem(found.mapping)
    return found


def chosen(*values: Value, name: str = "x") -> Choice:
    found = suggestion(*({name: value} for value in values))
    return next(each for each in found.fields if each.path == (name,))


def texts(*found: str) -> list[Value]:
    return [{"S": each} for each in found]


def numbers(*found: str) -> list[Value]:
    return [{"N": each} for each in found]


@pytest.mark.parametrize(
    ("values", "mapping"),
    [
        (texts("a-1", "b-2"), KEYWORD),
        (texts("x" * LONGEST_CODE), KEYWORD),
        (texts("x" * (LONGEST_CODE + 1)), TEXT),
        (texts("two words", "a"), TEXT),
        (texts("2026-11-27", "2026-11-27T18:00:00Z", "2026-11-27T18:00:00.123456789+05:30", "2026-11-27T18"), DATE),
        (texts("2026-11-27", "soon"), KEYWORD),
        (texts("2026-11-27", ""), KEYWORD),
        (texts("2026-02-30"), KEYWORD),
        (texts("2026"), KEYWORD),
        (texts("2026-11-27T24:00"), KEYWORD),
        (texts("48.1,11.5", "-90.0, 180.0"), GEO),
        (texts("91.0,11.5"), KEYWORD),
        (numbers("1", "-5", "0", str(2**63 - 1), str(-(2**63))), LONG),
        (numbers("1", "1.5"), DOUBLE),
        (numbers(str(2**63)), DOUBLE),
        (numbers(str(2**63 + 1)), KEYWORD),
        (numbers("1.5", "0." + "1" * 20), KEYWORD),
        (numbers("1E-130"), DOUBLE),
        ([{"BOOL": True}], {"type": "boolean"}),
        ([{"B": "AAEC"}, {"BS": ["AAEC"]}], {"type": "binary"}),
        ([{"N": "1"}, {"S": "a"}, {"BOOL": True}], KEYWORD),
        ([{"BOOL": True}, {"S": "two words"}], TEXT),
        ([{"NULL": True}, {"N": "1"}, {"L": []}], LONG),
        ([{"SS": ["a", "b"]}, {"S": "c"}], KEYWORD),
        ([{"NS": ["1", "2"]}, {"L": [{"N": "3"}]}], LONG),
        ([POINT, {"L": [POINT]}], GEO),
        ([{"M": {"lat": {"N": "91"}, "lon": {"N": "0"}}}], None),
        ([{"L": [POINT, {"NULL": True}]}], None),
        ([{"M": {"a": {"N": "1"}}}], {"type": "object", "properties": {"a": LONG}}),
        ([{"M": {}}], {"type": "object"}),
        ([{"M": {"a": {"NULL": True}}}], {"type": "object"}),
        ([{"M": {"a": {"N": "1"}}}, {"S": "a"}], UNMAPPED),
        ([{"M": {"": {"N": "1"}}}], UNMAPPED),
        ([{"M": {"a..b": {"N": "1"}}}], UNMAPPED),
        ([{"L": numbers(*["0.1"] * LONG_LIST)}], UNMAPPED),
        ([{"L": numbers(*["0.1"] * (LONG_LIST - 1))}], DOUBLE),
        ([PAIR], DOUBLE),
    ],
)  # fmt: skip
def test_a_field_has_the_first_type_that_fits_all_of_its_values(values: list[Value], mapping: Any) -> None:
    found = chosen(*values).mapping
    assert found == mapping if mapping else found != GEO


@pytest.mark.parametrize("name", ["location", "geoPoint", "coordinates"])
def test_pairs_of_numbers_are_places_where_their_name_says_so(name: str) -> None:
    assert chosen(PAIR, name=name).mapping == GEO
    assert chosen(PAIR, {"N": "1"}, name=name).mapping == DOUBLE
    assert chosen({"L": numbers("11.5", "91")}, name=name).mapping == DOUBLE


@pytest.mark.parametrize(("form", "unit"), [("epoch_second", 1), ("epoch_millis", 1000)])
def test_numbers_are_times_where_name_and_values_say_so(form: str, unit: int) -> None:
    first, last = str(FIRST_TIME * unit), str(LAST_TIME * unit - 1)
    for name in ("created_at", "createdAt", "ttl", "expires", "timestamp"):
        assert chosen(*numbers(first, last), name=name).mapping == {"type": "date", "format": form}
    for name in ("amount", "format", "x"):
        assert chosen(*numbers(first, last), name=name).mapping == LONG
    for other in (str(FIRST_TIME * unit - 1), str(LAST_TIME * unit), "0"):
        assert chosen(*numbers(first, other), name="ttl").mapping == LONG


def wide(names: int, value: Value, start: int = 0) -> Value:
    return {"M": {f"k{number}": value for number in range(start, start + names)}}


def test_maps_whose_names_are_too_many_or_data_are_one_field() -> None:
    flat = {"type": "flat_object"}
    assert chosen(wide(MANY_NAMES + 1, {"S": "v"})).mapping == flat
    assert chosen(*(wide(3, {"S": "v"}, 3 * item) for item in range(SOME_NAMES))).mapping == flat
    assert chosen(wide(MANY_NAMES, {"S": "v"})).mapping != flat
    assert chosen(*(wide(SOME_NAMES, {"S": "v"}) for _ in range(9))).mapping != flat


@pytest.mark.parametrize(
    "value",
    [
        {"S": "v" * (LONGEST_FLAT + 1)},
        {"NULL": True},
        {"L": [{"L": []}]},
        {"M": {" ": {"N": "1"}}},
        {"M": {"n" * (LONGEST_FLAT_NAME + 1): {"N": "1"}}},
    ],
    ids=["long", "null", "lists", "odd", "name"],
)
def test_what_no_flat_object_takes_is_kept_and_not_searched(value: Value) -> None:
    assert chosen(wide(MANY_NAMES + 1, value)).mapping == UNMAPPED
    assert chosen(wide(MANY_NAMES + 1, {"M": {"deep": value}})).mapping == UNMAPPED


def test_a_path_that_is_deeper_than_the_engine_maps_is_kept() -> None:
    value: Value = {"N": "1"}
    for _ in range(2 * SUGGESTED_DEPTH):
        value = {"M": {"n": value}}
    deepest = max(suggestion({"x": value}).fields, key=lambda each: len(each.path))
    assert (len(deepest.path), deepest.mapping) == (SUGGESTED_DEPTH, UNMAPPED)


@pytest.mark.parametrize("value", [{"N": "1"}, {"L": []}, {"M": {"n": {"L": []}}}], ids=str)
def test_lists_in_lists_deeper_than_the_engine_reads_are_kept(value: Value) -> None:
    for _ in range(SUGGESTED_DEPTH):
        value = {"L": [value]}
    assert chosen({"L": [value]}).mapping == UNMAPPED
    through = chosen({"L": [{"M": {"x": value}}]})
    assert (through.mapping or {})["properties"]["x"] == UNMAPPED
    assert suggestion({"a.b": {"N": "1"}}, {"a": {"L": [value]}}).exclude == ("a", r"a\.b")


def test_lists_in_lists_that_the_engine_refuses_wherever_they_are_mapped_are_excluded() -> None:
    value: Value = {"N": "1"}
    for _ in range(MAPPED_DEPTH + 1):
        value = {"L": [value]}
    assert suggestion({"a": value}).exclude == ("a",)
    within = suggestion({"a": {"M": {"x": value}}})  # a map that is not mapped is not read
    assert (within.mapping["properties"]["a"], within.exclude) == (UNMAPPED, ())


def test_a_name_with_dots_is_a_path_as_the_engine_takes_it() -> None:
    found = suggestion({"a.b": {"N": "1"}}, {"a": {"M": {"c": {"N": "1"}}}})
    assert found.mapping["properties"] == {"a": {"type": "object", "properties": {"b": LONG, "c": LONG}}}
    assert found.exclude == ()


def test_what_no_mapping_takes_is_named_as_a_path_to_exclude() -> None:
    assert suggestion({"a.b": {"N": "1"}}, {"a": {"S": "x"}}).exclude == ("a", r"a\.b")
    assert suggestion({"a..b": {"N": "1"}, "n": {"N": "1"}}).exclude == (r"a\.\.b",)
    assert suggestion({"a..b": {"N": "1"}}, keys=("a..b",)).exclude == ()
    assert not Shape(exclude=suggestion({" ": {"N": "1"}, "\\.": {"N": "1"}}).exclude).problem()
    assert "a" not in suggestion({"a.b": {"N": "1"}}, {"a": {"S": "x"}}).mapping["properties"]


def test_what_the_sample_does_not_have_is_mapped_as_ever() -> None:
    found = suggestion({"x": {"N": "1"}}).mapping
    assert {name: found[name] for name in DEFAULT_MAPPING} == DEFAULT_MAPPING
    assert "searchsync_key" not in found["properties"]


def test_more_fields_than_an_index_has_leave_the_rarest_unmapped() -> None:
    many = {f"n{number}": {"S": "two words"} for number in range(SUGGESTED_FIELDS)}
    found = suggestion(many, {"often": {"N": "1"}}, {"often": {"N": "1"}}).mapping
    assert found["dynamic"] is False
    assert found["properties"]["often"] == LONG
    assert len(found["properties"]) <= SUGGESTED_FIELDS / 2
    assert suggestion({f"n{number}": {"N": "1"} for number in range(SUGGESTED_FIELDS + 1)}).mapping["dynamic"] is False


def test_a_sample_of_any_names_is_of_bounded_size() -> None:
    sample = Sample()
    for item in range(3 * MOST_PLACES // MANY_NAMES):
        sample.add({f"m{item % SUGGESTED_FIELDS}": wide(MANY_NAMES, {"N": "1"}, item * MANY_NAMES)})
    assert sample.places <= MOST_PLACES
    assert len(list(sample.root.below())) <= MOST_PLACES + SUGGESTED_FIELDS + 1


def test_each_choice_says_why() -> None:
    assert "1 of 2 are dates" in chosen(*texts("2026-11-27", "soon")).why
    assert "1 of 2 have more digits" in chosen(*numbers("1", "0." + "1" * 20)).why
    assert "N, S" in chosen({"N": "1"}, {"S": "a"}).why
    assert "nested" in chosen({"L": [{"M": {"a": {"N": "1"}}}]}).why
    assert f"up to {LONG_LIST} numbers" in chosen({"L": numbers(*["1"] * LONG_LIST)}).why


# What the present mapping refuses


@pytest.mark.parametrize(
    ("values", "field", "refused"),
    [
        ([*texts("1", "x"), *numbers("1"), {"BOOL": True}], {"type": "long"}, 2),
        ([*texts("1.5", "NaN?")], {"type": "double"}, 1),
        (texts("2026-11-27", "soon"), DATE, 1),
        (texts("2026-11-27", "soon"), {"type": "date", "format": "yyyy"}, 0),
        (texts("2026-11-27", "soon"), {"type": "date", "ignore_malformed": True}, 0),
        ([{"BOOL": True}, {"N": "1"}], {"type": "boolean"}, 1),
        ([{"M": {}}, {"S": "a"}], {"type": "keyword"}, 1),
        ([{"M": {}}, {"S": "a"}], {"properties": {}}, 1),
        ([{"M": {}}, {"S": "a"}], {"type": "flat_object"}, 1),
        ([{"M": {}}, {"S": "a"}], UNMAPPED, 0),
        ([{"S": "a"}], {"type": "geo_shape"}, 0),
    ],
)
def test_a_field_of_the_present_mapping_refuses_what_its_type_does_not_take(
    values: list[Value], field: Mapping[str, Any], refused: int
) -> None:
    choice = chosen(*values)
    found, why = refused_by(choice.place, choice.path, {"properties": {"x": field}})
    assert found == refused
    assert why or not refused


@pytest.mark.parametrize(
    ("values", "mapping", "refused"),
    [
        ([*numbers("1", "2"), *texts("x")], DEFAULT_MAPPING, 1),
        ([*numbers("1", "2"), *texts("3")], DEFAULT_MAPPING, 0),
        ([*numbers("1"), {"M": {}}, {"M": {}}], DEFAULT_MAPPING, 1),
        ([*numbers("1", "2"), *texts("x")], {"dynamic": False}, 0),
        ([*numbers("1", "2")], {"dynamic": "strict"}, 2),
    ],
)
def test_a_field_that_is_not_mapped_is_as_its_first_value(
    values: list[Value], mapping: Mapping[str, Any], refused: int
) -> None:
    choice = chosen(*values)
    assert refused_by(choice.place, choice.path, mapping)[0] == refused


def test_a_field_below_what_is_not_mapped_refuses_nothing() -> None:
    sample = Sample()
    sample.add({"m": {"M": {"x": {"S": "a"}}}})
    (choice,) = (each for each in sample.suggestion().fields if each.path == ("m", "x"))
    assert refused_by(choice.place, choice.path, {"properties": {"m": UNMAPPED}}) == (0, "")
    inner = {"properties": {"m": {"properties": {"x": LONG}}}}
    assert refused_by(choice.place, choice.path, inner)[0] == 1


def test_a_keyword_has_room_for_what_is_taken_for_a_code() -> None:
    assert KEYWORD["ignore_above"] == LONGEST_KEYWORD >= LONGEST_CODE
