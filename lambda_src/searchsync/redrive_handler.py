"""The redrive function's entry: takes up what waits in the failure queue.

Handler setting: `searchsync.redrive_handler.handle`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from searchsync.config import Config, read_environment
from searchsync.edges.stream import DynamoStream
from searchsync.entry import Context, accounted, connect_edges, seconds_left
from searchsync.lean import tune
from searchsync.sync.metrics import RedriveReport, emit, redrive_line
from searchsync.sync.redrive import Redrive


def build(config: Config, environment: Mapping[str, str]) -> Redrive:
    """The redrive of a configuration, with its real edges."""
    edges = connect_edges(config, environment)
    stream = DynamoStream(edges.client("dynamodbstreams"), edges.backoff)
    return Redrive(config, edges.indexes, edges.table, stream, edges.failures, edges.clock, edges.backoff)


def invoke(redrive: Redrive, event: object, context: Context) -> dict[str, Any]:
    """One invocation, with its log line; it is written also when the redrive fails."""
    started = redrive.clock.monotonic()
    report = RedriveReport()
    try:
        with accounted(report):
            redrive.run(event, seconds_left(context), report)
            return report.answer()
    finally:
        report.duration = redrive.clock.monotonic() - started
        emit(redrive_line(report, redrive.config, redrive.clock.now(), context.aws_request_id))


redrive = build(read_environment(os.environ), os.environ)
tune()


def handle(event: object, context: Context) -> dict[str, Any]:
    """What Lambda calls, by hand with `{}` or `{"repaired_since": <Unix seconds>}`, or by a schedule.

    Answers with counts: taken, redriven, stayed, unreadable, keys, reasons (error types), more.
    """
    return invoke(redrive, event, context)
