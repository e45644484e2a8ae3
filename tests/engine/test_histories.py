"""Generated histories of a table under every fault we know, with the real function, gate and engine."""

from __future__ import annotations

import os

import pytest

from lab.engine import Engine
from tests.support.history import steps
from tests.support.history.explore import explore
from tests.support.history.invariants import run
from tests.support.history.pool import Pool

HISTORIES = int(os.environ.get("SEARCHSYNC_HISTORIES", "80"))
"""Of each part; `make prove` runs many more."""


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_history_the_index_is_the_table_or_the_queue_says_why_not(engine: Engine, seed: int) -> None:
    outcome = explore(engine.url, seed, HISTORIES)
    print(f"seed {seed}: {outcome.lines()}")
    assert not outcome.failure, outcome.failure


FOUND = {
    "a storm outlives a tombstone that a newer trigger made": steps.History(
        steps.Setup(timeout=900.0),
        (
            steps.Change("a"),
            steps.Fault("429", 3),
            steps.During(4, steps.Change("a", "delete")),
            steps.During(5, steps.Restart(0, 8)),
            steps.During(15, steps.Fault("429", 40)),
            steps.During(80, steps.Collect()),
            steps.Deliver(1),
        ),
    ),
}
"""Histories that were bad once."""


@pytest.mark.parametrize("history", FOUND.values(), ids=FOUND.keys())
def test_a_history_that_was_bad_once_is_good(engine: Engine, index_name: str, history: steps.History) -> None:
    pool = Pool(engine.url, index_name)
    try:
        run(pool, history)
    finally:
        pool.close()
