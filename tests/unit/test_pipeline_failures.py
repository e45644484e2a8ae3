"""One invocation's failures: poison, a busy collection, and what the trigger is told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from searchsync.limits import LOAD_AGE, LONGEST_PATH, READ_TO_ANSWER
from searchsync.protocol.bulk import Response
from searchsync.sync.resync import Result
from tests.support.events import NOW, event, number, record, version
from tests.support.fakes import BUSY, FAILING, POISONED, Bench, error, faulty


def test_poison_goes_to_the_failure_queue_and_the_rest_goes_on() -> None:
    bench = Bench()
    bench.index.item_fault = faulty(bad=POISONED)
    records = [record("INSERT", name, number=each) for each, name in enumerate(["a", "bad", "b"], 1)]
    assert bench.run(event(*records)) == []
    assert set(bench.index.documents) == {"a", "b"}
    (message,) = bench.queue.messages
    assert message["key"] == {"id": {"S": "bad"}}
    assert message["sequence_number"] == number(2)
    assert message["version"] == version(2)
    assert message["error_type"] == "mapper_parsing_exception"
    assert message["reason"] == "failed to parse field [n]"
    assert message["stream_arn"].endswith("/stream/2026-01-01T00:00:00.000")


def test_a_refusal_without_a_type_is_told_by_its_status() -> None:
    bench = Bench()
    bench.index.item_fault = faulty(a={"status": 400, "error": "<html>bad request</html>"})
    assert bench.run(event(record("INSERT", "a"))) == []
    assert [each["error_type"] for each in bench.queue.messages] == ["http_400"]


def test_an_exception_in_the_conversion_makes_that_record_poison() -> None:
    bench = Bench()
    bad = record("INSERT", "bad", number=1, image={"id": {"S": "bad"}, "x": {"M": 5}})
    assert bench.run(event(bad, record("INSERT", "a", number=2))) == []
    assert set(bench.index.documents) == {"a"}
    (message,) = bench.queue.messages
    assert message["error_type"] == "AttributeError"
    assert "map_text" in message["trace"]


@pytest.mark.parametrize("second", [NOW - 5, None])  # from the record, or read by a resync
def test_only_what_the_mapping_does_not_map_may_be_without_end(second: int | None) -> None:
    item = {"id": {"S": "a"}, ".".join(["m"] * (LONGEST_PATH + 1)): {"N": "1"}}
    for mapping, taken in ((None, []), ({"dynamic": False}, ["a"])):
        bench = Bench()
        bench.config = replace(bench.config, mapping=mapping)
        bench.table.items["a"] = item
        assert bench.run(event(record("INSERT", "a", number=1, second=second, image=item))) == []
        assert list(bench.index.documents) == taken
        assert len(bench.queue.messages) == 1 - len(taken)


def test_poison_that_a_later_record_replaces_is_no_poison() -> None:
    bench = Bench()
    bad = record("INSERT", "a", number=1, image={"id": {"S": "a"}, "x": {"M": 5}})
    bench.run(event(bad, record("MODIFY", "a", number=2)))
    assert bench.queue.messages == []
    assert bench.index.documents["a"][1]["n"] == 2


def test_a_queue_that_refuses_fails_the_record() -> None:
    bench = Bench()
    bench.index.item_fault = faulty(bad=POISONED, worse=POISONED)
    bench.queue.refusing = frozenset({1})
    records = [record("INSERT", name, number=each) for each, name in enumerate(["bad", "a", "worse", "b"], 1)]
    assert bench.run(event(*records)) == [number(3)]
    assert len(bench.queue.messages) == 1
    assert "sqs:SendMessage" in bench.report.error


def test_writes_are_not_tried_for_longer_than_a_tombstone_lives() -> None:
    """Else an invocation that the trigger gave up could bring back what a newer one has deleted meanwhile."""
    bench = Bench(remaining=900.0)
    bench.index.item_fault = faulty(a=BUSY)
    began = bench.clock.time
    assert bench.run(event(record("INSERT", "a", number=1))) == [number(1)]
    assert len(bench.index.bodies) > 5
    assert bench.clock.time - began <= READ_TO_ANSWER


def test_what_stays_busy_is_reported_by_its_lowest_number() -> None:
    bench = Bench(remaining=8.0)
    bench.index.item_fault = faulty(b=BUSY, c=BUSY)
    records = [record("INSERT", name, number=each) for each, name in enumerate(["a", "b", "c", "d"], 1)]
    assert bench.run(event(*records)) == [number(2)]
    assert set(bench.index.documents) == {"a", "d"}


def test_poison_above_the_lowest_failed_record_waits_for_its_next_delivery() -> None:
    bench = Bench(remaining=8.0)
    bench.index.item_fault = faulty(low=POISONED, b=BUSY, c=BUSY, high=POISONED)
    names = ["low", "b", "high", "c"]
    records = [record("INSERT", name, number=each) for each, name in enumerate(names, 1)]
    assert bench.run(event(*records)) == [number(2)]
    assert [message["key"]["id"]["S"] for message in bench.queue.messages] == ["low"]


def test_a_busy_item_is_sent_again_alone() -> None:
    bench = Bench()
    answers = [BUSY, None]
    bench.index.item_fault = lambda _operation, name: answers.pop(0) if name == "b" and answers else None
    names = ["a", "b", "c"]
    assert bench.run(event(*(record("INSERT", name, number=each) for each, name in enumerate(names, 1)))) == []
    assert set(bench.index.documents) == {"a", "b", "c"}
    assert b'"c"' not in bench.index.bodies[1]
    assert bench.queue.messages == []


@pytest.mark.parametrize("status", [None, 402, 429, 500, 502, 503, 504])
def test_a_busy_collection_is_tried_again(status: int | None) -> None:
    bench = Bench()
    bench.index.faults = [Response(status), Response(status)]
    assert bench.run(event(record("INSERT", "a", number=1))) == []
    assert "a" in bench.index.documents
    assert len(bench.clock.slept) == 2


def test_first_writes_whose_mapping_updates_meet_are_sent_again() -> None:
    bench = Bench()
    meeting = {"status": 400, **error("resource_already_exists_exception")}
    bench.index.item_fault = lambda _operation, name: meeting if len(bench.index.bodies) < 4 and name != "a" else None
    assert bench.run(event(*(record("INSERT", name, number=each) for each, name in enumerate("abc", 1)))) == []
    assert set(bench.index.documents) == {"a", "b", "c"}
    assert bench.queue.messages == []


@pytest.mark.parametrize(("age", "handed_over"), [(LOAD_AGE + 10, 1), (LOAD_AGE - 300, 0)])
def test_a_record_that_meets_load_alone_is_handed_over_by_its_own_age(age: float, handed_over: int) -> None:
    bench = Bench()
    bench.index.item_fault = faulty(a=BUSY)
    failed = bench.run(event(record("INSERT", "a", number=1, second=NOW - int(age))))
    assert (len(bench.queue.messages), len(failed)) == (handed_over, 1 - handed_over)


def test_a_storm_makes_no_poison() -> None:
    bench = Bench(remaining=60.0)
    bench.index.item_fault = lambda _operation, _name: BUSY
    names = [record("INSERT", f"k{each}", number=each) for each in range(1, 6)]
    assert bench.run(event(*names)) == [number(1)]
    assert bench.queue.messages == []
    assert len(bench.index.bodies) > 5


def test_the_capacity_limit_is_no_documents_fault_though_deletions_pass() -> None:
    bench = Bench(remaining=120.0)
    quota = {"status": 402, **error("service_quota_exceeded_exception")}
    bench.index.item_fault = lambda operation, _name: quota if operation == "index" else None
    assert bench.run(event(record("REMOVE", "a", number=1), record("INSERT", "b", number=2))) == [number(2)]
    assert bench.queue.messages == []


def test_a_document_that_fails_in_its_resync_does_not_block_the_shard() -> None:
    bench = Bench()
    bench.index.item_fault = faulty(p=FAILING)
    bench.table.items["p"] = {"id": {"S": "p"}}
    falling = [record("MODIFY", "p", number=9), record("MODIFY", "p", number=5)]
    assert bench.run(event(record("INSERT", "y", number=1), *falling)) == []
    assert [message["key"]["id"]["S"] for message in bench.queue.messages] == ["p"]


def test_what_a_resync_has_read_counts_though_the_table_gets_busy() -> None:
    bench = Bench()
    bench.table.items = {name: {"id": {"S": name}} for name in "abc"}
    bench.table.busy_after = 1
    records = [record("MODIFY", name, number=each, second=None) for each, name in enumerate("abc", 1)]
    assert bench.run(event(*records)) == [number(2)]
    assert set(bench.index.documents) == {"a"}
    assert "not read" in bench.report.busy


def test_a_key_that_reads_like_a_version_decides_nothing() -> None:
    bench = Bench()
    name = "current version [1]"
    bench.index.documents[name] = (version(900), {})
    bench.table.items[name] = {"id": {"S": name}, "n": {"N": "5"}}
    assert bench.run(event(record("MODIFY", name, number=5))) == []
    assert bench.report.results == {Result.RESYNCED: 1}
    assert bench.index.documents[name][1]["n"] == 5


def test_a_record_at_the_edge_of_the_margin_is_written_once_and_then_a_duplicate() -> None:
    bench = Bench()
    bench.clock.time = NOW + 0.1
    batch = event(record("INSERT", "a", number=1, second=NOW + 10))
    assert bench.run(batch) == []
    assert bench.run(batch) == []
    assert bench.queue.messages == []


def test_nothing_above_the_lowest_failed_record_is_resynced() -> None:
    """It comes again, and a resync would only be the next delivery's conflict."""
    bench = Bench(remaining=100.0)
    bench.index.tombstones = {"below": version(2), "above": version(4)}
    bench.index.item_fault = faulty(busy=BUSY)
    silent = record("MODIFY", "silent", number=5, second=None)
    deletions = [record("REMOVE", name, number=each) for name, each in (("below", 2), ("busy", 3), ("above", 4))]
    assert bench.run(event(*deletions, silent)) == [number(3)]
    assert [names for _, names in bench.table.reads] == [["below"]]


def test_a_documents_place_is_that_of_its_last_record() -> None:
    """A failure reports that record, so what was taken in vain must lie above it."""
    bench = Bench(remaining=8.0)
    bench.index.item_fault = lambda _operation, _name: BUSY
    records = [record("MODIFY", name, number=each) for each, name in enumerate(["a", "b", "a"], 1)]
    assert bench.run(event(*records)) == [number(2)]
    assert bench.index.bodies[0].index(b'"b"') < bench.index.bodies[0].index(b'"a"')
