"""The invocation's one log line, in CloudWatch's embedded metric format. Pure but for `emit`.

It is bare JSON on standard output: a logger's prefix would hide it from the metric extraction (AWS
page "Specification: Embedded metric format"). Item contents are never in it; keys are, as document
ids, and can be hashed by LOG_KEYS.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from searchsync.config import Config
from searchsync.plan import Poison
from searchsync.resync import Result

RECORDS_SHOWN = 20
"""Records named one by one in the line; all are counted."""

UNITS = {
    "RecordsReceived": "Count",
    "DocumentsWritten": "Count",
    "DocumentsDeleted": "Count",
    "Duplicates": "Count",
    "Stale": "Count",
    "Resynced": "Count",
    "Poison": "Count",
    "BatchItemFailures": "Count",
    "FutureVersions": "Count",
    "RepairNeeded": "Count",
    "OldestRecordAge": "Seconds",
    "Duration": "Milliseconds",
}
"""Every metric, with its CloudWatch unit."""


@dataclass
class Report:
    """What one invocation did, as it goes along."""

    received: int = 0
    results: Counter[Result] = field(default_factory=Counter)
    poison: list[Poison] = field(default_factory=list)
    failed: str | None = None
    oldest_age: float = 0.0
    duration: float = 0.0
    repair_needed: list[str] = field(default_factory=list)
    records: list[tuple[str, str, str]] = field(default_factory=list)
    busy: str = ""
    error: str = ""


def log_line(report: Report, config: Config, now: float, request_id: str) -> str:
    """The line of an invocation that ended at `now` (Unix seconds)."""
    results = report.results
    values = {
        "RecordsReceived": report.received,
        "DocumentsWritten": results[Result.WRITTEN],
        "DocumentsDeleted": results[Result.DELETED],
        "Duplicates": results[Result.DUPLICATE],
        "Stale": results[Result.STALE] + results[Result.PASSED],
        "Resynced": results[Result.RESYNCED],
        "Poison": len(report.poison),
        "BatchItemFailures": 1 if report.failed is not None else 0,
        "FutureVersions": results[Result.FUTURE],
        "RepairNeeded": 1 if report.repair_needed else 0,
        "OldestRecordAge": round(report.oldest_age, 3),
        "Duration": round(report.duration * 1000, 3),
    }
    line = embedded(values, UNITS, config, now) | {
        "level": _level(report),
        "request_id": request_id,
        "index": config.index,
        "records": _records(report.records, config.hash_keys_in_log),
    }
    if report.failed is not None:
        line["lowest_failed"] = report.failed
    if report.poison:
        line["poison"] = [_poison(each) for each in report.poison[:RECORDS_SHOWN]]
    for name in ("repair_needed", "busy", "error"):
        if getattr(report, name):
            line[name] = getattr(report, name)
    # JSON in ASCII escapes every control character but this one.
    return json.dumps(line, separators=(",", ":")).replace("\x7f", "\\u007f")


def embedded(values: Mapping[str, float], units: Mapping[str, str], config: Config, now: float) -> dict[str, Any]:
    """Metrics of this moment, as members of a log line in the embedded metric format."""
    metrics = [{"Name": name, "Unit": units[name]} for name in values]
    directive = {"Namespace": config.metric_namespace, "Dimensions": [["FunctionName"]], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
        "FunctionName": config.function_name,
        **values,
    }


def emit(line: str) -> None:
    """Print the line: the edge."""
    print(line, flush=True)


def _level(report: Report) -> str:
    if report.error or report.poison or report.repair_needed:
        return "ERROR"
    return "WARN" if report.failed is not None else "INFO"


def _records(records: Sequence[tuple[str, str, str]], hashed: bool) -> list[dict[str, str]]:
    return [
        {
            "event": event,
            "document": sha256(name.encode("utf-8", "surrogatepass")).hexdigest() if hashed else name,
            "sequence_number": number,
        }
        for event, name, number in records[:RECORDS_SHOWN]
    ]


def _poison(poison: Poison) -> dict[str, str]:
    return {"sequence_number": poison.sequence_number, "error_type": poison.error_type}
