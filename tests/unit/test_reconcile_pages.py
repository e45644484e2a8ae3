"""The pages of a segment, the next one read ahead: in memory, where what is begun is done at once, and in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from searchsync.clock import Deadline, SystemClock
from searchsync.config import read_environment
from searchsync.edges.table import Item, ScanPage
from searchsync.errors import CollectionBusyError, StackError, TableBusyError
from searchsync.limits import AHEAD_AGE, AHEAD_READ, ONE_PAGE
from searchsync.protocol.bulk import Response
from searchsync.reconcile import backfill
from searchsync.reconcile.ahead import InBackground
from searchsync.reconcile.pages import Pages
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.settings import read_settings
from tests.support.at_once import AtOnce
from tests.support.events import NOW, environment
from tests.support.fakes import FakeClock
from tests.support.reconcile_harness import IN_TIME, Lane, World

PATIENCE = 20.0
"""Seconds: what takes so long in a test never comes."""


class Table:
    """Pages 0 to `count`, each of so many read units; `fails` by position."""

    def __init__(self, clock: FakeClock, count: int = 10, units: float = 1.0) -> None:
        self.clock, self.count, self.units = clock, count, units
        self.asked: list[int] = []
        self.until: list[float] = []
        self.fails: dict[int, list[Exception]] = {}

    def read(self, position: Any, deadline: Deadline) -> ScanPage:
        number = position or 0
        self.asked.append(number)
        self.until.append(deadline.remaining())
        if self.fails.get(number):
            raise self.fails[number].pop(0)
        more: Any = number + 1 if number + 1 < self.count else None
        return ScanPage(self.clock.now(), self.clock.monotonic(), [], more, self.units)


def pages(table: Table, rate: float | None = None, late: Callable[[], bool] = lambda: False) -> Pages[ScanPage]:
    clock = table.clock
    return Pages(table.read, AtOnce(clock), Pace(clock, rate), clock, Deadline.after(clock, 880.0), late)


def through(found: Pages[ScanPage], work: Callable[[ScanPage], object]) -> list[Any]:
    """Every page, with some work on each; where each began."""
    begins, position = list[Any](), None
    while True:
        begins.append(position)
        page = found.at(position)
        work(page)
        position = page.position
        if position is None:
            return begins


def test_the_next_page_is_read_before_the_work_on_this_one() -> None:
    table = Table(FakeClock(NOW), 3)
    seen: list[list[int]] = []
    assert through(pages(table), lambda _: seen.append(list(table.asked))) == [None, 1, 2]
    assert seen == [[0, 1], [0, 1, 2], [0, 1, 2]]


def test_a_page_that_waited_too_long_is_read_again() -> None:
    table = Table(FakeClock(NOW), 2)
    ages: list[float] = []

    def work(page: ScanPage) -> None:
        ages.append(table.clock.monotonic() - page.read_monotonic)
        table.clock.sleep(AHEAD_AGE + 0.1)

    through(pages(table), work)
    assert table.asked == [0, 1, 1]
    assert max(ages) == 0.0


def test_a_page_of_nearly_that_age_is_used_and_its_age_counts_from_its_read() -> None:
    table = Table(FakeClock(NOW), 2)
    ages: list[float] = []

    def work(page: ScanPage) -> None:
        ages.append(table.clock.monotonic() - page.read_monotonic)
        table.clock.sleep(AHEAD_AGE - 0.1)

    through(pages(table), work)
    assert table.asked == [0, 1]
    assert ages[1] == pytest.approx(AHEAD_AGE - 0.1)


def test_where_pages_always_wait_too_long_few_are_read_twice() -> None:
    table = Table(FakeClock(NOW), 200)
    through(pages(table), lambda _: table.clock.sleep(AHEAD_AGE + 0.1))
    assert len(table.asked) - 200 <= 8


def test_reading_ahead_goes_on_after_a_page_that_waited() -> None:
    table = Table(FakeClock(NOW), 10)
    at_work: list[int] = []

    def work(_: ScanPage) -> None:
        at_work.append(len(table.asked))
        table.clock.sleep(AHEAD_AGE + 0.1 if len(at_work) == 1 else 0.0)

    through(pages(table), work)
    assert len(table.asked) == 11
    assert at_work[1:3] == [3, 5]  # after the dropped one a page in its turn, then ahead again


@pytest.mark.parametrize("error", [StackError("refused"), RuntimeError("unforeseen"), CollectionBusyError("busy")])
def test_what_a_read_ahead_raised_is_raised_where_its_page_is_asked_for(error: Exception) -> None:
    table = Table(FakeClock(NOW))
    table.fails[1] = [error]
    found = pages(table)
    found.at(None)
    with pytest.raises(type(error), match=str(error)) as raised:
        found.at(1)
    assert raised.value is error


def test_a_table_that_is_busy_ahead_is_asked_again_in_turn_with_the_calls_whole_time() -> None:
    table = Table(FakeClock(NOW), 2)
    table.fails[1] = [TableBusyError("busy")]
    assert through(pages(table), lambda _: None) == [None, 1]
    assert table.asked == [0, 1, 1]
    assert table.until == pytest.approx([880.0, AHEAD_READ, 880.0])


def test_a_table_that_stays_busy_raises_the_reads_own_error() -> None:
    table = Table(FakeClock(NOW))
    table.fails[1] = [TableBusyError("ahead"), TableBusyError("in turn")]
    found = pages(table)
    found.at(None)
    with pytest.raises(TableBusyError, match="in turn"):
        found.at(1)


def test_no_page_is_read_ahead_that_will_not_be_begun() -> None:
    table = Table(FakeClock(NOW))
    pages(table, late=lambda: True).at(None)
    assert table.asked == [0]


@pytest.mark.parametrize("seconds", [0.0, 0.4, 2.0])
def test_reading_ahead_keeps_to_the_rate(seconds: float) -> None:
    """Whether the work on a page takes no time, less than its units are paid for in, or more."""
    table = Table(FakeClock(NOW), 40, units=5.0)
    began = table.clock.monotonic()
    at: list[float] = []
    read = table.read

    def timed(position: Any, deadline: Deadline) -> ScanPage:
        at.append(table.clock.monotonic() - began)
        return read(position, deadline)

    table.read = timed  # type: ignore[method-assign]
    through(pages(table, rate=5.0), lambda _: table.clock.sleep(seconds))
    assert all(moment >= number - 1e-6 for number, moment in enumerate(at))


def test_a_page_that_was_read_and_not_asked_for_is_paid_for() -> None:
    table = Table(FakeClock(NOW))
    found = pages(table, rate=1.0)
    found.at(None)
    table.clock.sleep(2.0)
    found.at(1)  # what comes behind it is due in a second
    unpaid = found.pace.pause
    found.close()
    assert found.pace.pause == unpaid  # it was not read
    found = pages(table, rate=None)
    found.at(None)
    found.pace = pace = Pace(table.clock, 1.0)
    found.close()
    assert pace.pause == 1.0


# In a call


def filled(count: int, page: int = 10) -> World:
    world = World()
    world.client.page = page
    for number in range(count):
        world.client.put({"id": {"S": f"item-{number:04d}"}, "n": {"N": str(number)}})
    return world


def test_the_position_never_passes_a_page_that_was_read_and_not_written() -> None:
    world = filled(40)
    state = {"task": "backfill", "run": "run-1", "recheck_delay": 10.0, "export": None, "part": {"segment": 0, "of": 1}}
    state |= {"position": None, "call": 0, "totals": {}, "done": False}
    bulk = world.index.bulk

    def only_two(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        if len(world.index.documents) >= 20:
            world.clock.sleep(1.0)
            return Response(429, {"error": {"type": "circuit_breaking_exception", "reason": "injected"}})
        return bulk(body, timeout, begin_within)

    world.index.bulk = only_two  # type: ignore[method-assign]
    after = Lane(world, call_seconds=ONE_PAGE + 50.0).call(state)
    assert world.client.scans > 2
    assert not after["done"]
    assert after["totals"]["written"] == 20
    world.index.bulk = bulk  # type: ignore[method-assign]
    while not after["done"]:
        after = Lane(world).call(after)
    assert after["totals"]["items"] == 40
    assert set(world.index.documents) == set(world.client.items)


@pytest.mark.parametrize("task", ["backfill", "verify"])
def test_calls_that_end_for_time_lose_nothing(task: str) -> None:
    world = filled(95)
    if task == "verify":
        Lane(world).reconcile("backfill")
        world.clock.sleep(60.0)
    world.client.latency = 4.0
    longest = ONE_PAGE + 20.0 + (0.0 if task == "backfill" else ONE_PAGE + 6 * 12.0)
    lane = Lane(world, call_seconds=longest)
    totals = lane.run(task, {"segment": 0, "of": 1})
    assert len(lane.states) > 1
    assert totals["items"] == 95
    assert not {"missing", "different", "orphan"} & totals.keys()


def test_a_page_read_ahead_that_is_old_is_not_written() -> None:
    """While the first page waits for the collection the second grows old: an item of it that is deleted stays so."""
    world = filled(20)
    began = world.clock.time
    order = sorted(world.client.items, key=lambda name: [name not in scan_first(world), name])
    gone = order[-1]
    slow = {"left": 1}
    bulk = world.index.bulk

    def slowly(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        if slow["left"]:
            slow["left"] = 0
            world.clock.sleep(20.0)
        return bulk(body, timeout, begin_within)

    world.index.bulk = slowly  # type: ignore[method-assign]
    world.clock.at(began + 10.0, lambda: world.client.items.pop(gone))
    assert Lane(world).reconcile("backfill")["written"] == 19
    assert gone not in world.index.documents
    assert world.client.scans == 3


def scan_first(world: World) -> set[str]:
    """The ids of a table's first page."""
    answer = world.client.scan(Segment=0, TotalSegments=1, Limit=1_000, ConsistentRead=True)
    world.client.scans = 0
    return {world.client.id_of(item) for item in answer["Items"]}


# Threads


def alive() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "searchsync-ahead"]


def in_threads(read: Callable[[Any, Deadline], ScanPage], rate: float | None = None) -> Pages[ScanPage]:
    clock = SystemClock()
    return Pages(read, InBackground(), Pace(clock, rate), clock, Deadline.after(clock, 880.0), lambda: False)


def page(position: Any, more: Any) -> ScanPage:
    clock = SystemClock()
    return ScanPage(clock.now(), clock.monotonic(), [position], more, 1.0)


def test_a_page_is_read_while_the_one_before_it_is_worked_on() -> None:
    at_work, read = threading.Event(), threading.Event()

    def reading(position: Any, _: Deadline) -> ScanPage:
        if position == 1:
            assert at_work.wait(PATIENCE)
            read.set()
        return page(position, None if position else 1)

    found = in_threads(reading)
    found.at(None)
    at_work.set()
    assert read.wait(PATIENCE)
    items: Any = found.at(1).items
    assert items == [1]
    assert alive() == []


def test_an_error_in_the_thread_is_raised_where_its_page_is_asked_for() -> None:
    def reading(position: Any, _: Deadline) -> ScanPage:
        if position == 1:
            raise StackError("The table refused.")
        return page(position, 1)

    found = in_threads(reading)
    found.at(None)
    with pytest.raises(StackError, match="The table refused"):
        found.at(1)
    assert alive() == []


def test_no_thread_outlives_the_call_one_that_waits_for_its_rate_neither() -> None:
    found = in_threads(lambda position, _: page(position, 1), rate=0.001)
    found.at(None)
    assert len(alive()) == 1
    found.close()
    assert alive() == []


def test_no_thread_outlives_a_call_that_fails() -> None:
    world = filled(30)
    read = threading.Event()
    scan = world.client.scan

    def reading(**request: Any) -> Any:
        if "ExclusiveStartKey" in request:
            read.set()
        return scan(**request)

    def failing(*_: Any) -> Response:
        assert read.wait(PATIENCE)
        return Response(403, {})

    world.client.scan = reading  # type: ignore[method-assign]
    index: Any = world.index
    index.bulk = failing
    with pytest.raises(StackError):
        Lane(world, ahead=InBackground()).reconcile("backfill")
    assert alive() == []


def test_items_are_converted_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts names as it goes. Beside a page that is converted ahead, items are read and converted anew."""
    alone: list[bool] = []

    def noted(*_: Any) -> bytes:
        alone.append(backfill._CONVERTING.locked())
        return b"{}"

    monkeypatch.setattr(backfill, "encode", noted)
    backfill.documents([Item("a", {}, {}), Item("b", {}, {})], 1)
    assert alone == [True, True]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Reconciler:
    """A reconciler as the reconcile function makes it."""
    keys = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example"}
    settings = {"SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:1:stateMachine:run"}
    given = environment() | keys | settings
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    from searchsync.reconcile_handler import build  # noqa: PLC0415 - it starts when it is imported

    steps = build(read_environment(given), read_settings(given), given)
    return steps.reconciler({"id": "S"}, Pace(steps.clock, None), IN_TIME)


def test_what_runs_beside_each_other_shares_no_client_and_no_bound(made: Reconciler) -> None:
    """A bound cuts every connection that it holds: a read's must not be those of a scan that runs beside it."""
    reconciler: Any = made
    assert isinstance(reconciler.ahead, InBackground)
    table, scanned = reconciler.table, reconciler.scanned
    assert table._client is not scanned._client
    assert table._reads is not scanned._reads
    assert table._reads._bound is not scanned._reads._bound


def test_units_of_scans_and_of_reads_are_counted_together(made: Reconciler) -> None:
    reconciler = made
    reconciler.table.units, reconciler.scanned.units = 2.0, 3.0
    assert reconciler.units == 5.0
    assert replace(reconciler, scanned=reconciler.table).units == 2.0
