"""The helpers of the generated histories do what the histories rely on."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import BotoCoreError

from searchsync.protocol.version import sequence_order, stream_version
from tests.support.history import steps
from tests.support.history.aws import SLOW_BYTES, Edge
from tests.support.history.clock import WorldClock
from tests.support.history.explore import Outcome
from tests.support.history.meetings import ENOUGH, MEETINGS
from tests.support.history.minimise import minimise
from tests.support.history.network import DEAD, deleted_ids, gate_fault
from tests.support.history.truth import Truth


def bad(history: steps.History) -> bool:
    """Two puts of b before a late fault, with lanes."""
    kinds = [step for step in history.steps if step in (steps.Change("b"), steps.Fault("late"))]
    return kinds[:3] == [steps.Change("b"), steps.Change("b"), steps.Fault("late")] and history.setup.lanes == 2


def test_a_bad_history_is_made_minimal() -> None:
    noise: list[steps.Step] = [steps.Tick(5.0), steps.Change("a"), steps.Deliver(3), steps.During(4, steps.Crash())]
    drawn = steps.History(
        steps.Setup(lanes=2, batch_size=1, latency=1.0),
        (*noise, steps.Change("b"), *noise, steps.Change("b"), *noise, steps.Fault("late"), *noise),
    )
    smallest = (steps.Change("b"), steps.Change("b"), steps.Fault("late"))
    assert minimise(drawn, bad) == steps.History(steps.Setup(lanes=2), smallest)


def test_a_step_is_made_plain() -> None:
    drawn = steps.History(steps.Setup(), (steps.During(7, steps.Fault("429", 30, "c", "look")), steps.Deliver(4)))
    faulty = lambda history: any("429" in str(step) for step in history.steps)  # noqa: E731
    assert minimise(drawn, faulty).steps == (steps.Fault("429"),)


@pytest.mark.parametrize("step", [steps.Restart(0, 8), steps.Future("a", 3)])
def test_a_step_that_is_plain_in_two_ways_comes_to_an_end(step: steps.Step) -> None:
    same_kind = lambda history: any(type(each) is type(step) for each in history.steps)  # noqa: E731
    assert len(minimise(steps.History(steps.Setup(), (step,)), same_kind).steps) == 1


@dataclass
class Noted:
    """Something that is due, and notes when it came."""

    latest: float
    clock: WorldClock
    came: list[float] = field(default_factory=list)

    def come(self) -> None:
        self.came.append(self.clock.time)


def test_what_is_due_comes_at_its_own_second() -> None:
    clock = WorldClock(100.0)
    late, soon, never = (Noted(100.0 + seconds, clock) for seconds in (8.0, 3.0, 30.0))
    clock.due += [late, soon, never]
    clock.advance(10.0)
    assert (soon.came, late.came, never.came, clock.time) == ([103.0], [108.0], [], 110.0)
    assert clock.due == [never]


@pytest.mark.parametrize("fall", [True, False])
def test_a_split_keeps_numbers_rising_and_its_low_bits_fall_or_rise(fall: bool) -> None:
    truth = Truth("h1", steps.Setup())
    truth.change(steps.Change("a"), 1_000.0)
    truth.split("a", fall)
    truth.change(steps.Change("a"), 1_000.0)
    before, after = (sequence_order(each.sequence) for each in truth.records["a"])
    assert before is not None
    assert after is not None
    assert before < after
    assert (stream_version(1_000, before) > stream_version(1_000, after)) is fall
    assert [shard.parent for shard in truth.stream.shards_now] == [None, "r0", "r0"]


@pytest.mark.parametrize("length", [511, 512, 513])
def test_a_long_key_has_its_bytes(length: int) -> None:
    assert len(Truth("h123", steps.Setup(long_id=length)).keys["d"].encode()) == length


def test_a_deletion_of_nothing_leaves_no_record() -> None:
    truth = Truth("h1", steps.Setup())
    truth.change(steps.Change("a", "delete"), 1_000.0)
    assert truth.stream.records == {"r0": []}


def test_the_checkpoints_tell_what_has_passed() -> None:
    truth = Truth("h1", steps.Setup())
    for key in "aba":
        truth.change(steps.Change(key), 1_000.0)
    second = truth.records["b"][0].sequence
    passed = truth.passed({"r0": second})
    assert [len(passed[key]) for key in "abcd"] == [1, 1, 0, 0]
    assert not truth.drained({"r0": second})
    assert truth.drained({"r0": truth.records["a"][-1].sequence})


@pytest.mark.parametrize("name", steps.FAULTS)
def test_every_fault_has_its_form_in_the_gate(name: str) -> None:
    fault = gate_fault(steps.Fault(name), "a")
    assert (fault is None) == (name in DEAD)
    if fault is None:
        return
    assert fault.applied == name.endswith("applied")
    assert bool(fault.ids) == name.startswith("item")
    if name.rsplit(maxsplit=1)[-1].isdigit():
        assert str(fault.status) == name.rsplit(maxsplit=1)[-1]


def test_the_deletions_of_a_body_are_found() -> None:
    body = b'{"index":{"_id":"a"}}\n{"x":1}\n{"delete":{"_id":"b"}}\n{"delete":{"_index":"j","_id":"c"}}\n'
    assert deleted_ids(body, "i") == {"i": ["b"], "j": ["c"]}


@pytest.mark.parametrize(
    ("histories", "missing", "wrong"),
    [
        (ENOUGH, "", ""),
        (ENOUGH - 1, "black hole", ""),
        (ENOUGH, "black hole", f"never met in {ENOUGH} histories: black hole"),
    ],
)
def test_a_long_run_that_never_met_a_kind_of_trouble_is_red(histories: int, missing: str, wrong: str) -> None:
    met = Counter(kind for kind in MEETINGS if kind != missing)
    assert Outcome(histories, met).wrong == wrong


@pytest.mark.parametrize(
    ("fault", "left_s", "took_s", "answered"),
    [
        ("", 100.0, 0.0, True),
        ("no answer", 100.0, 20.0, False),
        ("no answer", 15.0, 10.0, False),
        ("slow bytes", 100.0, SLOW_BYTES, True),
        ("slow bytes", 6.0, 1.0, False),
        ("half an answer", 100.0, 0.0, False),
    ],
)
def test_a_call_to_a_service_in_trouble_ends_in_its_invocation(
    fault: str, left_s: float, took_s: float, answered: bool
) -> None:
    clock = WorldClock(1_000.0)
    edge = Edge("stream", clock, lambda: 1_000.0 + left_s, met := Counter[str]())
    edge.faults.extend([fault] if fault else [])
    with nullcontext() if answered else pytest.raises(BotoCoreError), edge.call(20.0):
        pass
    assert (clock.time - 1_000.0, sum(met.values())) == (took_s, bool(fault))
