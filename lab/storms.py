"""Storms: a schedule of faults from a seed, every kind of `lab.faults` in turn.

A deck of all storms is shuffled and dealt, then shuffled again: every kind comes before any comes twice.
What only a document that is really too large may meet (413, and a refusal of the whole request) waits for
large bodies, so that no good document is poison. For the same reason no storm lasts as long as a document
must stay busy alone to be poison (LONE_SECONDS in `searchsync.limits`).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lab.faults import Fault, FaultKind
from lab.gate_admin import GateControl

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 3.0
LARGE_BODY = 8_000
"""Bytes: the documents of `lab.workload` are a tenth of it."""
LATE_SECONDS = 33.0
"""Longer than the function waits for an answer (REQUEST_TIMEOUT in `searchsync.limits`)."""
MOST_ITEMS = 500
MISSED_SECONDS = 60.0
"""How much longer a storm waits for its first hit at most: the trigger may be waiting between two tries."""


@dataclass(frozen=True)
class Storm:
    """Faults that hold together for `seconds`."""

    name: str
    faults: tuple[Fault, ...]
    seconds: float


Recipe = Callable[[random.Random], Fault]


def _status(status: int, error_type: str, **more: object) -> Recipe:
    def make(rng: random.Random) -> Fault:
        return _fault(FaultKind.STATUS, rng, status=status, error_type=error_type, **more)

    return make


def _item(status: int, error_type: str, applied: bool = False) -> Recipe:
    def make(rng: random.Random) -> Fault:
        step = rng.choice([1, 2, 3, 20])
        positions = tuple(range(rng.randrange(step), MOST_ITEMS, step))
        return _fault(FaultKind.ITEM, rng, status=status, error_type=error_type, applied=applied, positions=positions)

    return make


def _fault(kind: FaultKind, rng: random.Random, **more: object) -> Fault:
    """A fault of the bulk requests, or of every request, that hits some of them."""
    bulk_only = kind is FaultKind.ITEM or rng.random() < 0.7
    fields: dict[str, object] = {
        "kind": kind,
        "path": "_bulk" if bulk_only else "",
        "count": None,
        "probability": rng.choice([0.3, 0.6, 1.0]),
        "seed": rng.randrange(2**32),
    }
    return Fault.from_json(fields | more)


RECIPES: dict[str, Recipe] = {
    "429": _status(429, "circuit_breaking_exception"),
    "402": _status(402, "service_quota_exceeded_exception"),
    "500": _status(500, "internal_server_error"),
    "502": _status(502, "bad_gateway"),
    "503": _status(503, "service_unavailable_exception"),
    "504, applied": _status(504, "gateway_timeout", applied=True),
    "403": _status(403, "security_exception"),
    "413": _status(413, "content_too_long", path="_bulk", over=LARGE_BODY),
    "400 of the request": _status(400, "illegal_argument_exception", path="_bulk", over=LARGE_BODY),
    "reset": lambda rng: _fault(FaultKind.RESET, rng),
    "reset, applied": lambda rng: _fault(FaultKind.RESET, rng, applied=True),
    "cut": lambda rng: _fault(FaultKind.CUT, rng),
    "delay": lambda rng: _fault(FaultKind.DELAY, rng, seconds=rng.uniform(0.1, 1.5)),
    "drop": lambda rng: _fault(FaultKind.DROP, rng, seconds=rng.uniform(0.5, 3.0), count=1),
    "slow reader": lambda rng: _fault(FaultKind.SLOW_READER, rng, seconds=rng.uniform(0.1, 1.5)),
    "slow writer": lambda rng: _fault(FaultKind.SLOW_WRITER, rng, seconds=rng.uniform(0.1, 1.5)),
    "items 429": _item(429, "circuit_breaking_exception"),
    "items 402": _item(402, "service_quota_exceeded_exception"),
    "items 503, applied": _item(503, "unavailable_shards_exception", applied=True),
}
LATE: dict[str, Recipe] = {
    "drop, applied after the request's timeout": lambda rng: _late(FaultKind.DROP, rng),
    "slow reader, longer than the request's timeout": lambda rng: _late(FaultKind.SLOW_READER, rng),
    "slow writer, longer than the request's timeout": lambda rng: _late(FaultKind.SLOW_WRITER, rng),
    "black hole": lambda rng: _late(FaultKind.BLACK_HOLE, rng),
}
"""Each takes half a minute, until the function gives a request up."""


def _late(kind: FaultKind, rng: random.Random) -> Fault:
    return _fault(kind, rng, path="_bulk", seconds=LATE_SECONDS, count=0)


def storms(seed: int, *, late: bool) -> Iterator[Storm]:
    """Storms without end. `late`: also those whose requests the function gives up."""
    rng = random.Random(seed)
    recipes = RECIPES | (LATE if late else {})
    while True:
        for name in rng.sample(sorted(recipes), len(recipes)):
            fault = recipes[name](rng)
            # Chance decides over all requests but the first, or a short storm would often hit none.
            certain = replace(fault, count=1, probability=1.0)
            yield Storm(name, (certain, fault), rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))


class Weather:
    """One storm after the other, each so many changes after the last; none before the last is over.

    A storm is over when its time is, and it has hit a request or none will come: `behind` says how many records
    the trigger has still to deliver.
    """

    def __init__(self, gate: GateControl, forecast: Iterator[Storm], every: int, behind: Callable[[], int]) -> None:
        self.storms: Counter[str] = Counter()
        self._gate, self._forecast = gate, forecast
        self._every, self._behind = every, behind
        self._next = 0
        self._storm: Storm | None = None
        self._ends = 0.0
        self._hits = 0

    @property
    def name(self) -> str:
        """The storm that blows, or that none does."""
        return self._storm.name if self._storm else "fine"

    def step(self, written: int) -> bool:
        """Begin or end a storm; whether the writer must wait for the end of this one."""
        if written < self._next:
            # The trigger may have done all for a moment: more will come.
            self._end_if(self._hit())
            return False
        if self.blows():
            return True
        self._storm, self._next = next(self._forecast), self._next + self._every
        self._hits = self._counted()
        self._gate.inject(*self._storm.faults)
        self._ends = time.monotonic() + self._storm.seconds
        self.storms[self._storm.name] += 1
        return False

    def blows(self) -> bool:
        """With no writer at work: end the storm if it is over; whether one still blows."""
        self._end_if(self._hit() or not self._behind() or time.monotonic() - self._ends > MISSED_SECONDS)
        return self._storm is not None

    def _end_if(self, over: bool) -> None:
        if self._storm and over and time.monotonic() >= self._ends:
            self._gate.clear()
            self._storm = None

    def _hit(self) -> bool:
        return self._counted() > self._hits

    def _counted(self) -> int:
        return sum(self._gate.counts.faults.values())
