"""Log lines of the functions: the edge that reads them, and what a line says (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError

LATE_SECONDS = 60.0
"""How late CloudWatch may show a line: a follower looks that far back again."""
PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|EXTENSION|TELEMETRY|RESTORE_\w+)\b")
TROUBLE = re.compile(
    r"Task timed out|Runtime exited|Runtime\.|Traceback|\[ERROR\]|\bStatus: (?:error|timeout)|Unable to import"
)
QUIET = {"RecordsReceived", "Duration", "OldestRecordAge"}
"""Metrics that are shown on their own, not in the list of counts."""
DURATION = re.compile(r"(\d+)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Line:
    """One log event. at: Unix seconds; fields: the line's JSON object, {} for text."""

    identity: str
    at: float
    text: str
    fields: Mapping[str, Any]

    @property
    def level(self) -> str:
        """INFO, WARN or ERROR; of text what it looks like."""
        given = self.fields.get("level")
        if isinstance(given, str):
            return given
        return "ERROR" if TROUBLE.search(self.text) else "INFO"

    @property
    def is_platform(self) -> bool:
        """Whether Lambda wrote it about itself, and nothing went wrong."""
        return not self.fields and PLATFORM.match(self.text) is not None and self.level == "INFO"


def line_of(event: Mapping[str, Any]) -> Line:
    """A line from FilterLogEvents' event."""
    text = event.get("message", "").rstrip("\n")
    try:
        fields = json.loads(text) if text.startswith("{") else {}
    except json.JSONDecodeError:
        fields = {}
    return Line(event.get("eventId", ""), event["timestamp"] / 1000, text, fields if isinstance(fields, dict) else {})


def counts(line: Line) -> dict[str, float]:
    """The line's metrics that are not zero, in its own order."""
    names = [metric.get("Name") for metric in _metrics(line.fields) if isinstance(metric, dict)]
    values = {name: line.fields.get(name) for name in names if isinstance(name, str) and name not in QUIET}
    return {name: value for name, value in values.items() if isinstance(value, int | float) and value}


def _metrics(fields: Mapping[str, Any]) -> Sequence[Any]:
    try:
        found = fields["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    except (KeyError, IndexError, TypeError):
        return []
    return found if isinstance(found, list) else []


def seconds(text: str) -> float:
    """The seconds of a duration like 90s, 10m, 2h, 1d. Raises ValueError."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration: give a number with s, m, h or d, like 10m")
    return float(int(match[1]) * SECONDS[match[2]])


def read(aws: Aws, group: str, since: float, pattern: str = "") -> Iterator[Line]:
    """The group's lines since a moment (Unix seconds). None when the group is not there yet. Raises AwsError."""
    parameters: dict[str, Any] = {"logGroupName": group, "startTime": int(max(0.0, since) * 1000)}
    if pattern:
        parameters["filterPattern"] = pattern
    try:
        for event in pages(aws.client("logs").filter_log_events, "events", **parameters):
            yield line_of(event)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


@dataclass
class Follower:
    """Reads a group again and again, and gives each line once, even one that comes late."""

    aws: Aws
    group: str
    since: float
    pattern: str = ""
    _seen: dict[str, float] = field(default_factory=dict)

    def new(self) -> list[Line]:
        """The lines that were not given before, by their time."""
        lines = [
            line for line in read(self.aws, self.group, self.since, self.pattern) if line.identity not in self._seen
        ]
        self._seen.update((line.identity, line.at) for line in lines)
        latest = max(self._seen.values(), default=self.since)
        self.since = max(self.since, latest - LATE_SECONDS)
        self._seen = {identity: at for identity, at in self._seen.items() if at >= self.since}
        return sorted(lines, key=lambda line: line.at)
