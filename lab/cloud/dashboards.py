"""What CloudWatch refuses in a dashboard, as far as its pages say it. Pure.

    what                                                                                       source
    a name of other than 1 to 255 letters, digits, hyphens and underscores                     API, PutDashboard
    a body that is no JSON object with `widgets`, of 0 to 500                                  page
    a widget without type and properties; beyond a grid of 24 columns; x without y             page
    a metric widget without a region; with neither metrics nor an alarm, or with both          page
    a metric that is no namespace, name, pairs of dimension and value, and its rendering       page
    a period that is no multiple of 60, a statistic, view, legend or fill of no such name      page
    more than 500 metrics in a widget, 2,500 in a dashboard                                    not read on AWS's pages
    a metric of over 30 dimensions, or with a name or value that is too long                   API, Dimension
    an alarm widget of other than 1 to 100 ARNs                                                Pulumi's copy of the page
    a member that the page does not have: CloudWatch only warns of some of them                page

page: "Dashboard body structure and syntax" (CloudWatch API reference); `start` of one widget is the AWS CDK's
(`MetricWidgetProps`). Of a log, explorer or custom widget its place alone is
looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
COLUMNS, LONGEST_WIDGET = 24, 1_000
MOST_WIDGETS, MOST_METRICS, MOST_TOGETHER, MOST_ALARMS = 500, 500, 2_500, 100
MOST_DIMENSIONS, LONGEST_TEXT = 30, {"namespace": 255, "metric": 255, "dimension": 255, "value": 1_024}
ARN = re.compile(r"arn:[^:]+:cloudwatch:[^:]*:[0-9]{12}:alarm:.{1,255}")
RELATIVE = re.compile(r"-P(T[0-9]+[MH]|[0-9]+[DWM])")
STATISTIC = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|p[0-9]{1,2}(\.[0-9]{1,10})?|p100")
IDENTIFIER = re.compile(r"[a-z][A-Za-z0-9_]*")
STATES = ("ALARM", "INSUFFICIENT_DATA", "OK")

Check = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the path of where it is: a DashboardValidationMessage."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def _is(*kinds: type) -> Check:
    return lambda value: isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)


def _one_of(*names: str) -> Check:
    return lambda value: value in names


def _matches(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _whole(least: int, most: int | None = None) -> Check:
    return lambda value: type(value) is int and value >= least and (most is None or value <= most)


def _period(value: Any) -> bool:
    return type(value) is int and value >= 60 and value % 60 == 0


def _side(value: Any) -> bool:
    kinds = {"label": _is(str), "min": _is(int, float), "max": _is(int, float), "showUnits": _is(bool)}
    return isinstance(value, dict) and all(name in kinds and kinds[name](each) for name, each in value.items())


def _axis(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= {"left", "right"} and all(map(_side, value.values()))


def _legend(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() == {"position"} and value["position"] in ("right", "bottom", "hidden")
    )


COLOUR = _matches(re.compile(r"#[0-9A-Fa-f]{3}([0-9A-Fa-f]{3})?"))
BODY: Mapping[str, Check] = {
    "widgets": _is(list),
    "start": _is(str),
    "end": _is(str),
    "periodOverride": _one_of("auto", "inherit"),
    "variables": _is(list),
}
WIDGET: Mapping[str, Check] = {
    "type": _one_of("metric", "text", "log", "alarm", "explorer", "custom"),
    "x": _whole(0, COLUMNS - 1),
    "y": _whole(0),
    "width": _whole(1, COLUMNS),
    "height": _whole(1, LONGEST_WIDGET),
    "properties": _is(dict),
}
TEXT: Mapping[str, Check] = {"markdown": _is(str), "background": _one_of("transparent", "solid")}
ALARM: Mapping[str, Check] = {
    "alarms": lambda value: (
        isinstance(value, list) and 1 <= len(value) <= MOST_ALARMS and all(map(_matches(ARN), value))
    ),
    "sortBy": _one_of("default", "stateUpdatedTimestamp", "timestamp"),
    "states": lambda value: isinstance(value, list) and set(value) <= set(STATES),
    "title": _is(str),
}
METRIC: Mapping[str, Check] = {
    "accountId": _is(str),
    "annotations": _is(dict),
    "end": _is(str),
    "legend": _legend,
    "liveData": _is(bool),
    "metrics": lambda value: isinstance(value, list) and len(value) <= MOST_METRICS,
    "period": _period,
    "region": _matches(re.compile(r"[a-z0-9-]+")),
    "setPeriodToTimeRange": _is(bool),
    "sparkline": _is(bool),
    "stacked": _is(bool),
    "start": _matches(RELATIVE),
    "stat": _matches(STATISTIC),
    "table": _is(dict),
    "timezone": _matches(re.compile(r"[+-][0-9]{4}")),
    "title": _is(str),
    "view": _one_of("timeSeries", "singleValue", "gauge", "bar", "pie", "table"),
    "yAxis": _axis,
}
RENDERING: Mapping[str, Check] = {
    "accountId": _is(str),
    "color": COLOUR,
    "expression": _is(str),
    "id": _matches(IDENTIFIER),
    "label": _is(str),
    "period": _period,
    "region": _is(str),
    "stat": _matches(STATISTIC),
    "visible": _is(bool),
    "yAxis": _one_of("left", "right"),
}
HORIZONTAL: Mapping[str, Check] = {
    "color": COLOUR,
    "fill": _one_of("above", "below", "none"),
    "label": _is(str),
    "value": _is(int, float),
    "visible": _is(bool),
    "yAxis": _one_of("left", "right"),
}


def diagnose(body: str) -> list[Fault]:
    """Everything that is wrong in a dashboard's body; nothing of a good one."""
    try:
        found = json.loads(body)
    except ValueError as error:
        return [Fault("/", f"no JSON: {error}")]
    if not isinstance(found, dict) or not isinstance(found.get("widgets"), list):
        return [Fault("/", "must be an object with the array `widgets`")]
    return list(_body(found))


def _body(body: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _members("", body, BODY)
    if len(body["widgets"]) > MOST_WIDGETS:
        yield Fault("/widgets", f"{len(body['widgets'])} widgets, of {MOST_WIDGETS}")
    metrics = 0
    for place, widget in enumerate(body["widgets"]):
        path = f"/widgets/{place}"
        if isinstance(widget, dict):
            yield from _widget(path, widget)
            properties = widget.get("properties")
            metrics += len(properties.get("metrics") or ()) if isinstance(properties, dict) else 0
        else:
            yield Fault(path, "must be an object")
    if metrics > MOST_TOGETHER:
        yield Fault("/widgets", f"{metrics} metrics together, of {MOST_TOGETHER}")


def _members(path: str, given: Mapping[str, Any], known: Mapping[str, Check], *required: str) -> Iterator[Fault]:
    """Members that are missing, unknown, or have a value that they cannot have."""
    for name in required:
        if name not in given:
            yield Fault(path or "/", f"must have `{name}`")
    for name, value in given.items():
        if name not in known:
            yield Fault(f"{path}/{name}", "there is no such member")
        elif not known[name](value):
            yield Fault(f"{path}/{name}", f"cannot be {json.dumps(value)[:80]}")


def _widget(path: str, widget: Mapping[str, Any]) -> Iterator[Fault]:
    wrong = list(_members(path, widget, WIDGET, "type", "properties"))
    yield from wrong
    if ("x" in widget) != ("y" in widget):
        yield Fault(path, "x and y are given together")
    if wrong:
        return
    if widget.get("x", 0) + widget.get("width", 6) > COLUMNS:
        yield Fault(path, f"ends beyond column {COLUMNS}")
    properties, inside = widget["properties"], f"{path}/properties"
    if widget["type"] == "text":
        yield from _members(inside, properties, TEXT, "markdown")
    elif widget["type"] == "alarm":
        yield from _members(inside, properties, ALARM, "alarms")
    elif widget["type"] == "metric":
        yield from _graph(inside, properties)


def _graph(path: str, properties: Mapping[str, Any]) -> Iterator[Fault]:
    wrong = list(_members(path, properties, METRIC, "region"))
    yield from wrong
    if wrong:
        return
    annotations = properties.get("annotations", {})
    alarms = annotations.get("alarms", [])
    if bool(alarms) == ("metrics" in properties):
        yield Fault(path, "has either metrics or an alarm's annotation")
    if alarms and (len(alarms) > 1 or annotations.keys() != {"alarms"}):
        yield Fault(f"{path}/annotations", "an alarm's annotation stands alone")
    for name in annotations.keys() - {"alarms", "horizontal", "vertical"}:
        yield Fault(f"{path}/annotations/{name}", "there is no such member")
    for place, line in enumerate(annotations.get("horizontal", [])):
        for each in line if isinstance(line, list) else [line]:
            yield from _members(f"{path}/annotations/horizontal/{place}", each, HORIZONTAL, "value")
    axis = properties.get("yAxis", {}).get("left", {})
    if properties.get("view") == "gauge" and not {"min", "max"} <= axis.keys():
        yield Fault(path, "a gauge needs min and max of yAxis.left")
    ids: list[str] = []
    for place, metric in enumerate(properties.get("metrics", [])):
        yield from _metric(f"{path}/metrics/{place}", metric, ids, place == 0)


def _metric(path: str, metric: Any, ids: list[str], first: bool) -> Iterator[Fault]:
    if not isinstance(metric, list) or not metric:
        yield Fault(path, "must be an array")
        return
    rendering = metric[-1] if isinstance(metric[-1], dict) else {}
    texts = metric[: len(metric) - isinstance(metric[-1], dict)]
    yield from _members(f"{path}/{len(texts)}", rendering, RENDERING)
    if (name := rendering.get("id")) in ids:
        yield Fault(path, f"the id {name} is another metric's too")
    ids += [name] if name else []
    if not texts and "expression" in rendering:
        return
    if not all(isinstance(each, str) and each for each in texts) or len(texts) < 2 or len(texts) % 2:
        yield Fault(path, "must be a namespace, a name, and pairs of a dimension and its value")
        return
    if "expression" in rendering:
        yield Fault(path, "is a metric and an expression")
    if first and "." in texts:
        yield Fault(path, 'the first metric repeats none by "."')
    if len(texts) // 2 - 1 > MOST_DIMENSIONS:
        yield Fault(path, f"{len(texts) // 2 - 1} dimensions, of {MOST_DIMENSIONS}")
    kinds = ["namespace", "metric", *["dimension", "value"] * (len(texts) // 2 - 1)]
    for kind, text in zip(kinds, texts, strict=True):
        if len(text) > LONGEST_TEXT[kind]:
            yield Fault(path, f"a {kind} of {len(text)} characters, of {LONGEST_TEXT[kind]}")
