"""`searchsync backfill --from-export`: what is loaded, and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.errors import CliError
from searchsync_cli.export import (
    Export,
    Place,
    check_stream,
    check_time,
    check_trigger,
    export_in,
    measured_rate,
    place_in,
    place_of,
    plan,
)
from searchsync_cli.machine import Execution
from searchsync_cli.stack import Trigger
from searchsync_cli.text import iso
from tests.support.cli_cloud import BUCKET, TABLE_ARN, Cloud
from tests.support.fakes import FakeClock

FOLDER = "backup/AWSDynamoDB/01693685827463-2d8752fd"
PLACE = Place(BUCKET, f"{FOLDER}/manifest-summary.json")
OFF = Trigger("uuid", "Disabled", "No records processed", "TRIM_HORIZON", 79_200)
HOUR = 3600.0
EXPORT = Export(BUCKET, "manifest-files.json", 1_000_000.0, 1_000_000)
ARN = f"{TABLE_ARN}/export/01693685827463-2d8752fd"


def summary(**changed: Any) -> dict[str, Any]:
    """manifest-summary.json, as the AWS page "DynamoDB table export output format" shows it."""
    return {
        "version": "2020-06-30",
        "exportArn": ARN,
        "startTime": "2026-11-04T07:28:34.028Z",
        "endTime": "2026-11-04T07:33:43.897Z",
        "tableArn": TABLE_ARN,
        "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
        "exportTime": "2026-11-04T07:28:34.928Z",
        "s3Bucket": BUCKET,
        "s3Prefix": "backup",
        "s3SseAlgorithm": "AES256",
        "s3SseKmsKeyId": None,
        "manifestFilesS3Key": f"{FOLDER}/manifest-files.json",
        "billedSizeBytes": 0,
        "itemCount": 8,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    } | changed


@pytest.mark.parametrize(
    "source", [f"s3://{BUCKET}/{FOLDER}/", f"s3://{BUCKET}/{FOLDER}", f"s3://{BUCKET}/{FOLDER}/manifest-summary.json",
               f"s3://{BUCKET}/{FOLDER}/manifest-files.json"],
    ids=["folder", "without a slash", "summary", "files"],
)  # fmt: skip
def test_an_export_is_named_by_its_folder_or_a_manifest(source: str) -> None:
    assert place_of(source) == PLACE


def test_an_export_is_named_by_its_arn() -> None:
    assert place_of(ARN) is None


@pytest.mark.parametrize(
    "source", ["", "exports/1", "s3://", f"s3://{BUCKET}", f"s3://{BUCKET}/", TABLE_ARN, "https://x/y"]
)
def test_what_names_no_export_is_refused(source: str) -> None:
    with pytest.raises(CliError, match="neither a folder in S3 nor an export's ARN"):
        place_of(source)


@pytest.mark.parametrize("manifest", ["manifest-summary.json", "manifest-files.json"])
def test_a_described_export_says_where_its_summary_is(manifest: str) -> None:
    described = {"ExportStatus": "COMPLETED", "ExportManifest": f"{FOLDER}/{manifest}", "S3Bucket": BUCKET}
    assert place_in(described) == PLACE


@pytest.mark.parametrize(
    ("status", "says"), [("IN_PROGRESS", "still being written"), ("FAILED", "FAILED: out of luck")]
)
def test_an_export_that_is_not_done_is_refused(status: str, says: str) -> None:
    with pytest.raises(CliError, match=says):
        place_in({"ExportStatus": status, "FailureMessage": "out of luck"})


def test_the_time_of_the_export_is_rounded_down() -> None:
    assert export_in(summary(), PLACE, TABLE_ARN).as_input() == {
        "bucket": BUCKET,
        "manifest": f"{FOLDER}/manifest-files.json",
        "exported_at": 1_793_777_314,
        "items": 8,
    }


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"tableArn": f"{TABLE_ARN}-2"}, "is an export of"),
        ({"outputFormat": "ION"}, "format ION"),
        ({"exportType": "INCREMENTAL_EXPORT"}, "incremental"),
        ({"exportTime": "yesterday"}, "not what DynamoDB writes"),
        ({"itemCount": None}, "not what DynamoDB writes"),
        ({"manifestFilesS3Key": None, "itemCount": "many"}, "not what DynamoDB writes"),
    ],
)
def test_another_kind_of_export_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(CliError, match=says):
        export_in(summary(**changed), PLACE, TABLE_ARN)


def test_an_old_manifest_without_a_type_is_a_full_export() -> None:
    old = summary()
    del old["exportType"]
    assert export_in(old, PLACE, TABLE_ARN).items == 8


@pytest.mark.parametrize(
    ("trigger", "says"),
    [
        (None, "no trigger"),
        (replace(OFF, state="Enabled"), "is Enabled"),
        (replace(OFF, state="Disabling"), "is Disabling"),
        (replace(OFF, last_result="OK"), "has read records"),
        (replace(OFF, last_result="PROBLEM: Function call failed"), "has read records"),
        (replace(OFF, starting_position="LATEST"), "LATEST"),
    ],
    ids=["none", "on", "going off", "has read", "has failed", "latest"],
)
def test_a_trigger_that_would_spoil_the_load_is_refused(trigger: Trigger | None, says: str) -> None:
    with pytest.raises(CliError, match=says) as raised:
        check_trigger(trigger)
    assert "apply" in raised.value.remedy


@pytest.mark.parametrize("result", ["No records processed", ""])
def test_a_trigger_that_is_off_and_has_read_nothing_is_right(result: str) -> None:
    check_trigger(replace(OFF, last_result=result))


def test_there_is_time_until_the_first_change_is_too_old() -> None:
    # 1,000,000 items at 500 a second: 2,000 s; the backlog of that and the export's age: a quarter of it.
    planned = plan(EXPORT, 500.0, 79_200, EXPORT.exported_at + HOUR)
    assert (planned.age, planned.load, planned.drain, planned.limit) == (3600.0, 2000.0, 1400.0, 79_200.0)
    assert planned.fits
    check_time(EXPORT, planned, 500.0)


@pytest.mark.parametrize(
    ("age", "maximum", "fits"),
    [
        (63_360 - 2000 - 1, 79_200, True),
        (63_360 - 2000, 79_200, False),
        (63_360 - 2000, 86_400, True),
        (69_120 - 2000 - 1, -1, True),
        (69_120 - 2000, -1, False),
        (69_120 - 2000, 604_800, False),
    ],
    ids=["just", "just not", "an older record is taken", "no maximum, just", "no maximum, just not", "a week"],
)
def test_the_shorter_of_the_streams_day_and_the_triggers_maximum_age_counts(
    age: float, maximum: int, fits: bool
) -> None:
    # age + load + (age + load) / 4 < limit, so age + load < 0.8 * limit: 63,360 s of 79,200, 69,120 s of 86,400.
    assert plan(EXPORT, 500.0, maximum, EXPORT.exported_at + age).fits is fits


def test_a_load_that_comes_too_late_is_refused_with_its_figures() -> None:
    planned = plan(EXPORT, 500.0, 79_200, EXPORT.exported_at + 20 * HOUR)
    with pytest.raises(
        CliError,
        match=r"is 20 h old .* about 33 min at 500 items a second, the backlog 5 h 8 min more, .* after 22 h\.",
    ):
        check_time(EXPORT, planned, 500.0)


def test_a_faster_load_has_more_time() -> None:
    late = EXPORT.exported_at + 63_360 - 1000
    assert not plan(EXPORT, 500.0, 79_200, late).fits
    assert plan(EXPORT, 5000.0, 79_200, late).fits


def test_the_rate_is_the_last_backfills_if_it_tells_one() -> None:
    done = Execution("a", "n", "SUCCEEDED", 0.0, 100.0, {}, {"totals": {"items": 90_000}}, "", "", False, "")
    assert measured_rate(done) == 900.0
    assert measured_rate(replace(done, output={"totals": {"items": 10}})) is None
    assert measured_rate(None) is None


# The command


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        made = Cloud(FakeClock(float(int(time.time()))))
        assert made.trigger is not None
        made.trigger |= {"State": "Disabled", "LastProcessingResult": "No records processed"}
        made.session.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield made


def lay(cloud: Cloud, **changed: Any) -> str:
    """The summary of an export an hour old; its folder's URL."""
    body = summary(exportTime=iso(cloud.clock.now() - HOUR), **changed)
    cloud.session.client("s3").put_object(Bucket=BUCKET, Key=PLACE.key, Body=json.dumps(body).encode())
    return f"s3://{BUCKET}/{FOLDER}/"


def test_a_load_gives_the_machine_the_export_and_says_the_next_step(cloud: Cloud) -> None:
    cloud.next_walk["output"] = {"totals": {"items": 8, "written": 8}}
    exported_at = int(cloud.clock.now() - HOUR)
    assert cloud.run("backfill", "--from-export", lay(cloud), width=400) == 0
    request = json.loads(next(asked["input"] for name, asked in cloud.calls if name == "StartExecution"))
    export = {"bucket": BUCKET, "manifest": f"{FOLDER}/manifest-files.json", "exported_at": exported_at, "items": 8}
    assert request == {"task": "backfill", "export": export}
    assert "trigger.enabled = true" in cloud.out


@pytest.mark.parametrize(
    ("trigger", "says"),
    [({"State": "Enabled"}, "is Enabled"), ({"LastProcessingResult": "OK"}, "has read records"),
     ({"StartingPosition": "LATEST"}, "LATEST")],
)  # fmt: skip
def test_a_load_beside_the_trigger_is_refused(cloud: Cloud, trigger: dict[str, str], says: str) -> None:
    assert cloud.trigger is not None
    cloud.trigger |= trigger
    assert cloud.run("backfill", "--from-export", lay(cloud), width=400) == 2
    assert says in cloud.err
    assert cloud.walks == []


def test_a_load_that_would_end_too_late_is_refused_before_it_begins(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--from-export", lay(cloud, itemCount=40_000_000), width=400) == 2
    assert "not time enough" in cloud.err
    assert cloud.walks == []
    assert cloud.run("backfill", "--from-export", lay(cloud, itemCount=40_000_000), "--rate", "5000") == 0


def test_an_export_from_before_the_stream_is_refused(cloud: Cloud) -> None:
    cloud.variables["STREAM_ARN"] = f"{TABLE_ARN}/stream/{iso(cloud.clock.now() - 60).rstrip('Z')}.000"
    assert cloud.trigger is not None
    cloud.trigger["EventSourceArn"] = cloud.variables["STREAM_ARN"]
    assert cloud.run("backfill", "--from-export", lay(cloud), width=400) == 2
    assert "stream began at" in cloud.err


def test_a_stream_with_another_label_is_not_judged(cloud: Cloud) -> None:
    assert cloud.run("status", "--json") == 1
    from searchsync_cli.stack import stack_of  # noqa: PLC0415

    configuration = {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:eu-central-1:1:function:f",
        "Environment": {"Variables": cloud.variables | {"STREAM_ARN": f"{TABLE_ARN}/stream/label"}},
    }
    check_stream(stack_of(configuration), EXPORT)


def test_a_folder_without_an_export_is_told(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--from-export", f"s3://{BUCKET}/elsewhere/", width=400) == 2
    assert f"There is no s3://{BUCKET}/elsewhere/manifest-summary.json" in cloud.err


def test_a_manifest_that_is_no_json_is_told(cloud: Cloud) -> None:
    cloud.session.client("s3").put_object(Bucket=BUCKET, Key=PLACE.key, Body=b"\x1f\x8b")
    assert cloud.run("backfill", "--from-export", f"s3://{BUCKET}/{FOLDER}/", width=400) == 2
    assert "is no JSON object" in cloud.err


def test_an_arn_is_looked_up(cloud: Cloud) -> None:
    lay(cloud)
    cloud.exports[ARN] = {"ExportStatus": "COMPLETED", "ExportManifest": PLACE.key, "S3Bucket": BUCKET}
    cloud.next_walk["output"] = {"totals": {"items": 8}}
    assert cloud.run("backfill", "--from-export", ARN) == 0
    assert cloud.walks[0].input["export"]["manifest"] == f"{FOLDER}/manifest-files.json"


def test_an_arn_of_nothing_is_told(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--from-export", ARN, width=400) == 2
    assert f"There is no export {ARN}" in cloud.err


def test_who_may_not_look_it_up_is_told_what_is_needed(cloud: Cloud) -> None:
    cloud.denied.add("DescribeExport")
    assert cloud.run("backfill", "--from-export", ARN, width=400) == 2
    assert "dynamodb:DescribeExport" in cloud.err


@pytest.mark.parametrize("words", [("--resume",), ("--watch",)])
def test_a_load_is_started_and_nothing_else(cloud: Cloud, words: tuple[str, ...]) -> None:
    assert cloud.run("backfill", "--from-export", ARN, *words) == 2
    assert cloud.walks == []


def test_a_rate_without_an_export_is_refused(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--rate", "5") == 2
    with pytest.raises(SystemExit):
        cloud.run("backfill", "--from-export", ARN, "--rate", "0")
