"""A table's full export to S3, laid down as DynamoDB lays it down (AWS page "DynamoDB table export output format").

The emulated DynamoDB makes no exports. This writes what one would leave: data files of gzip with one
`{"Item": …}` a line in DynamoDB JSON, one of them empty as an empty partition's is, and both manifests with
their checksum files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FILES = 3
PREFIX = "backup"


@dataclass(frozen=True)
class WrittenExport:
    """Where an export lies: its folder, and its data files' keys in the order of the manifest."""

    bucket: str
    folder: str
    files: tuple[str, ...]

    @property
    def url(self) -> str:
        """The folder, as `searchsync backfill --from-export` takes it."""
        return f"s3://{self.bucket}/{self.folder}/"


def write_export(s3: Any, bucket: str, table_arn: str, items: Sequence[dict[str, Any]], at: float) -> WrittenExport:
    """Write the export of `items` (attribute values) as of `at` (Unix seconds), in three files and an empty one."""
    identifier = f"{int(at * 1000):014d}-{hashlib.sha256(table_arn.encode()).hexdigest()[:8]}"
    folder = f"{PREFIX}/AWSDynamoDB/{identifier}"
    s3.put_object(Bucket=bucket, Key=f"{folder}/_started", Body=b"")
    parts = [*(items[number::FILES] for number in range(FILES)), ()]
    listed = [_data_file(s3, bucket, f"{folder}/data/{number:026d}.json.gz", part) for number, part in enumerate(parts)]
    _manifest(s3, bucket, f"{folder}/manifest-files", "".join(json.dumps(each) + "\n" for each in listed))
    summary = {
        "version": "2020-06-30",
        "exportArn": f"{table_arn}/export/{identifier}",
        "startTime": _time(at),
        "endTime": _time(at + 60),
        "tableArn": table_arn,
        "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
        "exportTime": _time(at),
        "s3Bucket": bucket,
        "s3Prefix": PREFIX,
        "s3SseAlgorithm": "AES256",
        "s3SseKmsKeyId": None,
        "manifestFilesS3Key": f"{folder}/manifest-files.json",
        "billedSizeBytes": 0,
        "itemCount": len(items),
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    _manifest(s3, bucket, f"{folder}/manifest-summary", json.dumps(summary))
    return WrittenExport(bucket, folder, tuple(each["dataFileS3Key"] for each in listed))


def _data_file(s3: Any, bucket: str, key: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Write a data file; its line of manifest-files.json."""
    body = gzip.compress("".join(json.dumps({"Item": item}) + "\n" for item in items).encode(), mtime=0)
    etag = s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
    return {"itemCount": len(items), "md5Checksum": _md5(body), "etag": etag, "dataFileS3Key": key}


def _manifest(s3: Any, bucket: str, name: str, text: str) -> None:
    """Write a manifest and its checksum file."""
    s3.put_object(Bucket=bucket, Key=f"{name}.json", Body=text.encode())
    digest = hashlib.sha256(text.encode()).hexdigest()
    s3.put_object(Bucket=bucket, Key=f"{name}.checksum", Body=digest.encode())


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
