"""What CloudWatch refuses in a dashboard, and lets pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.cloud.dashboards import MOST_METRICS, MOST_TOGETHER, MOST_WIDGETS, NAME, diagnose

METRIC = ["AWS/Lambda", "Errors", "FunctionName", "f"]
ARN = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"
TEXT = {"type": "text", "properties": {"markdown": "Hello world"}}


def body(*widgets: Any, **members: Any) -> dict[str, Any]:
    return {"widgets": list(widgets), **members}


def graph(*metrics: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "metric", "properties": {"region": "us-east-1", "metrics": list(metrics), **properties}}


def without(widget: dict[str, Any], name: str) -> dict[str, Any]:
    return {**widget, "properties": {key: value for key, value in widget["properties"].items() if key != name}}


def of_alarm(*arns: str, **annotations: Any) -> dict[str, Any]:
    return without(graph(annotations={"alarms": list(arns), **annotations}), "metrics")


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(TEXT, start="-PT6H", periodOverride="inherit"),
        body(*[TEXT] * MOST_WIDGETS),
        body({**TEXT, "x": 23, "y": 0, "width": 1, "height": 1_000}),
        body({"type": "text", "properties": {"markdown": "", "background": "transparent"}}),
        body({"type": "alarm", "properties": {"alarms": [ARN], "sortBy": "timestamp", "states": ["OK"]}}),
        body({"type": "log", "properties": {"region": "us-east-1", "query": "SOURCE 'a' | fields @message"}}),
        body(graph()),
        body(graph(["AWS/EC2", "CPUUtilization"])),
        body(graph(METRIC, [".", ".", ".", "g", {"stat": "p99.9", "yAxis": "right", "color": "#9467bd"}])),
        body(graph([*METRIC, {"id": "m1", "visible": False}], [{"expression": "m1 * 2", "id": "e1"}])),
        body(graph(*[METRIC] * MOST_METRICS)),
        body(*[graph(*[METRIC] * MOST_METRICS)] * (MOST_TOGETHER // MOST_METRICS)),
        body(graph(METRIC, period=60, stat="Maximum", view="bar", stacked=True, start="-P35D", liveData=False)),
        body(
            graph(METRIC, annotations={"horizontal": [{"value": 2.5, "fill": "above"}, [{"value": 1}, {"value": 0}]]})
        ),
        body(graph(METRIC, view="gauge", yAxis={"left": {"min": 0, "max": 100}})),
        body(of_alarm(ARN)),
    ],
)
def test_what_cloudwatch_takes_passes(good: dict[str, Any]) -> None:
    assert diagnose(json.dumps(good)) == []


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ([], "/"),
        ({}, "/"),
        (body(title="x"), "/title"),
        (body(periodOverride="always"), "/periodOverride"),
        (body(*[TEXT] * (MOST_WIDGETS + 1)), "/widgets"),
        (body("text"), "/widgets/0"),
        (body({"type": "text"}), "/widgets/0"),
        (body({"properties": {}}), "/widgets/0"),
        (body({**TEXT, "type": "graph"}), "/widgets/0/type"),
        (body({**TEXT, "x": 24, "y": 0, "width": 1}), "/widgets/0/x"),
        (body({**TEXT, "x": 0, "y": -1}), "/widgets/0/y"),
        (body({**TEXT, "x": 1.5, "y": 0}), "/widgets/0/x"),
        (body({**TEXT, "x": 0}), "/widgets/0"),
        (body({**TEXT, "width": 25}), "/widgets/0/width"),
        (body({**TEXT, "width": 0}), "/widgets/0/width"),
        (body({**TEXT, "height": 1_001}), "/widgets/0/height"),
        (body({**TEXT, "x": 12, "y": 0, "width": 13}), "/widgets/0"),
        (body(without(TEXT, "markdown")), "/widgets/0/properties"),
        (body({"type": "alarm", "properties": {"alarms": []}}), "/widgets/0/properties/alarms"),
        (body({"type": "alarm", "properties": {"alarms": [ARN] * 101}}), "/widgets/0/properties/alarms"),
        (body({"type": "alarm", "properties": {"alarms": ["a"]}}), "/widgets/0/properties/alarms"),
        (body(without(graph(METRIC), "region")), "/widgets/0/properties"),
        (body(without(graph(), "metrics")), "/widgets/0/properties"),
        (body(graph(METRIC, annotations={"alarms": [ARN]})), "/widgets/0/properties"),
        (body(of_alarm(ARN, ARN)), "/widgets/0/properties/annotations"),
        (body(of_alarm(ARN, horizontal=[{"value": 1}])), "/widgets/0/properties/annotations"),
        (body(graph(METRIC, period=90)), "/widgets/0/properties/period"),
        (body(graph(METRIC, period=0)), "/widgets/0/properties/period"),
        (body(graph(METRIC, stat="Mean")), "/widgets/0/properties/stat"),
        (body(graph(METRIC, view="line")), "/widgets/0/properties/view"),
        (body(graph(METRIC, view="gauge")), "/widgets/0/properties"),
        (body(graph(METRIC, legend={"position": "left"})), "/widgets/0/properties/legend"),
        (body(graph(METRIC, yAxis={"left": {"min": "0"}})), "/widgets/0/properties/yAxis"),
        (body(graph(METRIC, start="yesterday")), "/widgets/0/properties/start"),
        (body(graph(METRIC, colour="red")), "/widgets/0/properties/colour"),
        (
            body(graph(METRIC, annotations={"horizontal": [{"label": "x"}]})),
            "/widgets/0/properties/annotations/horizontal/0",
        ),
        (
            body(graph(METRIC, annotations={"horizontal": [{"value": 1, "fill": "before"}]})),
            "/widgets/0/properties/annotations/horizontal/0/fill",
        ),
        (body(graph(*[METRIC] * (MOST_METRICS + 1))), "/widgets/0/properties/metrics"),
        (body(*[graph(*[METRIC] * MOST_METRICS)] * 5, graph(METRIC)), "/widgets"),
        (body(graph(["AWS/Lambda"])), "/widgets/0/properties/metrics/0"),
        (body(graph(METRIC[:3])), "/widgets/0/properties/metrics/0"),
        (body(graph(["AWS/Lambda", "Errors", "FunctionName", None])), "/widgets/0/properties/metrics/0"),
        (body(graph("Errors")), "/widgets/0/properties/metrics/0"),
        (body(graph([".", "Errors"])), "/widgets/0/properties/metrics/0"),
        (body(graph([*METRIC, {"id": "M1"}])), "/widgets/0/properties/metrics/0/4/id"),
        (body(graph([*METRIC, {"stat": "sum"}])), "/widgets/0/properties/metrics/0/4/stat"),
        (body(graph([*METRIC, {"id": "m"}], [*METRIC, {"id": "m"}])), "/widgets/0/properties/metrics/1"),
        (body(graph([*METRIC, {"expression": "m * 2"}])), "/widgets/0/properties/metrics/0"),
        (body(graph([{"label": "nothing"}])), "/widgets/0/properties/metrics/0"),
        (body(graph(["n", "m", *["d", "v"] * 31])), "/widgets/0/properties/metrics/0"),
        (body(graph(["n" * 256, "m"])), "/widgets/0/properties/metrics/0"),
        (body(graph(["n", "m", "d", "v" * 1_025])), "/widgets/0/properties/metrics/0"),
    ],
)
def test_what_cloudwatch_refuses_is_named_with_its_place(bad: Any, path: str) -> None:
    (fault,) = {each.path for each in diagnose(json.dumps(bad))}
    assert fault == path


def test_a_text_that_is_no_json_is_refused() -> None:
    (fault,) = diagnose('{"widgets": [}')
    assert "no JSON" in str(fault)


@pytest.mark.parametrize(("name", "taken"), [("a" * 255, True), ("A-b_9", True), ("a" * 256, False), ("a.b", False)])
def test_a_name_is_letters_digits_hyphens_and_underscores(name: str, taken: bool) -> None:
    assert bool(NAME.fullmatch(name)) is taken
