"""Histories of a table that is scanned while it changes: the real pipeline and the real run on a real engine.

One thread and one clock. Whoever waits, for an answer too, lets the others act at their own times: writers, the
trigger, requests that land late, the engine's collection of tombstones. So a history is the same every time.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opensearchpy.exceptions import ConnectionError as NoAnswerError
from opensearchpy.exceptions import ConnectionTimeout, TransportError

from lab.faults import Fault, FaultKind, split_request
from lab.gate_rules import split_bulk
from searchsync.clock import Backoff, Deadline
from searchsync.config import Config, read_environment
from searchsync.documents.document import encode
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.edges.table import DynamoTable
from searchsync.edges.wire import normalised
from searchsync.errors import PipelineLateError, SearchsyncError, StackError
from searchsync.limits import ASKED_EVERY, LAG_KNOWN_AFTER, TOMBSTONE_LIFE
from searchsync.protocol.bulk import Kind
from searchsync.reconcile.identity import Looker, changed, saw
from searchsync.reconcile.prepare import TableFacts, recheck_delay
from searchsync.reconcile.reader import ExactJson, IndexReader
from searchsync.reconcile.verify import Lateness
from searchsync.reconcile.visibility import is_probe
from searchsync.sync.metrics import Report
from searchsync.sync.pipeline import Pipeline
from tests.engine.client import Client
from tests.support.events import NOW, environment, event, record
from tests.support.fakes import MemoryBucket, MemoryQueue
from tests.support.history.truth import HIDDEN, SHAPE
from tests.support.real_lane import AUTH
from tests.support.reconcile_harness import BusyClock, Lane, TableClient

SETTLE = 30.0
LATENCY = 0.4
"""Seconds of a request, half of them before it arrives."""
LATENESS = 4.0
"""Seconds after its client gave it up that a request lands: with the 55 s from a read to its answer less than a
tombstone's 60, which is what the protocol assumes."""
AWAY = 75.0
"""Seconds that the collection answers nothing but 429: longer than a page may be written or a tombstone lives."""
COLLECTED_EVERY = 3.0
PERIOD = 1.0
"""Seconds from one poll of the trigger to the next."""
UNDER_WAY = 30.0
"""Seconds of an invocation whose writes are all refused."""
TOLD_AFTER = 60.0
"""Seconds until CloudWatch tells how old an invocation's records were."""
WAKES_IN = 20.0
"""Seconds that a sleeping collection holds the first request: AWS says 10 to 30."""
REFUSED = {
    "item": Fault(FaultKind.ITEM, status=429, positions=(0,)),
    "mapping": Fault(FaultKind.ITEM, status=400, error_type="resource_already_exists_exception", positions=(0,)),
}
"""Faults that refuse the first item of a bulk request."""
RANGES = 2
"""Of the index, and segments of the table."""
REPEATS = 12
"""Calls that fail in a row before a history says that the run makes no progress."""


@dataclass(frozen=True)
class Change:
    """A key is put or deleted, `at` seconds after the phase began, and again every `every` seconds. `hide`: it is put
    so that it has no document by the condition, instead of deleted."""

    at: float
    key: int
    delete: bool = False
    every: float | None = None
    hide: bool = False


@dataclass(frozen=True)
class Trouble:
    """The next request of the run or of the sync function meets a fault, or the table throttles the next read.

    Of the "pipeline": nothing that it sends is taken for `what` seconds. Of the "index": it is deleted.
    """

    at: float
    who: str
    what: str


Step = Change | Trouble


class Network:
    """An OpenSearch client's transport that takes time and meets faults."""

    def __init__(self, inner: Any, history: History) -> None:
        self._inner, self._history = inner, history
        self.faults: deque[str] = deque()
        self.away = 0.0

    def perform_request(self, method: str, url: str, **request: Any) -> Any:
        """One request."""
        clock, bulk = self._history.clock, url.endswith("_bulk")
        clock.sleep(LATENCY / 2)
        fault = self.faults.popleft() if self.faults else ""
        if fault == "away":
            self.away = clock.time + AWAY
        if fault == "asleep":
            clock.sleep(WAKES_IN)
        if fault == "busy" or clock.time < self.away:
            raise TransportError(429, "circuit_breaking_exception", {})
        if fault == "reset":
            raise NoAnswerError("N/A", "reset", None)
        if fault == "late" and bulk:
            timeout = request["params"]["request_timeout"]
            clock.at(clock.time + timeout + LATENESS, lambda: self._send(method, url, request))
            clock.sleep(timeout)
            raise ConnectionTimeout("TIMEOUT", "late", None)
        refused = REFUSED.get(fault) if bulk else None
        answer = self._one_refused(refused, method, url, request) if refused else self._send(method, url, request)
        if fault == "lost":
            raise ConnectionTimeout("TIMEOUT", "lost", None)
        if fault == "shard" and url.endswith("_search"):
            answer["hits"]["hits"].clear()
            answer["hits"]["total"]["value"] = 0
            answer["_shards"] |= {"failed": 1, "failures": [{"reason": {"type": "shard_not_available"}}]}
        clock.sleep(LATENCY / 2)
        return answer

    def _one_refused(self, fault: Fault, method: str, url: str, request: dict[str, Any]) -> Any:
        split = split_request(list(split_bulk(request["body"])), [fault])
        if not split.body:
            return split.merge(None)
        return split.merge(self._send(method, url, {**request, "body": split.body}))

    def _send(self, method: str, url: str, request: dict[str, Any]) -> Any:
        params = dict(request["params"])
        if self is self._history.networks["reader"]:
            params |= self._history.read_late(url)
        answer = self._inner.perform_request(method, url, **{**request, "params": params})
        if url.endswith("_bulk"):
            self._history.landed(answer["items"])
        return answer


@dataclass
class History:
    """A table of some keys, its stream, an index, the sync function and the run.

    `lag`: seconds from a change to its first delivery; `skew`: seconds that the stream's clock is behind;
    `late`: seconds that the run's reads and searches may be behind the writes.
    """

    config: Config
    direct: Client
    lag: float = 0.0
    skew: float = 0.0
    late: float = 0.0
    clock: BusyClock = field(default_factory=lambda: BusyClock(NOW + 0.5))
    stream: deque[tuple[float, dict[str, Any]]] = field(default_factory=deque)
    tombstones: dict[str, tuple[int, float]] = field(default_factory=dict)
    longest_lag: float = 0.0
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    number: int = 0
    runs: int = 0
    refreshed: float = 0.0
    delivering: bool = False
    stalled_until: float = 0.0
    next_poll: float = 0.0
    ages: list[tuple[float, float]] = field(default_factory=list)
    """When an invocation was tried, and how old its last record was."""

    @classmethod
    def begin(  # noqa: PLR0917
        cls, gate_url: str, direct: Client, index: str, lag: float, skew: float, late: float
    ) -> History:
        """A history on a new index, whose tombstones the engine keeps until this world says otherwise."""
        shape = {**SHAPE, "when": json.dumps({HIDDEN: [{"exists": False}]})}
        given = read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape)))
        config = replace(given, host=gate_url, index=index, table_name="t")
        history = cls(config, direct, lag, skew, late)
        history.pipeline.collection.ensure_index(30.0)
        history.setting("1h")
        history.clock.every(PERIOD, history.deliver)
        history.clock.every(COLLECTED_EVERY, history.collect)
        return history

    def __post_init__(self) -> None:
        clock, config = self.clock, self.config
        self.client = TableClient(clock, page=5, latency=LATENCY)
        self.backoff = Backoff(clock, random.Random(3))
        self.table = DynamoTable(self.client, "t", ("id",), clock, self.backoff)
        self.queue = MemoryQueue()
        self.networks = {"sync": self._network(), "reconcile": self._network(), "reader": self._network()}
        collection = self._collection("sync")
        self.pipeline = Pipeline(config, collection, self.table, self.queue, clock, self.backoff)
        self.index = self._collection("reconcile")
        exact: Any = connect(config, AUTH, ExactJson())
        self.networks["reader"]._inner, exact.transport = exact.transport, self.networks["reader"]
        self.reader = IndexReader(exact, config.index, ("id",), self.backoff, config.owner)
        self.key_attributes, self.types = ("id",), {"id": "S"}

    def _network(self) -> Network:
        client: Any = connect(self.config, AUTH)
        return Network(client.transport, self)

    def _collection(self, who: str) -> OpenSearchCollection:
        client: Any = connect(self.config, AUTH)
        client.transport = self.networks[who]
        return OpenSearchCollection(client, self.config, self.clock)

    # Writers, and the stream

    def put(self, key: str, *, told: bool = True, hidden: bool = False) -> None:
        """Put an item; `told` False: from before the stream was turned on; `hidden`: without a document."""
        self.number += 1
        item: dict[str, Any] = {"id": {"S": key}, "n": {"N": str(self.number)}}
        item |= {"m": {"L": [{"M": {"k": item["n"], "kept": item["id"]}}]}} | (
            {HIDDEN: {"BOOL": True}} if hidden else {}
        )
        self._change("MODIFY", key, item, told)

    def delete(self, key: str) -> None:
        """Delete an item."""
        if self.client.id_of({"id": {"S": key}}) in self.client.items:
            self._change("REMOVE", key, None, True)

    def _there(self, key: str) -> bool:
        """Whether it has an item that is to have a document."""
        return HIDDEN not in self.client.items.get(self.client.id_of({"id": {"S": key}}), {HIDDEN: None})

    def _change(self, name: str, key: str, item: dict[str, Any] | None, told: bool) -> None:
        if item is None:
            del self.client.items[self.client.id_of({"id": {"S": key}})]
        else:
            self.client.put(item)
        self.number += 1
        if told:
            second = int(self.clock.time - self.skew)
            self.stream.append((self.clock.time, record(name, key, number=self.number, second=second, image=item)))

    def deliver(self) -> None:
        """One poll of the trigger: up to five records in order; what failed comes again."""
        if self.delivering or self.clock.time < self.next_poll:
            return
        batch = [each for created, each in list(self.stream)[:5] if created + self.lag <= self.clock.time]
        if not batch:
            return
        self.ages.append((self.clock.time, self.clock.time - self.stream[len(batch) - 1][0]))
        if self.clock.time < self.stalled_until:
            self.next_poll = self.clock.time + UNDER_WAY
            return
        self.delivering = True
        try:
            answer = self.pipeline.run(event(*batch), 120.0, Report())
        except StackError:
            raise
        except SearchsyncError:
            return
        finally:
            self.delivering = False
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for each in batch:
            if each["dynamodb"]["SequenceNumber"] in failed:
                break
            created, _ = self.stream.popleft()
            self.longest_lag = max(self.longest_lag, self.clock.time - created)

    def behind(self, since: float) -> float:
        """The lag since a time as it is known now: by the minute, and late."""
        known = self.clock.time - TOLD_AFTER
        return max((age for tried, age in self.ages if since - since % 60 <= tried <= known), default=0.0)

    def drain(self) -> None:
        """No more faults; everything arrives."""
        self.stalled_until = 0.0
        for network in self.networks.values():
            network.faults.clear()
            network.away = 0.0
        self.client.faults.clear()
        while self.stream:
            self.clock.sleep(PERIOD)
        self.clock.sleep(TOMBSTONE_LIFE)
        assert not self.stream

    # The engine's tombstones

    def landed(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Take note of what a bulk request did."""
        for each in items:
            ((operation, result),) = each.items()
            if operation == "delete" and result["status"] in {200, 404}:
                self.tombstones[result["_id"]] = (result["_version"], self.clock.time)
            elif result["status"] < 300:
                self.tombstones.pop(result["_id"], None)

    def collect(self) -> None:
        """The engine prunes tombstones by its own clock: all of them; the young ones are written again."""
        old = {name for name, (_, since) in self.tombstones.items() if since + TOMBSTONE_LIFE <= self.clock.time}
        if not old:
            return
        young = {name: version for name, (version, _) in self.tombstones.items() if name not in old}
        self.setting("0ms")
        end = time.monotonic() + 10.0
        while any(item["delete"]["status"] == 409 for item in self._deleted(dict.fromkeys(old, 1))):
            assert time.monotonic() < end, "the engine did not prune its tombstones"
            time.sleep(0.05)
            self.direct.call("POST", f"/{self.config.index}/_refresh")
        self.setting("1h")
        self._deleted(young)
        for name in old:
            del self.tombstones[name]

    def read_late(self, url: str) -> dict[str, str]:
        """A read of the run sees the last refresh, which is `late` seconds ago at most; its parameters for that."""
        if self.clock.time - self.refreshed >= self.late:
            self.refreshed = self.clock.time
            self.direct.call("POST", f"/{self.config.index}/_refresh")
        return {"realtime": "false"} if url.endswith("_mget") else {}

    def delete_index(self) -> None:
        """Somebody deletes the index, and the sync function makes it anew."""
        self.deletions += 1
        assert self.direct.call("DELETE", f"/{self.config.index}").ok
        self.tombstones.clear()
        self.pipeline.collection.forget_index()
        while self.pipeline.collection.ensure_index(30.0).kind is not Kind.DONE:
            self.clock.sleep(PERIOD)
        self.setting("1h")

    def setting(self, lifetime: str) -> None:
        """How long the engine keeps tombstones."""
        path = f"/{self.config.index}/_settings"
        assert self.direct.call("PUT", path, {"index.gc_deletes": lifetime}).ok

    def _deleted(self, versions: Mapping[str, int]) -> list[dict[str, Any]]:
        lines = [
            {"delete": {"_id": name, "version": version, "version_type": "external"}}
            for name, version in versions.items()
        ]
        if not lines:
            return []
        items: list[dict[str, Any]] = self.direct.call("POST", f"/{self.config.index}/_bulk", list(lines)).json()[
            "items"
        ]
        return items

    # The run

    def schedule(self, steps: Iterable[Step], keys: list[str]) -> None:
        """Let steps happen, counted from now."""
        for step in steps:
            self.clock.at(self.clock.time + step.at, lambda step=step: self._do(step, keys))  # type: ignore[misc]

    def _do(self, step: Step, keys: list[str]) -> None:
        if isinstance(step, Trouble) and step.who == "index":
            self.delete_index()
        elif isinstance(step, Trouble) and step.who == "pipeline":
            self.stalled_until = self.clock.time + float(step.what)
        elif isinstance(step, Trouble) and step.who == "table":
            self.client.faults.append(step.what)
        elif isinstance(step, Trouble):
            self.networks[step.who].faults.append(step.what)
        else:
            if step.delete and (step.every is None or self._there(keys[step.key])):
                self.put(keys[step.key], hidden=True) if step.hide else self.delete(keys[step.key])
            else:
                self.put(keys[step.key])
            if step.every is not None and self.clock.time < self.until:
                self.clock.at(self.clock.time + step.every, lambda: self._do(step, keys))

    deletions: int = 0
    deleted_within: int = 0
    """How often the index was deleted, at all and before the end of the last run."""
    whole: bool = True
    """Whether the last run ended over the index that it began with: else its result is none."""
    begun_with: Mapping[str, Any] = field(default_factory=dict)

    def _seen(self) -> dict[str, Any]:
        client: Any = connect(self.config, AUTH, ExactJson())
        index = Looker(client, self.config.index, self.config.owner, self.backoff).look(
            Deadline.after(self.clock, 60.0)
        )
        return saw(self.config, TableFacts({"id": "S"}, 0, None), index)

    until: float = 0.0
    """When what happens again and again ends."""

    def reconcile(self, task: str, steps: Iterable[Step] = (), keys: Iterable[str] = ()) -> Lane:
        """A whole run while the steps happen, then peace. Calls that fail are repeated, as the machine does."""
        world: Any = self
        lane = Lane(world, config=self.config, recheck_delay=SETTLE, call_seconds=800.0)
        lane.lateness = Lateness(self.behind, LAG_KNOWN_AFTER)
        lane.queue = self.queue
        self.runs += 1
        lane.s3, lane.seen_bucket = self.bucket, "seen"
        steps = list(steps)
        ends = self.clock.time + max((step.at for step in steps), default=0.0)
        self.until = self.clock.time + 600.0
        self.schedule(steps, list(keys))
        since = self.clock.now()
        self.begun_with, deletions = self._seen(), self.deletions
        self._part(lane, task, {"segment": 0, "of": RANGES})
        self._part(lane, task, {"segment": 1, "of": RANGES})
        if task != "backfill":
            self.direct.call("POST", f"/{self.config.index}/_refresh")
            for number in range(RANGES):
                self._part(lane, task, {"range": number, "of": RANGES, "since": since})
        self.whole = not changed(self.begun_with, self._seen())
        self.deleted_within = self.deletions - deletions
        self.until = 0.0
        self.clock.sleep(max(0.0, ends - self.clock.time))
        self.drain()
        return lane

    def _part(self, lane: Lane, task: str, part: dict[str, Any]) -> None:
        state: dict[str, Any] = {
            "task": task,
            "run": f"run-{self.runs}",
            "recheck_delay": SETTLE,
            "export": None,
            "part": part,
        }
        state |= {"position": None, "call": 0, "totals": {}, "done": False}
        repeated = 0
        while not state["done"]:
            try:
                state["recheck_delay"] = recheck_delay(SETTLE, self.behind(self.clock.time - 180.0))
                state = lane.call(state)
            except PipelineLateError:
                repeated += 1
                assert repeated < REPEATS * 2, "the pipeline stays late"
                self.clock.sleep(ASKED_EVERY)
            except StackError:
                raise
            except SearchsyncError:
                repeated += 1
                assert repeated < REPEATS, "the run makes no progress"

    # What is true

    def documents(self) -> dict[str, Any]:
        """The index as it is."""
        self.direct.call("POST", f"/{self.config.index}/_refresh")
        hits = self.direct.call("POST", f"/{self.config.index}/_search", {"size": 1_000}).json()["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits if not is_probe(hit["_id"])}

    def wanted(self) -> dict[str, Any]:
        """The index as it should be."""
        texts = {name: encode(name, normalised(item), self.config.rules) for name, item in self.client.items.items()}
        return {name: json.loads(text) for name, text in texts.items() if text is not None}
