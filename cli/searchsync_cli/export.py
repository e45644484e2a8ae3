"""Loading from a DynamoDB export: what its manifest must say. Pure.

The shapes are those of the AWS page "DynamoDB table export output format". Whether the trigger is off and there is
time enough says the walk function, which refuses the load.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync_cli.errors import CliError
from searchsync_cli.machine import Execution
from searchsync_cli.text import unix

NEW_EXPORT = "Make a new export (`aws dynamodb export-table-to-point-in-time`), and give that."
S3_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.+)")
EXPORT_ARN = re.compile(r"arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255}/export/[\w-]+")


@dataclass(frozen=True)
class Place:
    """Where an export's manifest-summary.json is."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Export:
    """A full export in DynamoDB JSON. exported_at: Unix seconds; manifest: key of manifest-files.json."""

    bucket: str
    manifest: str
    exported_at: float
    items: int

    def as_input(self, rate: float | None) -> dict[str, Any]:
        """The member `export` of the state machine's input; `rate`: items a second that the load is known to do.

        Whole seconds, rounded down: an item's version must not be later than the export.
        """
        given: dict[str, Any] = {
            "bucket": self.bucket,
            "manifest": self.manifest,
            "exported_at": int(self.exported_at),
            "items": self.items,
        }
        return given | ({"rate": rate} if rate else {})


def place_of(source: str) -> Place | None:
    """The place of an export's summary from its folder's or manifest's S3 URL; None for an export's ARN.

    Raises CliError when it is neither.
    """
    if EXPORT_ARN.fullmatch(source):
        return None
    match = S3_URL.fullmatch(source)
    if match is None:
        raise CliError(
            f"--from-export {source} is neither a folder in S3 nor an export's ARN.",
            "Give s3://<bucket>/<prefix>/AWSDynamoDB/<export id>/ or the ARN from `aws dynamodb list-exports`.",
        )
    key = re.sub(r"manifest-(summary|files)\.json$", "", match["key"])
    return Place(match["bucket"], f"{key.rstrip('/')}/manifest-summary.json".lstrip("/"))


def place_in(description: Mapping[str, Any]) -> Place:
    """The place of the summary from DescribeExport's ExportDescription. Raises CliError when it is not done."""
    status = description.get("ExportStatus")
    if status == "IN_PROGRESS":
        raise CliError(
            "The export is still being written.", "Wait until `aws dynamodb describe-export` says COMPLETED."
        )
    files = str(description.get("ExportManifest") or "")
    if status != "COMPLETED" or not files:
        raise CliError(
            f"The export is {status}: {description.get('FailureMessage') or 'it has no manifest'}.", NEW_EXPORT
        )
    folder, _, name = files.rpartition("/")
    summary = name if name == "manifest-summary.json" else "manifest-summary.json"
    return Place(str(description["S3Bucket"]), f"{folder}/{summary}" if folder else summary)


def export_in(summary: Mapping[str, Any], place: Place, table_arn: str) -> Export:
    """The export that a manifest-summary.json describes, if it can be loaded into this stack. Raises CliError."""
    if summary.get("tableArn") != table_arn:
        raise CliError(
            f"{place} is an export of {summary.get('tableArn')}, and the stack's table is {table_arn}.",
            "Give an export of the stack's table.",
        )
    if summary.get("exportType", "FULL_EXPORT") != "FULL_EXPORT":
        raise CliError(f"{place} is an incremental export, which does not have every item.", NEW_EXPORT)
    if summary.get("outputFormat") != "DYNAMODB_JSON":
        raise CliError(
            f"{place} has the format {summary.get('outputFormat')}, and only DYNAMODB_JSON can be read.",
            f"{NEW_EXPORT} Its --export-format is DYNAMODB_JSON.",
        )
    try:
        return Export(
            bucket=str(summary.get("s3Bucket") or place.bucket),
            manifest=str(summary["manifestFilesS3Key"]),
            exported_at=unix(str(summary["exportTime"])),
            items=int(summary["itemCount"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CliError(f"{place} is not what DynamoDB writes: {error!r} is missing or wrong.", NEW_EXPORT) from error


def measured_rate(execution: Execution | None) -> float | None:
    """Items a second of a finished backfill; None when it tells nothing."""
    if execution is None or execution.stopped is None:
        return None
    items, took = int(execution.totals.get("items", 0)), execution.stopped - execution.started
    return items / took if items >= 1000 and took >= 1 else None
