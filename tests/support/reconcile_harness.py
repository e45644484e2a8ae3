"""A table and a collection that a run can be driven on, in memory: the SDK's client of a table with Scan and
BatchGetItem, the index as the reader shows it, and a clock that lets others act while the run waits."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from heapq import heappop, heappush
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError

from searchsync.clock import Backoff, Deadline
from searchsync.config import Config, read_environment
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import KEY_FIELD, document_id, encode, index_key
from searchsync.documents.shape import WHOLE, Rules
from searchsync.documents.values import exact
from searchsync.edges.table import DynamoTable
from searchsync.edges.wire import normalised
from searchsync.errors import CollectionBusyError
from searchsync.reconcile.agreement import Document
from searchsync.reconcile.ahead import Ahead
from searchsync.reconcile.bucket import Bucket
from searchsync.reconcile.parts import Pace, Reconciler
from searchsync.reconcile.reader import Hit, KeyPage
from searchsync.reconcile.report import Reports
from searchsync.reconcile.seen import SeenStore
from searchsync.reconcile.state import read_state, summed, written_state
from searchsync.reconcile.verify import Lateness
from searchsync.reconcile.visibility import Visibility, is_probe
from tests.support.at_once import AtOnce
from tests.support.events import NOW, environment
from tests.support.fakes import FakeClock, MemoryIndex, MemoryQueue

MAX_SKEW = 5.0
"""Seconds of a visibility that stands alone."""


IN_TIME = Lateness(lambda _since: 0.0, 0.0)
"""A pipeline that is in time, and known to be at once."""


class BusyClock(FakeClock):
    """A clock on which others act: what is due while somebody sleeps happens at its own time."""

    def __init__(self, time: float = NOW + 1.5) -> None:
        super().__init__(time)
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0

    def at(self, time: float, action: Callable[[], object]) -> None:
        """Let something happen at a Unix time."""
        self._number += 1
        heappush(self._due, (time, self._number, action))

    def every(self, seconds: float, action: Callable[[], object], first: float = 0.0) -> None:
        """Let something happen again and again."""

        def again() -> None:
            action()
            self.at(self.time + seconds, again)

        self.at(self.time + first, again)

    def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        while self._due and self._due[0][0] <= until:
            due, _, action = heappop(self._due)
            self.time = max(self.time, due)
            action()
        self.time = max(self.time, until)
        self.slept.append(seconds)


@dataclass
class TableClient:
    """A DynamoDB client of one table. `latency`: seconds that a request takes, half before it is carried out.

    `faults` are error codes, one a request until they are used up; None lets a request by.
    """

    clock: FakeClock
    name: str = "t"
    key_attributes: tuple[str, ...] = ("id",)
    page: int = 1_000
    latency: float = 0.0
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: deque[str | None] = field(default_factory=deque)
    scans: int = 0
    reads: int = 0
    unit: float = 0.0

    def put(self, item: dict[str, Any]) -> str:
        """Put an item in the SDK's form; its document id."""
        name = self.id_of(item)
        self.items[name] = item
        return name

    def id_of(self, item: Mapping[str, Any]) -> str:
        """The document id of an item or a key in the SDK's form."""
        keys = normalised({name: item[name] for name in self.key_attributes})
        return document_id(keys, self.key_attributes)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        """BatchGetItem."""
        ((table, request),) = RequestItems.items()
        self.reads += 1
        self._begin("BatchGetItem", request["ConsistentRead"])
        names = [self.id_of(key) for key in request["Keys"]]
        if len(set(names)) != len(names):
            raise failed("ValidationException", "BatchGetItem")
        found = [self.items[name] for name in names if name in self.items]
        return self._answer({"Responses": {table: found}, "UnprocessedKeys": {}}, self.unit * len(names), listed=True)

    def scan(self, *, Segment: int, TotalSegments: int, Limit: int, **request: Any) -> dict[str, Any]:  # noqa: N803
        """Scan: the items of a segment in the order of their keys' digests."""
        self.scans += 1
        self._begin("Scan", request["ConsistentRead"])
        after = request.get("ExclusiveStartKey")
        behind = place(self.id_of(after)) if after else None
        names = [name for name in self.items if crc32(name.encode()) % TotalSegments == Segment]
        names = sorted((name for name in names if behind is None or place(name) > behind), key=place)
        taken = names[: min(Limit, self.page)]
        body: dict[str, Any] = {"Items": [self.items[name] for name in taken]}
        if len(taken) < len(names) or len(taken) == min(Limit, self.page):
            last = self.items[taken[-1]]
            body["LastEvaluatedKey"] = {name: last[name] for name in self.key_attributes}
        return self._answer(body, self.unit * len(taken))

    def _begin(self, operation: str, consistent: bool) -> None:
        assert consistent
        self.clock.sleep(self.latency / 2)
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise failed(fault, operation)

    def _answer(self, body: dict[str, Any], units: float, listed: bool = False) -> dict[str, Any]:
        date = formatdate(self.clock.now(), usegmt=True)
        capacity: Any = {"CapacityUnits": units}
        self.clock.sleep(self.latency / 2)
        return {
            **body,
            "ConsumedCapacity": [capacity] if listed else capacity,
            "ResponseMetadata": {"HTTPHeaders": {"date": date}},
        }


def key_in(source: Any) -> int:
    """A document's key, -1 where it has none."""
    return int(source.get(KEY_FIELD, -1)) if isinstance(source, Mapping) else -1


def place(name: str) -> tuple[int, str]:
    """Where an item lies in the order of a scan."""
    return crc32(name.encode(), 1), name


def failed(code: str, operation: str) -> ClientError:
    """The SDK's error."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)  # type: ignore[typeddict-item]


@dataclass
class MemoryReader:
    """The memory index as the run's reader shows it.

    `shown`: what reads and searches show while they are late, see `World.reads_late`.
    """

    index: MemoryIndex
    clock: FakeClock
    latency: float = 0.0
    shown: dict[str, tuple[int, Any]] | None = None
    searched: dict[str, tuple[int, Any]] | None = None
    asked: list[list[str]] = field(default_factory=list)
    requests: int = 0

    def documents(self, ids: Sequence[str], deadline: Deadline) -> Iterator[dict[str, Document | None]]:
        """The documents by id, None where there is none: one page."""
        if not ids:
            return
        if not is_probe(ids[0]):
            self.asked.append(list(ids))
        self.clock.sleep(self.latency / 2)
        shown = self.index.documents if self.shown is None else self.shown
        found = {name: self._document(name, shown) if name in shown else None for name in ids}
        self.clock.sleep(self.latency / 2)
        yield found

    def found(self, ids: Sequence[str], deadline: Deadline) -> set[str]:
        """Those of them that a search shows."""
        return set(ids) & (self.index.documents if self.searched is None else self.searched).keys()

    @property
    def _searchable(self) -> dict[str, tuple[int, Any]]:
        return self.index.documents if self.searched is None else self.searched

    def keys(self, low: int, high: int, deadline: Deadline) -> KeyPage:
        """The keys of a range."""
        self.clock.sleep(self.latency)
        found = [key for _, (_, source) in self._searchable.items() if low <= (key := key_in(source)) < high]
        return KeyPage(len(found), found)

    def holding(self, keys: Sequence[int], deadline: Deadline) -> list[Hit]:
        """The documents of keys."""
        wanted = set(keys)
        return self._hits(lambda source: key_in(source) in wanted)

    def keyless(self, deadline: Deadline) -> list[Hit]:
        """The documents without one."""
        return self._hits(lambda source: key_in(source) < 0)

    def hits(self) -> list[Hit]:
        """All documents."""
        return self._hits(lambda _: True)

    def _hits(self, wanted: Callable[[Any], bool]) -> list[Hit]:
        self.clock.sleep(self.latency)
        shown = self._searchable
        return [Hit(name, Document(version, None)) for name, (version, source) in shown.items() if wanted(source)]

    def _document(self, name: str, shown: Mapping[str, tuple[int, Any]]) -> Document:
        version, source = shown[name]
        return Document(version, exact(json.dumps(source)))


@dataclass
class World:
    """Table and index, with a pipeline that brings each change `lag()` seconds later."""

    key_attributes: tuple[str, ...] = ("id",)
    types: Mapping[str, str] = field(default_factory=lambda: {"id": "S"})
    clock: BusyClock = field(default_factory=BusyClock)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    lag: Callable[[], float] = lambda: 0.0
    skew: float = 0.0
    """Seconds that the stream's clock is behind."""
    rules: Rules = WHOLE

    def __post_init__(self) -> None:
        self.client = TableClient(self.clock, key_attributes=self.key_attributes)
        self.backoff = Backoff(self.clock, random.Random(3))
        self.table = DynamoTable(self.client, "t", self.key_attributes, self.clock, self.backoff)
        self.reader = MemoryReader(self.index, self.clock)
        self.visibility = Visibility(self.index, self.reader, self.clock, self.backoff, MAX_SKEW)
        self._number = self._late = 0

    def put(self, name: str, **attributes: dict[str, Any]) -> str:
        """Put an item and let its document follow."""
        return self.put_item({"id": {"S": name}, **attributes})

    def put_item(self, item: dict[str, Any]) -> str:
        """Put an item in the SDK's form and let its document follow."""
        name = self.client.put(item)
        text = encode(name, normalised(item), self.rules)
        version = self._version()
        self.clock.at(self.clock.time + self.lag(), lambda: self._arrive(name, version, text))
        return name

    def delete(self, name: str) -> None:
        """Delete an item and let its document follow."""
        self.client.items.pop(name, None)
        version = self._version()
        self.clock.at(self.clock.time + self.lag(), lambda: self._arrive(name, version, None))

    def plant(self, name: str, source: Any, version: int | None = None) -> None:
        """Put a document into the index by hand: with its key, unless `source` is no object or says its own."""
        if isinstance(source, Mapping) and not is_probe(name):
            source = {KEY_FIELD: index_key(name), **source}
        self.index.documents[name] = (version if version is not None else self._version(), source)

    def reads_late(self, seconds: float = 0.0, searches: float = 0.0) -> None:
        """From now on reads by id, and searches, show the index as it was so many seconds ago."""

        self._late += 1
        since = self._late

        def show(what: str, copy: dict[str, tuple[int, Any]]) -> None:
            if since == self._late:
                setattr(self.reader, what, copy)

        def remember() -> None:
            copy = dict(self.index.documents)
            for what, late in (("shown", seconds), ("searched", searches)):
                if late:
                    self.clock.at(self.clock.time + late, lambda what=what: show(what, copy))  # type: ignore[misc]

        self.reader.shown = dict(self.index.documents) if seconds else None
        self.reader.searched = dict(self.index.documents) if searches else None
        self.clock.every(1.0, remember)

    def rest(self) -> None:
        """Let everything arrive."""
        self.clock.sleep(60.0)

    def _version(self) -> int:
        self._number += 1
        return int(self.clock.time - self.skew) << 31 | self._number << 1

    def _arrive(self, name: str, version: int, text: bytes | None) -> None:
        """As the engine takes it: what is older than what is there changes nothing."""
        operation = "delete" if text is None else "index"
        self.index._apply(operation, name, version, None if text is None else json.loads(text))


def pages(table: DynamoTable, deadline: Deadline, of: int = 1) -> Iterator[list[Any]]:
    """Every page of a table's scan."""
    for segment in range(of):
        position: AttributeMap | None = None
        while True:
            page = table.scan(segment, of, position, deadline)
            yield page.items
            position = page.position
            if position is None:
                break


@dataclass
class Lane:
    """One lane of a run over a world: calls of a part until it is done, each state through JSON as Step Functions
    carries it. `call_seconds`: how long a call lasts. A call that the collection was too busy for is repeated up to
    `repeats` times, as the state machine does; `repeated` counts them."""

    world: World
    config: Config = field(default_factory=lambda: read_environment(environment()))
    call_seconds: float = 880.0
    recheck_delay: float = 10.0
    rate: float | None = None
    seed: int = 1
    s3: Any = None
    bucket: str | None = None
    seen_bucket: str | None = None
    exported_at: float | None = None
    repeats: int = 0
    repeated: int = 0
    scanned: DynamoTable | None = None
    ahead: Ahead | None = None
    lateness: Lateness = IN_TIME

    def __post_init__(self) -> None:
        self.queue = MemoryQueue()
        self.lines: list[str] = []
        self.under_way: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.config = replace(self.config, key_attributes=self.world.key_attributes)

    def _emit(self, line: str) -> None:
        told = json.loads(line).get("under_way")
        if told:
            self.under_way.append(told)
        else:
            self.lines.append(line)

    def reconciler(self, paid_at: float = 0.0) -> Reconciler:
        """A reconciler of one call."""
        world = self.world
        reader: Any = world.reader
        return Reconciler(
            self.config,
            world.table,
            self.scanned or world.table,
            self.ahead or AtOnce(world.clock),
            world.index,
            reader,
            self.queue,
            Reports(self.s3, self.bucket, self.config, self._emit),
            SeenStore(None if self.seen_bucket is None else Bucket(self.s3, self.seen_bucket)),
            self.s3,
            world.clock,
            world.backoff,
            random.Random(self.seed),
            Pace(world.clock, self.rate, paid_at),
            world.types,
            self.lateness,
        )

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        """One call of the reconcile function's function."""
        event = json.loads(json.dumps(event))
        state = read_state(event)
        reconciler = self.reconciler(state.paid_at)
        position, broken = reconciler.reconcile(state, Deadline.after(self.world.clock, self.call_seconds))
        text = json.dumps(
            written_state(event, state.after(position, reconciler.counts, broken, reconciler.pace.paid_at))
        )
        assert len(text) < 10_000
        self.states.append(json.loads(text))
        return self.states[-1]

    def run(self, task: str, part: dict[str, Any]) -> dict[str, Any]:
        """Every call of a part; its totals."""
        export = None if self.exported_at is None else {"exported_at": self.exported_at}
        event: dict[str, Any] = {
            "task": task,
            "run": "run-1",
            "recheck_delay": self.recheck_delay,
            "export": export,
            "part": part,
        }
        event |= {"position": None, "call": 0, "totals": {}, "done": False}
        while not event["done"]:
            try:
                event = self.call(event)
            except CollectionBusyError:
                self.repeated += 1
                if self.repeated > self.repeats:
                    raise
        totals: dict[str, Any] = event["totals"]
        return totals

    def reconcile(self, task: str, of: int = 1) -> dict[str, Any]:
        """A whole run: the table's segments, then the index's ranges; its totals."""
        since = self.world.clock.now()
        results = [self.run(task, {"segment": segment, "of": of}) for segment in range(of)]
        if task != "backfill":
            results += [self.run(task, {"range": each, "of": of, "since": since}) for each in range(of)]
        return summed(results)

    def differences(self) -> dict[str, str]:
        """Kinds of the differences that the log named, by document id."""
        return {line["id"]: line["kind"] for line in map(json.loads, self.lines)}
