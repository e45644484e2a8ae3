"""The redrive function's entry: its answer, and the log line that every invocation leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.errors import MalformedEventError, StackError, UnforeseenError
from searchsync.sync.redrive import Redrive
from tests.support.events import environment
from tests.support.fakes import POISONED, faulty
from tests.support.redrive_harness import RedriveBench, poison_message


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The entry's module; it starts when it is imported."""
    for name, value in environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret").items():
        monkeypatch.setenv(name, value)
    from searchsync import redrive_handler  # noqa: PLC0415

    return redrive_handler


def test_it_answers_and_logs_the_same_counts(
    entry: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = RedriveBench()
    bench.put("a")
    bench.put("b")
    bench.index.item_fault = faulty(a=POISONED)
    bench.queue.put(poison_message("a"), poison_message("b"))
    monkeypatch.setattr(entry, "redrive", bench.redrive())
    answer = entry.handle({}, Context())
    assert answer == {
        "taken": 2,
        "redriven": 1,
        "stayed": 1,
        "unreadable": 0,
        "keys": 2,
        "reasons": {"mapper_parsing_exception": 1},
        "more": False,
    }
    line = json.loads(capsys.readouterr().out)
    assert {name: line[name] for name in answer} == answer
    assert (line["Redriven"], line["RedriveStayed"], line["request_id"]) == (1, 1, "request-1")


def test_a_failed_redrive_leaves_its_log_line_and_raises(entry: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MalformedEventError):
        entry.handle({"repaired_since": "yesterday"}, Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["request_id"]) == ("ERROR", "request-1")
    assert "repaired_since" in line["error"]


def test_a_failed_redrive_does_not_say_that_nothing_stays(
    entry: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The metric's alarm ends with a redrive that leaves none; one that failed has seen nothing of the kind."""
    bench = RedriveBench()
    bench.queue.put(poison_message("a"))
    monkeypatch.setattr(entry, "redrive", bench.redrive())

    def refuse(*_: object) -> None:
        raise StackError("The table refused a read.")

    monkeypatch.setattr(bench.table, "read", refuse)
    with pytest.raises(StackError):
        entry.handle({}, Context())
    line = json.loads(capsys.readouterr().out)
    assert "RedriveStayed" not in line
    assert "RedriveStayed" not in {each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}


def test_an_unforeseen_error_is_logged_and_raised_without_its_message(
    entry: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("an item's contents")

    monkeypatch.setattr(Redrive, "run", fail)
    with pytest.raises(UnforeseenError, match="ValueError at"):
        entry.handle({}, Context())
    assert "contents" not in capsys.readouterr().out
