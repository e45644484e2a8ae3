"""Stream events in the shape of the AWS page "Using AWS Lambda with Amazon DynamoDB"."""

from __future__ import annotations

from typing import Any

from searchsync.documents.index import Owner
from searchsync.protocol.version import stream_version

STREAM_ARN = "arn:aws:dynamodb:eu-central-1:123456789012:table/lab-table/stream/2026-01-01T00:00:00.000"
TABLE_ARN = STREAM_ARN.partition("/stream/")[0]
OWNER = Owner("sync", TABLE_ARN)
"""Whose the index is in `environment`."""
NOW = 1_800_000_000
"""The second that tests begin at."""


def sequence_number(counter: int, log: int = 6_594_930) -> str:
    """A SequenceNumber of DynamoDB's shape."""
    return str(counter * 10**20 + log)


def record(
    event_name: str,
    key: str,
    *,
    number: int = 1,
    second: float | None = NOW,
    image: dict[str, Any] | None = None,
    stream_arn: str = STREAM_ARN,
) -> dict[str, Any]:
    """One raw record. An INSERT or MODIFY without `image` carries one with its key and number."""
    keys = {"id": {"S": key}}
    change: dict[str, Any] = {
        "Keys": keys,
        "SequenceNumber": sequence_number(1000 + number),
        "SizeBytes": 26,
        "StreamViewType": "NEW_IMAGE",
    }
    if second is not None:
        change["ApproximateCreationDateTime"] = second
    if event_name != "REMOVE":
        change["NewImage"] = {**keys, "n": {"N": str(number)}} if image is None else image
    return {
        "eventID": f"event-{number}",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": change,
        "eventSourceARN": stream_arn,
    }


def event(*records: dict[str, Any]) -> dict[str, Any]:
    """An event of these records."""
    return {"Records": list(records)}


def environment(**changes: str) -> dict[str, str]:
    """A complete environment of the function."""
    return {
        "OPENSEARCH_HOST": "https://abc.eu-central-1.aoss.amazonaws.com",
        "OPENSEARCH_INDEX": "items",
        "STREAM_ARN": STREAM_ARN,
        "KEY_ATTRIBUTES": '["id"]',
        "FAILURE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/failures",
        "MAX_CLOCK_SKEW_SECONDS": "10",
        "AWS_LAMBDA_FUNCTION_NAME": "sync",
        "SYNC_FUNCTION_NAME": "sync",
        **changes,
    }


def number(position: int) -> str:
    """The SequenceNumber of `record(…, number=position)`."""
    return sequence_number(1000 + position)


def version(position: int, second: int = NOW) -> int:
    """The external version of `record(…, number=position, second=second)`."""
    return stream_version(second, int(number(position)))
