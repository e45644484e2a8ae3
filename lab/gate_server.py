"""The sockets of the collection gate: requests in, replies out, and the connection to the engine."""

from __future__ import annotations

import enum
import http.client
import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Protocol
from urllib.parse import urlsplit

from lab.faults import Fault, FaultKind
from lab.gate_rules import GateRequest, JsonObject
from lab.process import LOOPBACK

UPSTREAM_TIMEOUT_SECONDS = 120.0
PIECES = 8
"""In so many a body or an answer trickles: each comes before a client's patience for one read or write is over."""
_SMALL_BUFFER = 4_096
"""Bytes that the machine takes in ahead of a slow reader: the rest waits at its sender."""
_JSON = "application/json; charset=UTF-8"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s


class Ending(enum.Enum):
    """How an answer ends."""

    WHOLE = "whole"
    CUT = "cut"  # half of the body, then closed
    RESET = "reset"  # nothing, connection reset
    CLOSED = "closed"  # nothing, connection closed


@dataclass(frozen=True)
class Reply:
    """What the client gets, its bytes over `seconds`."""

    status: int = 0
    body: bytes = b""
    content_type: str = _JSON
    ending: Ending = Ending.WHOLE
    seconds: float = 0.0

    @classmethod
    def json(cls, status: int, body: JsonObject) -> Reply:
        """A JSON answer."""
        return cls(status, json.dumps(body).encode())


class Upstream:
    """A kept-alive connection to the engine, for one thread."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        maker = http.client.HTTPSConnection if address.scheme == "https" else None
        self._connection = (maker or http.client.HTTPConnection)(
            address.hostname or LOOPBACK, address.port, timeout=UPSTREAM_TIMEOUT_SECONDS
        )

    def send(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One request. 502 when the engine does not answer: it may have been applied or not."""
        try:
            self._connection.request(method, target, body or None, dict(headers or {}))
            answer = self._connection.getresponse()
            content_type = answer.headers.get("content-type", _JSON)
            return Reply(answer.status, answer.read(), content_type)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            reason = f"the engine behind the gate did not answer: {error!r}"
            return Reply.json(502, {"error": {"type": "bad_gateway", "reason": reason}})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Desk(Protocol):
    """What is behind the sockets."""

    def date(self) -> str:
        """The value of the Date header now."""
        ...

    def pause(self, seconds: float) -> bool:
        """Wait; whether what is under way shall be forgotten."""
        ...

    def arrives(self, head: GateRequest, size: int) -> Fault | None:
        """A request begins to come in; the fault that it meets there."""
        ...

    def leaves(self) -> None:
        """A request's client went away before there was anything to answer."""
        ...

    def answer(self, request: GateRequest, upstream: Upstream) -> Reply:
        """What a request gets."""
        ...


class GateServer(ThreadingMixIn, TCPServer):
    """A thread for each connection, answered by `desk`; `stop` ends them all."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, upstream_url: str, desk: Desk) -> None:
        """Listen on the loopback `port` (0: a free one); `start` begins to answer."""
        self.upstream_url = upstream_url
        self.desk = desk
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="gate", daemon=True)
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and end the connections that clients keep open."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # Its client was faster.

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show what went wrong, unless a client only went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests, writes replies: one connection, kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GateServer

    def setup(self) -> None:
        super().setup()
        self._upstream = Upstream(self.server.upstream_url)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Nothing: the gate counts instead."""

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if "transfer-encoding" in headers:
            self.close_connection = True
            reason = "the gate takes no chunked bodies: send a content-length"
            self._write(Reply.json(411, {"error": {"type": "length_required", "reason": reason}}))
            return
        desk, size = self.server.desk, int(headers.get("content-length", "0"))
        head = GateRequest(self.command, self.path, headers)
        body = self._take(size, desk.arrives(head, size))
        if body is None:
            self.close_connection = True
            desk.leaves()
            return
        self._write(desk.answer(replace(head, body=body), self._upstream))

    def _take(self, size: int, fault: Fault | None) -> bytes | None:
        """The request's body; None where its client went away. What was cut off never reaches the engine."""
        try:
            if fault is None:
                body = self.rfile.read(size)
            elif fault.kind is FaultKind.SLOW_READER:
                body = self._sipped(size, fault.seconds)
            else:
                self._swallowed()
                return None
        except OSError:
            return None
        return body if len(body) == size else None

    def _sipped(self, size: int, seconds: float) -> bytes:
        """The body in pieces, each after a while. Raises ConnectionAbortedError where it is to be forgotten."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        body = b""
        for piece in _pieces(size):
            if self.server.desk.pause(seconds / PIECES):
                raise ConnectionAbortedError("forgotten")
            body += self.rfile.read(piece)
        return body

    def _swallowed(self) -> None:
        """All that comes, until the client goes."""
        while self.rfile.read1(_SMALL_BUFFER):
            pass

    # The base class asks for one method a verb.
    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _serve  # noqa: N815

    def _write(self, reply: Reply) -> None:
        if reply.ending in {Ending.RESET, Ending.CLOSED}:
            self.close_connection = True
            if reply.ending is Ending.RESET:
                self._reset()
            return
        body = b"" if self.command == "HEAD" else reply.body
        head = (
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\n"
            f"Date: {self.server.desk.date()}\r\n"
            f"Content-Type: {reply.content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode("latin-1")
        if reply.ending is Ending.CUT:
            self.close_connection = True
            body = body[: len(body) // 2]
        if not reply.seconds:
            # One send: a head and a body of their own would wait for each other's acknowledgement.
            self.wfile.write(head + body)
            return
        answer, at = head + body, 0
        for piece in _pieces(len(answer)):
            if self.server.desk.pause(reply.seconds / PIECES):
                self.close_connection = True
                return
            self.wfile.write(answer[at : at + piece])
            at += piece

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # Closed under the base class: its own orderly end would say FIN before the reset.
        os.close(self.connection.detach())


def _pieces(size: int) -> list[int]:
    """The sizes of its pieces."""
    return [size * (number + 1) // PIECES - size * number // PIECES for number in range(PIECES)]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
