"""One lane of a run in a process of its own: `python -m bench.lane ours|plain`, told what to do by JSON lines.

Each line on standard input is a piece of work, each line on standard output its answer: items, seconds
and the process's peak memory so far. Everything is imported before the first line is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

INDEX = "bench"
SEEN = "BENCH_SEEN"
"""In the environment: the folder that stands for the bucket in which a run keeps what it has read."""
CALL_SECONDS = 300
PATIENCE = 60
"""Seconds that the plain script waits for an answer."""


class Context:
    """Lambda's context object."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return CALL_SECONDS * 1000


class Folder:
    """A bucket as a run uses it, in a folder that the lanes share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803 - S3's names
        """PutObject."""
        (self._path / quote(Key, safe="")).write_bytes(Body)

    def get_object(self, *, Key: str, Range: str, **_: str) -> dict[str, Any]:  # noqa: N803
        """GetObject of a range."""
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        with (self._path / quote(Key, safe="")).open("rb") as file:
            file.seek(first)
            return {"Body": BytesIO(file.read(last + 1 - first))}

    def list_objects_v2(self, *, Prefix: str, **_: str) -> dict[str, Any]:  # noqa: N803
        """ListObjectsV2, of one page."""
        names = sorted(unquote(each.name) for each in self._path.iterdir())
        return {"Contents": [{"Key": name} for name in names if name.startswith(Prefix)], "IsTruncated": False}


def ours() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The reconcile function, called as the state machine calls it: the state goes through JSON each time."""
    import boto3  # noqa: PLC0415

    from searchsync import reconcile_handler  # noqa: PLC0415 - it reads the environment when imported
    from searchsync.reconcile.account import Account  # noqa: PLC0415
    from searchsync.reconcile.bucket import Bucket  # noqa: PLC0415
    from searchsync.reconcile.parts import Reconciler  # noqa: PLC0415
    from searchsync.reconcile.seen import SeenStore  # noqa: PLC0415

    class Prompt(Account):
        """The account of a run that is alone, of a pipeline that is never late: there are no more services here."""

        def running(self) -> list[Mapping[str, Any]]:
            """None."""
            return []

        def lag(self, now: float, since: float | None = None) -> float:  # noqa: ARG002
            """None."""
            return 0.0

    made = reconcile_handler.steps
    folder = os.environ.get(SEEN)
    seen = SeenStore(Bucket(Folder(Path(folder)), "seen") if folder else None)

    def reconciler(*given: Any) -> Reconciler:
        return replace(made.reconciler(*given), seen=seen)

    account = Prompt({"dynamodb": boto3.client("dynamodb")}, made.config, made.settings)
    steps = replace(made, account=account, reconciler=reconciler)

    def work(order: dict[str, Any]) -> dict[str, Any]:
        base = {"task": order["task"], "run": "bench", "recheck_delay": order.get("recheck_delay", 5.0), "export": None}
        state = base | {"part": order["part"], "position": None, "call": 0, "totals": {}, "done": False}
        while not state["done"]:
            with contextlib.redirect_stdout(sys.stderr):
                state = json.loads(json.dumps(reconcile_handler.invoke(steps, {"step": "part", **state}, Context())))
        return dict(state["totals"])

    return work


def plain() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What people write: a paginated scan, TypeDeserializer, and opensearch-py's helpers.bulk.

    With our page size: DynamoDB Local reads all that is left of the table for a page without a limit.
    """
    import boto3  # noqa: PLC0415
    from boto3.dynamodb.types import Binary, TypeDeserializer  # noqa: PLC0415
    from opensearchpy import OpenSearch, RequestsHttpConnection, helpers  # noqa: PLC0415

    from searchsync.config import read_environment  # noqa: PLC0415
    from searchsync.entry import sign  # noqa: PLC0415
    from searchsync.limits import LARGEST_SCAN  # noqa: PLC0415

    config = read_environment(os.environ)
    auth = sign(os.environ, config.region)
    client = OpenSearch(config.host, http_auth=auth, connection_class=RequestsHttpConnection, timeout=PATIENCE)
    deserialize = TypeDeserializer().deserialize

    def json_value(value: Any) -> Any:
        if isinstance(value, set):
            return [json_value(each) for each in value]
        return repr(value) if isinstance(value, Binary) else value

    def actions(part: dict[str, int]) -> Any:
        pages = (
            boto3.client("dynamodb", region_name=config.region)
            .get_paginator("scan")
            .paginate(
                TableName=config.table_name,
                ConsistentRead=True,
                Segment=part["segment"],
                TotalSegments=part["of"],
                PaginationConfig={"PageSize": LARGEST_SCAN},
            )
        )
        for page in pages:
            for item in page["Items"]:
                source = {name: json_value(deserialize(value)) for name, value in item.items()}
                yield {"_index": INDEX, "_id": source["id"], "_source": source}

    def work(order: dict[str, Any]) -> dict[str, Any]:
        written, _ = helpers.bulk(client, actions(order["part"]))
        return {"items": written, "written": written}

    return work


def main() -> None:
    """Answer pieces of work until standard input ends."""
    work = {"ours": ours, "plain": plain}[sys.argv[1]]()
    print("{}", flush=True)
    for line in sys.stdin:
        started, used = time.monotonic(), time.process_time()
        counts = work(json.loads(line))
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = {"counts": counts, "seconds": seconds, "peak_kib": peak, "cpu": time.process_time() - used}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
