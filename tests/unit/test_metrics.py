"""The one log line: metrics that CloudWatch can extract, and nothing of an item's contents."""

from __future__ import annotations

import json
from typing import Any

from searchsync import PACKAGE
from searchsync.config import read_environment
from searchsync.protocol.plan import Poison
from searchsync.sync.metrics import UNITS, log_line
from tests.support.events import NOW, environment, event, record
from tests.support.fakes import Bench, error


def line(bench: Bench, **changes: str) -> dict[str, Any]:
    config = read_environment(environment(**changes))
    text = log_line(bench.report, config, NOW, "request-1")
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


GOOD = {name: unit for name, unit in UNITS.items() if name not in {"RepairNeeded", "Filtered"}}
"""What an invocation has that needs no repair: a 0 of it would end the alarm of one that did."""


def test_every_metric_is_declared_with_its_unit_and_has_a_value() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a", number=1), record("REMOVE", "b", number=2)))
    found = line(bench)
    (directive,) = found["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "searchsync"
    assert directive["Dimensions"] == [["FunctionName"]]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == GOOD
    assert all(isinstance(found[name], int | float) for name in GOOD)
    assert found["_aws"]["Timestamp"] == NOW * 1000
    assert (found["RecordsReceived"], found["DocumentsWritten"], found["DocumentsDeleted"]) == (2, 1, 1)
    assert found["OldestRecordAge"] == 1.5


def test_the_record_is_in_the_line_by_its_key() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a", number=1)))
    (shown,) = line(bench)["records"]
    assert (shown["event"], shown["document"]) == ("INSERT", "a")
    assert line(bench)["package"] == PACKAGE


def test_keys_can_be_hashed() -> None:
    bench = Bench()
    bench.run(event(record("INSERT", "a-person@example.com", number=1)))
    assert "a-person" not in json.dumps(line(bench, LOG_KEYS="hashed"))


def test_a_key_cannot_end_the_line_or_speak_to_a_terminal() -> None:
    bench = Bench()
    key = "\r\n\x1b[31m\x7f\x9b\u2028\u202e"
    bench.run(event(record("INSERT", key, number=1)))
    text = log_line(bench.report, bench.config, NOW, "request-1")
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["records"][0]["document"] == key


def test_no_item_content_is_in_the_line() -> None:
    bench = Bench()
    bench.index.item_fault = lambda _operation, _name: {
        "status": 400,
        **error("mapper_parsing_exception", "Preview of field's value: 'secret'"),
    }
    secret = record("INSERT", "a", number=1, image={"id": {"S": "a"}, "n": {"S": "secret"}})
    bench.run(event(secret))
    assert bench.report.poison
    assert "secret" not in json.dumps(line(bench))


def test_poison_a_repair_and_an_error_raise_the_level() -> None:
    bench = Bench()
    assert line(bench)["level"] == "INFO"
    bench.report.failed = "17"
    assert (line(bench)["level"], line(bench)["lowest_failed"]) == ("WARN", "17")
    bench.report.poison = [Poison({}, "17", 1, "kind", "reason")]
    assert line(bench)["level"] == "ERROR"
    bench.report.poison, bench.report.repair_needed = [], ["why"]
    assert (line(bench)["level"], line(bench)["RepairNeeded"]) == ("ERROR", 1)


def test_a_large_batch_names_twenty_records_and_counts_all() -> None:
    bench = Bench()
    bench.run(event(*(record("INSERT", f"k{each}", number=each) for each in range(1, 101))))
    found = line(bench)
    assert (len(found["records"]), found["RecordsReceived"]) == (20, 100)
