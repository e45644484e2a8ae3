"""Metrics in log lines.

AWS ("Specification: Embedded metric format"): a log event that is one JSON object with `_aws` gives the
metrics that its CloudWatchMetrics directives name, for each of their dimension sets, at `_aws.Timestamp`;
values may be arrays; a directive whose dimension or metric is not among the members is passed over, and so
is an event with anything before the brace.
ministack: keeps the line, and no metrics.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from lab.cloud.patching import private, replace

Member = dict[str, Any]


def apply() -> None:
    """Take the metrics out of what reaches a log stream."""

    def append(stream: Member, events: list[Member]) -> None:
        original(stream, events)
        for each in events:
            for namespace, name, unit, dimensions, values, seconds in _metrics(each["message"]):
                private(cloudwatch, "_store_datum")(
                    namespace, name, dimensions, seconds, unit, None, values, None, None
                )

    original = replace(cloudwatch_logs, "_append_log_events", append)


def _metrics(message: str) -> Iterator[tuple[str, str, str, dict[str, str], list[float], float]]:
    if not message.startswith("{"):
        return
    try:
        line = json.loads(message)
        embedded = line["_aws"]
        seconds = embedded["Timestamp"] / 1000
        directives = list(embedded["CloudWatchMetrics"])
    except (ValueError, TypeError, KeyError):
        return
    for directive in directives:
        for names in directive.get("Dimensions", [[]]):
            if not all(name in line for name in names):
                continue
            dimensions = {name: str(line[name]) for name in names}
            for metric in directive.get("Metrics", []):
                values = _values(line.get(metric["Name"]))
                if values:
                    unit = metric.get("Unit", "None")
                    yield directive["Namespace"], metric["Name"], unit, dimensions, values, seconds


def _values(found: Any) -> list[float]:
    listed = found if isinstance(found, list) else [found]
    numbers = (each for each in listed if isinstance(each, int | float) and not isinstance(each, bool))
    return [float(each) for each in numbers if math.isfinite(each)]
