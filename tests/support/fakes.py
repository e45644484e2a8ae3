"""Fakes of the pipeline's edges. What the memory index and a real one must share is proved on both
by the contract in `index_contract`."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

from searchsync.clock import Backoff, Deadline
from searchsync.config import Config, read_environment
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.documents.view import name_of
from searchsync.errors import TableBusyError
from searchsync.limits import LARGEST_BODY
from searchsync.protocol.bulk import DONE, Answer, Response
from searchsync.protocol.ports import Page
from searchsync.sync.delivery import Window
from searchsync.sync.metrics import Report
from searchsync.sync.pipeline import Pipeline
from tests.support.events import NOW, environment


@dataclass
class FakeClock:
    """A clock that moves only when somebody sleeps, and by `tick` seconds whenever it is read."""

    time: float = NOW + 1.5
    slept: list[float] = field(default_factory=list)
    tick: float = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        self.time += self.tick
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


ItemFault = Callable[[str, str], "dict[str, Any] | None"]
"""(operation, document id) to the `status` and `error` to answer instead of applying it, or None."""


class MemoryBucket:
    """A bucket as a run uses it; the suite of its keys runs on moto too."""

    def __init__(self, page: int = 1_000) -> None:
        self.objects: dict[str, bytes] = {}
        self._page = page

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str, Range: str = "bytes=0-999999999") -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        first, last = Range.removeprefix("bytes=").split("-")
        return {"Body": BytesIO(self.objects[Key][int(first) : int(last) + 1])}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:  # noqa: N803
        names = [name for name in sorted(self.objects) if name.startswith(Prefix) and name > ContinuationToken]
        found: dict[str, Any] = {"Contents": [{"Key": name} for name in names[: self._page]]}
        more = len(names) > self._page
        return {**found, "IsTruncated": more} | ({"NextContinuationToken": names[self._page - 1]} if more else {})


def whole(**attributes: Any) -> dict[str, Any]:
    """The document of an item with these attributes, `id` its key: its own key beside them."""
    return {**attributes, KEY_FIELD: index_key(attributes["id"])}


@dataclass
class MemoryIndex:
    """An index with external versions and tombstones, and faults on demand; several by their documents' names.

    `faults` are whole requests' responses, taken one a request until they are used up. `reads_late`: the versions
    that a read shows by id, where it is behind the writes.
    """

    documents: dict[str, tuple[int, Any]] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    faults: list[Response | None] = field(default_factory=list)
    item_fault: ItemFault | None = None
    bodies: list[bytes] = field(default_factory=list)
    ensured: int = 0
    ensure_answers: list[Answer] = field(default_factory=list)
    forgotten: int = 0
    is_new: bool = False
    recreated: bool = False
    silent_conflicts: bool = False
    reads_late: dict[str, int] | None = None
    timeouts: list[float] = field(default_factory=list)
    after_bulk: Callable[[], None] | None = None

    def ensure_index(self, timeout: float) -> Answer:
        self.ensured += 1
        return self.ensure_answers.pop(0) if self.ensure_answers else DONE

    def forget_index(self) -> None:
        self.forgotten += 1

    def bulk(self, body: bytes, timeout: float, begin_within: float = math.inf) -> Response:
        self.bodies.append(body)
        self.timeouts.append(timeout)
        if self.after_bulk is not None:
            self.after_bulk()
        if self.faults and (fault := self.faults.pop(0)) is not None:
            return fault
        lines = body.decode().removesuffix("\n").split("\n")
        items = []
        while lines:
            ((operation, target),) = json.loads(lines.pop(0)).items()
            source = json.loads(lines.pop(0)) if operation != "delete" else None
            if operation == "update":
                items.append({"update": dict(GUARDED)})
                continue
            name = name_of(target.get("_index", ""), target["_id"])
            items.append({operation: self._apply(operation, name, target["version"], source)})
        return Response(200, {"errors": any("error" in next(iter(item.values())) for item in items), "items": items})

    def current_versions(self, ids: Sequence[str], timeout: float, index: str = "") -> dict[str, int]:
        shown = {name: each[0] for name, each in self.documents.items()} if self.reads_late is None else self.reads_late
        return {each: shown[name] for each in ids if (name := name_of(index, each)) in shown}

    def version(self, name: str) -> int | None:
        return self.documents[name][0] if name in self.documents else self.tombstones.get(name)

    def _apply(self, operation: str, name: str, version: int, source: Any) -> dict[str, Any]:
        if self.item_fault is not None and (fault := self.item_fault(operation, name)) is not None:
            return {"_id": name, **fault}
        current = self.version(name)
        if current is not None and version <= current:
            said = "" if self.silent_conflicts else f"current version [{current}] is higher or equal to [{version}]"
            reason = f"[{name}]: version conflict, {said}"
            return {"_id": name, "status": 409, **error("version_conflict_engine_exception", reason)}
        if operation == "delete":
            found = self.documents.pop(name, None) is not None
            self.tombstones[name] = version
            result = {"result": "deleted", "status": 200} if found else {"result": "not_found", "status": 404}
            return {"_id": name, "_version": version, **result}
        self.tombstones.pop(name, None)
        self.documents[name] = (version, source)
        return {"_id": name, "_version": version, "status": 200 if current is not None else 201}


def error(error_type: str, reason: str = "because") -> dict[str, Any]:
    """An `error` member as OpenSearch writes it."""
    return {"error": {"type": error_type, "reason": reason}}


GUARDED = {"status": 404, **error("index_not_found_exception")}
"""The guard's answer where an index is there, and the collection heeds it."""
POISONED = {"status": 400, **error("mapper_parsing_exception", "failed to parse field [n]")}
BUSY = {"status": 429, **error("circuit_breaking_exception")}
FAILING = {"status": 500, **error("null_pointer_exception")}


def faulty(**answers: dict[str, Any]) -> ItemFault:
    """An item fault that gives these answers by document id."""
    return lambda _operation, name: answers.get(name)


@dataclass
class MemoryTable:
    """Items by document id. `refused`: keys that it cannot have, by document id."""

    clock: FakeClock
    items: dict[str, AttributeMap] = field(default_factory=dict)
    reads: list[tuple[float, list[str]]] = field(default_factory=list)
    after_read: Callable[[], None] | None = None
    busy: Exception | None = None
    busy_after: int | None = None
    refused: frozenset[str] = frozenset()

    def read(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> Iterator[Page]:
        if self.busy is not None:
            raise self.busy
        self.reads.append((self.clock.now(), list(keys)))
        if self.busy_after is not None:
            first = dict(list(keys.items())[: self.busy_after])
            yield Page(self.clock.now(), self.clock.monotonic(), {name: self.items.get(name) for name in first})
            raise TableBusyError("2 items were not read in the invocation's time")
        images = {name: self.items.get(name) for name in keys if name not in self.refused}
        page = Page(self.clock.now(), self.clock.monotonic(), images, self.refused & keys.keys())
        if self.after_read is not None:
            self.after_read()
        yield page


@dataclass
class MemoryQueue:
    """A failure queue; `refusing` are positions that it does not take."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    refusing: frozenset[int] = frozenset()

    def send(self, messages: Sequence[str], _: Deadline) -> tuple[list[int], str]:
        refused = [position for position in range(len(messages)) if position in self.refusing]
        self.messages += [json.loads(text) for number, text in enumerate(messages) if number not in self.refusing]
        return refused, "AccessDenied" if refused else ""


@dataclass
class Bench:
    """A pipeline on fakes, and what to look at afterwards."""

    config: Config = field(default_factory=lambda: read_environment(environment()))
    clock: FakeClock = field(default_factory=FakeClock)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    largest_body: int = LARGEST_BODY
    remaining: float = 300.0
    window: Window = field(default_factory=Window)

    def __post_init__(self) -> None:
        self.table = MemoryTable(self.clock)
        self.report = Report()

    def run(self, event: object) -> list[str]:
        """Run one invocation; the failed item identifiers."""
        self.report = Report()
        pipeline = Pipeline(
            self.config,
            self.index,
            self.table,
            self.queue,
            self.clock,
            Backoff(self.clock, random.Random(7)),
            self.largest_body,
            self.window,
        )
        answer = pipeline.run(event, self.remaining, self.report)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
