"""CloudWatch's rules for an alarm's state, over what its metrics have period by period.

They are those of its user guide: "Configuring how CloudWatch alarms treat missing data", "Evaluating an alarm" and
"Using metric math". Whether FILL fills a metric that has no data in the whole range is not said there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hcl2

ROOT = Path(__file__).parents[2]
LOOKED_AT_BEYOND = 2
"""Periods before an alarm's own that CloudWatch looks at for data where some is missing."""
BY_SETTINGS = {
    "ceil(var.alarms.failure_age_seconds / 300)": 1,
    "ceil(var.alarms.failure_age_seconds / 300) + ceil(var.failure_queue.visibility_timeout_seconds / 300)": 1 + 3,
    "var.alarms.iterator_age_seconds * 1000": 0,
    "try(var.reconciliation.rolling.period_hours * 3600, 0)": 0,
}
"""What follows settings: periods by their defaults, and thresholds that all data of a failing run is over."""
OK, ALARM = "OK", "ALARM"
Period = Mapping[str, float]
"""What the metrics of an alarm have in five minutes, by their ids; those without data are not there."""


@dataclass(frozen=True)
class Alarm:
    """An alarm of alarms.tf. `metrics`: ids; `evaluation_periods` and `datapoints_to_alarm` by the default settings."""

    metrics: tuple[str, ...]
    expression: str
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    treat_missing_data: str = "ignore"


def _read() -> dict[str, Alarm]:
    (block,) = [each["alarms"] for each in hcl2.loads((ROOT / "alarms.tf").read_text())["locals"] if "alarms" in each]
    return {name.strip('"'): _alarm(body) for name, body in block.items() if not name.startswith("__")}


def _alarm(body: Mapping[str, object]) -> Alarm:
    metrics = body["metrics"]
    assert isinstance(metrics, dict)

    def number(name: str, default: int) -> int:
        text = str(body.get(name, default))
        return BY_SETTINGS[text.strip("${}")] if "var." in text else int(text)

    ids = tuple(each.strip('"') for each in metrics if not each.startswith("__"))
    expression = str(body.get("expression", ids[0])).strip('"')
    return Alarm(
        ids,
        expression,
        number("evaluation_periods", 1),
        number("datapoints_to_alarm", 1),
        number("threshold", 0),
        str(body.get("treat_missing_data", "ignore")).strip('"'),
    )


ALARMS = _read()


def value(alarm: Alarm, period: Period, known: frozenset[str]) -> float | None:
    """The alarm's datapoint of a period, None for no data. FILL fills the metrics in `known`."""
    names = {name: period.get(name) for name in alarm.metrics}
    functions = {"IF": _if, "FILL": lambda given, filled: _fill(given, filled, period, known)}
    text = re.sub(r"FILL\((\w+)", r'FILL("\1"', alarm.expression)
    try:
        found = eval(text, {"__builtins__": {}}, {**names, **functions})  # noqa: S307 - our own alarms.tf
    except TypeError:  # None in a sum or a comparison: no data
        return None
    assert found is None or isinstance(found, int | float)
    return found


def _if(condition: bool, yes: float | None, no: float | None = None) -> float | None:
    return yes if condition else no


def _fill(name: str, filled: float, period: Period, known: frozenset[str]) -> float | None:
    return period.get(name, filled if name in known else None)


def states(alarm: Alarm, course: Sequence[Period], fills_all: bool) -> list[str]:
    """The alarm's state after each period; it begins as OK."""
    found: list[str] = []
    for end in range(1, len(course) + 1):
        window = course[max(0, end - alarm.evaluation_periods - LOOKED_AT_BEYOND) : end]
        known = frozenset(alarm.metrics if fills_all else (name for each in window for name in each))
        points = [value(alarm, each, known) for each in window]
        if alarm.treat_missing_data != "ignore":
            filled = {"breaching": alarm.threshold + 1, "notBreaching": alarm.threshold}[alarm.treat_missing_data]
            points = [filled if each is None else each for each in points]
        real = [each for each in points if each is not None][-alarm.evaluation_periods :]
        bad = sum(each > alarm.threshold for each in real)
        enough = len(real) - bad > alarm.evaluation_periods - alarm.datapoints_to_alarm
        found.append(ALARM if bad >= alarm.datapoints_to_alarm else OK if enough else found[-1] if found else OK)
    return found
