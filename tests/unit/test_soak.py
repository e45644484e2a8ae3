"""A soak's plan and its verdict: what it writes, which storms come, what it calls lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from lab.compare import Comparison
from lab.faults import Fault, FaultKind
from lab.gate import GateCounts
from lab.soak import Writer
from lab.soak_summary import Summary
from lab.storms import LATE, LONGEST_SECONDS, RECIPES, Storm, Weather, storms
from lab.watch import Sample, counter, growth, resident
from searchsync.limits import LONE_SECONDS, REQUEST_TIMEOUT

IN_STEP = Comparison(3, 2, ("bad",), (), ())
SUMMARY = Summary(
    changes=10,
    records=9,
    storms=Counter(),
    faults={},
    comparisons=1,
    comparison=IN_STEP,
    poison=frozenset({"bad"}),
    reported=frozenset({"bad"}),
    ranges=0,
    samples=(),
    longest_lag=1.0,
    invocations=1,
    seconds=1.0,
)


def test_an_index_in_step_but_for_the_poison_is_good() -> None:
    assert SUMMARY.good


@pytest.mark.parametrize(
    "changed",
    [
        {"comparison": replace(IN_STEP, missing=("bad", "good"))},
        {"comparison": replace(IN_STEP, orphan=("more",))},
        {"comparison": replace(IN_STEP, orphan=("bad",))},
        {"comparison": replace(IN_STEP, different=("good",))},
        {"reported": frozenset()},
        {"reported": frozenset({"bad", "good"})},
        {"ranges": 1},
    ],
)
def test_anything_else_is_not(changed: dict[str, object]) -> None:
    assert not replace(SUMMARY, **changed).good  # type: ignore[arg-type]


def test_a_writer_counts_the_records_that_the_stream_will_hold() -> None:
    there = {"item-000001"}
    writer = Writer(2_000, 3, there)
    table, records = set(there), 0
    for change in writer.changes():
        records += change.item is not None or change.key in table
        (table.discard if change.item is None else table.add)(change.key)
    assert writer.records == records < 2_000
    assert there == {"item-000001"}


def test_a_poisoned_key_stays_bad() -> None:
    writer = Writer(5_000, 3, set())
    last = {change.key: change.item for change in writer.changes()}
    bad = {key for key, item in last.items() if item is not None and "S" in item["number"]}
    assert writer.poison == bad
    assert len(bad) >= 3


def test_every_storm_comes_before_any_comes_twice_and_every_kind_of_fault_is_among_them() -> None:
    dealt = list(islice(storms(4, late=True), len(RECIPES) + len(LATE)))
    assert {storm.name for storm in dealt} == {*RECIPES, *LATE}
    assert {fault.kind for storm in dealt for fault in storm.faults} == set(FaultKind)
    assert list(islice(storms(4, late=True), len(dealt))) == dealt
    assert not LATE.keys() & {storm.name for storm in islice(storms(4, late=False), 3 * len(RECIPES))}


def test_no_storm_makes_poison_of_a_good_document() -> None:
    assert LONGEST_SECONDS < LONE_SECONDS
    for storm in islice(storms(4, late=True), 200):
        for fault in storm.faults:
            assert fault.kind is not FaultKind.STATUS or fault.status not in (400, 413) or fault.over > 0
        if storm.name in LATE:
            assert storm.faults[0].seconds > REQUEST_TIMEOUT


class _Gate:
    """A gate's control that remembers what is injected, and counts a hit when told."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.hits = 0

    def inject(self, *faults: Fault) -> None:
        self.waiting += faults

    def clear(self) -> None:
        self.waiting.clear()

    def set_clock_offset(self, seconds: float) -> None:
        raise NotImplementedError

    def reset_counts(self) -> None:
        raise NotImplementedError

    @property
    def counts(self) -> GateCounts:
        return GateCounts(faults={"status": self.hits})


def _forecast() -> Iterator[Storm]:
    for number in range(9):
        yield Storm(str(number), (Fault(FaultKind.STATUS, count=None),), 0.0)


def test_a_storm_lasts_until_it_has_hit_and_the_next_waits_for_its_end() -> None:
    gate = _Gate()
    weather = Weather(gate, _forecast(), 10, behind=lambda: 1)
    assert not weather.step(0)
    assert (weather.name, len(gate.waiting)) == ("0", 1)
    assert not weather.step(9)
    assert weather.step(10)
    assert weather.name == "0"
    gate.hits = 1
    assert not weather.step(10)
    assert (weather.name, len(gate.waiting)) == ("1", 1)
    assert weather.blows()
    gate.hits = 2
    assert not weather.blows()
    assert (weather.name, gate.waiting) == ("fine", [])
    assert weather.storms == {"0": 1, "1": 1}


def test_a_storm_that_no_request_will_meet_is_over_but_not_while_the_writer_writes() -> None:
    gate, left = _Gate(), [5]
    weather = Weather(gate, _forecast(), 10, behind=lambda: left[0])
    weather.step(0)
    assert weather.step(10)
    left[0] = 0
    assert not weather.step(9)
    assert weather.name == "0"
    assert not weather.step(10)
    assert weather.name == "1"
    assert not weather.blows()


def test_growth_is_between_the_first_quarter_and_the_last() -> None:
    memory = [(0.1, 0), (0.1, 50), (0.2, 52), (0.5, 900), (0.8, 60), (1.0, 62)]
    assert growth([Sample(progress, used, 0.0) for progress, used in memory]) == 10
    assert growth([]) == 0


def test_a_process_has_memory_until_it_is_gone() -> None:

    assert resident(os.getpid()) > 1_000_000
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert resident(child.pid) == 0


def test_a_sequence_number_begins_with_its_counter() -> None:
    assert counter("9500000000003126276362") == 95
