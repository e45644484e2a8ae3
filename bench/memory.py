"""The functions' peak memory for items of 400 KB of every shape, each in a process of its own.

    python -m bench.memory [--shapes TEXT] [--functions TEXT]

Items with long names are read in several invocations of one process, so that what it keeps of them counts, too.
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
from tests.support.stub_services import what_is_asked

TABLE_ARN = STREAM_ARN.partition("/stream/")[0]
MB = 1024 * 1024
ITEM_BYTES = 400_000
"""By DynamoDB's count, the most that an item may have ("Constraints in Amazon DynamoDB")."""
EVENT_BYTES = 5_900_000
"""An invocation takes 6 MB ("Lambda quotas")."""
READ_BYTES, SCAN_BYTES = 16_000_000, 1_000_000
"""Of items, in an answer to BatchGetItem and to Scan (API reference)."""
KEYS = 40
"""Items of 400 KB that one BatchGetItem gives."""
MEMORY_MB = {
    "sync": 512,
    "sync, all read again": 512,
    "keys only": 512,
    "redrive": 512,
    "redrive of a range": 512,
    "backfill": 1024,
}
MEMORY_MB |= {"verify": 1024, "repair": 1024, "verify the index": 1024}
"""Each function's `memory_size`, as variables.tf gives it."""
FIRST = 10**21
"""A SequenceNumber."""
INVOCATIONS = 12
"""Of one process, each with other items whose names are long."""
NAME = 39_000
"""Characters of a long name: DynamoDB takes names of 64 KB (the same page)."""
SHARE = 0.7
"""Of `memory_size` that may be used at most."""
MARK = {"mark": "m", "stack": "bench", "table": STREAM_ARN.partition("/stream/")[0]}
"""The index's, of the stack in `run`."""
CHAIN = 30
"""Levels of a list in a list: DynamoDB nests 32."""


def member(kind: str, members: str, ends: str = "[]") -> str:
    """An attribute value of a kind that has members."""
    return f'{{"{kind}":{ends[0]}{members}{ends[1]}}}'


def listed(each: str, cost: int, size: int) -> str:
    """A list of one attribute value again and again, each of so many bytes by DynamoDB's count."""
    return member("L", ",".join([each] * (size // cost)))


def many_names(size: int) -> str:
    """A map of many short members: a name of five, a digit, and a byte each."""
    return member("M", ",".join(f'"{number:05d}":{{"N":"1"}}' for number in range(size // 8)), "{}")


def long_names(size: int) -> str:
    """A map of few members whose names no other item has."""
    names = [f"ITEM-{number}-".ljust(NAME, "n") for number in range(size // NAME)]
    return member("M", ",".join(f'"{name}":{{"N":"1"}}' for name in names), "{}")


def distinct(kind: str, form: str, cost: int, size: int) -> str:
    """A set of values that differ."""
    return member(kind, ",".join(f'"{number:{form}}"' for number in range(size // cost)))


LINE = '{"M":{"sku":{"S":"A-1234"},"count":{"N":"2"},"price":{"N":"19.99"}}}'
LISTS = '{"L":[' * CHAIN + "]}" * CHAIN
MAPS = '{"M":{"a":' * CHAIN + '{"NULL":true}' + "}}" * CHAIN

SHAPES: Mapping[str, Callable[[int], str]] = {
    "plain string": lambda size: member("S", "x" * size, '""'),
    "string, one emoji": lambda size: member("S", "x" * (size - 4) + "\U0001f600", '""'),
    "string, escaped": lambda size: member("S", r"\u0001" * size, '""'),
    "binary": lambda size: member("B", "eHh4" * (size // 3), '""'),
    "many small members": many_names,
    "long names": long_names,
    "order lines": lambda size: listed(LINE, 35, size),
    "number list": lambda size: listed('{"N":"1"}', 3, size),
    "list of true": lambda size: listed('{"BOOL":true}', 2, size),
    "list of empty strings": lambda size: listed('{"S":""}', 1, size),
    "lists in lists": lambda size: listed(LISTS, 4 * CHAIN, size),
    "maps in maps": lambda size: listed(MAPS, 5 * CHAIN + 2, size),
    "number set": lambda size: distinct("NS", "d", 4, size),
    "string set": lambda size: distinct("SS", "05x", 5, size),
    "binary set": lambda size: distinct("BS", "08d", 6, size),
}
"""An attribute value of each shape, of so many bytes by DynamoDB's count."""


def own(attribute: bytes, name: str) -> bytes:
    """An attribute value of this item."""
    return attribute.replace(b"ITEM", name.encode()) if b"ITEM" in attribute else attribute


@dataclass
class Services:
    """Table, collection and queue on one port: each item is there, of one shape and size."""

    shape: Callable[[int], str]
    item_bytes: int = ITEM_BYTES
    messages: list[str] = field(default_factory=list)
    scanned: int = 0
    conflicts: bool = False
    differs: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        self.attribute = self.shape(self.item_bytes).encode()

    @cached_property
    def converted(self) -> bytes:
        """The attribute's value in the index."""
        from searchsync.documents.document import document_text  # noqa: PLC0415 - a path of the measured package
        from searchsync.documents.fields import Fields  # noqa: PLC0415 - the same

        unmapped = Fields({"dynamic": False})
        return document_text({"data": json.loads(self.attribute)}, unmapped)[len('{"data":') : -1].encode()

    def item(self, name: str) -> bytes:
        """An item as the table sends it."""
        return b'{"id":{"S":"%b"},"data":%b}' % (name.encode(), own(self.attribute, name))

    def answer(self, asked: str, body: bytes) -> bytes:
        """The answer to a request."""
        answers: dict[str, Callable[[Any], bytes]] = {
            "BatchGetItem": self._read,
            "Scan": self._scan,
            "DescribeTable": lambda _: json.dumps({"Table": TABLE_DESCRIPTION}).encode(),
            "ReceiveMessage": self._receive,
            "GetShardIterator": lambda _: b'{"ShardIterator":"i"}',
            "GetRecords": self._records,
            "bench": self._index,
            "_mapping": self._index,
            "_mget": self._documents,
            "_search": self._search,
        }
        if asked == "_bulk":
            return self._bulk(body)
        answer = answers.get(asked, self._taken)
        return answer(json.loads(body or b"{}"))

    def _index(self, _: Any) -> bytes:
        return json.dumps({"bench": {"mappings": {"_meta": {"searchsync": MARK}}}}).encode()

    def _receive(self, _: Any) -> bytes:
        taken, self.messages = self.messages[:10], self.messages[10:]
        left = len(self.messages)
        found = [
            {"MessageId": f"{left}-{number}", "ReceiptHandle": "r", "Body": each} for number, each in enumerate(taken)
        ]
        return json.dumps({"Messages": found}).encode()

    def _records(self, _: Any) -> bytes:
        """A page of the stream: 1 MB of new and old images."""
        names = [str(number) for number in range(SCAN_BYTES // 2 // self.item_bytes)]
        event = event_of(b"%b" % self.attribute, names, old=True)
        return event[:-1] + b',"NextShardIterator":"i"}'

    def _taken(self, request: Any) -> bytes:
        """The queue's answer to a batch."""
        return json.dumps({"Successful": [{"Id": each["Id"]} for each in request.get("Entries", [])]}).encode()

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
        from searchsync.documents.document import KEY_FIELD, index_key  # noqa: PLC0415 - a path of the measured package

        source = b"{}"
        if name.isdigit():
            key = b',"%b":%d' % (KEY_FIELD.encode(), index_key(name))
            source = b'{"id":"%b","data":%b%b%b}' % (
                name.encode(),
                own(self.converted, name),
                key,
                b',"more":1' * self.differs,
            )
        return b'{"_index":"bench","_id":"%b","_version":3,"found":true,"_source":%b}' % (name.encode(), source)

    def _search(self, request: Any) -> bytes:
        """Documents by id; or all, as a range of keys and as the documents of these keys show them; or none."""
        from searchsync.documents.document import KEY_FIELD, index_key  # noqa: PLC0415 - a path of the measured package

        names = request["query"].get("ids", {}).get("values") or [str(number) for number in range(self.scanned)]
        names = [] if "bool" in request["query"] else names
        hits = [{"_id": name, "_version": 3, "fields": {KEY_FIELD: [index_key(name)]}} for name in names]
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
            content = services.answer(
                what_is_asked(self.command, self.path, self.headers.get("x-amz-target") or ""), body
            )
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
if entry == "reconcile_handler":
    from bench.lane import ours
    work = ours()
else:
    work = lambda event: module.handle(event, Context())
def peak():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
begun, started = peak(), time.monotonic()
with contextlib.redirect_stdout(sys.stderr):
    for line in body.splitlines():
        answer = work(json.loads(line))
print(json.dumps({"start": begun, "peak": peak(), "seconds": time.monotonic() - started, "answer": answer}))
"""


def range_message(count: int) -> str:
    """The trigger's message of a range of so many records."""
    last = str(FIRST + count - 1)
    batch = {
        "shardId": "shardId-00000000000000000001-bench",
        "startSequenceNumber": str(FIRST),
        "endSequenceNumber": last,
        "batchSize": count,
    }
    times = {f"approximateArrivalOf{which}Record": "2026-01-01T00:00:00Z" for which in ("First", "Last")}
    return json.dumps({"version": "1.0", "DDBStreamBatchInfo": {**batch, **times, "streamArn": STREAM_ARN}})


def event_of(attribute: bytes | None, names: list[str], old: bool = False) -> bytes:
    """An event of changes, with `old` images too; without an attribute value a stream of KEYS_ONLY."""
    records = []
    for number, name in enumerate(names):
        value = b"" if attribute is None else own(attribute, name)
        image = b',"NewImage":{"id":{"S":"%b"},"data":%b}' % (name.encode(), value) if value else b""
        image += image.replace(b"New", b"Old", 1) if old else b""
        records.append(
            b'{"eventName":"MODIFY","eventSourceARN":"%b","dynamodb":{"Keys":{"id":{"S":"%b"}},"SequenceNumber":"%d",'
            b'"ApproximateCreationDateTime":%d%b}}'
            % (STREAM_ARN.encode(), name.encode(), FIRST + number, int(time.time()) - 100, image)
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
    """An invocation for each line of `event` in a process of its own; `paths` is its PYTHONPATH."""
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
        "MAX_CLOCK_SKEW_SECONDS": "5",
        "SYNC_FUNCTION_NAME": "bench",
        "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:bench",
        "RECONCILE_CONCURRENCY": "1",
    }
    if b"ITEM" in services.attribute:  # names that an index which maps them does not take
        environment["INDEX_MAPPING"] = '{"dynamic": false}'
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
    invocations = INVOCATIONS if b"ITEM" in services.attribute else 1
    entry, names = "handler", [str(number) for number in range(KEYS)]
    if function.startswith("sync"):
        attribute = services.shape(100_000).encode()
        event = event_of(attribute, names[: max(1, EVENT_BYTES // (len(attribute) + 250))])
        services.conflicts = function != "sync"
    elif function == "keys only":
        event = b"\n".join(event_of(None, [f"{each}{name}" for name in names]) for each in range(invocations))
    elif function == "redrive":
        entry, event, services.messages = "redrive_handler", b"{}", [message(name) for name in names]
    elif function == "redrive of a range":
        entry, event, services.messages = "redrive_handler", b"{}", [range_message(1)]
    else:
        entry, services.scanned = "reconcile_handler", 10
        services.differs = function == "repair"
        task = {"backfill": "backfill", "repair": "repair"}.get(function, "verify")
        part = (
            {"range": 0, "of": 1, "since": time.time()} if function == "verify the index" else {"segment": 0, "of": 1}
        )
        event = json.dumps({"task": task, "part": part, "recheck_delay": 0.1}).encode()
    with serving(services):
        return run(services, entry, event, paths)


def table(shares: Mapping[str, Mapping[str, float]]) -> str:
    """The shares of `memory_size` by shape, a column for each function."""
    functions = list(dict.fromkeys(function for row in shares.values() for function in row))
    rows = [("of memory_size", *functions), ("MB", *(str(MEMORY_MB[function]) for function in functions))]
    rows += [(shape, *(f"{row[function]:.0%}" for function in functions)) for shape, row in shares.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(functions) + 1)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    """Print the table. Returns 1 where a function used too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", default="", help="those with this text in their name")
    parser.add_argument("--functions", default="")
    given = parser.parse_args()
    shares: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        for function, memory in MEMORY_MB.items():
            if given.shapes in shape and given.functions in function:
                print(f"  measuring: {function}, {shape} …", file=sys.stderr, flush=True)
                used = measured(shape, function, os.environ.get("PYTHONPATH", ""))
                shares.setdefault(shape, {})[function] = used.peak / MB / memory
    print(table(shares))
    return 1 if any(share > SHARE for row in shares.values() for share in row.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
