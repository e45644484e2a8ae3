"""A dashboard's body as tests read it: its graphs, and the metrics that they show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A metric of a graph or an alarm; `dimensions`: pairs of name and value; `statistic`: what is shown of it."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    statistic: str


@dataclass(frozen=True)
class Graph:
    """A graph's title and region, its metrics, and the values of its horizontal lines."""

    title: str
    region: str
    metrics: tuple[Metric, ...]
    lines: tuple[float, ...]


def graphs(body: str) -> list[Graph]:
    """The graphs of a dashboard's body."""
    return [_graph(each["properties"]) for each in json.loads(body)["widgets"] if each["type"] == "metric"]


def _graph(properties: Mapping[str, Any]) -> Graph:
    lines = properties["annotations"]["horizontal"]
    return Graph(
        properties["title"],
        properties["region"],
        tuple(_metrics(properties["metrics"])),
        tuple(float(each["value"]) for each in lines),
    )


def _metrics(written: list[list[Any]]) -> Iterator[Metric]:
    for each in written:
        texts = [text for text in each if isinstance(text, str)]
        if texts:  # an expression has none, and is over metrics beside it
            dimensions = frozenset(zip(texts[2::2], texts[3::2], strict=True))
            yield Metric(texts[0], texts[1], dimensions, each[-1]["stat"])


def watched(alarm: Mapping[str, Any]) -> set[Metric]:
    """The metrics of a planned alarm: its own, or those under its expression."""
    found = [alarm] if alarm.get("metric_name") else []
    found += [metric for query in alarm.get("metric_query") or () for metric in query["metric"]]
    return {
        Metric(
            each["namespace"],
            each["metric_name"],
            frozenset((each.get("dimensions") or {}).items()),
            each.get("statistic") or each["stat"],
        )
        for each in found
    }
