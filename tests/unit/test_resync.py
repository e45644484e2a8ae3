"""Resync: what several reads gave goes in one request, each write in its own read's time and with its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.errors import TableBusyError
from searchsync.limits import GATHERED_S, LARGEST_BODY, READ_AND_WRITE, READ_TO_ANSWER, READ_TO_REQUEST, ROUNDS
from searchsync.protocol.bulk import DONE, Answer, Kind, Write
from searchsync.protocol.ports import Page
from searchsync.protocol.version import read_version
from searchsync.sync.resync import Result, Resync, Target
from tests.support.events import NOW
from tests.support.fakes import FakeClock, MemoryTable

MAX_SKEW = 10.0
BUSY = Answer(Kind.BUSY, 429)


@dataclass
class Pages:
    """A table whose pages have so many keys, and come so many seconds after each other. `empty_before`: pages by
    number before which the table is waited for; behind `unread_behind` pages the time is over."""

    clock: FakeClock
    size: int = 2
    seconds: float = 1.0
    text: str = "x"
    empty_before: Mapping[int, float] = field(default_factory=dict)
    unread_behind: int | None = None
    read_at: dict[str, list[float]] = field(default_factory=dict)

    def read(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> Iterator[Page]:
        names = list(keys)
        for number, start in enumerate(range(0, len(names), self.size)):
            if number == self.unread_behind:
                raise TableBusyError("the table was busy")
            if number in self.empty_before:
                yield Page(self.clock.now(), self.clock.monotonic(), {})
                self.clock.sleep(self.empty_before[number])
            read_at = self.clock.now()
            self.clock.sleep(self.seconds)
            images = {name: {"id": {"S": name}, "t": {"S": self.text}} for name in names[start : start + self.size]}
            for name in images:
                self.read_at.setdefault(name, []).append(read_at)
            yield Page(read_at, read_at, images)


@dataclass
class Delivered:
    """Takes writes; what each request had: names, versions, and until when it may be begun and answered."""

    clock: FakeClock
    busy: set[str] = field(default_factory=set)
    batches: list[list[str]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    at: list[float] = field(default_factory=list)
    until: list[Deadline] = field(default_factory=list)

    def __call__(self, writes: Sequence[Write], until: Deadline) -> dict[str, Answer]:
        self.batches.append([write.id for write in writes])
        self.versions |= {write.id: write.version for write in writes}
        self.at.append(self.clock.time)
        self.until.append(until)
        answers = {write.id: BUSY if write.id in self.busy else DONE for write in writes}
        self.busy = set()
        return answers


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW + 100.5)


def run(
    table: Pages | MemoryTable, delivered: Delivered, count: int, seconds: float = 300.0, **given: Any
) -> dict[str, Result]:
    names = [f"k{number}" for number in range(count)]
    targets = [Target(name, {"id": {"S": name}}, NOW, NOW) for name in names]
    resync = Resync(table, delivered, table.clock, MAX_SKEW, **given)
    outcomes = resync.run(targets, Deadline.after(table.clock, seconds))
    assert list(outcomes) == names or set(outcomes) == set(names)
    return {name: each.result for name, each in outcomes.items()}


def test_several_reads_share_a_request_and_each_write_has_its_own_reads_version(clock: FakeClock) -> None:
    table, delivered = Pages(clock), Delivered(clock)
    assert set(run(table, delivered, 6).values()) == {Result.RESYNCED}
    assert delivered.batches == [[f"k{number}" for number in range(6)]]
    assert delivered.versions == {name: read_version(at, MAX_SKEW) for name, (at,) in table.read_at.items()}
    assert len(set(delivered.versions.values())) == 3


def test_a_key_that_the_table_cannot_have_is_poison_beside_the_others(clock: FakeClock) -> None:
    table = MemoryTable(clock, refused=frozenset({"k1"}))
    assert run(table, Delivered(clock), 3) == {
        "k0": Result.RESYNCED,
        "k1": Result.POISON,
        "k2": Result.RESYNCED,
    }


def test_the_request_is_in_its_oldest_reads_time(clock: FakeClock) -> None:
    delivered = Delivered(clock)
    run(Pages(clock), delivered, 6)
    (until,) = delivered.until
    assert (until.begin_by, until.at) == (NOW + 100.5 + READ_TO_REQUEST, NOW + 100.5 + READ_TO_ANSWER)


def test_what_was_read_does_not_grow_old_while_more_is_read(clock: FakeClock) -> None:
    table, delivered = Pages(clock, seconds=2.0), Delivered(clock)
    run(table, delivered, 12)
    assert delivered.batches == [["k0", "k1", "k2", "k3"], ["k4", "k5", "k6", "k7"], ["k8", "k9", "k10", "k11"]]
    for batch, at in zip(delivered.batches, delivered.at, strict=True):
        assert at - table.read_at[batch[0]][0] < GATHERED_S + table.seconds


def test_before_the_table_is_waited_for_what_was_read_is_written(clock: FakeClock) -> None:
    table, delivered = Pages(clock, empty_before={1: 60.0}), Delivered(clock)
    assert set(run(table, delivered, 4).values()) == {Result.RESYNCED}
    assert delivered.batches == [["k0", "k1"], ["k2", "k3"]]
    assert [at - table.read_at[batch[0]][0] for batch, at in zip(delivered.batches, delivered.at, strict=True)] == [
        table.seconds
    ] * 2


def test_a_request_has_no_more_bytes_than_it_may(clock: FakeClock) -> None:
    table, delivered = Pages(clock, seconds=0.0, text="x" * 400_000), Delivered(clock)
    run(table, delivered, 40)
    sizes = [sum(400_100 for _ in batch) for batch in delivered.batches]
    assert max(sizes) <= LARGEST_BODY
    assert len(sizes) == 4


def test_of_pages_that_are_partly_unread_the_read_ones_are_written(clock: FakeClock) -> None:
    table, delivered = Pages(clock, unread_behind=2), Delivered(clock)
    results = run(table, delivered, 6)
    assert delivered.batches == [["k0", "k1", "k2", "k3"]]
    assert [results[f"k{number}"] for number in range(6)] == [Result.RESYNCED] * 4 + [Result.FAILED] * 2


def test_what_was_busy_is_read_again_alone_and_has_the_new_reads_version(clock: FakeClock) -> None:
    table, delivered = Pages(clock), Delivered(clock, busy={"k1", "k4"})
    assert set(run(table, delivered, 6).values()) == {Result.RESYNCED}
    assert delivered.batches[1] == ["k1", "k4"]
    again = table.read_at["k1"][1]
    assert again > max(at for times in table.read_at.values() for at in times[:1])
    assert delivered.versions["k1"] == read_version(again, MAX_SKEW)


def test_what_was_read_near_the_end_is_written_before_more_is_read(clock: FakeClock) -> None:
    table, delivered = Pages(clock), Delivered(clock)
    run(table, delivered, 12, seconds=READ_AND_WRITE + 2.5)
    assert delivered.batches[0] == ["k0", "k1", "k2", "k3"]


def test_a_request_for_each_read_where_it_has_no_room_for_two(clock: FakeClock) -> None:
    delivered = Delivered(clock)
    run(Pages(clock), delivered, 6, largest_body=1)
    assert delivered.batches == [["k0", "k1"], ["k2", "k3"], ["k4", "k5"]]
    assert len(delivered.batches) < ROUNDS
