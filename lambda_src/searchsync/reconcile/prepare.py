"""What must be true before a run begins, and in each of its calls: input, table, stream, trigger, other runs, lag.

Decisions alone, of what AWS answered; `account` asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from searchsync.config import Config
from searchsync.errors import ExportRefusedError, PipelineLateError, RunRefusedError
from searchsync.limits import (
    DRAIN_SPEED,
    ITEMS_A_SECOND,
    LANES_SHARE,
    LONGEST_RECHECK_DELAY,
    MOST_SEGMENTS,
    READ_SHARE,
    REFRESH,
    SEGMENT_BYTES,
    STREAM_KEEPS,
)
from searchsync.reconcile.manifest import Asked, Export, anew
from searchsync.reconcile.settings import Settings
from searchsync.reconcile.state import TASKS
from searchsync.sanitize import shown, shown_list


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What DescribeTable says: key attributes with their types, hash key first, size, and the stream that is on.

    id: another one where a table is made anew under its name; created: Unix seconds. capacity: read units a second that
    the table has, None where it has no bound of its own. images: the stream's view type.
    """

    types: Mapping[str, str]
    size: int
    stream_arn: str | None
    id: str | None = None
    created: float | None = None
    capacity: float | None = None
    images: str | None = None


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
    if config.keep_expired and facts.images != "NEW_AND_OLD_IMAGES":
        raise RunRefusedError(
            f"The stream of the table {config.table_name} has the view type {facts.images}, and document.keep_expired "
            "needs NEW_AND_OLD_IMAGES: no expired item would be kept. Turn such a stream on, apply, and start anew."
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
    """Raise ExportRefusedError where the export is older than the stream, whose label is the time of its creation."""
    try:
        created = datetime.fromisoformat(stream_arn.partition("/stream/")[2]).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return
    if created > export.exported_at:
        raise ExportRefusedError(
            f"The export is {(created - export.exported_at) / 3600:.1f} h older than the table's stream: what changed "
            f"between is in neither. {anew(_table(stream_arn), export.bucket)}"
        )


def _table(stream_arn: str) -> str:
    return stream_arn.partition("/stream/")[0]


def _kept(trigger: Mapping[str, Any]) -> float:
    """Seconds after which a change is lost: the stream drops it, or the trigger at its maximum record age."""
    maximum = float(trigger.get("MaximumRecordAgeInSeconds") or -1)
    return min(STREAM_KEEPS, maximum) if maximum > 0 else STREAM_KEEPS


def trigger_by(export: Export, trigger: Mapping[str, Any]) -> float:
    """Unix seconds: a trigger that is turned on later loses changes before it has read them."""
    return export.exported_at + _kept(trigger) / (1 + 1 / DRAIN_SPEED)


def check_age(export: Export, trigger: Mapping[str, Any], now: float, lanes: int | None, stream_arn: str) -> None:
    """Raise ExportRefusedError where changes since the export would be lost before they are read.

    `lanes` None: the load is under way, or done, and what is left of it is not counted.
    """
    age = now - export.exported_at
    if age < 0:
        raise RunRefusedError(f"The export's time lies {-age:.0f} s in the future: give exported_at in Unix seconds.")
    rate = export.rate or ITEMS_A_SECOND * (lanes or 1)
    load = export.items / rate if lanes else 0.0
    drain = (age + load) / DRAIN_SPEED
    if age + load + drain > _kept(trigger):
        loading = f"its load takes about {load / 3600:.1f} h at {rate:,.0f} items a second, and " if lanes else ""
        faster = "Or give a faster rate that was measured, or run" if lanes else "Or run"
        raise ExportRefusedError(
            f"There is not time enough. The export is {age / 3600:.1f} h old, {loading}"
            f"the changes since then take {drain / 3600:.1f} h more; they are lost after "
            f"{_kept(trigger) / 3600:.1f} h. {anew(_table(stream_arn), export.bucket)} {faster} a backfill without an "
            "export."
        )


def read_capacity(table: Mapping[str, Any]) -> float | None:
    """Read units a second that a table has by DescribeTable's TableDescription, None where it has no bound.

    API: a table of which BillingModeSummary is silent is PROVISIONED. One on demand may have a maximum
    (OnDemandThroughput, -1 is none), and throttles what is over it just the same.
    """
    if table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        bound = table.get("OnDemandThroughput", {}).get("MaxReadRequestUnits", 0)
    else:
        bound = table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0)
    return float(bound) if bound > 0 else None


def units(settings: Settings, facts: TableFacts) -> float | None:
    """Read units a second of each lane: as set, else a share of what the table has now, None for no limit."""
    if settings.units is not None or facts.capacity is None:
        return settings.units
    return READ_SHARE * facts.capacity / settings.lanes


def check_lanes(lanes: int, unreserved: int) -> None:
    """Raise RunRefusedError where a run would take the concurrency that the sync function needs; `unreserved`: what
    all functions of the account share that have reserved none."""
    most = max(1, int(LANES_SHARE * unreserved))
    if lanes > most:
        raise RunRefusedError(
            f"reconciliation.concurrency is {lanes}, and Lambda has room for {unreserved} unreserved executions at "
            "once in this account and region (UnreservedConcurrentExecutions): a run takes at most half of it, so that "
            f"the sync function is not throttled. Set reconciliation.concurrency to at most {most}, or ask AWS for a "
            "higher quota of concurrent executions, and start anew."
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
