"""What bench.rolling says that a round takes is what it takes, by the calls of a round over a world in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from bench import rolling
from bench.reconcile import PRICES
from searchsync.limits import ROUND_SHARE
from searchsync.reconcile.rolling import Schedule
from tests.unit.test_reconcile_rolling import EVERY, PERIOD, Bench


def counted(bench: Bench) -> Counter[str]:
    """What is asked from now on, by name."""
    found: Counter[str] = Counter()

    def count(of: Any, name: str) -> None:
        call = getattr(of, name)

        def asked(*given: Any, **named: Any) -> Any:
            found[name] += 1
            return call(*given, **named)

        setattr(of, name, asked)

    asked = [("client", ["scan", "batch_get_item"]), ("reader", ["documents", "keys"])]
    for of, names in [(getattr(bench.world, of), names) for of, names in asked] + [
        (bench.account, ["table", "running", "lag"]),
        (bench.steps.looker, ["look"]),
        (bench.bucket, ["put_object", "get_object"]),
    ]:
        for name in names:
            count(of, name)
    return found


def test_a_round_makes_no_more_calls_than_the_bench_counts() -> None:
    bench = Bench(items=400)
    bench.world.client.page = 100
    found = counted(bench)
    assert sum(len(each["parts"]) for each in bench.roll(0.85 * PERIOD)) == 4
    parts, slices, ticks = 4, 4, round(0.85 * PERIOD / EVERY)
    assert found["table"] + found["running"] + found["lag"] <= parts * (rolling.CALLS_A_PART - 3) + slices
    assert found["look"] <= slices + parts
    assert found["get_object"] <= ticks + 2 * 2 * 2
    assert found["put_object"] <= 2 + 2 * slices
    assert found["batch_get_item"] == 0  # what agrees is not looked up
    # A page of the table, its documents, and one page of keys a range and its first narrower ones.
    assert found["scan"] <= 400 / 100 + 2
    assert found["documents"] <= found["scan"] + 2 * 2


@pytest.mark.parametrize(("items", "pages"), [(1_000_000, (1_000, 1_000, 200)), (1_500, (2, 2, 1))])
def test_pages_are_those_of_the_functions_limits(items: int, pages: tuple[int, int, int]) -> None:
    assert rolling.pages(items) == pages


def test_the_goal_is_kept_and_a_shorter_period_costs_more() -> None:
    assert [figure.met for figure in rolling.figures() if figure.met is not None] == [True]
    month, week = (rolling.rolled(1_000_000, Schedule(days * rolling.DAY, 3600.0)) for days in (30, 7))
    assert month.calls < week.calls
    assert month.dollars < week.dollars < 30 / 7 * month.dollars
    per_day = rolling.rolled(2_000_000, rolling.DEFAULT).dollars - rolling.rolled(1_000_000, rolling.DEFAULT).dollars
    reads = 1_000_000 * 0.25 * PRICES["read_unit"] / 30 / ROUND_SHARE
    assert per_day > reads


def test_most_is_paid_for_reads_and_comparing_and_little_for_looking_often() -> None:
    hourly, daily = (
        rolling.rolled(1_000_000, Schedule(30 * rolling.DAY, every)).dollars for every in (3600.0, 86_400.0)
    )
    of_one_shard = [each / rolling.synced(1).dollars for each in (hourly, hourly - daily)]
    assert [round(100 * each, 1) for each in of_one_shard] == [1.6, 0.2]
