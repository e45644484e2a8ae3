"""What is looked at before a run begins: its input, table, stream, index, trigger, and other runs.

Decisions are functions of what AWS answered; `Account` asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.config import Config
from searchsync.edges.wire import AS_SENT
from searchsync.errors import PipelineLateError, RunRefusedError, StackError
from searchsync.limits import (
    DRAIN_SPEED,
    ITEMS_A_SECOND,
    LONGEST_RECHECK_DELAY,
    MOST_DATAPOINTS,
    MOST_SEGMENTS,
    REFRESH,
    SEGMENT_BYTES,
    STREAM_KEEPS,
)
from searchsync.reconcile.manifest import Asked, Export, Manifest
from searchsync.reconcile.settings import Settings
from searchsync.reconcile.state import TASKS
from searchsync.sanitize import code_of, shown, shown_list


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What DescribeTable says: key attributes with their types, hash key first, size, and the stream that is on.

    id: another one where a table is made anew under its name; created: Unix seconds.
    """

    types: Mapping[str, str]
    size: int
    stream_arn: str | None
    id: str | None = None
    created: float | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked to do. `scheduled`: nobody waits for it, and it gives way to another run."""

    task: str
    export: Asked | None = None
    scheduled: bool = False


def read_order(event: object) -> Order:
    """The input of the state machine. Raises RunRefusedError that names what is wrong."""
    if not isinstance(event, Mapping):
        raise RunRefusedError('The input of a run is a JSON object, like {"task": "verify"}.')
    task, raw = event.get("task"), event.get("export")
    if task not in TASKS:
        raise RunRefusedError(f"The input's task is {shown(task)}: give one of {', '.join(TASKS)}.")
    strange = sorted(map(str, event.keys() - {"task", "export", "scheduled"}))
    if strange:
        raise RunRefusedError(f"The input has members that no run knows: {shown_list(strange)}. Take them out.")
    if raw is None:
        return Order(task, scheduled=event.get("scheduled") is True)
    if task != "backfill":
        raise RunRefusedError(f"The input's export goes with the task backfill, and the task is {task}.")
    return Order(task, _asked(raw))


def _asked(raw: Any) -> Asked:
    try:
        arn, rate = str(raw["arn"]), None if raw.get("rate") is None else float(raw["rate"])
        strange = raw.keys() - {"arn", "rate"}
        if strange or not (rate is None or 0.0 < rate < math.inf):
            raise ValueError(f"no such member: {min(strange)}" if strange else "the rate is out of range")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunRefusedError(
            "The input's export needs arn (the export's, from `aws dynamodb list-exports`), and may have rate (of the "
            f"load, items a second): {type(error).__name__} {shown(error)}."
        ) from error
    return Asked(arn, rate)


def check_table(facts: TableFacts, config: Config) -> None:
    """Raise RunRefusedError where the table is not the one that the function is configured for."""
    if tuple(facts.types) != config.key_attributes:
        raise RunRefusedError(
            f"The table's key attributes are {list(facts.types)}, KEY_ATTRIBUTES says {list(config.key_attributes)}. "
            "Set key_attributes to the table's key, hash key first, and apply again."
        )
    if facts.stream_arn is None:
        raise RunRefusedError(
            f"The stream of the table {config.table_name} is off: changes made during a run would be lost. "
            "Turn it on, apply again, and start anew."
        )
    if facts.stream_arn != config.stream_arn:
        raise RunRefusedError(
            f"The table's stream is {facts.stream_arn}, and the trigger reads {config.stream_arn}. Apply again, so "
            "that the trigger follows the stream, and start anew."
        )


def check_trigger(trigger: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The trigger of a load from an export, which is off and has read nothing.

    Raises RunRefusedError where it is on, or was: deletions that it has brought would come back. The stream
    must be read from its beginning, and after the load.
    """
    if trigger is None:
        raise RunRefusedError("The function has no trigger: apply with trigger.enabled = false, and start anew.")
    if trigger.get("State") != "Disabled":
        raise RunRefusedError(
            f"The trigger is {trigger.get('State')}: a load from an export needs it off, or an item deleted since the "
            "export could come back. Apply with trigger.enabled = false, load, then apply with true."
        )
    if trigger.get("LastProcessingResult") not in (None, "", "No records processed"):
        raise RunRefusedError(
            "The trigger has read the stream before, so it would not start again at the export's time. Replace it "
            "(terraform apply -replace on aws_lambda_event_source_mapping), still off, and start anew."
        )
    if trigger.get("StartingPosition") != "TRIM_HORIZON":
        raise RunRefusedError(
            f"The trigger starts at {trigger.get('StartingPosition')}, and would miss what changed since the export. "
            'Apply with trigger.starting_position = "TRIM_HORIZON", still off, and start anew.'
        )
    return trigger


def check_stream(export: Export, stream_arn: str) -> None:
    """Raise RunRefusedError where the export is older than the stream, whose label is the time of its creation."""
    try:
        created = datetime.fromisoformat(stream_arn.partition("/stream/")[2]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return
    if created > export.exported_at:
        raise RunRefusedError(
            f"The export is {(created - export.exported_at) / 3600:.1f} h older than the table's stream: what changed "
            "between is in neither. Export anew."
        )


def check_age(export: Export, trigger: Mapping[str, Any], now: float, lanes: int) -> None:
    """Raise RunRefusedError where changes since the export would be lost before they are read: the stream keeps
    them for a day, and the trigger drops them at its maximum record age."""
    age = now - export.exported_at
    if age < 0:
        raise RunRefusedError(f"The export's time lies {-age:.0f} s in the future: give exported_at in Unix seconds.")
    rate = export.rate or ITEMS_A_SECOND * lanes
    load = export.items / rate
    drain = (age + load) / DRAIN_SPEED
    maximum = float(trigger.get("MaximumRecordAgeInSeconds") or -1)
    limit = min(STREAM_KEEPS, maximum) if maximum > 0 else STREAM_KEEPS
    if age + load + drain > limit:
        raise RunRefusedError(
            f"There is not time enough. The export is {age / 3600:.1f} h old, its load takes about {load / 3600:.1f} h "
            f"at {rate:,.0f} items a second, and the changes since then {drain / 3600:.1f} h more; they are lost after "
            f"{limit / 3600:.1f} h. Export anew, give a faster rate that was measured, or run a backfill without an "
            "export."
        )


def segments(size: int, lanes: int) -> int:
    """How many segments a table of `size` bytes is scanned in."""
    return min(MOST_SEGMENTS, max(lanes, math.ceil(size / SEGMENT_BYTES)))


def recheck_delay(configured: float, lag: float) -> float:
    """Seconds between two looks: what is configured, or the pipeline's lag and a refresh where that is longer.

    Raises PipelineLateError where the pipeline is too late for any verification to mean something.
    """
    needed = max(configured, lag + REFRESH if lag else 0.0)
    if needed > LONGEST_RECHECK_DELAY:
        raise PipelineLateError(
            f"The pipeline is {lag:.0f} s behind the table: what is on its way would be taken for a difference. "
            "Look at the sync function's log for what holds it up, and verify when it has caught up."
        )
    return needed


def check_alone(executions: Iterable[Mapping[str, Any]], own: str, started: datetime | None = None) -> None:
    """Raise RunRefusedError where a running run began before our own, of that name.

    Of runs that began together all must agree on one. So each compares the times that AWS gives them, then their
    names, and says where the list lacks it what it knows of itself (`started`); without that it is not judged.
    """
    began = {str(each["name"]): each.get("redriveDate") or each["startDate"] for each in executions}
    mine = began.get(own, started)
    earlier = [] if mine is None else [name for name, when in began.items() if (when, name) < (mine, own)]
    if earlier:
        raise RunRefusedError(f"Another run is running, {shown(min(earlier))}: wait for its end, or stop it.")


class Account:
    """What a run asks of AWS beside table, queue and index."""

    def __init__(self, clients: Mapping[str, Any], config: Config, settings: Settings) -> None:
        """`clients`: boto3 clients by service."""
        self._clients = clients
        self._config = config
        self._settings = settings

    def table(self) -> TableFacts:
        """The table as it is now. Raises RunRefusedError where there is none."""
        try:
            found = self._clients["dynamodb"].describe_table(TableName=self._config.table_name)["Table"]
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException":
                raise RunRefusedError(f"There is no table {self._config.table_name}: apply again.") from error
            raise _refused("dynamodb:DescribeTable", error) from error
        kinds = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
        names = [each["AttributeName"] for each in sorted(found["KeySchema"], key=lambda each: each["KeyType"])]
        on = found.get("StreamSpecification", {}).get("StreamEnabled", False)
        return TableFacts(
            {name: kinds[name] for name in names},
            int(found.get("TableSizeBytes", 0)),
            found.get("LatestStreamArn") if on else None,
            found.get("TableId"),
            found["CreationDateTime"].timestamp() if "CreationDateTime" in found else None,
        )

    def export(self, arn: str) -> Mapping[str, Any]:
        """The ExportDescription of an export. Raises RunRefusedError where there is none.

        DescribeExport knows the exports of its own account and region; ListExports names those of 90 days, and a
        load needs one of the last day.
        """
        try:
            answer = self._clients["dynamodb"].describe_export(ExportArn=arn)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ExportNotFoundException":
                raise RunRefusedError(
                    f"DynamoDB knows no export {arn}: give one of `aws dynamodb list-exports`, or export anew."
                ) from error
            raise _refused("dynamodb:DescribeExport", error) from error
        if not answer.get(AS_SENT):
            raise StackError("The runtime's botocore hides whether an export is whole: it must be 1.35.16 or later.")
        found: Mapping[str, Any] = answer["ExportDescription"]
        return found

    def export_parts(self, export: Export) -> tuple[str, list[str]]:
        """The ETag of an export's manifest, and its parts."""
        return Manifest(self._clients["s3"]).parts(export)

    def running(self) -> list[Mapping[str, Any]]:
        """The runs that run now. A run that began or ended a moment ago may be missing, or be there still
        (API "ListExecutions": eventually consistent)."""
        found = self._ask("states:ListExecutions", self._list_executions)
        # The children of a Map are no runs: their ARNs say <machine>/<map>.
        return [each for each in found if "/" not in each["executionArn"]]

    def trigger(self) -> Mapping[str, Any] | None:
        """The event source mapping of the sync function on our stream."""
        found = self._ask("lambda:ListEventSourceMappings", self._list_mappings)
        return found[0] if found else None

    def lag(self, now: float) -> float:
        """Seconds that the trigger was behind the stream in the last minutes, 0.0 where no metric says so."""
        points = self._ask("cloudwatch:GetMetricStatistics", lambda: self._iterator_age(now))
        return max((float(point["Maximum"]) for point in points), default=0.0) / 1000

    def signals(self, function: str, since: float, now: float) -> int:
        """How often a function said between two Unix seconds that a repair is needed."""
        points = self._ask("cloudwatch:GetMetricStatistics", lambda: self._repair_needed(function, since, now))
        return sum(int(point["Sum"]) for point in points)

    def _list_executions(self) -> Any:
        machine = self._settings.state_machine_arn
        pages = self._clients["stepfunctions"].get_paginator("list_executions")
        return pages.paginate(stateMachineArn=machine, statusFilter="RUNNING").build_full_result()["executions"]

    def _list_mappings(self) -> Any:
        return self._clients["lambda"].list_event_source_mappings(
            FunctionName=self._settings.sync_function, EventSourceArn=self._config.stream_arn
        )["EventSourceMappings"]

    def _iterator_age(self, now: float) -> Any:
        end = datetime.fromtimestamp(now, UTC)
        return self._clients["cloudwatch"].get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": self._settings.sync_function}],
            StartTime=end - timedelta(minutes=3),
            EndTime=end,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]

    def _repair_needed(self, function: str, since: float, now: float) -> Any:
        minutes = max(1, math.ceil((now - since) / 60 / MOST_DATAPOINTS))
        return self._clients["cloudwatch"].get_metric_statistics(
            Namespace=self._config.metric_namespace,
            MetricName="RepairNeeded",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=datetime.fromtimestamp(since - since % 60, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
            Period=60 * minutes,
            Statistics=["Sum"],
        )["Datapoints"]

    def _ask(self, permission: str, call: Any) -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise _refused(permission, error) from error


def _refused(permission: str, error: Exception) -> StackError:
    return StackError(
        f"AWS refused a question of the run: {code_of(error)}. Check the reconcile function's role's {permission}."
    )
