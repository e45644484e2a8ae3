"""Where a run says what it found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from searchsync import PACKAGE
from searchsync.config import read_environment
from searchsync.errors import StackError
from searchsync.reconcile.agreement import Kind
from searchsync.reconcile.report import UNITS, Reports, call_line, difference_lines, result_line
from searchsync.reconcile.verify import Difference
from tests.support.events import NOW, environment

CONFIG = read_environment(environment())
DIFFERENCES = [
    Difference("a", {"id": {"S": "a"}}, Kind.DIFFERENT, ("n",), 8),
    Difference("\ud800é", None, Kind.UNMAPPABLE),
]


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="reports")
        yield client


def read(s3: Any) -> dict[str, list[Any]]:
    listed = s3.list_objects_v2(Bucket="reports").get("Contents", [])
    return {
        each["Key"]: [
            json.loads(line)
            for line in s3.get_object(Bucket="reports", Key=each["Key"])["Body"].read().decode().splitlines()
        ]
        for each in listed
    }


def test_a_repeated_call_writes_the_same_object_again(s3: Any) -> None:
    reports = Reports(s3, "reports", CONFIG, print)
    for _ in range(2):
        reports.write("run-1", "segment-0000-0003", DIFFERENCES)
    assert list(read(s3)) == ["run-1/segment-0000-0003.jsonl"]
    assert read(s3)["run-1/segment-0000-0003.jsonl"] == [
        {"run": "run-1", "id": "a", "key": {"id": {"S": "a"}}, "kind": "different", "attributes": ["n"]},
        {"run": "run-1", "id": "\ud800é", "key": None, "kind": "unmappable", "attributes": []},
    ]


def test_nothing_to_say_is_no_object_and_no_line(s3: Any) -> None:
    lines: list[str] = []
    Reports(s3, "reports", CONFIG, lines.append).write("run-1", "x", [])
    Reports(s3, None, CONFIG, lines.append).write("run-1", "x", [])
    assert read(s3) == {}
    assert lines == []


def test_without_a_bucket_differences_are_log_lines_and_keys_may_be_hashed() -> None:
    lines: list[str] = []
    Reports(None, None, CONFIG, lines.append).write("run-1", "x", DIFFERENCES)
    assert [json.loads(line)["id"] for line in lines] == ["a", "\ud800é"]
    hashed = difference_lines(DIFFERENCES, "run-1", True)
    assert [json.loads(line)["key"] for line in hashed] == [None, None]
    assert all(len(json.loads(line)["id"]) == 64 for line in hashed)


def test_hashing_is_for_the_log_not_for_the_bucket(s3: Any) -> None:
    config = replace(CONFIG, hash_keys_in_log=True)
    lines: list[str] = []
    Reports(None, None, config, lines.append).write("r", "x", DIFFERENCES)
    assert '"a"' not in lines[0]
    Reports(s3, "reports", config, print).write("r", "x", DIFFERENCES)
    assert read(s3)["r/x.jsonl"][0]["id"] == "a"


def test_a_bucket_that_refuses_is_named_with_what_to_check() -> None:
    class Refusing:
        def put_object(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")

    with pytest.raises(StackError, match=r"reports refused an object: AccessDenied.*s3:PutObject"):
        Reports(Refusing(), "reports", CONFIG, print).write("r", "x", DIFFERENCES)


def metrics(line: str) -> dict[str, Any]:
    found = json.loads(line)
    (directive,) = found["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["FunctionName"]]
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]}.items() <= UNITS.items()
    return {each["Name"]: found[each["Name"]] for each in directive["Metrics"]}


def test_a_calls_line_carries_its_metrics() -> None:
    line = call_line(Counter(items=5, documents=2, written=3, poison=1), CONFIG, NOW, {"step": "part", "run": "r"})
    assert metrics(line) == {"RunItems": 7, "RunWritten": 3, "RunPoison": 1, "Repaired": 0, "RunSucceeded": 0}
    assert json.loads(line)["counts"] == {"items": 5, "documents": 2, "written": 3, "poison": 1}
    assert (json.loads(line)["step"], json.loads(line)["package"]) == ("part", PACKAGE)


def test_only_a_verifications_result_says_how_many_differences_there_are() -> None:
    assert metrics(result_line(0, CONFIG, NOW, {"task": "verify"})) == {"RunSucceeded": 1, "Differences": 0}
    assert metrics(result_line(3, CONFIG, NOW, {"task": "verify"})) == {"RunSucceeded": 1, "Differences": 3}
    assert metrics(result_line(None, CONFIG, NOW, {"task": "backfill"})) == {"RunSucceeded": 1}


def test_a_run_lies_in_its_bucket_or_in_the_log() -> None:
    assert Reports(None, "reports", CONFIG, print).place("r") == "s3://reports/r/"
    assert Reports(None, None, CONFIG, print).place("r") is None
