"""A suggested mapping on a real engine: it takes every item of its sample, whatever these hold."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.engine import Engine
from searchsync.documents.document import document_fields, encode
from searchsync.documents.fields import Fields
from searchsync.documents.index import Mark, creation_body
from searchsync.documents.mapping import problem
from searchsync.documents.shape import Rules, Shape
from searchsync.documents.suggestion import Sample, Suggestion
from searchsync.limits import LONG_LIST, LONGEST_FLAT, MANY_NAMES, NESTING, SUGGESTED_FIELDS
from searchsync.protocol.bulk import Write, lines

Item = Mapping[str, Mapping[str, Any]]
TIMEOUT_S = 60.0


def suggested(items: Sequence[Item]) -> Suggestion:
    sample = Sample()
    for number, item in enumerate(items):
        sample.add(document_fields(str(number), item) or {})
    return sample.suggestion()


@contextmanager
def index(engine: Engine, mapping: Mapping[str, Any]) -> Iterator[str]:
    """An index as the function makes it with this mapping."""
    url = f"{engine.url}/suggestion-{uuid4().hex[:12]}"
    body = creation_body(mapping, Mark("m", 0.0, None), {"number_of_replicas": 0})
    made = requests.put(url, json=body, timeout=TIMEOUT_S)
    try:
        assert made.status_code == 200, made.text
        yield url
    finally:
        requests.delete(url, timeout=TIMEOUT_S)


def refused(url: str, items: Sequence[Item], rules: Rules) -> list[str]:
    """Why items are not taken; each is a document of its own."""
    writes = [Write(str(number), 1, encode(str(number), item, rules)) for number, item in enumerate(items)]
    body = b"".join(map(lines, writes))
    answer = requests.post(
        f"{url}/_bulk", data=body, headers={"content-type": "application/x-ndjson"}, timeout=TIMEOUT_S
    )
    return [json.dumps(each["index"]["error"])[:600] for each in answer.json()["items"] if "error" in each["index"]]


def check(engine: Engine, items: Sequence[Item]) -> Suggestion:
    """Every item is taken under the mapping that is suggested from them, with what it says must be excluded."""
    found = suggested(items)
    assert not problem(found.mapping)
    rules = Rules(Shape(exclude=found.exclude, keys=("id",)), Fields(found.mapping))
    with index(engine, found.mapping) as url:
        assert not refused(url, items, rules), json.dumps(found.mapping)
    return found


NAMES = st.sampled_from(
    [
        "n",
        "m",
        "a.b",
        "a",
        "location",
        "created_at",
        "ttl",
        "lat",
        "lon",
        "type",
        "_version",
        "é",
        " ",
        "a..b",
        ".",
        "*",
        "\0",
    ]
)
NUMBERS = st.sampled_from(
    ["0", "-1", "1.5", "1" * 38, "0." + "1" * 37, "9223372036854775807", "9223372036854775808", "-9223372036854775809",
     "1700000000", "1700000000000", "9.9999999999999999999999999999999999999E+125", "1E-130", "48.1"]
)  # fmt: skip
DATES = st.datetimes().flatmap(
    lambda at: st.sampled_from(
        [at.isoformat(), at.date().isoformat(), at.isoformat() + "Z", at.isoformat() + "+05:30",
         at.isoformat(timespec="minutes"), at.isoformat("T", "hours"), at.isoformat("T", "milliseconds") + "-17:59",
         at.isoformat(timespec="seconds") + ".123456789Z"]
    )
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        ["", "x", "two words", "true", "1", "2026", "2026-02-30", "2026-13-01", "24:00", "2026-01-01T24:00:00Z",
         "48.1,11.5", "91.0,0.5", "x" * 40_000, "😀" * 8_192, "\0", "\ufeff", "NaN", "Infinity", "0000-01-01"]
    ),
    st.text(max_size=20),
    DATES,
)  # fmt: skip
SCALARS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda digits: {"N": digits}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.sampled_from([{"NULL": True}, {"B": "AAEC"}, {"SS": ["a", "b c"]}, {"NS": ["1", "2.5"]}, {"BS": ["AAEC"]}]),
    st.sampled_from(
        [
            {"L": [{"N": "0.5"}] * LONG_LIST},
            {"L": [{"N": "11.5"}, {"N": "48.1"}]},
            {"M": {"lat": {"N": "48.1"}, "lon": {"N": "11.5"}}},
            {"M": {f"k{number}": {"S": "v"} for number in range(MANY_NAMES + 1)}},
            {"M": {f"k{number}": {"S": "v" * (LONGEST_FLAT + 1)} for number in range(MANY_NAMES + 1)}},
            {"M": {f"k{number}": {"M": {"x": {"N": "1"}, "y": {"L": [{"S": "v"}]}}} for number in range(30)}},
        ]
    ),
)
VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: {"L": found}),
        st.dictionaries(NAMES, inner, max_size=4).map(lambda found: {"M": found}),
    ),
    max_leaves=8,
)
ITEMS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=6)
ALIKE = VALUES.flatmap(lambda value: st.lists(st.just(value) | VALUES, min_size=2, max_size=6)).map(
    lambda values: [{"m": value} for value in values]
)
"""Values of one attribute, most of them alike."""
KINDS = st.one_of(
    st.lists(DATES.map(lambda text: {"S": text}), min_size=1, max_size=6),
    st.lists(NUMBERS.map(lambda digits: {"N": digits}), min_size=1, max_size=4),
    st.lists(
        st.sampled_from([{"M": {"lat": {"N": "-90"}, "lon": {"N": "180"}}}, {"NULL": True}, {"L": []}]), min_size=1
    ),
    st.lists(st.sampled_from([{"S": "48.1,11.5"}, {"S": "-90.0, 180.0"}, {"NULL": True}, {"L": []}]), min_size=1),
).flatmap(
    lambda values: st.sampled_from(["m", "location", "created_at"]).map(lambda name: [{name: each} for each in values])
)
"""Values of one type alone, by whose names a time or a place may be guessed."""


@settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(ITEMS | ALIKE | KINDS)
def test_every_item_of_a_sample_is_taken_under_the_suggested_mapping(engine: Engine, items: list[Item]) -> None:
    check(engine, [{"id": {"S": str(number)}, **item} for number, item in enumerate(items)])


def deep(levels: int, around: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(levels):
        value = {"L": [value]} if around == "L" else {"M": {"n": value}}
    return value


@pytest.mark.parametrize(
    "items",
    [
        [{"m": deep(NESTING - 1, "M", {"N": "1"})}],
        [{"m": deep(NESTING - 1, "L", {"M": {"n": {"N": "1"}}})}],
        [{f"n{number}": {"S": "two words"} for number in range(2 * SUGGESTED_FIELDS)}],
        [{f"n{number}": {"M": {name: {"S": "two words"} for name in string.ascii_letters}} for number in range(50)}],
        [{"m": {"M": {f"k{item}-{number}": {"N": "1"} for number in range(4)}}} for item in range(30)],
        [{"a.b.c": {"N": "1"}}, {"a": {"M": {f"k{number}": {"S": "x"} for number in range(MANY_NAMES + 1)}}}],
    ],
    ids=["deep maps", "deep lists", "wide", "many maps", "names that are data", "dots beside a wide map"],
)
def test_items_at_the_engines_bounds_are_taken_too(engine: Engine, items: list[Item]) -> None:
    check(engine, [{"id": {"S": str(number)}, **item} for number, item in enumerate(items)])


def test_a_date_and_a_place_are_found_by_search_and_whole_numbers_keep_their_digits(engine: Engine) -> None:
    point = {"M": {"lat": {"N": "48.1"}, "lon": {"N": "11.5"}}}
    items: list[Item] = [
        {"id": {"S": "0"}, "at": {"S": "2026-11-27T18:00:00Z"}, "place": point, "count": {"N": "9007199254740993"},
         "created_at": {"N": "1700000000"}},
    ]  # fmt: skip
    found = check(engine, items)
    with index(engine, found.mapping) as url:
        assert not refused(url, items, Rules(Shape(), Fields(found.mapping)))
        requests.post(f"{url}/_refresh", timeout=TIMEOUT_S).raise_for_status()
        for query in (
            {"range": {"at": {"gte": "2026-11-27", "lt": "2026-11-28"}}},
            {"range": {"created_at": {"gte": "1700000000", "lt": "1700000001"}}},
            {"geo_distance": {"distance": "1km", "place": {"lat": 48.1, "lon": 11.5}}},
            {"term": {"count": 9007199254740993}},
        ):
            answer = requests.post(f"{url}/_search", json={"query": query}, timeout=TIMEOUT_S).json()
            assert answer["hits"]["total"]["value"] == 1, query
