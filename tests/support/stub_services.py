"""A loopback server that stands for the collection, DynamoDB and SQS at once, and keeps what reached it.

It gives the answers that a test asks for, each as talkative as it can be: every one quotes the request.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INDEX_MADE_BY_US = {
    "items": {
        "mappings": {
            "_meta": {
                "searchsync": {
                    "mark": "m",
                    "stack": "sync",
                    "table": "arn:aws:dynamodb:eu-central-1:123456789012:table/lab-table",
                }
            }
        }
    }
}
"""Of the owner in `events`."""


@dataclass(frozen=True)
class Reply:
    """An answer: a body of bytes is sent as it is, another as JSON."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[str, str], Reply]
"""(what is asked for, the request's body) to the answer. Asked for is `_bulk`, `_mget`, `_mapping`, `create`,
`BatchGetItem` or `SendMessageBatch`."""


@dataclass
class Services:
    """The running server."""

    url: str = ""
    answer: Answer = lambda _asked, _body: Reply(200, {})
    now: Callable[[], float] = lambda: 0.0
    heads: list[str] = field(default_factory=list)
    """Request lines and headers, as they came."""
    paths: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Services]:
    """The services on a free port, over https with `tls`."""
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or each answer waits 40 ms for an acknowledgement

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            services.heads.append(f"{self.requestline}\n{self.headers}")
            services.paths.add(self.path)
            asked = what_is_asked(self.command, self.path, self.headers.get("x-amz-target") or "")
            services.asked.append(asked)
            reply = services.answer(asked, body.decode("utf-8", "surrogatepass"))
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            headers = {
                "content-type": "application/json",
                "content-length": str(len(content)),
                "date": formatdate(services.now(), usegmt=True),
            } | reply.headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = respond  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that refuses our certificate goes away: nothing to tell."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    services.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield services
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def what_is_asked(method: str, path: str, target: str) -> str:
    """The name of a request, see `Answer`."""
    if target:
        return target.rpartition(".")[2]
    return "create" if method == "PUT" else path.partition("?")[0].rpartition("/")[2]
