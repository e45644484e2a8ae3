"""Loading a table's export from S3: good files, and every way in which one may be broken."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from searchsync.errors import StackError, TableBusyError
from searchsync.version import read_version
from searchsync.walk.parts import ONE_PAGE
from tests.support.fakes import POISONED, faulty
from tests.support.walk_bench import Lane, World

FILE = "AWSDynamoDB/01/data/abc.json.gz"

packed = partial(gzip.compress, mtime=0)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        yield client


def lines(count: int) -> bytes:
    items = [{"Item": {"id": {"S": f"item-{number:04d}"}, "n": {"N": str(number)}}} for number in range(count)]
    return b"".join(json.dumps(each).encode() + b"\n" for each in items)


def load(s3: Any, body: bytes | None, items: int, **settings: Any) -> tuple[World, Lane, dict[str, Any]]:
    world = World()
    if body is not None:
        s3.put_object(Bucket="exports", Key=FILE, Body=body)
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 3_600.0, **settings)
    return world, lane, lane.run("backfill", {"bucket": "exports", "file": FILE, "items": items})


def test_a_file_is_written_with_the_exports_version(s3: Any) -> None:
    world, lane, totals = load(s3, packed(lines(2_500)), 2_500)
    assert totals == {"items": 2_500, "written": 2_500}
    assert len(world.index.documents) == 2_500
    assert lane.exported_at is not None
    assert {version for version, _ in world.index.documents.values()} == {read_version(lane.exported_at, 10.0)}
    assert world.client.reads == world.client.scans == 0


def test_what_is_newer_than_the_export_stays(s3: Any) -> None:
    world = World()
    world.put("item-0001", n={"N": "99"})
    world.rest()
    s3.put_object(Bucket="exports", Key=FILE, Body=packed(lines(3)))
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 3_600.0)
    totals = lane.run("backfill", {"bucket": "exports", "file": FILE, "items": 3})
    assert totals == {"items": 3, "written": 2, "passed": 1}
    assert world.index.documents["item-0001"][1]["n"] == 99


def test_a_load_goes_on_at_its_line(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.walk.parts.LINES_AT_ONCE", 40)
    world, lane, totals = load(s3, packed(lines(200)), 200, call_seconds=ONE_PAGE - 1.0)
    assert totals == {"items": 200, "written": 200}
    assert [state["position"] for state in lane.states] == [40, 80, 120, 160, 200, None]
    assert len(world.index.documents) == 200


GOOD = packed(lines(2_000))


@pytest.mark.parametrize(
    ("body", "items", "what"),
    [
        (None, 3, "is missing"),
        (lines(3), 3, "BadGzipFile"),
        (b"", 3, "0 items, and the manifest says 3"),
        (packed(b""), 3, "0 items, and the manifest says 3"),
        (packed(lines(2)), 3, "2 items, and the manifest says 3"),
        (packed(lines(4)), 3, "4 items, and the manifest says 3"),
        (GOOD[: len(GOOD) // 2], 2_000, "EOFError"),
        (GOOD[:-20] + b"\x00" * 20, 2_000, "is broken after"),
        (packed(b"no json\n"), 1, "JSONDecodeError"),
        (packed(b'{"Item": 7}\n'), 1, "TypeError"),
        (packed(b'{"Other": {}}\n'), 1, "KeyError"),
        (packed(b"[]\n"), 1, "TypeError"),
        (packed(b"\xff\xfe\n"), 1, "UnicodeDecodeError"),
        (packed(b'{"Item": {"other": {"S": "a"}}}\n'), 1, "no usable key"),
        (packed(b'{"Item": {"id": {"BOOL": true}}}\n'), 1, "no usable key"),
        (packed(b'{"Item": {"id": 7}}\n'), 1, "no usable key"),
        (packed(lines(3)[:-20]), 3, "JSONDecodeError"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong_and_no_failure(
    s3: Any, body: bytes | None, items: int, what: str
) -> None:
    _, _, totals = load(s3, body, items)
    assert totals["broken_files"] == 1
    (named,) = totals["broken"]
    assert FILE in named
    assert what in named


def test_what_stands_before_the_break_is_written(s3: Any) -> None:
    world, _, totals = load(s3, packed(lines(1_500) + b"no json\n"), 1_501)
    assert totals["written"] == len(world.index.documents) == 1_000
    assert totals["broken_files"] == 1


def test_a_poison_item_is_counted_and_handed_over(s3: Any) -> None:
    s3.put_object(Bucket="exports", Key=FILE, Body=packed(lines(3) + b'{"Item": {"id": {"S": "x"}, "y": 7}}\n'))
    world = World()
    world.index.item_fault = faulty(**{"item-0001": POISONED})
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 60.0)
    totals = lane.run("backfill", {"bucket": "exports", "file": FILE, "items": 4})
    assert totals == {"items": 4, "written": 2, "poison": 2}
    assert {message["key"]["id"]["S"] for message in lane.queue.messages} == {"item-0001", "x"}


class Failing:
    """An S3 that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_object(self, **_: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"), StackError, "s3:GetObject"),
        (ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"), TableBusyError, "SlowDown"),
        (ReadTimeoutError(endpoint_url="x"), TableBusyError, "ReadTimeoutError"),
    ],
)
def test_what_is_no_fault_of_the_file_ends_the_call(error: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        Lane(World(), s3=Failing(error), exported_at=1.0).run(
            "backfill", {"bucket": "exports", "file": FILE, "items": 1}
        )
