"""Verification in memory: what is wrong is found, what is under way is not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from searchsync.clock import Deadline
from searchsync.config import read_environment
from searchsync.documents.condition import Condition
from searchsync.documents.shape import WHOLE, Rules
from searchsync.documents.values import exact
from searchsync.errors import PipelineLateError
from searchsync.limits import LAG_KNOWN_AFTER, LONGEST_RECHECK_DELAY, LOOKS, REFRESH, SAMPLES
from searchsync.reconcile.agreement import Document, Kind
from searchsync.reconcile.verify import Difference, Lateness, Verification
from tests.support.events import environment
from tests.support.fakes import MemoryBucket
from tests.support.reconcile_harness import IN_TIME, Lane, World, pages

SETTLE = 10.0
"""As many digits as a double has."""
HOUR = 3_600.0


class Run:
    """A verification of a whole world: its pages, its documents, its differences."""

    def __init__(self, world: World, seed: int = 1, lateness: Lateness = IN_TIME) -> None:
        self.world = world
        rng = random.Random(seed)
        self.verification = Verification(
            world.table, world.reader, world.clock, rng, world.types, world.rules, SETTLE, world.visibility, lateness
        )

    def run(self) -> list[Difference]:
        deadline = Deadline.after(self.world.clock, HOUR)
        for items in pages(self.world.table, deadline):
            self.verification.compare(items, deadline)
        found = self.settled(deadline)
        self.verification.look_up(self.world.reader.hits(), deadline)
        return found + self.settled(deadline)

    def settled(self, deadline: Deadline) -> list[Difference]:
        return self.verification.confirmed(self.verification.recheck(deadline), deadline)

    def kinds(self) -> dict[str, Kind]:
        return {each.id: each.kind for each in self.run()}


@pytest.fixture
def world() -> World:
    world = World()
    for name in "abcdefgh":
        world.put(name, n={"N": "1"})
    world.rest()
    return world


def test_a_world_in_step_shows_nothing_and_waits_for_nothing(world: World) -> None:
    before = world.clock.time
    run = Run(world)
    assert run.run() == []
    assert run.verification.counts == {"items": 8, "unstable": 0}
    assert world.clock.time == before


def test_everything_planted_is_found_and_nothing_else(world: World) -> None:
    world.plant("a", {"id": "a", "n": 2, "x": None})
    del world.index.documents["b"]
    world.plant("z", {"id": "z", "n": 1})
    world.plant("", {"id": ""})
    found = {each.id: each for each in Run(world).run()}
    assert {name: each.kind for name, each in found.items()} == {
        "a": Kind.DIFFERENT,
        "b": Kind.MISSING,
        "z": Kind.ORPHAN,
        "": Kind.UNMAPPABLE,
    }
    assert found["a"].attributes == ("n", "x")
    assert found["a"].keys == {"id": {"S": "a"}}
    assert found["a"].version == world.index.documents["a"][0]
    assert (found["b"].version, found[""].keys) == (None, None)


def test_what_is_found_is_counted_by_its_kind(world: World) -> None:
    world.plant("a", {})
    world.plant("b", {})
    del world.index.documents["c"]
    run = Run(world)
    run.run()
    assert run.verification.counts == {"items": 8, "different": 2, "missing": 1, "unstable": 0}


def test_a_document_edited_by_hand_is_a_difference_however_often_its_item_changes(world: World) -> None:
    """The stream's changes do not arrive, and the document stays as it is: nobody brings them."""
    world.plant("a", {"id": "a", "n": "edited"})
    numbers = iter(range(10_000))

    def change() -> None:
        world.client.put({"id": {"S": "a"}, "n": {"N": str(next(numbers))}})

    world.clock.every(0.3, change)
    assert Run(world).kinds() == {"a": Kind.DIFFERENT}


def test_a_missing_document_is_a_difference_however_often_its_item_changes(world: World) -> None:
    del world.index.documents["a"]
    numbers = iter(range(10_000))

    def change() -> None:
        world.client.put({"id": {"S": "a"}, "n": {"N": str(next(numbers))}})

    world.clock.every(0.3, change)
    assert Run(world).kinds() == {"a": Kind.MISSING}


@pytest.mark.parametrize("period", [0.1, 0.7, 3.0, 4.9, 9.9, 10.0, 10.4, 15.0, 20.0])
@pytest.mark.parametrize("lag", [0.05, 1.0, 5.0, 9.0])
def test_an_item_that_changes_again_and_again_is_no_difference(world: World, period: float, lag: float) -> None:
    world.lag = lambda: lag
    numbers = iter(range(100_000))
    world.clock.every(period, lambda: world.put("a", n={"N": str(next(numbers))}))
    for _ in range(20):
        world.clock.sleep(1.7)
        assert Run(world).run() == []


def coming_and_going(world: World, lives: float, gone: float, lag: float) -> None:
    """An item that is put, lives for a while, and is deleted, again and again."""
    world.lag = lambda: lag
    period = lives + gone
    world.clock.every(period, lambda: world.put("lock", n={"N": "1"}))
    world.clock.every(period, lambda: world.delete("lock"), first=lives)


@pytest.mark.parametrize("gone", [0.1, 1.0, 4.0, 9.0])
@pytest.mark.parametrize("lives", [0.1, 0.5, 1.0, 4.0, 9.0])
@pytest.mark.parametrize("lag", [0.2, 3.0, 9.5])
def test_an_item_deleted_and_put_again_and_again_is_no_difference(
    world: World, lives: float, gone: float, lag: float
) -> None:
    coming_and_going(world, lives, gone, lag)
    for round_ in range(8):
        world.clock.sleep(1.3)
        assert Run(world, seed=round_).run() == []


def test_an_item_that_changes_between_page_and_documents_and_again_before_the_second_look_is_none(
    world: World,
) -> None:
    """The page is older than the document, which then stays as it is until the second look's item is read."""
    world.lag = lambda: 0.5
    world.reader.latency = 2.0
    began = world.clock.time
    world.clock.at(began + 0.1, lambda: world.put("a", n={"N": "2"}))
    world.clock.at(began + 2.0 + SETTLE + 0.8, lambda: world.put("a", n={"N": "3"}))
    assert Run(world).run() == []


def test_later_looks_read_the_document_before_its_item_too(world: World) -> None:
    """Three changes: one under way at the first look, one between the two reads of the second if they were the
    other way round, one under way at the third."""
    world.reader.latency = 2.0
    lags = iter((1.5, 0.5, 1.5))
    world.lag = lambda: next(lags)
    for after, number in ((0.0, "2"), (2.0 + SETTLE + 0.2, "3"), (4.0 + 2 * SETTLE - 0.2, "4")):
        world.clock.at(world.clock.time + after, lambda number=number: world.put("a", n={"N": number}))  # type: ignore[misc]
    assert Run(world).run() == []


def test_a_document_edited_again_between_two_looks_is_found_at_the_next(world: World) -> None:
    world.plant("a", {"id": "a", "n": 2})
    world.clock.at(world.clock.time + SETTLE / 2, lambda: world.plant("a", {"id": "a", "n": 3}))
    assert Run(world).kinds() == {"a": Kind.DIFFERENT}


HIDDEN = {"_deleted": {"BOOL": True}}
NOT_HIDDEN = Rules(condition=Condition('{"_deleted": [{"exists": false}]}'))


def random_world(seed: int, rules: Rules = WHOLE) -> World:
    """Items that change, come and go, each in its own way, behind slow requests and a pipeline of uneven lag. By a
    condition half of those that go are there still, hidden."""
    rng = random.Random(seed)
    world = World(rules=rules)
    world.lag = lambda: rng.uniform(0.0, SETTLE - 2.0)
    world.client.latency, world.reader.latency = rng.uniform(0.0, 2.0), rng.uniform(0.0, 2.0)
    for position in range(40):
        name, often, comes = f"item-{position:02d}", 10 ** rng.uniform(-0.5, 1.5), rng.random()

        def change(name: str = name, often: float = often, comes: float = comes) -> None:
            if rng.random() < comes:
                world.put(name, n={"N": str(rng.randrange(1_000_000))})
            elif rules.condition is not None and rng.random() < 0.5:
                world.put(name, **HIDDEN)
            else:
                world.delete(name)
            world.clock.at(world.clock.time + rng.expovariate(1 / often), change)

        world.clock.at(world.clock.time, change)
    world.clock.sleep(60.0)
    return world


@pytest.mark.parametrize("seed", range(40))
def test_a_world_that_is_never_still_shows_no_difference_but_those_planted(seed: int) -> None:
    world = random_world(seed)
    for name in ("edited", "missing"):
        world.put(name, n={"N": "1"})
    world.clock.sleep(SETTLE)
    world.plant("edited", {"id": "edited", "n": 2})
    world.plant("orphan", {"id": "orphan"})
    del world.index.documents["missing"]
    kinds = {"edited": Kind.DIFFERENT, "orphan": Kind.ORPHAN, "missing": Kind.MISSING}
    assert Run(world, seed).kinds() == kinds


@pytest.mark.parametrize("seed", range(40))
def test_a_world_whose_items_enter_and_leave_by_a_condition_shows_no_difference_but_those_planted(seed: int) -> None:
    """By a whole run, whose index's part looks up what its table's part has not compared."""
    world = random_world(seed, NOT_HIDDEN)
    for name in ("edited", "missing", "hidden"):
        world.put(name, n={"N": "1"})
    world.clock.sleep(SETTLE)
    world.plant("edited", {"id": "edited", "n": 2})
    del world.index.documents["missing"]
    world.client.put({"id": {"S": "hidden"}, **HIDDEN})
    config = replace(read_environment(environment()), when=NOT_HIDDEN.condition)
    lane = Lane(world, config, recheck_delay=SETTLE, s3=MemoryBucket(), seen_bucket="seen", call_seconds=HOUR)
    totals = lane.reconcile("verify", of=2)
    assert lane.differences() == {"edited": "different", "missing": "missing", "hidden": "orphan"}
    assert totals["filtered"] > 0
    totals = lane.reconcile("repair", of=2)
    assert totals["repaired"] >= 3
    assert "hidden" not in world.index.documents


def test_an_item_that_is_there_only_when_it_is_looked_at_is_no_difference(world: World) -> None:
    """Its document is never seen; the samples of the item show that it comes and goes."""
    rng = random.Random(1)
    samples = sum(SETTLE / SAMPLES * rng.uniform(0.5, 1.5) for _ in range(SAMPLES))
    world.lag = lambda: 0.1
    world.client.items["lock"] = {"id": {"S": "lock"}}
    world.clock.at(world.clock.time + 0.01, lambda: world.delete("lock"))
    for look in (SETTLE, SETTLE + samples):
        world.clock.at(world.clock.time + look - 0.01, lambda: world.put("lock"))
        world.clock.at(world.clock.time + look + 0.01, lambda: world.delete("lock"))
    assert Run(world, seed=1).run() == []


def test_what_keeps_moving_is_counted_and_no_difference(world: World) -> None:
    """An item that is never in step when looked at, because its document is always one change behind."""
    world.lag = lambda: 0.4
    numbers = iter(range(100_000))
    world.clock.every(0.3, lambda: world.put("a", n={"N": str(next(numbers))}))
    world.clock.sleep(5.0)
    run = Run(world)
    assert run.run() == []
    assert run.verification.counts["unstable"] == 1


def test_deletions_under_way_are_no_extra_documents(world: World) -> None:
    world.lag = lambda: SETTLE - 1.0
    for name in "abc":
        world.delete(name)
    assert Run(world).run() == []


def test_an_extra_document_of_an_item_that_comes_again_elsewhere_is_the_items_difference(world: World) -> None:
    world.plant("z", {"id": "z", "n": "planted"})
    world.clock.at(
        world.clock.time + SETTLE / 2, lambda: world.client.put({"id": {"S": "z"}, "n": {"N": "1"}}) and None
    )
    assert Run(world).kinds() == {"z": Kind.DIFFERENT}


def test_a_document_that_is_gone_when_its_item_is_looked_up_is_no_difference(world: World) -> None:
    world.put("new", n={"N": "1"})
    world.rest()
    deadline = Deadline.after(world.clock, HOUR)
    shown = world.reader.hits()
    world.delete("new")
    world.rest()
    run = Run(world)
    run.verification.look_up(shown, deadline)
    assert run.verification.recheck(deadline) == []


def test_an_item_that_can_never_become_a_document_is_a_difference(world: World) -> None:
    world.client.put({"id": {"S": "a"}, "x": {"UNKNOWN": "type"}})
    world.client.put({"id": {"S": "new"}, "x": {"UNKNOWN": "type"}})
    assert Run(world).kinds() == {"a": Kind.DIFFERENT, "new": Kind.MISSING}


def test_an_item_that_the_index_refuses_is_missing(world: World) -> None:
    world.client.put({"id": {"S": "poison"}, "n": {"S": "no number"}})
    assert Run(world).kinds() == {"poison": Kind.MISSING}


def test_a_unmappable_document_that_is_gone_at_the_second_look_is_none(world: World) -> None:
    world.plant("", {"id": ""})
    world.clock.at(world.clock.time + 1.0, lambda: world.index.documents.pop(""))
    assert Run(world).run() == []


def test_a_digest_ids_key_is_read_in_the_document_with_all_digits_of_its_number() -> None:
    types = {"a": "S", "b": "N"}
    world = World(("a", "b"), types)
    number = "1234567890.12345678901234"
    kept = world.put_item({"a": {"S": "x" * 600}, "b": {"N": number}})
    orphan = world.put_item({"a": {"S": "y" * 600}, "b": {"N": number}})
    world.rest()
    del world.client.items[orphan]
    exact_source(world, {kept: number, orphan: number})
    deadline = Deadline.after(world.clock, HOUR)
    run = Run(world)
    run.verification.look_up(world.reader.hits(), deadline)
    assert [(each.id, each.kind) for each in run.verification.recheck(deadline)] == [(orphan, Kind.ORPHAN)]


def test_many_disagreements_are_settled_before_the_run_goes_on(world: World) -> None:
    deadline = Deadline.after(world.clock, HOUR)
    run = Run(world)
    run.verification.most = 2
    world.plant("a", {})
    run.verification.compare(next(pages(world.table, deadline)), deadline)
    assert not run.verification.full
    world.plant("b", {})
    run.verification.compare(next(pages(world.table, deadline)), deadline)
    assert run.verification.full


def test_settling_takes_no_longer_than_it_says(world: World) -> None:
    world.lag = lambda: 0.4
    numbers = iter(range(100_000))
    world.clock.every(0.3, lambda: world.put("a", n={"N": str(next(numbers))}))
    coming_and_going(world, 0.2, 0.2, 0.1)
    world.clock.sleep(5.0)
    run = Run(world)
    deadline = Deadline.after(world.clock, HOUR)
    run.verification.compare(next(pages(world.table, deadline)), deadline)
    began = world.clock.time
    run.verification.recheck(deadline)
    assert world.clock.time - began <= run.verification.longest * 1.25
    assert run.verification.longest == 2 * (LOOKS - 1) * (SETTLE + REFRESH)


WATCH = LAG_KNOWN_AFTER


class Stalled:
    """A pipeline that stands still until a time, and what is said of it: the age of what was tried last, `told` seconds
    later. What it brought before then, and what it brings after, comes at once."""

    def __init__(self, world: World, until: float, told: float = WATCH) -> None:
        self.clock, self.until, self.told = world.clock, until, told
        self.since = world.clock.time
        world.lag = lambda: max(0.0, until - world.clock.time)

    def behind(self, since: float) -> float:
        known = min(self.clock.time - self.told, self.until)
        return max(0.0, known - self.since) if known >= since else 0.0


def change_some(world: World) -> None:
    """One item each that is new, changed and gone."""
    world.put("new", n={"N": "1"})
    world.put("a", n={"N": "2"})
    world.delete("b")


@pytest.mark.parametrize("told", [0.0, 60.0, WATCH])
@pytest.mark.parametrize("stalls", [20.0, 80.0, 120.0, 200.0])
def test_a_pipeline_that_stands_still_while_it_is_looked_at_makes_no_differences(
    world: World, stalls: float, told: float
) -> None:
    """However late it is said: what is on its way comes before, is settled anew, or the run says that it is late."""
    world.plant("planted", {"id": "planted"})
    del world.index.documents["h"]
    stalled = Stalled(world, world.clock.time + stalls, told)
    change_some(world)
    try:
        found = Run(world, lateness=Lateness(stalled.behind, WATCH)).kinds()
    except PipelineLateError:
        assert stalls + REFRESH > LONGEST_RECHECK_DELAY
    else:
        assert found == {"planted": Kind.ORPHAN, "h": Kind.MISSING}


@pytest.mark.parametrize("seed", range(30))
def test_a_world_that_is_never_still_and_stalls_shows_its_planted_differences_and_no_other(seed: int) -> None:
    """Stalls of up to two minutes at any time, told a minute after each invocation of half a minute. Where one was too
    long for any recheck delay the run says so, and is tried again."""
    rng = random.Random(seed)
    world = random_world(seed)
    for name in ("edited", "missing"):
        world.put(name, n={"N": "1"})
    world.clock.sleep(SETTLE)
    began = world.clock.time
    stalls = [(start, start + rng.uniform(45.0, 120.0)) for start in (began + rng.uniform(-80.0, 500.0) for _ in "ab")]

    def lag() -> float:
        now = world.clock.time
        late = max((end - now for start, end in stalls if start <= now < end), default=0.0)
        return late + rng.uniform(0.0, SETTLE - 2.0)

    def behind(since: float) -> float:
        tried = [start + 30.0 * number for start, end in stalls for number in range(5) if start + 30.0 * number <= end]
        known = [at for at in tried if since <= at <= world.clock.time - 60.0]
        return max((at - start for at in known for start, end in stalls if start <= at <= end), default=0.0)

    world.lag = lag
    world.plant("edited", {"id": "edited", "n": 2})
    world.plant("orphan", {"id": "orphan"})
    del world.index.documents["missing"]
    kinds = {"edited": Kind.DIFFERENT, "orphan": Kind.ORPHAN, "missing": Kind.MISSING}
    for _ in range(20):
        try:
            found = Run(world, seed, Lateness(behind, WATCH)).kinds()
        except PipelineLateError:
            world.clock.sleep(30.0)
        else:
            assert found == kinds
            return
    pytest.fail("the run never ended")


def test_a_pipeline_that_fell_behind_is_given_more_time_and_all_is_settled_anew(world: World) -> None:
    """It is in time again when it is asked, and what it was late with comes only then."""
    ages = iter((60.0, 60.0))
    world.plant("planted", {"id": "planted"})
    world.lag = lambda: 60.0
    change_some(world)
    run = Run(world, lateness=Lateness(lambda _: next(ages, 0.0), 0.0))
    assert run.kinds() == {"planted": Kind.ORPHAN}
    assert run.verification.recheck_delay == 60.0 + REFRESH


def test_what_was_late_once_is_given_no_more_time_than_that(world: World) -> None:
    world.plant("planted", {"id": "planted"})
    began = world.clock.time
    run = Run(world, lateness=Lateness(lambda _: 60.0, 0.0))
    assert run.kinds() == {"planted": Kind.ORPHAN}
    assert world.clock.time - began < 2 * SETTLE + 2 * (60.0 + REFRESH)


def test_a_pipeline_that_is_too_late_ends_the_call_with_the_figure(world: World) -> None:
    world.plant("planted", {"id": "planted"})
    run = Run(world, lateness=Lateness(lambda _: 500.0, 0.0))
    with pytest.raises(PipelineLateError, match="500 s behind"):
        run.run()


def test_a_call_without_the_time_to_settle_anew_says_so(world: World) -> None:
    world.plant("a", {})
    run = Run(world, lateness=Lateness(lambda _: 60.0, 0.0))
    deadline = Deadline.after(world.clock, SETTLE + 100.0)
    run.verification.compare(next(pages(world.table, deadline)), deadline)
    found = run.verification.recheck(deadline)
    with pytest.raises(PipelineLateError, match=r"60 s behind .* tried again"):
        run.verification.confirmed(found, deadline)


def test_only_what_differs_waits_for_the_pipelines_lag(world: World) -> None:
    asked: list[float] = []
    began = world.clock.time

    def behind(since: float) -> float:
        asked.append(since)
        return 0.0

    run = Run(world, lateness=Lateness(behind, WATCH))
    assert run.kinds() == {}
    assert (asked, world.clock.time) == ([], began)
    world.plant("planted", {"id": "planted"})
    assert run.kinds() == {"planted": Kind.ORPHAN}
    assert len(asked) == 1
    assert world.clock.time - asked[0] >= SETTLE + WATCH  # since its first look


MINUTES_LATE = 208.0
"""Seconds (Sage-Bionetworks/Synapse#5672)."""


@pytest.mark.parametrize("lag", [0.0, SETTLE - 1.0])
@pytest.mark.parametrize(
    "late", [{"seconds": MINUTES_LATE}, {"searches": MINUTES_LATE}, {"seconds": 61.0, "searches": 31.0}]
)
def test_a_collection_that_shows_writes_minutes_late_makes_no_differences(
    world: World, lag: float, late: dict[str, float]
) -> None:
    world.plant("planted", {"id": "planted"})
    del world.index.documents["h"]
    world.reads_late(**late)
    world.lag = lambda: lag
    world.put("new", n={"N": "1"})
    world.put("a", n={"N": "2"})
    world.delete("b")
    assert Run(world).kinds() == {"planted": Kind.ORPHAN, "h": Kind.MISSING}


@pytest.mark.parametrize("late", [31.0, 104.0, 208.0])
@pytest.mark.parametrize(("lives", "gone"), [(11.0, 12.0), (25.0, 7.0)])
@pytest.mark.parametrize("lag", [0.0, SETTLE - 1.0])
def test_an_item_that_comes_and_goes_behind_late_reads_is_no_difference(
    world: World, lives: float, gone: float, lag: float, late: float
) -> None:
    coming_and_going(world, lives, gone, lag)
    world.reads_late(late)
    world.clock.sleep(10.0)
    for round_ in range(15):
        world.clock.sleep(7.3)
        assert Run(world, seed=round_).kinds() == {}


def test_a_verification_concludes_nothing_from_a_collection_that_is_too_late(world: World) -> None:
    world.reads_late(MINUTES_LATE)
    world.put("a", n={"N": "2"})
    run = Run(world)
    deadline = Deadline.after(world.clock, 100.0)
    run.verification.compare(next(pages(world.table, deadline)), deadline)
    with pytest.raises(PipelineLateError, match="shows writes over"):
        run.verification.recheck(deadline)


def test_looks_again_ask_only_for_what_disagreed(world: World) -> None:
    world.plant("a", {})
    Run(world).run()
    assert [each for each in world.reader.asked if len(each) != 8] == [["a"]]
    assert world.client.reads == 3  # behind its page, at the second look, and of the index's page


def exact_source(world: World, numbers: dict[str, str]) -> None:
    """The memory index keeps what json.loads made of a document; give it every digit."""

    def document(name: str, shown: Mapping[str, tuple[int, Any]]) -> Document:
        version, source = shown[name]
        return Document(version, {**source, "b": exact(numbers[name])} if name in numbers else source)

    world.reader._document = document  # type: ignore[method-assign]
