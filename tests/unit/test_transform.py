# ruff: noqa: ARG001, ARG005 - a transform has three arguments, whatever it needs
"""A user's transform: what it is handed, what becomes of what it gives, and that no path goes without it."""

from __future__ import annotations

import ast
import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync import PACKAGE, config, package_in
from searchsync.config import Config, read_environment
from searchsync.documents.document import KEY_FIELD, document_text, encode, index_key
from searchsync.documents.shape import METADATA, Rules, Shape, stored_name
from searchsync.documents.transform import Transform
from searchsync.documents.values import exact, map_tree
from searchsync.errors import ConfigurationError, ConversionError, TransformError
from searchsync.limits import LARGEST_TRANSFORMED, NESTING, READ_TO_ANSWER
from searchsync.packed import DIGEST, Bounded, transform_in
from searchsync.protocol.plan import plan_batch
from searchsync.protocol.records import parse_event
from searchsync.reconcile.agreement import Document, Kind
from searchsync.reconcile.identity import changed, saw
from searchsync.reconcile.verify import compared
from tests.support.events import NOW, environment, event, record
from tests.support.fakes import BUSY, Bench
from tests.support.reconcile_harness import Lane
from tests.unit.test_document import VALUES, WORDS
from tests.unit.test_reconcile_export import lines, load, s3
from tests.unit.test_reconcile_export import packed as packed_lines
from tests.unit.test_reconcile_identity import INDEX, TABLE
from tests.unit.test_reconcile_parts import filled

__all__ = ["s3"]  # a fixture

SOURCE = Path(__file__).parents[2] / "lambda_src/searchsync"
SECRET = "content-of-an-item"
ITEM: dict[str, Any] = {
    "id": {"S": "1"},
    "name": {"S": SECRET},
    "price": {"N": "9007199254740993.50"},
    "tags": {"SS": ["b", "a"]},
    "sizes": {"NS": ["10", "9"]},
    "m": {"M": {"z": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}, "a": {"B": "AAEC"}}},
}
User = Callable[[dict[str, Any], Mapping[str, Any], str], Any]


def rules(user: User, shape: Shape | None = None, longest: float = 1.0, view: str = "") -> Rules:
    return Rules(shape or Shape(keys=("id",)), transform=Transform(Bounded(user, longest), "digest"), view=view)


def document(user: User, item: Any = ITEM, **how: Any) -> Any:
    written = encode("1", item, rules(user, **how))
    found = None if written is None else exact(written)
    return found and {name: value for name, value in found.items() if name != KEY_FIELD}


def gives(value: Any) -> User:
    return lambda document, item, view: value


def adds(value: Any) -> User:
    return lambda document, item, view: document | {"x": value}


def poison(user: User, **how: Any) -> str:
    """Why it is poison: and then no document is the item's, whatever the index holds."""
    made = rules(user, **how)
    with pytest.raises(TransformError) as caught:
        encode("1", ITEM, made)
    for held in (encode("1", ITEM), b"{}"):
        assert compared("1", ITEM, Document(1, exact(held or b"")), made).kind is Kind.DIFFERENT
    assert compared("1", ITEM, None, made).kind is Kind.MISSING
    assert SECRET not in str(caught.value)
    return str(caught.value)


# What it is handed


def test_it_is_handed_plain_values_in_order_the_item_and_the_view() -> None:
    seen: list[Any] = []

    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        seen.append((json.dumps(document, default=str), list(item), dict(item)["sizes"], view))
        return document

    assert document(user, view="products") == map_tree(ITEM)
    assert seen == [
        (
            '{"id": "1", "m": {"a": "AAEC", "z": ["1", true, null]}, "name": "content-of-an-item", '
            '"price": "9007199254740993.50", "sizes": ["9", "10"], "tags": ["a", "b"]}',
            ["id", "m", "name", "price", "sizes", "tags"],
            {"NS": ["9", "10"]},
            "products",
        )
    ]


def test_it_is_handed_what_the_shape_has_left() -> None:
    shape = Shape(None, ("m",), ("id",), (("name", "title"),))
    assert set(document(adds(1), shape=shape)) == {"id", "title", "price", "tags", "sizes", "x"}


def test_what_it_does_to_the_item_is_seen_by_nobody() -> None:
    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        item["m"]["M"]["z"]["L"].clear()
        item["tags"]["SS"].append("c")
        document["m"]["z"].clear()
        return document

    before = json.dumps(ITEM)
    assert document(user)["m"]["z"] == []
    assert json.dumps(ITEM) == before


def test_an_item_that_is_poison_without_it_is_so_with_it() -> None:
    clash = Shape(None, (), ("id",), (("name", "price"),))
    with pytest.raises(ConversionError, match=r"document\.rename"):
        encode("1", ITEM, rules(gives({}), clash))


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_plain_values_are_what_the_text_says_and_come_back_as_they_are(pairs: dict[str, tuple[Any, Any]]) -> None:
    image = {name: value for name, (value, _) in pairs.items()} | {"id": {"S": "1"}}
    stored = {stored_name(name): value for name, value in image.items()}
    written = exact(encode("1", image, rules(lambda document, item, view: document)) or b"")
    assert exact(document_text(image)).keys() == map_tree(image).keys()
    assert {name: value for name, value in written.items() if name != KEY_FIELD} == map_tree(stored)
    assert compared("1", image, Document(1, written), Rules(Shape(keys=("id",)))).kind is None


GIVEN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.decimals()
    | st.text(max_size=3)
    | st.binary(max_size=1)
    | st.sets(st.integers(), max_size=1),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 1), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "id", "_id", KEY_FIELD]), GIVEN, max_size=3) | GIVEN)
def test_whatever_it_gives_is_a_document_that_agrees_or_poison_that_never_does(value: Any) -> None:
    made = rules(gives(value))
    try:
        written = encode("1", ITEM, made)
    except TransformError:
        assert compared("1", ITEM, Document(1, exact(encode("1", ITEM) or b"")), made).kind is Kind.DIFFERENT
        return
    if written is None:
        assert value is None
        assert compared("1", ITEM, None, made).kind is None
        return
    assert exact(written)["id"] == "1"
    assert compared("1", ITEM, Document(1, exact(written)), made).kind is None


# What becomes of what it gives


def test_none_is_no_document_and_a_deletion() -> None:
    assert document(gives(None)) is None
    assert compared("1", ITEM, Document(1, {}), rules(gives(None))).kind is Kind.ORPHAN


def test_key_attributes_that_it_leaves_out_are_put_back() -> None:
    assert document(gives({"a": 1})) == {"id": "1", "a": 1}
    assert document(gives({"id": "1"})) == {"id": "1"}
    number = {"id": {"N": "1"}}
    assert document(gives({"id": 1}), number) == document(gives({"id": Decimal("1.0")}), number) == {"id": 1}
    kept = rules(gives({}), Shape(keys=("_id",)))
    assert b'"__id":"1"' in (encode("1", {"_id": {"S": "1"}}, kept) or b"")


@pytest.mark.parametrize("name", [*METADATA, KEY_FIELD])
def test_a_name_that_is_kept_is_refused_by_it(name: str) -> None:
    assert f"a value to {name!r}" in poison(lambda document, item, view: document | {name: 1})


def test_an_attribute_of_the_keys_name_may_be_given_another_one() -> None:
    item = {"id": {"S": "1"}, KEY_FIELD: {"S": "v"}}
    assert document(lambda found, item, view: {"k": found[KEY_FIELD]}, item) == {"id": "1", "k": "v"}
    with pytest.raises(ConversionError, match="has an attribute searchsync_key"):
        encode("1", item, rules(lambda found, item, view: found))


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (gives([1]), "returned list"),
        (gives("text"), "returned str"),
        (gives({"id": "2"}), "key attribute 'id' another value"),
        (gives({"id": True}), "key attribute 'id' another value"),
        (adds(float("nan")), "At 'x' the document of the transform has float"),
        (adds(float("-inf")), "At 'x' the document of the transform has float"),
        (adds(Decimal("NaN")), "has Decimal"),
        (adds(Decimal("Infinity")), "has Decimal"),
        (adds(10**5000), "has int"),
        (adds(int("9" * 39)), "has int"),
        (adds(Decimal("1E+126")), "has Decimal"),
        (adds({"a": [1, {2}]}), "At 'x.a.1' the document of the transform has set"),
        (adds(b"x"), "At 'x' the document of the transform has bytes"),
        (adds({1: 2}), "At 'x' the document of the transform has a name that is int"),
        (adds("\ud800"), "half of a surrogate pair"),
        (adds("x" * (LARGEST_TRANSFORMED + 1)), f"over {LARGEST_TRANSFORMED} bytes"),
        (adds([None] * LARGEST_TRANSFORMED), f"over {LARGEST_TRANSFORMED} bytes"),
        (adds({"n" * LARGEST_TRANSFORMED: 1}), f"over {LARGEST_TRANSFORMED} bytes"),
    ],
)
def test_what_no_item_could_hold_is_poison_that_names_path_and_type(user: User, said: str) -> None:
    assert said in poison(user)


def test_it_nests_as_deep_as_an_item_and_no_deeper() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = {"a": [value]} if levels % 2 == 0 else [value]
        return value

    assert document(adds(nested(NESTING // 2)))
    assert "levels of dicts and lists" in poison(adds(nested(NESTING // 2 + 2)))
    itself: dict[str, Any] = {}
    itself["x"] = itself
    assert "levels of dicts and lists" in poison(gives(itself))


# Its failures


def test_an_exception_is_poison_with_its_type_and_places_and_nothing_else() -> None:
    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        raise KeyError(document["name"])

    said = poison(user)
    assert "raised KeyError at " in said
    assert "test_transform.py:" in said


@pytest.mark.parametrize("raised", [SystemExit(1), RecursionError(), MemoryError(), StopIteration()], ids=repr)
def test_nothing_that_it_raises_ends_the_function(raised: BaseException) -> None:
    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        raise raised

    assert type(raised).__name__ in poison(user)


@pytest.mark.parametrize("catches", [False, True])
def test_one_that_never_ends_is_stopped_where_the_stream_would_wait_for_it(catches: bool) -> None:
    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        until = time.monotonic() + 2.0  # else a mutant would never end
        while time.monotonic() < until:
            try:
                time.sleep(0.001)
            except Exception:
                if not catches:
                    raise

    before = signal.getsignal(signal.SIGALRM)
    assert "took over 0.05 s for one document at test_transform.py:" in poison(user, longest=0.05)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_one_that_is_late_in_a_thread_is_told_when_it_ends() -> None:
    said: list[str] = []

    def user(document: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
        time.sleep(0.03)
        return document

    def run() -> None:
        try:
            encode("1", ITEM, rules(user, longest=0.01))
        except TransformError as error:
            said.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "took over 0.01 s" in said[0]


def test_its_arithmetic_has_all_digits_whatever_the_thread() -> None:
    getcontext().prec = 5
    try:
        twice = document(lambda found, item, view: {"x": Decimal("1234567890123456789.012345678901234567") * 2})
    finally:
        getcontext().prec = 28
    assert str(twice["x"]) == "2469135780246913578.024691357802469134"


# Where it comes from


def packed(folder: Path, code: str) -> Path:
    (folder / "searchsync").mkdir()
    (folder / "searchsync" / DIGEST).write_text("a" * 64)
    (folder / "searchsync_transform.py").write_text(code)
    return folder / "searchsync"


GOOD = "def transform(document, item, view):\n    return {'view': view}\n"


def test_a_package_without_one_has_none_and_its_name_is_as_before(tmp_path: Path) -> None:
    assert transform_in(tmp_path) is None
    assert read_environment(environment()).transform is None
    assert "transform" not in PACKAGE


def test_every_function_starts_with_the_packages_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = transform_in(packed(tmp_path, GOOD))
    monkeypatch.setattr(config, "transform_in", lambda: found)
    started = replace(read_environment(environment()), view="products")
    assert b'"view":"products"' in (encode("1", ITEM, started.rules) or b"")
    assert package_in(tmp_path / "searchsync").endswith("+unbuilt.transform-aaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "it has no function `transform`"),
        ("def transform(document): ...", "does not take three arguments"),
        ("def transform(a, b, c, d): ...", "does not take three arguments"),
        ("def transform(a, b, *, c): ...", "does not take three arguments"),
        ("async def transform(a, b, c): ...", "is async or yields"),
        ("def transform(a, b, c): yield {}", "is async or yields"),
        (f"raise ValueError({SECRET!r})", "its import raised ValueError at searchsync_transform.py:1"),
        ("import not_there", "its import raised ModuleNotFoundError"),
        ("def transform(:", "its import raised SyntaxError"),
        ("raise SystemExit", "its import raised SystemExit"),
    ],
)
def test_one_that_cannot_be_used_ends_the_start(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        transform_in(packed(tmp_path, code))
    assert said in str(caught.value)
    assert "make package TRANSFORM=file" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_verification_of_another_transform_is_doubted() -> None:
    """`status` says that the configuration has another shape of documents."""
    plain = read_environment(environment())
    seen = [
        saw(each, TABLE, INDEX)
        for each in (plain, *(replace(plain, transform=Transform(gives({}), digest)) for digest in ("a", "b")))
    ]
    assert [changed(seen[0], seen[1]), changed(seen[1], seen[2]), changed(seen[1], seen[1])] == [
        ["shape"],
        ["shape"],
        [],
    ]


# Every path


def transformed(user: User) -> Config:
    return replace(read_environment(environment()), transform=Transform(Bounded(user), "digest"))


def test_the_stream_goes_through_it() -> None:
    made = transformed(lambda found, item, view: None if found["n"] == 1 else found | {"x": 1})
    images = [{"id": {"S": name}, "n": {"N": number}} for name, number in (("a", "1"), ("b", "2"))]
    records = parse_event(
        event(*(record("MODIFY", each["id"]["S"], number=i, image=each) for i, each in enumerate(images, 1)))
    )
    writes = plan_batch(records, made.key_attributes, NOW, NOW + 10.0, made.targets).writes
    assert [each.source is not None and b'"x":1' in each.source for each in writes] == [False, True]
    plan = plan_batch(records, made.key_attributes, NOW, NOW + 10.0, transformed(gives(1)).targets)
    assert [each.error_type for each in plan.poison] == ["TransformError"] * 2


def test_each_view_is_told_its_name_and_has_what_the_transform_makes_of_it() -> None:
    """A document of one, none of another, and poison that names the third's index."""
    made = transformed(lambda found, item, view: {"": found | {"x": view}, "gone": None, "odd": 1}[view])
    made = replace(made, views=tuple(replace(made, view=name, index=f"shop-{name}") for name in ("gone", "odd")))
    image = {"id": {"S": "a"}}
    plan = plan_batch(
        parse_event(event(record("MODIFY", "a", image=image))), made.key_attributes, NOW, NOW + 10.0, made.targets
    )
    assert [(each.index, each.source and b'"x":""' in each.source) for each in plan.writes] == [
        (made.index, True),
        ("shop-gone", None),
    ]
    assert [(each.index, each.error_type) for each in plan.poison] == [("shop-odd", "TransformError")]


def without_one(found: dict[str, Any], item: Mapping[str, Any], view: str) -> Any:
    """The first of the items leaves, each other one has its number twice."""
    return None if found["n"] == 0 else {"twice": 2 * found["n"]}


def test_backfill_verification_and_repair_go_through_it() -> None:
    """Also what is read again, as the collection was busy."""
    world, made = filled(20), transformed(without_one)
    began = world.clock.time
    world.index.item_fault = lambda _, name: (
        BUSY if name == "item-0002" and world.clock.time < began + READ_TO_ANSWER else None
    )

    def right() -> bool:
        found = {name: source for name, (_, source) in world.index.documents.items() if source is not None}
        return all(source.keys() == {"id", "twice", KEY_FIELD} for source in found.values()) and len(found) == 19

    assert Lane(world, made).reconcile("backfill") == {"items": 20, "written": 19, "filtered": 1}
    assert world.client.reads > 0
    assert right()
    assert Lane(world, made).reconcile("verify") == {"items": 20, "filtered": 1, "documents": 19}
    assert Lane(world).reconcile("verify")["different"] == 19
    version, source = world.index.documents["item-0001"]
    world.index.documents["item-0001"] = (version + 2, {**source, "n": 1})
    world.index.documents["item-0000"] = (version + 2, {"id": "item-0000", KEY_FIELD: index_key("item-0000")})
    assert Lane(world, made).reconcile("repair")["repaired"] == 2
    assert right()


def test_an_export_goes_through_it(s3: Any) -> None:
    world, _, totals = load(s3, (packed_lines(lines(3)), 3), config=transformed(without_one))
    assert totals == {"items": 3, "written": 2, "filtered": 1}
    assert [source["twice"] for _, source in world.index.documents.values()] == [2, 4]


@pytest.mark.parametrize("second", [NOW - 5, None])  # from the record, or read by a resync
def test_a_record_and_a_resync_go_through_it_and_its_failure_is_in_the_queue(second: int | None) -> None:
    item = {"id": {"S": "a"}, "n": {"N": "4"}}
    for user, taken in ((without_one, {"twice": 8}), (gives(1), None)):
        bench = Bench()
        bench.config = replace(bench.config, transform=Transform(Bounded(user), "digest"))
        bench.table.items["a"] = item
        assert bench.run(event(record("INSERT", "a", number=1, second=second, image=item))) == []
        documents = [source for _, source in bench.index.documents.values()]
        assert [each["twice"] for each in documents] == ([] if taken is None else [8])
        assert [each["error_type"] for each in bench.queue.messages] == ([] if taken else ["TransformError"])


ASK = {
    "encode": 3, "document_fields": 3, "documents": 3, "converted": 3, "plan_batch": 5, "compared": 4, "Repair": 5,
}  # fmt: skip
"""What makes or compares documents, with its arguments where the rules are among them."""


def test_no_call_goes_without_the_rules() -> None:
    """F61: each of them has a default, for tests alone."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASK:
                found.add(node.func.id)
                last = ast.unparse(node.args[-1])
                assert "rules" in last or "targets" in last, f"{path.name}:{node.lineno}"
                assert len(node.args) >= ASK[node.func.id], f"{path.name}:{node.lineno}"
    assert found == set(ASK)
