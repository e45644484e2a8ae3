"""The lifetime of tombstones in the world's time, on a real engine whose own clock is the machine's.

The index keeps its tombstones for an hour of the machine (`gc_deletes`). To collect those that are 60 s old in
the world, all are pruned, and the younger ones are written again with their own versions. A tombstone is as old
as its version: a repeated deletion that was refused does not renew it, as in a real collection.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from searchsync.limits import TOMBSTONE_LIFE
from tests.engine.client import Client
from tests.support.history.clock import WorldClock

BELOW_ALL = 1
"""A version below all that the protocol writes: a deletion with it asks, and changes nothing that counts."""
PRUNED_WITHIN = 10.0
"""Seconds of the machine; the engine looks at its clock every 200 ms."""


class Tombstones:
    """What is known of the deletions in an index."""

    def __init__(self, engine: Client, index: str, clock: WorldClock) -> None:
        self._engine, self._index, self._clock = engine, index, clock
        self._known: dict[str, tuple[int, float]] = {}
        self.collected = 0

    def forget(self) -> None:
        """The index is gone, or the history is over."""
        self._known.clear()

    def look(self, ids: Iterable[str]) -> None:
        """These may have been deleted just now."""
        for name, version in self._versions(ids).items():
            if self._known.get(name, (0, 0.0))[0] != version:
                self._known[name] = (version, self._clock.time)

    def collect(self) -> None:
        """Let the engine forget the tombstones that are old enough."""
        current = self._versions(self._known)
        there = self._found(current)
        dead = {name: self._known[name] for name in current if name not in there}
        old = [name for name, (_, since) in dead.items() if self._clock.time - since >= TOMBSTONE_LIFE]
        if not old:
            return
        young = {name: version for name, (version, _) in dead.items() if name not in old}
        self._prune(old)
        self._delete(young)
        self.collected += len(old)
        for name in old:
            del self._known[name]

    def _prune(self, old: list[str]) -> None:
        end = time.monotonic() + PRUNED_WITHIN
        self._set("0ms")
        while self._versions(old):
            if time.monotonic() > end:
                raise TimeoutError("the engine did not prune its tombstones")
            time.sleep(0.05)
            self._engine.call("POST", f"/{self._index}/_refresh")
        self._set("1h")

    def _set(self, lifetime: str) -> None:
        answer = self._engine.call("PUT", f"/{self._index}/_settings", {"index.gc_deletes": lifetime})
        answer.raise_for_status()

    def _found(self, ids: Iterable[str]) -> set[str]:
        docs = [{"_id": name, "_source": False} for name in ids]
        if not docs:
            return set()
        answer = self._engine.call("POST", f"/{self._index}/_mget", {"docs": docs}).json()
        return {doc["_id"] for doc in answer["docs"] if doc.get("found")}

    def _versions(self, ids: Iterable[str]) -> dict[str, int]:
        """The versions that refuse a write, of documents and tombstones alike."""
        answers = self._delete(dict.fromkeys(ids, BELOW_ALL))
        found = {}
        for answer in answers:
            if answer["status"] == 409:
                found[answer["_id"]] = int(
                    answer["error"]["reason"].partition("current version [")[2].partition("]")[0]
                )
        return {name: version for name, version in found.items() if version > BELOW_ALL}

    def _delete(self, versions: Mapping[str, int]) -> list[dict[str, Any]]:
        if not versions or self._engine.call("HEAD", f"/{self._index}").status_code == 404:
            return []
        heads: list[Any] = [
            {"delete": {"_id": name, "version": version, "version_type": "external"}}
            for name, version in versions.items()
        ]
        answer = self._engine.call("POST", f"/{self._index}/_bulk", heads).json()
        return [item["delete"] for item in answer["items"]]
