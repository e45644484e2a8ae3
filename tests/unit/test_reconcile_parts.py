"""Calls of a run, in memory: backfill, verify and repair of segments and slices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.errors import CollectionBusyError, RunRefusedError, StackError
from searchsync.limits import FEW_TO_REPAIR, LONGEST_CALL, MOST_TO_REPAIR, ONE_PAGE, READ_TO_ANSWER, TOLD_EVERY
from searchsync.protocol.bulk import Response
from searchsync.reconcile.parts import Pace, PacedTable
from searchsync.reconcile.visibility import is_probe
from searchsync.sync.delivery import PROBE_PREFIX
from tests.support.events import environment
from tests.support.fakes import BUSY, FAILING, POISONED, FakeClock, MemoryBucket, MemoryTable, faulty
from tests.support.reconcile_harness import Lane, World

BUSY_REQUEST = Response(429, {"error": {"type": "circuit_breaking_exception", "reason": "injected"}})


def image(name: str, number: int = 1) -> dict[str, Any]:
    return {"id": {"S": name}, "n": {"N": str(number)}}


def filled(count: int, page: int = 10) -> World:
    """A table whose items no stream ever told of."""
    world = World()
    world.client.page = page
    for number in range(count):
        world.client.put(image(f"item-{number:04d}", number))
    return world


def versions_of_reads(world: World) -> bool:
    return all(version & 1 for version, _ in world.index.documents.values())


def in_step(world: World) -> bool:
    documents = {name: source for name, (_, source) in world.index.documents.items()}
    return documents == {
        name: {"id": item["id"]["S"], "n": int(item["n"]["N"]), KEY_FIELD: index_key(name)}
        for name, item in world.client.items.items()
    }


# Backfill


@pytest.mark.parametrize("of", [1, 4])
def test_a_backfill_writes_every_item_with_its_reads_version(of: int) -> None:
    world = filled(95)
    lane = Lane(world)
    assert lane.reconcile("backfill", of) == {"items": 95, "written": 95}
    assert in_step(world)
    assert versions_of_reads(world)


def test_every_task_goes_by_the_shape_of_documents() -> None:
    """Also of what is read again, as the collection was busy."""
    world, shaped = filled(20), read_environment(environment(DOCUMENT_SHAPE='{"exclude": ["n"]}'))
    began = world.clock.time
    world.index.item_fault = lambda _, name: (
        BUSY if name == "item-0001" and world.clock.time < began + READ_TO_ANSWER else None
    )

    def without() -> bool:
        return all(set(source) == {"id", KEY_FIELD} for _, source in world.index.documents.values())

    assert Lane(world, shaped).reconcile("backfill") == {"items": 20, "written": 20}
    assert world.client.reads > 0
    assert without()
    assert Lane(world, shaped).reconcile("verify") == {"items": 20, "documents": 20}
    assert Lane(world).reconcile("verify")["different"] == 20
    version, source = world.index.documents["item-0001"]
    world.index.documents["item-0001"] = (version + 2, {**source, "n": 1})
    assert Lane(world, shaped).reconcile("repair")["repaired"] == 1
    assert without()


RENAMED = '{"rename": {"n": "count"}, "constants": {"tenant": "eu"}}'


def test_every_task_goes_by_the_names_and_constants_of_documents() -> None:
    """An item whose own attribute has a new name is never in step, and in the queue whenever it should be written."""
    world, named = filled(20), read_environment(environment(DOCUMENT_SHAPE=RENAMED))
    Lane(world).reconcile("backfill")
    assert Lane(world, named).reconcile("verify")["different"] == 20  # written before the setting
    world.rest()
    assert Lane(world, named).reconcile("backfill") == {"items": 20, "written": 20}
    assert all(set(source) == {"id", "count", "tenant", KEY_FIELD} for _, source in world.index.documents.values())
    assert Lane(world, named).reconcile("verify") == {"items": 20, "documents": 20}
    for name in ("item-0001", "item-0002"):
        world.client.put(image(name) | {"count": {"N": "7"}})
    del world.index.documents["item-0002"]
    found = Lane(world, named).reconcile("verify")
    assert (found["different"], found["missing"]) == (1, 1)
    world.rest()
    for task in ("backfill", "repair"):
        lane = Lane(world, named)
        assert lane.reconcile(task)["poison"] == 2
        assert {"document.rename" in message["reason"] for message in lane.queue.messages} == {True}
    world.client.put(image("item-0001") | {"tenant": {"S": "us"}})
    lane = Lane(world, named)
    assert lane.reconcile("repair")["poison"] == 2
    assert [each for each in lane.queue.messages if "document.constants" in each["reason"]]


NOT_DELETED = '{"when": "{\\"_deleted\\": [{\\"exists\\": false}, false]}"}'
OF_KEYS = '{"when": "{\\"id\\": [{\\"suffix\\": \\"1\\"}]}"}'


def test_every_task_goes_by_the_condition_of_documents() -> None:
    """Also of what is read again, as the collection was busy; items that are to have no document lose it."""
    world, given = filled(20), read_environment(environment(DOCUMENT_SHAPE=NOT_DELETED))
    Lane(world).reconcile("backfill")
    for name in ("item-0001", "item-0002", "item-0003"):
        world.client.put(image(name) | {"_deleted": {"BOOL": True}})
    assert Lane(world, given).reconcile("verify") == {"items": 20, "filtered": 3, "documents": 20, "orphan": 3}
    world.rest()
    began = world.clock.time
    world.index.item_fault = lambda _, name: (
        BUSY if name == "item-0001" and world.clock.time < began + READ_TO_ANSWER else None
    )
    assert Lane(world, given).reconcile("backfill") == {"items": 20, "written": 17, "filtered": 3}
    assert world.client.reads > 0
    assert len(world.index.documents) == 17
    assert Lane(world, given).reconcile("verify") == {"items": 20, "filtered": 3, "documents": 17}
    world.client.put(image("item-0004") | {"_deleted": {"BOOL": True}})
    world.client.put(image("item-0003", 3))
    found = Lane(world, given).reconcile("repair")
    assert (found["orphan"], found["missing"], found["repaired"]) == (1, 1, 2)
    assert Lane(world, given).reconcile("verify") == {"items": 20, "filtered": 3, "documents": 17}


def test_a_condition_of_keys_costs_a_backfill_nothing_and_a_repair_removes_what_was_there_before() -> None:
    world, given = filled(20), read_environment(environment(DOCUMENT_SHAPE=OF_KEYS))
    assert Lane(world, given).reconcile("backfill") == {"items": 20, "written": 2, "filtered": 18}
    assert sum(body.count(b'{"delete"') for body in world.index.bodies) == 0
    assert sorted(world.index.documents) == ["item-0001", "item-0011"]
    assert Lane(world, given).reconcile("verify") == {"items": 20, "filtered": 18, "documents": 2}
    Lane(world).reconcile("backfill")
    lane = Lane(world, given, s3=MemoryBucket(), seen_bucket="seen")  # what was compared is not looked up
    found = lane.reconcile("repair")
    assert (found["orphan"], found["repaired"]) == (18, 18)
    assert sorted(world.index.documents) == ["item-0001", "item-0011"]


def test_a_verification_asks_the_index_of_no_item_that_is_to_have_no_document() -> None:
    world, given = filled(20), read_environment(environment(DOCUMENT_SHAPE=OF_KEYS))
    Lane(world, given).reconcile("backfill")
    Lane(world, given).reconcile("verify")
    assert {name for names in world.reader.asked for name in names} == {"item-0001", "item-0011"}


def test_a_run_ends_where_the_table_has_another_key_schema_than_when_it_began() -> None:
    clock = FakeClock()
    typed: Any = MemoryTable(clock, refused=frozenset({"a"}))
    typed.units = 0.0
    table = PacedTable(typed, Pace(clock, None))
    with pytest.raises(StackError, match="another one than when the run began"):
        list(table.read({"a": {"id": {"N": "1"}}}, Deadline.after(clock, 30)))


@pytest.mark.parametrize("task", ["backfill", "verify"])
def test_a_call_says_every_few_seconds_how_far_it_is_however_many_pages_it_has(task: str) -> None:
    world = filled(400)
    world.client.latency = 1.0
    lane = Lane(world)
    began = world.clock.now()
    lane.reconcile(task)
    told = [each["items"] for each in lane.under_way if each["part"].startswith("segment")]
    seconds = world.clock.now() - began
    assert 40 / TOLD_EVERY / 2 <= len(told) <= seconds / TOLD_EVERY + 1  # of 40 pages, a second each
    assert told == sorted(set(told))
    assert told[-1] > 300


def test_a_backfill_goes_on_where_the_last_call_stopped() -> None:
    world = filled(95)
    world.client.latency = 5.0  # seconds: a call of 90 s reads some pages
    lane = Lane(world, call_seconds=ONE_PAGE + 20.0)
    assert lane.reconcile("backfill") == {"items": 95, "written": 95}
    assert in_step(world)
    assert len(lane.states) > 1
    assert len({json.dumps(each["position"]) for each in lane.states}) == len(lane.states)


def test_what_the_stream_has_written_since_stays() -> None:
    world = filled(3)
    world.put("item-0001", n={"N": "99"})
    world.clock.sleep(0.0)
    assert Lane(world).reconcile("backfill") == {"items": 3, "written": 2, "passed": 1}
    assert in_step(world)


def test_a_change_after_the_page_was_read_wins_over_the_page() -> None:
    """Though the stream's clock is behind: the skew bound keeps the page's version below its second."""
    world = filled(1)
    world.skew = 2.9
    scan = world.client.scan

    def changed_meanwhile(**request: Any) -> Any:
        answer = scan(**request)
        world.put("item-0000", n={"N": "99"})
        return answer

    world.client.scan = changed_meanwhile  # type: ignore[method-assign]
    Lane(world).reconcile("backfill")
    world.rest()
    assert world.index.documents["item-0000"][1]["n"] == 99


def test_a_page_that_takes_too_long_is_read_again_and_what_was_deleted_meanwhile_stays_deleted() -> None:
    """After 55 s the tombstone of a deletion may be gone: nothing read before is written."""
    world = filled(3)

    def slow(_operation: str, _name: str) -> dict[str, Any] | None:
        return BUSY if world.clock.time < began + 100.0 else None

    began = world.clock.time
    world.index.item_fault = slow
    world.clock.at(began + 30.0, lambda: world.delete("item-0001"))
    world.clock.at(began + 99.0, world.index.tombstones.clear)
    counts = Lane(world).reconcile("backfill")
    assert in_step(world)
    assert "item-0001" not in world.index.documents
    assert counts == {"items": 3, "written": 2}


def test_items_that_were_not_taken_are_read_again_alone() -> None:
    world = filled(3)
    began = world.clock.time
    world.index.item_fault = lambda _, name: BUSY if name == "item-0001" and world.clock.time < began + 15 else None
    asked: list[list[str]] = []
    read = world.client.batch_get_item

    def noted(**request: Any) -> Any:
        asked.append([key["id"]["S"] for key in request["RequestItems"]["t"]["Keys"]])
        return read(**request)

    world.client.batch_get_item = noted  # type: ignore[method-assign]
    lane = Lane(world)
    world.backoff.rng.seed(5)
    assert lane.reconcile("backfill") == {"items": 3, "written": 3}
    assert all(each == ["item-0001"] for each in asked)
    assert world.client.scans == 1


def test_an_item_that_cannot_be_written_is_counted_handed_over_and_the_run_goes_on() -> None:
    world = filled(20)
    world.client.put({"id": {"S": "strange"}, "x": {"UNKNOWN": "type"}})
    world.index.item_fault = faulty(**{"item-0007": POISONED})
    lane = Lane(world)
    assert lane.reconcile("backfill") == {"items": 21, "written": 19, "poison": 2}
    messages = {message["key"]["id"]["S"]: message for message in lane.queue.messages}
    assert messages.keys() == {"strange", "item-0007"}
    assert messages["strange"]["error_type"] == "ConversionError"
    assert messages["item-0007"]["error_type"] == "mapper_parsing_exception"
    assert all(message["version"] & 1 for message in messages.values())


def test_an_item_that_alone_is_left_by_a_busy_collection_is_known_for_poison() -> None:
    world = filled(3)
    began = world.clock.time
    world.index.item_fault = lambda _, name: FAILING if name == "item-0001" or world.clock.time < began + 15 else None
    lane = Lane(world)
    assert lane.reconcile("backfill") == {"items": 3, "written": 2, "poison": 1}
    assert [message["key"]["id"]["S"] for message in lane.queue.messages] == ["item-0001"]


def test_a_document_from_the_future_is_poison() -> None:
    world = filled(2)
    world.plant("item-0000", {}, version=int(world.clock.time + 1_000) << 31)
    lane = Lane(world)
    assert lane.reconcile("backfill") == {"items": 2, "written": 1, "poison": 1}
    assert lane.queue.messages[0]["error_type"] == "version_from_the_future"


def test_a_queue_that_refuses_stops_the_run() -> None:
    world = filled(1)
    world.index.item_fault = faulty(**{"item-0000": POISONED})
    lane = Lane(world)
    lane.queue.refusing = frozenset({0})
    with pytest.raises(StackError, match="failure queue refused 1 messages"):
        lane.reconcile("backfill")


def test_a_throttled_table_is_waited_for() -> None:
    world = filled(30)
    world.client.faults.extend([None, "ProvisionedThroughputExceededException", "ThrottlingException", None] * 2)
    assert Lane(world).reconcile("backfill") == {"items": 30, "written": 30}


def test_a_collection_busy_for_a_while_is_waited_for_and_progress_is_kept() -> None:
    """Pages that were written before the collection went away need not be written again."""
    world = filled(30)
    lane = Lane(world, call_seconds=300.0)
    began = world.clock.time
    bulk = world.index.bulk
    bodies: list[bytes] = []

    def away(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        world.clock.sleep(0.5)
        if began + 0.6 < world.clock.time < began + 900.0:
            return BUSY_REQUEST
        bodies.append(body)
        return bulk(body, timeout, begin_within)

    world.index.bulk = away  # type: ignore[method-assign]
    event: dict[str, Any] = {"task": "backfill", "run": "r", "recheck_delay": 10.0, "export": None}
    event |= {"part": {"segment": 0, "of": 1}, "position": None, "call": 0, "totals": {}}
    event = lane.call(event)
    assert (event["done"], event["totals"]["items"]) == (False, 10)
    with pytest.raises(CollectionBusyError):
        lane.call(event)
    while not event["done"]:
        try:
            event = lane.call(event)
        except CollectionBusyError:
            continue
    assert event["totals"] == {"items": 30, "written": 30}
    assert in_step(world)
    assert sum(body.count(b'"_id":"item-') for body in bodies) == 30


@pytest.mark.parametrize("repeats", [0, 2])
def test_a_call_that_is_busy_to_its_end_is_repeated_as_often_as_the_state_machine_does(repeats: int) -> None:
    world = filled(10)
    bulk, until = world.index.bulk, world.clock.time + 1_000.0

    def away(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        return BUSY_REQUEST if world.clock.time < until else bulk(body, timeout, begin_within)

    world.index.bulk = away  # type: ignore[method-assign]
    lane = Lane(world, repeats=repeats)
    if not repeats:
        with pytest.raises(CollectionBusyError):
            lane.reconcile("backfill")
        return
    assert lane.reconcile("backfill") == {"items": 10, "written": 10}
    assert lane.repeated == 1


def test_a_lost_answer_is_no_item_lost() -> None:
    world = filled(10)
    bulk = world.index.bulk
    lost = iter([True, False])

    def answer(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        real = bulk(body, timeout, begin_within)
        return Response(None, detail="reset") if next(lost, False) else real

    world.index.bulk = answer  # type: ignore[method-assign]
    assert Lane(world).reconcile("backfill") == {"items": 10, "passed": 10}
    assert in_step(world)


# The read rate


@pytest.mark.parametrize("task", ["backfill", "verify"])
def test_a_lane_keeps_to_its_read_units(task: str) -> None:
    world = filled(100)
    world.client.unit = 1.0
    began = world.clock.time
    Lane(world, rate=2.0).reconcile(task)
    assert world.clock.time - began >= 100 / 2.0
    if task == "verify":  # an item is read by its segment and, missing, again and again
        assert world.clock.time - began >= 1_000 / 2.0


def test_a_rate_so_low_that_a_page_costs_a_calls_time_is_kept_and_the_run_goes_on() -> None:
    """A call ends in time however long its last page must be paid for, and no page comes for nothing."""
    world = filled(50)
    world.client.unit = 1.0
    began = world.clock.time
    lane = Lane(world, rate=0.05, call_seconds=300.0)
    starts: list[float] = []
    reconciler = lane.reconciler

    def noted(paid_at: float = 0.0) -> Any:
        starts.append(world.clock.time)
        return reconciler(paid_at)

    lane.reconciler = noted  # type: ignore[method-assign]
    assert lane.reconcile("backfill") == {"items": 50, "written": 50}
    ends = [*starts[1:], world.clock.time]
    assert all(end - start <= 300.0 for start, end in zip(starts, ends, strict=True))
    assert world.clock.time - began >= 50 / 0.05


@pytest.mark.parametrize("unit", [1.0, 100.0])
@pytest.mark.parametrize("task", ["backfill", "verify", "repair"])
@pytest.mark.parametrize("planted", [False, True])
def test_a_lane_keeps_to_its_read_units_in_every_phase_however_much_the_smallest_step_takes(
    task: str, unit: float, planted: bool
) -> None:
    """A quarter of a unit a second; 100 units is one item of 400 KB, so that a page is paid for by many calls."""
    world = filled(40)
    Lane(world).reconcile("backfill")
    world.clock.sleep(60.0)
    for number in range(10 * planted):
        world.plant(f"orphan-{number}", {"id": f"orphan-{number}"})
    world.client.unit, rate = unit, 0.25
    phases: list[tuple[bool, float]] = []
    lane = Lane(world, rate=rate)
    run, began_with = lane.run, world.table.units

    def phase(task: str, part: dict[str, Any]) -> dict[str, Any]:
        began, units = world.clock.time, world.table.units
        totals = run(task, part)
        phases.append(("range" in part, (world.table.units - units) / (world.clock.time - began)))
        return totals

    lane.run = phase  # type: ignore[method-assign]
    totals = lane.reconcile(task, of=3)
    assert totals["items"] == 40
    assert totals.get("orphan", 0) == (0 if task == "backfill" else 10 * planted)
    assert world.table.units - began_with >= 40 * unit
    assert all(each <= rate * 1.001 for _, each in phases), phases
    assert len(phases) == (3 if task == "backfill" else 6)


def test_what_a_call_that_fails_has_read_is_paid_for_before_it_is_repeated() -> None:
    world = filled(40)
    world.client.unit, world.client.page = 1.0, 10
    bulk, tries = world.index.bulk, iter([True, True, False])

    def refused(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        if next(tries, False):
            raise StackError("refused")
        return bulk(body, timeout, begin_within)

    world.index.bulk = refused  # type: ignore[method-assign]
    lane, began = Lane(world, rate=0.25), world.clock.time
    for _ in range(2):
        with pytest.raises(StackError):
            lane.reconcile("backfill")
    assert lane.reconcile("backfill")["items"] == 40
    assert world.table.units == 60.0
    assert world.clock.time - began >= 60 / 0.25


@pytest.mark.parametrize("rate", [0.5, 5.0])
def test_looking_again_at_what_is_missing_keeps_to_the_rate_and_loses_no_progress(rate: float) -> None:
    world = filled(300)
    world.client.page, world.client.unit = 100, 1.0
    documents = world.reader.documents

    def in_time(ids: Any, deadline: Deadline) -> Any:
        if ids and deadline.remaining() <= 0.0:
            raise CollectionBusyError("no time")
        return documents(ids, deadline)

    world.reader.documents = in_time  # type: ignore[method-assign]
    began = world.clock.time
    assert Lane(world, rate=rate).reconcile("verify") == {"items": 300, "missing": 300}
    assert world.clock.time - began >= 0.95 * world.table.units / rate


# Verify and repair


def damaged(count: int = 60) -> tuple[World, dict[str, str]]:
    """A world in step but for what was planted."""
    world = filled(count)
    Lane(world).reconcile("backfill")
    world.clock.sleep(60.0)
    world.plant("item-0003", {"id": "item-0003", "n": -1})
    world.plant("item-0004", {"id": "item-0005", "n": 4})
    world.plant("orphan", {"id": "orphan", "n": 1})
    world.plant("", {"id": "", "n": 1})
    del world.index.documents["item-0007"]
    planted = {"item-0003": "different", "item-0004": "different", "item-0007": "missing"}
    return world, planted | {"orphan": "orphan", "": "unmappable"}


@pytest.mark.parametrize("of", [1, 3])
@pytest.mark.parametrize("call_seconds", [880.0, 230.0])
def test_a_verification_finds_what_was_planted_and_a_repair_mends_it(of: int, call_seconds: float) -> None:
    world, planted = damaged()
    verify = Lane(world, call_seconds=call_seconds)
    totals = verify.reconcile("verify", of)
    assert verify.differences() == planted
    assert totals == {"items": 60, "documents": 61, "different": 2, "missing": 1, "orphan": 1, "unmappable": 1}
    repair = Lane(world, call_seconds=call_seconds)
    mended = repair.reconcile("repair", of)
    assert repair.differences() == planted
    assert mended["repaired"] == 5
    assert in_step(world)
    clean = Lane(world, call_seconds=call_seconds)
    assert clean.reconcile("verify", of) == {"items": 60, "documents": 60}
    assert clean.lines == []


def test_short_calls_carry_their_position() -> None:
    world, planted = damaged()
    verify = Lane(world, call_seconds=40.0)
    totals = verify.reconcile("verify")
    assert (totals["items"], totals["documents"]) == (60, 61)
    assert verify.differences() == planted
    assert max(state["call"] for state in verify.states) > 5


def left_behind(world: World, count: int = 30) -> None:
    """Probes of a call that was killed, all over the index."""
    for number in range(count):
        world.plant(f"{PROBE_PREFIX}{number:04x}", {})


@pytest.mark.parametrize("call_seconds", [880.0, 40.0])
@pytest.mark.parametrize("of", [1, 3])
def test_probes_that_a_killed_call_left_behind_are_no_documents_and_go_when_they_are_old(
    of: int, call_seconds: float
) -> None:
    world, planted = damaged()
    left_behind(world)
    young = Lane(world, call_seconds=call_seconds)
    assert young.reconcile("verify", of)["documents"] == 61
    assert young.differences() == planted
    assert sum(map(is_probe, world.index.documents)) == 30  # another lane may be waiting for them
    world.clock.sleep(LONGEST_CALL + 60.0)
    repair = Lane(world, call_seconds=call_seconds)
    assert repair.reconcile("repair", of)["documents"] == 62  # what was missing is there again
    assert repair.differences() == planted
    assert in_step(world)


@pytest.mark.parametrize("seconds", [31.0, 104.0])
def test_a_repair_behind_late_reads_mends_what_is_wrong_and_nothing_else(seconds: float) -> None:
    world, planted = damaged()
    world.reads_late(seconds, seconds)
    world.lag = lambda: 5.0
    changing = iter(range(100, 1_000))
    world.clock.every(4.0, lambda: world.put("item-0030", n={"N": str(next(changing))}))
    repair = Lane(world)
    assert repair.reconcile("repair")["repaired"] == len(planted)
    assert repair.differences() == planted


def test_a_repair_ends_a_call_when_there_is_much_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.reconcile.parts.MOST_DISAGREEMENTS", 10)
    world = filled(100)
    lane = Lane(world)
    assert lane.reconcile("repair") == {"items": 100, "missing": 100, "repaired": 100, "documents": 100}
    assert in_step(world)
    assert len([state for state in lane.states if "segment" in state["part"]]) > 5


def lost(count: int, missing: int) -> World:
    """A table in step, of whose documents some are missing."""
    world = filled(count, page=500)
    Lane(world).reconcile("backfill")
    for name in sorted(world.index.documents)[:missing]:
        del world.index.documents[name]
    return world


@pytest.mark.parametrize("of", [1, 2])
def test_a_repair_of_an_index_that_is_lost_says_backfill_before_it_mends_any(of: int) -> None:
    world = lost(2 * of * FEW_TO_REPAIR, 2 * of * FEW_TO_REPAIR)
    lane = Lane(world)
    with pytest.raises(RunRefusedError, match=r"2,000 of the first 2,000 items .* `searchsync backfill`"):
        lane.reconcile("repair", of)
    assert world.index.documents == {}
    assert len(lane.differences()) == 2 * FEW_TO_REPAIR  # the report has them


@pytest.mark.parametrize(
    ("items", "missing"),
    [(FEW_TO_REPAIR - 1, FEW_TO_REPAIR - 1), (int(FEW_TO_REPAIR / MOST_TO_REPAIR), FEW_TO_REPAIR)],
    ids=["few of few", "many of very many"],
)
def test_a_repair_mends_what_a_backfill_would_not_mend_sooner(items: int, missing: int) -> None:
    world = lost(items, missing)
    assert Lane(world).reconcile("repair")["repaired"] == missing
    assert in_step(world)


def test_differences_of_earlier_calls_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is full ends with what it has to mend; the next ones see what there was before."""
    monkeypatch.setattr("searchsync.reconcile.parts.MOST_DISAGREEMENTS", FEW_TO_REPAIR // 2)
    world = lost(2 * FEW_TO_REPAIR, 2 * FEW_TO_REPAIR)
    with pytest.raises(RunRefusedError, match="1,000 of the first 1,000 items"):
        Lane(world).reconcile("repair")


def test_documents_of_no_item_are_a_repairs_however_many() -> None:
    """A backfill deletes none."""
    world = filled(10)
    Lane(world).reconcile("backfill")
    for number in range(2 * FEW_TO_REPAIR):
        world.plant(f"nobody-{number}", {"id": f"nobody-{number}"})
    assert Lane(world).reconcile("repair")["repaired"] == 2 * FEW_TO_REPAIR


def test_a_poison_item_is_a_difference_and_goes_to_the_failure_queue_when_repaired() -> None:
    world, planted = damaged()
    world.client.put({"id": {"S": "poison"}, "n": {"S": "text"}})
    world.index.item_fault = faulty(poison=POISONED)
    verify = Lane(world)
    verify.reconcile("verify")
    assert verify.differences() == {**planted, "poison": "missing"}
    repair = Lane(world)
    totals = repair.reconcile("repair")
    assert (totals["repaired"], totals["poison"]) == (5, 1)
    assert [message["key"] for message in repair.queue.messages] == [{"id": {"S": "poison"}}]


def test_a_document_from_before_its_item_had_an_attribute_of_the_keys_name_differs() -> None:
    """The item can have no document as long as it has that; the one that is there is not its."""
    world = filled(20)
    Lane(world).reconcile("backfill")
    world.client.put({**image("item-0003", 3), KEY_FIELD: {"S": "mine"}})
    verify = Lane(world)
    name = world.client.id_of(image("item-0003", 3))
    verify.reconcile("verify")
    assert verify.differences() == {name: "different"}
    repair = Lane(world)
    totals = repair.reconcile("repair")
    assert (totals.get("repaired", 0), totals["poison"]) == (0, 1)
