"""Every kind of trouble that generated histories are made for, as it is counted where it is met and not where it is
drawn: what is never met proves nothing. Each with a course that meets it, by itself and before other steps."""

from __future__ import annotations

from collections.abc import Mapping

from searchsync.sync.delivery import NO_ANSWER, REFUSED_UNDER_LOAD
from tests.support.history.steps import (
    BEHAVIOURS,
    EDGE_FAULTS,
    FAULTS,
    LOOK_FAULTS,
    SILENT,
    Behave,
    Change,
    Crash,
    DeleteIndex,
    Deliver,
    During,
    EdgeFault,
    Fault,
    Future,
    Restart,
    Sleep,
    Split,
    Step,
    Tick,
)

ENOUGH = 1_000
"""Histories of which each kind is met by some."""

Course = tuple[Step, ...]
_WRITE: Course = (Change("a"), Deliver(3))
_PASSED: Course = (Change("a", form="no number"), During(1, Change("a")), Deliver(4))
"""A record meets what a read has written after it: a look-up is to say whether its document is there."""
_BY_EDGE: dict[str, Course] = {
    "table": (Change("a", form="no number"), Deliver(3)),
    "queue": (Change("a", "broken"), Deliver(3)),
    "stream": (Change("a"), Tick(84_000.0), Deliver(3)),  # the trigger drops it
}


def _behaves(name: str) -> Course:
    if BEHAVIOURS[name].reads_late_s:
        return (Behave(name), *_PASSED)
    return (Behave(name), DeleteIndex(), *_WRITE)


def _old(seconds: float, fault: str) -> Course:
    return (Change("a"), Tick(seconds), Fault(fault, 2), Deliver(3))


MEETINGS: dict[str, Course] = {
    **{name: (Change("c"), Change("a"), Fault(name), Deliver(3)) for name in FAULTS},
    **{f"look: {name}": (Crash(), Fault(name, where="look"), *_WRITE) for name in LOOK_FAULTS},
    **{
        f"{edge}: {name}": (EdgeFault(edge, name), *_BY_EDGE[edge])
        for edge, names in EDGE_FAULTS.items()
        for name in names
    },
    **{f"behaves: {name}": _behaves(name) for name in BEHAVIOURS if name},
    "asleep": (Sleep(20.0), *_WRITE),
    "look: asleep": (Crash(), Sleep(20.0), *_WRITE),
    "landed late": (Fault("late"), *_WRITE),
    f"poison {NO_ANSWER}": _old(700.0, SILENT),
    "poison injected_500_exception": (
        *(Change(key) for key in "bcda"),
        Tick(700.0),
        Fault("item 500 late", 30),
        Deliver(3),
    ),
    f"poison {REFUSED_UNDER_LOAD}": (*_old(4_000.0, "item 429")[:2], Fault("item 429", 30), Deliver(3)),
    "cold start": (Crash(), *_WRITE),
    "crash in an invocation": (During(2, Crash()), *_WRITE),
    "index deleted": (DeleteIndex(), *_WRITE),
    "left by the condition": (*_WRITE, Change("a", "hide"), Deliver(3)),
    "came back by the condition": (*_WRITE, Change("a", "hide"), Change("a"), Deliver(3)),
    "two values of one name": (Change("a", "taken"), Deliver(3)),
    "a transform that raises": (Change("a", "raise"), Deliver(3)),
    "left by the transform": (*_WRITE, Change("a", "drop"), Deliver(3)),
    "expired": (*_WRITE, Tick(61.0), Change("a", "expire"), Deliver(3)),
    "process died on a record": (Change("a", "crash"), Deliver(3)),
    "restart": (*_WRITE, Restart()),
    "restart in an invocation": (During(2, Restart()), *_WRITE),
    "shard split": (Split(), *_WRITE),
    "version from the future": (Future(), Deliver(3)),
}


def unmet(met: Mapping[str, int]) -> list[str]:
    """The kinds that nothing met."""
    return [kind for kind in MEETINGS if not met.get(kind)]
