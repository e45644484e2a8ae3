"""Runs the applied event source mappings of DynamoDB streams, each with its own `lab.trigger`.

The mappings are read from ministack's Lambda about ten times a second, so that a change, a
disabling or a deletion is honoured as it is applied. Streams are read, and destinations written,
with the function's execution role over the endpoint, as AWS does: a missing permission stops the
mapping, which says so in its LastProcessingResult and in the log.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch, lambda_svc

from lab.cloud.edges import RoleClients, StreamSource, WriteDestination
from lab.cloud.identity import NotAllowed, account_of, assume
from lab.cloud.patching import private
from lab.cloud.settings import Settings
from lab.trigger import Trigger
from lab.trigger_core import FOREVER, Answer, JsonObject, NotInvoked, TriggerSettings

logger = logging.getLogger(__name__)

WATCH_SECONDS = 0.1
IDLE_SECONDS = 0.25
"""Between reads of a stream that had nothing new: AWS reads a shard "at a base rate of 4 times per second"
(Lambda's developer guide, "Process DynamoDB records with Lambda", on polling)."""
# After an error of the source: AWS does not hammer either.
ERROR_SECONDS = 1.0
MOST_INVOCATIONS = 32
POLLER = "awslambda-"  # the session's name: what Lambda calls is no call of the function

Mapping = dict[str, Any]


class EventSources:
    """The running mappings; one thread for each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._running: dict[str, _Running] = {}
        self._pool = ThreadPoolExecutor(MOST_INVOCATIONS, thread_name_prefix="invocation")
        self._thread = threading.Thread(target=self._watch, name="event-sources", daemon=True)

    def start(self) -> None:
        """Begin to watch the mappings. Idempotent."""
        if not self._thread.ident:
            self._thread.start()

    def close(self) -> None:
        """Stop; invocations under way are left to end by themselves."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def state(self) -> list[JsonObject]:
        """Each mapping's id, whether it runs, its checkpoints and its last result."""
        return [
            {
                "id": mapping_id,
                "checkpoints": dict(running.trigger.checkpoints),
                "enabled": running.trigger.settings.enabled,
                "last_result": running.trigger.last_result,
            }
            for mapping_id, running in list(self._running.items())
        ]

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            applied = {mapping["UUID"]: mapping for mapping in _stream_mappings()}
            for mapping_id in self._running.keys() - applied.keys():
                self._running.pop(mapping_id).stop.set()
            for mapping_id, mapping in applied.items():
                if mapping_id not in self._running:
                    self._running[mapping_id] = _Running(mapping, self._settings, self._pool)


class _Running:
    """One mapping with its thread."""

    def __init__(self, mapping: Mapping, settings: Settings, pool: ThreadPoolExecutor) -> None:
        self.stop = threading.Event()
        self._mapping = mapping
        region = mapping["FunctionArn"].split(":")[3]
        clients = RoleClients(settings.endpoint, region, lambda: execution_credentials(mapping))
        self.trigger = Trigger(
            trigger_settings(mapping),
            stream_arn=mapping["EventSourceArn"],
            function_arn=mapping["FunctionArn"],
            source=StreamSource(clients, mapping["EventSourceArn"]),
            invoke=lambda event: invoke(mapping, event),
            destination=WriteDestination(clients, mapping["UUID"]),
            clock=time.time,
            submit=pool.submit,
        )
        name = f"mapping-{mapping['UUID'][:8]}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                self.trigger.update(trigger_settings(self._mapping))
                moved, pause = self.trigger.step(), IDLE_SECONDS
            except Exception as error:  # noqa: BLE001  Whatever it is, it is the mapping's state.
                self.trigger.last_result = f"PROBLEM: {error}"
                moved, pause = False, ERROR_SECONDS
            self._report()
            if not moved:
                self._rest(pause)

    def _report(self) -> None:
        result = self.trigger.last_result
        if result != self._mapping["LastProcessingResult"]:
            self._mapping["LastProcessingResult"] = result
            level = logging.WARNING if result.startswith("PROBLEM") else logging.INFO
            logger.log(level, "mapping of %s: %s", self._mapping["FunctionArn"], result)

    def _rest(self, seconds: float) -> None:
        flying = self.trigger.in_flight()
        if flying:
            wait(flying, seconds, return_when="FIRST_COMPLETED")
        else:
            self.stop.wait(seconds)


def _stream_mappings() -> list[Mapping]:
    mappings = [mapping for _, _, mapping in private(lambda_svc, "_iter_all_esms")()]
    return [m for m in mappings if ":dynamodb:" in m["EventSourceArn"]]


def trigger_settings(mapping: Mapping) -> TriggerSettings:
    """The settings of an applied mapping. ValueError when it has a setting that the lab lacks."""
    for unsupported in ("FilterCriteria", "TumblingWindowInSeconds"):
        if mapping.get(unsupported):
            raise ValueError(f"the lab does not run {unsupported}: remove it from the event source mapping")
    on_failure = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
    return TriggerSettings(
        batch_size=mapping.get("BatchSize") or 100,
        window=mapping.get("MaximumBatchingWindowInSeconds") or 0,
        parallelization_factor=mapping.get("ParallelizationFactor") or 1,
        retries=_or(mapping.get("MaximumRetryAttempts"), FOREVER),
        max_record_age=_or(mapping.get("MaximumRecordAgeInSeconds"), FOREVER),
        bisect=bool(mapping.get("BisectBatchOnFunctionError")),
        starting_position=mapping.get("StartingPosition") or "LATEST",
        report_batch_item_failures="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or []),
        on_failure=on_failure.get("Destination"),
        enabled=bool(mapping.get("Enabled", True)),
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _function(mapping: Mapping) -> tuple[Mapping | None, Mapping]:
    """The function's record and configuration; None when it is gone."""
    find = private(lambda_svc, "_get_func_record_for_qualifier")
    region, account = mapping["FunctionArn"].split(":")[3], account_of(mapping["FunctionArn"])
    with request_scope(account, region):
        record, config = find(mapping["FunctionName"], mapping.get("Qualifier"))
    return record, config or {}


def execution_credentials(mapping: Mapping) -> dict[str, str]:
    """Credentials of the function's execution role in a session of Lambda's own, as environment variables name them."""
    record, config = _function(mapping)
    if record is None:
        raise NotInvoked(f"function {mapping['FunctionArn']} does not exist")
    try:
        session = assume(config["Role"], "lambda.amazonaws.com", f"{POLLER}{config['FunctionName']}"[:64])
    except NotAllowed as refusal:
        raise NotInvoked(str(refusal)) from refusal
    return {
        "AWS_ACCESS_KEY_ID": session.access_key,
        "AWS_SECRET_ACCESS_KEY": session.secret_key,
        "AWS_SESSION_TOKEN": session.token,
    }


def invoke(mapping: Mapping, event: JsonObject) -> Answer:
    """Invoke the mapping's function and wait for its answer."""
    record, _ = _function(mapping)
    if record is None:
        raise NotInvoked(f"function {mapping['FunctionArn']} does not exist")
    _send_iterator_age(mapping, event)
    result = private(lambda_svc, "_execute_function")(record, event)
    if result.get("throttle"):
        raise NotInvoked("Function call throttled")
    if result.get("error"):
        logger.warning("%s failed: %s", mapping["FunctionName"], result.get("body"))
        return Answer(error="Unhandled")
    return Answer(payload=result.get("body"))


def _send_iterator_age(mapping: Mapping, event: JsonObject) -> None:
    """The age of the event's last record, as Lambda measures a stream's trigger."""
    created = event["Records"][-1]["dynamodb"].get("ApproximateCreationDateTime")
    if created is None:
        return
    region, account = mapping["FunctionArn"].split(":")[3], account_of(mapping["FunctionArn"])
    milliseconds = max(0.0, (time.time() - created) * 1000)
    dimensions = {"FunctionName": mapping["FunctionArn"].split(":")[6]}
    with request_scope(account, region):
        cloudwatch.record_metric("AWS/Lambda", "IteratorAge", milliseconds, "Milliseconds", dimensions)
