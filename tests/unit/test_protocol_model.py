"""Every interleaving of the write protocol within bounds, with the function's own rules: it converges, and
without any one of its rules it does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from searchsync.protocol.version import Verdict, read_version, second_of, verdict, verdict_on_read
from tests.support.protocol.configurations import (
    ALONE,
    CLOCKS,
    DROPS,
    EXPIRY,
    FUTURE,
    LAGGING,
    LATE,
    POISON,
    SHARDS,
    SILENT,
    TESTED,
    TIMED,
    VIEWS,
)
from tests.support.protocol.explore import explore
from tests.support.protocol.rules import Configuration

pytestmark = pytest.mark.slow

MENDED = replace(POISON, wire=1, stream_clock=(-1, 0), mended=True)
STUCK = "can never be quiet again"
WRONG = "the index is not the table"
BLAMED = "a storm made poison"
LOST = "a poison record is in neither place"


def taken_as_stale(rule: Callable[..., Verdict], found: Verdict) -> Callable[..., Verdict]:
    """What peers do with it: the write is skipped."""

    def judge(**facts: Any) -> Verdict:
        judged = rule(**facts)
        return Verdict.STALE if judged is found else judged

    return judge


def low_bits_decide(*, ours: int, current: int, **facts: Any) -> Verdict:
    found = verdict(ours=ours, current=current, **facts)
    same_second = second_of(current) == second_of(ours) and current % 2 == 0
    return Verdict.STALE if found is Verdict.RESYNC and same_second and current > ours else found


def a_deletions_conflict_is_done(*, deletion: bool, **facts: Any) -> Verdict:
    found = verdict(deletion=deletion, **facts)
    return Verdict.STALE if deletion and found is Verdict.RESYNC else found


def tombstones_believed(*, current: int, **facts: Any) -> Verdict:
    return verdict(**{**facts, "current": current, "shown": current})


def any_document_shown_is_no_tombstone(*, current: int, shown: int | None, **facts: Any) -> Verdict:
    return verdict(**facts, current=current, shown=None if shown is None else current)


def a_looked_up_version_is_the_current_one(*, shown: int | None, **facts: Any) -> Verdict:
    return verdict(**{**facts, "current": shown, "shown": None})


def as_of_the_read(_as_of: float, read: int, _max_skew: float, _known: int | None) -> int:
    return read


NEVER_RESYNC = {
    "on_record": taken_as_stale(verdict, Verdict.RESYNC),
    "on_read": taken_as_stale(verdict_on_read, Verdict.RESYNC),
}
VARIANTS: dict[str, tuple[Configuration, dict[str, Any], str]] = {
    "versions": (LATE, {"external": False}, WRONG),
    "batch order": (LATE, {"batch_order": False}, WRONG),
    "max_skew": (replace(LATE, page=True), {"max_skew": 0}, WRONG),
    "max_skew as wide as the clocks": (replace(CLOCKS, page=True, wire=0), {"max_skew": 1}, WRONG),
    "resync": (LATE, NEVER_RESYNC, WRONG),
    "resync's wait": (LATE, {"wait": False}, WRONG),
    "low bits that decide nothing": (SHARDS, {"on_record": low_bits_decide}, WRONG),
    "page deadline": (replace(LATE, page=True), {"page_deadline": False}, WRONG),
    "page deadline, timed": (replace(TIMED, page=True), {"page_deadline": False}, WRONG),
    "a request is cut off at its time": (TIMED, {"cut": False}, WRONG),
    "what is cut in its body is not done": (replace(LATE, wire=0), {"cut_body_is_open": False}, WRONG),
    "what is cut behind its body is not done": (LATE, {"cut_answer_is_open": False}, WRONG),
    "the probe is another document": (ALONE, {"probe_is_another": False}, WRONG),
    "a storm makes no poison": (ALONE, {"storm_is_nobodys": False}, BLAMED),
    "repeated deletion": (TIMED, {"on_record": a_deletions_conflict_is_done}, WRONG),
    "a table read's tombstone is not believed": (TIMED, {"on_record": tombstones_believed}, WRONG),
    "a read behind writes proves nothing": (LAGGING, {"on_record": any_document_shown_is_no_tombstone}, WRONG),
    "a looked-up version is unknown": (SILENT, {"on_record": a_looked_up_version_is_the_current_one}, WRONG),
    "poison to the queue": (POISON, {"poison_is_queued": False}, LOST),
    "poison passes": (replace(POISON, writes=1, live=True), {"poison_passes": False}, STUCK),
    "redrive writes first": (POISON, {"redrive_writes_first": False}, LOST),
    "redrive's skew bound": (MENDED, {"redrive_waits": False}, WRONG),
    "redrive keeps what is poison": (POISON, {"redrive_keeps": False}, LOST),
    "redrive spares later messages": (MENDED, {"redrive_spares_later": False}, WRONG),
    "a drop is raised": (DROPS, {"drop_is_raised": False}, WRONG),
    "repair clears": (replace(DROPS, writes=1), {"repair_clears": False}, STUCK),
    "a repair's poison to the queue": (
        replace(DROPS, writes=1, poison=True, redrive=True),
        {"repair_queues_poison": False},
        LOST,
    ),
    "repair begun later": (DROPS, {"repair_begun_later": False}, WRONG),
    "what is handed over alone has a message": (ALONE, {"poison_is_queued": False}, WRONG),
    "what a redrive meets alone stays": (ALONE, {"redrive_keeps": False}, WRONG),
    "what leaves a view is deleted there": (VIEWS, {"left_out_is_deleted": False}, WRONG),
    "what is done in one view is done in all": (VIEWS, {"done_in_all": False}, WRONG),
    "a message is settled in all views": (replace(VIEWS, poison=True), {"settled_in_all": False}, LOST),
    "a repair of one view clears for all": (
        replace(VIEWS, writes=1, redrive=False, drops=True, repair=True),
        {"cleared_in_all": False},
        WRONG,
    ),
    "an item rests before it expires": (
        replace(EXPIRY, stream_clock=(-1, 0), live=False),
        {"rests": False},
        WRONG,
    ),
    "a read that finds no item is no proof": (
        replace(EXPIRY, writes=3, live=False),
        {"without_item": as_of_the_read},
        WRONG,
    ),
    "the future is future": (FUTURE, {"on_record": taken_as_stale(verdict, Verdict.FUTURE)}, WRONG),
}


@pytest.mark.parametrize("world", TESTED, ids=lambda world: world.name)
def test_the_protocol_converges_in_every_interleaving(world: Configuration) -> None:
    found = explore(world)
    print(found.states, "states")
    assert not found.wrong, (found.wrong, found.way)
    assert found.quiet > 5


def test_the_rules_look_no_closer_at_a_shown_version_than_the_model() -> None:
    versions = [read_version(second, 0) - by for second in (7, 8, 20, 40) for by in (0, 1)]
    now_and_margin: dict[str, Any] = {"now": 20.0, "max_skew": 5.0}
    for ours, current, shown, deletion in itertools.product(versions, versions, versions, (False, True)):
        facts: dict[str, Any] = {"ours": ours, "current": current, "deletion": deletion, **now_and_margin}
        if shown != current or not current & 1:
            assert verdict(shown=shown, **facts) is verdict(shown=None, **facts)
        if current < ours:
            on_read: dict[str, Any] = {"ours": ours, "record_second": second_of(shown), **now_and_margin}
            assert verdict_on_read(current=current, **on_read) is verdict_on_read(current=None, **on_read)
        assert verdict(**{**facts, "current": None, "shown": shown}) is Verdict.RESYNC


@pytest.mark.parametrize("without", VARIANTS)
def test_without_this_rule_it_diverges(without: str) -> None:
    world, rule, wrong = VARIANTS[without]
    assert explore(replace(world, rules=replace(world.rules, **rule))).wrong == wrong
