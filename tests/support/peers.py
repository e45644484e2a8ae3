"""Peers on the loopback that hold whoever asks them: each for minutes, or for ever, without a bound."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST_S = 6.0
"""A request that is held for longer is not bounded."""
TRICKLE_S = 0.2
"""Between two bytes of a slow peer: below every timeout of one read or write."""
TRICKLES = range(int(1.5 * LONGEST_S / TRICKLE_S))
"""A slow peer comes to an end, so that a test without the bound does."""
Peer = Callable[[socket.socket], None]


def black_hole(line: socket.socket) -> None:
    """Reads, and says nothing."""
    while line.recv(65_536):
        pass


def slow_writer(line: socket.socket) -> None:
    """Answers a byte now and then, without end."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    for _ in TRICKLES:
        line.sendall(b" ")
        time.sleep(TRICKLE_S)


def broken_answer(line: socket.socket) -> None:
    """Answers the half, and hangs up."""
    line.recv(65_536)
    line.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"Messages":[')
    line.close()


def half_answer(line: socket.socket) -> None:
    """Answers the half, and no more."""
    line.recv(65_536)
    line.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"Messages":[')
    black_hole(line)


def slow_without_length(line: socket.socket) -> None:
    """Answers a byte now and then; the connection's end is the answer's."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    for _ in TRICKLES:
        line.sendall(b" ")
        time.sleep(TRICKLE_S)


def slow_head(line: socket.socket) -> None:
    """Answers a byte of the status line now and then."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in TRICKLES:
        line.sendall(b"x")
        time.sleep(TRICKLE_S)


def slow_reader(line: socket.socket) -> None:
    """Takes a little of the body now and then."""
    for _ in TRICKLES:
        line.recv(1_000)
        time.sleep(TRICKLE_S)


@contextmanager
def peer(behave: Peer) -> Iterator[int]:
    """A server that treats each connection so; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                lines.append(line)
                threading.Thread(target=quietly, args=(line,), daemon=True).start()

    def quietly(line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            behave(line)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        for line in lines:
            line.close()


@contextmanager
def dead_address() -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue is full."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    waiting = []
    for _ in range(4):
        line = socket.socket()
        line.setblocking(False)
        line.connect_ex(("127.0.0.1", port))
        waiting.append(line)
    try:
        yield port
    finally:
        for line in [*waiting, listener]:
            line.close()
