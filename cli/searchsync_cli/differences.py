"""The differences that a verification found: counts and lines (pure), and the edge that reads the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError
from searchsync_cli.loglines import read
from searchsync_cli.machine import Execution
from searchsync_cli.stack import Stack, log_group
from searchsync_cli.text import many

S3 = "s3://"
SHOWN = 20
"""Differences shown one by one; the report has all."""
KINDS = ("missing", "orphan", "different", "unmappable")
"""Kinds of differences: their names in a verification's totals and in its report's lines."""


@dataclass(frozen=True)
class Difference:
    """One document that is not what its item says. attributes: names of those that differ."""

    id: str
    kind: str
    attributes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"id": self.id, "kind": self.kind, "attributes": list(self.attributes)}


def found_by(totals: Mapping[str, Any]) -> str:
    """The differences of a verification in words."""
    parts = [f"{totals[kind]:,} {kind}" for kind in KINDS if totals.get(kind)]
    return ", ".join(parts) or "not in step"


def count(totals: Mapping[str, Any]) -> int:
    """How many differences there are."""
    return sum(int(totals.get(kind, 0)) for kind in KINDS)


def differences_in(lines: Iterable[str], run: str) -> Iterator[Difference]:
    """The differences of a run among lines of text. What is no difference is passed over."""
    for line in lines:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict) and value.get("run") == run and value.get("kind") in KINDS:
            attributes = value.get("attributes") or []
            yield Difference(str(value.get("id")), str(value["kind"]), tuple(str(each) for each in attributes))


def location(report: str, group: str, run: str) -> str:
    """Where the full report is."""
    return report if report.startswith(S3) else f'log group {group}, lines with "{run}"'


def first(aws: Aws, stack: Stack, execution: Execution, limit: int = SHOWN) -> tuple[list[Difference], str]:
    """The first differences of an execution's report, and where the report is. None when it cannot be read."""
    run, report = str(execution.output.get("run", "")), str(execution.output.get("report"))
    group = f"/aws/lambda/{stack.reconcile_name}"
    try:
        if report.startswith(S3):
            lines = _object_lines(aws, report)
        else:
            group = log_group(aws, stack.reconcile_name)
            lines = (line.text for line in read(aws, group, execution.started, f'"{run}"'))
        return list(islice(differences_in(lines, run), limit)), location(report, group, run)
    except AwsError as error:
        return [], f"{location(report, group, run)} (not read: {error.message})"


def _object_lines(aws: Aws, report: str) -> Iterator[str]:
    bucket, _, prefix = report.removeprefix(S3).partition("/")
    client = aws.client("s3")
    listed = pages(
        client.list_objects_v2, "Contents", ("ContinuationToken", "NextContinuationToken"), Bucket=bucket, Prefix=prefix
    )
    for each in listed:
        body = client.get_object(Bucket=bucket, Key=each["Key"])["Body"]
        yield from (line.decode("utf-8", "replace") for line in body.iter_lines())


def summary(totals: Mapping[str, Any]) -> str:
    """What a verification looked at."""
    left_out = f" ({totals['filtered']:,} without a document by `document.when`)" if totals.get("filtered") else ""
    kept = f" ({totals['kept']:,} of expired items)" if totals.get("kept") else ""
    items, documents = many(totals.get("items", 0), "item"), many(totals.get("documents", 0), "document")
    return f"{items}{left_out} and {documents}{kept} compared"
