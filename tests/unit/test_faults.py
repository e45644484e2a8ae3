"""Which requests a fault hits, how often, and how a _bulk is taken apart and put together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.faults import Fault, FaultBook, FaultKind, split_request
from lab.gate_rules import GateRequest

BODY = b"".join(b'{"index":{"_id":"%s"}}\n{"n":1}\n' % name for name in (b"a", b"b", b"c"))
BULK = GateRequest("POST", "/i/_bulk", {}, BODY)
READ = GateRequest("GET", "/i/_mget", {})


def book(*faults: Fault) -> FaultBook:
    result = FaultBook()
    result.inject(*faults)
    return result


def test_a_fault_is_used_up_after_its_count() -> None:
    faults = book(Fault(FaultKind.STATUS, count=2))
    hits = [faults.plan(BULK).whole is not None for _ in range(4)]
    assert hits == [True, True, False, False]
    assert faults.injected() == {"status": 2}


def test_a_fault_without_count_lasts_until_it_is_cleared() -> None:
    faults = book(Fault(FaultKind.RESET, count=None))
    assert all(faults.plan(BULK).whole for _ in range(50))
    faults.clear()
    assert faults.plan(BULK).whole is None


def test_a_fault_lets_its_skipped_requests_by() -> None:
    faults = book(Fault(FaultKind.STATUS, skip=2))
    hits = [faults.plan(BULK).whole is not None for _ in range(4)]
    assert hits == [False, False, True, False]


def test_a_fault_waits_for_its_path_and_method() -> None:
    faults = book(Fault(FaultKind.STATUS, path="/_bulk$", method="POST"))
    assert faults.plan(READ).whole is None
    assert faults.plan(GateRequest("PUT", "/i/_bulk", {})).whole is None
    assert faults.plan(BULK).whole is not None


def test_a_seed_makes_the_same_requests_fail_again() -> None:
    fault = Fault(FaultKind.STATUS, count=None, probability=0.3, seed=7)
    runs = []
    for _ in range(2):
        faults = book(fault)
        runs.append([faults.plan(BULK).whole is not None for _ in range(100)])
    assert runs[0] == runs[1]
    assert 10 < sum(runs[0]) < 60


def test_delays_add_up_and_of_the_rest_the_first_wins_and_only_it_is_used() -> None:
    faults = book(
        Fault(FaultKind.DELAY, seconds=1.0),
        Fault(FaultKind.RESET),
        Fault(FaultKind.STATUS),
        Fault(FaultKind.DELAY, seconds=0.5),
    )
    first, second = faults.plan(BULK), faults.plan(BULK)
    assert first.delay == 1.5
    assert first.whole is not None
    assert first.whole.kind is FaultKind.RESET
    assert second.whole is not None
    assert second.whole.kind is FaultKind.STATUS


def test_what_a_request_meets_while_it_comes_in_is_apart_from_what_it_meets_when_it_is_there() -> None:
    faults = book(
        Fault(FaultKind.STATUS),
        Fault(FaultKind.BLACK_HOLE, path="_mget"),
        Fault(FaultKind.SLOW_READER, over=100),
        Fault(FaultKind.SLOW_WRITER, seconds=2.0),
    )
    head = GateRequest("POST", "/i/_bulk", {})
    assert faults.arrival(head, 100) is None
    met = faults.arrival(head, 101)
    assert met is not None
    assert met.kind is FaultKind.SLOW_READER
    plan = faults.plan(BULK)
    assert (plan.trickle, plan.delay, plan.whole and plan.whole.kind) == (2.0, 0.0, FaultKind.STATUS)
    assert faults.plan(READ).whole is None
    assert faults.injected() == {"slow reader": 1, "slow writer": 1, "status": 1}


@pytest.mark.parametrize("kind", [FaultKind.SLOW_READER, FaultKind.BLACK_HOLE])
@pytest.mark.parametrize("items", [{"ids": ("a",)}, {"positions": (1,)}])
def test_a_request_that_is_still_coming_in_has_no_items_yet(kind: FaultKind, items: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="before its items are known"):
        Fault(kind, **items)


def test_an_item_fault_waits_for_a_request_that_holds_its_item() -> None:
    faults = book(Fault(FaultKind.ITEM, ids=("z",)), Fault(FaultKind.ITEM, ids=("b",)))
    plan = faults.plan(BULK, BULK.items)
    assert [fault.ids for fault in plan.items] == [("b",)]
    assert faults.item_faults
    assert faults.plan(BULK, BULK.items).items == ()


def test_a_fault_of_the_whole_request_can_wait_for_an_item() -> None:
    faults = book(Fault(FaultKind.STATUS, ids=("z",)), Fault(FaultKind.RESET, ids=("b",)))
    assert faults.item_faults
    plan = faults.plan(BULK, BULK.items)
    assert plan.whole is not None
    assert plan.whole.kind is FaultKind.RESET
    assert faults.plan(BULK, BULK.items).whole is None


def test_a_fault_for_large_bodies_lets_smaller_ones_by() -> None:
    faults = book(Fault(FaultKind.STATUS, status=413, over=len(BODY) - 1, count=None))
    assert faults.plan(BULK).whole is not None
    assert faults.plan(GateRequest("POST", "/i/_bulk", {}, BODY[:-1])).whole is None


def test_failing_items_are_kept_from_the_engine_and_answered_in_their_places() -> None:
    fault = Fault(FaultKind.ITEM, positions=(0,), ids=("c",), status=429, error_type="busy")
    split = split_request(BULK.items, [fault])
    assert split.body == b'{"index":{"_id":"b"}}\n{"n":1}\n'
    engine = {"took": 3, "errors": False, "items": [{"index": {"_id": "b", "status": 201}}]}
    merged = split.merge(engine)
    assert [item["index"]["status"] for item in merged["items"]] == [429, 201, 429]
    assert merged["items"][0]["index"]["error"]["type"] == "busy"
    assert merged["errors"] is True
    assert merged["took"] == 3


def test_an_item_that_was_applied_and_said_to_have_failed_reaches_the_engine() -> None:
    split = split_request(BULK.items, [Fault(FaultKind.ITEM, positions=(1,), applied=True)])
    assert split.body == BODY
    engine = {"items": [{"index": {"_id": name, "status": 201}} for name in "abc"]}
    statuses = [item["index"]["status"] for item in split.merge(engine)["items"]]
    assert statuses == [201, 503, 201]


def test_an_answer_of_the_wrong_length_is_not_merged() -> None:
    split = split_request(BULK.items, [Fault(FaultKind.ITEM, positions=(0,))])
    with pytest.raises(ValueError, match="zip"):
        split.merge({"items": []})


def test_a_fault_survives_its_way_through_json() -> None:
    fault = Fault(FaultKind.ITEM, ids=("a",), positions=(1, 2), count=None, applied=True)
    assert Fault.from_json(json.loads(json.dumps(fault.as_json()))) == fault


@pytest.mark.parametrize("fields", [{"kind": "nonsense"}, {"kind": "status", "nonsense": 1}])
def test_a_fault_that_does_not_exist_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Fault.from_json(fields)
