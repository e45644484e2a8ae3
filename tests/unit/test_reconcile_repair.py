"""Repair: what becomes of each kind of difference."""

from __future__ import annotations

import pytest

from searchsync.clock import Deadline
from searchsync.errors import CollectionBusyError
from searchsync.protocol.version import read_version
from searchsync.reconcile.agreement import Kind
from searchsync.reconcile.repair import Repair, Repaired
from searchsync.reconcile.verify import Difference
from tests.support.fakes import BUSY, POISONED, faulty
from tests.support.reconcile_harness import Lane, World

MAX_SKEW = 10.0


def mend(world: World, *differences: Difference, seconds: float = 300.0) -> Repaired:
    delivery = Lane(world).reconciler()._delivery()
    repair = Repair(world.table, delivery.deliver, world.clock, MAX_SKEW)
    return repair.mend(differences, Deadline.after(world.clock, seconds))


def difference(name: str, kind: Kind, version: int | None = None) -> Difference:
    return Difference(name, None if kind is Kind.UNMAPPABLE else {"id": {"S": name}}, kind, (), version)


@pytest.fixture
def world() -> World:
    world = World()
    for name in "abc":
        world.put(name, n={"N": "1"})
    world.rest()
    return world


def test_each_kind_is_mended(world: World) -> None:
    del world.index.documents["a"]
    world.plant("b", {"id": "b", "n": 2})
    world.plant("orphan", {"id": "orphan"})
    world.plant("", {})
    world.rest()
    done = mend(
        world,
        difference("a", Kind.MISSING),
        difference("b", Kind.DIFFERENT, world.index.documents["b"][0]),
        difference("orphan", Kind.ORPHAN, world.index.documents["orphan"][0]),
        difference("", Kind.UNMAPPABLE, world.index.documents[""][0]),
    )
    assert (done.counts, done.poison) == ({"repaired": 4, "poison": 0}, [])
    assert {name: source["n"] for name, (_, source) in world.index.documents.items()} == {"a": 1, "b": 1, "c": 1}


def test_a_wrong_document_with_a_young_version_is_waited_out(world: World) -> None:
    """An odd version above ours would pass for a later read of the table: it is the wrong document itself."""
    young = int(world.clock.time + MAX_SKEW - 2.0) << 31 | 1
    world.plant("b", {"id": "b", "n": 2}, young)
    began = world.clock.time
    done = mend(world, difference("b", Kind.DIFFERENT, young))
    assert done.counts["repaired"] == 1
    assert world.index.documents["b"][1]["n"] == 1
    assert world.clock.time - began <= 2 * MAX_SKEW + 1.0


def test_a_version_from_the_future_is_poison_and_a_unmappable_one_is_not_repaired(world: World) -> None:
    future = int(world.clock.time + 1_000.0) << 31
    world.plant("b", {"id": "b", "n": 2}, future)
    world.plant("", {}, future)
    began = world.clock.time
    done = mend(world, difference("b", Kind.DIFFERENT, future), difference("", Kind.UNMAPPABLE, future))
    assert done.counts == {"repaired": 0, "poison": 1}
    assert [each.error_type for each in done.poison] == ["version_from_the_future"]
    assert world.clock.time - began < 30.0
    assert set(world.index.documents) >= {"", "b"}


def test_what_the_index_refuses_is_poison_with_its_key(world: World) -> None:
    del world.index.documents["a"]
    world.index.item_fault = faulty(a=POISONED)
    done = mend(world, difference("a", Kind.MISSING))
    assert done.counts == {"repaired": 0, "poison": 1}
    assert [each.keys for each in done.poison] == [{"id": {"S": "a"}}]


@pytest.mark.parametrize("kind", [Kind.MISSING, Kind.UNMAPPABLE])
def test_what_could_not_be_settled_fails_the_call(world: World, kind: Kind) -> None:
    world.index.item_fault = lambda *_: BUSY
    with pytest.raises(CollectionBusyError, match="1 differences could not be mended"):
        mend(world, difference("a", kind), seconds=20.0)


def test_a_unmappable_document_written_again_later_is_tried_again(world: World) -> None:
    world.plant("", {}, int(world.clock.time) << 31)
    with pytest.raises(CollectionBusyError):
        mend(world, difference("", Kind.UNMAPPABLE, 1))


def test_a_deletion_that_was_taken_without_an_answer_is_not_tried_for_ever(world: World) -> None:
    """The try after it meets its own version: found by chance, where one fault in eight hides what was applied."""
    world.plant("", {}, 1)
    version = read_version(world.clock.time, MAX_SKEW)
    world.index.after_bulk = lambda: (
        world.index.documents.pop("", None) and world.index.tombstones.update({"": version})
    )
    assert mend(world, difference("", Kind.UNMAPPABLE, 1)).counts["repaired"] == 1
    assert "" not in world.index.documents


def test_an_item_that_changed_since_is_mended_by_what_it_is_now(world: World) -> None:
    del world.index.documents["a"]
    world.client.put({"id": {"S": "a"}, "n": {"N": "7"}})
    assert mend(world, difference("a", Kind.MISSING)).counts["repaired"] == 1
    assert world.index.documents["a"][1]["n"] == 7


def test_nothing_to_mend_asks_nobody(world: World) -> None:
    before = world.client.reads
    assert mend(world).counts == {"repaired": 0, "poison": 0}
    assert world.client.reads == before
