"""The functions' peak memory for items of 400 KB of every shape, each in a process of its own.

    python -m bench.memory [--shapes TEXT] [--functions TEXT]

The services are on the loopback interface and answer the bytes that AWS's would: 16 MB of items to a
BatchGetItem, 1 MB to a Scan, 6 MB of records in an event, which is parsed as Lambda's runtime parses it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.items import STREAM_ARN
from bench.measure import Figure, table

TABLE_ARN = STREAM_ARN.partition("/stream/")[0]
MB = 1024 * 1024
ITEM_BYTES = 400_000
"""By DynamoDB's count, the most that an item may have ("Constraints in Amazon DynamoDB")."""
EVENT_BYTES = 5_900_000
"""An invocation takes 6 MB ("Lambda quotas")."""
READ_BYTES, SCAN_BYTES = 16_000_000, 1_000_000
"""Of items, in an answer to BatchGetItem and to Scan (API reference)."""
KEYS = 100
MEMORY_MB = {"sync": 512, "sync, all read again": 512, "keys only": 512, "redrive": 512, "backfill": 1024}
MEMORY_MB |= {"verify": 1024, "repair": 1024, "verify the index": 1024}
"""Each function's `memory_size`, as variables.tf gives it."""
SHARE = 0.7
"""Of `memory_size` that may be used at most."""
CHAIN = 30
"""Levels of a list in a list: DynamoDB nests 32."""


def repeated(each: str, cost: int, size: int) -> str:
    """A list's or a set's members, each of so many bytes by DynamoDB's count."""
    return ",".join([each] * (size // cost))


def many_names(size: int) -> str:
    """A map of many short members: a name of five, a digit, and a byte each."""
    return ",".join(f'"{number:05d}":{{"N":"1"}}' for number in range(size // 8))


SHAPES: Mapping[str, Callable[[int], str]] = {
    "plain string": lambda size: '{"S":"%s"}' % ("x" * size),
    "string, one emoji": lambda size: '{"S":"%s\U0001f600"}' % ("x" * (size - 4)),
    "string, escaped": lambda size: '{"S":"%s"}' % (r"\u0001" * size),
    "binary": lambda size: '{"B":"%s"}' % ("eHh4" * (size // 3)),
    "many small members": lambda size: '{"M":{%s}}' % many_names(size),
    "order lines": lambda size: (
        '{"L":[%s]}' % repeated('{"M":{"sku":{"S":"A-1234"},"count":{"N":"2"},"price":{"N":"19.99"}}}', 35, size)
    ),
    "number list": lambda size: '{"L":[%s]}' % repeated('{"N":"1"}', 3, size),
    "list of true": lambda size: '{"L":[%s]}' % repeated('{"BOOL":true}', 2, size),
    "list of empty strings": lambda size: '{"L":[%s]}' % repeated('{"S":""}', 1, size),
    "lists in lists": lambda size: '{"L":[%s]}' % repeated('{"L":[' * CHAIN + "]}" * CHAIN, 4 * CHAIN, size),
    "maps in maps": lambda size: (
        '{"L":[%s]}' % repeated('{"M":{"a":' * CHAIN + '{"NULL":true}' + "}}" * CHAIN, 5 * CHAIN + 2, size)
    ),
    "number set": lambda size: (
        '{"NS":[%s]}' % ",".join(f'"{number}"' for number in range(100_000, 100_000 + size // 4))
    ),
    "string set": lambda size: '{"SS":[%s]}' % ",".join(f'"{number:04x}"' for number in range(min(size // 4, 65_536))),
    "binary set": lambda size: '{"BS":[%s]}' % ",".join(f'"{number:08d}"' for number in range(size // 6)),
}
"""An attribute value of each shape, of so many bytes by DynamoDB's count."""


@dataclass
class Services:
    """Table, collection and queue on one port: each item is there, of one shape and size."""

    shape: Callable[[int], str]
    item_bytes: int = ITEM_BYTES
    delay: float = 0.0
    messages: list[str] = field(default_factory=list)
    scanned: int = 0
    conflicts: bool = False
    differs: bool = False
    url: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.attribute = self.shape(self.item_bytes).encode()

    @cached_property
    def converted(self) -> bytes:
        """The attribute's value in the index."""
        from searchsync.plan import encode  # noqa: PLC0415 - a path of the measured package

        return encode({"data": json.loads(self.attribute)})[len(b'{"data":') : -1]

    def item(self, name: str) -> bytes:
        """An item as the table sends it."""
        return b'{"id":{"S":"%b"},"data":%b}' % (name.encode(), self.attribute)

    def answer(self, asked: str, path: str, body: bytes) -> bytes:
        """The answer to a request."""
        if asked == "BatchGetItem":
            return self._read(json.loads(body))
        if asked == "Scan":
            return self._scan(json.loads(body))
        if asked == "DescribeTable":
            return json.dumps({"Table": TABLE_DESCRIPTION}).encode()
        if asked == "ReceiveMessage":
            taken, self.messages = self.messages[:10], self.messages[10:]
            return json.dumps(
                {"Messages": [{"MessageId": t, "ReceiptHandle": t, "Body": message(t)} for t in taken]}
            ).encode()
        if asked in ("DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch"):
            return json.dumps({"Successful": [{"Id": each["Id"]} for each in json.loads(body)["Entries"]]}).encode()
        if path.endswith("_mapping"):
            return b'{"bench":{"mappings":{"_meta":{"searchsync":{"mark":"m"}}}}}'
        if path.endswith("_mget"):
            return self._documents(json.loads(body))
        if path.endswith("_search"):
            return self._search(json.loads(body))
        return self._bulk(body)

    def _read(self, request: Any) -> bytes:
        ((name, wanted),) = request["RequestItems"].items()
        fit = max(1, READ_BYTES // self.item_bytes)
        found = b",".join(self.item(key["id"]["S"]) for key in wanted["Keys"][:fit])
        left = wanted["Keys"][fit:]
        unprocessed = json.dumps({name: {"Keys": left, "ConsistentRead": True}} if left else {}).encode()
        return b'{"Responses":{"%b":[%b]},"UnprocessedKeys":%b}' % (name.encode(), found, unprocessed)

    def _scan(self, request: Any) -> bytes:
        first = int(request.get("ExclusiveStartKey", {}).get("id", {}).get("S", -1)) + 1
        count = min(request["Limit"], max(1, SCAN_BYTES // self.item_bytes), self.scanned - first)
        items = b",".join(self.item(f"{number}") for number in range(first, first + count))
        more = first + count < self.scanned
        last = b',"LastEvaluatedKey":{"id":{"S":"%d"}}' % (first + count - 1) if more else b""
        return b'{"Items":[%b],"Count":%d%b}' % (items, count, last)

    def _documents(self, request: Any) -> bytes:
        if self.conflicts:  # tombstones
            return b'{"docs":[]}'
        return b'{"docs":[%b]}' % b",".join(self._shown(each["_id"]) for each in request["docs"])

    def _shown(self, name: str) -> bytes:
        """A document, of an item or of a probe."""
        source = b"{}"
        if name.isdigit():
            source = b'{"id":"%b","data":%b%b}' % (name.encode(), self.converted, b',"more":1' * self.differs)
        return b'{"_index":"bench","_id":"%b","_version":3,"found":true,"_source":%b}' % (name.encode(), source)

    def _search(self, request: Any) -> bytes:
        names = request["query"].get("ids", {}).get("values") or [str(number) for number in range(self.scanned)]
        hits = [{"_id": name, "_version": 3, "_source": {"id": name}, "sort": [name]} for name in names]
        return json.dumps({"hits": {"total": {"value": len(hits)}, "hits": hits}, "timed_out": False}).encode()

    def _bulk(self, body: bytes) -> bytes:
        items = []
        for line in body.splitlines():
            if not line.startswith((b'{"index":{"_id"', b'{"delete":{"_id"')):
                continue
            ((operation, head),) = json.loads(line).items()
            result: dict[str, Any] = {
                "_id": head["_id"],
                "_version": head["version"],
                "status": 200,
                "result": "updated",
            }
            if self.conflicts and not head["version"] & 1:
                reason = f"current version [{(int(time.time()) - 60) << 31 | 1}]"
                error = {"type": "version_conflict_engine_exception", "reason": reason}
                result |= {"status": 409, "error": error}
            items.append({operation: result})
        return json.dumps({"took": 1, "errors": self.conflicts, "items": items}).encode()


TABLE_DESCRIPTION = {
    "TableArn": TABLE_ARN,
    "TableStatus": "ACTIVE",
    "TableSizeBytes": 1,
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "LatestStreamArn": STREAM_ARN,
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


def message(name: str) -> str:
    """The failure queue's message of a key."""
    key = {"id": {"S": name}}
    place = {"table_arn": TABLE_ARN, "stream_arn": STREAM_ARN, "index": "bench"}
    return json.dumps({"kind": "searchsync.poison", **place, "key": key, "sequence_number": "1", "version": 2 << 31})


@contextmanager
def serving(services: Services) -> Iterator[Services]:
    """The services on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = (self.headers.get("x-amz-target") or "").rpartition(".")[2]
            time.sleep(services.delay)
            content = services.answer(asked, self.path.partition("?")[0], body)
            services.asked.append((asked or self.path.partition("?")[0].rpartition("/")[2], len(content)))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up on an answer: nothing to tell."""

    server = Server(("127.0.0.1", 0), Handler)
    services.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield services
    finally:
        server.shutdown()
        server.server_close()


CHILD = """
import contextlib, importlib, json, sys, time
from pathlib import Path
entry, body = sys.argv[1], sys.stdin.buffer.read()

class Context:
    aws_request_id = "bench"
    def get_remaining_time_in_millis(self): return 300_000

module = importlib.import_module("searchsync." + entry)
if entry == "walk_handler":
    from bench.lane import ours
    work = ours()
else:
    work = lambda event: module.handle(event, Context())
def peak():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
begun, started = peak(), time.monotonic()
with contextlib.redirect_stdout(sys.stderr):
    answer = work(json.loads(body))
print(json.dumps({"start": begun, "peak": peak(), "seconds": time.monotonic() - started, "answer": answer}))
"""


def event_of(attribute: bytes | None, names: list[str], action: str = "MODIFY") -> bytes:
    """An event of changes; without an attribute value a stream of KEYS_ONLY."""
    records = []
    for number, name in enumerate(names):
        image = b"" if attribute is None else b',"NewImage":{"id":{"S":"%b"},"data":%b}' % (name.encode(), attribute)
        records.append(
            b'{"eventName":"%b","eventSourceARN":"%b","dynamodb":{"Keys":{"id":{"S":"%b"}},"SequenceNumber":"%d",'
            b'"ApproximateCreationDateTime":%d%b}}'
            % (action.encode(), STREAM_ARN.encode(), name.encode(), 10**21 + number, int(time.time()) - 100, image)
        )
    return b'{"Records":[%b]}' % b",".join(records)


@dataclass(frozen=True)
class Used:
    """What a run used: bytes before and at most, seconds, and its answer."""

    start: int
    peak: int
    seconds: float
    answer: Any


def run(services: Services, entry: str, event: bytes, paths: str) -> Used:
    """One invocation in a process of its own; `paths` is its PYTHONPATH."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": paths,
        "NO_PROXY": "*",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": services.url,
        "OPENSEARCH_HOST": services.url,
        "OPENSEARCH_INDEX": "bench",
        "STREAM_ARN": STREAM_ARN,
        "KEY_ATTRIBUTES": '["id"]',
        "FAILURE_QUEUE_URL": f"{services.url}/000000000000/bench",
        "CLOCK_MARGIN_SECONDS": "5",
        "SYNC_FUNCTION_NAME": "bench",
        "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:bench",
        "WALK_CONCURRENCY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, entry],
        env=environment,
        input=event,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return Used(**json.loads(done.stdout))


def measured(shape: str, function: str, paths: str) -> Used:
    """One function's run on items of one shape."""
    services = Services(SHAPES[shape])
    entry, names = "handler", [str(number) for number in range(KEYS)]
    if function.startswith("sync"):
        attribute = services.shape(100_000).encode()
        event = event_of(attribute, names[: max(1, EVENT_BYTES // (len(attribute) + 250))])
        services.conflicts = function != "sync"
    elif function == "keys only":
        event = event_of(None, names)
    elif function == "redrive":
        entry, event, services.messages = "redrive_handler", b"{}", names
    else:
        entry, services.scanned = "walk_handler", 10
        services.differs = function == "repair"
        task = {"backfill": "backfill", "repair": "repair"}.get(function, "verify")
        part = {"slice": 0, "of": 1, "pit": "p"} if function == "verify the index" else {"segment": 0, "of": 1}
        event = json.dumps({"task": task, "part": part, "settle": 0.1}).encode()
    with serving(services):
        return run(services, entry, event, paths)


def main() -> int:
    """Print the table. Returns 1 where a function used too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", default="")
    parser.add_argument("--functions", default="")
    given = parser.parse_args()
    paths = os.environ.get("PYTHONPATH", "")
    figures = []
    for function, memory in MEMORY_MB.items():
        for shape in SHAPES:
            if given.shapes in shape and given.functions in function:
                used = measured(shape, function, paths)
                share = used.peak / MB / memory
                what = f"{function}: {shape}"
                text = f"{used.peak / MB:.0f} of {memory} MB, {share:.0%}, {used.seconds:.1f} s"
                figures.append(Figure(what, text, f"at most {SHARE:.0%}", share <= SHARE))
                print(figures[-1], used.answer, file=sys.stderr, flush=True)
    print(table(figures))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
