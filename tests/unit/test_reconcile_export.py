"""Loading a table's export from S3: good files, and every way in which one may be broken."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from searchsync.clock import Backoff
from searchsync.config import read_environment
from searchsync.documents.document import KEY_FIELD
from searchsync.errors import CollectionBusyError, StackError, TableBusyError
from searchsync.limits import FILES_AT_ONCE, LARGEST_ANSWER, ONE_PAGE
from searchsync.protocol.bulk import Response
from searchsync.protocol.version import read_version
from searchsync.reconcile.manifest import MANIFEST
from tests.support.events import environment
from tests.support.fakes import POISONED, faulty
from tests.support.reconcile_harness import Lane, World

FOLDER = "AWSDynamoDB/01"
NAME = "0.json.gz"
FAILED = {"bucket": "exports", "manifest": "m", "etag": "e", "lines": "0-9"}

packed = partial(gzip.compress, mtime=0)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        yield client


def lines(count: int, first: int = 0) -> bytes:
    numbers = range(first, first + count)
    items = [{"Item": {"id": {"S": f"item-{number:04d}"}, "n": {"N": str(number)}}} for number in numbers]
    return b"".join(json.dumps(each).encode() + b"\n" for each in items)


def lay(s3: Any, *files: tuple[bytes | None, int]) -> dict[str, Any]:
    """Data files, each with how many items the manifest says it has; the part that is all of them."""
    text = b""
    for number, (body, items) in enumerate(files):
        key = f"{FOLDER}/data/{number}.json.gz"
        if body is not None:
            s3.put_object(Bucket="exports", Key=key, Body=body)
        text += json.dumps({"itemCount": items, "dataFileS3Key": key}).encode() + b"\n"
    etag = s3.put_object(Bucket="exports", Key=f"{FOLDER}/{MANIFEST}", Body=text)["ETag"]
    return {"bucket": "exports", "manifest": f"{FOLDER}/{MANIFEST}", "etag": etag, "lines": f"0-{len(text) - 1}"}


def load(s3: Any, *files: tuple[bytes | None, int], **settings: Any) -> tuple[World, Lane, dict[str, Any]]:
    world = World()
    part = lay(s3, *files)
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 3_600.0, **settings)
    return world, lane, lane.run("backfill", part)


def test_an_export_is_loaded_in_the_shape_of_documents(s3: Any) -> None:
    shaped = read_environment(environment(DOCUMENT_SHAPE='{"exclude": ["n"]}'))
    world, _, _ = load(s3, (packed(lines(3)), 3), config=shaped)
    assert all(set(source) == {"id", KEY_FIELD} for _, source in world.index.documents.values())


def test_an_export_is_loaded_by_the_names_and_constants_of_documents(s3: Any) -> None:
    named = read_environment(environment(DOCUMENT_SHAPE='{"rename": {"n": "count"}, "constants": {"live": true}}'))
    world, _, _ = load(s3, (packed(lines(3)), 3), config=named)
    assert [(source["count"], source["live"]) for _, source in world.index.documents.values()] == [
        (0, True), (1, True), (2, True),
    ]  # fmt: skip


def test_an_export_is_loaded_by_the_condition_of_documents(s3: Any) -> None:
    given = read_environment(environment(DOCUMENT_SHAPE='{"when": "{\\"n\\": [{\\"numeric\\": [\\">\\", 0]}]}"}'))
    world, _, totals = load(s3, (packed(lines(3)), 3), config=given)
    assert totals == {"items": 3, "written": 2, "filtered": 1}
    assert sorted(world.index.documents) == ["item-0001", "item-0002"]


def test_a_file_is_written_with_the_exports_version(s3: Any) -> None:
    world, lane, totals = load(s3, (packed(lines(2_500)), 2_500))
    assert totals == {"items": 2_500, "written": 2_500}
    assert len(world.index.documents) == 2_500
    assert lane.exported_at is not None
    assert {version for version, _ in world.index.documents.values()} == {read_version(lane.exported_at, 10.0)}
    assert world.client.reads == world.client.scans == 0


def test_what_is_newer_than_the_export_stays(s3: Any) -> None:
    world = World()
    world.put("item-0001", n={"N": "99"})
    world.rest()
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 3_600.0)
    totals = lane.run("backfill", lay(s3, (packed(lines(3)), 3)))
    assert totals == {"items": 3, "written": 2, "passed": 1}
    assert world.index.documents["item-0001"][1]["n"] == 99


def test_a_load_goes_on_at_its_file_and_line(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.reconcile.parts.LINES_AT_ONCE", 40)
    files = [(packed(lines(100)), 100), (packed(b""), 0), (packed(lines(30, 100)), 30), (packed(lines(70, 130)), 70)]
    world, lane, totals = load(s3, *files, call_seconds=ONE_PAGE - 1.0)
    assert totals == {"items": 200, "written": 200}
    positions = [state["position"] for state in lane.states]
    assert positions == [[0, 40], [0, 80], [2, 20], [3, 30], [3, 70], [4, 0], None]
    assert len(world.index.documents) == 200


def test_small_files_are_written_together(s3: Any) -> None:
    part = lay(s3, *[(packed(lines(10, number * 10)), 10) for number in range(30)])
    world, bodies = World(), list[bytes]()
    bulk = world.index.bulk

    def kept(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        bodies.append(body)
        return bulk(body, timeout, begin_within)

    world.index.bulk = kept  # type: ignore[method-assign]
    totals = Lane(world, s3=s3, exported_at=1.7e9).run("backfill", part)
    assert totals == {"items": 300, "written": 300}
    assert len(world.index.documents) == 300
    assert len(bodies) == 1


def test_large_items_are_written_a_few_at_once(s3: Any) -> None:
    """A page of 1,000 of them would be 25 GB in memory."""
    fill = {"S": "x" * (LARGEST_ANSWER // 2)}
    items = [{"Item": {"id": {"S": f"large-{number}"}, "fill": fill}} for number in range(5)]
    text = b"".join(json.dumps(each).encode() + b"\n" for each in items)
    world, _, totals = load(s3, (packed(text), 5), (packed(lines(3)), 3))
    assert totals == {"items": 8, "written": 8}
    assert [body.count(b'"large-') // 2 for body in world.index.bodies] == [2, 2, 1]


def test_a_call_looks_at_its_time_between_files_that_are_empty(s3: Any) -> None:
    files = [(packed(b""), 0)] * (2 * FILES_AT_ONCE + 1)
    _, lane, totals = load(s3, *files, call_seconds=ONE_PAGE - 1.0)
    assert totals == {}
    positions = [state["position"] for state in lane.states]
    assert positions[:2] == [[FILES_AT_ONCE, 0], [2 * FILES_AT_ONCE, 0]]


def test_files_that_are_broken_are_counted_once_each_and_the_others_loaded(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searchsync.reconcile.parts.LINES_AT_ONCE", 40)
    files = [(packed(lines(50)), 51), (None, 3), (packed(lines(50, 50)), 50), (b"x", 1), (packed(lines(9, 100)), 9)]
    world, _, totals = load(s3, *files, call_seconds=ONE_PAGE - 1.0)
    assert (totals["broken_files"], totals["written"]) == (3, 109)
    assert totals["broken"] == ["0.json.gz has 50 items, and the manifest says 51"]
    assert len(world.index.documents) == 109


def test_a_page_that_was_not_written_is_not_passed(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.reconcile.parts.LINES_AT_ONCE", 40)
    part = lay(s3, (packed(lines(50)), 51), (packed(lines(50, 50)), 50))
    world = World()
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 3_600.0)
    bulk, left = world.index.bulk, [True, False]

    def sometimes(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        return bulk(body, timeout, begin_within) if not left or left.pop(0) else Response(503)

    world.index.bulk = sometimes  # type: ignore[method-assign]
    monkeypatch.setattr(Backoff, "pause", lambda *_: False)
    event: dict[str, Any] = {"task": "backfill", "run": "r", "recheck_delay": 10.0, "export": {"exported_at": 1.7e9}}
    first = lane.call({**event, "part": part, "position": None, "call": 0, "totals": {}})
    assert (first["position"], first["totals"]) == ([0, 40], {"items": 40, "written": 40})
    left[:] = [False]
    with pytest.raises(CollectionBusyError):
        lane.call(first)
    done = lane.call(first)
    assert (done["done"], done["totals"]["items"], done["totals"]["broken_files"]) == (True, 100, 1)
    assert len(world.index.documents) == 100


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
    _, _, totals = load(s3, (body, items))
    assert totals["broken_files"] == 1
    (named,) = totals["broken"]
    assert NAME in named
    assert what in named


def test_what_stands_before_the_break_is_written(s3: Any) -> None:
    world, _, totals = load(s3, (packed(lines(1_500) + b"no json\n"), 1_501))
    assert totals["written"] == len(world.index.documents) == 1_500
    assert totals["broken_files"] == 1


def test_a_poison_item_is_counted_and_handed_over(s3: Any) -> None:
    part = lay(s3, (packed(lines(3) + b'{"Item": {"id": {"S": "x"}, "y": 7}}\n'), 4))
    world = World()
    world.index.item_fault = faulty(**{"item-0001": POISONED})
    lane = Lane(world, s3=s3, exported_at=world.clock.time - 60.0)
    totals = lane.run("backfill", part)
    assert totals == {"items": 4, "written": 2, "poison": 2}
    assert {message["key"]["id"]["S"] for message in lane.queue.messages} == {"item-0001", "x"}


class Failing:
    """An S3 whose manifest is there, and that answers with an error for the files."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_object(self, **asked: Any) -> Any:
        if asked["Key"] == "m":
            return {"Body": io.BytesIO(b'{"itemCount": 1, "dataFileS3Key": "f"}\n')}
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
        Lane(World(), s3=Failing(error), exported_at=1.0).run("backfill", FAILED)
