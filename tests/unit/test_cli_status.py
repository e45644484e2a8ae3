"""`searchsync status`: the verdict, and what it is made from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.machine import Execution
from searchsync_cli.rolling import Differing, Rolling
from searchsync_cli.stack import Trigger
from searchsync_cli.verdict import (
    OLD_SECONDS,
    UNASKED,
    Facts,
    Handed,
    Index,
    Lag,
    Limits,
    Queue,
    Since,
    Value,
    Verdict,
    judge,
    waited,
)
from tests.support.cli_cloud import ACCOUNT, BUCKET, NAME, REGION, Cloud, Run
from tests.support.fakes import FakeClock

NOW = 1_000_000.0
SAW = {name: f"{name} 1" for name in ("collection", "index", "index_uuid", "index_mark", "table_id", "stream_arn")}
SAW |= {"mapping": "mapping 1", "shape": "shape 1", "conversion": "conversion 1", "package": "1"}
OUTPUT = {"in_step": True, "totals": {"documents": 10}, "saw": SAW}
BEGAN = NOW - 3600.0
VERIFIED = Execution("arn", "n", "SUCCEEDED", BEGAN, BEGAN + 9.0, {"task": "verify"}, OUTPUT, "", "", False, "")
THERE = Index(SAW, "there", created=7.0, documents=10, table_created=7.0)
TRIGGER = Trigger("uuid", "Enabled", "OK")
WELL = Facts(
    now=NOW,
    trigger=TRIGGER,
    lag=Lag(0.5, 1.0),
    queue=Queue(),
    verification=VERIFIED,
    running=None,
    has_machine=True,
    index=THERE,
)
OLD_OUTPUT = {name: value for name, value in OUTPUT.items() if name != "saw"}


def another(name: str) -> Facts:
    """What `name` says is another than the verification saw."""
    return replace(WELL, index=replace(THERE, saw={**SAW, name: "2"}, created=NOW - 5, table_created=NOW - 5))


def since(**signals: Any) -> Facts:
    return replace(WELL, since=Since(**signals))


PERIOD = 30 * 86_400.0
ROLLS = Rolling(PERIOD, NOW - 9 * PERIOD, True, NOW - 86_400.0, 8, 8)


def rolls(**changed: Any) -> Facts:
    return replace(WELL, index=replace(THERE, rolling=replace(ROLLS, **changed)))


DOUBTS: dict[str, tuple[Facts, str, str, float | None]] = {
    "another collection": (another("collection"), "the collection was replaced", "backfill", None),
    "another index": (another("index"), "writes another index", "backfill", None),
    "an index made anew, by its uuid": (another("index_uuid"), "deleted and made anew", "backfill", NOW - 5),
    "an index made anew, by our mark": (another("index_mark"), "deleted and made anew", "backfill", NOW - 5),
    "two functions of two stacks": (
        replace(WELL, index=replace(THERE, written={"index": "2", "collection": SAW["collection"]})),
        "the sync and the reconcile function have another index each",
        "terraform apply",
        None,
    ),
    "no index": (replace(WELL, index=replace(THERE, state="missing")), "the index is missing", "backfill", None),
    "an index of another stack's": (
        replace(WELL, index=replace(THERE, state="unowned", owner="billing arn:aws:dynamodb:eu-central-1:1:table/o")),
        "belongs to another stack and table, billing arn:aws:dynamodb:eu-central-1:1:table/o",
        "index.adopt to that owner",
        None,
    ),
    "an index of another's": (replace(WELL, index=replace(THERE, state="unowned")), "not made by", "delete it", None),
    "an index that cannot be asked": (replace(WELL, index=Index(SAW, "failed", "no")), "looked at: no", "logs", None),
    "an emptied index": (replace(WELL, index=replace(THERE, documents=4)), "4 documents", "repair", None),
    "another table": (another("table_id"), "the table was replaced", "repair", NOW - 5),
    "another stream": (another("stream_arn"), "another stream", "repair", NOW - 5),
    "another mapping": (another("mapping"), "another index mapping", "verify", None),
    "another shape": (another("shape"), "another shape of documents", "backfill", None),
    "other rules of conversion": (another("conversion"), "by other rules", "verify", None),
    "an older module's verification": (
        replace(WELL, verification=replace(VERIFIED, output=OLD_OUTPUT)), "does not name", "verify", None,
    ),
    "no trigger": (replace(WELL, trigger=None), "no trigger", "terraform apply", None),
    "a trigger that is off": (
        replace(WELL, trigger=replace(TRIGGER, state="Disabled", changed=NOW - 60)), "Disabled", "24 hours", NOW - 60,
    ),
    "a trigger that is off for over a day": (
        replace(WELL, trigger=replace(TRIGGER, state="Disabled", changed=NOW - 86_401)), "Disabled", "repair",
        NOW - 86_401,
    ),
    "a trigger in trouble": (
        replace(WELL, trigger=Trigger("u", "Enabled", "PROBLEM: Function call failed")), "PROBLEM", "logs", None,
    ),
    "a gap": (since(gap=NOW - 60), "after a day in which it read nothing", "verify", NOW - 60),
    "written and not read for a day": (
        since(missed=NOW - 90_000), "nothing read on the day after", "verify", NOW - 90_000,
    ),
    "read late": (replace(WELL, lag=Lag(3601.0, 1.0)), "late", "logs", None),
    "written and not read": (
        replace(WELL, lag=Lag(None, None, NOW - 700)), "written, and the function is not invoked", "concurrency",
        NOW - 700,
    ),
    "written late": (replace(WELL, lag=Lag(None, 3601.0)), "late", "logs", None),
    "later than the alarm's own": (
        replace(WELL, lag=Lag(121.0), limits=Limits(lag=120.0)), "the alarm's 2 min", "logs", None,
    ),
    "a message": (replace(WELL, queue=Queue(visible=1, oldest=50.0)), "failure queue", "redrive", NOW - 50),
    "a message in flight": (replace(WELL, queue=Queue(in_flight=1)), "failure queue", "redrive", None),
    "a message that is gone": (since(handed=Handed(sent=2, redriven=1)), "1 message of", "repair", None),
    "repair needed": (since(repair_needed=NOW - 9), "may be missing", "repair", NOW - 9),
    "dropped to the bucket": (since(dropped=NOW - 9), "on_failure_bucket", "repair", NOW - 9),
    "dropped without a word": (since(undelivered=NOW - 9), "no message says which", "repair", NOW - 9),
    "an old verification": (
        replace(WELL, verification=replace(VERIFIED, started=NOW - OLD_SECONDS - 1)), "older than 35 d", "verify",
        NOW - OLD_SECONDS - 1,
    ),
    "older than asked for": (replace(WELL, limits=Limits(age=3599.0)), "older than 59 min", "verify", BEGAN),
    "an old part": (rolls(oldest=NOW - PERIOD - 1), "a part that is older than 30 d", "verify", NOW - PERIOD - 1),
    "parts never compared": (
        rolls(covered=False, compared=7, since=NOW - PERIOD - 1, oldest=NOW - PERIOD - 1), "older than 30 d", "verify",
        NOW - PERIOD - 1,
    ),
    "parts of another index": (rolls(changed=("index_mark",)), "compared another index_mark", "verify", None),
    "a rolling verification that has not begun": (rolls(since=None, covered=False), "not begun", "logs", None),
    "no run": (replace(WELL, has_machine=False), "no reconciliation", "terraform apply", None),
    "a verification that failed": (
        replace(WELL, failed=replace(VERIFIED, status="FAILED", stopped=NOW - 9)), "the last verify failed", "verify",
        NOW - 9,
    ),
}  # fmt: skip


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def test_a_verification_without_a_difference_and_no_trouble_since_is_in_step() -> None:
    assert judge(WELL) == (Verdict.IN_STEP, [])
    assert Verdict.IN_STEP.exit_code == 0


@pytest.mark.parametrize("name", DOUBTS)
def test_each_fact_alone_puts_a_good_verification_in_doubt_with_its_age_and_remedy(name: str) -> None:
    facts, what, remedy, at = DOUBTS[name]
    verdict, troubles = judge(facts)
    assert (verdict, verdict.exit_code) == (Verdict.IN_DOUBT, 1)
    (trouble,) = troubles
    assert what in trouble.what
    assert remedy in trouble.remedy
    assert trouble.at == at
    assert "repair" not in trouble.remedy or remedy == "repair"


@pytest.mark.parametrize(
    "facts",
    [
        replace(WELL, index=replace(THERE, state=UNASKED, documents=None, saw={**SAW, "index_uuid": None})),
        replace(WELL, index=replace(THERE, saw={**SAW, "index_uuid": None})),
        replace(WELL, index=replace(THERE, saw={**SAW, "package": "2"})),
        replace(WELL, index=replace(THERE, documents=5)),
        replace(WELL, index=replace(THERE, documents=None)),
        replace(WELL, lag=Lag(3600.0)),
        replace(WELL, trigger=Trigger("u", "Enabled", "No records processed", changed=NOW - 5)),
        replace(WELL, limits=Limits(age=3600.0)),
        since(handed=Handed(sent=2, redriven=3, before=1)),
        since(handed=Handed(sent=0, redriven=0, before=5)),
        replace(WELL, failed=replace(VERIFIED, status="FAILED", stopped=BEGAN + 8.0)),
        rolls(),
        rolls(covered=False, compared=1, since=NOW - 60, oldest=NOW - 60),
        rolls(differing=(Differing("segment 0 of 4", BEGAN, 3, "r"),)),
        replace(rolls(), verification=replace(VERIFIED, started=NOW - OLD_SECONDS - 1)),
    ],
    ids=["not asked", "no uuid is shown", "a package of the same rules", "half of the documents", "not counted",
         "a lag at the limit", "a trigger that waits", "an age at the limit", "all messages redriven",
         "messages of before", "failed before", "all parts are young", "the first round is under way",
         "differences of before", "an old verification, and parts that are young"],
)  # fmt: skip
def test_what_says_nothing_against_a_verification_leaves_it_in_step(facts: Facts) -> None:
    assert judge(facts) == (Verdict.IN_STEP, [])


@pytest.mark.parametrize(("waiting", "gone"), [(0, 3), (1, 2), (3, 0), (4, 0)])
def test_a_message_that_neither_waits_nor_was_redriven_is_gone(waiting: int, gone: int) -> None:
    assert Handed(sent=3, redriven=1, before=1).gone(waiting) == gone


AT = 6_000.0
NONE: list[Value] = []


@pytest.mark.parametrize(
    ("depths", "sent", "redriven", "waiting"),
    [
        (NONE, NONE, NONE, 0),
        ([(5_880, 2), (5_940, 3)], NONE, NONE, 3),
        ([(5_880, 0), (5_940, 0)], [(5_940, 1)], NONE, 1),
        (NONE, [(5_700, 2)], NONE, 2),
        ([(5_880, 1), (5_940, 1)], [(5_880, 1)], NONE, 1),
        ([(5_880, 5), (5_940, 0)], NONE, [(5_940, 5)], 0),
        ([(5_880, 5)], NONE, [(5_880, 5)], 0),
        (NONE, NONE, [(5_700, 2)], 0),
        ([(5_940, 1), (6_000, 9)], [(6_000, 9)], [(6_000, 1)], 1),
    ],
    ids=["an idle queue", "the newest depth", "sent behind the depth of its minute", "no depth yet",
         "not counted twice", "redriven", "redriven behind the depth", "redriven of before",
         "what comes later does not count"],
)  # fmt: skip
def test_what_waited_is_known_though_a_depth_is_late_or_early_in_its_minute(
    depths: list[Value], sent: list[Value], redriven: list[Value], waiting: float
) -> None:
    assert waited(AT, depths, sent, redriven) == waiting


@pytest.mark.parametrize("in_step", [False, None, "true"])
def test_only_a_verification_that_says_so_is_in_step(in_step: object) -> None:
    verdict, troubles = judge(replace(WELL, verification=replace(VERIFIED, output={**OUTPUT, "in_step": in_step})))
    assert (verdict, verdict.exit_code) == (Verdict.DIFFERENCES, 1)
    assert "repair" in troubles[0].remedy


@pytest.mark.parametrize("verification", [VERIFIED, None], ids=["verified before", "never verified"])
def test_what_the_rolling_verification_found_since_are_differences(verification: Execution | None) -> None:
    found = (Differing("segment 0 of 4", BEGAN + 1, 3, "r"), Differing("range 1 of 4", NOW - 9, 1, "r"))
    verdict, troubles = judge(replace(rolls(differing=found), verification=verification))
    assert (verdict, verdict.exit_code) == (Verdict.DIFFERENCES, 1)
    assert troubles[0].what == "the rolling verification found 4 differences in segment 0 of 4, range 1 of 4"
    assert (troubles[0].remedy, troubles[0].at) == ("run `searchsync repair`", BEGAN + 1)


@pytest.mark.parametrize("trouble", [{"covered": False}, {"oldest": NOW - PERIOD - 1}, {"changed": ("table_id",)}])
def test_an_old_verification_counts_where_parts_are_old_or_missing(trouble: dict[str, Any]) -> None:
    old = replace(VERIFIED, started=NOW - OLD_SECONDS - 1)
    _, troubles = judge(replace(rolls(**trouble), verification=old))
    assert any("the verification is older than 35 d" in each.what for each in troubles)


def test_the_rolling_verification_is_shown_with_its_oldest_part(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["rolling"] is None
    now = cloud.clock.now()
    told: dict[str, Any] = {"period": PERIOD, "since": now - PERIOD, "covered": True, "oldest": now - 86_400}
    told |= {"parts": 8, "compared": 8, "changed": [], "differing": []}
    cloud.rolling = told
    assert cloud.run("status", width=200) == 0
    (row,) = [line for line in cloud.out.splitlines() if line.startswith("Rolling")]
    assert "no difference left · all parts" in row
    assert "1 d ago · each within 30 d" in row
    told["differing"] = [{"part": "range 0 of 4", "began": now - 99, "ended": now - 60, "differences": 2, "run": "r"}]
    assert cloud.run("status", width=200) == 1
    assert "2 differences · all parts" in cloud.out
    cloud.run("status", "--json")
    found = json.loads(cloud.out)
    assert found["verdict"] == "differences"
    assert [each["part"] for each in found["rolling"]["differing"]] == ["range 0 of 4"]
    cloud.rolling = {**told, "covered": False, "compared": 3, "differing": []}
    cloud.run("status", width=200)
    assert "3 of 8 parts" in cloud.out
    cloud.rolling = {"period": PERIOD, "since": None}
    assert cloud.run("status", width=200) == 1
    assert "not begun" in cloud.out


def test_what_was_never_compared_is_not_called_in_step() -> None:
    verdict, troubles = judge(replace(WELL, verification=None))
    assert (verdict, verdict.exit_code) == (Verdict.UNVERIFIED, 1)
    assert "verify" in troubles[0].remedy


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


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_a_verification_that_failed_since_puts_an_old_one_in_doubt(cloud: Cloud, status: str) -> None:
    cloud.finished("verify", before=30 * 86_400)
    cloud.finished("backfill", in_step=None, before=86_400).status = "FAILED"
    assert cloud.run("status") == 0
    cloud.finished("verify", before=3_600).status = status
    assert cloud.run("status", width=400) == 1
    assert "the last verify failed" in cloud.out
    cloud.finished("verify", before=60)
    assert cloud.run("status") == 0


def test_a_verification_of_another_index_says_nothing_of_this(cloud: Cloud) -> None:
    cloud.finished("verify")
    assert cloud.run("status") == 0
    cloud.saw["index"] = "other"
    assert cloud.run("status") == 1
    assert "writes another index" in cloud.out


def test_a_repair_counts_however_many_runs_came_after_it(cloud: Cloud) -> None:
    cloud.metric("searchsync", "RepairNeeded", 1, before=4 * 86_400)
    cloud.finished("repair", before=3 * 86_400)
    for number in range(60, 0, -1):
        cloud.finished("verify", before=number * 3_600)
    assert cloud.run("status") == 0
    cloud.calls.clear()
    cloud.metric("searchsync", "RepairNeeded", 1, before=1_800)
    assert cloud.run("status") == 1
    assert len([name for name, _ in cloud.calls if name == "DescribeExecution"]) < 5  # none before the signal


def test_the_package_that_runs_is_shown_where_the_function_says_it(cloud: Cloud) -> None:
    cloud.finished("verify")
    assert cloud.run("status") == 0
    assert [line.split() for line in cloud.out.splitlines() if "Package" in line] == [["Package", cloud.saw["package"]]]
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["package"] == "0.1.0+0123456789ab"
    del cloud.saw["package"]
    assert cloud.run("status") == 0
    assert "Package" not in cloud.out
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["package"] is None


def test_counts_are_not_looked_at(cloud: Cloud) -> None:
    cloud.index["documents"] = 7
    cloud.finished("verify", items=10, documents=9)
    assert cloud.run("status") == 0
    assert "7 documents now, 9 when it was verified" in cloud.out
    assert not [name for name, _ in cloud.calls if name == "DescribeTable"]


def test_the_newest_lag_is_shown_in_seconds(cloud: Cloud) -> None:
    cloud.metric("AWS/Lambda", "IteratorAge", 9_000_000, before=600)
    cloud.metric("AWS/Lambda", "IteratorAge", 2_500, before=60)
    cloud.metric("searchsync", "OldestRecordAge", 3.5)
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["lag_seconds"] == {"read": 2.5, "written": 3.5}


@pytest.mark.parametrize(
    ("written", "invoked", "told"),
    [
        ((800, 60), (), True),  # nothing at all is read
        ((800, 60), (850,), True),  # what was read before does not count
        ((800, 60), (300,), False),
        ((60,), (), False),  # not for long yet
        ((), (), False),  # a table at rest
    ],
)
def test_writes_that_no_invocation_follows_put_the_verdict_in_doubt(
    cloud: Cloud, written: tuple[int, ...], invoked: tuple[int, ...], told: bool
) -> None:
    cloud.index["documents"] = 10
    cloud.finished("verify", items=10, documents=10)
    for before in written:
        cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", 3, before, "orders")
    for before in (800, 400):
        cloud.metric("AWS/Lambda", "Invocations", 0, before)  # throttled ones are not counted
    for before in invoked:
        cloud.metric("AWS/Lambda", "Invocations", 2, before)
    assert cloud.run("status") == (1 if told else 0)
    assert ("the table is written, and the function is not invoked" in cloud.out) == told


def test_writes_to_a_table_of_the_same_name_are_not_those_of_a_table_in_another_account(cloud: Cloud) -> None:
    cloud.index["documents"] = 10
    cloud.finished("verify", items=10, documents=10)
    cloud.variables["STREAM_ARN"] = cloud.variables["STREAM_ARN"].replace(ACCOUNT, "999988887777")
    for before in (800, 60):
        cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", 3, before, "orders")
    cloud.run("status", "--json")
    assert "the table is written" not in cloud.out


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


def test_without_a_clean_comparison_an_old_signal_still_counts(cloud: Cloud) -> None:
    cloud.finished("verify", in_step=False, before=86_400, missing=1)
    cloud.metric("searchsync", "RepairNeeded", 1, before=9 * 86_400)
    assert cloud.run("status", "--json") == 1
    assert json.loads(cloud.out)["repair_needed"] is True


def test_a_clean_verification_begun_after_the_signal_settles_it(cloud: Cloud) -> None:
    cloud.metric("searchsync", "RepairNeeded", 1, before=9_000)
    cloud.finished("backfill", in_step=None, before=7_200)
    cloud.finished("verify", before=3_600)
    assert cloud.run("status") == 0
    assert "searchsync repair" not in cloud.out


def test_a_signal_while_the_verification_ran_is_not_settled_by_it(cloud: Cloud) -> None:
    run = cloud.finished("verify", before=3_600)
    run.stopped = cloud.clock.now() - 600
    cloud.metric("searchsync", "RepairNeeded", 1, before=1_800)
    assert cloud.run("status") == 1


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (("searchsync", "Poison", NAME), True),
        (("searchsync", "RunPoison", f"{NAME}-reconcile"), True),
        (("AWS/SQS", "NumberOfMessagesSent", f"{NAME}-failures"), True),
        (("searchsync", "Stale", NAME), False),
    ],
)
def test_messages_that_went_without_a_redrive_are_told_until_it_is_verified(
    cloud: Cloud, sent: tuple[str, str, str], told: bool
) -> None:
    namespace, name, of = sent
    cloud.finished("verify", before=20 * 86_400)
    for day in (19, 18):
        cloud.metric(namespace, name, 1, before=day * 86_400, of=of)
    cloud.metric("searchsync", "Redriven", 1, before=17 * 86_400, of=f"{NAME}-redrive")
    assert cloud.run("status", width=400) == int(told)
    assert ("1 message of the failure queue went without a redrive" in cloud.out) is told
    cloud.finished("verify", before=60)
    assert cloud.run("status") == 0


@pytest.mark.parametrize("told", [False, True], ids=["no depth yet", "a depth of before the message"])
def test_a_redrive_of_an_older_message_does_not_stand_for_one_that_went(cloud: Cloud, told: bool) -> None:
    cloud.clock.sleep(30 - cloud.clock.now() % 60)
    cloud.finished("verify", before=7_200)
    cloud.metric("searchsync", "Poison", 1, before=7_320)
    if told:
        cloud.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", 0, before=7_320, of=f"{NAME}-failures")
    cloud.metric("searchsync", "Redriven", 1, before=3_600, of=f"{NAME}-redrive")
    assert cloud.run("status") == 0
    cloud.metric("searchsync", "Poison", 1, before=1_800)
    assert cloud.run("status", width=400) == 1
    assert "1 message of the failure queue went without a redrive" in cloud.out


def test_a_refill_is_carried_out_though_a_backfill_has_written_all_today(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.index["state"] = "missing"
    assert cloud.run("status", width=400) == 1
    assert "--again`, then `searchsync verify" in cloud.out


def test_an_index_made_anew_is_not_asked_for_a_repair_too(cloud: Cloud) -> None:
    cloud.finished("verify", documents=9)
    cloud.saw["index_mark"] = "another"
    cloud.index["documents"] = 1
    assert cloud.run("status", "--json") == 1
    assert [each["what"] for each in json.loads(cloud.out)["troubles"]] == ["the index was deleted and made anew"]


def test_messages_that_still_wait_or_were_redriven_are_not_gone(cloud: Cloud) -> None:
    cloud.finished("verify", before=7_200)
    cloud.metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", 1, before=7_500, of=f"{NAME}-failures")
    cloud.metric("searchsync", "Poison", 2, before=3_600)
    cloud.metric("searchsync", "Redriven", 3, before=1_800, of=f"{NAME}-redrive")
    assert cloud.run("status") == 0


def test_what_the_trigger_gave_up_to_its_bucket_is_told_until_it_is_verified(cloud: Cloud) -> None:
    assert cloud.trigger is not None
    cloud.trigger["DestinationConfig"] = {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}}
    s3 = cloud.session.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="aws/lambda/another/shard/x", Body=b"")
    cloud.finished("verify", before=7_200)
    assert cloud.run("status") == 0
    written = f"aws/lambda/{cloud.trigger['UUID']}/shardId-1/2026/01/02/2026-01-02T03.04.05-a"
    s3.put_object(Bucket=BUCKET, Key=written, Body=b"")
    assert cloud.run("status", width=400) == 1
    assert "on_failure_bucket" in cloud.out
    cloud.clock.sleep(600.0)  # moto's objects have the wall clock's time, and a machine may be slow
    cloud.finished("verify", before=2.0)
    assert cloud.run("status") == 0


def test_what_the_trigger_could_not_deliver_is_told(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.metric("AWS/Lambda", "DestinationDeliveryFailures", 1)
    assert cloud.run("status", width=400) == 1
    assert "no message says which" in cloud.out


@pytest.mark.parametrize(
    ("read", "changed", "told"),
    [(None, 3_600, True), (26, 3_600, True), (24, 3_600, False), (None, 8 * 86_400, False), (None, None, False)],
    ids=["never read", "read over a day before", "read on the day before", "before the verification", "not said"],
)
def test_a_trigger_changed_after_a_day_without_reading_is_a_gap(
    cloud: Cloud, read: float | None, changed: float | None, told: bool
) -> None:
    assert cloud.trigger is not None
    cloud.finished("verify", before=7 * 86_400)
    if changed is not None:
        cloud.trigger["LastModified"] = datetime.fromtimestamp(cloud.clock.now() - changed, UTC)
    if read is not None:
        cloud.metric("AWS/Lambda", "IteratorAge", 5, before=read * 3_600)
    assert cloud.run("status", width=400) == int(told)
    assert ("after a day in which it read nothing" in cloud.out) is told


@pytest.mark.parametrize(
    ("written", "read", "told"),
    [
        (50, (60, 25), True),  # the trigger reads again, and its setting was never changed
        (50, (), True),
        (50, (60, 26.1), False),
        (50, (50,), False),
        (20, (60,), False),  # the stream has it still
        (200, (60,), False),  # before the verification
        (None, (60,), False),
    ],
)
def test_what_was_written_and_not_read_on_the_day_after_is_told_until_it_is_verified(
    cloud: Cloud, written: float | None, read: tuple[float, ...], told: bool
) -> None:
    cloud.finished("verify", before=7 * 86_400)
    if written is not None:
        cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", 1, before=written * 3_600, of="orders")
    for before in read:
        cloud.metric("AWS/Lambda", "IteratorAge", 5, before=before * 3_600)
    assert cloud.run("status", width=400) == int(told)
    assert ("nothing read on the day after" in cloud.out) is told
    cloud.finished("verify", before=60)
    assert cloud.run("status") == 0


def test_what_was_written_to_a_table_of_the_same_name_is_not_missed_in_one_of_another_account(cloud: Cloud) -> None:
    cloud.finished("verify", before=7 * 86_400)
    cloud.variables["STREAM_ARN"] = cloud.variables["STREAM_ARN"].replace(ACCOUNT, "999988887777")
    cloud.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", 1, before=50 * 3_600, of="orders")
    cloud.run("status", width=400)
    assert "nothing read on the day after" not in cloud.out


@pytest.mark.parametrize("age", [15 * 86_400 - 60, 63 * 86_400 - 60], ids=["by the minute", "by five minutes"])
def test_nothing_is_asked_for_more_finely_than_cloudwatch_keeps_it(cloud: Cloud, age: int) -> None:
    asked: list[tuple[float, int]] = []

    def note(params: Any, **_: Any) -> None:
        (period,) = {query["MetricStat"]["Period"] for query in params["MetricDataQueries"]}
        asked.append((cloud.clock.now() - params["StartTime"].timestamp(), period))

    cloud.session.events.register("provide-client-params.cloudwatch.GetMetricData", note)
    cloud.finished("verify", before=age)
    cloud.metric("searchsync", "Poison", 1, before=age - 3_600)
    assert cloud.run("status", "--max-age", "99d", width=400) == 1
    kept = {60: 15 * 86_400, 300: 63 * 86_400, 3_600: 455 * 86_400}
    assert [(before, period) for before, period in asked if before > kept[period]] == []


def test_lag_is_held_against_the_alarms_own_setting(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.metric("AWS/Lambda", "IteratorAge", 3_540_000)
    assert cloud.run("status") == 0
    cloud.session.client("cloudwatch").put_metric_alarm(
        AlarmName="late",
        Namespace="AWS/Lambda",
        MetricName="IteratorAge",
        Dimensions=[{"Name": "FunctionName", "Value": NAME}],
        Statistic="Maximum",
        Threshold=300_000,
        ComparisonOperator="GreaterThanThreshold",
        Period=300,
        EvaluationPeriods=1,
    )
    assert cloud.run("status", width=400) == 1
    assert "59 min late, over the alarm's 5 min" in cloud.out


def test_a_verification_may_be_as_old_as_one_says(cloud: Cloud) -> None:
    cloud.finished("verify", before=2 * 86_400)
    assert cloud.run("status", "--max-age", "49h") == 0
    assert cloud.run("status", "--max-age", "47h") == 1


def test_a_collection_that_may_sleep_is_not_woken_unless_asked(cloud: Cloud) -> None:
    asked: list[bool] = []

    def look(event: Any) -> Any:
        asked.append(event["index"])
        return cloud.look(event)

    cloud.functions[f"{NAME}-reconcile"] = look
    cloud.finished("verify")
    assert cloud.run("status") == 0
    cloud.saw["collection"] = f"abc.aoss.{REGION}.on.aws"
    cloud.variables["OPENSEARCH_HOST"] = f"https://{cloud.saw['collection']}"
    cloud.finished("verify", before=600.0)
    cloud.index["state"] = "missing"
    assert cloud.run("status") == 0
    assert "--wake" in cloud.out
    assert cloud.run("status", "--wake") == 1
    assert asked == [True, False, True]


def test_a_collection_that_does_not_answer_leaves_the_rest_of_the_status(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.functions[f"{NAME}-reconcile"] = lambda _: RuntimeError("the collection was too busy")
    assert cloud.run("status", width=400) == 1
    assert "could not be looked at" in cloud.out
    assert "too busy" in cloud.out
    assert "Trigger" in cloud.out


def test_a_run_function_that_knows_no_look_is_an_older_module(cloud: Cloud) -> None:
    cloud.functions[f"{NAME}-reconcile"] = lambda _: {"seen": {}}
    assert cloud.run("status", width=400) == 2
    assert "terraform apply" in cloud.err


def test_a_run_that_runs_is_named(cloud: Cloud) -> None:
    cloud.runs.append(Run("verify-now", "verify", cloud.clock.now() - 300, looks=9))
    cloud.run("status", "--json")
    assert json.loads(cloud.out)["running"]["task"] == "verify"


def test_a_stack_without_the_run_says_what_to_apply(cloud: Cloud) -> None:
    cloud.has_machine = False
    assert cloud.run("status") == 1
    assert "terraform apply" in cloud.out
    assert "Trigger" in cloud.out


@pytest.mark.parametrize("operation", ["ListExecutions", "GetMetricData", "ListEventSourceMappings", "Invoke"])
def test_a_missing_permission_is_one_message(cloud: Cloud, operation: str) -> None:
    cloud.denied.add(operation)
    assert cloud.run("status", width=400) == 2
    assert f":{operation}" in cloud.err.replace(":InvokeFunction", ":Invoke")
    assert cloud.out == ""


def test_advice_can_be_pasted(cloud: Cloud) -> None:
    assert cloud.run("status", width=400) == 1
    assert f"`searchsync verify --name {NAME}`" in cloud.out
