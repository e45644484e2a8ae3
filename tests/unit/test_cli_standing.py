"""Which runs a verdict stands on: answers of AWS that are late, partial, or of another run are no verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.machine import MOST_ASKED
from tests.support.cli_cloud import MACHINE_ARN, Cloud, Run
from tests.support.fakes import FakeClock

HOUR = 3600.0
GAVE_WAY = {"gave_way": "Another run is running"}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def verdict(cloud: Cloud) -> tuple[int, str]:
    code = cloud.run("status", "--json")
    return code, json.loads(cloud.out)["verdict"]


def test_a_verification_with_differences_is_found_behind_many_that_gave_way(cloud: Cloud) -> None:
    cloud.finished("verify", before=50 * HOUR)
    cloud.finished("verify", in_step=False, before=40 * HOUR, missing=3).name = "5a0c-night"
    for number in range(MOST_ASKED + 5):
        run = cloud.finished("verify", before=30 * HOUR - number * HOUR)
        run.name, run.output = f"5a0c-{number}", GAVE_WAY
    assert verdict(cloud) == (1, "differences")


@pytest.mark.parametrize("resumed_in_step", [True, False])
def test_a_run_that_was_resumed_and_one_that_ran_meanwhile_both_count(cloud: Cloud, resumed_in_step: bool) -> None:
    """What one of them found, the other may have compared before it was so."""
    resumed = cloud.finished("verify", in_step=resumed_in_step, before=50 * HOUR, missing=3)
    resumed.stopped = cloud.clock.now() - HOUR
    cloud.finished("verify", in_step=not resumed_in_step, before=20 * HOUR, missing=3)
    assert verdict(cloud) == (1, "differences")


def test_of_two_clean_runs_that_overlap_the_later_beginning_counts(cloud: Cloud) -> None:
    resumed = cloud.finished("verify", before=50 * HOUR)
    resumed.stopped = cloud.clock.now() - HOUR
    cloud.finished("verify", before=20 * HOUR)
    assert verdict(cloud) == (0, "in step")
    assert json.loads(cloud.out)["verification"]["started"] == json.loads(
        json.dumps(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cloud.clock.now() - 20 * HOUR)))
    )


def test_differences_that_a_later_clean_run_has_settled_are_none(cloud: Cloud) -> None:
    cloud.finished("verify", in_step=False, before=50 * HOUR, missing=3)
    cloud.finished("repair", before=20 * HOUR)
    assert verdict(cloud) == (0, "in step")


def test_a_run_that_failed_once_more_after_a_later_one_is_told(cloud: Cloud) -> None:
    cloud.finished("verify", before=20 * HOUR)
    now = cloud.clock.now()
    cloud.runs.append(Run("verify-old", "verify", now - 50 * HOUR, "FAILED", now - HOUR, fails=("StackError", "x")))
    assert verdict(cloud) == (1, "in doubt")


def test_a_verification_is_not_resumed_behind_a_later_one(cloud: Cloud) -> None:
    now = cloud.clock.now()
    cloud.runs.append(
        Run("verify-old", "verify", now - 50 * HOUR, "FAILED", now - 49 * HOUR, fails=("StackError", "x"))
    )
    cloud.finished("verify", in_step=False, before=20 * HOUR, missing=3)
    assert cloud.run("verify", "--resume") == 2
    assert "has compared everything since" in cloud.err
    assert not [name for name, _ in cloud.calls if name == "RedriveExecution"]


@pytest.mark.parametrize("words", [("runs", "5a0c-1"), ("verify",)])
def test_a_run_that_gave_way_says_nothing_of_differences(cloud: Cloud, words: tuple[str, ...]) -> None:
    """It may be joined in the seconds before it gives way."""
    run = Run("5a0c-1", "verify", cloud.clock.now() - 5, "RUNNING", output=GAVE_WAY, looks=2)
    cloud.runs.append(run)
    if words[0] == "runs":
        run.status, run.stopped = "SUCCEEDED", cloud.clock.now() - 1
    assert cloud.run(*words) == 2
    assert "gave way" in cloud.err
    assert "Not in step" not in cloud.out


def test_a_run_of_another_stack_is_not_shown_as_ones_own(cloud: Cloud) -> None:
    run = cloud.finished("verify")
    assert cloud.run("runs", run.arn) == 0
    assert cloud.run("runs", run.arn.replace("orders-search", "other")) == 2
    assert MACHINE_ARN.replace("stateMachine", "execution").replace("orders-search", "other") in cloud.err.replace(
        "\n", ""
    )


@pytest.mark.parametrize("late", [1, 3])
def test_an_execution_that_aws_shows_late_is_waited_for(
    cloud: Cloud, late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API "DescribeExecution": eventually consistent. What it shows of a run just redriven is its old failure."""
    now = cloud.clock.now()
    cloud.runs.append(Run("verify-old", "verify", now - HOUR, "FAILED", now - 60, fails=("StackError", "the old one")))
    described = Cloud._on_DescribeExecution
    stale: list[Any] = []

    def redrive(self: Cloud, asked: Any) -> Any:
        stale.extend([described(self, asked)] * late)
        return Cloud.__dict__["redriven_now"](self, asked)

    monkeypatch.setattr(Cloud, "redriven_now", Cloud._on_RedriveExecution, raising=False)
    monkeypatch.setattr(Cloud, "_on_RedriveExecution", redrive)
    monkeypatch.setattr(
        Cloud, "_on_DescribeExecution", lambda self, asked: stale.pop() if stale else described(self, asked)
    )
    cloud.runs[0].output = {"task": "verify", "run": "verify-old", "totals": {}, "in_step": True}
    assert cloud.run("verify", "--resume") == 0
    assert "the old one" not in cloud.err


@pytest.mark.parametrize(
    ("variable", "name"),
    [("OPENSEARCH_INDEX", "index"), ("OPENSEARCH_HOST", "collection"), ("STREAM_ARN", "stream")],
)
def test_a_function_that_writes_where_nobody_looks_is_in_doubt(cloud: Cloud, variable: str, name: str) -> None:
    """As an apply leaves them that changed one of the two."""
    cloud.finished("verify", before=2 * HOUR)
    assert verdict(cloud) == (0, "in step")
    cloud.variables = {**cloud.variables, variable: cloud.variables[variable].replace("abc", "xyz") + "2"}
    assert cloud.trigger is not None
    cloud.trigger["EventSourceArn"] = cloud.variables["STREAM_ARN"]
    assert cloud.run("status", width=400) == 1
    assert f"the sync and the reconcile function have another {name} each" in cloud.out


@pytest.mark.parametrize("code", ["InternalError", "Forbidden", "PartialData"])
def test_metrics_that_cloudwatch_could_not_give_are_an_error_and_no_silence(cloud: Cloud, code: str) -> None:
    """API "MetricDataResult": each result says whether it is whole."""
    cloud.finished("verify", before=2 * HOUR)
    cloud.session.events.register(
        "after-call.cloudwatch.GetMetricData",
        lambda parsed, **_: [
            each.update(StatusCode=code, Values=[], Timestamps=[]) for each in parsed["MetricDataResults"]
        ],
    )
    assert cloud.run("status") == 2
    assert code in cloud.err


@pytest.mark.parametrize("days", [20, 80])
def test_a_signal_that_no_verification_has_settled_is_told_however_old_it_is(cloud: Cloud, days: int) -> None:
    """Values by the hour are kept for 455 days."""
    cloud.finished("verify", before=100 * 24 * HOUR)
    assert cloud.run("status", "--max-age", "200d") == 0
    cloud.metric("searchsync", "RepairNeeded", 1, before=days * 24 * HOUR)
    assert cloud.run("status", "--max-age", "200d") == 1
