"""One invocation: what reaches the index, and what a conflict, a gap or a wrong stack does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsync.documents.condition import Condition
from searchsync.errors import MalformedEventError, StackError, TableBusyError
from searchsync.limits import REPAIR_AGE
from searchsync.protocol.bulk import Answer, Kind, Response
from searchsync.protocol.version import read_version, stream_version
from searchsync.sync.metrics import log_line
from searchsync.sync.resync import Result
from tests.support.events import NOW, event, number, record, version
from tests.support.fakes import BUSY, Bench, error, whole


def test_insert_modify_and_remove_reach_the_index_in_one_request() -> None:
    bench = Bench()
    bench.index.documents["gone"] = (1, {})
    failed = bench.run(event(record("INSERT", "a", number=1), record("REMOVE", "gone", number=2)))
    assert failed == []
    assert bench.index.documents == {"a": (version(1), whole(id="a", n=1))}
    assert bench.index.tombstones == {"gone": version(2)}
    assert len(bench.index.bodies) == 1


def test_of_one_documents_changes_only_the_last_is_sent() -> None:
    bench = Bench()
    bench.run(event(*(record("MODIFY", "a", number=each) for each in (1, 2, 3))))
    assert bench.index.documents["a"] == (version(3), whole(id="a", n=3))
    assert bench.index.bodies[0].count(b"\n") == 2


def test_a_late_record_never_undoes_a_newer_document() -> None:
    bench = Bench()
    bench.run(event(record("MODIFY", "a", number=9, second=NOW)))
    bench.run(event(record("MODIFY", "a", number=5, second=NOW - 60)))
    assert bench.index.documents["a"][1] == whole(id="a", n=9)
    assert bench.report.results == {Result.STALE: 1}


def test_a_repeated_record_is_a_duplicate_and_no_failure() -> None:
    bench = Bench()
    batch = event(record("INSERT", "a", number=1))
    bench.run(batch)
    assert bench.run(batch) == []
    assert bench.report.results == {Result.DUPLICATE: 1}
    assert bench.queue.messages == []


def test_a_repeated_deletion_asks_the_table_again() -> None:
    bench = Bench()
    batch = event(record("REMOVE", "a", number=1))
    bench.run(batch)
    assert bench.run(batch) == []
    assert [names for _, names in bench.table.reads] == [["a"]]
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.tombstones["a"] > version(1)


def test_a_deletion_that_meets_a_conflict_leaves_what_the_table_holds() -> None:
    bench = Bench()
    bench.run(event(record("MODIFY", "a", number=7)))
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "8"}}
    bench.run(event(record("REMOVE", "a", number=3)))
    assert bench.index.documents["a"][1] == whole(id="a", n=8)


def test_a_document_of_a_later_table_read_has_passed_the_record() -> None:
    bench = Bench()
    bench.index.documents["a"] = (read_version(NOW + 15, 10), {"id": "a", "n": 5})
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.PASSED: 1}
    assert bench.table.reads == []


def test_the_tombstone_of_a_later_table_read_asks_the_table_again() -> None:
    """It may be gone before a late request of this record lands."""
    bench = Bench()
    bench.index.tombstones["a"] = read_version(NOW + 15, 10)
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.tombstones["a"] > read_version(NOW + 15, 10)


@pytest.mark.parametrize("shown", [version(3), read_version(NOW + 14, 10), read_version(NOW + 16, 10)])
def test_a_document_that_a_read_still_shows_does_not_hide_the_tombstone_over_it(shown: int) -> None:
    """AOSS shows a write to reads only at its next refresh."""
    bench = Bench()
    bench.index.tombstones["a"] = read_version(NOW + 15, 10)
    bench.index.reads_late = {"a": shown}
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.tombstones["a"] > read_version(NOW + 15, 10)


def test_falling_versions_in_one_batch_ask_the_table() -> None:
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "5"}}
    bench.run(event(record("MODIFY", "a", number=9), record("MODIFY", "a", number=5)))
    assert bench.index.documents["a"][1] == whole(id="a", n=5)
    assert bench.report.results == {Result.RESYNCED: 1}


def test_a_resync_waits_out_the_margin_and_writes_the_reads_version() -> None:
    bench = Bench()
    bench.index.documents["a"] = (version(900), {"n": "other"})
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "5"}}
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    ((read_at, _),) = bench.table.reads
    assert read_at >= NOW + 1 + 10
    assert bench.index.documents["a"] == (read_version(read_at, 10), whole(id="a", n=5))


def test_a_resync_without_time_to_wait_fails_its_record() -> None:
    bench = Bench(remaining=14.0)
    bench.index.documents["a"] = (version(900), {})
    assert bench.run(event(record("INSERT", "b", number=4), record("MODIFY", "a", number=5))) == [number(5)]
    assert bench.clock.slept == []
    assert bench.table.reads == []


def test_a_resync_against_a_busy_table_fails_its_record() -> None:
    bench = Bench()
    bench.table.busy = TableBusyError("busy")
    assert bench.run(event(record("MODIFY", "a", number=5, second=None))) == [number(5)]


def test_a_document_that_moves_on_under_the_resync_is_newer_than_the_record() -> None:
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}}

    def move_on() -> None:
        bench.index.documents["a"] = (stream_version(int(bench.clock.now()), 10**20), {})

    bench.table.after_read = move_on
    move_on()
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.STALE: 1}


def test_a_resync_that_never_agrees_ends_in_the_failure_queue() -> None:
    bench = Bench(remaining=900.0)
    conflict = {"status": 409, **error("version_conflict_engine_exception", "of another wording")}
    bench.index.item_fault = lambda _operation, _name: conflict
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert [message["error_type"] for message in bench.queue.messages] == ["resync_poison"]
    assert len(bench.table.reads) == 5


def test_a_resync_that_was_busy_in_a_round_and_then_never_agrees_is_tried_again() -> None:
    bench = Bench(remaining=900.0)
    conflict = {"status": 409, **error("version_conflict_engine_exception", "of another wording")}
    bench.index.item_fault = lambda _operation, _name: BUSY if len(bench.table.reads) == 1 else conflict
    assert bench.run(event(record("MODIFY", "a", number=5, second=None))) == [number(5)]
    assert bench.queue.messages == []
    assert len(bench.table.reads) == 5


@pytest.mark.parametrize("second", [None, "soon", NOW + 3600, -1])
def test_a_record_without_a_usable_creation_time_asks_the_table(second: Any) -> None:
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "5"}}
    assert bench.run(event(record("MODIFY", "a", number=5, second=second))) == []
    assert bench.index.documents["a"][1] == whole(id="a", n=5)


def test_a_record_without_its_image_asks_the_table() -> None:
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "5"}}
    raw = record("MODIFY", "a", number=5)
    del raw["dynamodb"]["NewImage"]
    assert bench.run(event(raw)) == []
    assert bench.index.documents["a"][1] == whole(id="a", n=5)


def test_a_sequence_number_of_an_unknown_shape_asks_the_table() -> None:
    bench = Bench()
    raw = record("INSERT", "a", number=5)
    raw["dynamodb"]["SequenceNumber"] = "shard-7:5"
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "5"}}
    assert bench.run(event(raw)) == []
    assert bench.index.documents["a"][1] == whole(id="a", n=5)


def test_a_version_from_the_future_goes_to_the_failure_queue() -> None:
    bench = Bench()
    bench.index.documents["a"] = (version(1, NOW + 3600), {})
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert [message["error_type"] for message in bench.queue.messages] == ["version_from_the_future"]
    assert bench.report.results == {Result.FUTURE: 1}


def test_a_silent_conflict_of_a_record_asks_the_table_whatever_a_read_shows() -> None:
    """The version may be of a document that was deleted since."""
    bench = Bench()
    batch = event(record("INSERT", "a", number=1))
    bench.run(batch)
    bench.index.silent_conflicts = True
    bench.index.documents.clear()
    bench.index.tombstones["a"] = read_version(NOW + 15, 10)
    bench.index.reads_late = {"a": version(1)}
    assert bench.run(batch) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.documents == {}


def test_a_silent_conflict_of_a_resync_is_looked_up() -> None:
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}}
    bench.index.silent_conflicts = True

    def move_on() -> None:
        bench.index.documents["a"] = (stream_version(int(bench.clock.now()), 10**20), {})

    bench.table.after_read = move_on
    move_on()
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.STALE: 1}


def test_a_silent_conflict_with_a_version_from_the_future_goes_to_the_failure_queue() -> None:
    bench = Bench()
    bench.index.silent_conflicts = True
    bench.index.documents["a"] = (version(1, NOW + 3600), {})
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert [message["error_type"] for message in bench.queue.messages] == ["version_from_the_future"]


def test_a_resync_whose_look_ups_are_late_waits_out_what_it_cannot_know() -> None:
    """Else its rounds are over in no time, and a good document is poison."""
    bench = Bench()
    bench.table.items["a"] = {"id": {"S": "a"}}
    bench.index.silent_conflicts = True
    bench.index.reads_late = {"a": version(1)}
    bench.index.documents["a"] = (version(900, NOW + 5), {})
    assert bench.run(event(record("MODIFY", "a", number=5))) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.queue.messages == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_fails_the_batch_and_fills_no_queue(status: int) -> None:
    for fault in ([Response(status)], []):
        bench = Bench()
        bench.index.faults = list(fault)
        if not fault:
            bench.index.item_fault = lambda _operation, _name: {"status": status, **error("security_exception")}
        with pytest.raises(StackError, match="data access policy"):
            bench.run(event(record("INSERT", "a", number=1)))
        assert bench.queue.messages == []


def test_an_index_that_went_away_is_ensured_again() -> None:
    bench = Bench()
    bench.index.faults = [Response(404, error("index_not_found_exception"))]
    assert bench.run(event(record("INSERT", "a", number=1))) == []
    assert bench.index.forgotten == 1
    assert "a" in bench.index.documents


def test_an_index_that_cannot_be_kept_fails_the_batch() -> None:
    bench = Bench()
    bench.index.faults = [Response(404, error("index_not_found_exception"))] * 2
    with pytest.raises(StackError):
        bench.run(event(record("INSERT", "a", number=1)))


def test_an_index_that_cannot_be_ensured_yet_fails_the_lowest_record() -> None:
    bench = Bench(remaining=8.0)
    bench.index.ensure_answers = [Answer(Kind.BUSY, 503)] * 99
    assert bench.run(event(record("INSERT", "a", number=1), record("INSERT", "b", number=2))) == [number(1)]
    assert bench.index.bodies == []


def test_the_index_is_ensured_before_the_first_write() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a", number=1)))
    assert bench.index.ensured == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_refused_request_is_halved_until_the_bad_write_stands_alone(status: int) -> None:
    bench = Bench()
    whole = bench.index.bulk

    def refusing(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        return (
            Response(status, error("action_request_validation_exception"))
            if b'"k3"' in body
            else whole(body, timeout, begin_within)
        )

    bench.index.bulk = refusing  # type: ignore[method-assign]
    names = [record("INSERT", f"k{each}", number=each) for each in range(1, 8)]
    assert bench.run(event(*names)) == []
    assert set(bench.index.documents) == {f"k{each}" for each in range(1, 8)} - {"k3"}
    assert [message["sequence_number"] for message in bench.queue.messages] == [number(3)]


def test_an_answer_about_other_writes_fails_the_batch() -> None:
    bench = Bench()
    bench.index.faults = [Response(200, {"errors": False, "items": []})]
    with pytest.raises(StackError, match="does not fit"):
        bench.run(event(record("INSERT", "a", number=1)))


def test_a_large_batch_is_split_by_size() -> None:
    bench = Bench(largest_body=400)
    names = [record("INSERT", f"k{each}", number=each) for each in range(1, 21)]
    assert bench.run(event(*names)) == []
    assert len(bench.index.documents) == 20
    assert all(len(body) <= 400 for body in bench.index.bodies)


@pytest.mark.parametrize("bad", [None, [], {}, {"Records": 5}, {"Records": [{}]}, {"Records": ["text"]}])
def test_a_malformed_event_fails_the_batch(bad: Any) -> None:
    with pytest.raises(MalformedEventError):
        Bench().run(bad)


@pytest.mark.parametrize("missing", ["SequenceNumber", "Keys"])
def test_a_record_that_cannot_be_named_fails_the_batch_before_anything_is_written(missing: str) -> None:
    bench = Bench()
    raw = record("INSERT", "b", number=2)
    del raw["dynamodb"][missing]
    with pytest.raises(MalformedEventError, match=missing):
        bench.run(event(record("INSERT", "a", number=1), raw))
    assert bench.index.bodies == []


def test_an_empty_batch_is_done() -> None:
    assert Bench().run({"Records": []}) == []


def test_a_record_of_another_table_fails_the_batch() -> None:
    bench = Bench()
    with pytest.raises(StackError, match="not from the table"):
        bench.run(event(record("INSERT", "a", stream_arn="arn:aws:dynamodb:eu-central-1:1:table/other/stream/x")))


def test_a_new_stream_of_the_table_calls_for_a_repair() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a", stream_arn=bench.config.table_arn + "/stream/2027")))
    assert "a" in bench.index.documents
    assert len(bench.report.repair_needed) == 1


def test_a_record_near_the_streams_end_calls_for_a_repair() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a", second=NOW - int(REPAIR_AGE) - 5)))
    assert "23 h" in bench.report.repair_needed[0]
    bench.run(event(record("INSERT", "b", number=2, second=NOW - 22 * 3600)))
    assert bench.report.repair_needed == []


def test_a_replaced_index_calls_for_a_repair_once() -> None:
    bench = Bench()
    bench.index.recreated = True
    bench.run(event(record("INSERT", "a", number=1)))
    assert len(bench.report.repair_needed) == 1
    bench.run(event(record("INSERT", "b", number=2)))
    assert bench.report.repair_needed == []


HIDDEN: dict[str, Any] = {"id": {"S": "a"}, "_deleted": {"BOOL": True}}
SHOWN: dict[str, Any] = {"id": {"S": "a"}, "_deleted": {"BOOL": False}}


def conditional(when: str) -> Bench:
    bench = Bench()
    bench.config = replace(bench.config, when=Condition(when))
    return bench


def test_an_item_that_stops_matching_leaves_the_index_and_comes_back() -> None:
    bench = conditional('{"_deleted": [{"exists": false}, false]}')
    bench.run(event(record("INSERT", "a", number=1, image=SHOWN)))
    bench.run(event(record("MODIFY", "a", number=2, image=HIDDEN)))
    assert (bench.index.documents, bench.index.tombstones) == ({}, {"a": version(2)})
    assert bench.report.results == {Result.DELETED: 1}
    bench.run(event(record("MODIFY", "a", number=3, image=SHOWN)))
    assert bench.index.documents["a"] == (version(3), whole(id="a", _deleted=False))


def test_an_item_that_has_left_is_not_brought_back_by_a_late_record_or_by_a_resync() -> None:
    bench = conditional('{"_deleted": [{"exists": false}, false]}')
    bench.run(event(record("MODIFY", "a", number=2, image=HIDDEN)))
    bench.table.items["a"] = HIDDEN
    bench.run(event(record("INSERT", "a", number=1, image=SHOWN)))
    assert bench.index.documents == {}
    bench.run(event(record("MODIFY", "a", number=3, second=None)))  # the table is asked
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.documents == {}


def test_what_the_keys_leave_out_is_counted_and_nothing_is_sent() -> None:
    bench = conditional('{"id": [{"prefix": "product-"}]}')
    assert bench.run(event(record("INSERT", "order-1"), record("REMOVE", "order-2", number=2))) == []
    assert bench.report.results == {Result.FILTERED: 2}
    assert bench.index.bodies == []
    line = json.loads(log_line(bench.report, bench.config, NOW, "r"))
    assert (line["Filtered"], line["RecordsReceived"]) == (2, 2)


Told = tuple[str, str, bool]
"""A key, what becomes of its item, and whether the record has a time."""
CHANGES = st.tuples(st.sampled_from("ab"), st.sampled_from(["shown", "hidden", "deleted"]), st.integers(0, 4).map(bool))
DELIVERIES = st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 2))
"""How many records the trigger goes back, takes, and how often the collection refuses meanwhile."""


@settings(deadline=None)
@given(st.lists(CHANGES | DELIVERIES, max_size=25))
def test_items_enter_and_leave_in_the_right_order_whatever_is_delivered_again(steps: list[Any]) -> None:
    bench = conditional('{"_deleted": [{"exists": false}, false]}')
    records: list[dict[str, Any]] = []
    place = 0
    for step in [*steps, *[(0, 4, 0)] * len(steps)]:
        bench.clock.time += 0.4
        if isinstance(step[0], str):
            records.append(changed(bench, step, len(records) + 1))
            continue
        back, count, bench.index.faults = step[0], step[1], [Response(429)] * step[2]
        place = max(0, place - back)
        batch = records[place : place + count]
        failed = bench.run(event(*batch)) if batch else []
        sent = [each["dynamodb"]["SequenceNumber"] for each in batch]
        place += sent.index(failed[0]) if failed else len(batch)
    assert place == len(records)
    shown = {name: each["n"]["N"] for name, each in bench.table.items.items() if not each["_deleted"]["BOOL"]}
    assert {name: str(source["n"]) for name, (_, source) in bench.index.documents.items()} == shown
    assert bench.queue.messages == []


def changed(bench: Bench, change: Told, position: int) -> dict[str, Any]:
    """Change the table; the record that the stream has of it."""
    key, what, has_time = change
    second = int(bench.clock.time) if has_time else None
    if what == "deleted":
        bench.table.items.pop(key, None)
        return record("REMOVE", key, number=position, second=second)
    image: dict[str, Any] = {"id": {"S": key}, "n": {"N": str(position)}, "_deleted": {"BOOL": what == "hidden"}}
    bench.table.items[key] = image
    return record("MODIFY", key, number=position, second=second, image=image)
