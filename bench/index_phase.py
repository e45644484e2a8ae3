"""The index's part of a verification on a real engine: `python -m bench.index_phase [--documents 100000 400000]`.

The run's own code over an index that grows: seconds a document at each size, against the smallest. And the read units
of a whole verification of items of 1 KB that agree, by what DynamoDB Local says that it consumed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from array import array
from collections.abc import Iterator
from typing import Any

import boto3
import requests

from bench.items import images
from bench.measure import Figure, at_most, table
from bench.reconcile import FILL, say
from lab.dynamodb_local import DynamoDBLocal
from lab.engine import Engine
from lab.gate import Gate
from searchsync.clock import Backoff, Deadline, SystemClock
from searchsync.config import read_environment
from searchsync.documents.document import encode, index_key
from searchsync.documents.index import Mark, creation_body
from searchsync.documents.shape import WHOLE
from searchsync.edges.collection import connect
from searchsync.edges.wire import sdk_form
from searchsync.reconcile.reader import ExactJson, IndexReader
from searchsync.reconcile.seen import KEY, Seen
from searchsync.reconcile.state import Range
from searchsync.reconcile.sweep import Sweep
from searchsync.reconcile.verify import Verification
from tests.support.events import OWNER, environment
from tests.support.fakes import MemoryBucket
from tests.support.real_lane import AUTH, RealWorld

INDEX, TABLE = "sizes", "agreeing"
FLAT, UNITS = 1.3, 0.3
"""Goals: the largest index's time for a document against the smallest's; read units of an item of 1 KB that agrees."""
AT_ONCE = 5_000
AGREEING = 4_000
SHARDS = 2
TOO_MANY = 429
ROUNDS = 3


def name_of(number: int) -> str:
    """A document's id."""
    return f"item#{number:09d}"


def fill(engine: str, begin: int, end: int) -> None:
    """Write documents of 200 bytes, as the pipeline does."""
    text = {"S": "x" * 150}
    for start in range(begin, end, AT_ONCE):
        body: list[bytes] = []
        for number in range(start, min(end, start + AT_ONCE)):
            name = name_of(number)
            body.append(json.dumps({"index": {"_id": name, "version": 3, "version_type": "external"}}).encode())
            body.append(encode(name, {"id": {"S": name}, "text": text}) or b"")
        headers = {"content-type": "application/x-ndjson"}
        answer = requests.post(f"{engine}/{INDEX}/_bulk", b"\n".join(body) + b"\n", headers=headers, timeout=120)
        while answer.status_code == TOO_MANY:  # its heap is full for a moment
            time.sleep(1.0)
            answer = requests.post(f"{engine}/{INDEX}/_bulk", b"\n".join(body) + b"\n", headers=headers, timeout=120)
        if not answer.ok or answer.json()["errors"]:
            raise RuntimeError(answer.text[:500])
    requests.post(f"{engine}/{INDEX}/_refresh", timeout=120).raise_for_status()


def phase(gate: Gate, count: int) -> float:
    """Seconds a document of the whole phase over an index that is in step."""
    clock: Any = SystemClock()
    config = read_environment(environment(OPENSEARCH_HOST=gate.url, OPENSEARCH_INDEX=INDEX))
    backoff = Backoff(clock, random.Random(1))
    reader = IndexReader(connect(config, AUTH, ExactJson()), INDEX, ("id",), backoff, config.owner)
    none: Any = Nothing()
    verification = Verification(none, reader, clock, random.Random(1), {"id": "S"}, WHOLE, 5.0, none, none)
    seen = Seen([array(KEY, sorted(index_key(name_of(number)) for number in range(count)))])
    deadline = Deadline.after(clock, 3_600.0)
    sweep = Sweep(reader, none, clock, 5.0, Range(0, 1, clock.now()), seen, verification)
    began, position = time.monotonic(), sweep.page(None, deadline)
    while position is not None:
        position = sweep.page(position, deadline)
    seconds = time.monotonic() - began
    if sweep.counts["documents"] != count or verification.disagreements:
        raise RuntimeError(f"the phase is not whole: {sweep.counts}")
    return seconds / count


class Nothing:
    """A table of which nothing is read, and the visibility of an index without probes."""

    def read(self, keys: Any, _deadline: Deadline) -> list[Any]:
        """Nothing."""
        if keys:
            raise RuntimeError(f"{len(keys)} documents of an index in step are looked up")
        return []

    def remove_left(self, _versions: Any) -> None:
        """There are none."""


def sizes(engine: Engine, gate: Gate, counts: list[int]) -> Iterator[Figure]:
    """Time a document at each size."""
    settings = {"number_of_shards": SHARDS, "number_of_replicas": 0, "refresh_interval": "10s"}
    body = {"settings": settings, **creation_body(None, Mark("bench", 0.0, OWNER))}
    requests.put(f"{engine.url}/{INDEX}", json=body, timeout=60).raise_for_status()
    there, first = 0, 0.0
    for count in counts:
        fill(engine.url, there, count)
        there = count
        say(f"{count:,} documents")
        taken = statistics.median(phase(gate, count) for _ in range(ROUNDS))
        first = first or taken
        what = f"index phase, {count:,} documents: {taken * 1e6:.1f} µs a document"
        yield at_most(what, taken / first, FLAT)


def units(engine: Engine, gate: Gate) -> Figure:
    """Read units of an item of 1 KB that agrees."""
    with DynamoDBLocal.start(say) as local:
        os.environ.update(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench")  # noqa: S106 - of a local table
        client = boto3.client("dynamodb", endpoint_url=local.url, region_name="ddblocal")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for start in range(0, AGREEING, 25):
            made = [
                sdk_form(image | {"fill": {"S": "x" * FILL}, "id": {"S": name_of(start + number)}})
                for number, image in enumerate(images(25))
            ]
            client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in made]})
        world = RealWorld(gate, "agreeing", client, TABLE, {"id": "S"})
        world.lane().reconcile("backfill")
        requests.post(f"{engine.url}/agreeing/_refresh", timeout=60).raise_for_status()
        lane = world.lane(s3=MemoryBucket(), seen_bucket="seen")
        before = lane.reconciler().units
        found = lane.reconcile("verify", of=4)
        if found != {"items": AGREEING, "documents": AGREEING}:
            raise RuntimeError(f"table and index do not agree: {found}")
        if not (read := lane.reconciler().units - before):
            raise RuntimeError("no read unit was counted, and every item was read")
        used = read / AGREEING
    return Figure("read units of an item of 1 KB that agrees", f"{used:.2f}", f"at most {UNITS:g}", used <= UNITS)


def main() -> int:
    """Print the table. Returns 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.index_phase", description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000, 400_000, 1_600_000])
    options = parser.parse_args()
    with Engine.open(say, heap="1g") as engine, Gate(engine.url) as gate:
        found = [units(engine, gate), *sizes(engine, gate, sorted(options.documents))]
    print(table(found))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
