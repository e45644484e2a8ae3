"""One time for a whole request: connecting to every address, sending, answering. An edge.

A socket's own timeout bounds one read or write, and each address that is tried: a peer that takes or gives a byte
now and then holds a request for ever. What a version protects for 55 s (`resync`) must not be sent for longer.
So at its time a request's connection is shut down from beside. A request whose body was cut is not applied: the
engine waits for the rest. One whose body was whole may still be applied, or has been: see `bulk`.
And one size for its answer, where it may hold many items: what memory cannot hold is not read.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from searchsync.errors import AnswerTooLargeError
from searchsync.limits import ADDRESS_TIMEOUT, SHORTEST_TRY


class Seconds(float):
    """A request's timeout in seconds that also says within how many its body must begin to be sent, and how many
    bytes its answer may have."""

    begin_within: float
    most_bytes: float

    def __new__(cls, seconds: float, begin_within: float = math.inf, most_bytes: float = math.inf) -> Seconds:
        """Both times in seconds from the request's start."""
        made = super().__new__(cls, seconds)
        made.begin_within = begin_within
        made.most_bytes = most_bytes
        return made


class Bound:
    """Until when the request under way may be begun and must have its answer; its connection is cut off then."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._until = self._begin_by = self._cut_at = self._wakes_at = math.inf
        self.was_cut = False
        """Whether the last request was cut off."""
        self.most_bytes = math.inf
        """That the answer to the request under way may have."""
        self._lines: WeakSet[socket.socket] = WeakSet()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def request(self, seconds: float) -> Iterator[None]:
        """The time of one request, in seconds from now; `Seconds` say when it must begin, too."""
        now = time.monotonic()
        with self._changed:
            self._until = self._cut_at = now + seconds
            self.was_cut = False
            self._begin_by = now + getattr(seconds, "begin_within", math.inf)
            self.most_bytes = getattr(seconds, "most_bytes", math.inf)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="searchsync-bound", daemon=True)
                self._watcher.start()
            elif self._cut_at < self._wakes_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._cut_at = math.inf

    @property
    def remaining(self) -> float:
        """Seconds until the request is cut off."""
        return self._until - time.monotonic()

    @property
    def may_begin(self) -> bool:
        """Whether its body may still begin to be sent."""
        return time.monotonic() <= self._begin_by

    def hold(self, line: socket.socket) -> socket.socket:
        """A copy of a connection's socket, to be kept as long as the connection: TLS takes the socket itself over."""
        with self._changed:
            self._lines.add(copy := line.dup())
            if self.was_cut:  # it connected too late for that cut
                self._cut()
        return copy

    def drop(self, copy: socket.socket | None) -> None:
        """The connection was closed: our copy of its socket would keep it open."""
        with self._changed:
            if copy is not None:
                copy.close()

    def drop_all(self) -> None:
        """Every connection was closed."""
        for copy in self._lines:
            self.drop(copy)

    def _watch(self) -> None:
        with self._changed:
            while True:
                left = self._cut_at - time.monotonic()
                if left <= 0.0:
                    self._cut()
                    self._cut_at = left = math.inf
                self._wakes_at = time.monotonic() + left
                self._changed.wait(min(left, threading.TIMEOUT_MAX))

    def _cut(self) -> None:
        """Shut every connection: the one in use need not be the last one made, and a second try finds none."""
        self.was_cut = True
        for line in self._lines:
            with suppress(OSError):  # the peer was quicker, or it is closed
                line.shutdown(socket.SHUT_RDWR)


class _Sized(HTTPAdapter):
    """Leaves an answer of too many bytes unread, and raises AnswerTooLargeError."""

    def __init__(self, bound: Bound, pool_size: int) -> None:
        super().__init__(pool_maxsize=pool_size)
        self._bound = bound

    def send(self, request: PreparedRequest, *given: Any, **named: Any) -> Response:
        """As the base class: the body is read by whoever is given the response."""
        response = super().send(request, *given, **named)
        if self._bound.most_bytes < math.inf:
            response.raw = _Counted(response.raw, self._bound.most_bytes)
            response.raw.expect(response.headers.get("content-length", ""))
        return response


class _Counted:
    """urllib3's response, whose body has only so many bytes."""

    def __init__(self, raw: Any, most_bytes: float) -> None:
        self._raw = raw
        self._most_bytes = most_bytes

    def expect(self, length: str) -> None:
        """Take its head at its word."""
        if length.isascii() and length.isdigit() and int(length) > self._most_bytes:
            self._raw.close()
            raise AnswerTooLargeError(int(length))

    def stream(self, *given: Any, **named: Any) -> Iterator[bytes]:
        """The body in pieces. A head may give no length (chunked), or lie."""
        size = 0
        for piece in self._raw.stream(*given, **named):
            size += len(piece)
            if size > self._most_bytes:
                self._raw.close()
                raise AnswerTooLargeError(size)
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def bounded(bound: Bound, pool_size: int) -> HTTPAdapter:
    """An adapter of requests whose connections keep to a bound. They are not shared between threads."""

    adapter = _Sized(bound, pool_size)
    adapter.poolmanager.pool_classes_by_scheme = bounded_pools(bound, HTTPConnectionPool, HTTPSConnectionPool)
    return adapter


def bounded_pools(bound: Bound, http: Any, https: Any) -> dict[str, Any]:
    """By scheme, classes of urllib3's pools with connections that keep to a bound."""

    def kept(pool: Any) -> Any:
        class Bounded(pool.ConnectionCls):  # type: ignore[misc]  # urllib3's or botocore's
            _copy: socket.socket | None = None

            def _new_conn(self) -> socket.socket:
                line = _dial(self, bound)
                bound.drop(self._copy)
                self._copy = bound.hold(line)
                return line

            def connect(self) -> None:
                try:
                    super().connect()
                except BaseException:
                    bound.drop(self._copy)
                    raise
                self._refuse_late()

            def request(self, *given: Any, **named: Any) -> None:
                # On a connection that is kept, too: a process may be held up anywhere.
                self._refuse_late()
                super().request(*given, **named)

            def _refuse_late(self) -> None:
                if not bound.may_begin:
                    self.close()
                    raise ConnectTimeoutError(self, "too late for the request to begin")

        class BoundedPool(pool):  # type: ignore[misc]
            ConnectionCls = Bounded

            def urlopen(self, *given: Any, **named: Any) -> Any:
                # botocore switches this off, and takes half a JSON text for an answer without members.
                return super().urlopen(*given, **named | {"enforce_content_length": True})

        return BoundedPool

    return {"http": kept(http), "https": kept(https)}


def _dial(connection: Any, bound: Bound) -> socket.socket:
    """A socket connected to the first address that answers, all of them within the bound.

    A dead one must not take the time of those behind it: only the last may wait until the request's time is over.
    """
    error: OSError | None = None
    found = socket.getaddrinfo(connection.host.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    for number, (family, kind, protocol, _, address) in enumerate(found, 1):
        if bound.remaining <= 0.0:
            break
        longest = ADDRESS_TIMEOUT if number < len(found) else threading.TIMEOUT_MAX
        line = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                line.setsockopt(*option)
            line.settimeout(max(min(bound.remaining, longest), SHORTEST_TRY))
            line.connect(address)
        except OSError as refused:
            line.close()
            error = refused
            continue
        return line
    if error is None or isinstance(error, TimeoutError):
        raise ConnectTimeoutError(connection, "no address answered in the request's time") from error
    raise NewConnectionError(connection, f"no address could be reached: {error.strerror}") from error
