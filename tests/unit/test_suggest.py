"""The answer to `searchsync mapping suggest`: how a sample is read, and that no value of an item is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD
from searchsync.documents.shape import Shape
from searchsync.errors import RunRefusedError, TableBusyError
from searchsync.limits import MOST_SAMPLED, SAMPLE_SEGMENTS, SAMPLE_UNITS
from searchsync.reconcile import suggest as module
from searchsync.reconcile.parts import Pace
from searchsync.reconcile.suggest import ALL, ENOUGH, TIME, UNITS, Suggester
from tests.support.events import environment
from tests.support.reconcile_harness import World
from tests.unit.test_doctor import RUN, Ending

ITEMS = 500
SECRET = "content-of-an-item"


@pytest.fixture
def world() -> World:
    made = World()
    for number in range(ITEMS):
        made.client.put({"id": {"S": f"item-{number}"}, "n": {"N": str(number)}, "secret": {"S": SECRET}})
    return made


def suggest(
    world: World,
    rate: float | None = None,
    seconds: float = 60.0,
    shape: Shape | None = None,
    when: str | None = None,
    **event: Any,
) -> dict[str, Any]:
    config = read_environment(environment(DOCUMENT_SHAPE=json.dumps({"when": when})))
    config = replace(config, shape=shape or config.shape)
    made = Suggester(config, world.table, Pace(world.clock, rate))
    return dict(json.loads(json.dumps(made.answer(event, Deadline.after(world.clock, seconds)))))


def test_a_sample_comes_from_every_segment_and_says_what_was_read(world: World) -> None:
    world.client.unit = 0.5
    answer = suggest(world, items=64)
    assert answer["read"] == {"items": 64, "units": 32, "segments": SAMPLE_SEGMENTS, "ended": ENOUGH}
    assert world.client.scans == SAMPLE_SEGMENTS
    assert answer["mapping"]["properties"]["n"] == {"type": "long"}


def test_items_that_the_condition_leaves_out_are_no_reason_for_a_field(world: World) -> None:
    world.client.put({"id": {"S": "other"}, "n": {"S": "a text"}, "kind": {"S": "other"}})
    when = json.dumps({"kind": [{"exists": False}]})
    properties = suggest(world, items=MOST_SAMPLED, when=when)["mapping"]["properties"]
    assert properties["n"] == {"type": "long"}
    assert "kind" not in properties
    with pytest.raises(RunRefusedError, match=r"has a document by `document\.when`"):
        suggest(world, when=json.dumps({"kind": ["none"]}))


def test_a_table_smaller_than_the_sample_is_read_whole(world: World) -> None:
    assert suggest(world, items=MOST_SAMPLED)["read"]["items"] == ITEMS
    assert suggest(world, items=MOST_SAMPLED)["read"]["ended"] == ALL
    assert suggest(world)["read"]["ended"] == ALL


def test_read_units_of_a_sample_are_bounded(world: World) -> None:
    world.client.unit = SAMPLE_UNITS / 100
    answer = suggest(world, items=ITEMS)
    assert answer["read"]["ended"] == UNITS
    assert SAMPLE_UNITS <= answer["read"]["units"] < 2 * SAMPLE_UNITS


def test_reads_keep_to_the_runs_rate(world: World) -> None:
    world.client.unit = 1.0
    began = world.clock.monotonic()
    suggest(world, rate=10.0, items=160)
    assert world.clock.monotonic() - began >= 15.0


def test_a_time_that_does_not_suffice_ends_the_sample(world: World) -> None:
    world.client.unit = 1.0
    answer = suggest(world, rate=1.0, seconds=30.0, items=ITEMS)
    assert answer["read"]["ended"] == TIME
    assert 0 < answer["read"]["items"] < ITEMS


def test_a_table_that_is_busy_ends_the_sample_or_is_an_error(world: World) -> None:
    world.client.faults.extend([None, *["ThrottlingException"] * 100_000])
    answer = suggest(world, items=ITEMS)
    assert (answer["read"]["ended"], answer["read"]["items"]) == (TIME, 32)
    world.client.faults.clear()
    world.client.faults.extend(["ThrottlingException"] * 100_000)
    with pytest.raises(TableBusyError):
        suggest(world, items=ITEMS)


@pytest.mark.parametrize("items", [0, -1, MOST_SAMPLED + 1, "1", None])
def test_a_sample_that_cannot_be_is_refused(world: World, items: Any) -> None:
    with pytest.raises(RunRefusedError, match="sample"):
        suggest(world, items=items)


def test_an_empty_table_has_nothing_to_suggest_from() -> None:
    with pytest.raises(RunRefusedError, match="no items"):
        suggest(World())


def test_documents_are_sampled_as_they_are_written(world: World) -> None:
    world.client.put({"id": {"S": "v"}, "_version": {"N": "1"}})
    properties = suggest(world, shape=Shape(exclude=("secret",), keys=("id",)))["mapping"]["properties"]
    assert properties.keys() == {"id", "n", "__version"}


def test_fields_have_the_documents_names_and_what_is_to_be_excluded_the_items(world: World) -> None:
    """A constant cannot be excluded: what stands in its way can."""
    world.client.put({"id": {"S": "a"}, "tenant.id": {"N": "1"}, "old.b": {"N": "1"}, "o": {"S": "x"}})
    shape = Shape(None, (), ("id",), (("n", "count"), ("o", "old")), (("tenant", {"S": "eu"}),))
    answer = suggest(world, shape=shape)
    assert answer["exclude"] == ["o", r"old\.b", r"tenant\.id"]
    properties = answer["mapping"]["properties"]
    assert (properties["count"], properties.keys()) == ({"type": "long"}, {"id", "secret", "count"})


def test_items_that_are_poison_whatever_the_mapping_are_counted(world: World) -> None:
    world.client.put({"id": {"S": "bad"}, KEY_FIELD: {"N": "1"}})
    ((why, count),) = suggest(world)["poison"].items()
    assert (KEY_FIELD in why, count) == (True, 1)


def test_what_the_present_mapping_refuses_is_told_by_its_field(world: World) -> None:
    world.client.put({"id": {"S": "word"}, "n": {"S": "word"}})
    (field,) = (each for each in suggest(world)["fields"] if each["path"] == "n")
    assert (field["seen"], field["refused"]) == ({"N": ITEMS, "S": 1}, 1)


def test_the_answer_holds_no_value_of_an_item(world: World) -> None:
    assert SECRET not in json.dumps(suggest(world))


def test_the_entry_logs_what_was_read_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", **RUN).items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    class Canned(Suggester):
        def answer(self, event: Mapping[str, Any], _deadline: Deadline) -> dict[str, Any]:
            assert self.pace.units_in(1.0) == 4.0
            return {"read": {"items": event["items"]}, "fields": [SECRET]}

    monkeypatch.setattr(module, "Suggester", Canned)
    monkeypatch.setattr(reconcile_handler, "units", lambda *_: 4.0)
    monkeypatch.setattr(type(reconcile_handler.steps.account), "table", lambda _: None)
    answer = reconcile_handler.handle({"step": "suggest_mapping", "items": 3}, Ending())
    assert answer["fields"] == [SECRET]
    assert json.loads(capsys.readouterr().out) == {"step": "suggest_mapping", "request_id": "request-1", "items": 3}
