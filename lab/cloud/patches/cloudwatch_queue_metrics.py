"""A queue's metrics.

AWS ("Available CloudWatch metrics for Amazon SQS"): an active queue sends ApproximateNumberOfMessagesVisible,
ApproximateNumberOfMessagesNotVisible and ApproximateAgeOfOldestMessage every minute, and NumberOfMessagesSent,
"the number of messages added to a queue".
ministack: sends none. Here the present minute's point is made anew whenever metrics are read or alarms are
looked at, and when a message is sent, so that nobody waits for the minute.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch, sqs

from lab.cloud.patching import private, replace

MINUTE = 60  # seconds


def apply() -> None:
    """Measure the queues before their metrics are used; count what is sent, as single messages and in batches."""
    for name in ("_get_metric_statistics", "_get_metric_data", "_evaluate_all_alarms"):
        _measured(name)

    def send(data: dict[str, Any], url: str) -> Any:
        queue = private(sqs, "_get_q")(data.get("QueueUrl", url))
        before = len(queue["messages"])
        answer = send_message(data, url)
        if len(queue["messages"]) > before:  # a FIFO queue's duplicate is not added
            cloudwatch.record_metric("AWS/SQS", "NumberOfMessagesSent", 1.0, "Count", {"QueueName": queue["name"]})
            _measure(queue)
        return answer

    send_message = replace(sqs, "_act_send_message", send)
    private(sqs, "_HANDLERS")["SendMessage"] = send


def _measured(name: str) -> None:
    def use(*arguments: Any, **named: Any) -> Any:
        for queue in list(private(sqs, "_queues").values()):
            _measure(queue)
        return original(*arguments, **named)

    original = replace(cloudwatch, name, use)


def _measure(queue: dict[str, Any]) -> None:
    now = time.time()
    messages = list(queue["messages"])
    visible = sum(each["visible_at"] <= now for each in messages)
    oldest = min((each["sent_at"] for each in messages), default=now)
    for metric, value, unit in (
        ("ApproximateNumberOfMessagesVisible", visible, "Count"),
        ("ApproximateNumberOfMessagesNotVisible", len(messages) - visible, "Count"),
        ("ApproximateAgeOfOldestMessage", now - oldest, "Seconds"),
    ):
        _put(queue["name"], metric, float(value), unit, now)


def _put(queue: str, metric: str, value: float, unit: str, now: float) -> None:
    dimensions = {"QueueName": queue}
    minute = now // MINUTE * MINUTE
    bucket = private(cloudwatch, "_metric_bucket")(("AWS/SQS", metric, private(cloudwatch, "_dims_key")(dimensions)))
    if bucket and bucket[-1]["Timestamp"] == minute:
        bucket.pop()
    bucket.append({"Timestamp": minute, "Value": value, "Unit": unit, "Dimensions": dimensions})
