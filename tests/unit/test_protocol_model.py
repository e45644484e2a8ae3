"""Every interleaving of the write protocol within bounds, with the function's own rules: it converges, and
without any one of its rules it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from searchsync.version import Verdict, second_of, verdict, verdict_on_read
from tests.support.protocol_model import Rules, explore

WRITES = 2


def never_resync(rule: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """What peers do: every older write is skipped."""

    def judge(**facts: Any) -> Verdict:
        found = rule(**facts)
        return Verdict.STALE if found is Verdict.RESYNC else found

    return judge


def low_bits_decide(*, ours: int, current: int, **facts: Any) -> Verdict:
    found = verdict(ours=ours, current=current, **facts)
    same_second = second_of(current) == second_of(ours) and current % 2 == 0
    return Verdict.STALE if found is Verdict.RESYNC and same_second and current > ours else found


def test_the_protocol_converges_in_every_interleaving() -> None:
    states, way = explore(Rules(), WRITES)
    print(states, "states")
    assert way is None, way
    assert states > 50_000


@pytest.mark.parametrize(
    "without",
    [
        replace(Rules(), external=False),
        replace(Rules(), batch_order=False),
        replace(Rules(), margin=0),
        replace(Rules(), page_deadline=False),
        replace(Rules(), on_record=never_resync(verdict), on_read=never_resync(verdict_on_read)),
        replace(Rules(), on_record=low_bits_decide),
    ],
    ids=["versions", "batch order", "margin", "page deadline", "resync", "low bits that decide nothing"],
)
def test_without_this_rule_it_diverges(without: Rules) -> None:
    _, way = explore(without, WRITES)
    assert way is not None
