"""`searchsync runs`, and what a command makes of runs that have ended: no second one by surprise, few calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from moto import mock_aws

from searchsync_cli.commands.backfill import AGAIN_AFTER_S
from searchsync_cli.machine import MOST_ASKED, task_named
from tests.support.cli_cloud import NAME, Cloud, Run
from tests.support.fakes import FakeClock

HOURLY = 336
"""Verifications in two weeks."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def called(cloud: Cloud, operation: str) -> int:
    return sum(name == operation for name, _ in cloud.calls)


@pytest.mark.parametrize("width", [40, 100])
def test_all_runs_are_listed_with_what_became_of_them(cloud: Cloud, width: int) -> None:
    cloud.finished("backfill", in_step=None, before=9000, items=5)
    cloud.finished("backfill", in_step=None, before=8000, items=5, poison=2)
    cloud.finished("verify", before=7000)
    cloud.finished("verify", in_step=False, before=6000, missing=3)
    now = cloud.clock.now()
    cloud.runs.append(Run("verify-failed", "verify", now - 5000, "FAILED", now - 4000, fails=("StackError", "x")))
    cloud.runs.append(Run("repair-now", "repair", now - 60, looks=9))
    assert cloud.run("runs", width=width) == 0
    told = " ".join(cloud.out.split())
    for words in ("all written", "2 not written", "verify: in step", "3 missing", "failed, StackError", "repair: runs"):
        assert words in told
    assert max(len(line) for line in cloud.out.splitlines()) <= width
    assert cloud.run("runs", "--json", "--limit", "2") == 0
    assert [each["name"] for each in json.loads(cloud.out)["runs"]] == ["repair-now", "verify-failed"]


def test_nothing_has_run_yet(cloud: Cloud) -> None:
    assert (cloud.run("runs"), "Nothing has run yet" in cloud.out) == (0, True)
    assert (cloud.run("runs", "last"), "Nothing has run yet" in cloud.err) == (2, True)


@pytest.mark.parametrize(
    ("task", "in_step", "left", "code"),
    [("verify", True, 0, 0), ("verify", False, 0, 1), ("backfill", None, 0, 0), ("backfill", None, 3, 1)],
)
def test_a_finished_run_is_shown_as_its_own_command_shows_it(
    cloud: Cloud, task: str, in_step: bool | None, left: int, code: int
) -> None:
    run = cloud.finished(task, in_step, items=7, documents=7, failed=left)
    for words in (("runs", run.name), ("runs", run.arn), ("runs", "last"), ("runs", "--follow"), (task, "--watch")):
        assert cloud.run(*words) == code, words
        assert "7 items" in cloud.out
    assert called(cloud, "StartExecution") == 0


@pytest.mark.parametrize(("task", "in_step"), [("verify", True), ("repair", True), ("backfill", None)])
def test_a_run_says_how_many_items_the_condition_left_out(cloud: Cloud, task: str, in_step: bool | None) -> None:
    run = cloud.finished(task, in_step, items=1_007, documents=5, filtered=1_002)
    assert cloud.run("runs", run.name, width=400) == 0
    assert "1,002 without a document by `document.when`" in cloud.out


def test_a_failed_run_is_an_error_with_its_cause(cloud: Cloud) -> None:
    now = cloud.clock.now()
    cloud.runs.append(Run("backfill-x", "backfill", now - 600, "FAILED", now - 500, fails=("StackError", "no role")))
    for words in (("runs", "last"), ("backfill", "--watch")):
        assert cloud.run(*words, width=400) == 2
        assert "StackError: no role" in cloud.err


def test_a_run_under_way_is_looked_at_or_followed_to_its_end(cloud: Cloud) -> None:
    run = Run("verify-now", "verify", cloud.clock.now() - 60, looks=4, output={"in_step": True})
    cloud.runs.append(run)
    assert cloud.run("runs", "verify-now", width=400) == 0
    assert "verify-now runs since" in cloud.out
    assert f"`searchsync runs --name {NAME} --follow verify-now`" in cloud.out
    assert run.status == "RUNNING"
    assert cloud.run("runs", "verify-now", "--follow") == 0
    assert (run.status, "✓ In step" in cloud.out) == ("SUCCEEDED", True)


def test_a_run_that_is_not_there_is_named(cloud: Cloud) -> None:
    assert cloud.run("runs", "verify-never", width=400) == 2
    assert "There is no run verify-never" in cloud.err
    assert f"`searchsync runs --name {NAME}` lists them" in cloud.err


def test_the_same_backfill_is_not_started_twice_by_surprise(cloud: Cloud) -> None:
    last = cloud.finished("backfill", in_step=None, items=5)
    assert cloud.run("backfill", width=400) == 2
    assert f"{last.name} has written every item" in cloud.err
    assert called(cloud, "StartExecution") == 0
    cloud.next_run["output"] = {"totals": {}}
    assert cloud.run("backfill", "--again") == 0
    assert called(cloud, "StartExecution") == 1


@pytest.mark.parametrize("why", ["old", "left items over", "of another index", "of an export"])
def test_a_backfill_that_is_no_repetition_is_started(cloud: Cloud, why: str) -> None:
    last = cloud.finished("backfill", in_step=None, items=5, poison=why == "left items over")
    if why == "old":
        last.stopped = cloud.clock.now() - AGAIN_AFTER_S - 1
    if why == "of another index":
        last.output = {**last.output, "index": "other"}
    if why == "of an export":
        last.input = {"export": {"arn": "x"}}
    cloud.next_run["output"] = {"totals": {}}
    assert cloud.run("backfill") == 0


def scheduled(cloud: Cloud, count: int = HOURLY) -> None:
    """Verifications of the schedule, whose names say nothing, each hour."""
    for number in range(count):
        cloud.finished("verify", before=3600.0 * (number + 1)).name = f"5a0c-{number}"


@pytest.mark.parametrize("runs", [MOST_ASKED + 5, HOURLY])
def test_a_redrive_finds_the_last_repair_in_few_calls_however_many_verifications_ran(cloud: Cloud, runs: int) -> None:
    scheduled(cloud, runs)
    repair = cloud.finished("repair", before=3600.0 * runs - 1800)
    repair.name = "repair-20260101T000000Z"
    events: list[dict[str, int]] = []

    def redrive(event: dict[str, int]) -> dict[str, object]:
        events.append(event)
        return {"taken": 0, "more": False}

    cloud.functions[f"{NAME}-redrive"] = redrive
    assert cloud.run("redrive") == 0
    assert events == [{"repaired_since": int(repair.started)}]
    assert called(cloud, "DescribeExecution") <= MOST_ASKED + 1
    assert called(cloud, "ListExecutions") == 1


def test_executions_whose_name_says_other_tasks_are_not_asked(cloud: Cloud) -> None:
    for number in range(30):
        cloud.finished("verify", before=3600.0 * (number + 1))
    cloud.functions[f"{NAME}-redrive"] = lambda _: {"taken": 0, "more": False}
    assert cloud.run("redrive") == 0
    assert called(cloud, "DescribeExecution") == 0


def test_a_name_says_a_task_or_nothing() -> None:
    assert task_named("repair-20260101T000000Z") == "repair"
    assert [task_named(name) for name in ("repair", "5a0c-0", "reverify-1", "")] == [None] * 4


def test_a_verification_that_gave_way_is_no_verification(cloud: Cloud) -> None:
    cloud.finished("verify", before=7000)
    cloud.finished("verify", before=600).output = {"gave_way": "Another run is running"}
    assert cloud.run("runs", "--json") == 0
    assert [each["name"] for each in json.loads(cloud.out)["runs"]] == ["verify-0"]
