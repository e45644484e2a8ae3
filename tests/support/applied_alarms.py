"""An applied stack's alarms, judged by CloudWatch's rules over the lab's metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab.applied import Applied
from tests.support.alarms import ALARM, LOOKED_AT_BEYOND, OK, Alarm, Period, states

PREFIX = "dynamodb-to-opensearch"
PERIOD_SECONDS = 300
"""Of most alarms."""
Source = Mapping[str, Any]
"""A metric with its statistic, by CloudWatch's names."""
MORE = 2
"""Periods behind which nothing but the cause's end has ended an alarm."""


class Watched:
    """One alarm, that has nothing to ring for yet. `period`: its seconds."""

    LOOKED_AT_SECONDS = 4 * 3600

    def __init__(self, stack: Applied, key: str) -> None:
        self._stack = stack
        self._metrics = stack.lab.boto3_client("cloudwatch")
        (found,) = self._metrics.describe_alarms(AlarmNames=[f"{PREFIX}-{key}"])["MetricAlarms"]
        self._alarm, self._sources, self.period = _single(found), {"m": found}, int(found["Period"])
        assert self.state() == OK

    def fires(self) -> None:
        """Its cause is there: it rings, and goes on though nothing more happens."""
        assert self.state() == ALARM
        for _ in range(MORE):
            self._stack.lab.age(self.period)
            assert self.state() == ALARM

    def ends(self) -> None:
        """Its cause is mended: it ends, as soon as its periods say so, and stays quiet."""
        for _ in range(self._alarm.evaluation_periods + LOOKED_AT_BEYOND):
            if self.state() == OK:
                break
            self._stack.lab.age(self.period)
        assert self.state() == OK

    def state(self) -> str:
        """What CloudWatch makes of the metrics now."""
        end = time.time()
        first = (end - self.LOOKED_AT_SECONDS + PERIOD_SECONDS) // self.period * self.period
        course: list[dict[str, float]] = [{} for _ in range(int((end - first) // self.period) + 1)]
        for name, source in self._sources.items():
            for at, value in self._values(source, first, end):
                course[int((at - first) // self.period)][name] = value
        seen: list[Period] = list(course)
        return states(self._alarm, seen, fills_all=False)[-1]

    def _values(self, source: Source, first: float, end: float) -> list[tuple[float, float]]:
        metric = {name: source[name] for name in ("Namespace", "MetricName", "Dimensions")}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": self.period, "Stat": source["Statistic"]}}
        (found,) = self._metrics.get_metric_data(
            MetricDataQueries=[query],
            StartTime=datetime.fromtimestamp(first, UTC),
            EndTime=datetime.fromtimestamp(end + 1, UTC),
        )["MetricDataResults"]
        return [(at.timestamp(), value) for at, value in zip(found["Timestamps"], found["Values"], strict=True)]


def _single(found: Mapping[str, Any]) -> Alarm:
    of, breaching = found["EvaluationPeriods"], found.get("DatapointsToAlarm") or found["EvaluationPeriods"]
    return Alarm(("m",), "m", of, breaching, found["Threshold"], found["TreatMissingData"])
