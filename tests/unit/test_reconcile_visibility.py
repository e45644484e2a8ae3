"""Probes: how late the collection shows writes, whether it takes them, and that nothing of them stays."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.clock import Deadline
from searchsync.documents.document import DIGEST_PREFIX, document_id
from searchsync.errors import CollectionBusyError, PipelineLateError, StackError
from searchsync.limits import BACKOFF_CAP, LONGEST_CALL, PROBES_AT_ONCE, REFRESH
from searchsync.protocol.bulk import Response
from searchsync.reconcile.visibility import is_probe
from searchsync.sync.delivery import PROBE_PREFIX
from tests.support.fakes import POISONED, error
from tests.support.reconcile_harness import World

MINUTES_LATE = 208.0
"""Seconds (Sage-Bionetworks/Synapse#5672)."""
NEW_INDEX = Response(404, error("index_not_found_exception"))
FORBIDDEN = Response(403, error("Forbidden"))


@pytest.fixture
def world() -> World:
    return World()


def within(world: World, seconds: float) -> Deadline:
    return Deadline.after(world.clock, seconds)


@given(st.text() | st.text().map(PROBE_PREFIX.__add__) | st.text(min_size=513).map(DIGEST_PREFIX.__add__), st.text())
def test_no_item_can_have_the_id_of_a_probe(one: str, other: str) -> None:
    assert not is_probe(document_id({"a": {"S": one}}, ("a",)))
    assert not is_probe(document_id({"a": {"S": one}, "b": {"S": other}}, ("a", "b")))


def test_a_collection_that_shows_writes_at_once_costs_no_time_and_keeps_no_probe(world: World) -> None:
    before = world.clock.time
    world.visibility.wait(within(world, 60.0))
    assert (world.clock.time, world.visibility.late) == (before, REFRESH)
    assert len(world.index.bodies[0].splitlines()) == 2 * PROBES_AT_ONCE
    assert world.index.documents == {}


@pytest.mark.parametrize("late", [{"seconds": MINUTES_LATE}, {"searches": MINUTES_LATE}])
def test_reads_and_searches_that_are_minutes_late_are_waited_for_and_measured(
    world: World, late: dict[str, float]
) -> None:
    world.reads_late(**late)
    world.visibility.wait(within(world, 880.0))
    assert MINUTES_LATE <= world.visibility.late <= MINUTES_LATE + BACKOFF_CAP + 1.0
    assert world.index.documents == {}


def test_a_collection_too_late_for_the_time_is_refused_with_the_figure(world: World) -> None:
    world.reads_late(MINUTES_LATE)
    with pytest.raises(PipelineLateError, match=r"shows writes over 9\d s late"):
        world.visibility.wait(within(world, 100.0))
    assert world.index.documents == {}


def test_a_new_index_that_takes_no_writes_for_minutes_is_waited_for(world: World) -> None:
    world.index.faults += [NEW_INDEX] * 30
    before = world.clock.time
    world.visibility.writable(within(world, 880.0))
    assert world.clock.time - before > 60.0
    world.index.faults += [NEW_INDEX] * 30
    with pytest.raises(CollectionBusyError, match=r"404 index_not_found_exception\. A new index"):
        world.visibility.writable(within(world, 20.0))


@pytest.mark.parametrize("busy", [Response(None), Response(503), Response(429), Response(402), Response(200, "cut")])
def test_a_busy_collection_is_asked_again(world: World, busy: Response) -> None:
    world.index.faults += [busy, busy]
    world.visibility.writable(within(world, 60.0))
    assert len(world.index.bodies) == 4


@pytest.mark.parametrize("refusal", [FORBIDDEN, Response(401), Response(400, error("illegal_argument_exception"))])
def test_a_refusal_names_the_permission_and_is_not_waited_for(world: World, refusal: Response) -> None:
    world.index.faults.append(refusal)
    with pytest.raises(StackError, match="aoss:WriteDocument"):
        world.visibility.wait(within(world, 60.0))


def test_a_mapping_that_refuses_an_empty_document_is_named(world: World) -> None:
    world.index.item_fault = lambda operation, _name: POISONED if operation == "index" else None
    with pytest.raises(StackError, match=r"400 mapper_parsing_exception.* the mapping takes `{}`"):
        world.visibility.wait(within(world, 60.0))


def test_a_lost_answer_is_no_second_probe(world: World) -> None:
    kept: list[Any] = []
    world.index.faults += [None, Response(None)]
    bulk = world.index.bulk

    def lost(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        answer = bulk(body, timeout, begin_within)
        kept.append(answer)
        return Response(None) if len(kept) == 1 else answer

    world.index.bulk = lost  # type: ignore[method-assign]
    world.visibility.wait(within(world, 60.0))
    assert world.index.documents == {}


def test_a_probe_that_could_not_be_removed_stays_until_a_run_finds_it_old(world: World) -> None:
    world.index.faults += [None, *[Response(503)] * 100]
    world.visibility.wait(within(world, 60.0))  # the wait itself is good
    world.index.faults.clear()
    left = {name: version for name, (version, _) in world.index.documents.items()}
    assert len(left) == PROBES_AT_ONCE
    world.visibility.remove_left(left)  # another lane may be waiting for them
    assert world.index.documents.keys() == left.keys()
    world.clock.sleep(LONGEST_CALL + 10.0)
    world.visibility.remove_left(left)
    assert world.index.documents == {}


def test_many_waits_beside_each_other_do_not_meet(world: World) -> None:
    rng = random.Random(4)
    for _ in range(20):
        world.visibility.wait(within(world, 60.0))
        world.clock.sleep(rng.uniform(0.0, 0.3))
    assert len(world.index.tombstones) == 20 * PROBES_AT_ONCE
