"""Gathers what `status` judges: the edge to Lambda, CloudWatch, SQS and Step Functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from searchsync_cli.aws import Aws, pages
from searchsync_cli.machine import Execution, Machine, NoMachineError
from searchsync_cli.stack import Stack, find_trigger
from searchsync_cli.verdict import Facts, Lag, Queue

COMPARISONS = ("verify", "repair")
FAILURES = ("FAILED", "TIMED_OUT")
RECENT = 900
"""Seconds of metrics that tell of now."""
LONGEST = 63 * 86400
"""Seconds that signals are looked for: CloudWatch keeps 5-minute values for 63 days (AWS page "Metrics concepts")."""
MINUTES_KEPT = 15 * 86400
"""Seconds that 1-minute values are kept (same page)."""
HOUR = 3600
MESSAGES_KEPT = 14 * 86400
"""Seconds that the failure queue keeps a message; 1-minute values of metrics are kept longer."""


def gather(aws: Aws, stack: Stack, now: float) -> Facts:
    """All that the verdict looks at, at `now` (Unix seconds). Raises AwsError."""
    machine, has_machine = Machine(aws, stack), True
    running = verification = failed = None
    try:
        running = machine.running()
        verification = machine.latest(COMPARISONS, "SUCCEEDED")
        failed = machine.latest(COMPARISONS, *FAILURES, since=verification.started if verification else 0.0)
    except NoMachineError:
        has_machine = False
    metrics = _Metrics(aws, stack, now)
    queue = queue_depth(aws, stack, metrics.oldest_message())
    return Facts(
        trigger=find_trigger(aws, stack),
        lag=metrics.lag(),
        queue=queue,
        repair_needed=_repair_needed(machine if has_machine else None, metrics, queue),
        verification=verification if verification and _is_of(verification, stack) else None,
        failed=failed,
        running=running,
        has_machine=has_machine,
    )


def _is_of(verification: Execution, stack: Stack) -> bool:
    """Whether it compared what the stack has now: the machine keeps its name when index or stream become others."""
    of = {"index": stack.index, "stream_arn": stack.stream_arn}
    return all(verification.output.get(name, now) == now for name, now in of.items())


def _repair_needed(machine: Machine | None, metrics: _Metrics, queue: Queue) -> float | None:
    """When the latest signal came that no repair has settled (Unix seconds)."""

    def signals(repaired: float | None) -> list[float]:
        # With the queue empty, whatever the last redrive left has been settled.
        found = (metrics.repair_needed(repaired), metrics.lost(repaired) if queue.messages else None)
        return [each for each in found if each is not None]

    unsettled = signals(None)
    if unsettled and machine:
        repair = machine.latest(("repair",), "SUCCEEDED", since=min(unsettled) - HOUR)
        unsettled = signals(repair.started) if repair else unsettled
    return max(unsettled, default=None)


@dataclass(frozen=True)
class Series:
    """A metric of one function or queue, with the statistic that is asked for."""

    namespace: str
    metric: str
    dimension: str
    of: str
    statistic: str = "Maximum"


class _Metrics:
    def __init__(self, aws: Aws, stack: Stack, now: float) -> None:
        self._client = aws.client("cloudwatch")
        self._stack = stack
        self._now = now

    def lag(self) -> Lag:
        """Of the last quarter of an hour, the newest value."""
        name, namespace = self._stack.name, self._stack.metric_namespace
        read = self._newest(Series("AWS/Lambda", "IteratorAge", "FunctionName", name))
        written = self._newest(Series(namespace, "OldestRecordAge", "FunctionName", name))
        return Lag(read=None if read is None else read / 1000, written=written)  # IteratorAge is in milliseconds

    def oldest_message(self) -> float | None:
        """Seconds."""
        return self._newest(Series("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", self._stack.queue_name))

    def repair_needed(self, repaired: float | None) -> float | None:
        """When the latest signal came that a repair begun at `repaired` does not settle (Unix seconds)."""
        since = max(repaired or 0.0, self._now - LONGEST)
        signals = self._signals(since - since % HOUR, self._now, HOUR)
        if not signals:
            return None
        # That hour more closely: it may be the one in which the repair began, with signals from before it.
        fine = 60 if self._now - since < MINUTES_KEPT else 300
        closer = self._signals(max(signals[-1], since - since % fine), signals[-1] + HOUR, fine)
        if closer:
            return closer[-1]
        return signals[-1] if signals[-1] >= since else None

    def lost(self, repaired: float | None) -> float | None:
        """When a redrive left ranges that only a repair settles, and no repair was begun since (Unix seconds). The
        last redrive's word counts."""
        told = Series(self._stack.metric_namespace, "RedriveLost", "FunctionName", self._stack.redrive_name)
        values = self._values(told, self._now - MESSAGES_KEPT, self._now, 60)
        at, left = values[-1] if values else (0.0, 0.0)
        return at if left > 0 and at >= (repaired or 0.0) else None

    def _signals(self, start: float, end: float, period: int) -> list[float]:
        """When either function that writes changes has signalled, the oldest first."""
        functions = (self._stack.name, self._stack.redrive_name)
        needed = [
            Series(self._stack.metric_namespace, "RepairNeeded", "FunctionName", each, "Sum") for each in functions
        ]
        return sorted(at for each in needed for at, value in self._values(each, start, end, period) if value > 0)

    def _newest(self, series: Series) -> float | None:
        values = self._values(series, self._now - RECENT, self._now, 60)
        return values[-1][1] if values else None

    def _values(self, series: Series, start: float, end: float, period: int) -> list[tuple[float, float]]:
        """Values with their period's start (Unix seconds), the oldest first."""
        metric = {
            "Namespace": series.namespace,
            "MetricName": series.metric,
            "Dimensions": [{"Name": series.dimension, "Value": series.of}],
        }
        results = pages(
            self._client.get_metric_data,
            "MetricDataResults",
            ("NextToken", "NextToken"),
            MetricDataQueries=[
                {"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": series.statistic}}
            ],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(max(end, start + period), UTC),
            ScanBy="TimestampAscending",
        )
        found = [
            (at.timestamp(), value)
            for result in results
            for at, value in zip(result["Timestamps"], result["Values"], strict=True)
        ]
        return sorted(found)


def queue_depth(aws: Aws, stack: Stack, oldest: float | None = None) -> Queue:
    """The failure queue's depth; `oldest`: its oldest message's age in seconds, where it is known.

    No message is received: that would count against the alarm on the oldest message.
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=names)["Attributes"]
    visible, in_flight = (int(found.get(name, 0)) for name in names)
    return Queue(visible=visible, in_flight=in_flight, oldest=oldest if visible + in_flight else None)
