"""The reconcile function's entry: the steps of backfill, verification and repair, as the state machine calls them.

Handler setting: `searchsync.reconcile_handler.handle`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from typing import Any

from searchsync.clock import Deadline
from searchsync.config import Config, read_environment
from searchsync.edges.collection import connect
from searchsync.entry import Context, accounted, connect_edges, seconds_left, sign
from searchsync.lean import tune
from searchsync.limits import DOCTOR_SECONDS, RECONCILE_RESERVE
from searchsync.reconcile.account import Account
from searchsync.reconcile.ahead import InBackground
from searchsync.reconcile.bucket import Bucket
from searchsync.reconcile.identity import Looker
from searchsync.reconcile.keys import KeyTypes
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.prepare import units
from searchsync.reconcile.reader import ExactJson, IndexReader
from searchsync.reconcile.report import Reports, call_line, result_line, rolling_line, settled_lines
from searchsync.reconcile.rolling import Schedule
from searchsync.reconcile.seen import SeenStore
from searchsync.reconcile.settings import Settings, read_settings
from searchsync.reconcile.slices import Rolling, RollingStore
from searchsync.reconcile.steps import Report, Steps
from searchsync.reconcile.verify import Lateness
from searchsync.sync.metrics import emit

SERVICES = ("cloudwatch", "dynamodb", "lambda", "s3", "stepfunctions")


def build(config: Config, settings: Settings, environment: Mapping[str, str]) -> Steps:
    """The steps of a configuration, with their real edges."""
    edges = connect_edges(config, environment, settings.sync_function)
    s3 = edges.client("s3")
    rng = random.Random()  # noqa: S311 - uneven pauses, not a secret
    client = connect(config, sign(environment, config.region), ExactJson())
    reader = IndexReader(client, config.index, config.key_attributes, edges.backoff, config.owner)
    reports = Reports(s3, settings.report_bucket, config, emit)
    bucket = None if settings.seen_bucket is None else Bucket(s3, settings.seen_bucket)
    seen = SeenStore(bucket)
    scanned = edges.another_table()

    def reconciler(types: KeyTypes, pace: Pace, lateness: Lateness) -> Reconciler:
        return Reconciler(
            config,
            edges.table,
            scanned,
            InBackground(),
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
            lateness,
        )

    account = Account({name: edges.client(name) for name in SERVICES}, config, settings)
    looker = Looker(client, config.index, config.owner, edges.backoff)

    def rolling() -> Rolling | None:
        if settings.rolling is None or bucket is None:
            return None
        store, schedule = RollingStore(bucket), Schedule(settings.rolling.period, settings.rolling.every)
        return Rolling(store, schedule, settings.recheck_delay, settings.lanes, config, account, looker, edges.clock)

    return Steps(
        config=config,
        settings=settings,
        account=account,
        table=edges.table,
        collection=edges.collection,
        reader=reader,
        looker=looker,
        reports=reports,
        clock=edges.clock,
        backoff=edges.backoff,
        reconciler=reconciler,
        rolling=rolling(),
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
        if report.rolling is not None:
            emit(rolling_line(report.rolling, config, now))
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


def previewed(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What `searchsync preview` shows. The log says that it was asked, and nothing of an item."""
    from searchsync.reconcile.preview import Preview  # noqa: PLC0415 - a run never needs it

    emit(json.dumps({"step": "preview", "request_id": context.aws_request_id}))
    with accounted(Report()):
        deadline = Deadline.after(steps.clock, seconds_left(context) - RECONCILE_RESERVE)
        edges = Preview(steps.config, steps.table, steps.reader, steps.clock, steps.account.table)
        return edges.answer(event, deadline)


def suggested(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What `searchsync mapping suggest` shows. The log says how much was read."""
    from searchsync.reconcile.suggest import Suggester  # noqa: PLC0415 - a run never needs it

    with accounted(Report()):
        deadline = Deadline.after(steps.clock, seconds_left(context) - RECONCILE_RESERVE)
        pace = Pace(steps.clock, units(steps.settings, steps.account.table()))
        answer = Suggester(steps.config, steps.table, pace).answer(event, deadline)
    emit(json.dumps({"step": "suggest_mapping", "request_id": context.aws_request_id, **answer["read"]}))
    return answer


def checked(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What `searchsync mapping check` shows. The log says that it was asked, and nothing of what the engine says."""
    from searchsync.reconcile.check import check  # noqa: PLC0415 - a run never needs it

    emit(json.dumps({"step": "check_mapping", "request_id": context.aws_request_id}))
    config = steps.config
    auth = sign(os.environ, config.region)
    with accounted(Report()):
        seconds = min(DOCTOR_SECONDS, seconds_left(context) - RECONCILE_RESERVE)
        return check(config, lambda: connect(config, auth), steps.clock, event, seconds)


ASKED = {"doctor": examined, "preview": previewed, "suggest_mapping": suggested, "check_mapping": checked}
"""By step, what the command line asks of this function beside the state machine's steps."""
steps = build(read_environment(os.environ), read_settings(os.environ), os.environ)
tune()


def handle(event: object, context: Context) -> dict[str, Any]:
    """What the state machine calls with a step: its answer is the run's new state. The command line asks by it too."""
    if isinstance(event, Mapping) and (asked := ASKED.get(str(event.get("step")))):
        return asked(event, context)
    return invoke(steps, event, context)
