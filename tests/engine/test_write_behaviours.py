"""The write path before a collection that is late, new, in conflict or asleep, as `lab.behaviours` says AOSS is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lab.behaviours import Behaviours
from lab.gate import Gate
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.errors import StackError
from searchsync.sync import delivery
from searchsync.sync.resync import Result
from tests.engine.client import Client
from tests.engine.test_function import RealBench
from tests.support.events import NOW, event, record, sequence_number

SCALE = 10.0
"""Seconds of the function for one of the machine."""


@pytest.fixture
def bench(gate: Gate, index_name: str) -> RealBench:
    """A pipeline that really waits, a tenth of its time."""
    bench = RealBench(gate, index_name)
    moved = bench.clock.sleep

    def wait(seconds: float) -> None:
        moved(seconds)
        time.sleep(seconds / SCALE)

    bench.clock.sleep = wait  # type: ignore[method-assign]
    return bench


@pytest.fixture
def found(direct: Client, index_name: str) -> Callable[[str], Any]:
    return lambda name: direct.found(index_name, name)


def test_a_deleted_document_that_reads_still_show_is_not_raised(
    bench: RealBench, gate: Gate, found: Callable[[str], Any]
) -> None:
    bench.table.items["a"] = {"id": {"S": "a"}}
    bench.run(event(record("MODIFY", "a", number=1, second=None)))
    gate.behave(Behaviours(reads_late_s=60.0))
    del bench.table.items["a"]
    bench.run(event(record("REMOVE", "a", number=2, second=None)))
    assert list(bench.real.current_versions(["a"], 10.0)) == ["a"]
    assert bench.run(event(record("MODIFY", "a", number=1, second=NOW - 60))) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert found("a") is None


@pytest.mark.parametrize("by_item", [True, False])
@pytest.mark.parametrize("hidden_s", [0.0, 3.0])
def test_a_new_index_that_is_not_there_for_all_is_waited_for(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], by_item: bool, hidden_s: float
) -> None:
    gate.behave(Behaviours(new_index_unwritable_s=4.0, new_index_hidden_s=hidden_s, new_index_by_item=by_item))
    batch = event(record("INSERT", "a", number=1), record("REMOVE", "b", number=2), record("INSERT", "c", number=3))
    assert bench.run(batch) == [sequence_number(1001)]
    assert "index_not_found_exception" in bench.report.busy
    time.sleep(4.0)
    assert bench.run(batch) == []
    assert found("a")
    assert found("c")
    assert bench.queue.messages == []
    assert bench.report.repair_needed == []


def test_first_writes_whose_mapping_updates_meet_are_all_written(
    bench: RealBench, gate: Gate, found: Callable[[str], Any]
) -> None:
    gate.behave(Behaviours(mapping_conflicts=True))
    names = [f"k{each}" for each in range(8)]
    batch = [
        record("INSERT", name, number=each, image={"id": {"S": name}, f"field_{name}": {"S": "x"}})
        for each, name in enumerate(names, 1)
    ]
    for _ in range(2):
        if not bench.run(event(*batch)):
            break
    assert all(found(name) for name in names)
    assert bench.queue.messages == []


def test_versions_that_are_left_out_are_the_stacks_fault(bench: RealBench, gate: Gate) -> None:
    bench.table.items["a"] = {"id": {"S": "a"}}
    bench.run(event(record("MODIFY", "a", number=1, second=None)))
    gate.behave(Behaviours(versions_left_out=True))
    with pytest.raises(StackError, match="without their versions"):
        bench.run(event(record("MODIFY", "a", number=1, second=NOW - 60)))


@pytest.mark.parametrize("timeout_s", [0.4, 2.0])
def test_a_collection_that_sleeps_is_written_at_the_second_delivery(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, timeout_s: float
) -> None:  # whether its first requests are cut, or held to their end
    bench.run(event(record("INSERT", "a", number=1)))
    gate.behave(Behaviours(sleeps_after_s=1.0, wakes_in_s=1.0))
    time.sleep(1.2)
    monkeypatch.setattr(delivery, "REQUEST_TIMEOUT", timeout_s)
    batch = event(record("MODIFY", "a", number=2), record("INSERT", "b", number=3))
    if bench.run(batch):
        time.sleep(1.0)
        assert bench.run(batch) == []
    assert found("a") == {"id": "a", "n": 2, KEY_FIELD: index_key("a")}
    assert found("b") == {"id": "b", "n": 3, KEY_FIELD: index_key("b")}
    assert bench.queue.messages == []
