"""`searchsync status`: the verdict, and what it is made from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from searchsync_cli.machine import Execution
from searchsync_cli.stack import Trigger
from searchsync_cli.verdict import Facts, Lag, Queue, Verdict, judge
from tests.support.cli_cloud import NAME, Cloud, Walk
from tests.support.fakes import FakeClock

VERIFIED = Execution("arn", "n", "SUCCEEDED", 0.0, 9.0, {"task": "verify"}, {"in_step": True}, "", "", False, "")
WELL = Facts(
    trigger=Trigger("uuid", "Enabled", "OK"),
    lag=Lag(0.5, 1.0),
    queue=Queue(),
    repair_needed=None,
    verification=VERIFIED,
    running=None,
    has_machine=True,
)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def test_a_verification_without_a_difference_and_no_trouble_since_is_in_step() -> None:
    assert judge(WELL) == (Verdict.IN_STEP, [])
    assert Verdict.IN_STEP.exit_code == 0


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (replace(WELL, trigger=None), "no trigger"),
        (replace(WELL, trigger=Trigger("u", "Disabled", "OK")), "Disabled"),
        (replace(WELL, trigger=Trigger("u", "Enabled", "PROBLEM: Function call failed")), "PROBLEM"),
        (replace(WELL, lag=Lag(3601.0, 1.0)), "late"),
        (replace(WELL, lag=Lag(None, 3601.0)), "late"),
        (replace(WELL, queue=Queue(visible=1)), "failure queue"),
        (replace(WELL, queue=Queue(in_flight=1)), "failure queue"),
        (replace(WELL, repair_needed=1.0), "may be missing"),
        (replace(WELL, has_machine=False), "no table walk"),
        (replace(WELL, failed=replace(VERIFIED, status="FAILED", stopped=10.0)), "the last verify failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_trouble_since_puts_a_good_verification_in_doubt(facts: Facts, what: str) -> None:
    verdict, troubles = judge(facts)
    assert verdict is Verdict.IN_DOUBT
    assert verdict.exit_code == 1
    assert any(what in trouble.what for trouble in troubles)


@pytest.mark.parametrize("in_step", [False, None, "true"])
def test_only_a_verification_that_says_so_is_in_step(in_step: object) -> None:
    verdict, troubles = judge(replace(WELL, verification=replace(VERIFIED, output={"in_step": in_step})))
    assert (verdict, verdict.exit_code) == (Verdict.DIFFERENCES, 1)
    assert "repair" in troubles[0].remedy


def test_what_was_never_compared_is_not_called_in_step() -> None:
    verdict, troubles = judge(replace(WELL, verification=None))
    assert (verdict, verdict.exit_code) == (Verdict.UNVERIFIED, 1)
    assert "verify" in troubles[0].remedy


def test_a_lag_at_the_limit_and_a_trigger_that_waits_are_well() -> None:
    waiting = replace(WELL, lag=Lag(3600.0), trigger=Trigger("u", "Enabled", "No records processed"))
    assert judge(waiting)[0] is Verdict.IN_STEP


def test_the_latest_of_verify_and_repair_decides(cloud: Cloud) -> None:
    cloud.finished("verify", in_step=False, before=7200, different=3)
    assert cloud.run("status") == 1
    assert "3 different" in cloud.out
    cloud.finished("repair", before=3600)
    cloud.finished("backfill", in_step=None, before=60)
    assert cloud.run("status") == 0
    assert "repair of" in cloud.out


def test_a_failed_verification_does_not_count(cloud: Cloud) -> None:
    cloud.finished("verify").status = "FAILED"
    assert cloud.run("status") == 1
    assert "never" in cloud.out


def test_a_verification_that_failed_before_a_good_one_is_no_trouble() -> None:
    assert judge(replace(WELL, failed=replace(VERIFIED, status="FAILED", stopped=8.0))) == (Verdict.IN_STEP, [])


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_a_verification_that_failed_since_puts_an_old_one_in_doubt(cloud: Cloud, status: str) -> None:
    cloud.finished("verify", before=40 * 86_400)
    cloud.finished("backfill", in_step=None, before=86_400).status = "FAILED"
    assert cloud.run("status") == 0
    cloud.finished("verify", before=3_600).status = status
    assert cloud.run("status", width=400) == 1
    assert "the last verify failed" in cloud.out
    cloud.finished("verify", before=60)
    assert cloud.run("status") == 0


@pytest.mark.parametrize("other", [{"index": "before"}, {"stream_arn": "arn:before"}])
def test_a_verification_of_another_index_or_stream_says_nothing_of_this(cloud: Cloud, other: dict[str, str]) -> None:
    of_this = {"index": cloud.variables["OPENSEARCH_INDEX"], "stream_arn": cloud.variables["STREAM_ARN"]}
    walk = cloud.finished("verify")
    walk.output = {**walk.output, **of_this}
    assert cloud.run("status") == 0
    walk.output = {**walk.output, **other}
    assert cloud.run("status") == 1
    assert "never" in cloud.out


def test_a_repair_counts_however_many_walks_came_after_it(cloud: Cloud) -> None:
    cloud.metric("searchsync", "RepairNeeded", 1, before=4 * 86_400)
    cloud.finished("repair", before=3 * 86_400)
    for number in range(60, 0, -1):
        cloud.finished("verify", before=number * 3_600)
    assert cloud.run("status") == 0
    cloud.calls.clear()
    cloud.metric("searchsync", "RepairNeeded", 1, before=1_800)
    assert cloud.run("status") == 1
    assert len([name for name, _ in cloud.calls if name == "DescribeExecution"]) < 5  # none before the signal


def test_counts_are_not_looked_at(cloud: Cloud) -> None:
    cloud.finished("verify", items=10, documents=7)
    assert cloud.run("status") == 0
    assert not [name for name, _ in cloud.calls if name == "DescribeTable"]


def test_the_newest_lag_is_shown_in_seconds(cloud: Cloud) -> None:
    cloud.metric("AWS/Lambda", "IteratorAge", 9_000_000, before=600)
    cloud.metric("AWS/Lambda", "IteratorAge", 2_500, before=60)
    cloud.metric("searchsync", "OldestRecordAge", 3.5)
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["lag_seconds"] == {"read": 2.5, "written": 3.5}


def test_a_lag_from_long_ago_is_not_shown(cloud: Cloud) -> None:
    cloud.metric("AWS/Lambda", "IteratorAge", 9_000_000, before=3600)
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["lag_seconds"]["read"] is None


def test_the_failure_queue_is_counted_and_no_message_received(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.send({"error_type": "mapper_parsing_exception"})
    cloud.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", 7300, of=f"{NAME}-failures")
    for _ in range(4):
        assert cloud.run("status", "--json") == 1
    assert json.loads(cloud.out)["failure_queue"] == {"visible": 1, "in_flight": 0, "oldest_seconds": 7300.0}
    sqs = cloud.session.client("sqs")
    asked = ["ApproximateReceiveCount"]
    (message,) = sqs.receive_message(QueueUrl=cloud.queue_url, AttributeNames=asked)["Messages"]
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}


@pytest.mark.parametrize(
    ("waits", "repaired", "then", "needed"),
    [
        (True, None, [], True),
        (True, 3600, [], True),
        (True, 60, [], False),
        (True, None, [0], False),
        (True, None, [0, 2], True),
        (False, None, [], False),
    ],
    ids=["left", "left after the repair began", "repaired since", "settled", "left again", "the queue is empty"],
)
def test_ranges_that_the_last_redrive_left_ask_for_a_repair(
    cloud: Cloud, waits: bool, repaired: float | None, then: list[float], needed: bool
) -> None:
    if waits:
        cloud.send({"DDBStreamBatchInfo": {"startSequenceNumber": "1"}})
    if repaired is not None:
        cloud.finished("repair", before=repaired)
    for number, value in enumerate([1, *then]):
        cloud.metric("searchsync", "RedriveLost", value, before=1800 - number * 120, of=f"{NAME}-redrive")
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["repair_needed"] is needed


def test_an_index_made_anew_for_the_redrive_asks_for_a_repair(cloud: Cloud) -> None:
    cloud.finished("repair", before=3600)
    cloud.metric("searchsync", "RepairNeeded", 1, before=600, of=f"{NAME}-redrive")
    cloud.metric("searchsync", "RepairNeeded", 0, before=60, of=f"{NAME}-redrive")
    assert cloud.run("status", "--json") == 1
    assert json.loads(cloud.out)["repair_needed"] is True


@pytest.mark.parametrize(
    ("signalled", "needed"), [(7200, False), (3700, False), (3500, True), (60, True)],
    ids=["long before the repair", "shortly before", "while it ran", "after"],
)  # fmt: skip
def test_a_signal_is_settled_by_a_repair_begun_later(cloud: Cloud, signalled: float, needed: bool) -> None:
    cloud.finished("repair", before=3600)
    cloud.metric("searchsync", "RepairNeeded", 1, before=signalled)
    cloud.metric("searchsync", "RepairNeeded", 0, before=30)
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["repair_needed"] is needed


def test_without_any_repair_an_old_signal_still_counts(cloud: Cloud) -> None:
    cloud.finished("verify", before=86_400)
    cloud.metric("searchsync", "RepairNeeded", 1, before=9 * 86_400)
    assert cloud.run("status", "--json") == 1
    assert json.loads(cloud.out)["repair_needed"] is True


def test_a_walk_that_runs_is_named(cloud: Cloud) -> None:
    cloud.walks.append(Walk("verify-now", "verify", cloud.clock.now() - 300, looks=9))
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["running"]["task"] == "verify"


def test_a_stack_without_the_walk_says_what_to_apply(cloud: Cloud) -> None:
    cloud.has_machine = False
    assert cloud.run("status") == 1
    assert "terraform apply" in cloud.out
    assert "Trigger" in cloud.out


@pytest.mark.parametrize("operation", ["ListExecutions", "GetMetricData", "ListEventSourceMappings"])
def test_a_missing_permission_is_one_message(cloud: Cloud, operation: str) -> None:
    cloud.denied.add(operation)
    assert cloud.run("status", width=400) == 2
    assert f":{operation}" in cloud.err
    assert cloud.out == ""


def test_advice_can_be_pasted(cloud: Cloud) -> None:
    assert cloud.run("status", width=400) == 1
    assert f"`searchsync verify --name {NAME}`" in cloud.out
