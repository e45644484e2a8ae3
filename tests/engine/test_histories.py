"""Generated histories of a table under every fault we know, with the real function, gate and engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.engine import Engine
from searchsync.limits import GRANTED_WITHIN
from tests.support.history import steps
from tests.support.history.explore import explore
from tests.support.history.invariants import run
from tests.support.history.meetings import MEETINGS
from tests.support.history.pool import Pool

HISTORIES = int(os.environ.get("SEARCHSYNC_HISTORIES", "80"))
"""Of each part; `make prove` runs many more."""


LONG = steps.Setup(timeout=900.0)
STORM = 60
"""Refusals: a lone document's tries, each with its probe's, take a minute and a half."""
COLLECTED = tuple(steps.During(moment, steps.Collect()) for moment in range(80, 160, 20))
"""The tombstones behind a storm's first minute; it begins with the first request after the newer trigger's."""


def outlived(*begin: steps.Step, back: int, storm: int) -> steps.History:
    """A deletion by a newer trigger, and then a storm over the older one's write that its tombstone does not outlast.

    `back`: how far the newer one goes back; `storm`: the moment of the first request behind its deletion.
    """
    return steps.History(
        LONG,
        (
            *begin,
            steps.Fault("429"),
            steps.During(4, steps.Change("a", "delete")),
            steps.During(5, steps.Restart(back, 8)),
            steps.During(storm, steps.Fault("429", STORM)),
            *COLLECTED,
            steps.Deliver(1),
        ),
    )


COURSES = {
    "a storm outlives the tombstone that a newer trigger made of the same key": outlived(
        steps.Change("a"), back=0, storm=10
    ),
    "a storm outlives the tombstone of what was read from the table before": outlived(
        steps.Change("a"), steps.Deliver(1), steps.Change("a", form="no number"), back=1, storm=14
    ),
    "warm sandboxes lose their permission": steps.History(
        LONG,
        (
            steps.Change("a"),
            steps.Deliver(1),
            steps.Change("a"),
            steps.Deliver(1),
            steps.Tick(2 * GRANTED_WITHIN),
            steps.Change("a"),
            steps.Fault("403"),
            steps.Deliver(1),
        ),
    ),
    "a resync's time is over": steps.History(
        steps.Setup(timeout=110.0), (steps.Change("a", form="no number"), steps.Fault("503", 200), steps.Deliver(1))
    ),
    "a resync is busy in its first rounds, and disputed in the rest": steps.History(
        steps.Setup(latency=0.05),
        (
            steps.Fault("429", 31),
            steps.Fault("item 409", 3),
            steps.Change("a", form="no number"),
            steps.Deliver(1),
        ),
    ),
    "an index is deleted under a warm sandbox": steps.History(
        LONG, (steps.Change("a"), steps.Deliver(2), steps.DeleteIndex())
    ),
    "reads show a deleted document until its tombstone is gone": steps.History(
        LONG,
        (
            steps.Change("a"),
            steps.Deliver(3),
            steps.Behave("reads minutes late"),
            steps.Change("a"),
            steps.Change("a", "delete", -1),
            steps.During(7, steps.Crash()),
            steps.Deliver(2),
            steps.Tick(61.0),
            steps.Fault("late"),
            steps.Deliver(2),
            steps.Tick(1.0),
            steps.Deliver(1),
            steps.Collect(),
            steps.Deliver(1),
            steps.Land(),
        ),
    ),
    "an index is made anew and takes no writes for minutes": steps.History(
        LONG,
        (steps.Behave("new index for minutes"), steps.DeleteIndex(), steps.Change("a"), steps.Deliver(4)),
    ),
    "an index is made anew and is not shown": steps.History(
        LONG, (steps.Behave("new index hidden"), steps.DeleteIndex(), steps.Change("a"), steps.Deliver(4))
    ),
    "a collection that sleeps lets the requests land that woke it": steps.History(
        LONG, (steps.Change("a"), steps.Deliver(2), steps.Sleep(30.0), steps.Change("a", "delete"), steps.Deliver(4))
    ),
    "a storm outlives the time of a batch of three": steps.History(
        steps.Setup(timeout=110.0),
        (steps.Change("a"), steps.Change("b"), steps.Change("c"), steps.Fault("429", 200), steps.Deliver(1)),
    ),
    "poison lies above a record that a storm holds up": steps.History(
        steps.Setup(timeout=110.0),
        (steps.Change("a"), steps.Change("b", "broken"), steps.Fault("503", 200), steps.Deliver(1)),
    ),
    "a record is older than the alarm for repairs": steps.History(
        steps.Setup(max_age=-1), (steps.Change("a"), steps.Tick(84_000.0), steps.Deliver(1))
    ),
}
"""Each is sure to meet a rule that drawn histories meet seldom."""


@pytest.mark.parametrize("history", COURSES.values(), ids=COURSES.keys())
def test_a_dangerous_course_ends_well(engine: Engine, index_name: str, history: steps.History) -> None:
    pool = Pool(engine.url, index_name)
    try:
        run(pool, history)
    finally:
        pool.close()


@pytest.fixture(scope="module")
def pool(engine: Engine) -> Iterator[Pool]:
    """One for all."""
    shared = Pool(engine.url, "histories-met")
    yield shared
    shared.close()


@pytest.mark.parametrize("kind", MEETINGS)
def test_every_kind_of_trouble_can_be_met_and_ends_well(pool: Pool, kind: str) -> None:
    before = pool.network.injected[kind]
    run(pool, steps.History(steps.Setup(retries=2), MEETINGS[kind]))
    assert pool.network.injected[kind] > before


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_history_the_index_is_the_table_or_the_queue_says_why_not(engine: Engine, seed: int) -> None:
    outcome = explore(engine.url, seed, HISTORIES)
    print(f"seed {seed}: {outcome.lines()}")
    assert not outcome.wrong, outcome.wrong
