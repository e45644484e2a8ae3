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
HIDDEN = 3
"""Periods of the default visibility timeout; the default failure age is one."""
OK, ALARM = "OK", "ALARM"
Period = Mapping[str, float]
"""What the metrics of an alarm have in five minutes, by their ids; those without data are not there."""


@dataclass(frozen=True)
class Alarm:
    """An alarm of alarms.tf. `metrics`: ids; `of`, `breaching`: evaluation periods and datapoints to alarm."""

    metrics: tuple[str, ...]
    expression: str
    of: int
    breaching: int
    threshold: float
    missing: str = "ignore"


def _read() -> dict[str, Alarm]:
    (block,) = [each["alarms"] for each in hcl2.loads((ROOT / "alarms.tf").read_text())["locals"] if "alarms" in each]
    return {name.strip('"'): _alarm(body) for name, body in block.items() if not name.startswith("__")}


def _alarm(body: Mapping[str, object]) -> Alarm:
    metrics = body["metrics"]
    assert isinstance(metrics, dict)

    def number(name: str, default: float) -> float:
        text = str(body.get(name, default))
        return float(text) if re.fullmatch(r"[0-9.]+", text) else default

    ids = tuple(each.strip('"') for each in metrics if not each.startswith("__"))
    expression = str(body.get("expression", ids[0])).strip('"')
    of = HIDDEN + 1 if "visibility_timeout" in str(body.get("of")) else int(number("of", 1))
    return Alarm(
        ids,
        expression,
        of,
        int(number("breaching", 1)),
        number("threshold", 0.0),
        str(body.get("missing", "ignore")).strip('"'),
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
        window = course[max(0, end - alarm.of - LOOKED_AT_BEYOND) : end]
        known = frozenset(alarm.metrics if fills_all else (name for each in window for name in each))
        points = [value(alarm, each, known) for each in window]
        if alarm.missing == "breaching":
            points = [alarm.threshold + 1 if each is None else each for each in points]
        real = [each for each in points if each is not None][-alarm.of :]
        bad = sum(each > alarm.threshold for each in real)
        enough = len(real) - bad > alarm.of - alarm.breaching
        found.append(ALARM if bad >= alarm.breaching else OK if enough else found[-1] if found else OK)
    return found
