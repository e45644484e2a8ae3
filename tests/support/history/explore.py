"""Many histories from one seed: Hypothesis draws them, the first bad one is made minimal."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.support.history.draw import histories
from tests.support.history.invariants import run
from tests.support.history.meetings import ENOUGH, MEETINGS, unmet
from tests.support.history.minimise import minimise
from tests.support.history.pool import Pool
from tests.support.history.steps import History

COURSES = tuple(MEETINGS.values())


@dataclass
class Outcome:
    """What came of a seed's histories: how many ran, what was injected and done, and the failure, if any."""

    histories: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    failure: str = ""

    def add(self, other: Outcome) -> None:
        """Count another's too."""
        self.histories += other.histories
        self.injected += other.injected
        self.done += other.done
        self.failure = self.failure or other.failure

    @property
    def wrong(self) -> str:
        """Why the run is red: a history that failed, or so many without a kind of trouble; empty where it is green."""
        missed = unmet(self.injected) if self.histories >= ENOUGH else []
        return self.failure or (f"never met in {self.histories} histories: {', '.join(missed)}" if missed else "")

    def lines(self) -> str:
        """For people."""
        counted = [
            f"{what}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
            for what, counts in (("done", self.done), ("met", self.injected))
        ]
        return "\n".join([f"{self.histories} histories, {self.injected.total()} faults and troubles", *counted])


def explore(engine_url: str, seed: int, count: int, progress: Callable[[], None] = lambda: None) -> Outcome:
    """Run `count` histories of a seed, until one fails."""
    pool = Pool(engine_url, f"histories-{seed}-{random.SystemRandom().randrange(10**9)}")
    outcome = Outcome()
    try:
        bad = _first_bad(pool, seed, count, outcome, progress)
        outcome.injected += pool.network.injected
        outcome.done += pool.totals
        outcome.done["tombstones collected"] += sum(each.collected for each in pool.tombstones.values())
        if bad is not None:
            outcome.failure = _describe(pool, seed, *bad)
    finally:
        pool.close()
    return outcome


def _first_bad(
    pool: Pool, seed: int, count: int, outcome: Outcome, progress: Callable[[], None]
) -> tuple[History, str] | None:
    bad: list[tuple[History, str]] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],  # `minimise` knows what a history is made of, and gets further
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def each(history: History) -> None:
        if bad:
            return
        # Hypothesis draws much that is alike, and some kinds of trouble seldom: each in its turn begins a history.
        first = COURSES[outcome.histories % len(COURSES)]
        history = replace(history, steps=(*first, *history.steps))
        wrong = _wrong(pool, history)
        outcome.histories += 1
        progress()
        if wrong is not None:
            bad.append((history, wrong))

    each()
    return bad[0] if bad else None


def _wrong(pool: Pool, history: History) -> str | None:
    try:
        run(pool, history)
    except AssertionError as error:
        return str(error)
    return None


def _describe(pool: Pool, seed: int, history: History, wrong: str) -> str:
    smallest = minimise(history, lambda candidate: _wrong(pool, candidate) is not None)
    again = _wrong(pool, smallest)
    shown = "\n".join([f"    {smallest.setup}", *(f"    {step}" for step in smallest.steps)])
    note = "" if again is not None else "It did not fail again: look at what is not the world's own time.\n"
    return f"seed {seed}: {again or wrong}\n{note}minimal history:\n{shown}\nas drawn: {history}"
