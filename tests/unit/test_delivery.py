"""Sending writes: how many go at once, and whose fault it is that one is never taken."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from searchsync.clock import Backoff, Deadline
from searchsync.documents.document import DIGEST_PREFIX, document_id
from searchsync.errors import StackError
from searchsync.limits import (
    BACKOFF_BASE,
    FIRST_WINDOW,
    LAST_TRY,
    LASTING_REQUEST,
    LOAD_AGE,
    LONE_SECONDS,
    LONE_TRIES,
    READ_TO_ANSWER,
    READ_TO_REQUEST,
    REQUEST_TIMEOUT,
    SLOW_AGE,
    SPLIT_TIMEOUT,
)
from searchsync.protocol.bulk import QUOTA_STATUS, Answer, Kind, Response, Write, lines
from searchsync.sync.delivery import NO_ANSWER, NO_TIME, PROBE, REFUSED_UNDER_LOAD, Delivery, Window
from tests.support.fakes import BUSY, FAILING, FakeClock, MemoryIndex, error, faulty

LONE = Write("lone", 2, b'{"n":2}')
BESIDE = lines(PROBE)
LOAD = [400, 402, 404, 429, 503, 504]
"""By name: a status that the table loses is a document's fault."""
Fault = Callable[[list[str]], Response | None]
"""The ids of a request to what it is answered instead of being applied; None: it is applied."""


def many(count: int) -> list[Write]:
    return [Write(f"k{each}", 2, b"{}") for each in range(count)]


def busy(status: int) -> dict[str, Any]:
    kind = {400: "resource_already_exists_exception", 404: "index_not_found_exception"}.get(status, "some_exception")
    return {"status": status, **error(kind)}


@dataclass
class World:
    """An index, and deliveries as invocations make them: each has the time of one, and records of `age` seconds."""

    seed: int = 1
    age: float = 0.0
    tick: float = 0.0
    fault: Fault = lambda _ids: None
    requests: list[list[str]] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    late: dict[str, float] = field(default_factory=dict)
    """Seconds until a request with that document is answered."""

    def __post_init__(self) -> None:
        self.clock, self.index = FakeClock(tick=self.tick), MemoryIndex(is_new=True)
        self.bulk, self.index.bulk = self.index.bulk, self.meet  # type: ignore[method-assign]
        self.took = 0.05

    def meet(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        """A request on its way; without an answer it takes all its time."""
        ids = self.named(body)
        self.requests.append(ids)
        self.begun.append(self.clock.time - self.began)
        took = max([self.took, *(self.late[name] for name in ids if name in self.late)])
        fault = self.fault(ids) if took <= timeout else Response(None)
        silent = fault is not None and fault.status is None
        self.clock.time += timeout if silent else took
        return self.bulk(body, timeout, begin_within) if fault is None else fault

    def named(self, body: bytes) -> list[str]:
        return [part.split(b'"')[0].decode() for part in body.split(b'"_id":"')[1:]]

    def deliver(self, writes: list[Write]) -> dict[str, Answer]:
        self.began = self.clock.time
        born = self.clock.time - self.age
        deadline = Deadline.after(self.clock, 300.0).at_most(
            self.began + READ_TO_ANSWER, begin_by=self.began + READ_TO_REQUEST
        )
        delivery = Delivery(self.index, Backoff(self.clock, random.Random(self.seed)), 5_000_000, lambda _: born)
        return delivery.deliver(writes, deadline)

    def drain(self, writes: list[Write], most: int) -> dict[str, Answer]:
        """Deliver as the trigger does, from the first that failed on, in so many invocations at most."""
        answers: dict[str, Answer] = {}
        for _ in range(most):
            answers |= self.deliver(writes)
            left = [each for each, write in enumerate(writes) if answers[write.id].kind is Kind.BUSY]
            if not left:
                break
            writes = writes[left[0] :]
        return answers

    @property
    def alone(self) -> list[list[str]]:
        return [ids for ids in self.requests if ids[0] == "lone"]


def poison(answers: dict[str, Answer]) -> set[str]:
    return {name for name, each in answers.items() if each.kind is Kind.POISON}


def with_the_lone(answer: Response) -> Fault:
    return lambda ids: answer if "lone" in ids else None


# How many go at once


def test_while_nothing_is_refused_all_goes_at_once() -> None:
    world = World()
    world.deliver(many(500))
    assert [len(ids) for ids in world.requests] == [500]


def test_after_a_refusal_as_many_go_as_were_taken_lowest_first() -> None:
    world = World()
    refused = {f"k{each}" for each in range(100) if each % 5}
    world.index.item_fault = lambda _, name: BUSY if name in refused and len(world.requests) == 1 else None
    world.deliver(many(100))
    assert world.requests[1] == [f"k{each}" for each in range(100) if each % 5][:20]


def test_nothing_is_sent_again_that_was_answered_and_nothing_is_lost() -> None:
    world = World()
    rng = random.Random(3)
    world.index.item_fault = lambda _operation, _name: BUSY if rng.random() < 0.3 else None
    answers = world.deliver(many(200))
    assert {each.kind for each in answers.values()} == {Kind.DONE}


@pytest.mark.parametrize("status", [429, 500, 503, None])
def test_a_refused_request_is_followed_by_its_first_document_alone_and_then_by_ever_more(status: int | None) -> None:
    world = World()
    first = iter([Response(status)])
    world.fault = lambda _ids: next(first, None)
    world.age = SLOW_AGE
    world.deliver(many(100))
    sizes = [len(set(ids) - {PROBE.id}) for ids in world.requests if ids != [PROBE.id]]
    assert sizes == [100, 1, 2, 4, 8, 16, 32, 37]


def test_a_window_grows_twofold_to_half_of_what_was_refused_and_by_one_from_there_on() -> None:
    window = Window()
    window.refused(sent=16, taken=3)
    grown = [window.size]
    for _ in range(4):
        window.took(window.size)
        grown.append(window.size)
    assert grown == [3, 6, 8, 9, 10]


def test_a_smaller_request_than_it_allows_does_not_open_the_window() -> None:
    window = Window(size=10, threshold=10)
    window.took(sent=2)
    assert window.size == 10


def test_a_request_that_took_long_is_followed_by_a_smaller_one() -> None:
    window = Window(size=64)
    sizes = []
    for seconds in (LASTING_REQUEST / 2, LASTING_REQUEST, 2 * LASTING_REQUEST, 100 * LASTING_REQUEST, 0.0):
        window.took(window.size, seconds)
        sizes.append(window.size)
    assert sizes == [128, 128, 64, 1, 2]


def test_a_sandbox_begins_with_few_where_records_wait_and_keeps_what_it_learns() -> None:
    window = Window()
    window.begin()
    assert window.size > 10_000
    window.begin(behind=True)
    assert window.size == FIRST_WINDOW
    window.refused(sent=FIRST_WINDOW, taken=3)
    window.begin(behind=True)
    window.took(3)
    assert window.size == 6


def test_what_lies_above_the_lowest_refused_document_waits_for_it() -> None:
    world = World()
    world.index.item_fault = lambda _, name: BUSY if name == "lone" or len(world.requests) == 1 else None
    answers = world.deliver([LONE, *many(50)])
    assert all("lone" in ids or ids == [PROBE.id] for ids in world.requests)
    assert {each.kind for each in answers.values()} == {Kind.BUSY}


def test_a_batch_that_is_too_large_is_halved() -> None:
    world = World()
    world.fault = lambda ids: Response(413) if len(ids) > 30 else None
    world.deliver(many(100))
    assert [len(ids) for ids in world.requests[:3]] == [100, 50, 25]


@pytest.mark.parametrize("status", [400, 404])
def test_what_passes_by_waiting_makes_no_smaller_request(status: int) -> None:
    world = World()
    world.index.item_fault = lambda _, name: busy(status) if len(world.requests) < 3 and name != "k0" else None
    world.deliver(many(100))
    assert [len(ids) for ids in world.requests] == [100, 99, 99]


def test_pauses_stay_short_while_some_of_each_request_is_taken() -> None:
    world = World()
    world.index.item_fault = lambda _, name: BUSY if world.requests[-1].index(name) % 2 else None
    world.deliver(many(400))
    assert len(world.clock.slept) > LONE_TRIES
    assert max(world.clock.slept) <= BACKOFF_BASE


def test_pauses_are_short_again_behind_a_success() -> None:
    world = World()
    later = iter([Response(429)])
    world.fault = lambda ids: next(later, None) if "k50" in ids and world.clock.time - world.began > 10.0 else None
    world.index.item_fault = lambda _, __: BUSY if world.clock.time - world.began < 10.0 else None
    world.deliver(many(100))
    assert max(world.clock.slept[:-1]) > 10 * BACKOFF_BASE
    assert world.clock.slept[-1] <= BACKOFF_BASE


def test_what_there_was_no_time_for_is_answered_so() -> None:
    world = World()
    delivery = Delivery(world.index, Backoff(world.clock, random.Random(1)), 5_000_000)
    answers = delivery.deliver(many(3), Deadline.after(world.clock, 0.0))
    assert answers == {write.id: NO_TIME for write in many(3)}
    assert (delivery.last_busy, world.requests) == (NO_TIME, [])


def test_pauses_follow_refusals_alone() -> None:
    world = World()
    refused = iter([Response(503)])
    world.fault = lambda _ids: next(refused, None)
    world.deliver(many(100))
    assert len(world.clock.slept) == 1


def test_the_cost_of_a_batch_grows_with_its_size_alone() -> None:
    """Ten times the documents, in a window that starts at one: no more than ten times the documents in bodies."""
    built = []
    for size in (100, 1_000):
        world = World(age=SLOW_AGE)
        first = iter([Response(503)])
        world.fault = lambda _ids, first=first: next(first, None)  # type: ignore[misc]
        world.deliver(many(size))
        built.append(sum(len(set(ids) - {PROBE.id}) for ids in world.requests))
    assert built == [200, 2_000]


# The lonely document


def test_the_probe_can_be_no_items_and_is_below_every_version() -> None:
    assert PROBE.source is None
    assert PROBE.version == 1
    assert document_id({"id": {"S": PROBE.id}}, ("id",)) != PROBE.id
    digest = document_id({"id": {"S": "x" * 600}}, ("id",))
    assert digest.startswith(DIGEST_PREFIX)
    assert PROBE.id.startswith(DIGEST_PREFIX)
    assert len(digest) != len(PROBE.id)


def test_from_its_second_try_alone_on_the_probe_travels_with_a_document() -> None:
    world = World()
    world.index.item_fault = faulty(lone=FAILING)
    world.deliver([LONE])
    assert world.requests[0] == ["lone"]
    assert all(ids == ["lone", PROBE.id] for ids in world.requests[1:])


@pytest.mark.parametrize("others", [0, 1, 19, 499])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("tick", [0.0, 0.001])
def test_a_document_that_alone_is_answered_500_is_poison_in_one_invocation(seed: int, others: int, tick: float) -> None:
    world = World(seed, tick=tick if others < 20 else 0.0)
    world.index.item_fault = faulty(lone=FAILING)
    answers = world.deliver([LONE, *many(others)])
    assert poison(answers) == {"lone"}
    assert answers["lone"].error_type == FAILING["error"]["type"]
    assert {each.kind for name, each in answers.items() if name != "lone"} <= {Kind.DONE}
    assert len(world.alone) > LONE_TRIES
    assert world.clock.time - world.began >= LONE_SECONDS


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("others", [0, 49])
def test_what_refuses_the_probe_too_is_no_documents_fault(status: int, others: int) -> None:
    """A firewall, a proxy's limit, an endpoint's policy: nothing is handed over."""
    world = World()
    world.fault = lambda _ids: Response(status)
    with pytest.raises(StackError, match=f"Every request to the collection is refused: {status}.*firewall"):
        world.deliver([LONE, *many(others)])


@pytest.mark.parametrize("status", [400, 413])
def test_the_probe_is_asked_once_though_many_documents_are_refused(status: int) -> None:
    world = World()
    world.fault = lambda ids: Response(status) if any(name.startswith("k") for name in ids) else None
    assert poison(world.deliver([*many(8), LONE])) == {write.id for write in many(8)}
    assert world.requests.count([PROBE.id]) == 1


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("status", [None, 504])
def test_a_document_is_not_accused_for_its_time_while_the_probe_before_it_waits_too(
    status: int | None, quiet: bool
) -> None:
    """What we have given up may be worked on, and is what makes both wait. A gateway's 504 is no more than that."""
    world = World(age=LOAD_AGE)
    world.late = {"lone": 12.0}
    probes = iter([None if quiet else Response(None)])

    def fault(ids: list[str]) -> Response | None:
        return Response(status) if "lone" in ids else next(probes, None)

    world.fault = fault
    assert poison(world.deliver([LONE])) == ({"lone"} if quiet else set())


def test_where_each_refusal_may_cost_something_no_probe_is_asked_for_load_alone() -> None:
    for age, asked in ((0.0, False), (LOAD_AGE, True)):
        for whole in (False, True):
            world = World(age=age)
            world.index.item_fault = None if whole else faulty(lone=BUSY)
            world.fault = with_the_lone(Response(429)) if whole else world.fault
            world.deliver([LONE])
            assert any(PROBE.id in ids for ids in world.requests) == asked


@pytest.mark.parametrize("status", [429, None])
def test_a_refused_document_is_kept_while_the_probe_says_nothing(status: int | None) -> None:
    world = World(age=10 * LOAD_AGE)
    world.fault = lambda ids: Response(status if ids == [PROBE.id] else 400)
    assert world.deliver([LONE])["lone"].kind is Kind.BUSY


def test_six_of_them_are_handed_over_one_an_invocation() -> None:
    world = World()
    bad = many(6)
    world.index.item_fault = faulty(**{write.id: FAILING for write in bad})
    good = [Write(f"good{each}", 2, b"{}") for each in range(14)]
    answers = world.drain([*bad, *good], most=6)
    assert poison(answers) == {write.id for write in bad}
    assert set(world.index.documents) == {write.id for write in good}


@pytest.mark.parametrize("place", [0, 7, 19])
@pytest.mark.parametrize("status", [500, 502])
def test_a_document_that_fails_its_whole_request_is_found_and_the_others_are_in(place: int, status: int) -> None:
    world = World()
    world.fault = with_the_lone(Response(status, error("null_pointer_exception")))
    writes = many(19)
    writes.insert(place, LONE)
    answers = world.drain(writes, most=2)
    assert poison(answers) == {"lone"}
    assert len(world.index.documents) == 19


@pytest.mark.parametrize(("others", "place", "most"), [(0, 0, 1), (19, 0, 2), (19, 7, 4), (19, 19, 5), (499, 250, 8)])
def test_a_document_that_is_never_answered_is_found_by_its_records_age(others: int, place: int, most: int) -> None:
    world = World(age=SLOW_AGE)
    world.fault = with_the_lone(Response(None))
    writes = many(others)
    writes.insert(place, LONE)
    answers = world.drain(writes, most)
    assert poison(answers) == {"lone"}
    assert answers["lone"].error_type == NO_ANSWER
    assert len(world.index.documents) == others


@pytest.mark.parametrize("others", [0, 5])
def test_one_request_without_an_answer_accuses_nobody(others: int) -> None:
    """A kept connection may have died unseen while the trigger was off, and its records are old."""
    world = World(age=10 * LOAD_AGE)
    first = iter([Response(None)])
    world.fault = lambda _ids: next(first, None)
    answers = world.deliver([LONE, *many(others)])
    assert {each.kind for each in answers.values()} == {Kind.DONE}


def test_an_old_document_that_is_slow_by_itself_has_all_of_a_requests_time() -> None:
    world = World(age=SLOW_AGE)
    world.late = {"lone": 30.0}
    assert world.deliver([LONE])["lone"].kind is Kind.DONE


def test_tries_that_fit_into_an_invocation_are_counted_however_old_the_record_is() -> None:
    world = World(age=SLOW_AGE)
    world.index.item_fault = faulty(lone=FAILING)
    world.late = {"lone": LONE_SECONDS / LONE_TRIES - 0.1}
    assert poison(world.deliver([LONE])) == {"lone"}
    assert len(world.alone) > LONE_TRIES


def test_a_young_record_without_an_answer_is_no_poison() -> None:
    world = World(age=SLOW_AGE - REQUEST_TIMEOUT - 1.0)
    world.fault = with_the_lone(Response(None))
    assert world.deliver([LONE])["lone"].kind is Kind.BUSY


def test_a_young_batch_has_all_the_time_that_a_collection_needs_to_wake() -> None:
    world = World()
    world.deliver(many(20))
    world.age = SLOW_AGE
    world.deliver(many(20))
    assert world.index.timeouts == [REQUEST_TIMEOUT, SPLIT_TIMEOUT]


@pytest.mark.parametrize("whole", [True, False])
def test_slow_errors_are_judged_by_the_records_age_too(whole: bool) -> None:
    for age, expected in ((0.0, set()), (SLOW_AGE, {"lone"})):
        world = World(age=age)
        world.took = 9.0
        world.fault = with_the_lone(Response(500)) if whole else world.fault
        world.index.item_fault = faulty(lone=FAILING)
        assert poison(world.deliver([LONE, *many(5)])) == expected


def test_a_try_takes_so_long_as_it_does_with_its_probe() -> None:
    """Where each request takes 3 s, five pairs of them do not fit into an invocation."""
    world = World(age=SLOW_AGE)
    world.took = 3.0
    world.fault = with_the_lone(Response(500))
    assert poison(world.deliver([LONE, *many(5)])) == {"lone"}


def test_where_a_request_fails_as_a_whole_the_probe_follows_from_the_second_try_on() -> None:
    world = World()
    world.fault = with_the_lone(Response(500))
    world.deliver([LONE])
    assert world.requests[:4] == [["lone"], ["lone", PROBE.id], [PROBE.id], ["lone", PROBE.id]]


@pytest.mark.parametrize(("status", "age"), [(500, SLOW_AGE), (503, LOAD_AGE)])
@pytest.mark.parametrize("took", [0.05, 1.0, 3.9, 4.1, 9.9, 10.1, 16.0, 20.0, 30.0, 31.9])
@pytest.mark.parametrize("others", [0, 19])
def test_an_item_that_is_answered_with_an_error_leaves_its_shard_however_late(
    status: int, age: float, took: float, others: int
) -> None:
    """503 process_cluster_event_timeout_exception comes after 30 s: a mapping's update that waits."""
    world = World(age=age)
    world.index.item_fault = faulty(lone=busy(status))
    world.late = {"lone": took}
    answers = world.drain([LONE, *many(others)], most=4)
    assert poison(answers) == {"lone"}
    assert len(world.index.documents) == others


@pytest.mark.parametrize("status", LOAD)
@pytest.mark.parametrize("age", [0.0, LOAD_AGE - READ_TO_ANSWER])
def test_load_is_no_documents_fault(status: int, age: float) -> None:
    world = World(age=age)
    world.index.item_fault = faulty(lone=busy(status), k0=busy(status), k1=busy(status))
    answers = world.deliver([LONE, *many(5)])
    assert len(world.alone) > LONE_TRIES
    assert poison(answers) == set()
    assert {answers[name].kind for name in ("k2", "k3", "k4")} == {Kind.DONE}


@pytest.mark.parametrize("status", [400, 404])
def test_what_passes_by_waiting_is_not_a_lone_documents_fault(status: int) -> None:
    world = World(age=LOAD_AGE - READ_TO_ANSWER)
    world.index.item_fault = faulty(lone=busy(status))
    assert world.deliver([LONE])["lone"].kind is Kind.BUSY
    assert len(world.alone) > LONE_TRIES


@pytest.mark.parametrize("status", LOAD)
def test_a_document_that_meets_load_alone_for_an_hour_is_handed_over_with_a_reason_that_says_so(status: int) -> None:
    world = World(age=LOAD_AGE)
    world.index.item_fault = faulty(lone=busy(status))
    answer = world.deliver([LONE, *many(5)])["lone"]
    assert (answer.kind, answer.error_type) == (Kind.POISON, REFUSED_UNDER_LOAD)
    assert "redrive" in answer.reason
    assert str(status) in answer.reason


def test_an_error_among_load_does_not_make_it_the_documents_fault() -> None:
    world = World()
    world.index.item_fault = lambda _, name: None if name != "lone" else busy(429 if len(world.requests) == 4 else 500)
    assert poison(world.deliver([LONE, *many(5)])) == set()


@pytest.mark.parametrize("status", [QUOTA_STATUS, 429, 500, 503, None])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("others", [0, 20])
def test_a_storm_makes_no_poison_however_old_the_records_are(status: int | None, whole: bool, others: int) -> None:
    world = World(age=10 * LOAD_AGE)
    if whole or status is None:
        world.fault = lambda _ids: Response(status)
    else:
        world.index.item_fault = lambda _operation, _name: busy(status)
    answers = world.deliver([LONE, *many(others)])
    assert {each.kind for each in answers.values()} == {Kind.BUSY}


def test_a_storm_after_one_success_makes_no_poison_of_the_last_document() -> None:
    world = World(age=10 * LOAD_AGE)
    world.index.item_fault = lambda _, name: FAILING if name != "k0" else None
    assert poison(world.deliver([*many(1), LONE])) == set()


def test_a_collection_that_recovers_now_and_then_in_a_storm_begins_the_count_anew() -> None:
    """A probe without an answer says that what was seen before may have been the storm's too."""
    world = World()

    def fault(_operation: str, name: str) -> dict[str, Any] | None:
        return FAILING if name == "lone" or len(world.requests) % LONE_TRIES == 0 else None

    world.index.item_fault = fault
    assert poison(world.deliver([LONE])) == set()


def test_an_index_that_cannot_be_looked_at_accuses_no_document() -> None:
    world = World(age=10 * LOAD_AGE)
    world.index.ensure_answers = [Answer(Kind.BUSY, 500), *[Answer(Kind.BUSY, 500), Answer(Kind.DONE)] * 50]
    assert poison(world.deliver([LONE])) == set()


def test_what_follows_a_document_that_was_handed_over_goes_at_once() -> None:
    """What made the window small was the document."""
    world = World(age=SLOW_AGE)
    world.took = 6.0
    world.fault = with_the_lone(Response(500))
    world.deliver([LONE, *many(400)])
    assert len(world.requests[-1]) == 400


def test_no_request_is_begun_so_late_that_it_could_land_after_a_tombstone() -> None:
    """A request that had no answer may be applied all the same. The probe writes nothing."""
    for status in (429, None):
        world = World()
        world.fault = lambda _ids, status=status: Response(status)  # type: ignore[misc]
        assert world.deliver([LONE])["lone"].kind is Kind.BUSY
        late = [ids for ids, begun in zip(world.requests, world.begun, strict=True) if begun > READ_TO_REQUEST]
        assert all(ids == [PROBE.id] for ids in late)


@pytest.mark.parametrize("tick", [0.0, 0.001])
def test_the_last_try_comes_when_the_time_to_begin_one_ends(tick: float) -> None:
    """So a document that alone stays busy is known for it in every invocation, whatever the jitter."""
    for seed in range(40):
        world = World(seed, tick=tick)
        world.index.item_fault = faulty(lone=BUSY)
        world.deliver([LONE])
        assert world.begun[-1] > READ_TO_REQUEST - 2 * LAST_TRY, seed
