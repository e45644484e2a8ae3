"""How Hypothesis draws histories."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.history.steps import (
    BEHAVIOURS,
    BULK_FAULTS,
    EDGE_FAULTS,
    GOOD_FAULTS,
    ITEM_FAULTS,
    KEYS,
    LATE_FAULTS,
    SLOW_FAULTS,
    STACK_FAULTS,
    Behave,
    Change,
    Collect,
    Crash,
    DeleteIndex,
    Deliver,
    During,
    EdgeFault,
    Fault,
    Form,
    Future,
    History,
    Land,
    Plain,
    Restart,
    Setup,
    Sleep,
    Split,
    Step,
    Tick,
    Value,
)

SKEWS = (0, 0, 0, 5, -5, -1, 3)
"""Seconds that the stream's clock is off, each as often as it is drawn."""
ENDS: tuple[Value, ...] = ("put", "delete", "expire", "hide", "drop")
WHOLE: Form = "full"
FORMS: tuple[Form, ...] = (*[WHOLE] * 12, "no image", "no time", "no number")
NEW_INDEX = tuple(name for name in BEHAVIOURS if BEHAVIOURS[name].new_index_unwritable_s)


def setups() -> st.SearchStrategy[Setup]:
    """All setups that the protocol promises to work in: clocks apart by less than the skew bound."""
    return st.builds(
        Setup,
        batch_size=st.sampled_from([10, 3, 1]),
        lanes=st.sampled_from([1, 2]),
        bisect=st.booleans(),
        retries=st.sampled_from([-1, -1, -1, -1, 2]),
        max_age=st.sampled_from([79_200, -1]),
        timeout=st.sampled_from([300.0, 110.0, 900.0]),
        latency=st.sampled_from([0.05, 1.0]),
        skews=st.tuples(*[st.sampled_from([0.0, 1.7, -2.0])] * 2),
        roots=st.sampled_from([1, 2]),
        wraps=st.booleans(),
        long_id=st.sampled_from([8, 511, 512, 513]),
        views=st.booleans(),
        renames=st.sampled_from([True, True, False]),
        transforms=st.sampled_from([True, True, False]),
        keeps=st.booleans(),
    )


def changes() -> st.SearchStrategy[Change]:
    """A change: mostly puts and deletions of few keys."""
    return st.builds(
        Change,
        key=st.sampled_from("aaaabbcd"),
        value=st.sampled_from(
            ["put"] * 10
            + ["delete"] * 5
            + ["expire"] * 3
            + ["hide"] * 5
            + ["drop", "drop", "text", "text", "large", "broken", "taken", "raise", "crash"]
        ),
        skew=st.sampled_from(SKEWS),
        form=st.sampled_from(FORMS),
    )


def faults() -> st.SearchStrategy[Fault]:
    """A fault of the collection: once, a few times, or a storm."""
    of_looks = [*GOOD_FAULTS, *LATE_FAULTS * 3, *SLOW_FAULTS, *STACK_FAULTS]
    times = st.sampled_from([1, 1, 1, 2, 2, 7, 30])
    bulk = st.builds(
        Fault, st.sampled_from([*of_looks, *BULK_FAULTS, *ITEM_FAULTS * 2]), times, key=st.sampled_from("aabbcd")
    )
    look = st.builds(Fault, st.sampled_from(of_looks), times, where=st.just("look"))
    return st.sampled_from([bulk] * 6 + [look]).flatmap(lambda each: each)


def edge_faults() -> st.SearchStrategy[EdgeFault]:
    """A fault of an AWS service."""
    return st.sampled_from(tuple(EDGE_FAULTS)).flatmap(
        lambda edge: st.builds(
            EdgeFault, st.just(edge), st.sampled_from(EDGE_FAULTS[edge]), st.sampled_from([1, 1, 2, 3, 6])
        )
    )


def sleeps() -> st.SearchStrategy[Sleep]:
    """The collection falls asleep, and wakes in AWS's 10 to 30 s; it holds requests, or answers them."""
    return st.builds(Sleep, st.sampled_from([10.0, 20.0, 30.0]), st.sampled_from([None, None, 503, 429]))


TROUBLES: dict[str, tuple[int, st.SearchStrategy[Plain]]] = {
    "change": (8, changes()),
    "restart": (4, st.builds(Restart, back=st.integers(0, 3), steps=st.integers(1, 6))),
    "crash": (4, st.just(Crash())),
    "land": (3, st.just(Land())),
    "collect": (4, st.just(Collect())),
    "split": (2, st.builds(Split, key=st.sampled_from(KEYS), fall=st.booleans())),
    "fault": (3, faults()),
    "future": (1, st.builds(Future, key=st.sampled_from(KEYS))),
    "behave": (2, st.builds(Behave, st.sampled_from(tuple(BEHAVIOURS)))),
    "sleep": (1, sleeps()),
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
        (2, edge_faults()),
    ]
    return st.sampled_from([each for weight, each in weighted for _ in range(weight)]).flatmap(lambda each: each)


@st.composite
def overtaken(draw: st.DrawFn) -> tuple[Step, ...]:
    """A request lands after the key has changed again."""
    key, late = draw(st.sampled_from("aabd")), draw(st.sampled_from(["late", "late answer"]))
    return (
        Change(key, form=draw(st.sampled_from(FORMS))),
        Fault(late, 1, key),
        Deliver(2),
        Change(key, draw(st.sampled_from(ENDS)), draw(st.sampled_from(SKEWS))),
        Deliver(3),
        Land(),
    )


@st.composite
def outlived(draw: st.DrawFn) -> tuple[Step, ...]:
    """An invocation that a newer trigger has left behind goes on trying until the tombstone is gone."""
    key, moment = draw(st.sampled_from("abd")), draw(st.integers(2, 8))
    storm = moment + draw(st.integers(6, 14))
    return (
        Change(key, form=draw(st.sampled_from(FORMS))),
        Fault("429", draw(st.integers(1, 4)), key),
        During(moment, Change(key, draw(st.sampled_from(["delete", "hide"])))),
        During(moment + 1, Restart(0, 8)),
        During(storm, Fault(draw(st.sampled_from(["429", "503"])), 40, key)),
        During(storm + draw(st.sampled_from([20, 40, 65, 80])), Collect()),
        Deliver(2),
    )


@st.composite
def just_read(draw: st.DrawFn) -> tuple[Step, ...]:
    """The table is read, and at once the item changes."""
    key = draw(st.sampled_from("ab"))
    value: Value = draw(st.sampled_from(ENDS))
    after = Change(key, value, draw(st.sampled_from(SKEWS)))
    changed: Step = During(draw(st.integers(1, 8)), after) if draw(st.booleans()) else after
    read = Change(key, form=draw(st.sampled_from(["no number", "no image", "no time"])))
    return (read, changed, Deliver(2)) if isinstance(changed, During) else (read, Deliver(2), changed, Deliver(2))


@st.composite
def poison_behind(draw: st.DrawFn) -> tuple[Step, ...]:
    """Poison in one batch with a document that stays busy."""
    bad: Value = draw(st.sampled_from(["text", "broken"]))
    busy = Fault(draw(st.sampled_from(["item 429", "item 503", "503"])), 30, "b")
    return (Change("b"), Change("c", bad), busy, Deliver(draw(st.integers(1, 3))))


@st.composite
def believed_too_soon(draw: st.DrawFn) -> tuple[Step, ...]:
    """A put and a deletion of lower version are resynced, and the tombstone is met again by the put alone: late reads
    still show the document from before, and the put's request lands when the tombstone is gone."""
    key = draw(st.sampled_from("ab"))
    return (
        Change(key),
        Deliver(2),
        Behave(draw(st.sampled_from([name for name in tuple(BEHAVIOURS) if BEHAVIOURS[name].reads_late_s]))),
        Change(key),
        Change(key, draw(st.sampled_from(["delete", "hide"])), -1),
        During(draw(st.integers(6, 12)), Crash()),
        Deliver(draw(st.integers(1, 2))),
        Tick(61.0),
        Fault("late", 1, key),
        Deliver(2),
        Tick(1.0),
        Deliver(draw(st.integers(1, 2))),
        Collect(),
        Deliver(1),
        Land(),
    )


@st.composite
def made_anew(draw: st.DrawFn) -> tuple[Step, ...]:
    """The index is made anew, and is not there for writes, for reads or for both for a while."""
    key = draw(st.sampled_from("ab"))
    return (
        Behave(draw(st.sampled_from(NEW_INDEX))),
        DeleteIndex(),
        Change(key, draw(st.sampled_from(ENDS))),
        *([Tick(61.0)] if draw(st.booleans()) else []),
        Deliver(draw(st.integers(1, 4))),
    )


@st.composite
def rested(draw: st.DrawFn) -> tuple[Step, ...]:
    """An item expires, and meets what a read or a late request has written; or what comes after it does."""
    key, skew = draw(st.sampled_from("ab")), st.sampled_from(SKEWS)

    def maybe(*some: Step) -> tuple[Step, ...]:
        return some if draw(st.booleans()) else ()

    def ended() -> Change:
        ends: tuple[Value, ...] = ("put", "delete", "hide")
        return Change(key, draw(st.sampled_from(ends)), draw(skew))

    def expired() -> tuple[Step, ...]:
        return (Tick(61.0), Change(key, "expire", draw(skew)))

    troubles: tuple[Plain, ...] = (Restart(2, 6), Crash())
    return (
        Change(key, form=draw(st.sampled_from(FORMS))),
        Deliver(draw(st.integers(0, 2))),
        *maybe(ended(), Deliver(draw(st.integers(0, 1))), Change(key)),
        *maybe(Fault(draw(st.sampled_from(["late", "late answer", "lost"])), 2, key)),
        *maybe(During(draw(st.integers(1, 10)), draw(st.sampled_from(troubles)))),
        *expired(),
        Deliver(draw(st.integers(0, 2))),
        *maybe(ended(), *maybe(*expired())),
        Deliver(draw(st.integers(1, 3))),
        *maybe(Tick(61.0), Collect()),
        Land(),
        *maybe(Restart(draw(st.integers(1, 3)), 6)),
    )


def courses() -> st.SearchStrategy[tuple[Step, ...]]:
    """Short courses that are known to be dangerous."""
    late = [believed_too_soon()] if any(BEHAVIOURS[name].reads_late_s for name in tuple(BEHAVIOURS)) else []
    new = [made_anew()] if NEW_INDEX else []
    return st.one_of(overtaken(), outlived(), just_read(), poison_behind(), rested(), *late, *new)


def histories() -> st.SearchStrategy[History]:
    """Histories of some 25 steps: single ones, and short courses that are known to be dangerous."""
    one = steps().map(lambda step: (step,))
    course = courses()
    pieces = st.integers(0, 11).flatmap(lambda drawn: course if drawn == 0 else one)
    rounds = st.lists(st.lists(pieces, max_size=10), max_size=10)
    flat = rounds.map(lambda lists: tuple(step for each in lists for piece in each for step in piece))
    return st.builds(History, setups(), flat)
