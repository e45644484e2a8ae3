"""The redrive: a message leaves the queue only after its key is right."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from searchsync import PACKAGE
from searchsync.config import read_environment
from searchsync.documents.condition import Condition
from searchsync.documents.shape import Shape
from searchsync.edges.failures import Message
from searchsync.errors import StackError, TableBusyError
from searchsync.limits import LOAD_AGE, LONGEST_PATH, MESSAGES_AT_ONCE, RESERVE, SHORTEST_ROUND, SLOW_AGE
from searchsync.protocol.bulk import Response
from searchsync.protocol.version import read_version, stream_version
from searchsync.sync.delivery import NO_ANSWER, REFUSED_UNDER_LOAD
from searchsync.sync.metrics import REDRIVE_UNITS, redrive_line
from tests.support.events import NOW, environment, number
from tests.support.fakes import BUSY, POISONED, error, faulty, whole
from tests.support.redrive_harness import TRIMMED, RedriveBench, answer, poison_message, range_message


@pytest.fixture
def bench() -> RedriveBench:
    return RedriveBench()


def test_an_empty_queue_is_nothing_to_do(bench: RedriveBench) -> None:
    assert bench.run() == answer()
    assert bench.index.bodies == []


def test_a_mended_item_is_written_and_its_message_deleted(bench: RedriveBench) -> None:
    bench.put("a")
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert bench.index.documents["a"] == (read_version(bench.table.reads[0][0], 10), whole(id="a", n=1))
    assert (bench.queue.visible, bench.queue.hidden) == ({}, {})


def test_an_item_that_is_gone_has_its_document_deleted(bench: RedriveBench) -> None:
    bench.index.documents["a"] = (stream_version(NOW - 5, 1), {"id": "a"})
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert "a" not in bench.index.documents


def test_what_still_cannot_be_written_stays_and_is_seen_again_at_once(bench: RedriveBench) -> None:
    bench.put("a")
    bench.put("b")
    bench.index.item_fault = faulty(a=POISONED)
    bench.queue.put(poison_message("a"), poison_message("b"))
    reasons = {"mapper_parsing_exception": 1}
    assert bench.run() == answer(taken=2, redriven=1, stayed=1, keys=2, reasons=reasons)
    assert [json.loads(body)["key"] for body in bench.queue.visible.values()] == [{"id": {"S": "a"}}]


def test_what_the_mapping_does_not_map_is_written_however_deep_it_is(bench: RedriveBench) -> None:
    bench.config = replace(bench.config, mapping={"dynamic": False})
    bench.table.items["a"] = {"id": {"S": "a"}, ".".join(["m"] * (LONGEST_PATH + 1)): {"N": "1"}}
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)


def test_an_item_that_is_to_have_no_document_settles_its_message_and_leaves_the_index(bench: RedriveBench) -> None:
    bench.config = replace(bench.config, when=Condition('{"_deleted": [{"exists": false}]}'))
    bench.index.documents["a"] = (1, {})
    bench.table.items["a"] = {"id": {"S": "a"}, "_deleted": {"BOOL": True}}
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert bench.index.documents == {}


def test_an_item_with_two_values_of_one_name_stays_until_the_item_or_the_setting_is_another(
    bench: RedriveBench,
) -> None:
    bench.config = replace(bench.config, shape=Shape(rename=(("n", "count"),)))
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "1"}, "count": {"N": "2"}}
    bench.queue.put(poison_message("a"))
    assert bench.run()["stayed"] == 1
    bench.config = replace(bench.config, shape=Shape(rename=(("n", "count"), ("count", "total"))))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    _, source = bench.index.documents["a"]
    assert (source["count"], source["total"]) == (1, 2)


def test_several_messages_of_one_key_are_one_resync(bench: RedriveBench) -> None:
    bench.put("a")
    bench.queue.put(*(poison_message("a", number=each, second=NOW + each) for each in range(1, 4)))
    assert bench.run() == answer(taken=3, redriven=3, keys=1)
    assert bench.table.reads == [(NOW + 100.5, ["a"])]


def test_the_read_waits_until_the_margin_has_passed_the_messages_second(bench: RedriveBench) -> None:
    bench.put("a")
    bench.queue.put(poison_message("a", second=NOW + 98), poison_message("a", second=NOW + 60))
    bench.run()
    assert bench.table.reads[0][0] == NOW + 98 + 1 + 10


@pytest.mark.parametrize("second", [None, NOW + 3600])
def test_a_message_without_a_usable_version_waits_for_its_own_time(bench: RedriveBench, second: int | None) -> None:
    bench.put("a")
    written = {} if second is None else {"version": stream_version(second, 1)}
    message = json.loads(poison_message("a", time="2027-01-15T08:01:38.200+00:00")) | {"version": None} | written
    bench.queue.put(json.dumps(message))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert bench.table.reads[0][0] == NOW + 99 + 1 + 10


@pytest.mark.parametrize(
    ("current", "why"),
    [
        (read_version(NOW + 100, 0), "a later read of the table has passed the record"),
        (stream_version(NOW + 100, 1), "a record over the skew bound later is there"),
    ],
)
def test_a_document_that_is_newer_than_the_record_settles_its_message(
    bench: RedriveBench, current: int, why: str
) -> None:
    bench.index.documents["a"] = (current, {})
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1), why


def test_a_document_within_the_margin_of_the_record_settles_nothing_before_it_is_passed(bench: RedriveBench) -> None:
    bench.put("a")
    bench.index.documents["a"] = (stream_version(NOW + 95, 1), {})
    bench.queue.put(poison_message("a", second=NOW + 89))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert len(bench.table.reads) == 2
    assert bench.index.documents["a"][1] == whole(id="a", n=1)


def test_a_version_from_the_future_stays(bench: RedriveBench) -> None:
    bench.put("a")
    bench.index.documents["a"] = (stream_version(NOW + 9999, 1), {})
    bench.queue.put(poison_message("a"))
    assert bench.run()["reasons"] == {"version_from_the_future": 1}
    assert len(bench.queue.visible) == 1


def test_a_key_that_could_not_be_read_in_time_stays(bench: RedriveBench) -> None:
    bench.table.busy = TableBusyError("not in time")
    bench.queue.put(poison_message("a"))
    assert bench.run()["reasons"] == {"resync_failed": 1}
    assert len(bench.queue.visible) == 1


def test_a_message_from_before_the_keys_type_was_changed_stays_and_holds_up_nothing(bench: RedriveBench) -> None:
    bench.table.refused = frozenset({"7"})
    body = poison_message("7", key={"id": {"N": "7"}})
    bench.queue.put(*[poison_message(f"k{each}") for each in range(9)], body)
    assert bench.run() == answer(taken=10, redriven=9, stayed=1, keys=10, reasons={"another_key_schema": 1})
    assert list(bench.queue.visible.values()) == [body]


def test_a_busy_collection_deletes_nothing(bench: RedriveBench) -> None:
    bench.put("a")
    bench.index.item_fault = faulty(a=BUSY)
    bench.queue.put(poison_message("a"))
    assert bench.run()["redriven"] == 0
    assert len(bench.queue.visible) + len(bench.queue.hidden) == 1


def test_a_document_without_an_answer_does_not_hold_up_the_others(bench: RedriveBench) -> None:
    names = [f"k{each}" for each in range(10)]
    for name in names:
        bench.put(name)
    bench.queue.put(*(poison_message(name, second=NOW - int(SLOW_AGE)) for name in names))
    bulk = bench.index.bulk

    def silent(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        if b'"k3"' not in body:
            return bulk(body, timeout, begin_within)
        bench.clock.time += timeout
        return Response(None)

    bench.index.bulk = silent  # type: ignore[method-assign]
    assert bench.run() == answer(taken=10, redriven=9, stayed=1, keys=10, reasons={NO_ANSWER: 1})


def test_what_was_handed_over_under_load_is_brought_back_when_the_load_is_over(bench: RedriveBench) -> None:
    bench.put("a")
    bench.index.item_fault = faulty(a=BUSY)
    bench.queue.put(poison_message("a", second=NOW - int(LOAD_AGE), error_type=REFUSED_UNDER_LOAD))
    assert bench.run()["reasons"] == {REFUSED_UNDER_LOAD: 1}
    bench.index.item_fault = None
    assert bench.run()["redriven"] == 1
    assert bench.index.documents["a"][1] == whole(id="a", n=1)


def test_a_crash_between_write_and_deletion_only_repeats(bench: RedriveBench) -> None:
    bench.put("a")
    bench.queue.put(poison_message("a"))
    bench.queue.undeletable = True
    assert bench.run() == answer(taken=1, stayed=1, keys=1, reasons={"not_deleted": 1})
    assert "sqs:DeleteMessage" in bench.report.error
    bench.queue.undeletable = False
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert bench.index.documents["a"][1] == whole(id="a", n=1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no JSON", "unreadable"),
        ("[" * 100_000, "unreadable"),
        ("[]", "unreadable"),
        ('{"kind":"other"}', "unreadable"),
        (poison_message("a", key={"other": {"S": "a"}}), "unreadable"),
        (poison_message("a", key="a"), "unreadable"),
        (poison_message("a", key={"id": {"S": ""}}), "unreadable"),
        (poison_message("a", key={"id": {"N": "x"}}), "unreadable"),
        (poison_message("a", key={"id": {"N": "1E999"}}), "unreadable"),
        (poison_message("a", key={"id": {"N": "1" * 39}}), "unreadable"),
        (poison_message("a", key={"id": {"S": "x" * 2_049}}), "unreadable"),
        (poison_message("a", key={"id": {"S": "a", "N": "1"}}), "unreadable"),
        (poison_message("a", key={"id": {"S": 1}}), "unreadable"),
        (poison_message("a", key={"id": {"S": "a"}, "more": {"S": "a"}}), "unreadable"),
        (poison_message("a", key={"id": {"B": "a"}}), "unreadable"),
        (poison_message("a", key={"id": {"S": "\ud800"}}), "unreadable"),
        (poison_message("a", key={"id": {"BOOL": True}}), "unreadable"),
        (range_message("", number(2)), "unreadable"),
        (poison_message("a", table_arn="arn:aws:dynamodb:x:1:table/other"), "another_table"),
        (range_message("1", "2", streamArn="arn:aws:dynamodb:x:1:table/other/stream/1"), "another_table"),
    ],
)
def test_what_no_redrive_can_take_up_stays_and_holds_up_nothing(bench: RedriveBench, body: str, reason: str) -> None:
    bench.put("b")
    bench.queue.put(body, poison_message("b"))
    assert bench.run() == answer(taken=2, redriven=1, unreadable=1, keys=1, reasons={reason: 1})
    assert line(bench)["RedriveStayed"] == 1
    assert list(bench.queue.visible.values()) == [body]


@pytest.mark.parametrize("key", [{"id": {"N": "-1.5E+3"}}, {"id": {"B": "AQI="}}])
def test_keys_of_numbers_and_bytes_are_taken_up(bench: RedriveBench, key: dict[str, Any]) -> None:
    bench.queue.put(poison_message("a", key=key))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)


def test_it_takes_messages_until_the_queue_gives_none(bench: RedriveBench) -> None:
    bench.queue.put(*(poison_message(f"k{each}") for each in range(230)))
    assert bench.run() == answer(taken=230, redriven=230, keys=230)


def test_a_message_that_comes_twice_is_taken_once(bench: RedriveBench) -> None:
    bench.index.item_fault = faulty(a=POISONED)
    bench.put("a")
    bench.queue.put(poison_message("a"))
    receive = bench.queue.receive

    def always_visible() -> Any:
        bench.queue.visible |= bench.queue.hidden
        return receive()

    bench.queue.receive = always_visible  # type: ignore[method-assign]
    assert bench.run()["taken"] == 1


def test_when_the_time_is_nearly_over_the_rest_waits_and_more_says_so(bench: RedriveBench) -> None:
    bench.index.item_fault = faulty(k0=POISONED)
    bench.put("k0")
    bench.queue.put(*(poison_message(f"k{each}") for each in range(150)))
    bench.remaining = 20.0
    found = bench.run()
    assert (found["taken"], found["redriven"], found["stayed"], found["more"]) == (10, 9, 1, True)
    assert len(bench.queue.hidden) == 1, "what stayed is not taken again by the next call"
    assert len(bench.queue.visible) == 140, "a receive may take its time: none is begun beside the first"


def test_a_wrong_stack_fails_the_redrive_and_gives_the_messages_back(bench: RedriveBench) -> None:
    bench.index.faults = [Response(403, error("security_exception"))]
    bench.queue.put(poison_message("a"))
    with pytest.raises(StackError, match="data access policy"):
        bench.run()
    assert len(bench.queue.visible) == 1


# What it tells


def line(bench: RedriveBench, **changes: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(redrive_line(bench.report, read_environment(environment(**changes)), NOW, "r"))
    return parsed


def test_the_line_has_the_metrics_and_names_what_stayed_by_error_type_alone(bench: RedriveBench) -> None:
    bench.put("a")
    secret = error("mapper_parsing_exception", "Preview of field's value: 'secret'")
    bench.index.item_fault = faulty(a={"status": 400, **secret})
    bench.queue.put(poison_message("a"), poison_message("b"))
    bench.run()
    found = line(bench, AWS_LAMBDA_FUNCTION_NAME="sync-redrive")
    (directive,) = found["_aws"]["CloudWatchMetrics"]
    assert {each["Name"] for each in directive["Metrics"]} == REDRIVE_UNITS.keys() - {"RepairNeeded"}
    assert [found[each] for each in ("Redriven", "RedriveStayed", "RedriveLost")] == [1, 1, 0]
    assert (found["FunctionName"], found["package"]) == ("sync-redrive", PACKAGE)
    assert found["stayed_documents"] == [{"document": "a", "error_type": "mapper_parsing_exception"}]
    assert found["level"] == "WARN"
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize("stayed", [0, 1])
def test_a_redrive_whose_time_is_over_says_of_what_it_saw_alone_that_it_stays(bench: RedriveBench, stayed: int) -> None:
    bench.put("k0")
    bench.index.item_fault = faulty(k0=POISONED) if stayed else None
    bench.queue.put(*(poison_message(f"k{each}") for each in range(150)))
    bench.remaining = 20.0
    assert bench.run()["more"]
    assert line(bench).get("RedriveStayed", 0) == stayed
    assert ("RedriveStayed" in line(bench)) == bool(stayed)


def test_lost_records_are_a_metric_that_the_next_redrive_says_anew(bench: RedriveBench) -> None:
    bench.stream.lost = TRIMMED
    bench.queue.put(range_message(number(1), number(2)))
    bench.run()
    found = line(bench)
    assert (found["RedriveLost"], found["RedriveStayed"], found["level"]) == (1, 1, "ERROR")
    assert "RepairNeeded" not in found


def test_an_index_that_was_made_anew_needs_a_repair(bench: RedriveBench) -> None:
    bench.run()
    bench.report.repair_needed.append("the index was deleted and made again")
    assert (line(bench)["RepairNeeded"], line(bench)["RedriveLost"], line(bench)["level"]) == (1, 0, "ERROR")


def test_keys_in_the_line_can_be_hashed(bench: RedriveBench) -> None:
    bench.put("a-person")
    bench.index.item_fault = faulty(**{"a-person": POISONED})
    bench.queue.put(poison_message("a-person"))
    bench.run()
    assert "a-person" not in json.dumps(line(bench, LOG_KEYS="hashed"))


def test_messages_are_taken_only_while_a_round_has_time(bench: RedriveBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is slow to give them: what is taken later would stay hidden for nothing."""
    receive = bench.queue.receive

    def slow() -> list[Message]:
        bench.clock.sleep(SHORTEST_ROUND / 4)
        return receive()

    monkeypatch.setattr(bench.queue, "receive", slow)
    bench.queue.put(*(poison_message(f"k{each}") for each in range(5 * MESSAGES_AT_ONCE)))
    bench.remaining = RESERVE + 1.4 * SHORTEST_ROUND
    found = bench.run()
    assert bench.queue.receives == 2
    assert found["taken"] == 2 * MESSAGES_AT_ONCE
