"""The table and its stream: what is true, and what the function is told."""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.trigger_core import Record
from lab.trigger_edges import Shard
from searchsync.documents.document import document_id
from searchsync.limits import DEFAULT_MAX_SKEW
from searchsync.protocol.records import EXPIRY
from searchsync.protocol.version import expires_after
from tests.support.events import STREAM_ARN, sequence_number
from tests.support.history.steps import KEYS, Change, Setup
from tests.support.trigger_harness import Stream

EXPIRES = "e"
"""The attribute with an item's expiry time, which is past."""
HIDDEN = "_deleted"
"""An attribute with which an item has no document."""
RESTS = expires_after(DEFAULT_MAX_SKEW)
"""Seconds after an item's last change in which it does not expire."""
LARGE = 5_000
"""Characters of a value that the collection refuses with the rest of its document."""
ODD = "odd"
"""An attribute on which the transform raises, or says that there is no document."""
POISON = frozenset({"text", "large", "broken"})
VIEWS: dict[str, dict[str, Any]] = {"plain": {}, "hidden": {"when": json.dumps({HIDDEN: [True]})}}
"""What `Setup.views` means; `_seen` says the same of documents."""
KEEPING = ("", "plain")
"""The views that `Setup.keeps` means."""
SHAPE = {
    "exclude": ["m.kept"],
    "rename": {"n": "count", "m.k": "kept"},
    "constants": {"tenant": "eu", "rank": 1.5, "live": True},
}
"""What `Setup.renames` means: `_renamed` says the same of a document."""
Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Seen:
    """What a view must hold after a change, None for nothing, and whether it cannot."""

    document: dict[str, Any] | None
    poison: bool


@dataclass(frozen=True)
class Recorded:
    """A change as the stream tells it. `seen`: by its views' names, the first one's without; `at`: Unix seconds by the
    world's clock; `kept`: the views that keep its document though the item is gone; `timed`: it says when it was."""

    position: int
    key: str
    item: Item | None
    seen: dict[str, Seen]
    sequence: str
    shard: str
    second: int
    crashes: bool
    at: float
    kept: frozenset[str] = frozenset()
    timed: bool = True

    @property
    def poison(self) -> bool:
        """Whether a view cannot hold it."""
        return any(each.poison for each in self.seen.values())


@dataclass
class Node:
    """A shard with its children, and where its numbers are."""

    id: str
    log: int
    children: list[Node] = field(default_factory=list)


class Truth:
    """Table and stream of one history; its items carry the history's `name`, and no other's do."""

    def __init__(self, name: str, setup: Setup) -> None:
        self.name = name
        self.crashing = setup.retries >= 0
        self.renames, self.transforms = setup.renames, setup.transforms
        self.views = ("", *VIEWS) if setup.views else ("",)
        self.keeping = frozenset(KEEPING if setup.keeps else ())
        self.keys = {key: _value(name, key, setup.long_id if key == "d" else 0) for key in KEYS}
        self.ids = {key: document_id(self.key_of(key), ("id",)) for key in KEYS}
        self.records: dict[str, list[Recorded]] = defaultdict(list)
        self.by_sequence: dict[str, Recorded] = {}
        self.counter = 1_000
        start = 2**30 - 1_002 if setup.wraps else 6_000_000
        self.roots = [Node(f"r{number}", start + number) for number in range(setup.roots)]
        self.stream = Stream([Shard(node.id) for node in self.roots], {node.id: [] for node in self.roots})

    def key_of(self, key: str) -> Item:
        """The key attributes of an item."""
        return {"id": {"S": self.keys[key]}}

    def named(self, text: str) -> str:
        """The history's name of a key attribute's value."""
        return next(key for key, value in self.keys.items() if value == text)

    def passes(self, sequence: str) -> str:
        """Which way a record passes the condition, and its item was on the other side before, or that the transform has
        no document of it; else empty."""
        recorded = self.by_sequence[sequence]
        if self.transforms and (recorded.item or {}).get(ODD) == {"S": "drop"}:
            return "left by the transform"
        earlier = [each for each in self.records[recorded.key] if each.position < recorded.position][-1:]
        hidden, before = (
            each.item is not None and HIDDEN in each.item for each in (recorded, *(earlier or [recorded]))
        )
        if hidden == before or recorded.item is None:
            return ""
        return "left by the condition" if hidden else "came back by the condition"

    def item(self, key: str) -> Item | None:
        """What the table holds."""
        return self.records[key][-1].item if self.records[key] else None

    def earlier_item(self, key: str) -> Item | None:
        """What a read without consistency may give: the table before its last change."""
        return self.records[key][-2].item if len(self.records[key]) > 1 else None

    def change(self, change: Change, now: float) -> None:
        """Change the table; the stream gets its record."""
        if change.value in ("delete", "expire") and self.item(change.key) is None:
            return  # The stream of a table holds no record of what changed nothing.
        if change.value == "expire" and now - self.records[change.key][-1].at < RESTS:
            return  # DynamoDB has not come to it.
        if change.value == "expire":
            change = replace(change, form="full")  # the protocol asks time and number of it
        before = self.item(change.key)
        node = self._shard_of(change.key)
        self.counter += 1
        numbered = change.form != "no number"
        sequence = sequence_number(self.counter, node.log) if numbered else f"{node.id}/{self.counter}"
        second = math.floor(now + change.skew)
        item, document = self._written(change)
        crashes = change.value == "crash" and self.crashing
        seen = {view: self._seen(view, change, document) for view in self.views}
        kept = self.keeping if change.value == "expire" else frozenset()
        seen |= {view: self.records[change.key][-1].seen[view] for view in kept & seen.keys()}
        recorded = Recorded(
            self.counter,
            change.key,
            item,
            seen,
            sequence,
            node.id,
            second,
            crashes,
            now,
            kept,
            change.form != "no time",
        )
        self.records[change.key].append(recorded)
        self.by_sequence[sequence] = recorded
        name = "REMOVE" if item is None else "MODIFY" if before else "INSERT"
        raw = _raw(recorded, name, self.key_of(change.key), change.form)
        if change.value == "expire":
            raw |= {"userIdentity": {"Type": "Service", "PrincipalId": EXPIRY["principalId"]}}
        if before is not None:
            raw["dynamodb"]["OldImage"] = before
        self.stream.put(raw, shard=node.id)

    def _written(self, change: Change) -> tuple[Item | None, dict[str, Any] | None]:
        if change.value in ("delete", "expire"):
            return None, None
        number = {"N": str(self.counter)}
        lines = {"L": [{"M": {"k": number, "kept": {"S": "old"}}}, {"NULL": True}]}
        item = {**self.key_of(change.key), "h": {"S": self.name}, "n": number, "m": lines, EXPIRES: {"N": "1"}}
        document = {
            "id": self.keys[change.key],
            "h": self.name,
            "n": self.counter,
            "m": [{"k": self.counter, "kept": "old"}, None],
            EXPIRES: 1,
        }
        if change.value == "hide":
            item[HIDDEN], document[HIDDEN] = {"BOOL": True}, True
        if change.value == "text":
            item["n"] = {"S": f"text {self.counter}"}
        if change.value == "large":
            item["s"] = {"S": "x" * LARGE}
        if change.value == "broken":
            item["s"] = {"of no type": ""}
        if change.value in ("drop", "raise"):
            item[ODD], document[ODD] = {"S": change.value}, change.value
        if change.value == "taken":
            item["count"], document["count"] = number, self.counter
        return item, document

    def _seen(self, view: str, change: Change, document: dict[str, Any] | None) -> Seen:
        """What a view makes of a document that is as its item."""
        hidden = change.value == "hide"
        if document is None or hidden != {"": False, "hidden": True}.get(view, hidden):
            return Seen(None, poison=False)
        renames = self.renames and not view
        poison = change.value in POISON or (change.value == "taken" and renames)
        made = _renamed(document) if renames else document
        if not self.transforms:
            return Seen(made, poison)
        if change.value == "drop":
            return Seen(None, poison=False)
        return Seen(made | {"by": f"the view {view!r}"}, poison or change.value == "raise")

    def split(self, key: str, fall: bool) -> None:
        """Close the key's shard and open two children."""
        node = self._shard_of(key)
        log = node.log - 500 if fall else node.log + 500
        node.children = [Node(f"{node.id}{side}", log + number) for number, side in enumerate("lr")]
        self.stream.closed.add(node.id)
        for child in node.children:
            self.stream.shards_now.append(Shard(child.id, node.id))
            self.stream.records[child.id] = []

    def _shard_of(self, key: str) -> Node:
        number = KEYS.index(key)
        node = self.roots[number % len(self.roots)]
        while node.children:
            node = node.children[number % 2]
        return node

    def passed(self, checkpoints: dict[str, str]) -> dict[str, list[Recorded]]:
        """The records at or below the checkpoints, by key."""
        passed: dict[str, list[Recorded]] = {key: [] for key in KEYS}
        for shard, raws in self.stream.records.items():
            sequences = [raw["dynamodb"]["SequenceNumber"] for raw in raws]
            count = sequences.index(checkpoints[shard]) + 1 if shard in checkpoints else 0
            for sequence in sequences[:count]:
                recorded = self.by_sequence[sequence]
                passed[recorded.key].append(recorded)
        for records in passed.values():
            records.sort(key=lambda each: each.position)
        return passed

    def drained(self, checkpoints: dict[str, str]) -> bool:
        """Whether the checkpoints have passed everything."""
        return all(
            not raws or checkpoints.get(shard) == raws[-1]["dynamodb"]["SequenceNumber"]
            for shard, raws in self.stream.records.items()
        )


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    """A document by SHAPE."""
    lines = [{"kept": document["m"][0]["k"]}, None]
    return {
        "id": document["id"], "h": document["h"], "count": document["n"], EXPIRES: 1, "m": lines, "tenant": "eu",
        "rank": 1.5, "live": True,
    } | ({ODD: document[ODD]} if ODD in document else {})  # fmt: skip


def transform(document: dict[str, Any], item: Mapping[str, Any], view: str) -> dict[str, Any] | None:
    """What `Setup.transforms` means; `_seen` says the same of documents."""
    if ODD not in item:
        document["by"] = f"the view {view!r}"
        return document
    if document[ODD] == "raise":
        raise ValueError(view)
    return None


def _value(name: str, key: str, length: int) -> str:
    """A key attribute's value of so many bytes or more; its lane of two does not depend on the history's name."""
    for attempt in itertools.count():
        start = f"{name}-{key}{attempt}"
        room = max(0, length - len(start))
        value = start + "é" * (room // 2) + "x" * (room % 2)
        record = Record({"dynamodb": {"Keys": {"id": {"S": value}}}}, "", None, 0)
        if record.lane(2) == KEYS.index(key) % 2:
            return value
    raise AssertionError("unreachable")


def _raw(recorded: Recorded, event_name: str, keys: Item, form: str) -> dict[str, Any]:
    change: dict[str, Any] = {"Keys": keys, "SequenceNumber": recorded.sequence, "SizeBytes": 26}
    if form != "no time":
        change["ApproximateCreationDateTime"] = float(recorded.second)
    if recorded.item is not None and form != "no image":
        change["NewImage"] = recorded.item
    return {
        "eventID": f"event-{recorded.position}",
        "eventName": event_name,
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": change,
        "eventSourceARN": STREAM_ARN,
    }
