"""Which items have a document: the pattern language, by AWS's own examples, and what is refused."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsync.config import read_environment
from searchsync.documents.condition import Condition
from searchsync.documents.shape import Rules
from searchsync.errors import ConfigurationError
from searchsync.limits import DEEPEST_CONDITION, LONGEST_CONDITION, MOST_DIGITS, NESTING
from tests.support.events import environment

# The event of event-ruler's README, and of EventBridge's user guide ("Amazon EventBridge event patterns").
EC2: dict[str, Any] = {
    "version": {"S": "0"},
    "id": {"S": "ddddd4-aaaa-7777-4444-345dd43cc333"},
    "detail-type": {"S": "EC2 Instance State-change Notification"},
    "source": {"S": "aws.ec2"},
    "time": {"S": "2017-10-02T16:24:49Z"},
    "resources": {"L": [{"S": "arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"}]},
    "detail": {
        "M": {
            "c-count": {"N": "5"},
            "d-count": {"N": "3"},
            "x-limit": {"N": "301.8"},
            "instance-id": {"S": "i-000000aaaaaa00000"},
            "state": {"S": "running"},
        }
    },
}
# "Comparison operators for use in event patterns": the table's examples, each with items that match and that do not.
TABLE: list[tuple[Any, list[Any], list[Any]]] = [
    (
        {"Location": ["New York"], "Day": ["Monday"]},
        [{"Location": "New York", "Day": "Monday"}],
        [{"Location": "New York", "Day": "Sunday"}, {"Location": "New York"}, {}],
    ),
    (
        {"state": [{"anything-but": "initializing"}]},
        [{"state": "running"}, {"state": 5}],
        [{"state": "initializing"}, {}],
    ),
    ({"Region": [{"anything-but": {"prefix": "us-"}}]}, [{"Region": "eu-1"}, {"Region": 1}], [{"Region": "us-1"}, {}]),
    ({"FileName": [{"anything-but": {"suffix": ".png"}}]}, [{"FileName": "a.jpg"}], [{"FileName": "a.png"}]),
    (
        {"state": [{"anything-but": {"equals-ignore-case": "initializing"}}]},
        [{"state": "running"}],
        [{"state": "INITIALIZING"}, {"state": "initializing"}],
    ),
    (
        {"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]},
        [{"FilePath": "/usr/bin/a"}],
        [{"FilePath": "/usr/lib/a"}, {"FilePath": "/lib/"}],
    ),
    (
        {"Region": [{"prefix": "us-"}]},
        [{"Region": "us-east-1"}, {"Region": "us-"}],
        [{"Region": "US-1"}, {"Region": 1}],
    ),
    (
        {"service": [{"prefix": {"equals-ignore-case": "eventb"}}]},
        [{"service": "EventBridge"}],
        [{"service": "bridge"}],
    ),
    ({"LastName": [""]}, [{"LastName": ""}], [{"LastName": " "}, {"LastName": None}, {}]),
    ({"Name": ["Alice"]}, [{"Name": "Alice"}], [{"Name": "alice"}]),
    ({"Name": [{"equals-ignore-case": "alice"}]}, [{"Name": "aLICE"}], [{"Name": "Alice "}, {"Name": 1}]),
    ({"FileName": [{"suffix": ".png"}]}, [{"FileName": "a.png"}], [{"FileName": "a.PNG"}, {"FileName": "png"}]),
    (
        {"service": [{"suffix": {"equals-ignore-case": "tBridge"}}]},
        [{"service": "EventBridge"}, {"service": "eventbRIDGE"}],
        [{"service": "bridge"}],
    ),
    ({"ProductName": [{"exists": True}]}, [{"ProductName": None}, {"ProductName": ""}], [{"Product": 1}, {}]),
    ({"ProductName": [{"exists": False}]}, [{}, {"Product": 1}], [{"ProductName": None}]),
    ({"Weather": [{"anything-but": ["Raining"]}]}, [{"Weather": "Sunny"}], [{"Weather": "Raining"}]),
    ({"UserID": [None]}, [{"UserID": None}], [{"UserID": ""}, {"UserID": "null"}, {"UserID": False}, {}]),
    ({"Price": [{"numeric": ["=", 100]}]}, [{"Price": 100}], [{"Price": 100.5}, {"Price": "100"}]),
    ({"Price": [{"numeric": [">", 10, "<=", 20]}]}, [{"Price": 11}, {"Price": 20}], [{"Price": 10}, {"Price": 21}]),
    ({"PaymentType": ["Credit", "Debit"]}, [{"PaymentType": "Debit"}], [{"PaymentType": "Cash"}]),
    (
        {"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]},
        [{"Location": "New York"}, {"Day": "Monday", "Location": "Bonn"}],
        [{"Day": "Sunday"}, {}],
    ),
    (
        {"FileName": [{"wildcard": "dir/*.png"}]},
        [{"FileName": "dir/a.png"}, {"FileName": "dir/.png"}, {"FileName": "dir/a/b.png"}],
        [{"FileName": "dir/png"}, {"FileName": "adir/a.png"}, {"FileName": "dir/a.png "}],
    ),
]
MORE: list[tuple[Any, list[Any], list[Any]]] = [
    # Equality is by type, and by a number's value.
    ({"a": [True]}, [{"a": True}], [{"a": 1}, {"a": "true"}, {"a": False}]),
    ({"a": [1]}, [{"a": 1}, {"a": 1.0}], [{"a": True}, {"a": "1"}]),
    ({"a": [False, None]}, [{"a": False}, {"a": None}], [{"a": 0}, {"a": ""}]),
    # "Arrays": of an array and of a set one element is enough, in arrays of arrays too.
    ({"a": ["x"]}, [{"a": ["y", "x"]}, {"a": [["x"]]}, {"a": {"x", "y"}}], [{"a": ["y"]}, {"a": []}, {"a": {"x": 1}}]),
    ({"a": [{"numeric": ["<", 2]}]}, [{"a": {1, 5}}, {"a": ["z", 1]}], [{"a": {3}}]),
    ({"a": [{"anything-but": "x"}]}, [{"a": ["x", "y"]}], [{"a": ["x"]}, {"a": []}]),
    ({"a": [{"anything-but": [1, 2]}]}, [{"a": 3}, {"a": "1"}], [{"a": 1}]),
    # README: "Exists match only works on the leaf nodes".
    ({"a": [{"exists": False}]}, [{"a": {"b": 1}}, {"a": []}], [{"a": 1}, {"a": [1]}]),
    ({"a": [{"exists": True}]}, [{"a": [[1]]}], [{"a": {"b": 1}}, {"a": []}]),
    ({"a": {"b": [{"exists": False}]}}, [{}, {"a": 1}, {"a": {"c": 1}}, {"a": []}], [{"a": {"b": 1}}]),
    ({"a": [{"exists": False}, False]}, [{}, {"a": False}], [{"a": True}]),
    # README, "JSON Array Matching": fields of one array's elements must be of one and the same element.
    (
        {"a": {"b": ["x"], "c": ["y"]}},
        [{"a": {"b": "x", "c": "y"}}, {"a": [{"b": "z"}, {"b": "x", "c": "y"}]}, {"a": [[{"b": "x", "c": "y"}]]}],
        [{"a": [{"b": "x"}, {"c": "y"}]}, {"a": "x"}],
    ),
    ({"a": {"b": ["x"], "c": [{"exists": False}]}}, [{"a": [{"b": "x"}]}], [{"a": [{"b": "x"}, {"c": 1}]}]),
    # README, "Nested Or and And".
    (
        {"s": ["c"], "$or": [{"m": ["u"]}, {"t": ["v"], "$or": [{"i": [1234]}, {"p": [1000]}]}]},
        [{"s": "c", "m": "u"}, {"s": "c", "t": "v", "p": 1000}],
        [{"m": "u"}, {"s": "c", "t": "v"}, {"s": "c", "p": 1000}],
    ),
    ({"d": {"$or": [{"a": [1]}, {"b": [2]}]}}, [{"d": {"b": 2}}], [{"b": 2}, {"d": {"a": 2, "b": 1}}]),
    # README, "Wildcard matching": escapes.
    ({"a": [{"wildcard": "a\\*b\\\\*"}]}, [{"a": "a*b\\"}, {"a": "a*b\\c"}], [{"a": "axb\\"}, {"a": "a*b"}]),
    ({"a": [{"wildcard": "*"}]}, [{"a": ""}, {"a": "x"}], [{"a": 1}]),
    ({"a": [{"wildcard": "x"}]}, [{"a": "x"}], [{"a": "xx"}]),
    ({"a": [{"wildcard": "ab*ba"}]}, [{"a": "abba"}], [{"a": "aba"}]),
    ({"a": [{"wildcard": "*b*b*"}]}, [{"a": "abb"}, {"a": "bb"}], [{"a": "ab"}]),
    ({"a": [{"equals-ignore-case": "straße"}]}, [{"a": "STRASSE"}], []),
    # Our own: what would be an IP address to EventBridge is a text.
    ({"a": ["10.0.0.1"]}, [{"a": "10.0.0.1"}], [{"a": "10.0.0.01"}]),
    # AppSync ("Versioned data sources"): what is deleted stays for a while, marked.
    ({"_deleted": [{"exists": False}, False]}, [{}, {"_deleted": False}], [{"_deleted": True}]),
]


def item(plain: dict[str, Any]) -> dict[str, Any]:
    """A plain item's attribute values."""
    return {name: attribute(value) for name, value in plain.items()}


def attribute(value: Any) -> dict[str, Any]:
    """A plain value's attribute value."""
    if value is None or isinstance(value, bool):
        return {"NULL": True} if value is None else {"BOOL": value}
    if isinstance(value, str | int | float):
        return {"S": value} if isinstance(value, str) else {"N": str(value)}
    if isinstance(value, set):
        return {"SS" if isinstance(next(iter(value)), str) else "NS": [str(each) for each in value]}
    return {"M": item(value)} if isinstance(value, dict) else {"L": [attribute(each) for each in value]}


def matches(pattern: Any, image: Any) -> bool:
    condition = Condition(json.dumps(pattern))
    assert not condition.problem()
    return condition.matches(image)


@pytest.mark.parametrize(("pattern", "matching", "others"), TABLE + MORE)
def test_a_pattern_matches_what_aws_says(pattern: Any, matching: list[Any], others: list[Any]) -> None:
    assert [each for each in matching if not matches(pattern, item(each))] == []
    assert [each for each in others if matches(pattern, item(each))] == []


@pytest.mark.parametrize(
    "pattern",
    [
        {
            "detail-type": ["EC2 Instance State-change Notification"],
            "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000"],
            "detail": {"state": ["initializing", "running"]},
        },
        {"time": [{"prefix": "2017-10-02"}]},
        {"source": [{"prefix": {"equals-ignore-case": "AWS"}}]},
        {"source": [{"suffix": "ec2"}]},
        {"source": [{"suffix": {"equals-ignore-case": "EC2"}}]},
        {"source": [{"equals-ignore-case": "AWS.EC2"}]},
        {"source": [{"wildcard": "aws*2"}]},
        {"detail": {"state": [{"anything-but": ["stopped", "overloaded"]}]}},
        {"detail": {"x-limit": [{"anything-but": [100, 200, 300]}]}},
        {"detail": {"state": [{"anything-but": {"prefix": ["init", "error"]}}]}},
        {"detail": {"instance-id": [{"anything-but": {"suffix": ["1234", "6789"]}}]}},
        {
            "detail": {
                "c-count": [{"numeric": [">", 0, "<=", 5]}],
                "d-count": [{"numeric": ["<", 10]}],
                "x-limit": [{"numeric": ["=", 3.018e2]}],
            }
        },
        {"detail": {"c-count": [{"exists": True}], "e-count": [{"exists": False}]}},
    ],
)
def test_the_examples_of_the_readme_match_its_event(pattern: Any) -> None:
    assert matches(pattern, EC2)


def test_numbers_are_compared_with_all_their_digits() -> None:
    digits = "1234567890123456789012345678901234567"
    assert Condition(f'{{"n": [{digits}8]}}').matches({"n": {"N": f"{digits}8"}})
    assert not Condition(f'{{"n": [{digits}8]}}').matches({"n": {"N": f"{digits}9"}})
    assert Condition(f'{{"n": [{{"numeric": ["<", {digits}9]}}]}}').matches({"n": {"NS": [f"{digits}8"]}})
    assert Condition('{"n": [0.1]}').matches({"n": {"N": "0.10"}})
    assert Condition('{"n": [1e2]}').matches({"n": {"N": "100"}})


def test_each_type_of_attribute_values_has_its_plain_values() -> None:
    found = {"b": {"B": "AQI="}, "bs": {"BS": ["AQI=", "Aw=="]}, "ss": {"SS": ["x"]}, "null": {"NULL": True}}
    assert matches({"b": ["AQI="], "bs": ["Aw=="], "ss": [{"prefix": "x"}], "null": [None]}, found)
    assert not matches({"a": [{"exists": True}]}, {"a": {"of no type": ""}})


def test_a_long_list_is_looked_through_once_for_what_is_not_there() -> None:
    many = {"a": {"L": [{"M": {"b": {"N": str(each)}}} for each in range(20_000)]}}
    pattern = {"a": {"b": [-1], "c": [{"exists": False}]}}
    assert not matches(pattern, many)
    assert matches({"a": {"d": [{"exists": False}], "b": [19_999]}}, many)
    assert not matches({"a": {"b": [{"exists": False}]}}, many)


@given(pattern=st.text(st.sampled_from("ab*"), max_size=6), text=st.text(st.sampled_from("ab"), max_size=8))
def test_a_wildcard_is_a_regular_expression_with_nothing_but_stars(pattern: str, text: str) -> None:
    if "**" in pattern:
        return
    expected = re.fullmatch(pattern.replace("*", ".*"), text) is not None
    assert matches({"a": [{"wildcard": pattern}]}, {"a": {"S": text}}) == expected


NAMES, SCALARS = st.sampled_from("abc"), st.sampled_from(["x", "y", 1, True, None])
ITEMS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
    ),
    max_size=3,
)
ENTRIES = SCALARS | st.sampled_from(
    [
        {"exists": True},
        {"exists": False},
        {"anything-but": "x"},
        {"anything-but": [1]},
        {"prefix": "y"},
        {"numeric": [">", 0]},
    ]
)
PATTERNS = st.recursive(
    st.dictionaries(NAMES, st.lists(ENTRIES, min_size=1, max_size=2), min_size=1, max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=4,
)
Field = tuple[tuple[str, ...], Any, dict[int, int]]


def fields(value: Any, path: tuple[str, ...], within: dict[int, int], arrays: Iterator[int]) -> Iterator[Field]:
    """An event as event-ruler flattens it (Event.java): each value with its path, and its place in each array."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields(each, (*path, name), within, arrays)
    elif isinstance(value, list):
        number = next(arrays)
        for position, each in enumerate(value):
            inner = {**within, number: position} if isinstance(each, dict | list) else within
            yield from fields(each, path, inner, arrays)
    else:
        yield path, value, within


def asked(pattern: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for name, below in pattern.items():
        yield from asked(below, (*path, name)) if isinstance(below, dict) else iter([((*path, name), below)])


def rules_for(pattern: Any, event: Any) -> bool:
    """Whether a pattern matches as event-ruler finds it: a value for each path, whose places in arrays agree."""
    found = list(fields(event, (), {}, itertools.count()))

    def choose(left: list[tuple[tuple[str, ...], list[Any]]], within: dict[int, int]) -> bool:
        if not left:
            return True
        (path, entries), *rest = left
        if {"exists": False} in entries and all(each[0] != path for each in found) and choose(rest, within):
            return True
        for at, value, place in found:
            fits = all(within.get(number, position) == position for number, position in place.items())
            if at == path and fits and any(is_entry(each, value) for each in entries) and choose(rest, within | place):
                return True
        return False

    return choose(list(asked(pattern, ())), {})


def is_entry(entry: Any, value: Any) -> bool:
    if not isinstance(entry, dict):
        return type(entry) is type(value) and entry == value
    ((operator, operand),) = entry.items()
    if operator == "exists":
        return bool(operand)
    if operator == "anything-but":
        return not any(is_entry(each, value) for each in (operand if isinstance(operand, list) else [operand]))
    if operator == "prefix":
        return isinstance(value, str) and value.startswith(operand)
    return type(value) is int and value > 0


@settings(max_examples=200)
@given(pattern=PATTERNS, event=ITEMS)
def test_a_pattern_matches_what_event_ruler_would_match(pattern: Any, event: Any) -> None:
    assert matches(pattern, item(event)) == rules_for(pattern, event)


def deep(levels: int) -> Any:
    pattern: Any = {"a": ["x"]}
    for _ in range(levels - 1):
        pattern = {"a": pattern}
    return pattern


def test_a_pattern_may_be_as_deep_as_an_item() -> None:
    value: Any = {"S": "x"}
    for _ in range(NESTING):
        value = {"M": {"a": value}}
    assert matches(deep(DEEPEST_CONDITION), {"a": value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ('{"a": [NaN]}', "NaN, which is no number"),
        ("[]", "it is to be an object with names"),
        ("{}", "it is to be an object with names"),
        ('{"a": {}}', "its 'a' is to be an object with names"),
        ('{"a": []}', "its 'a' is to be a list with values or operators"),
        ('{"a": "x"}', "its 'a' is to be a list with values or operators"),
        ('{"a": {"b": 1}}', "its 'a.b' is to be a list"),
        ('{"a": [["x"]]}', "its 'a': give its values as one list"),
        ('{"a": [{}]}', "its 'a': give each object one operator"),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', "its 'a': give each object one operator"),
        ('{"a": [{"contains": "x"}]}', "its 'a': 'contains' is no operator, use prefix, suffix,"),
        ('{"a": [{"cidr": "10.0.0.0/8"}]}', "'cidr' is no operator"),
        ('{"a": [{"prefix": 1}]}', "its 'a': `prefix` takes a text"),
        ('{"a": [{"prefix": {"suffix": "x"}}]}', "`prefix` takes a text"),
        ('{"a": [{"suffix": {"equals-ignore-case": 1}}]}', "`suffix` takes a text"),
        ('{"a": [{"equals-ignore-case": null}]}', "`equals-ignore-case` takes a text"),
        ('{"a": [{"wildcard": "a**b"}]}', "two stars side by side"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "a backslash before something else"),
        ('{"a": [{"wildcard": "a\\\\"}]}', "a backslash before something else"),
        ('{"a": [{"exists": "true"}]}', "`exists` takes true or false"),
        ('{"a": [{"exists": 1}]}', "`exists` takes true or false"),
        ('{"a": [{"exists": 0}]}', "`exists` takes true or false"),
        ('{"a": [{"numeric": 5}]}', "`numeric` takes a list like"),
        ('{"a": [{"numeric": [">", 1, "<"]}]}', "`numeric` takes a list like"),
        ('{"a": [{"numeric": ["~", 5]}]}', "`numeric` takes =, <, <=, >, >=, each with a number behind it"),
        ('{"a": [{"numeric": [">", "5"]}]}', "each with a number behind it"),
        ('{"a": [{"numeric": [">", true]}]}', "each with a number behind it"),
        ('{"a": [{"numeric": ["<", 5, ">", 1]}]}', "the lower bound first"),
        ('{"a": [{"numeric": ["=", 5, "<", 9]}]}', "the lower bound first"),
        ('{"a": [{"numeric": [">", 5, "<", 1]}]}', "`numeric` matches no number: > 5 and < 1"),
        ('{"a": [{"numeric": [">", 5, "<=", 5]}]}', "`numeric` matches no number"),
        ('{"a": [{"anything-but": []}]}', "`anything-but` takes a text or a number, or a list"),
        ('{"a": [{"anything-but": ["x", 1]}]}', "a list of texts or of numbers"),
        ('{"a": [{"anything-but": true}]}', "a list of texts or of numbers"),
        ('{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', "`anything-but` takes one of prefix, suffix,"),
        ('{"a": [{"anything-but": {"prefix": []}}]}', "`anything-but` takes `prefix` with a text"),
        ('{"a": [{"anything-but": {"prefix": [1]}}]}', "`anything-but` takes `prefix` with a text"),
        ('{"a": [{"anything-but": {"suffix": ""}}]}', "no empty `suffix`"),
        ('{"$or": {"a": ["x"]}}', "its '$or' is to be a list of two or more patterns"),
        ('{"$or": [{"a": ["x"]}]}', "its '$or' is to be a list of two or more patterns"),
        ('{"$or": [{"a": ["x"]}, "b"]}', "it is to be an object with names"),
        ('{"a": ["x"], "a": ["y"]}', "a name twice in one object"),
        ('{"a": [1e126]}', "no item has 1E+126"),
        (f'{{"a": [{{"numeric": ["<", {"1" * (MOST_DIGITS + 1)}]}}]}}', f"up to {MOST_DIGITS} digits"),
        (json.dumps(deep(DEEPEST_CONDITION + 1)), f"over {DEEPEST_CONDITION} levels"),
        ('{"a":' * 600 + "1" + "}" * 600, f"over {DEEPEST_CONDITION} levels"),
        ("[" * 4_000, "levels of objects"),
        (json.dumps({"a": ["x" * LONGEST_CONDITION]}), f"shorten it to {LONGEST_CONDITION}"),
        ('{"id": [{"exists": false}]}', "matches no item: each has its key attribute 'id'"),
        ('{"id": {"x": ["y"]}}', "members of the key attribute 'id', which is no map"),
    ],
)
def test_what_is_no_condition_or_matches_nothing_is_refused_at_the_start(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": text})))
    assert "DOCUMENT_SHAPE is" in str(caught.value)
    assert "`when`" in str(caught.value)
    assert said in str(caught.value)


def test_a_condition_that_is_no_text_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="give `when` as the JSON text of a pattern"):
        read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": {"a": ["x"]}})))


def test_a_condition_of_keys_alone_is_known_for_what_it_is() -> None:
    def filtered(pattern: Any, keys: Any) -> bool:
        return Rules(condition=Condition(json.dumps(pattern))).filters(keys)

    product = {"PK": {"S": "PRODUCT#1"}, "SK": {"S": "META"}}
    other = {"PK": {"S": "ORDER#1"}, "SK": {"S": "META"}}
    of_keys = {"PK": [{"prefix": "PRODUCT#"}], "$or": [{"SK": ["META"]}, {"SK": ["TEXT"]}]}
    assert (filtered(of_keys, product), filtered(of_keys, other)) == (False, True)
    assert not filtered({"PK": [{"prefix": "PRODUCT#"}], "status": ["open"]}, other)
    assert not filtered({"$or": [{"PK": ["x"]}, {"status": ["open"]}]}, other)
    assert not Rules().filters(other)
