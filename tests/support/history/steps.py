"""What a history is made of. The defaults are what a failing one is made plain to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.behaviours import Behaviours

Value = Literal["put", "delete", "expire", "hide", "drop", "text", "large", "broken", "taken", "raise", "crash"]
Form = Literal["full", "no image", "no time", "no number"]
Edge = Literal["table", "queue", "stream"]

KEYS = ("a", "b", "c", "d")
BEHAVIOURS = {
    "": Behaviours(),
    "late reads": Behaviours(reads_late_s=10.0),
    "reads minutes late": Behaviours(reads_late_s=300.0),
    "new index": Behaviours(new_index_unwritable_s=15.0),
    "new index for minutes": Behaviours(new_index_unwritable_s=150.0),
    "new index by item": Behaviours(new_index_unwritable_s=15.0, new_index_by_item=True),
    "new index hidden": Behaviours(new_index_unwritable_s=15.0, new_index_hidden_s=15.0),
}
"""What AOSS does beyond its rules, as far as a history can meet it: `lab.behaviours` says where it is known from."""

GOOD_FAULTS = ("429", "402", "500", "502", "503", "504", "html", "503 applied", "reset", "reset applied", "cut")
LATE_FAULTS = ("slow", "late", "late answer", "lost")
SLOW_FAULTS = (
    "slow reader",
    "slow reader cut",
    "slow writer",
    "slow writer cut",
    "black hole",
    "dead address",
    "dead addresses",
)
STACK_FAULTS = ("401", "403", "404")
BULK_FAULTS = ("413", "400")
"""Refusals of several documents together: nothing else meets them."""
LATE_ITEM_FAULTS = ("item 500 late", "item 503 late")
SILENT = "item silent"
"""No request with that item is answered in its time."""
ITEM_FAULTS = (
    *("item 429", "item 402", "item 503", "item 503 applied", "item 409", "item 400"),
    *LATE_ITEM_FAULTS,
    SILENT,
)
LOOK_FAULTS = (*GOOD_FAULTS, *LATE_FAULTS, *SLOW_FAULTS, *STACK_FAULTS)
FAULTS = (*LOOK_FAULTS, *BULK_FAULTS, *ITEM_FAULTS)
SLOW_CALLS = ("no answer", "half an answer", "slow bytes", "no JSON")
EDGE_FAULTS: dict[Edge, tuple[str, ...]] = {
    "table": (*SLOW_CALLS, "throttled", "unprocessed", "slow read", "late read", "refused"),
    "queue": (*SLOW_CALLS, "refused", "refuses one"),
    "stream": (*SLOW_CALLS, "throttled", "refused"),
}


@dataclass(frozen=True)
class Change:
    """Somebody puts or deletes an item. `value`: "expire" deletes it by its time to live, once it has rested as long as
    the protocol asks; "hide" puts one that has no document by the condition, "drop" none by the transform, "text" one
    that the mapping refuses, "large" the collection, "broken" the converter, "taken" a rename whose new name it has,
    "raise" the transform; on "crash" the function's process dies. `skew`: seconds that the stream's clock is off."""

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
class EdgeFault:
    """The next `times` calls to an AWS service meet this; the redrive at the end meets what is left."""

    edge: Edge
    name: str
    times: int = 1


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
class Future:
    """Somebody else's write leaves a version so many seconds ahead; a put follows. A version that is only a
    little ahead cannot be told from the pipeline's own once that time has come."""

    key: str = "a"
    ahead: int = 1_000_000


@dataclass(frozen=True)
class Behave:
    """The collection behaves so from now on: a name of `BEHAVIOURS`."""

    name: str = ""


@dataclass(frozen=True)
class Sleep:
    """The collection falls asleep; indexing and search each wake so many seconds after they are first asked.

    `status`: what is answered until then; None: requests are held.
    """

    wakes_in: float = 20.0
    status: int | None = None


Plain = (
    Change
    | Tick
    | Deliver
    | Split
    | Fault
    | EdgeFault
    | Restart
    | Crash
    | Land
    | Collect
    | DeleteIndex
    | Future
    | Behave
    | Sleep
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
    views: bool = False
    """Whether the table has two further views: of all items as they are, and of those that the first one leaves out."""
    renames: bool = True
    """Whether documents have other names than items, and constants beside them; else they are as items are."""
    transforms: bool = True
    """Whether a user's own code makes documents, of each view its own."""
    keeps: bool = True
    """Whether the first view and the one of all items keep the documents of expired items."""


@dataclass(frozen=True)
class History:
    """A setup and what happens, in order."""

    setup: Setup
    steps: tuple[Step, ...]
