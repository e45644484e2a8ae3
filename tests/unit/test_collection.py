"""The collection's edge: an index that is new, and answers that leave something out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from requests_aws4auth import AWS4Auth

from searchsync.config import read_environment
from searchsync.documents.index import GUARD, Mark, Owner
from searchsync.edges.bound import Seconds
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.errors import StackError
from searchsync.limits import (
    ENSURED_FOR,
    GRANTED_WITHIN,
    GUARD_REFUSALS,
    LONE_SECONDS,
    NEW_INDEX_S,
    READ_TO_ANSWER,
    UNGUARDED_FOR,
)
from searchsync.protocol.bulk import Response
from searchsync.sync.delivery import PROBE
from searchsync.sync.metrics import log_line
from tests.support.events import OWNER, environment, event, number, record
from tests.support.fakes import GUARDED, Bench, FakeClock, error
from tests.support.stub_services import Reply, Services, serving

HEADS = ('{"index"', '{"delete"', '{"update"')
MISSING = Reply(404, error("index_not_found_exception", "no such index [items]"))
EMPTY = {"nothing": Reply(200, {}), "an index without a mapping": Reply(200, {"items": {"mappings": {}}})}
LATE = {"404": MISSING, **EMPTY}


@dataclass
class NewIndex:
    """A collection that acknowledges the creation of its index, and shows it later.

    `writable` and `shown`: Unix seconds from when writes and GET _mapping see it. `slow`: ids whose shard is late.
    `guard`: whether its flag is heeded, ignored (a write makes the index) or refused, and the request with it.
    """

    clock: FakeClock
    writable: float = 0.0
    shown: float = 0.0
    instead: Reply = MISSING
    slow: frozenset[str] = frozenset()
    guard: str = "heeded"
    mapping: dict[str, Any] | None = None
    created: int = 0
    documents: set[str] = field(default_factory=set)

    def answer(self, asked: str, body: str) -> Reply:
        if asked == "create":
            if self.mapping is not None:
                return Reply(400, error("resource_already_exists_exception"))
            self.mapping = json.loads(body)["mappings"]
            self.created += 1
            return Reply(200, {"acknowledged": True})
        if asked == "_mapping":
            if self.mapping is None:
                return MISSING
            return Reply(200, {"items": {"mappings": self.mapping}}) if self.clock.time >= self.shown else self.instead
        if asked == "_bulk":
            heads = [json.loads(each) for each in body.splitlines() if each.startswith(HEADS)]
            if self.guard == "refused" and "update" in heads[-1]:
                return Reply(400, error("illegal_argument_exception", "unknown parameter [require_alias]"))
            if self.mapping is None and self.guard != "heeded":
                self.mapping = {"properties": {"n": {"type": "long"}}}
            return Reply(200, {"items": [{next(iter(head)): self._item(head)} for head in heads]})
        return Reply(200, {"docs": []})

    def _item(self, head: Any) -> dict[str, Any]:
        if "update" in head:
            return GUARDED if self.guard == "heeded" else {"status": 404, **error("document_missing_exception")}
        if self.mapping is None:
            return {"status": 404, **error("index_not_found_exception")}
        name = head[next(iter(head))]["_id"]
        if self.clock.time < self.writable and (not self.slow or name in self.slow):
            return {"_id": name, "status": 404, **error("index_not_found_exception")}
        if name != PROBE.id:
            self.documents.add(name)
        return {"_id": name, "status": 201}


@pytest.fixture
def services() -> Iterator[Services]:
    with serving() as opened:
        yield opened


def sandbox(services: Services, clock: FakeClock, signal: Callable[[], None] | None = None) -> Bench:
    """A pipeline whose collection's edge is real."""
    config = read_environment(environment(OPENSEARCH_HOST=services.url))
    auth = AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss")
    bench = Bench(config=config, clock=clock)
    bench.index = OpenSearchCollection(connect(config, auth), config, clock, signal)  # type: ignore[assignment]
    return bench


def start(services: Services, index: NewIndex) -> Bench:
    services.answer = index.answer
    return sandbox(services, index.clock)


BATCH = event(record("INSERT", "a", number=1), record("INSERT", "b", number=2))


@pytest.mark.parametrize("instead", LATE.values(), ids=LATE.keys())
@pytest.mark.parametrize("late_s", [3.0, 40.0])
def test_an_index_that_is_just_made_may_be_missing_for_a_while(
    services: Services, late_s: float, instead: Reply
) -> None:
    """No error is raised, so that no alarm is either: the trigger is told the lowest record."""
    clock = FakeClock()
    ready = clock.time + late_s
    index = NewIndex(clock, ready, ready, instead)
    bench = start(services, index)
    failed = bench.run(BATCH)
    if late_s > READ_TO_ANSWER / 2:
        assert failed == [number(1)]
        line = json.loads(log_line(bench.report, bench.config, clock.now(), "request"))
        assert (line["level"], line["BatchItemFailures"]) == ("WARN", 1)
        clock.time = ready
        failed = bench.run(BATCH)
    assert failed == []
    assert index.documents == {"a", "b"}
    assert index.created == 1
    assert bench.queue.messages == []


def test_a_sandbox_that_starts_later_knows_from_the_mark_that_the_index_is_new(services: Services) -> None:
    clock = FakeClock()
    index = NewIndex(clock, writable=clock.time + 60.0)
    start(services, index).run(BATCH)
    later = sandbox(services, clock)
    assert later.run(BATCH) == [number(1)]
    clock.time += 60.0
    assert later.run(BATCH) == []


@pytest.mark.parametrize("in_place_of_an_old_one", [True, False])
def test_an_index_made_by_another_sandbox_may_not_be_shown_yet(
    services: Services, in_place_of_an_old_one: bool
) -> None:
    clock = FakeClock()
    index = NewIndex(clock)
    bench = start(services, index)
    if in_place_of_an_old_one:
        for _ in range(2):
            assert bench.run(BATCH) == []
            clock.time += NEW_INDEX_S + ENSURED_FOR
        index.mapping = None
    index.shown = clock.time + 60.0
    real = index.answer
    taken = {"_meta": {"searchsync": Mark("other", clock.time, OWNER).as_member()}}

    def created_meanwhile(asked: str, body: str) -> Reply:
        if asked == "create":
            index.mapping = taken
        return real(asked, body)

    services.answer = created_meanwhile
    assert bench.run(BATCH) == [number(1)]
    clock.time += 60.0
    assert bench.run(BATCH) == []


@pytest.mark.parametrize("instead", LATE.values(), ids=LATE.keys())
def test_an_index_that_is_missing_for_too_long_is_the_stacks_fault_and_never_to_be_deleted(
    services: Services, instead: Reply
) -> None:
    clock = FakeClock()
    index = NewIndex(clock, writable=clock.time + 9_999.0, shown=clock.time + 9_999.0, instead=instead)
    bench = start(services, index)
    assert bench.run(BATCH) == [number(1)]
    for _ in range(2):
        clock.time += NEW_INDEX_S
        with pytest.raises(StackError) as raised:
            bench.run(BATCH)
        assert "elete" not in str(raised.value)
    assert index.created == 1


@pytest.mark.parametrize("instead", EMPTY.values(), ids=EMPTY.keys())
def test_an_empty_mapping_of_an_index_that_nobody_knows_is_waited_for_and_never_to_be_deleted(
    services: Services, instead: Reply
) -> None:
    clock = FakeClock()
    bench = start(services, NewIndex(clock, shown=clock.time + 9_999.0, instead=instead, mapping={}))
    assert bench.run(BATCH) == [number(1)]
    clock.time += NEW_INDEX_S
    with pytest.raises(StackError, match="GET /items/_mapping") as raised:
        bench.run(BATCH)
    assert "elete" not in str(raised.value)


def test_an_old_index_that_goes_away_is_made_again_at_once(services: Services) -> None:
    clock = FakeClock()
    index = NewIndex(clock)
    bench = start(services, index)
    assert bench.run(BATCH) == []
    clock.time += NEW_INDEX_S + ENSURED_FOR
    assert bench.run(BATCH) == []
    index.mapping = None
    clock.time += ENSURED_FOR
    assert bench.run(BATCH) == []
    assert index.created == 2
    assert bench.report.repair_needed == ["the index was deleted and made again"]


def test_a_replaced_index_is_signalled_before_anything_is_written_to_it(services: Services) -> None:
    """The invocation may be ended before its own line."""
    clock = FakeClock()
    index = NewIndex(clock)
    services.answer = index.answer
    signalled: list[set[str]] = []
    bench = sandbox(services, clock, lambda: signalled.append(set(index.documents)))
    assert bench.run(BATCH) == []
    assert signalled == []
    index.mapping = None
    index.documents.clear()
    clock.time += ENSURED_FOR
    assert bench.run(BATCH) == []
    assert signalled == [set()]
    assert index.documents == {"a", "b"}


def test_a_write_makes_no_index_and_one_that_is_deleted_while_it_is_new_is_made_again_at_once(
    services: Services,
) -> None:
    clock = FakeClock()
    index = NewIndex(clock)
    bench = start(services, index)
    assert bench.run(BATCH) == []
    index.mapping = None
    assert bench.run(BATCH) == []
    assert index.created == 2
    assert "_meta" in (index.mapping or {})
    assert bench.report.repair_needed == ["the index was deleted and made again"]


@pytest.mark.parametrize("guard", ["ignored", "refused"])
def test_where_a_write_makes_the_index_it_is_looked_at_before_nearly_every_write(
    services: Services, guard: str
) -> None:
    """Another sandbox of the stack raises the repair that the one that died knew of."""
    clock = FakeClock()
    index = NewIndex(clock, guard=guard)
    bench = start(services, index)
    for _ in range(2):
        assert bench.run(BATCH) == []
        clock.time += NEW_INDEX_S
    assert bench.queue.messages == []
    services.asked.clear()
    assert bench.run(BATCH) == []
    clock.time += UNGUARDED_FOR / 2
    index.mapping = None
    assert bench.run(BATCH) == [], "the write makes the index"
    clock.time += UNGUARDED_FOR / 2
    for each in (bench, later := sandbox(services, clock)):
        with pytest.raises(StackError, match="not made by searchsync"):
            each.run(BATCH)
    index.mapping = None
    assert later.run(BATCH) == []
    assert "_meta" in (index.mapping or {})
    assert later.report.repair_needed == ["the index was deleted and made again"]
    sent = 5 if guard == "refused" else 3
    assert services.asked.count("_bulk") == sent, "none without a look; a sandbox sends what is refused again"


def test_where_no_write_makes_the_index_it_is_looked_at_every_minute(services: Services) -> None:
    clock = FakeClock()
    bench = start(services, NewIndex(clock))
    for _ in range(5):
        assert bench.run(BATCH) == []
        clock.time += ENSURED_FOR / 5
    assert services.asked.count("_mapping") == 1


@pytest.mark.parametrize("asked", ["_mapping", "create", "_bulk"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_a_new_sandbox_is_no_error_until_a_policy_must_hold(
    services: Services, asked: str, status: int
) -> None:
    clock = FakeClock()
    index = NewIndex(clock)
    bench = start(services, index)
    services.answer = lambda what, body: (
        Reply(status, error("Forbidden")) if what == asked else index.answer(what, body)
    )
    began = clock.time
    while clock.time < began + GRANTED_WITHIN - READ_TO_ANSWER:
        assert bench.run(BATCH) == [number(1)]
        assert f"{status}_not_granted_yet" in bench.report.busy
    clock.time = began + GRANTED_WITHIN
    with pytest.raises(StackError, match="data access policy"):
        bench.run(BATCH)
    services.answer = index.answer
    assert bench.run(BATCH) == []
    assert bench.queue.messages == []


def test_a_refused_read_of_versions_is_an_error_at_once(services: Services) -> None:
    """Behind a write that was taken, so the policy holds; a conflict would be settled without it, and nobody told."""
    bench = start(services, NewIndex(FakeClock()))
    services.answer = lambda _asked, _body: Reply(403, error("Forbidden"))
    with pytest.raises(StackError, match="aoss:ReadDocument"):
        bench.index.current_versions(["a"], 5.0)


def test_documents_of_a_shard_that_is_late_are_no_poison(services: Services) -> None:
    clock = FakeClock()
    index = NewIndex(clock, writable=clock.time + LONE_SECONDS + 60.0, slow=frozenset({"b"}))
    bench = start(services, index)
    assert bench.run(BATCH) == [number(2)]
    assert bench.queue.messages == []
    assert index.documents == {"a"}


def test_a_document_shown_without_its_version_is_the_stacks_fault(services: Services) -> None:
    bench = start(services, NewIndex(FakeClock()))
    services.answer = lambda _asked, _body: Reply(200, {"docs": [{"_id": "a", "found": True}]})
    with pytest.raises(StackError, match="without their versions"):
        bench.index.current_versions(["a"], 5.0)


def test_an_index_that_cannot_be_asked_shows_no_versions(services: Services) -> None:
    bench = start(services, NewIndex(FakeClock()))
    services.answer = lambda _asked, _body: MISSING
    assert bench.index.current_versions(["a"], 5.0) == {}


def test_a_second_request_without_the_guard_has_what_is_left_of_the_firsts_time(services: Services) -> None:
    bench = start(services, NewIndex(FakeClock()))
    sent = refused(bench, takes=4.0)
    bench.index.bulk(b"{}\n", 30.0, 20.0)
    assert [(float(each), each.begin_within) for each, _ in sent] == [(30.0, 20.0), (26.0, 16.0)]


def test_a_request_that_is_refused_without_the_guard_too_keeps_it_for_the_next(services: Services) -> None:
    bench = start(services, NewIndex(FakeClock()))
    assert guarded(bench, [400, 400, 400, 400])[:4] == [True, False, True, False]


@pytest.mark.parametrize(
    "statuses",
    [
        [400, 200] * (GUARD_REFUSALS - 1) + [400, 400],
        [400, 200] * (GUARD_REFUSALS - 1) + [200] + [400, 200],
        [400, 200, 200] * GUARD_REFUSALS,
    ],
    ids=["the last one without it too", "one taken with it between", "each followed by one taken with it"],
)
def test_a_few_requests_that_are_refused_only_with_the_guard_keeps_the_guard(
    services: Services, statuses: list[int]
) -> None:
    """The refusal may have another cause: a late request would make an index that somebody deleted, for ever."""
    bench = start(services, NewIndex(FakeClock()))
    assert guarded(bench, statuses)[len(statuses)]


def test_a_guard_that_is_refused_in_a_row_is_left_out(services: Services) -> None:
    bench = start(services, NewIndex(FakeClock()))
    sent = guarded(bench, [400, 200] * GUARD_REFUSALS + [200])
    assert sent == [True, False] * GUARD_REFUSALS + [False, False]


def guarded(bench: Bench, statuses: list[int]) -> list[bool]:
    """Which of the requests that are answered so, and the next ones, had the guard."""
    sent = refused(bench, statuses=statuses)
    while len(sent) <= len(statuses):
        bench.index.bulk(b"{}\n", 30.0, 20.0)
    return [GUARD in body for _, body in sent]


def refused(bench: Bench, takes: float = 0.0, statuses: Sequence[int] = ()) -> list[tuple[Seconds, bytes]]:
    """The times and bodies of requests, each of which is answered as a whole: as said, then refused."""
    sent: list[tuple[Seconds, bytes]] = []

    def request(_method: str, _path: str, body: bytes, timeout: Seconds, _headers: Any) -> Response:
        sent.append((timeout, body))
        bench.clock.time += takes
        return Response(statuses[len(sent) - 1] if len(sent) <= len(statuses) else 400)

    bench.index._request = request  # type: ignore[attr-defined]
    return sent


@pytest.mark.parametrize("lived", [True, False])
def test_the_index_of_another_stack_is_refused_and_one_that_stands_in_our_place_calls_for_a_repair(
    services: Services, lived: bool
) -> None:
    clock = FakeClock()
    index = NewIndex(clock)
    bench = start(services, index)
    if lived:
        assert bench.run(BATCH) == []
        clock.time += ENSURED_FOR
    index.mapping = {"_meta": {"searchsync": Mark("other", 0.0, Owner("billing", OWNER.table)).as_member()}}
    index.documents.clear()
    with pytest.raises(StackError, match="belongs to the stack billing"):
        bench.run(BATCH)
    assert index.documents == set()
    assert bench.queue.messages == []
    index.mapping = None
    assert bench.run(BATCH) == []
    assert bench.report.repair_needed == ["the index was deleted and made again"]


def test_what_the_engine_says_of_a_mapping_is_told_on_one_line_and_cut(services: Services) -> None:
    clock = FakeClock()
    said = "No handler for type [strnig] declared on field [a]\n\x1b[31m" + "x" * 5_000
    index = NewIndex(clock)
    bench = start(services, index)
    services.answer = lambda asked, body: (
        Reply(400, error("mapper_parsing_exception", said)) if asked == "create" else index.answer(asked, body)
    )
    with pytest.raises(StackError, match=r"No handler for type \[strnig\] .*Correct index\.mapping") as raised:
        bench.run(BATCH)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1_000
    assert bench.queue.messages == []
