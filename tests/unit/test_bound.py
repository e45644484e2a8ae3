"""One time bounds the whole of a request, whatever the peer does with its bytes. Real sockets on the loopback.

Nothing is timed here but by the peer: each of these would hold an unbounded request for minutes, or for ever.
"""

from __future__ import annotations

import gc
import math
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from requests_aws4auth import AWS4Auth

from searchsync import limits
from searchsync.clock import SystemClock
from searchsync.config import read_environment
from searchsync.documents.index import GUARD
from searchsync.edges import bound
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.limits import ADDRESS_TIMEOUT, IN_FLIGHT, READ_TO_ANSWER, REQUEST_TIMEOUT, TOMBSTONE_LIFE
from searchsync.protocol.bulk import Response
from tests.support.events import environment
from tests.support.peers import (
    LONGEST_S,
    TRICKLE_S,
    TRICKLES,
    Peer,
    black_hole,
    dead_address,
    peer,
    slow_head,
    slow_reader,
    slow_writer,
)

BOUND_S = 0.6
BODY = b"{}\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
LARGE = b"x" * 30_000_000
"""More than the loopback's buffers take."""


def collection(port: int, scheme: str = "http") -> OpenSearchCollection:
    host = f"{scheme}://127.0.0.1:{port}"
    config = replace(read_environment(environment()), host=host)
    client = connect(config, AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss"))
    return OpenSearchCollection(client, config, SystemClock())


def bulk(target: OpenSearchCollection, body: bytes = BODY, begin_within: float = math.inf) -> Response:
    """A request that must be over soon after its time."""
    began = time.monotonic()
    answer = target.bulk(body, BOUND_S, begin_within)
    assert time.monotonic() - began < LONGEST_S
    return answer


@pytest.mark.parametrize(
    ("behave", "body"),
    [(black_hole, BODY), (slow_writer, BODY), (slow_head, BODY), (slow_reader, LARGE)],
)
def test_a_request_is_cut_off_at_its_time(behave: Peer, body: bytes) -> None:
    with peer(behave) as port:
        assert bulk(collection(port), body).status is None


def test_a_connection_that_is_given_up_is_closed_whoever_gave_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's own timeout may be quicker than the bound's cut."""
    monkeypatch.setattr(bound.Bound, "_cut", lambda _: None)
    gone = threading.Event()

    def behave(line: socket.socket) -> None:
        black_hole(line)
        gone.set()

    with peer(behave) as port:
        target = collection(port)
        assert bulk(target).status is None
        assert gone.wait(LONGEST_S)


def test_a_connection_whose_client_is_gone_is_closed() -> None:
    gone = threading.Event()

    def behave(line: socket.socket) -> None:
        line.recv(65_536)
        line.sendall(ANSWER)
        black_hole(line)
        gone.set()

    with peer(behave) as port:
        target = collection(port)
        assert bulk(target).status == 200
        del target
        gc.collect()
        assert gone.wait(LONGEST_S)


def test_a_handshake_is_within_the_bound() -> None:
    with peer(black_hole) as port:
        assert bulk(collection(port, "https")).status is None


def test_a_slow_handshake_is_within_the_bound() -> None:
    def trickle(line: socket.socket) -> None:
        line.recv(65_536)
        line.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record of 16 KiB begins
        for _ in TRICKLES:
            line.sendall(b"\x02")
            time.sleep(TRICKLE_S)

    with peer(trickle) as port:
        assert bulk(collection(port, "https")).status is None


def test_all_addresses_together_are_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []
    dial = socket.socket.connect

    def counted(line: socket.socket, address: tuple[str, int]) -> None:
        tried.append(line.gettimeout() or math.inf)
        if len(tried) == 1:
            time.sleep(BOUND_S / 2)
            raise ConnectionRefusedError
        dial(line, address)

    with dead_address() as port:
        names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))] * 50
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names)
        monkeypatch.setattr(socket.socket, "connect", counted)
        assert bulk(collection(port)).status is None
    assert len(tried) > 1
    assert max(tried[1:]) <= BOUND_S / 2


def test_the_last_address_alone_has_all_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def refused(line: socket.socket, _: object) -> None:
        tried.append(line.gettimeout() or math.inf)
        raise ConnectionRefusedError

    names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))] * 3
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names)
    monkeypatch.setattr(socket.socket, "connect", refused)
    assert collection(9).bulk(BODY, REQUEST_TIMEOUT).status is None
    assert tried[:2] == [ADDRESS_TIMEOUT] * 2
    assert tried[2] > ADDRESS_TIMEOUT


def test_the_second_address_is_tried_where_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(answers([])) as port:
        free = socket.create_server(("127.0.0.1", 0))
        refused = free.getsockname()[1]
        free.close()
        names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (refused, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names)
        assert bulk(collection(port)).status == 200


def test_a_dead_address_does_not_take_the_time_of_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_address() as dead, peer(answers([])) as port:
        names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (dead, dead, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names)
        monkeypatch.setattr(bound, "ADDRESS_TIMEOUT", BOUND_S / 6)
        assert bulk(collection(port)).status == 200


def answers(seen: list[int], held: threading.Event | None = None) -> Peer:
    """Answers each request unless it is held, and keeps from which port it came."""

    def behave(line: socket.socket) -> None:
        came = b""
        while more := line.recv(65_536):
            came += more
            if came.endswith(BODY + GUARD):
                seen.append(line.getpeername()[1])
                came = b""
                if held is None or not held.is_set():
                    line.sendall(ANSWER)

    return behave


def test_what_connected_too_late_to_begin_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    dial, seen = bound._dial, list[int]()

    def late(*given: Any) -> socket.socket:
        line = dial(*given)
        time.sleep(0.2)
        return line

    monkeypatch.setattr(bound, "_dial", late)
    with peer(answers(seen)) as port:
        assert bulk(collection(port), begin_within=0.1).status is None
        assert seen == []
        assert bulk(collection(port), begin_within=10.0).status == 200


def test_what_is_asked_too_late_to_begin_is_not_sent_on_a_connection_that_is_kept() -> None:
    seen: list[int] = []
    with peer(answers(seen)) as port:
        kept = collection(port)
        assert [bulk(kept, begin_within=each).status for each in (10.0, -0.1, 10.0)] == [200, None, 200]
    assert len(seen) == 2


def test_a_connection_is_kept_and_a_cut_one_is_made_anew() -> None:
    seen: list[int] = []
    held = threading.Event()
    with peer(answers(seen, held)) as port:
        target = collection(port)
        assert [bulk(target).status for _ in range(3)] == [200, 200, 200]
        held.set()
        assert bulk(target).status is None
        held.clear()
        assert bulk(target).status == 200
    assert len(set(seen[:4])) == 1
    assert seen[4] != seen[3]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("READ_TO_ANSWER", TOMBSTONE_LIFE - IN_FLIGHT + 0.1),
        ("READ_TO_REQUEST", READ_TO_ANSWER),
        ("TOMBSTONE_LIFE", READ_TO_ANSWER),
    ],
)
def test_limits_by_which_a_request_could_outlive_a_tombstone_are_none(name: str, seconds: float) -> None:
    text = Path(limits.__file__).read_text()
    first_line = text.index("\nassert ")
    with pytest.raises(AssertionError):
        exec(text[:first_line] + f"\n{name} = {seconds}\n" + text[first_line:], {})  # noqa: S102 - our own file
