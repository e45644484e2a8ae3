"""A stream without images, and deletions that come again: 10,000 keys brought in step by resync.

Requests take simulated time, and all else its own: 150 ms for a bulk request, 28 ms for a read of up to 100 keys.
"""

from __future__ import annotations

import json
import random
import time
from email.utils import formatdate
from typing import Any

from bench.items import images
from bench.measure import Figure

KEYS = 10_000
READ_S, BULK_S = 0.028, 0.150
TARGET = 2_000
"""Changes a second and shard: twice what a partition takes ("Burst and adaptive capacity")."""


class Clock:
    """The machine's clock, and what requests would have taken."""

    def __init__(self) -> None:
        self.taken = 0.0

    def now(self) -> float:
        """Unix time."""
        return time.time() + self.taken

    def monotonic(self) -> float:
        """Time that never runs back."""
        return time.monotonic() + self.taken

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.taken += seconds


class Services:
    """A table that has every item, or none, and a collection that takes every write."""

    is_new = False

    def __init__(self, clock: Clock, there: bool) -> None:
        self.clock = clock
        self.items = {str(number): {**image, "id": {"S": str(number)}} for number, image in enumerate(images(KEYS))}
        self.there = there
        self.reads = self.bulks = 0

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """The SDK's call."""
        ((name, wanted),) = request["RequestItems"].items()
        headers = {"date": formatdate(self.clock.now(), usegmt=True)}
        self.clock.sleep(READ_S)
        self.reads += 1
        found = [self.items[key["id"]["S"]] for key in wanted["Keys"]] if self.there else []
        answer = {"Responses": {name: found}, "UnprocessedKeys": {}, "searchsyncAsSent": True}
        return {**answer, "ResponseMetadata": {"HTTPHeaders": headers}}

    def ensure_index(self, _timeout: float) -> Any:
        """It is there."""
        from searchsync.protocol.bulk import DONE  # noqa: PLC0415 - of the package that is measured

        return DONE

    def bulk(self, body: bytes, _timeout: float, _begin_within: float) -> Any:
        """Take every write."""
        from searchsync.protocol.bulk import Response  # noqa: PLC0415

        self.clock.sleep(BULK_S)
        self.bulks += 1
        lines = [json.loads(line) for line in body.split(b"\n") if line.startswith((b'{"index":{', b'{"delete":{'))]
        items = [{operation: {"status": 200}} for line in lines for operation in line]
        return Response(200, {"errors": False, "items": items})


def keys_a_second(there: bool, largest_body: int) -> tuple[float, str]:
    """The speed of one resync with requests of so many bytes, and what it asked for."""
    from searchsync.clock import Backoff, Deadline  # noqa: PLC0415
    from searchsync.edges.table import DynamoTable  # noqa: PLC0415
    from searchsync.limits import LARGEST_BODY  # noqa: PLC0415
    from searchsync.sync.delivery import Delivery  # noqa: PLC0415
    from searchsync.sync.resync import Result, Resync, Target  # noqa: PLC0415

    clock = Clock()
    services: Any = Services(clock, there)
    backoff = Backoff(clock, random.Random(1))
    table = DynamoTable(services, "bench", ("id",), clock, backoff)
    delivery = Delivery(services, backoff, LARGEST_BODY)
    targets = [Target(name, {"id": {"S": name}}, 1, 1) for name in services.items]
    begun = clock.monotonic()
    outcomes = Resync(table, delivery.deliver, clock, 10.0, largest_body=largest_body).run(
        targets, Deadline.after(clock, 300.0)
    )
    seconds = clock.monotonic() - begun
    if {each.result for each in outcomes.values()} != {Result.RESYNCED}:
        raise RuntimeError("the resync did not bring every key in step")
    return KEYS / seconds, f"{services.reads} reads, {services.bulks} bulk requests"


def figures() -> list[Figure]:
    """Keys a second, beside a request for each read."""
    from searchsync.limits import LARGEST_BODY  # noqa: PLC0415

    found = []
    for what, there in {"KEYS_ONLY": True, "deletions that come again": False}.items():
        before, asked = keys_a_second(there, 0)
        found.append(Figure(f"{what}, a bulk request for each read", f"{before:,.0f}/s, {asked}"))
        speed, asked = keys_a_second(there, LARGEST_BODY)
        found.append(Figure(f"{what}", f"{speed:,.0f}/s, {asked}", f"at least {TARGET:,}/s", speed >= TARGET))
    return found
