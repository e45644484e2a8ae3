"""Gathers what `status` judges: the edge to Lambda, CloudWatch, S3, SQS and Step Functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError, CliError
from searchsync_cli.invocation import invoked
from searchsync_cli.machine import COMPARISONS, Machine, NoMachineError
from searchsync_cli.rolling import read_rolling
from searchsync_cli.stack import OLD_MODULE, Stack, Trigger, find_trigger
from searchsync_cli.verdict import (
    STREAM_KEEPS_SECONDS,
    UNREAD_SECONDS,
    Facts,
    Handed,
    Index,
    Lag,
    Limits,
    Queue,
    Since,
    Value,
    waited,
)

FAILURES = ("FAILED", "TIMED_OUT")
RECENT = 900
"""Seconds of metrics that tell of now."""
LONGEST = 63 * 86400
"""Seconds that signals are looked for where nothing has settled any: CloudWatch keeps 5-minute values for 63 days (AWS
page "Metrics concepts")."""
HOURS_KEPT = 455 * 86400
"""Seconds that 1-hour values are kept (same page)."""
MINUTES_KEPT = 15 * 86400
"""Seconds that 1-minute values are kept (same page)."""
WHOLE = "Complete"
"""The StatusCode of a metric's values where none is missing."""
HOUR = 3600
MESSAGES_KEPT = 14 * 86400
"""Seconds that the failure queue keeps a message; 1-minute values of metrics are kept longer."""


def gather(aws: Aws, stacks: Sequence[Stack], now: float, limits: Limits, wake: bool) -> list[Facts]:
    """All that the verdict on each of a stack's views looks at, at `now` (Unix seconds). What is of the stack is asked
    once. `limits.lag` counts where no alarm has another; `wake`: ask a collection that may sleep, too. Raises AwsError.
    """
    shared = _Shared(aws, stacks[0], now, limits)
    return [_gathered(aws, stack, shared, wake) for stack in stacks]


class _Shared:
    """What is of the stack and of no view."""

    def __init__(self, aws: Aws, stack: Stack, now: float, limits: Limits) -> None:
        self._aws = aws
        self.now = now
        self.metrics = _Metrics(aws, stack, now)
        self.queue = queue_depth(aws, stack, self.metrics.oldest_message())
        self.trigger = find_trigger(aws, stack)
        self.lag = self.metrics.lag()
        self.limits = replace(limits, lag=self.metrics.alarm_lag() or limits.lag)

    @cached_property
    def dropped(self) -> list[float]:
        """When the trigger wrote to its bucket (Unix seconds). Its objects are named aws/lambda/<mapping>/<shard>/…
        (developer guide, "Capturing discarded batches for a DynamoDB event source")."""
        if self.trigger is None or self.trigger.bucket is None:
            return []
        token = ("ContinuationToken", "NextContinuationToken")
        call, prefix = self._aws.client("s3").list_objects_v2, f"aws/lambda/{self.trigger.uuid}/"
        found = pages(call, "Contents", token, Bucket=self.trigger.bucket, Prefix=prefix)
        return [each["LastModified"].timestamp() for each in found]


def _gathered(aws: Aws, stack: Stack, shared: _Shared, wake: bool) -> Facts:
    """Of one view."""
    machine, has_machine = Machine(aws, stack), True
    running = verification = failed = None
    try:
        running = machine.running()
        standing = machine.standing(COMPARISONS)
        differing = (each for each in standing if each.output.get("in_step") is not True)
        verification = next(differing, standing[0] if standing else None)
        failed = machine.latest(COMPARISONS, *FAILURES, since=verification.started if verification else 0.0)
    except NoMachineError:
        has_machine = False
    clean = verification.started if verification and verification.output.get("in_step") is True else None
    return Facts(
        now=shared.now,
        trigger=shared.trigger,
        lag=shared.lag,
        queue=shared.queue,
        since=_since(shared, stack, clean),
        verification=verification,
        failed=failed,
        running=running,
        has_machine=has_machine,
        index=_look(aws, stack, wake) if has_machine else None,
        limits=shared.limits,
    )


def _look(aws: Aws, stack: Stack, wake: bool) -> Index:
    """What the reconcile function says of now. A collection that may sleep is asked with `wake` alone."""
    event = {"step": "look", "index": wake or not stack.may_sleep}
    try:
        answer = invoked(aws, stack.reconcile_name, event, "The reconcile function", OLD_MODULE)
        found = answer["index"]
        return Index(
            saw=answer["saw"],
            state=found["state"],
            created=found["created"],
            documents=found["documents"],
            owner=found.get("owner"),
            written={"collection": stack.endpoint, "index": stack.index, "stream_arn": stack.stream_arn},
            table_created=answer["table_created"],
            rolling=read_rolling(answer.get("rolling")),
        )
    except AwsError:
        raise
    except CliError as error:
        return Index(state="failed", why=error.message.rstrip("."))
    except (AttributeError, KeyError, TypeError) as error:
        raise CliError(f"The function {stack.reconcile_name} knows no look.", OLD_MODULE) from error


def _since(shared: _Shared, stack: Stack, clean: float | None) -> Since:
    """What was signalled since a verification that found no difference began; without one, all that still counts."""
    metrics = shared.metrics
    # With the queue empty, whatever the last redrive left has been settled.
    signals = (metrics.repair_needed(stack, clean), metrics.lost(clean) if shared.queue.messages else None)
    repair_needed = max((each for each in signals if each is not None), default=None)
    if clean is None:
        return Since(repair_needed=repair_needed)
    return Since(
        repair_needed=repair_needed,
        gap=metrics.gap(shared.trigger, clean),
        missed=metrics.missed(clean),
        dropped=next((at for at in shared.dropped if at >= clean), None),
        undelivered=metrics.undelivered(clean),
        handed=metrics.handed(clean),
    )


@dataclass(frozen=True)
class Series:
    """A metric of one function, table or queue, with the statistic that is asked for. view: of a further view alone."""

    namespace: str
    metric: str
    dimension: str
    of: str
    statistic: str = "Maximum"
    view: str = ""


class _Metrics:
    """Metrics of a stack. What was asked for is not asked once more: views that were verified together have the same
    questions."""

    def __init__(self, aws: Aws, stack: Stack, now: float) -> None:
        self._client = aws.client("cloudwatch")
        self._asked: dict[tuple[tuple[Series, ...], float, float, int], list[Value]] = {}
        self._stack = stack
        self._now = now
        self._read = Series("AWS/Lambda", "IteratorAge", "FunctionName", stack.name)
        self._writes = Series("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", stack.table_name, "Sum")

    def lag(self) -> Lag:
        """Of the last quarter of an hour, the newest value."""
        read = self._newest(self._read)
        written = self._newest(
            Series(self._stack.metric_namespace, "OldestRecordAge", "FunctionName", self._stack.name)
        )
        # IteratorAge is in milliseconds.
        return Lag(read=None if read is None else read / 1000, written=written, unread=self._unread())

    def _unread(self) -> float | None:
        """Since when the table is written and no invocation follows (Unix seconds): a trigger whose calls are throttled
        leaves no age behind. Told where it lasts."""
        first = self._now - RECENT
        begun = Series("AWS/Lambda", "Invocations", "FunctionName", self._stack.name, "Sum")
        read = max((at for at, value in self._values([begun], first, self._now, 60) if value > 0), default=first)
        left = [at for at in self._written(first, 60) if at > read]
        return left[0] if left and self._now - left[0] >= UNREAD_SECONDS else None

    def oldest_message(self) -> float | None:
        """Seconds."""
        return self._newest(Series("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", self._stack.queue_name))

    def repair_needed(self, stack: Stack, clean: float | None) -> float | None:
        """When the latest signal of a view came that a clean comparison begun at `clean` does not settle (Unix
        seconds)."""
        since = max(self._now - LONGEST if clean is None else clean, self._now - HOURS_KEPT)
        signals = self._signals(stack.view, since - since % HOUR, self._now, HOUR)
        if not signals:
            return None
        # That hour more closely: it may be the one in which the comparison began, with signals from before it.
        fine = min(300, self._period(since))
        closer = self._signals(stack.view, max(signals[-1], since - since % fine), signals[-1] + HOUR, fine)
        if closer:
            return closer[-1]
        kept = self._period(since) < HOUR  # else the hour in which it began may have had it before
        return None if kept and signals[-1] < since else signals[-1]

    def lost(self, clean: float | None) -> float | None:
        """When a redrive left ranges that only a repair settles (Unix seconds), if no clean comparison was begun since.
        The last redrive's word counts."""
        told = Series(self._stack.metric_namespace, "RedriveLost", "FunctionName", self._stack.redrive_name)
        values = self._values([told], self._now - MESSAGES_KEPT, self._now, 60)
        at, left = values[-1] if values else (0.0, 0.0)
        return at if left > 0 and at >= (clean or 0.0) else None

    def alarm_lag(self) -> float | None:
        """Seconds of lag at which an alarm of the account rings, None where none does."""
        alarms = self._client.describe_alarms_for_metric(**_metric(self._read))["MetricAlarms"]
        return min((each["Threshold"] / 1000 for each in alarms if "Threshold" in each), default=None)

    def gap(self, trigger: Trigger | None, since: float) -> float | None:
        """When the trigger was changed after `since`, if it read nothing on the day before. Where there is nothing to
        read Lambda sends no value either, and which of the two it was nobody can say."""
        if trigger is None or trigger.changed is None or trigger.changed <= since:
            return None
        day = trigger.changed - STREAM_KEEPS_SECONDS
        return None if self._values([self._read], day, trigger.changed, self._period(day)) else trigger.changed

    def missed(self, since: float) -> float | None:
        """When the table was first written after `since` (Unix seconds) with nothing read from then on for as long as
        the stream keeps a record: whatever stopped the trigger, and though it reads again."""
        ends = [*(at for at, _ in self._all(self._read, since)), self._now]
        period = self._period(since)
        written = self._written(since - since % period, period)
        return next((at for at in written if ends[bisect_left(ends, at)] - at > STREAM_KEEPS_SECONDS), None)

    def _written(self, start: float, period: int) -> list[float]:
        """In which periods the table was written (Unix seconds). Of a table in another account nobody here can say: a
        table of its name in this one would be told of."""
        if self._stack.cross_account:
            return []
        return [at for at, value in self._values([self._writes], start, self._now, period) if value > 0]

    def undelivered(self, since: float) -> float | None:
        """When Lambda could not say what it gave up, after `since` (Unix seconds)."""
        told = Series("AWS/Lambda", "DestinationDeliveryFailures", "FunctionName", self._stack.name, "Sum")
        return next((at for at, value in self._all(told, since) if value > 0), None)

    def handed(self, since: float) -> Handed:
        """What came into the failure queue since then (Unix seconds), and what was redriven."""
        namespace, stack, queue = self._stack.metric_namespace, self._stack, self._stack.queue_name
        period = self._period(since)
        first = since - since % period
        begin = first - max(RECENT, 3 * period)

        def ours(*metrics: tuple[str, str]) -> list[Value]:
            series = [Series(namespace, metric, "FunctionName", function, "Sum") for metric, function in metrics]
            return self._values(series, begin, self._now, period)

        def of_queue(metric: str, statistic: str) -> list[Value]:
            return self._values([Series("AWS/SQS", metric, "QueueName", queue, statistic)], begin, self._now, period)

        # Of all views: a redrive brings a message's key in step in each of them.
        poison = ours(("Poison", stack.name), *(("RunPoison", each) for each in stack.reconcile_names))
        # The trigger's own messages are among these alone.
        ways = (poison, of_queue("NumberOfMessagesSent", "Sum"))
        sent = max(_sum(each, first) for each in ways)
        if not sent:
            return Handed()
        redriven = ours(("Redriven", stack.redrive_name))
        depths = of_queue("ApproximateNumberOfMessagesVisible", "Maximum")
        before = max(waited(first, depths, each, redriven) for each in ways)
        return Handed(int(sent), int(_sum(redriven, first)), int(before))

    def _period(self, since: float) -> int:
        """Seconds of the finest values that are still kept from then on, and from shortly before."""
        age = self._now - since + HOUR
        return 60 if age < MINUTES_KEPT else 300 if age < LONGEST else HOUR

    def _all(self, series: Series, since: float) -> list[Value]:
        """All values from the period of `since` on."""
        period = self._period(since)
        return self._values([series], since - since % period, self._now, period)

    def _signals(self, view: str, start: float, end: float, period: int) -> list[float]:
        """When either function that writes changes has signalled of a view, the oldest first."""
        namespace, functions = self._stack.metric_namespace, (self._stack.name, self._stack.redrive_name)
        needed = [Series(namespace, "RepairNeeded", "FunctionName", each, "Sum", view) for each in functions]
        return [at for at, value in self._values(needed, start, end, period) if value > 0]

    def _newest(self, series: Series) -> float | None:
        values = self._values([series], self._now - RECENT, self._now, 60)
        return values[-1][1] if values else None

    def _values(self, series: Sequence[Series], start: float, end: float, period: int) -> list[Value]:
        """Values of one or several metrics with their period's start (Unix seconds), the oldest first."""
        question = (tuple(series), start, end, period)
        if question not in self._asked:
            self._asked[question] = self._ask(*question)
        return self._asked[question]

    def _ask(self, series: Sequence[Series], start: float, end: float, period: int) -> list[Value]:
        """`_values`, of CloudWatch."""
        queries = [
            {"Id": f"m{number}", "MetricStat": {"Metric": _metric(each), "Period": period, "Stat": each.statistic}}
            for number, each in enumerate(series)
        ]
        results = list(
            pages(
                self._client.get_metric_data,
                "MetricDataResults",
                ("NextToken", "NextToken"),
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(max(end, start + period), UTC),
                ScanBy="TimestampAscending",
            )
        )
        # Of several pages the last one says whether all values of a metric have come (API "MetricDataResult").
        states = {result["Id"]: result.get("StatusCode", WHOLE) for result in results}
        if partial := set(states.values()) - {WHOLE}:
            raise CliError(
                f"CloudWatch could not give all of {series[0].metric}: {', '.join(sorted(partial))}.",
                "Without it nothing is known. Try again in a minute.",
            )
        found = [
            (at.timestamp(), value)
            for result in results
            for at, value in zip(result["Timestamps"], result["Values"], strict=True)
        ]
        return sorted(found)


def _sum(values: list[Value], since: float) -> float:
    return sum(value for at, value in values if at >= since)


def _metric(series: Series) -> dict[str, Any]:
    """A metric as CloudWatch names it."""
    return {
        "Namespace": series.namespace,
        "MetricName": series.metric,
        "Dimensions": [
            {"Name": series.dimension, "Value": series.of},
            *([{"Name": "View", "Value": series.view}] if series.view else []),
        ],
    }


def queue_depth(aws: Aws, stack: Stack, oldest: float | None = None) -> Queue:
    """The failure queue's depth; `oldest`: its oldest message's age in seconds, where it is known.

    No message is received: that would count against the alarm on the oldest message.
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=names)["Attributes"]
    visible, in_flight = (int(found.get(name, 0)) for name in names)
    return Queue(visible=visible, in_flight=in_flight, oldest=oldest if visible + in_flight else None)
