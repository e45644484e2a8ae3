"""Every kind of trouble that generated histories are made for, as it is counted where it is met and not where it is
drawn: what is never met proves nothing."""

from __future__ import annotations

from collections.abc import Mapping

from searchsync.delivery import NO_ANSWER, REFUSED_UNDER_LOAD
from tests.support.history.draw import EDGE_FAULTS, FAULTS, LOOK_FAULTS
from tests.support.history.steps import BEHAVIOURS

ENOUGH = 1_000
"""Histories of which each kind is met by some."""
MEETINGS = (
    *FAULTS,
    *(f"look: {name}" for name in LOOK_FAULTS),
    *(f"{edge}: {name}" for edge, names in EDGE_FAULTS.items() for name in names),
    *(f"behaves: {name}" for name in BEHAVIOURS if name),
    "asleep",
    "look: asleep",
    "landed late",
    f"poison {NO_ANSWER}",
    f"poison {REFUSED_UNDER_LOAD}",
    "cold start",
    "crash in an invocation",
    "index deleted",
    "process died on a record",
    "restart",
    "restart in an invocation",
    "shard split",
    "version from the future",
)


def unmet(met: Mapping[str, int]) -> list[str]:
    """The kinds that nothing met."""
    return [kind for kind in MEETINGS if not met.get(kind)]
