"""Faults on demand: what the collection gate can do to a request, decided apart from sockets.

A `Fault` says which requests it hits and what happens to them; a `FaultBook` holds those that a
test has asked for and says which of them a request meets. `applied` is the question that matters
for a writer: whether the engine did what the client was told had failed.
"""

from __future__ import annotations

import enum
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.gate_rules import BulkItem, GateRequest, JsonObject


class FaultKind(enum.StrEnum):
    """What happens to a request."""

    STATUS = "status"  # answered with `status`, before the engine or (applied) after it
    RESET = "reset"  # connection reset, before the engine or (applied) after it
    CUT = "cut"  # applied; the answer breaks off after half of its body
    DELAY = "delay"  # `seconds` late, otherwise untouched
    DROP = "drop"  # no answer ever; after `seconds` the engine applies it all the same
    ITEM = "item"  # items of a _bulk fail with `status`; not applied unless `applied`
    SLOW_READER = "slow reader"  # its bytes are taken a few at a time, over `seconds`; applied where all of them come
    SLOW_WRITER = "slow writer"  # applied; the answer's bytes come a few at a time, over `seconds`
    BLACK_HOLE = "black hole"  # taken, and never answered or applied: it lasts until the client goes


OF_ARRIVAL = frozenset({FaultKind.SLOW_READER, FaultKind.BLACK_HOLE})
"""Kinds that a request meets while it comes in, before the gate knows its items."""
ADDED_UP = frozenset({FaultKind.DELAY, FaultKind.SLOW_WRITER})
"""Kinds that only take time: several of them may hit one request."""


@dataclass(frozen=True)
class Fault:
    """One fault. It hits requests whose path and method match, after letting `skip` of them by,
    `count` times (None: for ever), each with `probability` from its own generator (`seed`).

    ITEM hits `_bulk` requests that hold a matching item: position in the request or id; neither
    given means every item. The other kinds hit every request when neither is given, else the whole
    of a `_bulk` that holds such an item. `over`: only requests with a body of more bytes.
    """

    kind: FaultKind
    path: str = ""  # regular expression, searched in the path
    method: str = ""  # empty: any
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    status: int = 503
    error_type: str = "service_unavailable_exception"
    reason: str = "injected by the collection gate"
    body: str | None = None  # the whole answer of STATUS, instead of OpenSearch's error shape
    seconds: float = 0.0
    applied: bool = False
    positions: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    over: int = 0

    def __post_init__(self) -> None:
        re.compile(self.path)
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability {self.probability}: give a number from 0 to 1")
        if self.kind in OF_ARRIVAL and self.by_item:
            raise ValueError(f"{self.kind}: it hits a request before its items are known. Give no positions or ids.")

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Fault:
        """The fault that `as_json` wrote. TypeError or ValueError on anything else."""
        values = dict(fields)
        values["kind"] = FaultKind(values["kind"])
        for name in ("positions", "ids"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)

    def as_json(self) -> JsonObject:
        """The fault as a JSON object, for the gate's admin port."""
        return asdict(self)

    def error(self) -> JsonObject:
        """The error object that an answer carries."""
        return {"type": self.error_type, "reason": self.reason}

    def answer(self) -> bytes:
        """The body of a STATUS fault's answer."""
        if self.body is not None:
            return self.body.encode()
        cause = self.error()
        error = {"root_cause": [cause], **cause}
        return json.dumps({"error": error, "status": self.status}).encode()

    @property
    def by_item(self) -> bool:
        """Whether it depends on a request's items."""
        return self.kind is FaultKind.ITEM or bool(self.positions or self.ids)

    def hits_item(self, position: int, item: BulkItem) -> bool:
        """Whether the fault means this item."""
        if not self.positions and not self.ids:
            return True
        return position in self.positions or item.document_id in self.ids


@dataclass
class _Entry:
    """A fault with what is left of it."""

    fault: Fault
    left: int | None
    to_skip: int
    generator: random.Random = field(repr=False)

    def take(self, request: GateRequest, items: Sequence[BulkItem], size: int) -> bool:
        fault = self.fault
        if self.left == 0 or (fault.method and fault.method != request.method):
            return False
        if re.search(fault.path, request.path) is None or (fault.over and size <= fault.over):
            return False
        if fault.by_item and not any(fault.hits_item(position, item) for position, item in enumerate(items)):
            return False
        if self.to_skip > 0:
            self.to_skip -= 1
            return False
        if self.generator.random() >= fault.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(frozen=True)
class Plan:
    """The faults that one request meets: seconds add up, of the rest the first injected wins.

    `delay` before it is carried out, `trickle` while it is answered. ITEM faults come together, unless another kind
    hits the whole request.
    """

    delay: float = 0.0
    trickle: float = 0.0
    whole: Fault | None = None
    items: tuple[Fault, ...] = ()


class FaultBook:
    """The faults asked for and not used up; safe for several threads."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._injected: Counter[str] = Counter()
        self._lock = threading.Lock()

    def inject(self, *faults: Fault) -> None:
        """Ask for faults, in the order in which they are tried."""
        with self._lock:
            for fault in faults:
                generator = random.Random(fault.seed)
                self._entries.append(_Entry(fault, fault.count, fault.skip, generator))

    def clear(self) -> None:
        """Forget all faults; the counts stay."""
        with self._lock:
            self._entries.clear()

    @property
    def item_faults(self) -> bool:
        """Whether any fault that depends on items is waiting: only then must a _bulk body be split."""
        with self._lock:
            return any(entry.fault.by_item and entry.left != 0 for entry in self._entries)

    def injected(self) -> dict[str, int]:
        """How many faults were injected, by kind."""
        with self._lock:
            return dict(self._injected)

    def reset_counts(self) -> None:
        """Begin to count again at zero."""
        with self._lock:
            self._injected.clear()

    def arrival(self, head: GateRequest, size: int) -> Fault | None:
        """Take the first fault that a request meets while its body of `size` bytes comes in."""
        with self._lock:
            for entry in self._entries:
                if entry.fault.kind in OF_ARRIVAL and entry.take(head, (), size):
                    self._injected[entry.fault.kind] += 1
                    return entry.fault
        return None

    def plan(self, request: GateRequest, items: Sequence[BulkItem] = ()) -> Plan:
        """Take the faults that this request meets once it is there; each use counts."""
        seconds: Counter[FaultKind] = Counter()
        whole: Fault | None = None
        item_faults: list[Fault] = []
        with self._lock:
            for entry in self._entries:
                kind = entry.fault.kind
                alone = kind not in ADDED_UP and kind is not FaultKind.ITEM
                if kind in OF_ARRIVAL or (alone and whole is not None):
                    continue
                if not entry.take(request, items, len(request.body)):
                    continue
                self._injected[kind] += 1
                if kind in ADDED_UP:
                    seconds[kind] += entry.fault.seconds  # type: ignore[assignment]
                elif kind is FaultKind.ITEM:
                    item_faults.append(entry.fault)
                else:
                    whole = entry.fault
        return Plan(seconds[FaultKind.DELAY], seconds[FaultKind.SLOW_WRITER], whole, tuple(item_faults))


@dataclass(frozen=True)
class SplitRequest:
    """A _bulk taken apart: what goes to the engine, and the error of each failing position."""

    forwarded: tuple[tuple[int, BulkItem], ...]
    failed: Mapping[int, JsonObject]

    @property
    def body(self) -> bytes:
        """What is left for the engine; empty when nothing is."""
        return b"".join(item.lines for _, item in self.forwarded)

    def merge(self, answer: JsonObject | None) -> JsonObject:
        """The engine's answer to `body` with the failing items put back in their places."""
        by_position = dict(self.failed)
        taken = (answer or {}).get("items", [])
        for (position, _), item in zip(self.forwarded, taken, strict=True):
            # An item that failed although it was applied keeps its error.
            by_position.setdefault(position, item)
        items = [by_position[position] for position in sorted(by_position)]
        errors = any("error" in outcome for item in items for outcome in item.values())
        return {"took": (answer or {}).get("took", 0), "errors": errors, "items": items}


def split_request(items: Sequence[BulkItem], faults: Sequence[Fault]) -> SplitRequest:
    """Take a _bulk's items apart by the ITEM faults that it meets."""
    forwarded: list[tuple[int, BulkItem]] = []
    failed: dict[int, JsonObject] = {}
    for position, item in enumerate(items):
        fault = next((fault for fault in faults if fault.hits_item(position, item)), None)
        if fault is None or fault.applied:
            forwarded.append((position, item))
        if fault is not None:
            failed[position] = _failed_item(item, fault)
    return SplitRequest(tuple(forwarded), failed)


def _failed_item(item: BulkItem, fault: Fault) -> JsonObject:
    outcome = {"_index": item.index, "_id": item.document_id, "status": fault.status}
    return {item.action: {**outcome, "error": {**fault.error(), "index": item.index}}}
