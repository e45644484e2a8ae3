"""Time that passes at once: what the lab has recorded becomes older, and with it all that AWS deletes for its age.

Ministack keeps each retention by the recorded time, so that nothing here says what goes: messages of a queue
(MessageRetentionPeriod, API SetQueueAttributes), records of a stream (24 hours, developer guide "Change data capture
for DynamoDB Streams"). Metrics, executions, mappings and objects only become older. Log events, tables and collections
keep their times, and so do runs that run: age a lab in which none does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ministack.services import cloudwatch, dynamodb, lambda_svc, s3, sqs, stepfunctions

from lab.cloud.patching import private

Record = dict[str, Any]


def age(seconds: float) -> None:
    """Let so many seconds pass. ValueError when they are negative: nothing becomes younger."""
    if seconds < 0:
        raise ValueError(f"{seconds} seconds cannot pass: give 0 or more")
    for points in _stored(cloudwatch, "_metrics"):
        _older(points, ("Timestamp",), seconds)
    for queue in _stored(sqs, "_queues"):
        _older(queue["messages"], ("sent_at", "visible_at", "enqueued_at", "first_receive_at"), seconds)
    for records in _stored(dynamodb, "_stream_records"):
        _older((each["dynamodb"] for each in records), ("ApproximateCreationDateTime",), seconds)
    _older(_stored(lambda_svc, "_esms"), ("LastModified",), seconds)
    ended = (each for each in _stored(stepfunctions, "_executions") if each["status"] != "RUNNING")
    _older(ended, ("startDate", "stopDate"), seconds)
    for bucket in _stored(s3, "_buckets"):
        _older(bucket["objects"].values(), ("last_modified",), seconds)


def _stored(service: Any, name: str) -> list[Any]:
    """What a store of ministack holds, of every account and region."""
    return list(private(private(service, name), "_data").values())


def _older(records: Iterable[Record], names: Iterable[str], seconds: float) -> None:
    for record in list(records):
        for name in names:
            if record.get(name) is not None:
                record[name] = _earlier(record[name], seconds)


def _earlier(at: Any, seconds: float) -> Any:
    """An earlier time, of the same kind: Unix seconds, or AWS's text of it."""
    if isinstance(at, str):
        earlier = datetime.fromisoformat(at) - timedelta(seconds=seconds)
        return earlier.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return type(at)(at - seconds)
