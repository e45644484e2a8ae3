"""IAM on the stream's ARN.

AWS: DescribeStream, GetShardIterator and GetRecords are authorized on the stream's ARN.
ministack: authorizes them on `*`, so a policy that names its stream, as it should, is refused.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb_streams

from lab.cloud.patching import private, replace


def apply() -> None:
    """Authorize stream calls on the stream they name."""

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service == "dynamodbstreams":
            return stream_of(body) or "*"
        return str(original(service, method, path, headers, body, *rest))

    original = replace(iam_actions, "extract_resource_arn", resource)


def stream_of(body: bytes) -> str | None:
    """The ARN of the stream that a request names."""
    request = json.loads(body or b"{}")
    iterator = private(dynamodb_streams, "_decode_iterator")(request.get("ShardIterator", ""))
    return request.get("StreamArn") or (iterator or {}).get("arn")
