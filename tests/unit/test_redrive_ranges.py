"""The redrive of the trigger's ranges: read from the stream, settled by a repair, or left."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.errors import MalformedEventError, TableBusyError
from tests.support.events import NOW, number, record
from tests.support.fakes import BUSY, POISONED, faulty, whole
from tests.support.redrive_harness import TRIMMED, RedriveBench, answer, poison_message, range_message
from tests.unit.test_overload import ThrottledIndex

RANGE = range_message(number(1), number(2))


@pytest.fixture
def bench() -> RedriveBench:
    return RedriveBench()


def streamed(bench: RedriveBench, *keys: str) -> None:
    bench.stream.raw = [record("INSERT", key, number=each) for each, key in enumerate(keys, 1)]


def test_the_keys_of_a_range_are_brought_in_step_and_its_message_goes(bench: RedriveBench) -> None:
    streamed(bench, "a", "b", "a")
    bench.put("a")
    bench.queue.put(RANGE)
    assert bench.run() == answer(taken=1, redriven=1, keys=2)
    assert bench.index.documents["a"][1] == whole(id="a", n=1)
    assert (bench.stream.asked[0].first, bench.stream.asked[0].last) == (number(1), number(2))


def test_a_range_whose_records_are_trimmed_stays_and_asks_for_a_repair(bench: RedriveBench) -> None:
    streamed(bench, "a")
    bench.stream.lost = TRIMMED
    bench.queue.put(RANGE)
    assert bench.run() == answer(taken=1, stayed=1, reasons={"trimmed": 1})
    assert list(bench.queue.visible.values()) == [RANGE]
    assert (bench.report.lost, bench.report.repair_needed) == (1, [])


def test_a_range_of_an_earlier_stream_of_the_table_needs_a_repair(bench: RedriveBench) -> None:
    bench.queue.put(range_message("1", "2", streamArn=bench.config.table_arn + "/stream/earlier"))
    assert bench.run()["reasons"] == {"another_stream": 1}
    assert bench.stream.asked == []


@pytest.mark.parametrize(("since", "settled"), [(NOW + 11, True), (NOW + 10, False)])
def test_a_repair_settles_the_ranges_that_lie_a_margin_before_it(
    bench: RedriveBench, since: int, settled: bool
) -> None:
    bench.stream.lost = TRIMMED
    bench.queue.put(RANGE)
    assert bench.run({"repaired_since": since})["redriven"] == int(settled)


def test_a_repair_settles_no_message_of_a_record(bench: RedriveBench) -> None:
    bench.put("a")
    bench.index.item_fault = faulty(a=POISONED)
    bench.queue.put(poison_message("a"))
    assert bench.run({"repaired_since": NOW + 50})["redriven"] == 0


@pytest.mark.parametrize("since", [True, "now", 0, -1, (NOW + 100) * 1000])
def test_a_time_of_repair_that_cannot_be_is_refused(bench: RedriveBench, since: object) -> None:
    bench.queue.put(RANGE)
    with pytest.raises(MalformedEventError, match="Unix seconds"):
        bench.run({"repaired_since": since})
    assert bench.queue.receives == 0


def test_the_event_of_a_schedule_is_a_plain_redrive(bench: RedriveBench) -> None:
    bench.put("a")
    bench.queue.put(poison_message("a"))
    scheduled = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    assert bench.run(scheduled)["redriven"] == 1


def test_a_range_waits_out_the_margin_of_its_latest_record(bench: RedriveBench) -> None:
    bench.stream.raw = [
        record("INSERT", "a", number=1, second=NOW + 98),
        record("INSERT", "a", number=2, second=NOW + 97),
    ]
    bench.queue.put(RANGE)
    bench.run()
    assert bench.table.reads[0][0] == NOW + 98 + 1 + 10


def test_a_record_of_a_range_without_a_time_is_as_late_as_the_redrive(bench: RedriveBench) -> None:
    bench.stream.raw = [record("INSERT", "a", number=1, second=None)]
    bench.queue.put(RANGE)
    bench.run()
    assert bench.table.reads[0][0] == NOW + 101 + 1 + 10


def test_a_range_with_a_key_that_is_not_right_stays(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    bench.table.busy = TableBusyError("not in time")
    bench.queue.put(RANGE)
    assert bench.run()["reasons"] == {"resync_failed": 1}
    assert list(bench.queue.visible.values()) == [RANGE]


def test_poison_of_a_range_has_a_message_of_its_own_before_the_ranges_goes(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    bench.put("a")
    bench.index.item_fault = faulty(a=POISONED)
    bench.queue.put(RANGE)
    found = bench.run()
    assert (found["taken"], found["redriven"], found["reasons"]) == (2, 1, {"mapper_parsing_exception": 1})
    assert [what for what, ids in bench.queue.history if ids][:2] == ["send", "delete"]
    (left,) = map(json.loads, bench.queue.visible.values())
    assert (left["key"], left["sequence_number"]) == ({"id": {"S": "a"}}, number(1))


def test_a_range_whose_poison_the_queue_refuses_stays(bench: RedriveBench) -> None:
    streamed(bench, "a")
    bench.put("a")
    bench.index.item_fault = faulty(a=POISONED)
    bench.queue.put(RANGE)
    bench.queue.unsendable = True
    assert bench.run()["reasons"] == {"not_sent": 1}
    assert list(bench.queue.visible.values()) == [RANGE]
    assert "sqs:SendMessage" in bench.report.error


def test_a_write_of_an_earlier_read_is_not_sent_again_beside_busy_ones(bench: RedriveBench) -> None:
    """It might raise what the sync function deleted meanwhile, once the tombstone is gone."""
    bench.put("a")
    bench.put("b")
    answers = [BUSY, BUSY]
    bench.index.item_fault = lambda _operation, name: answers.pop() if name == "b" and answers else None
    streamed(bench, "b")
    bench.queue.put(poison_message("a"), RANGE)
    assert bench.run()["redriven"] == 2
    assert [b'"a"' in body for body in bench.index.bodies] == [True, False, False, False]


def refuse(bench: RedriveBench, *names: str) -> None:
    """The collection is too busy for the documents of these ids."""
    bench.index.item_fault = faulty(**dict.fromkeys(names, BUSY))


def batches(bench: RedriveBench) -> list[dict[str, Any]]:
    """What waits of ranges."""
    bodies = map(json.loads, bench.queue.visible.values())
    return [each["DDBStreamBatchInfo"] for each in bodies if "DDBStreamBatchInfo" in each]


def test_a_range_goes_on_from_the_first_record_of_the_first_key_that_is_not_right(bench: RedriveBench) -> None:
    streamed(bench, "a", "b", "a", "c", "b", "d")
    for name in "abcd":
        bench.put(name)
    refuse(bench, "b", "d")
    whole_range = range_message(number(1), number(6))
    bench.queue.put(whole_range)
    assert bench.run() == answer(taken=1, stayed=1, keys=4, reasons={"resync_failed": 1})
    kept = json.loads(whole_range)["DDBStreamBatchInfo"]
    del kept["batchSize"], kept["approximateArrivalOfFirstRecord"]
    assert batches(bench) == [kept | {"startSequenceNumber": number(2)}]
    refuse(bench)
    assert bench.run()["redriven"] == 1
    assert bench.stream.asked[-1].first == number(2)
    assert bench.index.documents.keys() == set("abcd")


def test_a_range_of_which_nothing_is_right_keeps_its_message(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    bench.put("b")
    refuse(bench, "a")
    bench.queue.put(RANGE)
    bench.run()
    assert list(bench.queue.visible.values()) == [RANGE]


def test_what_is_left_of_a_range_is_sent_before_its_message_goes(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    refuse(bench, "b")
    bench.queue.put(RANGE)
    bench.run()
    assert [what for what, ids in bench.queue.history if ids] == ["send", "delete"]


def test_what_the_queue_refuses_of_a_range_leaves_its_message(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    refuse(bench, "b")
    bench.queue.put(RANGE)
    bench.queue.unsendable = True
    assert bench.run() == answer(taken=1, stayed=1, keys=2, reasons={"resync_failed": 1})
    assert list(bench.queue.visible.values()) == [RANGE]
    assert "sqs:SendMessage" in bench.report.error


def test_a_crash_before_the_ranges_message_goes_leaves_both_and_loses_nothing(bench: RedriveBench) -> None:
    streamed(bench, "a", "b")
    bench.put("b")
    refuse(bench, "b")
    bench.queue.put(RANGE)
    bench.queue.undeletable = True
    bench.run()
    assert [each["startSequenceNumber"] for each in batches(bench)] == [number(2), number(1)]
    refuse(bench)
    bench.queue.undeletable = False
    assert bench.run()["redriven"] == 2
    assert bench.index.documents.keys() == {"b"}


def test_poison_behind_what_a_range_came_to_is_not_handed_over_yet(bench: RedriveBench) -> None:
    """It comes again with the rest, and would be in the queue twice."""
    streamed(bench, "a", "b", "c")
    for name in "abc":
        bench.put(name)
    bench.index.item_fault = faulty(a=POISONED, b=BUSY, c=POISONED)
    bench.queue.put(range_message(number(1), number(3)))
    bench.run()
    bodies = [json.loads(body) for body in bench.queue.visible.values()]
    assert [each["key"]["id"]["S"] for each in bodies if "key" in each] == ["a"]
    assert [each["startSequenceNumber"] for each in batches(bench)] == [number(2)]


def test_redrives_of_a_large_range_get_further_each_time() -> None:
    index = ThrottledIndex(capacity=10)
    bench = RedriveBench(index=index)
    index.throttle(bench, 1)
    streamed(bench, *[f"k{each}" for each in range(5_000)])
    for each in range(5_000):
        bench.put(f"k{each}")
    bench.queue.put(range_message(number(1), number(5_000)))
    written = [0]
    while bench.queue.visible and written.count(written[-1]) == 1:
        bench.run()
        written.append(len(index.documents))
    assert written[-1] == 5_000, written
