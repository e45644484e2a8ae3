"""What an answer of the function means to the event source mapping."""

from __future__ import annotations

from typing import Any

import pytest

from lab.trigger_core import Answer
from tests.support.trigger_harness import FAILED, Bench, failures, four, number, once, settings, stream_record


@pytest.mark.parametrize(
    "payload",
    [{"batchItemFailures": []}, None, {}, {"batchItemFailures": None}, {"other": 1}],
    ids=["empty list", "null", "empty object", "null list", "missing list"],
)
def test_these_answers_are_a_success(payload: Any) -> None:
    bench = Bench(settings(retries=0), respond=lambda _: Answer(payload=payload))
    bench.stream.put(*four())
    bench.run(30)
    assert bench.positions == [[0, 1, 2, 3]]
    assert bench.sent.messages == []
    assert bench.trigger.checkpoints == {"s": number(3)}
    assert bench.trigger.last_result == "OK"


@pytest.mark.parametrize(
    "answer",
    [
        FAILED,
        failures("12345"),
        failures(number(2), "12345"),
        failures(""),
        failures(None),
        failures(int(number(2))),
        Answer(payload={"batchItemFailures": [{"itemidentifier": number(2)}]}),
        Answer(payload={"batchItemFailures": [number(2)]}),
        Answer(payload={"batchItemFailures": "x"}),
        Answer(payload="ok"),
    ],
    ids=[
        "exception",
        "unknown identifier",
        "one of two unknown",
        "empty identifier",
        "null identifier",
        "number for an identifier",
        "wrong key",
        "no object",
        "no list",
        "no response object",
    ],
)
def test_these_answers_fail_the_whole_batch(answer: Answer) -> None:
    bench = Bench(settings(), respond=once(answer))
    bench.stream.put(*four())
    bench.run()
    assert bench.trigger.checkpoints == {}
    assert bench.trigger.last_result == "PROBLEM: Function call failed"
    bench.run(30)
    assert bench.positions == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert bench.trigger.checkpoints == {"s": number(3)}


def test_the_lowest_failed_number_becomes_the_checkpoint_whatever_the_order() -> None:
    # As text number(5) sorts before number(4): 100... before 99...
    answer = failures(number(6), number(4), number(5))
    bench = Bench(settings(batch_size=8), respond=once(answer))
    bench.stream.put(*(stream_record(position) for position in range(8)))
    bench.run()
    assert bench.trigger.checkpoints == {"s": number(3)}
    bench.run(30)
    assert bench.positions == [[0, 1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7]]


def test_failures_are_only_read_when_the_mapping_asks_for_them() -> None:
    bench = Bench(settings(report_batch_item_failures=False), respond=lambda _: failures(number(1)))
    bench.stream.put(*four())
    bench.run(30)
    assert bench.positions == [[0, 1, 2, 3]]
