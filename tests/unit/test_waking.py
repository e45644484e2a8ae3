"""A NextGen collection that sleeps: it holds a side's first request while it wakes, indexing and search apart.

AWS page "Scale to zero for Amazon OpenSearch Serverless": after 10 idle minutes; expect 10-30 s on the first request
to each component. Which of them answers GET _mapping is unknown, and so is whether a request is applied whose client
did not wait: both ways are tried.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from searchsync.config import Config
from searchsync.documents.index import Mark, creation_body
from searchsync.edges.collection import OpenSearchCollection
from searchsync.limits import READ_TO_REQUEST, TOMBSTONE_LIFE
from searchsync.protocol.bulk import Response
from searchsync.protocol.version import read_version
from searchsync.sync.resync import Result
from tests.support.events import NOW, OWNER, event, record
from tests.support.fakes import Bench, FakeClock, MemoryIndex, whole

IDLE_S = 600.0


class SleepingCollection(OpenSearchCollection):
    """The real edge, its requests answered from memory by two sides that sleep."""

    def __init__(self, config: Config, clock: FakeClock, wakes_in_s: float, lands: bool, mapping_side: str) -> None:
        super().__init__(None, config, clock)  # type: ignore[arg-type]
        self.clock, self.wakes_in_s, self.lands, self.mapping_side = clock, wakes_in_s, lands, mapping_side
        self.memory = MemoryIndex()
        self.awake_at: dict[str, float] = {}
        self.last_asked: dict[str, float] = {}
        self.writes: list[tuple[float, float]] = []
        """Seconds from a batch's taking, or the last read of the table, to a request's begin and to its application."""
        self.cut = 0
        self.read_at = clock.time

    def _request(
        self, method: str, path: str, body: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Response:
        asked = path.rpartition("/")[2]
        began, woken = self.clock.time, self._awake(asked)
        bulk = asked == "_bulk"
        if woken - began >= timeout:
            self.clock.time += timeout
            self.cut += 1
            if bulk and self.lands and body is not None:
                self._apply(body, began, woken)
            return Response(None, detail="ConnectionTimeout")
        self.clock.time = max(self.clock.time, woken)
        if bulk and body is not None:
            return self._apply(body, began, self.clock.time)
        if asked == "_mapping":
            return Response(200, {"items": creation_body(None, Mark("m", 0.0, OWNER))})
        assert asked == "_mget"
        names = [each["_id"] for each in json.loads(body or b"")["docs"]]
        shown = self.memory.current_versions(names, timeout)
        docs = [{"_id": name, "found": name in shown, "_version": shown.get(name, -1)} for name in names]
        return Response(200, {"docs": docs})

    def _awake(self, asked: str) -> float:
        side = {"_bulk": "indexing", "_mget": "search"}.get(asked, self.mapping_side)
        if self.clock.time - self.last_asked.get(side, 0.0) >= IDLE_S:
            self.awake_at[side] = self.clock.time + self.wakes_in_s
        self.last_asked[side] = self.clock.time
        return self.awake_at[side]

    def _apply(self, body: bytes, began: float, applied: float) -> Response:
        self.writes.append((began - self.read_at, applied - self.read_at))
        return self.memory.bulk(body, 0.0, 0.0)


SLEEPS = list(product((10.0, 25.0, 29.9, 30.0), (True, False), ("indexing", "search")))
sleeping = pytest.mark.parametrize(("wakes_in_s", "lands", "mapping_side"), SLEEPS)


class Waking(Bench):
    """A pipeline in front of a collection that sleeps; the table is the truth."""

    def __init__(self, wakes_in_s: float, lands: bool, mapping_side: str) -> None:
        super().__init__()
        self.collection = SleepingCollection(self.config, self.clock, wakes_in_s, lands, mapping_side)
        self.index = self.collection  # type: ignore[assignment]
        self.table.after_read = self._read

    def _read(self) -> None:
        self.collection.read_at = self.clock.time

    def deliver(self, *records: dict[str, Any]) -> None:
        """The trigger delivers a batch until it is done: the second time at the latest. No write is too late."""
        for attempt in range(2):
            self._read()
            if not self.run(event(*records)):
                break
            assert attempt == 0, self.report.busy
        assert self.queue.messages == []
        for begun, applied in self.collection.writes:
            assert begun <= READ_TO_REQUEST
            assert applied < TOMBSTONE_LIFE

    def documents(self) -> dict[str, Any]:
        """What the index holds, by id."""
        return {name: source for name, (_, source) in self.collection.memory.documents.items()}


@sleeping
@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_that_meets_a_sleeping_collection_is_done_at_its_second_delivery(
    wakes_in_s: float, lands: bool, mapping_side: str, count: int
) -> None:
    bench = Waking(wakes_in_s, lands, mapping_side)
    bench.collection.memory.documents["gone"] = (1, {})
    names = [f"k{each}" for each in range(count)]
    bench.deliver(
        *(record("INSERT", name, number=each) for each, name in enumerate(names, 1)),
        record("REMOVE", "gone", number=99),
    )
    assert set(bench.documents()) == set(names)


@sleeping
@pytest.mark.parametrize("count", [1, 40])
def test_a_resync_that_meets_a_sleeping_collection_is_done_at_its_second_delivery(
    wakes_in_s: float, lands: bool, mapping_side: str, count: int
) -> None:
    bench = Waking(wakes_in_s, lands, mapping_side)
    names = [f"k{each}" for each in range(count)]
    bench.table.items = {name: {"id": {"S": name}} for name in names}
    bench.deliver(*(record("MODIFY", name, number=each, second=None) for each, name in enumerate(names, 1)))
    assert set(bench.documents()) == set(names)


@sleeping
def test_a_look_up_that_wakes_the_search_side_hides_no_tombstone(
    wakes_in_s: float, lands: bool, mapping_side: str
) -> None:
    bench = Waking(wakes_in_s, lands, mapping_side)
    bench.collection.memory.tombstones["a"] = read_version(NOW + 15, 10)
    bench.deliver(record("MODIFY", "a", number=5))
    assert bench.documents() == {}
    assert bench.report.results == {Result.RESYNCED: 1}


def test_a_sandbox_that_was_idle_wakes_the_collection_again() -> None:
    bench = Waking(20.0, True, "search")
    bench.deliver(record("INSERT", "a", number=1))
    bench.clock.time += 2 * IDLE_S
    second = int(bench.clock.time)
    bench.deliver(record("MODIFY", "a", number=2, second=second))
    assert bench.documents() == {"a": whole(id="a", n=2)}
