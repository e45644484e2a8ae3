"""`searchsync backfill --from-export`: what is loaded, and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.errors import CliError
from searchsync_cli.export import (
    Place,
    arn_in,
    measured_rate,
    place_of,
)
from searchsync_cli.machine import Execution
from searchsync_cli.text import iso
from tests.support.cli_cloud import BUCKET, NAME, TABLE_ARN, Cloud
from tests.support.fakes import FakeClock

FOLDER = "backup/AWSDynamoDB/01693685827463-2d8752fd"
PLACE = Place(BUCKET, f"{FOLDER}/manifest-summary.json")
HOUR = 3600.0
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


def test_a_summary_says_its_exports_arn() -> None:
    assert arn_in(summary(), PLACE) == ARN


@pytest.mark.parametrize("arn", [None, 7, "", TABLE_ARN])
def test_a_summary_without_an_arn_is_refused(arn: Any) -> None:
    with pytest.raises(CliError, match="not what DynamoDB writes"):
        arn_in(summary(exportArn=arn), PLACE)


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
    """An export an hour old, with its summary; its folder's URL."""
    body = summary(exportTime=iso(cloud.clock.now() - HOUR), **changed)
    cloud.session.client("s3").put_object(Bucket=BUCKET, Key=PLACE.key, Body=json.dumps(body).encode())
    cloud.exports[ARN] = {"ExportTime": datetime.fromtimestamp(cloud.clock.now() - HOUR, UTC), "ItemCount": 8}
    return f"s3://{BUCKET}/{FOLDER}/"


@pytest.mark.parametrize("by_arn", [False, True])
def test_a_load_gives_the_machine_the_exports_arn_and_says_the_next_step(cloud: Cloud, by_arn: bool) -> None:
    cloud.next_run["output"] = {"totals": {"items": 8, "written": 8}}
    url = lay(cloud)
    assert cloud.run("backfill", "--from-export", ARN if by_arn else url, width=400) == 0
    request = json.loads(next(asked["input"] for name, asked in cloud.calls if name == "StartExecution"))
    assert request == {"task": "backfill", "export": {"arn": ARN}}
    assert "trigger.enabled = true" in cloud.out
    assert "8 items" in cloud.err


def test_broken_files_are_counted_and_named_as_far_as_the_result_names_them(cloud: Cloud) -> None:
    cloud.next_run["output"] = {"totals": {"items": 8, "broken_files": 3, "broken": ["0.json.gz is missing"]}}
    assert cloud.run("backfill", "--from-export", lay(cloud), width=400) == 1
    assert "0.json.gz is missing and 2 more, in `searchsync logs" in cloud.out


def test_what_the_run_refuses_is_told_with_the_command_that_begins_it_anew(cloud: Cloud) -> None:
    cloud.next_run["fails"] = ("RunRefusedError", json.dumps({"errorMessage": "The trigger is Enabled: apply."}))
    assert cloud.run("backfill", "--from-export", lay(cloud), width=400) == 2
    assert "The trigger is Enabled: apply." in cloud.err
    assert f"`searchsync backfill --name {NAME} --from-export {ARN}`" in cloud.err


@pytest.mark.parametrize("measured", [False, True])
def test_the_run_is_told_the_rate_that_is_given_or_was_measured(cloud: Cloud, measured: bool) -> None:
    if measured:
        cloud.finished("backfill", in_step=None, items=60_000)  # in two minutes
    assert cloud.run("backfill", "--from-export", lay(cloud)) == 0
    assert cloud.runs[-1].input["export"].get("rate") == (500.0 if measured else None)
    cloud.clock.sleep(1.0)
    assert cloud.run("backfill", "--from-export", lay(cloud), "--rate", "5000") == 0
    assert cloud.runs[-1].input["export"]["rate"] == 5000.0


def test_a_folder_without_an_export_is_told(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--from-export", f"s3://{BUCKET}/elsewhere/", width=400) == 2
    assert f"There is no s3://{BUCKET}/elsewhere/manifest-summary.json" in cloud.err


def test_a_manifest_that_is_no_json_is_told(cloud: Cloud) -> None:
    cloud.session.client("s3").put_object(Bucket=BUCKET, Key=PLACE.key, Body=b"\x1f\x8b")
    assert cloud.run("backfill", "--from-export", f"s3://{BUCKET}/{FOLDER}/", width=400) == 2
    assert "is no JSON object" in cloud.err


@pytest.mark.parametrize("by_arn", [False, True])
def test_an_export_that_dynamodb_does_not_know_is_told_and_not_loaded(cloud: Cloud, by_arn: bool) -> None:
    url = lay(cloud)
    cloud.exports.clear()
    assert cloud.run("backfill", "--from-export", ARN if by_arn else url, width=400) == 2
    assert cloud.runs == []
    assert f"There is no export {ARN}" in cloud.err


def test_who_may_not_look_it_up_is_told_what_is_needed(cloud: Cloud) -> None:
    cloud.denied.add("DescribeExport")
    assert cloud.run("backfill", "--from-export", ARN, width=400) == 2
    assert "dynamodb:DescribeExport" in cloud.err


@pytest.mark.parametrize("words", [("--resume",), ("--watch",)])
def test_a_load_is_started_and_nothing_else(cloud: Cloud, words: tuple[str, ...]) -> None:
    assert cloud.run("backfill", "--from-export", ARN, *words) == 2
    assert cloud.runs == []


def test_a_rate_without_an_export_is_refused(cloud: Cloud) -> None:
    assert cloud.run("backfill", "--rate", "5") == 2
    assert cloud.run("backfill", "--from-export", ARN, "--rate", "0") == 2
