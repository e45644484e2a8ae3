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

from searchsync import PACKAGE
from searchsync.config import Config
from searchsync.limits import RECORDS_SHOWN
from searchsync.protocol.plan import Poison
from searchsync.sync.resync import Result

UNITS = {
    "RecordsReceived": "Count",
    "DocumentsWritten": "Count",
    "DocumentsDeleted": "Count",
    "Duplicates": "Count",
    "Stale": "Count",
    "Resynced": "Count",
    "Filtered": "Count",
    "Poison": "Count",
    "BatchItemFailures": "Count",
    "FutureVersions": "Count",
    "RepairNeeded": "Count",
    "OldestRecordAge": "Seconds",
    "Duration": "Milliseconds",
}
"""Every metric of the sync function, with its CloudWatch unit."""
MADE_ANEW = "the index was deleted and made again"
"""Why a repair of the first view is needed; of another one's index its collection tells by itself (`repair_line`)."""
REDRIVE_UNITS = {"Redriven": "Count", "RedriveStayed": "Count", "RedriveLost": "Count", "RepairNeeded": "Count"}
"""Every metric of the redrive function."""


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


@dataclass
class RedriveReport:
    """What one redrive did, as it goes along. Counts are of messages, but `keys` are documents.

    `reasons`: why messages stay in the queue, as error types; `stayed_documents`: (document id, error type).
    `strange`: those of them that no redrive can take up; `lost`: those whose records only a repair brings.
    `ended`: it came to its end, so that what it did not see is not there.
    """

    taken: int = 0
    redriven: int = 0
    strange: int = 0
    lost: int = 0
    keys: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    more: bool = False
    stayed_documents: list[tuple[str, str]] = field(default_factory=list)
    repair_needed: list[str] = field(default_factory=list)
    duration: float = 0.0
    error: str = ""
    ended: bool = False

    @property
    def left(self) -> int:
        """Messages that stay in the queue."""
        return self.reasons.total()

    def answer(self) -> dict[str, Any]:
        """What the redrive function answers: taken = redriven + stayed + unreadable; `reasons` are of the last two."""
        return {
            "taken": self.taken,
            "redriven": self.redriven,
            "stayed": self.left - self.strange,
            "unreadable": self.strange,
            "keys": self.keys,
            "reasons": dict(sorted(self.reasons.items())),
            "more": self.more,
        }


def redrive_line(report: RedriveReport, config: Config, now: float, request_id: str) -> str:
    """The line of a redrive that ended at `now` (Unix seconds)."""
    values = {
        "Redriven": report.redriven,
        "RedriveLost": report.lost,
        **_repair_needed(report.repair_needed),
    }
    # A redrive that failed, or whose time was over, has not seen that nothing stays.
    if (report.ended and not report.more) or report.left:
        values["RedriveStayed"] = report.left
    line = embedded(values, REDRIVE_UNITS, config, now) | {
        "level": "ERROR" if report.error or report.repair_needed or report.lost else "WARN" if report.left else "INFO",
        "package": PACKAGE,
        "request_id": request_id,
        "index": config.index,
        "duration": round(report.duration, 3),
        **report.answer(),
    }
    if report.stayed_documents:
        line["stayed_documents"] = [
            {"document": _name(name, config.hash_keys_in_log), "error_type": error_type}
            for name, error_type in report.stayed_documents[:RECORDS_SHOWN]
        ]
    for name in ("repair_needed", "error"):
        if getattr(report, name):
            line[name] = getattr(report, name)
    return json.dumps(line, separators=(",", ":"))


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
        **({"Filtered": results[Result.FILTERED]} if any(each.when for each in config.every) else {}),
        "Poison": len(report.poison),
        "BatchItemFailures": 1 if report.failed is not None else 0,
        "FutureVersions": results[Result.FUTURE],
        **_repair_needed(report.repair_needed),
        "OldestRecordAge": round(report.oldest_age, 3),
        "Duration": round(report.duration * 1000, 3),
    }
    line = embedded(values, UNITS, config, now) | {
        "level": _level(report),
        "package": PACKAGE,
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


def _repair_needed(reasons: Sequence[str]) -> dict[str, float]:
    """Given only when it is so: an invocation that needs no repair has not made one (settled_lines ends the alarm)."""
    return {"RepairNeeded": 1} if reasons else {}


def repair_line(config: Config, now: float, function: str) -> str:
    """The line of an index that was replaced, when it is seen: the invocation may be ended before its own line.

    `function`: the one whose alarm shall ring.
    """
    line = signal(1, config, now, function) | {"level": "ERROR", "index": config.index}
    return json.dumps(line | {"repair_needed": "the index was replaced"}, separators=(",", ":"))


def view_lines(reasons: Sequence[str], config: Config, now: float) -> list[str]:
    """Lines of an invocation that saw why a repair of all views is needed, for each but the first one's alarm."""
    of_all = [each for each in reasons if each != MADE_ANEW]
    lines = [signal(1, each, now, config.function_name) for each in config.views if of_all]
    told = {"level": "ERROR", "repair_needed": of_all}
    return [json.dumps(each | told, separators=(",", ":")) for each in lines]


def signal(needed: int, config: Config, now: float, function: str) -> dict[str, Any]:
    """The metric by which a function says of a view that a repair is needed, or is so no more."""
    line = embedded({"RepairNeeded": needed}, UNITS, config, now) | {"FunctionName": function}
    if config.view:
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [["FunctionName", "View"]]
        line["View"] = config.view
    return line


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
            "document": _name(name, hashed),
            "sequence_number": number,
        }
        for event, name, number in records[:RECORDS_SHOWN]
    ]


def _name(document: str, hashed: bool) -> str:
    return sha256(document.encode("utf-8", "surrogatepass")).hexdigest() if hashed else document


def _poison(poison: Poison) -> dict[str, str]:
    return {"sequence_number": poison.sequence_number, "error_type": poison.error_type}
