"""`searchsync redrive`: calls the redrive function until nothing is left to take, and says what stays."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from moto import mock_aws

from tests.support.cli_cloud import NAME, Cloud
from tests.support.fakes import FakeClock


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def answer(taken: int, stayed: int = 0, more: bool = False, unreadable: int = 0, **reasons: int) -> dict[str, Any]:
    redriven = taken - stayed - unreadable
    return {
        "taken": taken,
        "redriven": redriven,
        "stayed": stayed,
        "unreadable": unreadable,
        "keys": redriven,
        "reasons": reasons,
        "more": more,
    }


def answers(cloud: Cloud, *given: Any) -> list[Mapping[str, Any]]:
    """What the redrive function answers, one call after the other. Returns the events that it gets."""
    left, events = list(given), []

    def function(event: Mapping[str, Any]) -> Any:
        events.append(event)
        return left.pop(0)

    cloud.functions[f"{NAME}-redrive"] = function
    return events


def test_it_is_called_until_nothing_is_left(cloud: Cloud) -> None:
    events = answers(cloud, answer(10, more=True), answer(10, more=True), answer(3))
    assert cloud.run("redrive", "--json") == 0
    assert json.loads(cloud.out) == {
        "taken": 23, "redriven": 23, "stayed": 0, "unreadable": 0, "keys": 23, "reasons": {}, "more": False
    }  # fmt: skip
    assert events == [{}, {}, {}]


def test_an_empty_queue_is_said(cloud: Cloud) -> None:
    answers(cloud, answer(0))
    assert cloud.run("redrive") == 0
    assert "empty" in cloud.out


def test_what_stays_is_told_with_its_reasons(cloud: Cloud) -> None:
    answers(
        cloud,
        answer(4, stayed=1, more=True, mapper_parsing_exception=1),
        answer(4, stayed=2, unreadable=1, mapper_parsing_exception=1, another_table=1, trimmed=1),
    )
    assert cloud.run("redrive", width=400) == 1
    assert "stayed    4" in cloud.out
    assert "mapper_parsing_exception 2, another_table 1, trimmed 1" in cloud.out
    assert f"`searchsync repair --name {NAME}`" in cloud.out
    assert "Mend what stays" in cloud.out


def test_an_unreadable_message_alone_stays_too(cloud: Cloud) -> None:
    answers(cloud, answer(2, unreadable=1, another_table=1))
    assert cloud.run("redrive", width=400) == 1
    assert "stayed    1" in cloud.out
    assert "another_table 1" in cloud.out
    assert "Mend what stays" in cloud.out


@pytest.mark.parametrize("reason", ["trimmed", "unknown_shard", "range_not_found", "another_stream"])
def test_records_that_the_stream_has_lost_ask_for_a_repair_alone(cloud: Cloud, reason: str) -> None:
    answers(cloud, answer(1, stayed=1) | {"reasons": {reason: 1}})
    assert cloud.run("redrive", width=400) == 1
    assert "searchsync repair" in cloud.out
    assert "Mend" not in cloud.out


def test_ranges_are_settled_by_the_last_repairs_beginning(cloud: Cloud) -> None:
    cloud.finished("repair", before=7200)
    last = cloud.finished("repair", before=3600)
    cloud.finished("verify", before=60)
    events = answers(cloud, answer(1, more=True), answer(0))
    assert cloud.run("redrive") == 0
    assert events == [{"repaired_since": int(last.started)}] * 2


def test_a_stack_without_the_run_is_redriven_all_the_same(cloud: Cloud) -> None:
    cloud.has_machine = False
    assert answers(cloud, answer(1)) == []
    assert cloud.run("redrive") == 0


def test_messages_that_others_hold_end_the_calls(cloud: Cloud) -> None:
    events = answers(cloud, answer(0, more=True))
    assert cloud.run("redrive", width=400) == 1
    assert len(events) == 1
    assert "Somebody else holds messages" in cloud.out


def test_messages_held_by_a_redrive_that_was_ended_are_not_an_empty_queue(cloud: Cloud) -> None:
    cloud.send({"error_type": "mapper_parsing_exception"})
    cloud.session.client("sqs").receive_message(QueueUrl=cloud.queue_url, VisibilityTimeout=900)
    answers(cloud, answer(0))
    assert cloud.run("redrive", width=400) == 1
    assert "Somebody else holds messages" in cloud.out


def test_progress_goes_by_the_queues_depth(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        cloud.send({"error_type": str(number)})
    answers(cloud, answer(1, more=True), answer(3))
    assert cloud.run("redrive", "--json", "--progress") == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["taken"], line["waiting"]) for line in lines] == [(1, 4), (4, 4)]


def test_a_function_that_fails_is_an_error_with_its_reason(cloud: Cloud) -> None:
    answers(cloud, RuntimeError("The role may not write the index"))
    assert cloud.run("redrive", width=400) == 2
    assert "The role may not write the index" in cloud.err
    assert f"`searchsync logs --name {NAME} --function redrive --errors`" in cloud.err


def test_an_older_module_is_told(cloud: Cloud) -> None:
    del cloud.functions[f"{NAME}-redrive"]
    assert cloud.run("redrive") == 2
    assert "older module" in cloud.err


def test_a_missing_permission_is_named_as_a_policy_names_it(cloud: Cloud) -> None:
    cloud.denied.add("Invoke")
    assert cloud.run("redrive", width=400) == 2
    assert "lambda:InvokeFunction" in cloud.err
