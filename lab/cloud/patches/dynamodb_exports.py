"""Exports of a table: what DescribeExport says, and who may ask.

AWS: DescribeExport says with which FilterSpecification or IncrementalExportSpecification an export was made, of
when it is, and, once its files are written, how many items they hold and where their manifest is; it is authorized
on the export's ARN ("Actions, resources, and condition keys for Amazon DynamoDB"; API "ExportDescription").
ministack: forgets the specifications, writes no files, counts the table's items, and authorizes it on `*`.
Here an export is COMPLETED when its manifest-summary.json lies in the bucket: lab/export.py writes it.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import json_response
from ministack.services import dynamodb, s3

from lab.cloud.patching import private, replace

KEPT = ("FilterSpecification", "IncrementalExportSpecification")


def apply() -> None:
    """Keep what an export was made with, and describe what was written."""

    def export(data: dict[str, Any]) -> Any:
        answer = make(data)
        found = json.loads(answer[2]).get("ExportDescription")
        if found is not None:
            kept = {name: data[name] for name in KEPT if name in data}
            known = private(dynamodb, "_exports")[found["ExportArn"]]
            known |= {"ExportTime": time.time(), **known, **kept}
        return answer

    def describe(data: dict[str, Any]) -> Any:
        known = private(dynamodb, "_exports").get(data.get("ExportArn"))
        if known is None:
            return look(data)
        if known["ExportStatus"] == "IN_PROGRESS":
            _complete(known)
        return json_response({"ExportDescription": known})

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        arn = json.loads(body or b"{}").get("ExportArn") if service == "dynamodb" else None
        return str(arn or authorized(service, method, path, headers, body, *rest))

    make = replace(dynamodb, "_export_table_to_point_in_time", export)
    look = replace(dynamodb, "_describe_export", describe)
    authorized = replace(iam_actions, "extract_resource_arn", resource)


def _complete(known: dict[str, Any]) -> None:
    folder = f"{known.get('S3Prefix', '')}/AWSDynamoDB/{known['ExportArn'].rpartition('/')[2]}".lstrip("/")
    summary = private(s3, "_get_object_data")(known["S3Bucket"], f"{folder}/manifest-summary.json")
    if summary is not None:
        known |= {
            "ExportStatus": "COMPLETED",
            "ItemCount": json.loads(summary)["itemCount"],
            "ExportManifest": f"{folder}/manifest-files.json",
        }
