"""What of an item is in its document: paths, and the names that the engine keeps for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchsync.config import read_environment
from searchsync.documents.condition import Condition
from searchsync.documents.document import KEY_FIELD, document_id, encode
from searchsync.documents.shape import _PLAIN, METADATA, Rules, Shape, _kept, parts_of, stored_name
from searchsync.documents.values import exact
from searchsync.errors import ConfigurationError, ConversionError
from searchsync.limits import LONGEST_FIELD, LONGEST_KEPT
from searchsync.protocol.plan import plan_batch
from searchsync.protocol.records import parse_event
from searchsync.reconcile.agreement import Document, Kind
from searchsync.reconcile.keys import key_of
from searchsync.reconcile.verify import compared
from tests.support.events import NOW, environment, event, record, version

ITEM: dict[str, Any] = {
    "id": {"S": "1"},
    "name": {"S": "lamp"},
    "price": {"N": "9.50"},
    "address": {"M": {"city": {"S": "Bonn"}, "road": {"M": {"name": {"S": "Am Hof"}, "number": {"N": "4"}}}}},
    "parts": {
        "L": [{"M": {"name": {"S": "bulb"}, "cost": {"N": "1"}}}, {"S": "a text"}, {"L": [{"M": {"cost": {"N": "2"}}}]}]
    },
    "a.b": {"S": "dotted"},
}


def document(shape: Shape, item: Any = ITEM) -> Any:
    found = json.loads(encode("1", item, Rules(shape)) or b"")
    del found[KEY_FIELD]
    return found


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (None, ["price", "address", "parts", "a\\.b"], {"id": "1", "name": "lamp"}),
        (["name"], [], {"id": "1", "name": "lamp"}),  # the key is always there
        (["address.city"], [], {"id": "1", "address": {"city": "Bonn"}}),
        (
            ["address"],
            ["address.road.number"],
            {"id": "1", "address": {"city": "Bonn", "road": {"name": "Am Hof"}}},
        ),
        (
            ["address", "address.city"],
            ["address.city"],
            {"id": "1", "address": {"road": {"name": "Am Hof", "number": 4}}},
        ),
        (["parts.name"], [], {"id": "1", "parts": [{"name": "bulb"}, [{}]]}),
        (["parts"], ["parts.cost"], {"id": "1", "parts": [{"name": "bulb"}, "a text", [{}]]}),
        (["a\\.b"], [], {"id": "1", "a.b": "dotted"}),
        (["a.b"], [], {"id": "1"}),  # a map `a`, which the item does not have
        (["name.first"], [], {"id": "1"}),  # a text has no members
        (["nothing"], [], {"id": "1"}),
    ],
)
def test_a_document_has_what_its_shape_says(include: list[str] | None, exclude: list[str], expected: Any) -> None:
    shape = Shape(None if include is None else tuple(include), tuple(exclude), ("id",))
    assert not shape.problem()
    assert document(shape) == expected


def test_an_item_is_not_changed_by_the_shape_of_its_document() -> None:
    before = json.dumps(ITEM)
    document(Shape(("address", "parts"), ("address.city", "parts.cost"), ("id",)))
    assert json.dumps(ITEM) == before


RENAMED = {
    "name": "n",
    "price": "name",
    "address.city": "town",
    "address.road": "street",
    "address.road.name": "called",
    "parts": "address",
    "parts.cost": "name",
    "a\\.b": "a",
    "nothing": "price",
}
CONSTANTS: dict[str, dict[str, Any]] = {
    "tenant": {"S": "eu"},
    "rank": {"N": "1.50"},
    "live": {"BOOL": True},
    "name": {"S": "all have it"},
}


@pytest.mark.parametrize(
    ("rename", "expected"),
    [
        ({"name": "title"}, {"title": "lamp"}),
        ({"name": "price", "price": "name"}, {"price": "lamp", "name": 9.5}),  # at once, and not one after the other
        ({"name": "price", "price": "cost"}, {"price": "lamp", "cost": 9.5}),
        ({"address.city": "town"}, {"address": {"town": "Bonn", "road": {"name": "Am Hof", "number": 4}}}),
        (
            {"address": "at", "address.road": "street", "address.road.name": "called"},
            {"at": {"city": "Bonn", "street": {"called": "Am Hof", "number": 4}}},
        ),
        ({"parts.cost": "price"}, {"parts": [{"name": "bulb", "price": 1}, "a text", [{"price": 2}]]}),
        (
            {"parts.cost": "name", "parts.name": "cost"},
            {"parts": [{"cost": "bulb", "name": 1}, "a text", [{"name": 2}]]},
        ),
        ({"a\\.b": "ab"}, {"ab": "dotted"}),
        ({"name": "_id_"}, {"_id_": "lamp"}),
        ({"address.city": "_id"}, {"address": {"_id": "Bonn", "road": {"name": "Am Hof", "number": 4}}}),
        ({"nothing": "name", "name.first": "last"}, {}),  # an item that does not have it is none the worse
    ],
)
def test_a_rename_gives_the_last_name_of_a_path_another_one_where_it_is(rename: dict[str, str], expected: Any) -> None:
    """Through maps and the maps of lists; what is not named stays as it is."""
    shape = Shape(None, (), ("id",), tuple(rename.items()))
    assert not shape.problem()
    before = json.dumps(ITEM)
    gone = {name.replace("\\.", ".") for name in rename if "." not in name.replace("\\.", "")}
    kept = {name: value for name, value in document(Shape()).items() if name not in gone}
    assert document(shape) == kept | expected
    assert json.dumps(ITEM) == before


def test_paths_are_of_the_items_own_names_and_constants_come_last() -> None:
    """What is excluded is out of the way of a rename; what is renamed, of a constant; the condition sees the item."""
    shape = Shape(
        None, ("name", "address", "parts"), ("id",), (("price", "name"), ("a\\.b", "b")), (("price", {"N": "0"}),)
    )
    assert not shape.problem()
    assert document(shape) == {"id": "1", "name": 9.5, "b": "dotted", "price": 0}
    for asked, matches in (("price", True), ("b", False)):
        rules = Rules(shape, condition=Condition(json.dumps({asked: [{"exists": True}]})))
        assert (encode("1", ITEM, rules) is not None) == matches


@pytest.mark.parametrize("name", ["_version", "__version", "_id"])
def test_a_name_that_the_engine_keeps_may_be_renamed(name: str) -> None:
    shape = Shape(rename=((name, "revision"),))
    assert document(shape, {"id": {"S": "1"}, name: {"N": "3"}}) == {"id": "1", "revision": 3}


@pytest.mark.parametrize(
    ("rename", "constants", "both"),
    [
        ({"name": "price"}, {}, ("'name' of `document.rename`", "'price'")),
        ({"address.road.name": "number"}, {}, ("'address.road.name' of `document.rename`", "'number'")),
        ({"parts.name": "cost"}, {}, ("'parts.name' of `document.rename`", "'cost'")),
        ({}, {"name": {"S": "x"}}, ("'name' of `document.constants`", "'name'")),
        ({"name": "title"}, {"price": {"N": "1"}}, ("'price' of `document.constants`", "'price'")),
    ],
)
def test_two_values_of_one_name_are_poison_that_names_both_and_never_in_step(
    rename: dict[str, str], constants: dict[str, Any], both: tuple[str, ...]
) -> None:
    """Whatever the index holds, also both ways in which one of the two would have been lost."""
    rules = Rules(Shape(None, (), ("id",), tuple(rename.items()), tuple(constants.items())))
    with pytest.raises(ConversionError) as caught:
        encode("1", ITEM, rules)
    assert all(each in str(caught.value) for each in both)
    assert "lamp" not in str(caught.value)
    whole = json.loads(encode("1", ITEM) or b"")
    for held in (whole, {**whole, "price": "lamp"}, {**whole, "name": "x"}):
        assert compared("1", ITEM, Document(1, exact(json.dumps(held))), rules).kind is Kind.DIFFERENT
    assert compared("1", ITEM, None, rules).kind is Kind.MISSING


def test_what_the_engine_bears_is_asked_of_the_names_in_the_document() -> None:
    """Neither a long name that is renamed is poison, nor are short ones that become a long path taken."""
    long = "n" * (LONGEST_FIELD + 1)
    item: Any = {"id": {"S": "1"}, long: {"M": {"a": {"N": "1"}}}}
    with pytest.raises(ConversionError, match="characters in its names"):
        encode("1", item)
    assert document(Shape(rename=((long, "short"),)), item) == {"id": "1", "short": {"a": 1}}
    with pytest.raises(ConversionError, match="characters in its names"):
        encode("1", {"id": {"S": "1"}, "short": {"S": "a"}}, Rules(Shape(rename=(("short", long),))))


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("title", "name"), ("__version", "_version"), ("v", "__id"), ("tenant", None), ("town", "town"), ("id", "id")],
)
def test_an_attribute_is_found_by_the_name_that_it_has_in_the_document(name: str, attribute: str | None) -> None:
    rename = (("name", "title"), ("__id", "v"), ("address.city", "town"))
    assert Shape(None, (), ("id",), rename, (("tenant", {"S": "eu"}),)).attribute(name) == attribute


PATHS = st.sampled_from(["name", "price", "address", "address.city", "address.road.name", "parts.cost", "a\\.b"])
RENAMES = st.sets(st.sampled_from(sorted(RENAMED.items()))).map(sorted).map(tuple)
GIVEN = st.sets(st.sampled_from(sorted(CONSTANTS))).map(lambda names: tuple((each, CONSTANTS[each]) for each in names))
SHAPES = st.builds(
    lambda include, exclude, rename, constants: Shape(
        None if include is None else tuple(sorted(include)), tuple(sorted(exclude)), ("id",), rename, constants
    ),
    st.none() | st.sets(PATHS, min_size=1),
    st.sets(PATHS, max_size=3),
    RENAMES,
    GIVEN,
).filter(lambda shape: not shape.problem())


def sent(shape: Shape) -> bytes | None:
    """What is written; None for poison."""
    try:
        return encode("1", ITEM, Rules(shape))
    except ConversionError:
        return None


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(shape=SHAPES, another=SHAPES)
def test_what_is_written_and_what_is_compared_have_one_rule(shape: Shape, another: Shape) -> None:
    """F61: whatever the shape, a document agrees with its item; with another shape only where it looks the same; and
    nothing agrees with an item that is poison."""
    written, otherwise = sent(shape), sent(another)
    there = Document(1, exact(written or otherwise or b"{}"))
    agrees = written is not None
    assert compared("1", ITEM, there, Rules(shape)).kind == (None if agrees else Kind.DIFFERENT)
    agrees = otherwise is not None and exact(otherwise) == there.source
    assert compared("1", ITEM, there, Rules(another)).kind == (None if agrees else Kind.DIFFERENT)


@given(shape=SHAPES)
def test_no_value_of_an_item_is_lost_by_a_rename_or_a_constant(shape: Shape) -> None:
    """A document has as many members, at all depths, as without them, and the constants; or it is poison."""

    def members(value: Any) -> int:
        if isinstance(value, list):
            return sum(map(members, value))
        return len(value) + sum(map(members, value.values())) if isinstance(value, dict) else 0

    written = sent(shape)
    plain = document(Shape(shape.include, shape.exclude, shape.keys))
    assert written is None or members(json.loads(written)) == members(plain) + 1 + len(shape.constants)


@pytest.mark.parametrize("name", METADATA)
def test_a_name_that_the_engine_keeps_has_one_more_underscore_at_the_top_alone(name: str) -> None:
    value = {"S": "v"}
    item = {"id": {"S": "1"}, name: value, f"_{name}": value, "m": {"M": {name: value}}}
    assert document(Shape(), item) == {"id": "1", f"_{name}": "v", f"__{name}": "v", "m": {name: "v"}}


@given(
    st.sets(
        st.sampled_from([f"{'_' * more}{name}" for name in ("_id", "_version", "id", "_ttl") for more in range(12)])
    )
)
def test_no_two_attributes_have_one_name(names: set[str]) -> None:
    assert len(set(map(stored_name, names))) == len(names)
    assert not {stored_name(each) for each in names} & set(METADATA)


def test_an_appsync_item_is_a_document() -> None:
    item = {
        "id": {"S": "1"},
        "_version": {"N": "3"},
        "_lastChangedAt": {"N": "1700"},
        "_deleted": {"BOOL": True},
    }
    expected = {"id": "1", "__version": 3, "_lastChangedAt": 1700, "_deleted": True}
    assert document(Shape(), item) == expected


@pytest.mark.parametrize("name", ["_id", "_version", "id"])
def test_a_documents_key_is_found_by_the_name_that_it_has_there(name: str) -> None:
    keys = {name: {"S": "x" * 600}}  # its id is a digest
    found = document_id(keys, (name,))
    assert key_of(found, exact(encode(found, keys, Rules(Shape(keys=(name,)))) or b""), {name: "S"}) == keys


def test_an_attribute_that_has_the_keys_name_may_be_left_out() -> None:
    item = {"id": {"S": "1"}, KEY_FIELD: {"N": "1"}}
    with pytest.raises(ConversionError, match="leave it out"):
        encode("1", item)
    assert document(Shape(exclude=(KEY_FIELD,)), item) == {"id": "1"}


@pytest.mark.parametrize(
    ("path", "parts"),
    [("a", ["a"]), ("a.b", ["a", "b"]), ("a\\.b.c", ["a.b", "c"]), ("a\\\\.b", ["a\\", "b"]), ("é ü", ["é ü"])],
)
def test_a_path_is_names_with_dots_between(path: str, parts: list[str]) -> None:
    assert parts_of(path) == parts


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"exclude": [""]}, "'' is no path"),
        ({"exclude": ["a..b"]}, "'a..b' is no path"),
        ({"include": [".a"]}, "'.a' is no path"),
        ({"include": ["a\\"]}, "is no path"),
        ({"include": []}, "`include` is empty"),
        ({"exclude": ["id"]}, "take 'id' out of `exclude`: a document needs the table's key attributes"),
        ({"exclude": ["id.x"]}, "take 'id.x' out"),
        ({"include": ["a"], "exclude": ["b"]}, "take 'b' out of `exclude`: `include` has nothing of it"),
        ({"include": ["a.b"], "exclude": ["a.c"]}, "take 'a.c' out"),
        ({"exclude": "a"}, "as lists of paths"),
        ({"renames": {}}, "the shape of documents as a JSON object"),
        ({"rename": ["a"]}, "give `rename` as an object of paths"),
        ({"rename": {"a": 1}}, "give `rename` as an object of paths"),
        ({"rename": {"a": None}}, "give `rename` as an object of paths"),
        ({"rename": {"a..b": "c"}}, "'a..b' is no path"),
        ({"rename": {"a": ""}}, "choose another name than '' in `rename`: it is empty"),
        ({"rename": {"a": " "}}, "choose another name than ' ' in `rename`: it is empty"),
        ({"rename": {"a": "b.c"}}, "choose another name than 'b.c' in `rename`: it is empty, or has a dot"),
        ({"rename": {"a.b": "c.d"}}, "choose another name than 'c.d'"),
        ({"rename": {"a": "a"}}, "take 'a' out of `rename`: that is its name already"),
        ({"rename": {"a.b": "b"}}, "take 'a.b' out of `rename`: that is its name already"),
        ({"rename": {"id": "x"}}, "take 'id' out of `rename`: a document needs the table's key attributes"),
        ({"rename": {"a": "id"}}, "choose another name than 'id' in `rename`: a key attribute has it"),
        ({"rename": {"a": "_version"}}, "choose another name than '_version' in `rename`: the engine keeps it"),
        ({"rename": {"a": "___id"}}, "choose another name than '___id' in `rename`: the engine keeps it"),
        ({"rename": {"a": KEY_FIELD}}, "each document has a field of that name"),
        (
            {"rename": {"a": "c", "b": "c"}},
            "choose another name than 'c' in `rename`: `rename` and `constants` give it",
        ),
        ({"rename": {"m.a": "c", "m.b": "c"}}, "choose another name than 'c'"),
        ({"rename": {"a": "c"}, "constants": {"c": 1}}, "choose another name than 'c' in `rename`: `rename` and"),
        ({"rename": {"a": "b"}, "include": ["a", "b"]}, "choose another name than 'b' in `rename`: `include` names it"),
        ({"rename": {"a": "b"}, "include": ["a", "b.c"]}, "`include` names it"),
        ({"rename": {"a.b": "c"}, "include": ["a.b", "a.c"]}, "`include` names it"),
        ({"rename": {"a": "b"}, "exclude": ["a"]}, "take 'a' out of `rename`: `exclude` leaves it out"),
        ({"rename": {"a.b": "c"}, "exclude": ["a"]}, "take 'a.b' out of `rename`: `exclude` leaves it out"),
        ({"rename": {"a": "b"}, "include": ["c"]}, "take 'a' out of `rename`: `include` has nothing of it"),
        ({"rename": {"a.b": "d"}, "include": ["a.c"]}, "take 'a.b' out of `rename`: `include` has nothing of it"),
        ({"constants": ["a"]}, "give `constants` as an object"),
        ({"constants": {"a": None}}, "give the constant 'a' a text, true, false, or a number"),
        ({"constants": {"a": [1]}}, "give the constant 'a' a text"),
        ({"constants": {"a": {"b": 1}}}, "give the constant 'a' a text"),
        ({"constants": {"a": 1e200}}, "give the constant 'a' a text"),
        ({"constants": {"a": float("nan")}}, "give the constant 'a' a text"),
        ({"constants": {"a.b": 1}}, "choose another name than 'a.b' in `constants`: it is empty, or has a dot"),
        ({"constants": {"": 1}}, "choose another name than '' in `constants`"),
        ({"constants": {"id": 1}}, "choose another name than 'id' in `constants`: a key attribute has it"),
        ({"constants": {"_id": 1}}, "choose another name than '_id' in `constants`: the engine keeps it"),
        ({"constants": {KEY_FIELD: 1}}, "each document has a field of that name"),
        ({"constants": {"a": 1}, "include": ["a"]}, "choose another name than 'a' in `constants`: `include` names it"),
    ],
)
def test_a_shape_that_says_nothing_is_refused_at_the_start(shape: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape)))
    assert "DOCUMENT_SHAPE is" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "shape",
    [
        {"rename": {"a": "b", "b": "a"}, "include": ["a", "b"]},
        {"rename": {"a": "b", "b": "c"}, "include": ["a", "b.c", "b"]},
        {"rename": {"a": "b"}, "exclude": ["b"]},
        {"rename": {"a.b": "c", "a": "c"}, "include": ["a"], "exclude": ["a.b.d", "a.c"]},
        {"rename": {"m.a": "_id", "m.b": "id", "m.c": KEY_FIELD}},
        {"rename": {"m.a": "x"}, "include": ["m.a.b"]},
        {"rename": {"a": "b"}, "constants": {"a": "", "c": False}, "include": ["a"]},
        {"rename": None, "constants": None, "exclude": None, "include": None, "when": None},
    ],
)
def test_what_leaves_a_name_free_is_taken(shape: Any) -> None:
    read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape)))


def test_a_constant_keeps_its_type_and_all_its_digits() -> None:
    given = '{"constants": {"a": 12345678901234567890.123456789, "b": true, "c": "1", "d": 1e100, "e": 0}}'
    rules = read_environment(environment(DOCUMENT_SHAPE=given)).rules
    written = (encode("1", {"id": {"S": "1"}}, rules) or b"").decode()
    assert '"a":12345678901234567890.123456789,"b":true,"c":"1","d":1E+100,"e":0' in written


def test_the_configured_shape_is_the_streams_too() -> None:
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"exclude": ["secret"]})))
    records = parse_event(event(record("INSERT", "a", image={"id": {"S": "a"}, "secret": {"S": "s"}})))
    plan = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.targets)
    assert b"secret" not in (plan.writes[0].source or b"")


NOT_DELETED = '{"_deleted": [{"exists": false}, false]}'


def test_the_configured_condition_is_the_streams_too() -> None:
    """An item that stops matching is a deletion of its record's version, and is put again when it matches again."""
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": NOT_DELETED})))
    for deleted, there in (({"BOOL": True}, False), ({"BOOL": False}, True)):
        image = {"id": {"S": "a"}, "_deleted": deleted}
        records = parse_event(event(record("MODIFY", "a", image=image)))
        (write,) = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.targets).writes
        assert (write.version, write.source is not None) == (version(1), there)


@pytest.mark.parametrize("name", ["INSERT", "MODIFY", "REMOVE"])
def test_of_keys_that_never_match_nothing_is_sent(name: str) -> None:
    when = json.dumps({"id": [{"prefix": "product-"}]})
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": when})))
    records = parse_event(event(record(name, "order-1", second=None), record(name, "product-1", number=2)))
    plan = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.targets)
    assert (plan.filtered, [write.id for write in plan.writes], plan.resyncs) == (1, ["product-1"], [])
    assert [each.id for each in plan.last] == ["order-1", "product-1"], "the log names each"


def test_long_names_are_not_kept_and_stored_all_the_same() -> None:
    _PLAIN.clear()
    _kept.cache_clear()
    longest, longer, ours = "n" * LONGEST_KEPT, "n" * (LONGEST_KEPT + 1), "_" * LONGEST_KEPT + "id"
    found = Shape().of({name: {"N": "1"} for name in (longest, longer, ours)})
    assert list(found) == [longest, longer, f"_{ours}"]
    Shape().of({name: {"N": "1"} for name in (longest, longer)})
    assert {longest} == _PLAIN
    assert _kept.cache_info().currsize == 1
