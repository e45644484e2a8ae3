"""Tombstones of a real engine, collected in a time that is not the machine's."""

from __future__ import annotations

from typing import Any

from tests.engine.client import Client
from tests.support.history.clock import WorldClock
from tests.support.history.tombstones import Tombstones


def write(direct: Client, index: str, action: str, name: str, version: int) -> int:
    """A write's status."""
    head = {action: {"_id": name, "version": version, "version_type": "external"}}
    lines: list[Any] = [head, {"n": version}] if action == "index" else [head]
    (item,) = direct.call("POST", f"/{index}/_bulk", lines).json()["items"]
    return int(item[action]["status"])


def test_only_tombstones_that_are_old_enough_are_forgotten(direct: Client, index_name: str) -> None:
    direct.call("PUT", f"/{index_name}", {"settings": {"number_of_replicas": 0, "gc_deletes": "1h"}})
    clock = WorldClock(1_000.0)
    tombstones = Tombstones(direct, index_name, clock)
    for name in ("old", "renewed", "refused", "young", "live"):
        write(direct, index_name, "index", name, 10)
    for name, at in (("old", 0.0), ("renewed", 0.0), ("refused", 0.0), ("young", 30.0)):
        clock.time = 1_000.0 + at
        write(direct, index_name, "delete", name, 20)
        tombstones.look([name])
    clock.time = 1_040.0
    assert write(direct, index_name, "delete", "renewed", 30) in (200, 404)
    assert write(direct, index_name, "delete", "refused", 20) == 409
    tombstones.look(["renewed", "refused"])
    clock.time = 1_061.0
    tombstones.collect()
    answers = {name: write(direct, index_name, "index", name, 15) for name in ("old", "renewed", "refused", "young")}
    assert answers == {"old": 201, "renewed": 409, "refused": 201, "young": 409}
    assert write(direct, index_name, "index", "live", 10) == 409
