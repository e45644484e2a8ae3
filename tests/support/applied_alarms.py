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
    """One alarm, that has nothing to ring for yet. `prefix`: of its name; `period`: its seconds."""

    LOOKED_AT_SECONDS = 4 * 3600

    def __init__(self, stack: Applied, key: str, prefix: str = PREFIX) -> None:
        self._stack = stack
        self._looked_at: float = self.LOOKED_AT_SECONDS
        self._metrics = stack.lab.boto3_client("cloudwatch")
        (found,) = self._metrics.describe_alarms(AlarmNames=[f"{prefix}-{key}"])["MetricAlarms"]
        self._alarm, self._sources, self.period = _read(found)
        assert self.state() == OK

    def fires(self, rest: float = 0.0) -> None:
        """Its cause is there: it rings, and goes on though nothing more happens, for `rest` seconds after the periods
        that it looks at."""
        assert self.state() == ALARM
        for seconds in (*[self.period] * MORE, rest):
            self._pass(seconds)
            assert self.state() == ALARM

    def ends(self) -> None:
        """Its cause is mended: it ends, as soon as its periods say so, and stays quiet."""
        for _ in range(self._alarm.evaluation_periods + LOOKED_AT_BEYOND):
            if self.state() == OK:
                break
            self._pass(self.period)
        assert self.state() == OK

    def state(self) -> str:
        """What CloudWatch makes of the metrics now, whatever FILL fills."""
        end = time.time()
        first = (end - self._looked_at + PERIOD_SECONDS) // self.period * self.period
        course: list[dict[str, float]] = [{} for _ in range(int((end - first) // self.period) + 1)]
        for name, source in self._sources.items():
            for at, value in self._values(source, first, end):
                course[int((at - first) // self.period)][name] = value
        seen: list[Period] = list(course)
        every, known = (states(self._alarm, seen, fills_all)[-1] for fills_all in (True, False))
        assert every == known
        return every

    def _pass(self, seconds: float) -> None:
        """Let time pass, and look back as far as before."""
        self._stack.lab.age(seconds)
        self._looked_at += seconds

    def _values(self, source: Source, first: float, end: float) -> list[tuple[float, float]]:
        metric = {name: source[name] for name in ("Namespace", "MetricName", "Dimensions")}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": self.period, "Stat": source["Statistic"]}}
        (found,) = self._metrics.get_metric_data(
            MetricDataQueries=[query],
            StartTime=datetime.fromtimestamp(first, UTC),
            EndTime=datetime.fromtimestamp(end + 1, UTC),
        )["MetricDataResults"]
        return [(at.timestamp(), value) for at, value in zip(found["Timestamps"], found["Values"], strict=True)]


def alarm_keys(stack: Applied, prefix: str = PREFIX) -> set[str]:
    """What the alarms of the applied stack watch, by the ends of their names."""
    found = stack.lab.boto3_client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{prefix}-")["MetricAlarms"]
    return {each["AlarmName"].removeprefix(f"{prefix}-") for each in found}


def _read(found: Mapping[str, Any]) -> tuple[Alarm, dict[str, Source], int]:
    """An alarm as DescribeAlarms answers it, its metrics by id, and its period."""
    of, breaching = found["EvaluationPeriods"], found.get("DatapointsToAlarm") or found["EvaluationPeriods"]
    given = of, breaching, found["Threshold"], found["TreatMissingData"]
    if "MetricName" in found:
        return Alarm(("m",), "m", *given), {"m": found}, int(found["Period"])
    (expression,) = (each["Expression"] for each in found["Metrics"] if "Expression" in each)
    single = {each["Id"]: each["MetricStat"] for each in found["Metrics"] if "MetricStat" in each}
    (period,) = {int(each["Period"]) for each in single.values()}
    sources: dict[str, Source] = {name: {**each["Metric"], "Statistic": each["Stat"]} for name, each in single.items()}
    return Alarm(tuple(sources), expression, *given), sources, period
