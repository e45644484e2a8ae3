"""The run on a real engine behind the collection gate, and DynamoDB Local: backfill, verify, repair."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest

from lab.behaviours import Behaviours
from lab.dynamodb_local import DynamoDBLocal
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from searchsync.clock import Deadline
from searchsync.documents.condition import Condition
from searchsync.documents.document import KEY_FIELD, document_id, index_key
from searchsync.documents.index import Mark, creation_body
from searchsync.edges.wire import normalised
from searchsync.errors import RunRefusedError, StackError
from searchsync.limits import KEYS, ONE_PAGE
from searchsync.reconcile.reader import lacks_shards
from searchsync.reconcile.visibility import Visibility, is_probe
from searchsync.sync.metrics import Report
from searchsync.sync.pipeline import Pipeline
from tests.engine.client import Client
from tests.support.events import OWNER, event, record
from tests.support.fakes import MemoryQueue
from tests.support.real_lane import MAX_SKEW, RealWorld

STRING = {"id": "S"}


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    with DynamoDBLocal.start(print) as local:
        yield boto3.client(
            "dynamodb",
            endpoint_url=local.url,
            region_name="eu-central-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def new_world(gate: Gate, index: str, tables: Any, types: dict[str, str]) -> RealWorld:
    name = f"t-{uuid.uuid4().hex[:8]}"
    roles = ("HASH", "RANGE")
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": each, "KeyType": role} for each, role in zip(types, roles, strict=False)],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": kind} for each, kind in types.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    return RealWorld(gate, index, tables, name, types)


@pytest.fixture
def world(gate: Gate, index_name: str, tables: Any) -> RealWorld:
    return new_world(gate, index_name, tables, STRING)


def fill(world: RealWorld, items: list[dict[str, Any]]) -> None:
    for start in range(0, len(items), 25):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        world.client.batch_write_item(RequestItems={world.table_name: requests})


def item(number: int, size: int = 10) -> dict[str, Any]:
    return {
        "id": {"S": f"item-{number:05d}"},
        "n": {"N": str(number)},
        "text": {"S": "x" * size},
        "tags": {"SS": ["a", "b"]},
        "raw": {"B": bytes([number % 256])},
    }


class Hand:
    """Somebody who writes into the index past the pipeline; a search shows it afterwards."""

    def __init__(self, direct: Client, index: str) -> None:
        self.direct, self.index = direct, index

    def put(self, name: str, source: Any) -> None:
        self._bulk([{"index": {"_id": name}}, source])

    def delete(self, name: str) -> None:
        self._bulk([{"delete": {"_id": name}}])

    def refresh(self) -> None:
        assert self.direct.call("POST", f"/{self.index}/_refresh").ok

    def documents(self) -> dict[str, Any]:
        """All but probes, whose deletion a fault may have met: the next run removes them."""
        self.refresh()
        found = self.direct.call("POST", f"/{self.index}/_search", {"size": 10_000}).json()
        return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"] if not is_probe(hit["_id"])}

    def _bulk(self, lines: list[Any]) -> None:
        answer = self.direct.call("POST", f"/{self.index}/_bulk?refresh=true", lines).json()
        assert not answer["errors"], answer


@pytest.fixture
def hand(direct: Client, index_name: str) -> Hand:
    return Hand(direct, index_name)


def sharded(direct: Client, index: str, shards: int = 3) -> None:
    """An index with our mark and several shards, as a collection may have."""
    body = {
        "settings": {"number_of_shards": shards, "number_of_replicas": 0, "refresh_interval": "1s"},
        "mappings": creation_body(None, Mark("test", 0.0, OWNER))["mappings"],
    }
    assert direct.call("PUT", f"/{index}", body).ok


FAULTS = (
    Fault(FaultKind.STATUS, status=429, probability=0.1, count=None, seed=1),
    Fault(FaultKind.STATUS, status=503, probability=0.05, count=None, seed=2, applied=True),
    Fault(FaultKind.RESET, probability=0.05, count=None, seed=3),
    Fault(FaultKind.RESET, probability=0.05, count=None, seed=4, applied=True),
    Fault(FaultKind.CUT, probability=0.05, count=None, seed=5),
    Fault(FaultKind.ITEM, status=429, path="_bulk", positions=(1,), probability=0.3, count=None, seed=6),
)
"""For as long as they are there, about a third of all requests meets one."""
REPEATS = 6
"""Calls that chance may make busy to their end: the state machine repeats as many (MaxAttempts)."""


def test_a_table_is_filled_found_in_step_damaged_found_mended_and_in_step(
    world: RealWorld, gate: Gate, direct: Client, hand: Hand, index_name: str
) -> None:
    sharded(direct, index_name)
    fill(world, [item(number) for number in range(3_000)])
    gate.inject(*FAULTS)
    backfill = world.lane(repeats=REPEATS).reconcile("backfill", of=4)
    assert backfill["items"] == 3_000
    assert backfill["written"] + backfill.get("passed", 0) == 3_000
    documents = hand.documents()
    assert len(documents) == 3_000
    assert documents["item-00007"] == {
        "id": "item-00007",
        "n": 7,
        "text": "x" * 10,
        "tags": ["a", "b"],
        "raw": "Bw==",
        KEY_FIELD: index_key("item-00007"),
    }
    assert world.lane(repeats=REPEATS).reconcile("verify", of=3) == {"items": 3_000, "documents": 3_000}

    for number in (1, 1_000, 2_999):
        hand.put(f"item-{number:05d}", {**documents[f"item-{number:05d}"], "n": -1})
        hand.delete(f"item-{number - 1:05d}")
    hand.put("orphan", {"id": "orphan"})
    hand.put("item-00500", documents["item-00500"] | {"id": "item-00501"})
    hand.put("x" * 512, {"id": 7})
    hand.put("sha256:strange", {"id": "other"})
    hand.put("item-00600", {})
    planted = {f"item-{number:05d}": "different" for number in (1, 1_000, 2_999, 500, 600)}
    planted |= {f"item-{number:05d}": "missing" for number in (0, 999, 2_998)}
    planted |= {"orphan": "orphan", "x" * 512: "orphan", "sha256:strange": "unmappable"}
    verify = world.lane(repeats=REPEATS)
    totals = verify.reconcile("verify", of=3)
    assert verify.differences() == planted
    assert {name: totals[name] for name in ("different", "missing", "orphan", "unmappable")} == {
        "different": 5,
        "missing": 3,
        "orphan": 2,
        "unmappable": 1,
    }

    repair = world.lane(repeats=REPEATS)
    mended = repair.reconcile("repair", of=3)
    assert repair.differences() == planted
    assert mended["repaired"] == len(planted) or repair.repeated  # the repetition does not count what was mended before
    gate.clear()
    assert hand.documents() == documents
    clean = world.lane()
    assert clean.reconcile("verify", of=3) == {"items": 3_000, "documents": 3_000}
    assert sum(gate.counts.faults.values()) > 30


KEYS_OF_A_KIND: list[tuple[dict[str, str], list[tuple[Any, ...]]]] = [
    ({"id": "S"}, [("x" * length,) for length in (1, 511, 512, 513, 1_000, 2_000)] + [('é|\\/?#"',), ("sha256:a",)]),
    ({"id": "N"}, [("0",), ("-1.5",), ("12345678901234567890123456789012345678",), ("0.0000001",), ("1E+100",)]),
    ({"id": "B"}, [(b"\x00",), (b"a",), (b"\xff" * 600,)]),
    ({"h": "S", "r": "N"}, [("y" * 600, "1234567890.12345678901234"), ("y" * 600, "0.0000001"), ("a|b", "-3")]),
    ({"h": "B", "r": "S"}, [(b"\x00", "|"), (b"\x00|", "\\"), (b"\xff" * 400, "z" * 400)]),
]


@pytest.mark.parametrize(("types", "keys"), KEYS_OF_A_KIND, ids=["S", "N", "B", "SN", "BS"])
def test_keys_of_every_kind_are_filled_found_and_mended(  # noqa: PLR0917
    gate: Gate,
    index_name: str,
    tables: Any,
    hand: Hand,
    types: dict[str, str],
    keys: list[tuple[Any, ...]],
) -> None:
    world = new_world(gate, index_name, tables, types)
    items = [
        {name: {kind: value} for (name, kind), value in zip(types.items(), values, strict=True)} for values in keys
    ]
    fill(world, [{**each, "n": {"N": "1"}} for each in items])
    assert world.lane().reconcile("backfill")["written"] == len(items)
    hand.refresh()
    assert world.lane().reconcile("verify", of=2) == {"items": len(items), "documents": len(items)}
    documents = hand.documents()
    stored = tables.scan(TableName=world.table_name)["Items"]
    names = [document_id(normalised({name: each[name] for name in types}), tuple(types)) for each in stored]
    assert set(names) == set(documents)
    for each in stored[1:]:  # gone from the table: its document is an orphan
        tables.delete_item(TableName=world.table_name, Key={name: each[name] for name in types})
    verify = world.lane()
    verify.reconcile("verify", of=2)
    assert verify.differences() == dict.fromkeys(names[1:], "orphan")
    assert world.lane().reconcile("repair", of=2)["repaired"] == len(names) - 1
    assert hand.documents().keys() == {names[0]}
    assert world.lane().reconcile("verify")["documents"] == 1


def test_documents_whose_ids_are_no_key_of_a_number_are_unmappable_beside_the_items_own(
    gate: Gate, index_name: str, tables: Any, hand: Hand
) -> None:
    """DynamoDB takes 01 for 1: both in one read would be refused."""
    world = new_world(gate, index_name, tables, {"id": "N"})
    fill(world, [{"id": {"N": str(number)}} for number in range(3)])
    world.lane().reconcile("backfill")
    for name in ("01", "1.0", " 1", "1_0", "1E0", "NaN", "one"):
        hand.put(name, {"id": 1})
    verify = world.lane()
    verify.reconcile("verify")
    assert verify.differences() == dict.fromkeys(("01", "1.0", " 1", "1_0", "1E0", "NaN", "one"), "unmappable")
    assert world.lane().reconcile("repair")["repaired"] == 7
    assert hand.documents().keys() == {"0", "1", "2"}


def test_a_poison_item_is_counted_and_in_the_failure_queue_and_the_rest_goes_on(world: RealWorld) -> None:
    fill(world, [item(number) for number in range(50)])
    fill(world, [{"id": {"S": "poison"}, "a..b": {"S": "no field of a document"}}])
    lane = world.lane()
    assert lane.reconcile("backfill") == {"items": 51, "written": 50, "poison": 1}
    assert [message["key"] for message in lane.queue.messages] == [{"id": {"S": "poison"}}]
    verify = world.lane()
    verify.reconcile("verify")
    assert verify.differences() == {"poison": "missing"}
    repair = world.lane()
    totals = repair.reconcile("repair")
    assert (totals.get("repaired", 0), totals["poison"], len(repair.queue.messages)) == (0, 1, 1)


def test_calls_that_end_early_carry_their_position(
    world: RealWorld, direct: Client, hand: Hand, index_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 200)
    monkeypatch.setattr("searchsync.edges.table.LARGEST_SCAN", 100)
    sharded(direct, index_name)
    fill(world, [item(number) for number in range(1_050)])
    backfill = world.lane(call_seconds=ONE_PAGE)
    assert backfill.reconcile("backfill", of=2)["items"] == 1_050
    assert max(state["call"] for state in backfill.states) >= 5
    hand.put("item-00003", {"id": "item-00003"})
    hand.put("orphan", {"id": "orphan"})
    hand.refresh()
    verify = world.lane(call_seconds=ONE_PAGE)
    totals = verify.reconcile("verify", of=2)
    assert (totals["items"], totals["documents"]) == (1_050, 1_051)
    assert verify.differences() == {"item-00003": "different", "orphan": "orphan"}
    assert max(state["call"] for state in verify.states if "range" in state["part"]) >= 5


def test_ids_in_every_order_are_paged_without_a_gap(
    world: RealWorld, direct: Client, hand: Hand, index_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine keeps ids that look like numbers or base64 in another form."""
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 14)
    sharded(direct, index_name, 5)
    names = [str(number) for number in range(0, 1_000, 13)] + [f"{number:04d}" for number in range(0, 50, 3)]
    names += [f"abcd{number}==" for number in range(20)] + ["é", "é" * 200, "A", "a", "Z", "_", "~", "\u0001", "😀"]
    names += ["x" * 20 + str(number) for number in range(20)] + ["QUJD", "QUJDRA", "AAAA", "zzzz", "-", "--"]
    fill(world, [{"id": {"S": name}} for name in names])
    assert world.lane().reconcile("backfill")["written"] == len(names)
    hand.refresh()
    for of in (1, 2, 7):
        assert world.lane().reconcile("verify", of=of) == {"items": len(names), "documents": len(names)}


def test_a_digest_ids_number_keeps_its_digits(gate: Gate, index_name: str, tables: Any, hand: Hand) -> None:
    world = new_world(gate, index_name, tables, {"h": "S", "r": "N"})
    fill(world, [{"h": {"S": "y" * 600}, "r": {"N": f"123456789.1234567890123{number}"}} for number in range(5)])
    world.lane().reconcile("backfill")
    hand.refresh()
    verify = world.lane()
    assert verify.reconcile("verify") == {"items": 5, "documents": 5}


COLLIDING = 7 * KEYS // 8
"""The key of several ids."""


def test_pages_end_anywhere_also_between_ids_of_one_key(
    world: RealWorld, direct: Client, hand: Hand, index_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash that collides: pages of a few documents, and an orphan with the key of items."""
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 6)
    monkeypatch.setattr(
        "searchsync.documents.document.index_key",
        lambda name: COLLIDING if name.startswith("same") else index_key(name),
    )
    sharded(direct, index_name)
    names = [f"item-{number}" for number in range(60)] + [f"same-{number}" for number in range(4)]
    fill(world, [{"id": {"S": name}} for name in names])
    world.lane().reconcile("backfill")
    hand.put("same-orphan", {"id": "same-orphan", KEY_FIELD: COLLIDING})
    hand.put("least", {KEY_FIELD: -(2**63)})
    hand.put("most", {KEY_FIELD: 2**63 - 1})
    hand.refresh()
    for of in (1, 3):
        verify = world.lane()
        assert verify.reconcile("verify", of=of) == {"items": 64, "documents": 67, "orphan": 3}
        assert verify.differences() == dict.fromkeys(("same-orphan", "least", "most"), "orphan")


def test_a_part_of_the_index_goes_on_where_a_call_stopped(
    world: RealWorld, direct: Client, hand: Hand, index_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents of other ranges come and go meanwhile, as do those of this one: each that stays is shown."""
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 40)
    sharded(direct, index_name)
    fill(world, [item(number) for number in range(400)])
    world.lane().reconcile("backfill")
    hand.put("orphan", {"id": "orphan"})
    hand.refresh()
    lane = world.lane(call_seconds=ONE_PAGE)
    state: dict[str, Any] = {"task": "verify", "run": "run", "recheck_delay": 0.3, "export": None, "position": None}
    state |= {"part": {"range": 0, "of": 1, "since": world.clock.now()}, "call": 0, "totals": {}, "done": False}
    shown: list[str] = []
    while not state["done"]:
        lane.call(state)  # its answer is lost, and the call repeated
        state = lane.call(state)
        shown.append(state["position"])
        hand.put(f"later-{len(shown)}", {"id": f"later-{len(shown)}", KEY_FIELD: 1})
    assert shown[:-1] == sorted(set(shown[:-1]))
    assert len(shown) > 5
    assert set(lane.differences()) - {f"later-{number}" for number in range(9)} == {"orphan"}
    assert 401 <= state["totals"]["documents"] <= 403


LATE = 3.0
"""Seconds, of a collection whose reads and searches show writes so late."""


def test_what_a_late_collection_does_not_show_yet_is_no_difference_and_what_was_planted_is(
    world: RealWorld, gate: Gate, hand: Hand
) -> None:
    fill(world, [item(number) for number in range(40)])
    world.lane().reconcile("backfill")
    gate.behave(Behaviours(reads_late_s=LATE))
    try:
        fill(world, [{**item(number), "n": {"N": "-1"}} for number in range(10, 20)])
        world.clock.sleep(1.1)  # a read of the same second as the first backfill's would have its version
        world.lane().reconcile("backfill")
        hand.put("item-00001", {"id": "item-00001"})
        hand.delete("item-00002")
        hand.put("orphan", {"id": "orphan"})
        verify = world.lane()
        verify.reconcile("verify", of=2)
        planted = {"item-00001": "different", "item-00002": "missing", "orphan": "orphan"}
        assert verify.differences() == planted
    finally:
        gate.behave(Behaviours())
    hand.refresh()
    assert not any(map(is_probe, hand.documents()))


def test_an_engine_that_leaves_versions_out_is_no_index_of_missing_documents(world: RealWorld, gate: Gate) -> None:
    fill(world, [item(1)])
    world.lane().reconcile("backfill")
    gate.behave(Behaviours(versions_left_out=True))
    try:
        with pytest.raises(StackError, match="left `_version` out"):
            world.lane().reconcile("verify")
    finally:
        gate.behave(Behaviours())


@pytest.mark.parametrize("by_item", [False, True])
def test_a_new_index_is_waited_for_until_it_takes_a_write(world: RealWorld, gate: Gate, by_item: bool) -> None:
    gate.behave(Behaviours(new_index_unwritable_s=LATE, new_index_by_item=by_item))
    try:
        began = world.clock.monotonic()
        world.index.ensure_index(30.0)
        visibility = Visibility(world.index, world.reader, world.clock, world.backoff, MAX_SKEW)
        visibility.writable(Deadline.after(world.clock, 60.0))
        assert world.clock.monotonic() - began >= LATE - 0.5
        fill(world, [item(number) for number in range(10)])
        assert world.lane().reconcile("backfill")["written"] == 10
    finally:
        gate.behave(Behaviours())


def test_a_missing_or_unowned_or_sourceless_index_is_refused(
    world: RealWorld, direct: Client, index_name: str, gate: Gate
) -> None:
    deadline = Deadline.after(world.clock, 10.0)
    with pytest.raises(RunRefusedError, match="no index"):
        world.reader.require(deadline)
    direct.call("PUT", f"/{index_name}", {})
    with pytest.raises(RunRefusedError, match="not made by searchsync"):
        world.reader.require(deadline)
    direct.call("DELETE", f"/{index_name}")
    mark = creation_body({}, Mark("m", 0.0, OWNER))["mappings"]
    direct.call("PUT", f"/{index_name}", {"mappings": {**mark, "_source": {"excludes": ["secret"]}}})
    with pytest.raises(RunRefusedError, match="_source"):
        world.reader.require(deadline)
    direct.call("DELETE", f"/{index_name}")
    direct.call("PUT", f"/{index_name}", {"mappings": {**mark, "_source": {"enabled": True}}})
    world.reader.require(deadline)
    gate.inject(Fault(FaultKind.STATUS, status=403))
    with pytest.raises(StackError, match="data access policy"):
        world.reader.require(deadline)


def test_a_document_of_any_number_is_read_with_all_its_digits(world: RealWorld, hand: Hand) -> None:
    number = "0.12345678901234567890123456789012345678"
    fill(world, [{"id": {"S": "a"}, "n": {"N": number}, "m": {"M": {"deep": {"NS": [number, "1"]}}}}])
    world.lane().reconcile("backfill")
    hand.refresh()
    assert world.lane().reconcile("verify") == {"items": 1, "documents": 1}
    hand.put(
        "a",
        json.loads('{"id":"a","n":0.12345678901234568,"m":{"deep":[1,0.12345678901234568]}}')
        | {KEY_FIELD: index_key("a")},
    )
    verify = world.lane()
    verify.reconcile("verify")
    assert [json.loads(line)["attributes"] for line in verify.lines] == [["m", "n"]]


NOT_DELETED = Condition(json.dumps({"_deleted": [{"exists": False}, False]}))


def appsync(number: int, deleted: bool | None = None) -> dict[str, Any]:
    """An item of a versioned data source (AWS AppSync developer guide, "Versioned data sources"): what is deleted stays
    for the time of `BaseTableTTL`, with `_deleted` true and a `_ttl`."""
    mark = {} if deleted is None else {"_deleted": {"BOOL": deleted}, "_ttl": {"N": "1900000000"}}
    return {**item(number), "_version": {"N": "1"}, "_lastChangedAt": {"N": "1700000000000"}, **mark}


def tell(world: RealWorld, *images: dict[str, Any]) -> None:
    """Put items, and let the sync function have their records."""
    fill(world, list(images))
    now, images = int(world.clock.now()), tuple(map(normalised, images))
    records = [
        record("MODIFY", image["id"]["S"], number=number, second=now, image=image)
        for number, image in enumerate(images, 1)
    ]
    pipeline = Pipeline(world.config, world.index, world.table, MemoryQueue(), world.clock, world.backoff)
    assert pipeline.run(event(*records), 120.0, Report()) == {"batchItemFailures": []}


def test_what_appsync_marks_as_deleted_leaves_the_index_by_a_condition_and_comes_back(
    world: RealWorld, hand: Hand
) -> None:
    world.config = replace(world.config, when=NOT_DELETED)
    tell(world, appsync(1), appsync(2), appsync(3, deleted=True))
    assert sorted(hand.documents()) == ["item-00001", "item-00002"]
    assert hand.documents()["item-00001"]["__version"] == 1
    time.sleep(1.0)  # the next second's records
    tell(world, appsync(1, deleted=True))
    assert sorted(hand.documents()) == ["item-00002"]
    time.sleep(1.0)
    tell(world, appsync(1, deleted=False))
    assert sorted(hand.documents()) == ["item-00001", "item-00002"]
    found = world.lane().reconcile("verify", of=2)
    assert found == {"items": 3, "filtered": 1, "documents": 2}


def test_after_a_change_of_the_condition_a_backfill_and_a_repair_leave_what_matches(
    world: RealWorld, hand: Hand
) -> None:
    fill(world, [appsync(number, deleted=number % 3 == 0) for number in range(300)])
    assert world.lane().reconcile("backfill", of=2) == {"items": 300, "written": 300}
    world.config = replace(world.config, when=NOT_DELETED)
    hand.refresh()
    assert world.lane().reconcile("verify", of=2)["orphan"] == 100
    time.sleep(1.0)  # reads of the next second
    assert world.lane().reconcile("backfill", of=2) == {"items": 300, "written": 200, "filtered": 100}
    assert len(hand.documents()) == 200
    hand.put("item-00003", {"id": "item-00003", KEY_FIELD: index_key("item-00003")})
    hand.delete("item-00004")
    found = world.lane().reconcile("repair", of=2)
    assert (found["orphan"], found["missing"], found["repaired"]) == (1, 1, 2)
    hand.refresh()
    assert world.lane().reconcile("verify", of=2) == {"items": 300, "filtered": 100, "documents": 200}


def test_documents_that_their_keys_leave_out_are_removed_by_a_repair(world: RealWorld, hand: Hand) -> None:
    fill(world, [item(number) for number in range(100)])
    world.lane().reconcile("backfill", of=2)
    world.config = replace(world.config, when=Condition('{"id": [{"suffix": "7"}]}'))
    time.sleep(1.0)
    assert world.lane().reconcile("backfill", of=2) == {"items": 100, "written": 10, "filtered": 90}
    assert len(hand.documents()) == 100
    assert world.lane().reconcile("repair", of=2)["repaired"] == 90
    assert len(hand.documents()) == 10
    hand.refresh()
    assert world.lane().reconcile("verify", of=2) == {"items": 100, "filtered": 90, "documents": 10}


@contextmanager
def without_shard(direct: Client, index: str, shard: int) -> Iterator[None]:
    """No node has the shard in the block, as while one restarts or a shard moves."""

    def allocate(value: str | None) -> None:
        settings = {"transient": {"cluster.routing.allocation.enable": value}}
        assert direct.call("PUT", "/_cluster/settings", settings).ok

    (node,) = direct.call("GET", "/_cat/nodes?h=name").text.split()
    cancel = {"index": index, "shard": shard, "node": node, "allow_primary": True}
    allocate("none")
    try:
        assert direct.call("POST", "/_cluster/reroute", {"commands": [{"cancel": cancel}]}).ok
        yield
    finally:
        allocate(None)
        health = direct.call("GET", f"/_cluster/health/{index}?wait_for_status=yellow&timeout=20s").json()
        assert health["status"] != "red"


def test_an_answer_without_a_shard_that_no_node_has_is_no_page(
    world: RealWorld, direct: Client, hand: Hand, index_name: str
) -> None:
    """The engine says neither that it failed, nor that the answer is not whole."""
    sharded(direct, index_name, 2)
    fill(world, [item(number) for number in range(20)])
    world.lane().reconcile("backfill")
    hand.refresh()
    with without_shard(direct, index_name, 1):
        answer = direct.call("POST", f"/{index_name}/_search", {"track_total_hits": True}).json()
    assert (answer["timed_out"], answer["_shards"]["successful"], answer["_shards"]["failed"]) == (False, 1, 0)
    assert answer["hits"]["total"]["value"] < 20
    assert lacks_shards(answer)
    assert world.reader.keys(0, KEYS, Deadline.after(world.clock, 20.0)).total == 20


@pytest.mark.parametrize("source", [{}, {KEY_FIELD: 7}])
def test_documents_with_a_routing_are_no_clean_index(
    world: RealWorld, direct: Client, index_name: str, source: Any
) -> None:
    """Read by id, without the routing, they are not there."""
    sharded(direct, index_name, 2)
    fill(world, [item(number) for number in range(20)])
    world.lane().reconcile("backfill")
    for routing in range(20):
        direct.call("PUT", f"/{index_name}/_doc/strange?routing={routing}&refresh=true", source)
    with pytest.raises(RunRefusedError, match="written with a routing"):
        world.lane().reconcile("verify")
