"""A table's export to S3, laid down as DynamoDB lays it down (AWS page "DynamoDB table export output format").

The emulated DynamoDB takes the request and describes the export (lab/cloud/patches/dynamodb_exports.py), and writes no
files. This writes what one would leave: data files of gzip with one `{"Item": …}` a line in DynamoDB JSON, one of them
empty as an empty partition's is, and both manifests with their checksum files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FILES = 3
PREFIX = "backup"
WRITERS = 8
"""Data files that are written at once."""


@dataclass(frozen=True)
class WrittenExport:
    """An export: its ARN, its folder, and its data files' keys in the order of the manifest."""

    arn: str
    bucket: str
    folder: str
    files: tuple[str, ...]

    @property
    def url(self) -> str:
        """The folder, as `searchsync backfill --from-export` takes it."""
        return f"s3://{self.bucket}/{self.folder}/"


@dataclass(frozen=True)
class Exporter:
    """Exports a table of the lab to a bucket: boto3 clients of DynamoDB and S3."""

    dynamodb: Any
    s3: Any
    bucket: str
    table_arn: str

    def write(self, items: Sequence[dict[str, Any]], at: float, files: int = FILES, **asked: Any) -> WrittenExport:
        """Write the export of `items` (attribute values) as of `at` (Unix seconds), in files and an empty one.

        `asked`: more of ExportTableToPointInTime's request.
        """
        arn = self.begin(at, **asked)
        identifier = arn.rpartition("/")[2]
        folder = f"{PREFIX}/AWSDynamoDB/{identifier}"
        self._put(f"{folder}/_started", b"")
        parts = [*(items[number::files] for number in range(files)), ()]
        names = [f"{folder}/data/{number:026d}.json.gz" for number in range(len(parts))]
        with ThreadPoolExecutor(WRITERS) as pool:
            listed = list(pool.map(self._data_file, names, parts))
        self._manifest(f"{folder}/manifest-files", "".join(json.dumps(each) + "\n" for each in listed))
        summary = {
            "version": "2020-06-30",
            "exportArn": arn,
            "startTime": _time(at),
            "endTime": _time(at + 60),
            "tableArn": self.table_arn,
            "tableId": "12345a12-abcd-123a-ab12-1234abc12345",
            "exportTime": _time(at),
            "s3Bucket": self.bucket,
            "s3Prefix": PREFIX,
            "s3SseAlgorithm": "AES256",
            "s3SseKmsKeyId": None,
            "manifestFilesS3Key": f"{folder}/manifest-files.json",
            "billedSizeBytes": 0,
            "itemCount": len(items),
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }
        self._manifest(f"{folder}/manifest-summary", json.dumps(summary))
        return WrittenExport(arn, self.bucket, folder, tuple(each["dataFileS3Key"] for each in listed))

    def begin(self, at: float, **asked: Any) -> str:
        """Ask for an export whose files nobody writes yet; its ARN."""
        request = {"TableArn": self.table_arn, "S3Bucket": self.bucket, "S3Prefix": PREFIX, "ExportTime": at}
        answer = self.dynamodb.export_table_to_point_in_time(**request, **asked)
        return str(answer["ExportDescription"]["ExportArn"])

    def _data_file(self, key: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Write a data file; its line of manifest-files.json."""
        body = gzip.compress("".join(json.dumps({"Item": item}) + "\n" for item in items).encode(), mtime=0)
        etag = self._put(key, body)
        return {"itemCount": len(items), "md5Checksum": _md5(body), "etag": etag, "dataFileS3Key": key}

    def _manifest(self, name: str, text: str) -> None:
        """Write a manifest and its checksum file."""
        self._put(f"{name}.json", text.encode())
        self._put(f"{name}.checksum", hashlib.sha256(text.encode()).hexdigest().encode())

    def _put(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)["ETag"].strip('"'))


def _md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
