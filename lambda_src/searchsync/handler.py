"""The sync function's entry: edges made once at start, one invocation after the other.

Handler setting: `searchsync.handler.handle`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from searchsync.config import Config, read_environment
from searchsync.entry import Context, accounted, connect_edges, seconds_left
from searchsync.lean import tune
from searchsync.sync.metrics import Report, emit, log_line, view_lines
from searchsync.sync.pipeline import Pipeline


def build(config: Config, environment: Mapping[str, str]) -> Pipeline:
    """The pipeline of a configuration, with its real edges."""
    edges = connect_edges(config, environment)
    return Pipeline(config, edges.indexes, edges.table, edges.failures, edges.clock, edges.backoff)


def invoke(pipeline: Pipeline, event: object, context: Context) -> dict[str, Any]:
    """One invocation, with its log line; it is written also when the batch fails."""
    started = pipeline.clock.monotonic()
    report = Report()
    try:
        with accounted(report):
            return pipeline.run(event, seconds_left(context), report)
    finally:
        report.duration = pipeline.clock.monotonic() - started
        now = pipeline.clock.now()
        emit(log_line(report, pipeline.config, now, context.aws_request_id))
        for line in view_lines(report.repair_needed, pipeline.config, now):
            emit(line)


pipeline = build(read_environment(os.environ), os.environ)
tune()


def handle(event: object, context: Context) -> dict[str, Any]:
    """What Lambda calls with an event of the trigger. Answers with `batchItemFailures`; `searchsync doctor` with what
    this role is answered."""
    if isinstance(event, dict) and event.get("searchsync") == "doctor" and "Records" not in event:
        from searchsync.doctor import examine_role  # noqa: PLC0415 - a trigger's invocation never needs it

        seconds_left(context)
        return examine_role(pipeline.config, os.environ, event.get("view", ""))
    return invoke(pipeline, event, context)
