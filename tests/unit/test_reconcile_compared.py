"""What a run compares: its result names it, and there is none where it is another at the end."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from searchsync import PACKAGE
from searchsync.errors import (
    CollectionBusyError,
    RunRefusedError,
)
from searchsync.reconcile.identity import UNASKED, Index
from tests.support.events import STREAM_ARN
from tests.support.reconcile_steps import (
    PREPARE,
    Bench,
    filled,
)


@pytest.fixture
def bench() -> Bench:
    return filled()


def test_a_result_names_what_was_compared(bench: Bench) -> None:
    seen = bench.machine("verify")["saw"]
    assert (seen["collection"], seen["index"]) == (urlsplit(bench.steps.config.host).netloc, bench.steps.config.index)
    assert (seen["index_uuid"], seen["index_mark"], seen["table_id"]) == ("uuid-1", "mark-1", "table-1")
    assert (seen["stream_arn"], seen["package"]) == (STREAM_ARN, PACKAGE)
    assert bench.report.result is not None
    assert bench.report.result["saw"] == seen


@pytest.mark.parametrize("other", [{"uuid": "uuid-2"}, {"mark": "mark-2"}, {"state": "missing", "uuid": None}])
def test_a_run_over_an_index_that_was_replaced_meanwhile_has_no_result(bench: Bench, other: dict[str, str]) -> None:
    plan = bench.run({**PREPARE, "input": {"task": "verify"}})
    finish = {"step": "finish"} | {name: plan[name] for name in ("task", "run", "started", "saw")}
    bench.index = replace(bench.index, **other)  # type: ignore[arg-type]
    with pytest.raises(RunRefusedError, match=r"replaced while|is missing"):
        bench.run({**finish, "results": []})


@pytest.mark.parametrize("task", ["backfill", "verify"])
@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"uuid": "uuid-2"}, "index_uuid"),
        ({"mark": "mark-2"}, "index_mark"),
        ({"state": "missing", "uuid": None, "mark": None}, "is missing"),
        ({"state": "unowned", "uuid": None, "mark": None}, "is unowned"),
    ],
)
def test_the_next_call_of_a_run_whose_index_was_deleted_ends_it_before_anything_is_written(
    bench: Bench, task: str, other: dict[str, Any], said: str
) -> None:
    state = bench.first_call(task)
    bench.world.index.bodies.clear()
    bench.index = replace(bench.index, **other)
    with pytest.raises(RunRefusedError, match=rf"{said}.* A backfill must go over all"):
        bench.run(state)
    assert bench.world.index.bodies == []


def test_an_index_that_some_nodes_do_not_know_yet_is_no_deleted_one(bench: Bench) -> None:
    """AOSS answers 404 of one that is new, and shows it without its mapping."""
    state = bench.first_call("backfill")
    there, began = bench.index, bench.world.clock.time
    bench.index = Index("missing")
    bench.world.clock.at(began + 120.0, lambda: setattr(bench, "index", Index("unowned")))
    bench.world.clock.at(began + 208.0, lambda: setattr(bench, "index", there))
    assert bench.run(state)["done"]


def test_an_index_of_another_stack_is_not_waited_for(bench: Bench) -> None:
    state = bench.first_call("backfill")
    bench.index, began = (
        Index("unowned", owner="billing arn:aws:dynamodb:eu-central-1:1:table/o"),
        bench.world.clock.time,
    )
    with pytest.raises(RunRefusedError, match="is unowned"):
        bench.run(state)
    assert bench.world.clock.time - began < 1.0


def test_a_collection_that_is_too_busy_to_say_what_its_index_is_ends_no_run(bench: Bench) -> None:
    def busy(_deadline: Any) -> Any:
        raise CollectionBusyError("busy")

    state = bench.first_call("backfill")
    looker: Any = SimpleNamespace(look=busy)
    bench.steps = replace(bench.steps, looker=looker)
    assert bench.run(state)["done"]


def test_a_look_asks_the_index_only_where_it_is_told_to(bench: Bench) -> None:
    assert bench.run({"step": "look"})["index"] == asdict(UNASKED)
    asked = bench.run({"step": "look", "index": True})
    assert asked["index"] == asdict(bench.index)
    assert asked["saw"] == bench.machine("verify")["saw"]
    assert asked["table_created"] == 5.0
