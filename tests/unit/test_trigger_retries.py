"""How the event source mapping repeats, splits and gives up a batch."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lab.trigger_core import Answer, NotInvoked
from tests.support.trigger_harness import (
    FAILED,
    START,
    Bench,
    fails_with,
    failures,
    four,
    number,
    once,
    settings,
    stream_record,
    succeed,
)


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_n_retries_are_n_plus_one_invocations(retries: int) -> None:
    bench = Bench(settings(retries=retries), respond=lambda _: FAILED)
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3]] * (retries + 1)
    (message,) = bench.sent.messages
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["requestContext"]["approximateInvokeCount"] == retries + 1
    assert bench.trigger.checkpoints == {"s": number(3)}


def test_minus_one_retries_for_ever() -> None:
    bench = Bench(settings(retries=-1), respond=lambda _: FAILED)
    bench.stream.put(*four())
    bench.run(1000, most_steps=5000)
    assert len(bench.batches) > 50
    assert bench.sent.messages == []
    assert bench.trigger.checkpoints == {}


def test_without_destination_exhausted_records_are_dropped() -> None:
    bench = Bench(settings(retries=0, on_failure=None), respond=lambda _: FAILED)
    bench.stream.put(*four())
    bench.run(30)
    assert bench.sent.messages == []
    assert bench.trigger.checkpoints == {"s": number(3)}


def test_bisect_finds_the_bad_record_without_spending_a_retry() -> None:
    bench = Bench(settings(bisect=True, retries=0), respond=fails_with(2))
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]
    (message,) = bench.sent.messages
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
    assert message["DDBStreamBatchInfo"]["startSequenceNumber"] == number(2)


def test_a_lone_record_spends_its_retries_though_bisect_is_on() -> None:
    bench = Bench(settings(bisect=True, retries=2), respond=fails_with(0))
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3], [0, 1], [0], [0], [0], [1], [2, 3]]


def test_without_bisect_the_batch_stays_whole() -> None:
    bench = Bench(settings(retries=1), respond=fails_with(2))
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert bench.sent.messages[0]["DDBStreamBatchInfo"]["batchSize"] == 4


def test_with_bisect_a_reported_failure_splits_there_and_spends_no_retry() -> None:
    bench = Bench(settings(bisect=True, retries=0), respond=once(failures(number(1))))
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3], [1, 2, 3]]
    assert bench.sent.messages == []


def test_a_reported_failure_at_the_beginning_is_no_progress() -> None:
    def respond(batch: list[str]) -> Answer:
        return failures(number(0)) if number(0) in batch else succeed(batch)

    bench = Bench(settings(bisect=True, retries=1), respond=respond)
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3], [0, 1], [0], [0], [1], [2, 3]]
    assert [m["DDBStreamBatchInfo"]["batchSize"] for m in bench.sent.messages] == [1]


def test_without_bisect_a_reported_failure_spends_a_retry() -> None:
    bench = Bench(settings(retries=0), respond=once(failures(number(1))))
    bench.stream.put(*four())
    bench.run(100)
    assert bench.positions == [[0, 1, 2, 3]]
    assert bench.sent.messages[0]["DDBStreamBatchInfo"]["startSequenceNumber"] == number(1)


def test_records_past_the_age_go_to_the_destination_and_the_rest_goes_on() -> None:
    bench = Bench(settings(max_record_age=60))
    old = [stream_record(position, created=START - 61) for position in range(2)]
    bench.stream.put(*old, stream_record(2, created=START - 60))
    bench.run()
    assert bench.positions == [[2]]
    (message,) = bench.sent.messages
    assert message["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message["requestContext"]["approximateInvokeCount"] == 0
    info = message["DDBStreamBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == (number(0), number(1))


def test_a_failing_batch_is_retried_until_its_records_are_too_old() -> None:
    bench = Bench(settings(max_record_age=20), respond=fails_with(0))
    bench.stream.put(stream_record(0), stream_record(1, created=START + 1000))
    bench.run(60)
    assert bench.positions[-1] == [1]
    assert len(bench.positions) > 3
    assert bench.sent.messages[0]["DDBStreamBatchInfo"]["batchSize"] == 1
    assert bench.sent.messages[0]["responseContext"]["functionError"] == "Unhandled"


def test_minus_one_means_no_age() -> None:
    bench = Bench(settings())
    bench.stream.put(stream_record(0, created=0))
    bench.run()
    assert bench.positions == [[0]]


def test_a_call_that_never_reached_the_function_spends_no_retry() -> None:
    problems = [NotInvoked("throttled")] * 3

    def respond(batch: list[str]) -> Answer:
        if problems:
            raise problems.pop()
        return succeed(batch)

    bench = Bench(settings(retries=0), respond=respond)
    bench.stream.put(*four())
    bench.run()
    assert bench.trigger.last_result == "PROBLEM: throttled"
    bench.run(60)
    assert len(bench.batches) == 4
    assert bench.sent.messages == []
    assert bench.trigger.checkpoints == {"s": number(3)}


def test_a_failing_batch_waits_longer_each_time_up_to_the_most() -> None:
    times: list[float] = []

    def respond(_: list[str]) -> Answer:
        times.append(bench.now)
        return FAILED

    bench = Bench(settings(), respond=respond)
    bench.stream.put(*four())
    bench.run(60)
    pauses = [later - sooner for sooner, later in pairwise(times)]
    assert pauses[:6] == [1, 2, 4, 8, 8, 8]


def test_records_stay_while_the_destination_refuses_them() -> None:
    bench = Bench(settings(retries=0), respond=lambda _: FAILED)
    bench.sent.refusing = True
    bench.stream.put(*four())
    bench.run(20)
    assert bench.trigger.checkpoints == {}
    assert "sqs:SendMessage" in bench.trigger.last_result
    bench.sent.refusing = False
    bench.run(20)
    assert len(bench.sent.messages) == 1
    assert bench.trigger.checkpoints == {"s": number(3)}
