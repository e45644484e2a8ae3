"""`searchsync backfill`, `verify` and `repair`: start, join, watch, leave, resume, and what they say at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.differences import differences_in
from tests.support.cli_cloud import MACHINE_ARN, NAME, Cloud, Run
from tests.support.fakes import FakeClock

RUN = "run-1"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def ends_with(cloud: Cloud, in_step: bool | None, report: str | None = None, **totals: Any) -> None:
    """The next run's output."""
    cloud.next_run["output"] = {"run": RUN, "in_step": in_step, "report": report, "totals": totals}


def started(cloud: Cloud) -> list[dict[str, Any]]:
    return [asked for name, asked in cloud.calls if name == "StartExecution"]


def differences(count: int, kind: str = "missing") -> list[dict[str, Any]]:
    return [
        {"run": RUN, "id": f"order-{number}", "key": {}, "kind": kind, "attributes": ["price"]}
        for number in range(count)
    ]


@pytest.mark.parametrize("task", ["backfill", "verify", "repair"])
def test_a_task_is_started_by_its_name_and_watched_to_its_end(cloud: Cloud, task: str) -> None:
    ends_with(cloud, None if task == "backfill" else True, items=5, documents=5)
    assert cloud.run(task) == 0
    (asked,) = started(cloud)
    assert asked["stateMachineArn"] == MACHINE_ARN
    assert asked["name"].startswith(f"{task}-")
    assert json.loads(asked["input"]) == {"task": task}
    assert "✓" in cloud.out
    assert cloud.runs[0].status == "SUCCEEDED"


def test_machines_get_one_object(cloud: Cloud) -> None:
    ends_with(cloud, True, items=5, documents=5)
    assert cloud.run("verify", "--json") == 0
    told = json.loads(cloud.out)
    assert told["status"] == "SUCCEEDED"
    assert (told["task"], told["in_step"], told["totals"]) == ("verify", True, {"items": 5, "documents": 5})
    assert (told["differences"], told["first"], told["joined"]) == (0, [], False)
    assert cloud.err == ""


def test_the_same_task_is_joined(cloud: Cloud) -> None:
    cloud.runs.append(Run("verify-before", "verify", cloud.clock.now() - 60, output={"in_step": True}))
    assert cloud.run("verify") == 0
    assert started(cloud) == []
    assert "Joining verify-before" in cloud.err


def test_another_task_is_refused_by_name(cloud: Cloud) -> None:
    cloud.runs.append(Run("nightly", "verify", cloud.clock.now() - 60, looks=99))
    assert cloud.run("repair", width=400) == 2
    assert started(cloud) == []
    assert "A verify runs" in cloud.err
    assert f"`searchsync verify --name {NAME} --watch`" in cloud.err


def test_watch_alone_starts_nothing(cloud: Cloud) -> None:
    assert cloud.run("verify", "--watch") == 2
    assert started(cloud) == []
    assert "No verify has run" in cloud.err


def test_no_watch_starts_and_leaves(cloud: Cloud) -> None:
    assert cloud.run("verify", "--no-watch", width=400) == 0
    assert len(started(cloud)) == 1
    assert cloud.runs[0].status == "RUNNING"
    assert f"`searchsync verify --name {NAME} --watch`" in cloud.out
    assert cloud.clock.slept == []


def test_an_interruption_leaves_the_run_running_and_says_how_to_come_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud.clock, "sleep", interrupt)
    cloud.next_run["looks"] = 9
    assert cloud.run("backfill", width=400) == 130
    assert cloud.runs[0].status == "RUNNING"
    assert f"`searchsync backfill --name {NAME} --watch`" in cloud.err
    assert not [name for name, _ in cloud.calls if name == "StopExecution"]


def test_a_watcher_that_loses_the_network_says_that_the_run_goes_on(cloud: Cloud) -> None:
    cloud.denied.add("ListMapRuns")
    assert cloud.run("verify", width=400) == 2
    assert "goes on without you" in cloud.err
    assert "states:ListMapRuns" in cloud.err


def test_who_may_not_read_logs_or_table_still_sees_the_segments(cloud: Cloud) -> None:
    cloud.denied |= {"FilterLogEvents", "DescribeTable"}
    ends_with(cloud, True)
    assert cloud.run("verify") == 0
    assert "4 of 4 segments" in cloud.err or "ranges" in cloud.err


def test_items_under_way_come_from_the_runs_own_log_lines(cloud: Cloud) -> None:
    report = {"RunItems": 1500, "counts": {"items": 1500}}
    cloud.runs.append(Run("now", "backfill", cloud.clock.now() - 60, output={"totals": {}}))
    for run in ("now", "now", "before"):
        cloud.log(report | {"run": run}, before=30, function=f"{NAME}-reconcile")
    assert cloud.run("backfill") == 0
    assert "~3,000 items" in cloud.err


def test_items_of_a_call_under_way_are_seen_before_it_ends(cloud: Cloud) -> None:
    cloud.runs.append(Run("now", "backfill", cloud.clock.now() - 600, output={"totals": {}}))
    for items in (700, 800):
        told = {"run": "now", "under_way": {"part": "backfill-0-0", "items": items, "documents": 0}}
        cloud.log(told, before=10 - items / 100, function=f"{NAME}-reconcile")
    assert cloud.run("runs", "now", width=400) == 0
    assert "~800 items" in cloud.out


def test_the_cause_of_a_function_is_its_message_alone(cloud: Cloud) -> None:
    cause = {
        "errorMessage": "Check the reconcile function's role's s3:PutObject.",
        "errorType": "StackError",
        "stackTrace": ["File x"],
    }
    cloud.next_run["fails"] = ("StackError", json.dumps(cause))
    assert cloud.run("verify", width=400) == 2
    assert "failed: StackError: Check the reconcile function's role's s3:PutObject." in cloud.err
    assert "stackTrace" not in cloud.err


def test_a_map_that_failed_is_explained_by_its_child(cloud: Cloud) -> None:
    cloud.next_run["fails"] = ("States.ExceedToleratedFailureThreshold", "The threshold was exceeded")
    cloud.next_run["child"] = ("StackError", '{"errorMessage": "The index is gone."}')
    assert cloud.run("verify", width=400) == 2
    assert "failed: StackError: The index is gone." in cloud.err
    assert "threshold" not in cloud.err


@pytest.mark.parametrize("task", ["backfill", "verify", "repair"])
def test_a_failure_is_one_message_with_its_cause_and_the_way_on(cloud: Cloud, task: str) -> None:
    cloud.next_run["fails"] = ("Lambda.Unknown", "the segment 3 was refused")
    assert cloud.run(task, width=400) == 2
    assert "Lambda.Unknown: the segment 3 was refused." in cloud.err
    assert f"`searchsync {task} --name {NAME} --resume`" in cloud.err
    assert cloud.out == ""


@pytest.mark.parametrize("error", ["RunRefusedError", "ConfigurationError"])
def test_what_was_refused_is_started_anew(cloud: Cloud, error: str) -> None:
    cloud.next_run["fails"] = (error, "The stream is off. Turn it on, apply again.")
    assert cloud.run("verify", width=400) == 2
    assert "Turn it on, apply again." in cloud.err
    assert "anew" in cloud.err
    assert "--resume" not in cloud.err


def test_resume_redrives_the_last_failed_execution_of_the_task(cloud: Cloud) -> None:
    now = cloud.clock.now()
    for name, task, began in (("old", "backfill", 900), ("last", "backfill", 600), ("other", "verify", 300)):
        cloud.runs.append(Run(name, task, now - began, "FAILED", now - began + 9, fails=("X", "y")))
    cloud.runs[1].output = {"totals": {"items": 7}}
    assert cloud.run("backfill", "--resume") == 0
    assert [run.redriven for run in cloud.runs] == [0, 1, 0]
    assert started(cloud) == []
    assert "7 items" in cloud.out


def test_nothing_failed_is_nothing_to_resume(cloud: Cloud) -> None:
    assert cloud.run("verify", "--resume") == 2
    assert "nothing to resume" in cloud.err


def test_what_step_functions_does_not_redrive_is_started_anew(cloud: Cloud) -> None:
    now = cloud.clock.now()
    cloud.runs.append(Run("old", "verify", now - 900, "FAILED", now - 800, redrive_status="NOT_REDRIVABLE"))
    assert cloud.run("verify", "--resume") == 2
    assert "cannot be resumed" in cloud.err
    assert cloud.runs[0].redriven == 0


def test_differences_are_told_by_kind_with_the_first_twenty(cloud: Cloud) -> None:
    ends_with(cloud, False, "log", items=100, documents=99, missing=24, orphan=1)
    for line in differences(24):
        cloud.log(line, before=-1, function=f"{NAME}-reconcile")
    cloud.log({"run": "another", "id": "order-99", "kind": "missing"}, before=-1, function=f"{NAME}-reconcile")
    assert cloud.run("verify", width=400) == 1
    assert "24 missing, 1 orphan" in cloud.out
    assert "order-19" in cloud.out
    assert "order-20" not in cloud.out
    assert "order-99" not in cloud.out
    assert f"5 more in log group /aws/lambda/{NAME}-reconcile" in cloud.out
    assert f"`searchsync repair --name {NAME}`" in cloud.out


def test_a_report_in_s3_is_read_there(cloud: Cloud) -> None:
    s3 = cloud.session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for part, lines in enumerate((differences(2), differences(1, "orphan"))):
        body = "".join(json.dumps(line) + "\n" for line in lines)
        s3.put_object(Bucket="reports", Key=f"{RUN}/{part}-0.jsonl", Body=body.encode())
    ends_with(cloud, False, f"s3://reports/{RUN}/", missing=2, orphan=1)
    assert cloud.run("verify", "--json") == 1
    told = json.loads(cloud.out)
    assert [each["kind"] for each in told["first"]] == ["missing", "missing", "orphan"]
    assert (told["differences"], told["report"]) == (3, f"s3://reports/{RUN}/")


def test_a_report_that_may_not_be_read_leaves_the_counts(cloud: Cloud) -> None:
    ends_with(cloud, False, "s3://nowhere/run/", missing=2)
    assert cloud.run("verify", width=400) == 1
    assert "2 missing" in cloud.out
    assert "s3://nowhere/run/ (not read:" in cloud.out


def test_the_differences_of_other_runs_are_passed_over() -> None:
    ours = differences(2)
    lines = [json.dumps(each) for each in (ours[0], ours[1] | {"run": "another"}, {"run": RUN}, ours[1])]
    assert [each.id for each in differences_in([*lines, "[]", "no JSON"], RUN)] == ["order-0", "order-1"]


def test_after_the_table_comes_the_index(cloud: Cloud) -> None:
    ends_with(cloud, True)
    assert cloud.run("verify") == 0
    assert "index: 2 of 2 ranges" in cloud.err


def test_an_id_cannot_steer_the_terminal(cloud: Cloud) -> None:
    ends_with(cloud, False, missing=1)
    cloud.log(differences(1)[0] | {"id": "a\x1b[2Jb[red]"}, before=-1, function=f"{NAME}-reconcile")
    assert cloud.run("verify") == 1
    assert "\x1b" not in cloud.out
    assert "a\\u001b[2Jb[red]" in cloud.out


def test_a_repair_that_mends_all_is_in_step(cloud: Cloud) -> None:
    ends_with(cloud, True, items=10, documents=10, missing=2, repaired=2)
    assert cloud.run("repair") == 0
    assert "2 missing, 2 repaired" in cloud.out


def test_a_repair_that_leaves_something_says_where_to_look(cloud: Cloud) -> None:
    ends_with(cloud, False, missing=2, repaired=1)
    assert cloud.run("repair", width=400) == 1
    assert "logs" in cloud.out


@pytest.mark.parametrize(
    "left",
    [{"poison": 1}, {"failed": 2}, {"broken_files": 1, "broken": ["part-1.json.gz"]}],
    ids=["poison", "failed", "a broken file"],
)
def test_a_backfill_that_leaves_something_out_is_not_done(cloud: Cloud, left: dict[str, Any]) -> None:
    ends_with(cloud, None, items=10, written=9, **left)
    assert cloud.run("backfill", width=400) == 1
    assert "not all" in cloud.out
    assert "part-1.json.gz" in cloud.out or "searchsync redrive" in cloud.out


def test_an_older_module_is_told(cloud: Cloud) -> None:
    cloud.has_machine = False
    assert cloud.run("verify") == 2
    assert "older module" in cloud.err


def test_a_missing_permission_is_named(cloud: Cloud) -> None:
    cloud.denied.add("StartExecution")
    assert cloud.run("verify", width=400) == 2
    assert "states:StartExecution" in cloud.err
