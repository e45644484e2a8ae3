"""What of an item is in its document: paths, and the names that the engine keeps for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD, document_id, encode
from searchsync.documents.shape import _PLAIN, METADATA, Rules, Shape, _kept, parts_of, stored_name
from searchsync.documents.values import exact
from searchsync.errors import ConfigurationError, ConversionError
from searchsync.limits import LONGEST_KEPT
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


PATHS = st.sampled_from(["name", "price", "address", "address.city", "address.road.name", "parts.cost", "a\\.b"])


@given(include=st.none() | st.sets(PATHS, min_size=1), exclude=st.sets(PATHS), other=st.sets(PATHS))
def test_what_is_written_and_what_is_compared_have_one_rule(
    include: set[str] | None, exclude: set[str], other: set[str]
) -> None:
    """F61: whatever the shape, a document agrees with its item; with another shape only where it looks the same."""
    shape = Shape(None if include is None else tuple(sorted(include)), tuple(sorted(exclude)), ("id",))
    written = Document(1, exact(encode("1", ITEM, Rules(shape)) or b""))
    assert compared("1", ITEM, written, Rules(shape)).kind is None
    another = Shape(None, tuple(sorted(other)), ("id",))
    differs = document(another) != document(shape)
    assert compared("1", ITEM, written, Rules(another)).kind == (Kind.DIFFERENT if differs else None)


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
        ({"rename": {}}, "the shape of documents as a JSON object"),
    ],
)
def test_a_shape_that_says_nothing_is_refused_at_the_start(shape: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape)))
    assert "DOCUMENT_SHAPE is" in str(caught.value)
    assert said in str(caught.value)


def test_the_configured_shape_is_the_streams_too() -> None:
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"exclude": ["secret"]})))
    records = parse_event(event(record("INSERT", "a", image={"id": {"S": "a"}, "secret": {"S": "s"}})))
    plan = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.rules)
    assert b"secret" not in (plan.writes[0].source or b"")


NOT_DELETED = '{"_deleted": [{"exists": false}, false]}'


def test_the_configured_condition_is_the_streams_too() -> None:
    """An item that stops matching is a deletion of its record's version, and is put again when it matches again."""
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": NOT_DELETED})))
    for deleted, there in (({"BOOL": True}, False), ({"BOOL": False}, True)):
        image = {"id": {"S": "a"}, "_deleted": deleted}
        records = parse_event(event(record("MODIFY", "a", image=image)))
        (write,) = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.rules).writes
        assert (write.version, write.source is not None) == (version(1), there)


@pytest.mark.parametrize("name", ["INSERT", "MODIFY", "REMOVE"])
def test_of_keys_that_never_match_nothing_is_sent(name: str) -> None:
    when = json.dumps({"id": [{"prefix": "product-"}]})
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": when})))
    records = parse_event(event(record(name, "order-1", second=None), record(name, "product-1", number=2)))
    plan = plan_batch(records, config.key_attributes, NOW, NOW + 10.0, config.rules)
    assert (plan.filtered, [write.id for write in plan.writes], plan.resyncs) == (["order-1"], ["product-1"], [])


def test_long_names_are_not_kept_and_stored_all_the_same() -> None:
    _PLAIN.clear()
    _kept.cache_clear()
    longest, longer, ours = "n" * LONGEST_KEPT, "n" * (LONGEST_KEPT + 1), "_" * LONGEST_KEPT + "id"
    found = Shape().of({name: {"N": "1"} for name in (longest, longer, ours)})
    assert list(found) == [longest, longer, f"_{ours}"]
    Shape().of({name: {"N": "1"} for name in (longest, longer)})
    assert {longest} == _PLAIN
    assert _kept.cache_info().currsize == 1
