"""The reconcile function's entry: the steps of backfill, verification and repair, as the state machine calls them.

Handler setting: `searchsync.reconcile_handler.handle`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from typing import Any

from searchsync.config import Config, read_environment
from searchsync.edges.collection import connect
from searchsync.entry import Context, accounted, connect_edges, seconds_left, sign
from searchsync.lean import tune
from searchsync.limits import DOCTOR_SECONDS, RECONCILE_RESERVE
from searchsync.reconcile.identity import Looker
from searchsync.reconcile.keys import KeyTypes
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.prepare import Account
from searchsync.reconcile.reader import ExactJson, IndexReader
from searchsync.reconcile.report import Reports, call_line, result_line, settled_lines
from searchsync.reconcile.seen import SeenStore
from searchsync.reconcile.settings import Settings, read_settings
from searchsync.reconcile.steps import Report, Steps
from searchsync.sync.metrics import emit

SERVICES = ("cloudwatch", "dynamodb", "lambda", "s3", "stepfunctions")


def build(config: Config, settings: Settings, environment: Mapping[str, str]) -> Steps:
    """The steps of a configuration, with their real edges."""
    edges = connect_edges(config, environment)
    s3 = edges.client("s3")
    rng = random.Random()  # noqa: S311 - uneven pauses, not a secret
    client = connect(config, sign(environment, config.region), ExactJson())
    reader = IndexReader(client, config.index, config.key_attributes, edges.backoff, config.owner)
    reports = Reports(s3, settings.report_bucket, config, emit)
    seen = SeenStore(s3, settings.seen_bucket)

    def reconciler(types: KeyTypes, pace: Pace) -> Reconciler:
        return Reconciler(
            config,
            edges.table,
            edges.collection,
            reader,
            edges.failures,
            reports,
            seen,
            s3,
            edges.clock,
            edges.backoff,
            rng,
            pace,
            types,
        )

    return Steps(
        config=config,
        settings=settings,
        account=Account({name: edges.client(name) for name in SERVICES}, config, settings),
        table=edges.table,
        collection=edges.collection,
        reader=reader,
        looker=Looker(client, config.index, config.owner, edges.backoff),
        reports=reports,
        clock=edges.clock,
        backoff=edges.backoff,
        reconciler=reconciler,
    )


def invoke(steps: Steps, event: object, context: Context) -> dict[str, Any]:
    """One step, with its log line; it is written also when the step fails."""
    report = Report()
    try:
        with accounted(report):
            return steps.run(event, seconds_left(context), report)
    finally:
        now, config = steps.clock.now(), steps.config
        facts = {**report.facts, "request_id": context.aws_request_id}
        if report.error:
            facts |= {"level": "ERROR", "error": report.error}
        emit(call_line(report.counts, config, now, facts))
        if report.result is not None:
            emit(result_line(report.differences, config, now, report.result))
            for line in settled_lines(report.settled, config, now):
                emit(line)


def examined(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What the probes of `searchsync doctor` saw, within the event's `seconds`; in the log, too."""
    from searchsync.reconcile.doctor import examine  # noqa: PLC0415 - a run never needs it

    config, report = steps.config, Report()
    auth = sign(os.environ, config.region)
    with accounted(report):
        seconds = min(float(event.get("seconds", DOCTOR_SECONDS)), seconds_left(context) - RECONCILE_RESERVE)
        answer = examine(config, lambda: connect(config, auth), steps.clock, seconds)
    emit(json.dumps({"step": "doctor", "request_id": context.aws_request_id, **answer}))
    return answer


steps = build(read_environment(os.environ), read_settings(os.environ), os.environ)
tune()


def handle(event: object, context: Context) -> dict[str, Any]:
    """What the state machine calls with a step. Answers with the run's new state; `searchsync doctor` with its
    findings."""
    if isinstance(event, Mapping) and event.get("step") == "doctor":
        return examined(event, context)
    return invoke(steps, event, context)
