"""Attribute values in their two forms: the event's, in which DynamoDB sends them, and the SDK's, with bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from searchsync.documents.attributes import AttributeMap

READS: Mapping[str, Iterable[str]] = {
    "dynamodb": ("Scan", "BatchGetItem", "DescribeExport"),
    "dynamodbstreams": ("GetRecords",),
}
"""By service, as an SDK's client names it."""
AS_SENT = "searchsyncAsSent"
"""In an answer: its attribute values are in the event's form already."""


def keep_as_sent(client: Any) -> None:
    """Let a client answer its READS as they were sent: Scan, BatchGetItem and GetRecords with their attribute values,
    DescribeExport with members that the runtime's botocore does not know (FilterSpecification, of 2026).

    botocore goes through each of them by its service model, which was a third of a backfill's time
    (`python -m bench.reconcile`), and makes a copy, for which there may be no memory. The event `before-parse` comes before
    that, with botocore 1.35.16 and later; an older one answers in the SDK's form. `event_form` takes both.
    """
    model = client.meta.service_model
    for operation in READS.get(model.service_name, ()):
        client.meta.events.register(f"before-parse.{model.service_id.hyphenize()}.{operation}", _take_body)


def _take_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Botocore's event: what is in the custom dict comes into the answer. Errors stay botocore's.

    A body that is no JSON object says nothing: with some of them botocore's parser fails.
    """
    try:
        answer = json.loads(response_dict["body"])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        response_dict["body"] = b"{}"
    elif response_dict["status_code"] == 200:
        response_dict["body"] = b"{}"
        customized_response_dict.update({name: value for name, value in answer.items() if value is not None})
        customized_response_dict[AS_SENT] = True


def event_form(answer: Mapping[str, Any], images: Iterable[Any]) -> list[AttributeMap]:
    """Images of an answer in the event's form."""
    return list(images) if answer.get(AS_SENT) else [normalised(image) for image in images]


def normalised(image: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """An SDK's image in the event's form: bytes as base64 text, sets as lists."""
    return {name: {kind: _normal(kind, value) for kind, value in each.items()} for name, each in image.items()}


def _normal(kind: str, value: Any) -> Any:
    if kind == "B":
        return base64.b64encode(bytes(value)).decode()
    if kind == "BS":
        return [base64.b64encode(bytes(each)).decode() for each in value]
    if kind in ("SS", "NS"):
        return list(value)
    if kind == "M":
        return normalised(value)
    if kind == "L":
        return [{inner: _normal(inner, deep) for inner, deep in each.items()} for each in value]
    return value


def sdk_form(image: AttributeMap) -> dict[str, dict[str, Any]]:
    """A key, or an image with binary at its top only, from the event's form in the SDK's: base64 text as bytes."""
    return {
        name: {kind: base64.b64decode(value) if kind == "B" else value for kind, value in each.items()}
        for name, each in image.items()
    }
