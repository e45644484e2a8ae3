"""The collection that the overload table is measured with: what it takes, refuses and says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from requests.exceptions import ReadTimeout

from bench.before import ROOT
from bench.overload import AT_MOST, CHANGES, SEED, tried
from bench.throttled import BURST_S, OLD, REQUEST_S, Case, World
from tests.support.trigger_harness import START

CAPACITY = 20
BULK = "https://collection/bench/_bulk"


def world(*, kind: str = "puts", whole: bool = False, rested: bool = True) -> World:
    made = World(Case(kind, 100, CAPACITY, whole, True, 7, 1_000.0))
    made.now += BURST_S if rested else 0.0
    return made


def bulk(to: World, names: list[str], *, version: int = 5, action: str = "index") -> tuple[int, list[Any]]:
    status, answer = to.collection("POST", BULK, body(names, version, action))
    return status, [each[action] for each in json.loads(answer).get("items", [])]


def body(names: list[str], version: int = 5, action: str = "index") -> bytes:
    lines = [json.dumps({action: {"_id": name, "version": version}}) for name in names]
    if action == "index":
        lines = [each for line in lines for each in (line, "{}")]
    return ("\n".join(lines) + "\n").encode()


def test_no_more_items_are_taken_than_the_capacity_has_room_for() -> None:
    throttled = world(rested=False)
    taken = 0
    for _ in range(100):
        _, items = bulk(throttled, [f"k{number}" for number in range(50)])
        taken += sum(each["status"] != 429 for each in items)
    assert taken == pytest.approx(100 * REQUEST_S * CAPACITY, abs=1)


def test_which_items_are_refused_is_chance_and_not_their_place() -> None:
    _, items = bulk(world(), [f"k{number}" for number in range(100)])
    taken = [place for place, each in enumerate(items) if each["status"] == 200]
    assert len(taken) == CAPACITY
    assert taken != list(range(CAPACITY))


def test_a_request_over_the_room_is_refused_whole_and_costs_nothing() -> None:
    throttled = world(whole=True)
    names = [f"k{number}" for number in range(CAPACITY + 1)]
    assert bulk(throttled, names)[0] == 429
    assert throttled.versions == {}
    status, items = bulk(throttled, names[:CAPACITY])
    assert (status, {each["status"] for each in items}) == (200, {200})


def test_a_slow_collection_refuses_nothing_and_works_on_what_was_given_up() -> None:
    slow = World(Case("puts", 100, CAPACITY, False, True, 7, 1_000.0, slow=True, age_s=600.0))
    names = [f"k{number}" for number in range(CAPACITY)]
    with pytest.raises(ReadTimeout):
        slow.collection("POST", BULK, body(names), 0.5)
    assert slow.now == pytest.approx(START + 600.0 + 0.5)
    assert {each["status"] for each in bulk(slow, names[:1], version=6)[1]} == {200}
    assert slow.now == pytest.approx(START + 600.0 + REQUEST_S + 1.0 + 1 / CAPACITY)
    assert set(slow.versions) == set(names)


def test_a_refusal_may_cost_as_much_as_a_write() -> None:
    throttled = World(Case("puts", 100, CAPACITY, False, True, 7, 1_000.0, refusals_cost=1.0))
    throttled.now += BURST_S
    bulk(throttled, [f"k{number}" for number in range(3 * CAPACITY)])
    throttled.now += BURST_S
    assert {each["status"] for each in bulk(throttled, ["k"])[1]} == {429}
    throttled.now += 2 * BURST_S
    assert {each["status"] for each in bulk(throttled, ["k"])[1]} == {200}


def test_a_version_that_is_not_newer_is_a_conflict_that_says_the_current_one() -> None:
    throttled = world()
    bulk(throttled, ["k1"], version=5)
    (again,) = bulk(throttled, ["k1"], version=5)[1]
    assert again["status"] == 409
    assert "current version [5]" in again["error"]["reason"]


def test_what_a_deletion_finds_is_missing_until_it_is_gone() -> None:
    throttled = world(kind="deletions")
    assert (throttled.missing(), throttled.versions["k1"]) == (100, OLD)
    bulk(throttled, ["k1"], action="delete")
    assert throttled.missing() == 99


def test_the_packages_handler_catches_up_with_a_slow_collection() -> None:
    case = Case("puts", CHANGES, 15, False, False, SEED, 300.0, slow=True)
    (found,) = tried(ROOT / "lambda_src", [case])
    assert (found.handed_over, found.missing) == (0, 0)
    assert found.seconds <= AT_MOST * case.least_s


@pytest.mark.parametrize("kind", ["puts", "deletions"])
def test_the_packages_handler_runs_in_the_simulation_to_its_end(kind: str) -> None:
    """Reads of the table, too: half of the items are refused at random, so that deletions meet conflicts."""
    case = Case(kind, CHANGES, 20, False, True, SEED, 300.0)
    (found,) = tried(ROOT / "lambda_src", [case])
    assert (found.handed_over, found.missing) == (0, 0)
    assert found.seconds <= AT_MOST * case.least_s
