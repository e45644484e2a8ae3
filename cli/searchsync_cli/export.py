"""Loading from a DynamoDB export: which one is meant. Pure.

The shapes are those of the AWS page "DynamoDB table export output format". Whether it may be loaded says the run
function, which asks DescribeExport for itself and refuses the load.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync_cli.errors import CliError
from searchsync_cli.machine import Execution

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


def arn_in(summary: Mapping[str, Any], place: Place) -> str:
    """The ARN of the export that a manifest-summary.json belongs to. Raises CliError where it says none."""
    arn = summary.get("exportArn")
    if not isinstance(arn, str) or not EXPORT_ARN.fullmatch(arn):
        raise CliError(f"{place} is not what DynamoDB writes: exportArn is missing or wrong.", NEW_EXPORT)
    return arn


def measured_rate(execution: Execution | None) -> float | None:
    """Items a second of a finished backfill; None when it tells nothing."""
    if execution is None or execution.stopped is None:
        return None
    items, took = int(execution.totals.get("items", 0)), execution.stopped - execution.started
    return items / took if items >= 1000 and took >= 1 else None
