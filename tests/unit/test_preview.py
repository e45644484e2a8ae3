"""What the reconcile function answers to `searchsync preview`: what would be written, from the code that writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD, encode, index_key
from searchsync.documents.fields import Fields
from searchsync.documents.shape import Rules, Shape
from searchsync.documents.values import exact
from searchsync.errors import RunRefusedError
from searchsync.protocol.version import read_version, stream_version
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.preview import Preview, _text
from tests.support.events import STREAM_ARN, environment
from tests.support.reconcile_harness import World
from tests.unit.test_doctor import RUN, Ending

ITEM: dict[str, dict[str, Any]] = {
    "id": {"S": "a"},
    "n": {"N": "1.50"},
    "_version": {"N": "3"},
    "tags": {"SS": ["x", "y"]},
}
SECRET = "content-of-an-item"


def preview(
    world: World, event: Mapping[str, Any], shape: Shape | None = None, when: str | None = None
) -> dict[str, Any]:
    variables = environment(
        KEY_ATTRIBUTES=json.dumps(list(world.key_attributes)), DOCUMENT_SHAPE=json.dumps({"when": when})
    )
    config = read_environment(variables)
    config = replace(config, shape=shape or config.shape)
    reader: Any = world.reader
    facts = TableFacts(world.types, 0, STREAM_ARN)
    made = Preview(config, world.table, reader, world.clock, lambda: facts)
    answer = made.answer({"step": "preview", **event}, Deadline.after(world.clock, 60.0))
    return dict(json.loads(json.dumps(answer)))


@pytest.fixture
def world() -> World:
    return World()


NAMED = Shape(rename=(("n", "count"), ("_version", "v")), constants=(("live", {"BOOL": True}),))


@pytest.mark.parametrize("shape", [Shape(), Shape(include=("n",), keys=("id",)), Shape(exclude=("tags",)), NAMED])
def test_the_document_is_what_would_be_written(world: World, shape: Shape) -> None:
    answer = preview(world, {"item": ITEM}, shape)
    assert answer["document"].encode() == encode("a", ITEM, Rules(shape, Fields()))
    assert (answer["id"], answer["index"], answer["poison"]) == ("a", "items", None)
    assert answer["read_version"] == read_version(world.clock.now(), 10.0)


def test_an_item_that_is_given_needs_neither_table_nor_collection(world: World) -> None:
    preview(world, {"item": ITEM})
    assert (world.client.reads, world.client.scans, world.reader.asked) == (0, 0, [])


def test_poison_comes_with_its_reason_and_without_a_document(world: World) -> None:
    answer = preview(world, {"item": {**ITEM, KEY_FIELD: {"N": "1"}}})
    assert answer["document"] is None
    assert KEY_FIELD in answer["poison"]


def test_an_item_without_its_key_is_refused_by_the_keys_name(world: World) -> None:
    with pytest.raises(RunRefusedError, match=r"no \['id'\]"):
        preview(world, {"item": {"n": {"N": "1"}}})


@pytest.mark.parametrize("key", ["a", {"id": {"S": "a"}}], ids=["id", "attributes"])
def test_an_item_of_the_table_is_read_by_its_key_or_its_documents_id(world: World, key: Any) -> None:
    world.client.put(ITEM)
    answer = preview(world, {"key": key})
    assert answer["document"].encode() == encode("a", ITEM)
    assert (world.client.reads, world.reader.asked) == (1, [])


@pytest.mark.parametrize("key", [r"a\|b|5", {"h": {"S": "a|b"}, "r": {"N": "5"}}], ids=["id", "attributes"])
def test_a_key_of_two_attributes_is_found_too(key: Any) -> None:
    world = World(key_attributes=("h", "r"), types={"h": "S", "r": "N"})
    world.client.put({"h": {"S": "a|b"}, "r": {"N": "5"}})
    assert preview(world, {"key": key})["item"] is True


@pytest.mark.parametrize(
    "key",
    ["sha256:" + "0" * 64, "", {"id": {"N": "1"}}, {"other": {"S": "a"}}, {"id": {"S": "a"}, "n": {"S": "a"}}, None,
     {"id": {"S": ""}}, {"id": {}}],
    ids=str,
)  # fmt: skip
def test_a_key_that_no_item_can_have_is_refused_with_the_tables_own(world: World, key: Any) -> None:
    with pytest.raises(RunRefusedError, match=r"the table's key|table's key is id \(S\)"):
        preview(world, {"key": key})
    assert world.client.reads == 0


def test_a_key_without_an_item_has_no_document(world: World) -> None:
    answer = preview(world, {"key": "a"})
    assert (answer["item"], answer["document"], answer["poison"]) == (False, None, None)


# The difference


def compared(world: World, **event: Any) -> tuple[str | None, list[str]]:
    answer = preview(world, {"key": "a", "diff": True, **event})
    return answer["kind"], answer["differs"]


def test_what_is_in_step_does_not_differ(world: World) -> None:
    world.client.put(ITEM)
    source = json.loads(encode("a", ITEM) or b"")
    world.plant("a", {**source, "tags": ["y", "x"]}, version=stream_version(1_800_000_000, 1))
    answer = preview(world, {"key": "a", "diff": True})
    assert (answer["kind"], answer["differs"]) == (None, [])
    shown = answer["indexed"]
    assert (shown["by_read"], shown["second"]) == (False, 1_800_000_000)


def test_each_kind_of_difference_is_told_by_its_name(world: World) -> None:
    assert compared(world) == (None, [])
    world.client.put(ITEM)
    assert compared(world) == ("missing", [])
    world.plant("a", {**json.loads(encode("a", ITEM) or b""), "n": 2, "more": True})
    assert compared(world) == ("different", ["more", "n"])
    world.client.items.clear()
    assert compared(world) == ("orphan", [])
    assert compared(world, item={**ITEM, "n": {"N": "2"}, "more": {"BOOL": True}}) == (None, [])


def test_an_item_that_the_condition_leaves_out_has_no_document(world: World) -> None:
    when = json.dumps({"n": [2]})
    world.client.put(ITEM)
    answer = preview(world, {"key": "a", "diff": True}, when=when)
    assert (answer["item"], answer["document"], answer["poison"], answer["kind"]) == (True, None, None, None)
    world.plant("a", json.loads(encode("a", ITEM) or b""))
    assert preview(world, {"key": "a", "diff": True}, when=when)["kind"] == "orphan"


def test_two_values_of_one_name_are_shown_as_poison_that_differs(world: World) -> None:
    world.client.put({**ITEM, "count": {"N": "2"}})
    world.plant("a", json.loads(encode("a", ITEM, Rules(NAMED)) or b""))
    answer = preview(world, {"key": "a", "diff": True}, NAMED)
    assert (answer["document"], answer["kind"], answer["differs"]) == (None, "different", ["count"])
    assert "'n' of `document.rename`" in answer["poison"]


def test_an_excluded_attribute_is_no_difference(world: World) -> None:
    shape = Shape(exclude=("n",))
    world.client.put(ITEM)
    world.plant("a", json.loads(encode("a", ITEM, Rules(shape, Fields())) or b""))
    assert preview(world, {"key": "a", "diff": True}, shape)["kind"] is None
    assert preview(world, {"key": "a", "diff": True})["differs"] == ["n"]


def test_the_indexs_numbers_keep_every_digit() -> None:
    digits = "0.12345678901234567890123456789012345678"
    value = f'{{"x":[{digits},1.50,true,null,"é\\""]}}'
    assert _text(exact(value)) == value


# The function's entry


def test_the_entry_answers_and_logs_nothing_of_the_item(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", **RUN).items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    item = {"id": {"S": SECRET}, SECRET: {"S": SECRET}}
    answer = reconcile_handler.handle({"step": "preview", "item": item, "diff": False}, Ending())
    assert json.loads(answer["document"]) == {"id": SECRET, SECRET: SECRET, KEY_FIELD: index_key(SECRET)}
    logged = capsys.readouterr().out
    assert json.loads(logged) == {"step": "preview", "request_id": "request-1"}
    with pytest.raises(RunRefusedError) as refused:
        reconcile_handler.handle({"step": "preview", "item": {SECRET: {"S": SECRET}}}, Ending())
    assert SECRET not in str(refused.value) + capsys.readouterr().out
