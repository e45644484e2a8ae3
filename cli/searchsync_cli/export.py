"""Loading from a DynamoDB export: what its manifest must say, and whether there is time. Pure.

The shapes are those of the AWS page "DynamoDB table export output format". The stream keeps a record for
24 hours, and the trigger drops what is older than its maximum record age. So everything that has changed
since the export's time must be read within that: the load, and then the backlog.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync_cli.errors import CliError
from searchsync_cli.machine import Execution
from searchsync_cli.stack import Stack, Trigger
from searchsync_cli.text import duration, iso, moment, unix

STREAM_SECONDS = 86_400.0
"""How long a stream keeps a record (AWS page "Change data capture for DynamoDB Streams")."""
DEFAULT_RATE = 500.0
"""Items a second of a load, where no backfill of this stack tells: on the careful side."""
DRAIN_SPEED = 4.0
"""Seconds of backlog that the trigger reads in a second: on the careful side."""
NEW_EXPORT = "Make a new export (`aws dynamodb export-table-to-point-in-time`), and give that."
FRESH_TRIGGER = (
    "Set trigger.enabled = false, run `terraform apply -replace=<module>.aws_lambda_event_source_mapping.this`, "
    "and try again."
)
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

    def as_input(self) -> dict[str, Any]:
        """The member `export` of the state machine's input. Whole seconds, rounded down: an item's version must
        not be later than the export."""
        return {
            "bucket": self.bucket,
            "manifest": self.manifest,
            "exported_at": int(self.exported_at),
            "items": self.items,
        }


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


def check_trigger(trigger: Trigger | None) -> None:
    """Refuse a load that the trigger would spoil. Raises CliError.

    The stream must be read from before the export's time, and after the load: an item deleted since the
    export would come back for good, once the tombstone of its deletion is gone.
    """
    if trigger is None:
        raise CliError(
            "The function has no trigger on the table's stream.", "Run terraform apply, with the trigger off."
        )
    if trigger.state != "Disabled":
        raise CliError(
            f"The trigger is {trigger.state}, and a load from an export needs one that is off and has read nothing.",
            f"{FRESH_TRIGGER} Or use a plain `searchsync backfill`, which works beside the trigger.",
        )
    if trigger.last_result not in ("", "No records processed"):
        raise CliError(
            f"The trigger has read records already (last result {trigger.last_result!r}), and would go on from there.",
            FRESH_TRIGGER,
        )
    if trigger.starting_position != "TRIM_HORIZON":
        raise CliError(
            f"The trigger starts at {trigger.starting_position or 'no known position'}, and would miss what changed "
            "since the export.",
            'Set trigger.starting_position = "TRIM_HORIZON", run terraform apply, and try again.',
        )


def check_stream(stack: Stack, export: Export) -> None:
    """Refuse an export older than the stream, whose label is the time of its creation. Raises CliError."""
    try:
        created = unix(stack.stream_arn.partition("/stream/")[2])
    except ValueError:
        return
    if created > export.exported_at:
        raise CliError(
            f"The export is of {moment(export.exported_at)}, and the table's stream began at {moment(created)}: what "
            "changed between is in neither.",
            NEW_EXPORT,
        )


@dataclass(frozen=True)
class Plan:
    """How long a load and the drain after it may take: seconds. left: until the stream loses the first record."""

    age: float
    load: float
    drain: float
    limit: float

    @property
    def fits(self) -> bool:
        """Whether there is time."""
        return self.age + self.load + self.drain < self.limit


def plan(export: Export, rate: float, maximum_age: int, now: float) -> Plan:
    """The plan of a load begun at `now` (Unix seconds), at `rate` items a second."""
    age = max(0.0, now - export.exported_at)
    load = export.items / rate
    limit = min(STREAM_SECONDS, float(maximum_age)) if maximum_age > 0 else STREAM_SECONDS
    return Plan(age=age, load=load, drain=(age + load) / DRAIN_SPEED, limit=limit)


def check_time(export: Export, planned: Plan, rate: float) -> None:
    """Refuse a load that would end after the stream has lost records. Raises CliError."""
    if planned.fits:
        return
    raise CliError(
        f"There is not time enough: the export is {duration(planned.age)} old ({iso(export.exported_at)}), the load of "
        f"{export.items:,} items takes about {duration(planned.load)} at {rate:,.0f} items a second, the backlog "
        f"{duration(planned.drain)} more, and the trigger drops changes after {duration(planned.limit)}.",
        f"{NEW_EXPORT} Or give --rate, if you have measured a faster one; or use a plain `searchsync backfill`.",
    )


def measured_rate(execution: Execution | None) -> float | None:
    """Items a second of a finished backfill; None when it tells nothing."""
    if execution is None or execution.stopped is None:
        return None
    items, took = int(execution.totals.get("items", 0)), execution.stopped - execution.started
    return items / took if items >= 1000 and took >= 1 else None
