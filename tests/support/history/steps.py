"""What a history is made of, and how Hypothesis draws one. Small values first: that is where it shrinks to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

Value = Literal["put", "delete", "text", "large", "broken", "crash"]
Form = Literal["full", "no image", "no time", "no number"]

KEYS = ("a", "b", "c", "d")
GOOD_FAULTS = ("429", "402", "500", "502", "503", "504", "html", "503 applied", "reset", "reset applied", "cut")
SLOW_FAULTS = ("slow", "late", "late answer", "lost")
STACK_FAULTS = ("401", "403", "404", "413", "400")
ITEM_FAULTS = ("item 429", "item 402", "item 503", "item 503 applied", "item 409")
FAULTS = (*GOOD_FAULTS, *SLOW_FAULTS, *STACK_FAULTS, *ITEM_FAULTS)
TABLE_FAULTS = ("throttled", "unprocessed", "slow read", "late read", "refused")


@dataclass(frozen=True)
class Change:
    """Somebody puts or deletes an item. `value`: "text" the mapping refuses, "large" the collection, "broken"
    the converter; on "crash" the function's process dies. `skew`: seconds that the stream's clock is off."""

    key: str
    value: Value = "put"
    skew: int = 0
    form: Form = "full"


@dataclass(frozen=True)
class Tick:
    """Time passes while no invocation runs."""

    seconds: float


@dataclass(frozen=True)
class Deliver:
    """The trigger takes so many steps."""

    steps: int = 1


@dataclass(frozen=True)
class Split:
    """The shard of `key` closes and two children open; their numbers' low bits fall, or rise."""

    key: str = "a"
    fall: bool = True


@dataclass(frozen=True)
class Fault:
    """The next `times` requests meet this; an item's fault waits for a request with `key` in it."""

    name: str
    times: int = 1
    key: str = "a"
    where: Literal["bulk", "look"] = "bulk"


@dataclass(frozen=True)
class TableFault:
    """The next `times` reads of the table meet this."""

    name: str
    times: int = 1


@dataclass(frozen=True)
class QueueRefuses:
    """The failure queue refuses the next `times` requests, whole or one message of each."""

    times: int = 1
    whole: bool = True


@dataclass(frozen=True)
class Restart:
    """A new trigger goes on from earlier checkpoints, and takes `steps`; what the old one still runs is ignored."""

    back: int = 1
    steps: int = 3


@dataclass(frozen=True)
class Crash:
    """The sandbox that works dies; without one, all warm sandboxes are gone."""


@dataclass(frozen=True)
class Land:
    """The requests that timed out arrive at the engine."""


@dataclass(frozen=True)
class Collect:
    """The engine forgets every tombstone that is old enough."""


@dataclass(frozen=True)
class DeleteIndex:
    """Somebody deletes the index."""


@dataclass(frozen=True)
class Foreign:
    """Somebody else's write leaves a version so many seconds ahead; a put follows. A version that is only a
    little ahead cannot be told from the pipeline's own once that time has come."""

    key: str = "a"
    ahead: int = 1_000_000


Plain = (
    Change
    | Tick
    | Deliver
    | Split
    | Fault
    | TableFault
    | QueueRefuses
    | Restart
    | Crash
    | Land
    | Collect
    | DeleteIndex
    | Foreign
)


@dataclass(frozen=True)
class During:
    """The step happens at the n-th moment (request, answer, read, pause, message) of the work that follows."""

    moment: int
    step: Plain


Step = Plain | During


@dataclass(frozen=True)
class Setup:
    """What stays the same through a history. Seconds; `skews` of the sandboxes' clocks."""

    batch_size: int = 10
    lanes: int = 1
    bisect: bool = True
    retries: int = -1
    max_age: float = 79_200
    timeout: float = 300.0
    latency: float = 0.05
    skews: tuple[float, float] = (0.0, 0.0)
    roots: int = 1
    wraps: bool = False
    long_id: int = 8
    """UTF-8 bytes of the key `d`."""


@dataclass(frozen=True)
class History:
    """A setup and what happens, in order."""

    setup: Setup
    steps: tuple[Step, ...]


def setups() -> st.SearchStrategy[Setup]:
    """All setups that the protocol promises to work in: clocks apart by less than the margin."""
    return st.builds(
        Setup,
        batch_size=st.sampled_from([10, 3, 1]),
        lanes=st.sampled_from([1, 2]),
        bisect=st.booleans(),
        retries=st.sampled_from([-1, -1, -1, -1, 2]),
        timeout=st.sampled_from([300.0, 110.0, 900.0]),
        latency=st.sampled_from([0.05, 1.0]),
        skews=st.tuples(*[st.sampled_from([0.0, 1.7, -2.0])] * 2),
        roots=st.sampled_from([1, 2]),
        wraps=st.booleans(),
        long_id=st.sampled_from([8, 511, 512, 513]),
    )


def changes() -> st.SearchStrategy[Change]:
    """A change: mostly puts and deletions of few keys."""
    return st.builds(
        Change,
        key=st.sampled_from("aaaabbcd"),
        value=st.sampled_from(["put"] * 10 + ["delete"] * 8 + ["text", "text", "large", "broken", "crash"]),
        skew=st.sampled_from([0, 0, 0, 5, -5, -1, 3]),
        form=st.sampled_from(["full"] * 12 + ["no image", "no time", "no number"]),
    )


def faults() -> st.SearchStrategy[Fault]:
    """A fault of the collection: once, a few times, or a storm."""
    weighted = [*GOOD_FAULTS, *SLOW_FAULTS * 3, *STACK_FAULTS, *ITEM_FAULTS * 2]
    return st.builds(
        Fault,
        name=st.sampled_from(weighted),
        times=st.sampled_from([1, 1, 1, 2, 2, 7, 30]),
        key=st.sampled_from("aabbcd"),
        where=st.sampled_from(["bulk"] * 6 + ["look"]),
    )


TROUBLES: dict[str, tuple[int, st.SearchStrategy[Plain]]] = {
    "change": (8, changes()),
    "restart": (4, st.builds(Restart, back=st.integers(0, 3), steps=st.integers(1, 6))),
    "crash": (4, st.just(Crash())),
    "land": (3, st.just(Land())),
    "collect": (4, st.just(Collect())),
    "split": (2, st.builds(Split, key=st.sampled_from(KEYS), fall=st.booleans())),
    "fault": (3, faults()),
    "foreign": (1, st.builds(Foreign, key=st.sampled_from(KEYS))),
}
"""What may happen at any time, also in the middle of an invocation, each with its weight."""
RARE = 50
"""One trouble in so many is an index deleted under way: it costs a new index."""


def troubles() -> st.SearchStrategy[Plain]:
    """What may happen at any time."""
    names = [name for name, (weight, _) in TROUBLES.items() for _ in range(weight)]
    names = names * RARE
    names[-len(names) // RARE :] = ["index"] * (len(names) // RARE)
    return st.sampled_from(names).flatmap(
        lambda name: TROUBLES[name][1] if name in TROUBLES else st.just(DeleteIndex())
    )


def steps() -> st.SearchStrategy[Step]:
    """One step of a history."""
    weighted: list[tuple[int, st.SearchStrategy[Step]]] = [
        (9, changes()),
        (6, st.builds(Deliver, st.integers(1, 4))),
        (4, st.builds(Tick, st.sampled_from([1.0, 0.3, 5.0, 12.0, 31.0, 61.0, 61.0, 84_000.0]))),
        (4, faults()),
        (2, troubles()),
        (5, st.builds(During, st.integers(1, 12), troubles())),
        (1, st.builds(TableFault, st.sampled_from(TABLE_FAULTS), st.sampled_from([1, 2, 6]))),
        (1, st.builds(QueueRefuses, st.sampled_from([1, 3]), st.booleans())),
    ]
    return st.sampled_from([each for weight, each in weighted for _ in range(weight)]).flatmap(lambda each: each)


def histories() -> st.SearchStrategy[History]:
    """Histories of some 25 steps."""
    rounds = st.lists(st.lists(steps(), max_size=12), max_size=12)
    return st.builds(History, setups(), rounds.map(lambda lists: tuple(step for each in lists for step in each)))
