"""Whether an export may be loaded, and its parts: what DescribeExport and manifest-files.json must say.

manifest-files.json has a line of JSON for each data file, {"itemCount": …, "dataFileS3Key": …}, and lies beside
manifest-summary.json, which does not say whether the export was made with a filter or a projection; DescribeExport
does ("DynamoDB table export output format", API "ExportDescription"). A part is a range of the manifest's bytes, so
that neither the state machine nor a part's state carries a list of files: a result of each file would not fit into
one state, and a redriven part reads the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.errors import RunRefusedError, SearchsyncError, StackError, TableBusyError
from searchsync.limits import MOST_FILES, MOST_PARTS
from searchsync.reconcile.state import Files
from searchsync.sanitize import code_of, shown, shown_list

MANIFEST = "manifest-files.json"
MISSING = frozenset({"NoSuchKey", "404"})
REFUSED = frozenset({"AccessDenied", "403", "NoSuchBucket", "KMS.DisabledException"})
CHANGED = frozenset({"PreconditionFailed", "412", "InvalidRange", "416"})
ANEW = "Make a new export of the whole table (`aws dynamodb export-table-to-point-in-time`), and give that."


@dataclass(frozen=True, slots=True)
class Asked:
    """The input of a load: the export's ARN; `rate`: items a second that the load is known to do, None for unknown."""

    arn: str
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """Where an export's manifest lies, the export's time in Unix seconds, and how many items it holds."""

    bucket: str
    manifest: str
    exported_at: float
    items: int
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of an export: its key, and how many items the manifest says it has."""

    key: str
    items: int


def check_arn(arn: str, table_arn: str) -> None:
    """Raise RunRefusedError where an ARN is not of an export of the table."""
    if not re.fullmatch(rf"{re.escape(table_arn)}/export/[\w-]+", arn):
        raise RunRefusedError(f"The export is {shown(arn)}, and the stack's table is {table_arn}. {ANEW}")


def check_export(description: Mapping[str, Any]) -> None:
    """Raise RunRefusedError where an ExportDescription is not of every item of its table, whole.

    `description` as DynamoDB sends it: an older botocore leaves out what it does not know, the filter among it.
    """
    status = description.get("ExportStatus")
    if status == "IN_PROGRESS":
        raise RunRefusedError("The export is still being written: wait until DescribeExport says COMPLETED.")
    if status != "COMPLETED":
        raise RunRefusedError(f"The export is {shown(status)} ({shown(description.get('FailureCode'))}). {ANEW}")
    if description.get("ExportType", "FULL_EXPORT") != "FULL_EXPORT" or "IncrementalExportSpecification" in description:
        raise RunRefusedError(f"The export is incremental: it does not have every item. {ANEW}")
    narrowed = description.get("FilterSpecification")
    if narrowed is not None:
        names = shown_list(sorted(narrowed))
        raise RunRefusedError(f"The export was made with a FilterSpecification {names}: it is not whole. {ANEW}")
    if description.get("ExportFormat") != "DYNAMODB_JSON":
        raise RunRefusedError(
            f"The export's format is {shown(description.get('ExportFormat'))}, and only DYNAMODB_JSON is read. {ANEW}"
        )


def described(description: Mapping[str, Any], rate: float | None) -> Export:
    """Where an export lies and of when it is. Raises RunRefusedError where DescribeExport does not say."""
    try:
        return Export(
            bucket=str(description["S3Bucket"]),
            manifest=_manifest_key(str(description["ExportManifest"]), str(description.get("S3Prefix") or "")),
            # Rounded down: an item's version must not be later than the export.
            exported_at=float(int(description["ExportTime"])),
            items=int(description["ItemCount"]),
            rate=rate,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunRefusedError(f"DescribeExport does not say {shown(error)}. {ANEW}") from error


def _manifest_key(named: str, prefix: str) -> str:
    """The key of manifest-files.json beside the manifest that DescribeExport names.

    Whether that name begins with the export's prefix is not documented: both are taken.
    """
    folder = named.rpartition("/")[0]
    prefix = prefix.strip("/")
    if prefix and not folder.startswith(f"{prefix}/"):
        folder = f"{prefix}/{folder}"
    return f"{folder}/{MANIFEST}"


def part_ranges(lines: Iterable[bytes], items: int) -> list[str]:
    """The parts of a manifest as ranges of its bytes, such as 0-2229: `lines` with their ends.

    Raises RunRefusedError where the manifest is broken, too long, or of other files than the export's `items`.
    """
    ends, listed, end = [0], 0, 0
    for line in lines:
        end += len(line)
        if line.strip():
            listed += _data_file(line).items
            ends.append(end)
        if len(ends) > MOST_FILES + 1:
            raise RunRefusedError(
                f"The export has more than {MOST_FILES:,} data files: run a backfill without an export."
            )
    if listed != items or len(ends) == 1:
        raise RunRefusedError(
            f"{MANIFEST} lists {len(ends) - 1:,} files of {listed:,} items, and DescribeExport says {items:,} items: "
            f"it is not whole. {ANEW}"
        )
    each = -(-(len(ends) - 1) // MOST_PARTS)
    bounds = [*ends[:-1:each], end]
    return [f"{begin}-{after - 1}" for begin, after in pairwise(bounds)]


def _data_file(line: bytes) -> DataFile:
    try:
        entry = json.loads(line)
        return DataFile(str(entry["dataFileS3Key"]), int(entry["itemCount"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RunRefusedError(f"{MANIFEST} is broken ({type(error).__name__}). {ANEW}") from error


class Manifest:
    """An export's manifest in S3. Raises RunRefusedError where it is not, or no longer, as it must be; StackError
    where the function may not read it; TableBusyError where S3 does not answer."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def parts(self, export: Export) -> tuple[str, list[str]]:
        """Its ETag, and its parts."""
        try:
            answer = self._s3.get_object(Bucket=export.bucket, Key=export.manifest)
            return answer["ETag"], part_ranges(answer["Body"].iter_lines(1024 * 1024, keepends=True), export.items)
        except (ClientError, BotoCoreError) as error:
            raise _failed(export.manifest, error) from error

    def files(self, part: Files) -> Iterator[DataFile]:
        """The data files of a part."""
        try:
            body = self._s3.get_object(
                Bucket=part.bucket, Key=part.manifest, Range=f"bytes={part.lines}", IfMatch=part.etag
            )["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise _failed(part.manifest, error) from error
        yield from (_data_file(line) for line in body.splitlines() if line.strip())


def _failed(key: str, error: Exception) -> SearchsyncError:
    code = code_of(error)
    if code in MISSING:
        return RunRefusedError(f"The export's {shown(key)} is missing. {ANEW}")
    if code in CHANGED:
        return RunRefusedError(f"The export's {shown(key)} has changed since the load began. {ANEW}")
    return refused(key, code)


def refused(key: str, code: str) -> SearchsyncError:
    """What S3 says of an object that is there: the function may not read it, or S3 does not answer."""
    if code in REFUSED:
        return StackError(
            f"S3 refused {key}: {code}. Check `reconciliation.export_bucket` (s3:GetObject and s3:ListBucket for the run "
            "role, and kms:Decrypt where the bucket has a customer key)."
        )
    return TableBusyError(f"S3 did not give {key}: {code}.")
