"""Runs the functions against a stub on the loopback interface, and says which files they used.

    python3.12 -I -S -B tools/drive_function.py --runtime DIR --task DIR [--task DIR]

--task: what the zip holds (/var/task); --runtime: what the Lambda runtime brings. Nothing else is on
the module path. build.py packs the files that this run used, and a test runs the finished zip by it,
so every way a request can end is driven here: code is imported at the first use, too.

Prints JSON: {"used": [paths below a task folder], "outcomes": {drive: how it ended}}.
Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
SLOW_SECONDS = 1.0
REQUEST_SECONDS = 0.3
STATUSES = (400, 401, 402, 403, 404, 409, 413, 429, 500, 502, 503, 504)
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/drive"
STREAM_ARN = f"{TABLE_ARN}/stream/2026-01-01T00:00:00.000"
KEY = {"id": {"S": "a"}}
TARGET = "x-amz-target"
"""The header that names the operation of an AWS service (its JSON protocols)."""


class StubCollection(ThreadingHTTPServer):
    """An index that takes everything; `fault` makes its next answers something else.

    It is the AWS services of a redrive too: `messages` wait in its queue.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Answers)
        self.fault: Callable[[_Answers], None] | None = None
        self.index: Any = None
        self.messages = [_failure_message()]

    def service(self, operation: str, request: Any) -> dict[str, Any]:
        """An AWS service's answer."""
        if operation == "ReceiveMessage" and self.messages:
            return {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": self.messages.pop()}]}
        if operation == "BatchGetItem":
            return {"Responses": {table: asked["Keys"] for table, asked in request["RequestItems"].items()}}
        return {"Successful": [{"Id": each["Id"]} for each in request.get("Entries", [])]}

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubCollection

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.fault is not None:
            self.server.fault(self)
        elif TARGET in self.headers:
            operation = self.headers[TARGET].rpartition(".")[2]
            self.send_json(200, self.server.service(operation, json.loads(body)))
        elif self.path.split("?")[0].endswith("_bulk"):
            self.send_json(200, {"took": 1, "errors": False, "items": list(_items(body))})
        elif self.command == "PUT":
            self.server.index = json.loads(body)
            self.send_json(200, {"acknowledged": True})
        elif self.server.index is None:
            self.send_json(404, {"error": {"type": "index_not_found_exception"}, "status": 404})
        else:
            self.send_json(200, {"drive": self.server.index})

    do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 - the base class looks for these names

    def send_json(self, status: int, body: object) -> None:
        """Answer with a status and a JSON body."""
        self.send_text(status, json.dumps(body), "application/json")

    def send_text(self, status: int, text: str, content_type: str, promised: int = 0) -> None:
        """Answer with a text, and with a longer Content-Length where more is `promised`."""
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(max(promised, len(data))))
        self.end_headers()
        self.wfile.write(data)

    def cut_short(self) -> None:
        """Close after a part of the answer."""
        self.send_text(200, '{"took":1,', "application/json", promised=100)
        self.close_connection = True

    def reset(self) -> None:
        """End the connection with a reset and no answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """No access log."""


def _items(body: bytes) -> Iterator[dict[str, Any]]:
    lines = iter(body.decode().splitlines())
    for line in lines:
        ((action, target),) = json.loads(line).items()
        if action != "delete":
            next(lines)
        yield {action: {"_index": "drive", "_id": target["_id"], "_version": 1, "result": "created", "status": 201}}


class _Context:
    aws_request_id = "drive"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def _failure_message() -> str:
    return json.dumps({"kind": "searchsync.poison", "table_arn": TABLE_ARN, "key": KEY, "version": 1 << 31})


def _event() -> dict[str, Any]:
    change = {
        "ApproximateCreationDateTime": int(time.time()),
        "Keys": KEY,
        "NewImage": {"id": {"S": "a"}, "n": {"N": "9007199254740993.5"}, "b": {"B": "AQI="}, "l": {"L": [{"S": "ü"}]}},
        "SequenceNumber": "100000000000000000000001",
        "StreamViewType": "NEW_IMAGE",
    }
    record = {"eventID": "1", "eventName": "INSERT", "eventSourceARN": STREAM_ARN, "dynamodb": change}
    return {"Records": [record]}


def _faults() -> dict[str, Callable[[_Answers], None]]:
    def status(number: int) -> Callable[[_Answers], None]:
        error = {"type": "drive_exception", "reason": "driven"}
        return lambda answers: answers.send_json(number, {"error": error, "status": number})

    return {
        **{f"status {number}": status(number) for number in STATUSES},
        "status without JSON": lambda answers: answers.send_text(403, "<h1>Förbidden</h1>", "text/html"),
        "not JSON": lambda answers: answers.send_text(200, "<h1>hello</h1>", "text/html"),
        "cut short": _Answers.cut_short,
        "reset": _Answers.reset,
        "timeout": lambda _answers: time.sleep(SLOW_SECONDS),
    }


def drive(stub: StubCollection) -> dict[str, str]:
    """Import the entries and let them meet every kind of answer. How each one ended, by name."""
    os.environ.update(_environment(f"http://{LOOPBACK}:{stub.port}"))
    outcomes: dict[str, str] = {}
    with contextlib.redirect_stdout(sys.stderr):
        from searchsync import handler, redrive_handler  # noqa: PLC0415 - their import is part of what is driven

        outcomes["invocation"] = json.dumps(handler.handle(_event(), _Context()))
        outcomes["redrive"] = json.dumps(redrive_handler.handle({}, _Context()))
        for name, fault in _faults().items():
            stub.fault = fault
            outcomes[name] = _request(os.environ["OPENSEARCH_HOST"])
        stub.fault = None
        with socket.socket() as closed:  # bound, and nobody listens
            closed.bind((LOOPBACK, 0))
            outcomes["refused"] = _request(f"http://{LOOPBACK}:{closed.getsockname()[1]}")
        outcomes["plain text where TLS is due"] = _request(f"https://{LOOPBACK}:{stub.port}")
    return outcomes


def _request(host: str) -> str:
    """How one bulk request to that host ends: `answered`, or the client's own exception."""
    # From the driven folders, which are on the path only now.
    from opensearchpy.exceptions import OpenSearchException  # noqa: PLC0415

    from searchsync.config import read_environment  # noqa: PLC0415
    from searchsync.edges.collection import connect  # noqa: PLC0415
    from searchsync.entry import sign  # noqa: PLC0415

    config = read_environment({**os.environ, "OPENSEARCH_HOST": host})
    client = connect(config, sign(os.environ, config.region))
    line = b'{"delete":{"_id":"a"}}\n'
    headers = {"content-type": "application/x-ndjson"}
    try:
        client.transport.perform_request(
            "POST", "/drive/_bulk", params={"request_timeout": REQUEST_SECONDS}, body=line, headers=headers
        )
    except OpenSearchException as error:
        return type(error).__name__
    return "answered"


def _environment(host: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "drive",
        "AWS_SECRET_ACCESS_KEY": "drive",
        "AWS_SESSION_TOKEN": "drive",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": host,
        "NO_PROXY": "*",
        "OPENSEARCH_HOST": host,
        "OPENSEARCH_INDEX": "drive",
        "STREAM_ARN": STREAM_ARN,
        "KEY_ATTRIBUTES": '["id"]',
        "FAILURE_QUEUE_URL": f"{host}/000000000000/drive",
        "SYNC_FUNCTION_NAME": "drive",
    }


def _record_opened(folders: list[Path]) -> set[str]:
    """From now on, what this process opens or tries to open below the folders: code and data alike."""
    roots = [f"{folder}{os.sep}" for folder in folders]
    used: set[str] = set()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str):
            used.update(arguments[0][len(root) :] for root in roots if arguments[0].startswith(root))

    sys.addaudithook(hook)
    return used


def _was_used(path: Path) -> bool:
    """Whether a file that was opened is of use: data, or the source of a module whose import did not fail."""
    if path.suffix != ".py":
        return path.is_file()
    return any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values()))


def main() -> None:
    """Entry of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", type=Path, action="append", required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    options = parser.parse_args()
    tasks = [folder.resolve() for folder in options.task]
    used = _record_opened(tasks)
    sys.path[:0] = [str(folder) for folder in tasks]
    sys.path.append(str(options.runtime.resolve()))
    stub = StubCollection()
    threading.Thread(target=stub.serve_forever, args=(0.05,), daemon=True).start()
    try:
        outcomes = drive(stub)
    finally:
        stub.shutdown()
        stub.server_close()
    found = sorted(path for path in used if any(_was_used(folder / path) for folder in tasks))
    print(json.dumps({"used": found, "outcomes": outcomes}))


if __name__ == "__main__":
    main()
