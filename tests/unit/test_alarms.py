"""Each alarm against each way to fail: no failing or missing run ends an alarm whose cause holds.

CloudWatch's rules are those of its user guide: "Configuring how CloudWatch alarms treat missing data", "Evaluating an
alarm" and "Using metric math". Whether FILL fills a metric that has no data in the whole range is not said there: both
are tried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hcl2
import pytest

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
    return Alarm(ids, expression, of, int(number("breaching", 1)), number("threshold", 0.0))


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
        real = [each for each in points if each is not None][-alarm.of :]
        bad = sum(each > alarm.threshold for each in real)
        enough = len(real) - bad > alarm.of - alarm.breaching
        found.append(ALARM if bad >= alarm.breaching else OK if enough else found[-1] if found else OK)
    return found


NOTHING: Period = {}
CASES: tuple[tuple[str, str, Sequence[Period], str], ...] = (
    ("failures", "messages wait", [{"waiting": 1}], ALARM),
    ("failures", "a redrive hides them, and is killed", [{"waiting": 1}, *[{"waiting": 0}] * 3, {"waiting": 1}], ALARM),
    ("failures", "a redrive hides them for all of the timeout", [{"waiting": 1}, *[{"waiting": 0}] * 3], ALARM),
    ("failures", "a redrive that failed left them", [{"waiting": 1}] * 5, ALARM),
    ("failures", "a queue that SQS sends nothing of", [{"waiting": 1}, *[NOTHING] * 99], ALARM),
    ("failures", "the last one is redriven", [{"waiting": 1}, *[{"waiting": 0}] * 5], OK),
    ("iterator-age", "late, then the trigger is off", [{"age": 9e9}, NOTHING, NOTHING, NOTHING], ALARM),
    ("iterator-age", "late, then caught up", [{"age": 9e9}, {"age": -1}], OK),
    ("stream-unread", "the trigger is off", [{"invocations": 3, "writes": 3}, {"writes": 3}, {"writes": 1}], ALARM),
    ("stream-unread", "off from the beginning", [{"writes": 3}, {"writes": 1}], ALARM),
    ("stream-unread", "every invocation is throttled", [{"writes": 3, "invocations": 0}] * 2, ALARM),
    (
        "stream-unread",
        "off, and nothing more is written",
        [{"invocations": 1}, *[{"writes": 3}] * 3, *[NOTHING] * 9],
        ALARM,
    ),
    ("stream-unread", "on again", [*[{"writes": 3}] * 3, *[{"writes": 3, "invocations": 2}] * 2], OK),
    ("stream-unread", "a change at a period's end", [{"writes": 3}, {"invocations": 1}, NOTHING], OK),
    ("stream-unread", "a table at rest", [NOTHING] * 9, OK),
    ("errors", "a batch fails as a whole", [{"errors": 1}], ALARM),
    ("errors", "it fails, and the trigger is off", [{"errors": 1}, *[NOTHING] * 9], ALARM),
    ("errors", "it fails again and again", [{"errors": 1}] * 5, ALARM),
    ("errors", "an invocation that went well", [{"errors": 1}, {"errors": 0}], OK),
    ("redrive-errors", "a redrive by night fails", [{"errors": 1}, *[NOTHING] * 99], ALARM),
    ("redrive-errors", "the next one goes well", [{"errors": 1}, NOTHING, {"errors": 0}], OK),
    ("repair-needed", "said once", [{"needed": 1}], ALARM),
    ("repair-needed", "later invocations need none", [{"needed": 1}, *[NOTHING] * 99], ALARM),
    ("repair-needed", "a clean comparison began after it", [{"needed": 1}, NOTHING, {"needed": 0}], OK),
    ("redrive-repair-needed", "later redrives need none", [{"needed": 1}, *[NOTHING] * 99], ALARM),
    ("redrive-repair-needed", "a clean comparison began after it", [{"needed": 1}, {"needed": 0}], OK),
    ("drift", "a verification finds differences", [{"differences": 3}, *[NOTHING] * 99], ALARM),
    ("drift", "a repair leaves none", [{"differences": 3}, NOTHING, {"differences": 0}], OK),
    ("reconciliation-failed", "a run fails", [{"failed": 1, "succeeded": 0}], ALARM),
    ("reconciliation-failed", "it fails, and no other runs", [{"failed": 1, "succeeded": 0}, *[NOTHING] * 99], ALARM),
    ("reconciliation-failed", "another is under way", [{"failed": 1, "succeeded": 0}, {"succeeded": 0}], ALARM),
    (
        "reconciliation-failed",
        "a later one succeeds",
        [{"failed": 1}, NOTHING, {"succeeded": 1}],
        OK,
    ),
    ("reconciliation-failed", "the schedule gives way to another", [NOTHING] * 3, OK),
)
"""Alarm, way to fail or to mend, what its metrics have, and its state at the end."""


@pytest.mark.parametrize("fills_all", [True, False], ids=["fills all", "fills what has data"])
@pytest.mark.parametrize(("name", "way", "course", "state"), CASES, ids=[f"{each[0]}: {each[1]}" for each in CASES])
def test_an_alarm_ends_with_its_cause(
    name: str, way: str, course: Sequence[Period], state: str, fills_all: bool
) -> None:
    if way == "off from the beginning" and not fills_all:
        pytest.skip("no metric of a function that was never invoked: where FILL fills only what has data, none is seen")
    assert states(ALARMS[name], course, fills_all)[-1] == state


def test_every_alarm_is_raised_and_ended_by_a_case() -> None:
    assert {(each[0], each[3]) for each in CASES} == {(name, state) for name in ALARMS for state in (OK, ALARM)}
