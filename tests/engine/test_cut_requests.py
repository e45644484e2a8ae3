"""Requests that are cut off, held or trickle: what the engine makes of a part of a body, and the function of the rest.

The engine applies no part of a request: RFC 9112 ("Handling Incomplete Messages") lets a server do with it as it likes,
so it is shown. Something between that makes a whole of the part is another matter: the engine applies what is there.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.engine import Engine
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from searchsync.errors import StackError
from searchsync.sync import delivery
from searchsync.sync.resync import Result
from tests.engine.client import Client
from tests.engine.test_function import RealBench
from tests.support.events import event, record

ITEMS = 6
APPLIED_WITHIN_S = 10.0
NOT_APPLIED_FOR_S = 1.0
"""A request that was whole is applied in milliseconds."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s
LARGE = "x" * 300_000
"""Some thirty of it are more than the loopback's buffers take."""


def body_of(name: str) -> list[bytes]:
    """A bulk body's lines."""
    action = '{{"index":{{"_id":"{}-{}","version":5,"version_type":"external"}}}}\n'
    return [line for each in range(ITEMS) for line in (action.format(name, each).encode(), b'{"n":1}\n')]


def places(lines: list[bytes]) -> dict[str, int]:
    """How many bytes of a body come before it is cut."""
    begins = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    return {
        "behind the head": 0,
        "in an action": begins[6] + 9,
        "between an action and its document": begins[7],
        "in a document": begins[7] + 3,
        "before a document's end of line": begins[8] - 1,
        "between two items": begins[8],
        "before the last end of line": begins[-1] - 1,
        "whole": begins[-1],
    }


def chunked(body: bytes, whole: bool) -> bytes:
    """The body in chunks; the last one ends it."""
    pieces = [body[at : at + 37] for at in range(0, len(body), 37)]
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces) + (b"0\r\n\r\n" if whole else b"")


def applied(direct: Client, index: str, name: str) -> int:
    """How many of a body's documents are there."""
    docs = [{"_id": f"{name}-{each}"} for each in range(ITEMS)]
    answer = direct.call("POST", f"/{index}/_mget", {"docs": docs}).json()
    return sum(bool(doc.get("found")) for doc in answer["docs"])


def cut_off(engine: Engine, sent: bytes, *, reset: bool) -> None:
    """A connection that is closed, or reset, behind the last byte."""
    address = urlsplit(engine.url)
    with closing(socket.create_connection((address.hostname, address.port))) as line:
        line.sendall(sent)
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        else:
            line.shutdown(socket.SHUT_RDWR)


def head(index: str, framing: str) -> bytes:
    return (
        f"POST /{index}/_bulk HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n{framing}\r\n\r\n".encode()
    )


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_that_is_cut_off_anywhere_is_not_applied(
    direct: Client, engine: Engine, index_name: str, in_chunks: bool, reset: bool
) -> None:
    """One that was sent whole is, though nobody waits for its answer."""
    direct.call("PUT", f"/{index_name}", {})
    names = {place: place.replace(" ", "-") for place in places(body_of(""))}
    for place, name in names.items():
        lines = body_of(name)
        whole, sent = b"".join(lines), places(lines)[place]
        framing = "transfer-encoding: chunked" if in_chunks else f"content-length: {len(whole)}"
        body = chunked(whole[:sent], place == "whole") if in_chunks else whole[:sent]
        cut_off(engine, head(index_name, framing) + body, reset=reset)
    cut_off(engine, head(index_name, "content-length: 9")[:-30], reset=reset)
    end = time.monotonic() + APPLIED_WITHIN_S
    while applied(direct, index_name, "whole") < ITEMS and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(NOT_APPLIED_FOR_S)
    found = {place: applied(direct, index_name, name) for place, name in names.items()}
    assert found == {**dict.fromkeys(names, 0), "whole": ITEMS}


@pytest.mark.parametrize("place", places(body_of("")))
def test_a_part_that_was_made_a_whole_on_its_way_is_applied_as_far_as_it_goes_or_not_at_all(
    direct: Client, index_name: str, place: str
) -> None:
    """As by a proxy that counts a cut body anew. The items stand for themselves: the rest is not lost, but missing."""
    direct.call("PUT", f"/{index_name}", {})
    lines = body_of("p")
    answer = direct.call("POST", f"/{index_name}/_bulk", b"".join(lines)[: places(lines)[place]])
    taken = {"between an action and its document": 3, "between two items": 4, "whole": ITEMS}.get(place)
    assert answer.status_code == (400 if taken is None else 200)
    assert len(answer.json().get("items", ())) == applied(direct, index_name, "p") == (taken or 0)


# The function


@pytest.fixture
def bench(gate: Gate, index_name: str, monkeypatch: pytest.MonkeyPatch) -> RealBench:
    """A pipeline that waits half a second for an answer."""
    monkeypatch.setattr(delivery, "REQUEST_TIMEOUT", 0.5)
    return RealBench(gate, index_name)


@pytest.fixture
def found(direct: Client, index_name: str) -> Callable[[str], Any]:
    return lambda name: direct.found(index_name, name)


def whole_or_not(bench: RealBench, found: Callable[[str], Any], size: str = "") -> Iterator[bool]:
    """Write a batch; whether each document is there now."""
    names = [f"k{each}" for each in range(30)]
    image = {"s": {"S": size}} if size else {}
    batch = [record("INSERT", name, number=each, image={"id": {"S": name}, **image}) for each, name in enumerate(names)]
    assert bench.run(event(*batch)) == []
    yield from (found(name) is not None for name in names)


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        (Fault(FaultKind.SLOW_READER, path="_bulk", seconds=1.5), LARGE),
        (Fault(FaultKind.SLOW_READER, path="_bulk", seconds=1.5), ""),
        (Fault(FaultKind.SLOW_WRITER, path="_bulk", seconds=1.5), ""),
        (Fault(FaultKind.SLOW_WRITER, path="_mapping", seconds=1.5), ""),
        (Fault(FaultKind.BLACK_HOLE, path="_bulk"), ""),
        (Fault(FaultKind.BLACK_HOLE, path="_bulk"), LARGE),
        (Fault(FaultKind.BLACK_HOLE, path="_mapping"), ""),
    ],
    ids=lambda each: each.kind.value + " of " + each.path.strip("_") if isinstance(each, Fault) else str(len(each)),
)
def test_a_request_that_is_held_is_cut_off_and_sent_again(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], fault: Fault, size: str
) -> None:
    gate.inject(fault)
    assert all(whole_or_not(bench, found, size))
    assert "no answer" in bench.report.busy
    assert bench.queue.messages == []
    assert gate.counts.faults == {fault.kind.value: 1}


def test_a_part_that_was_made_a_whole_fails_the_batch_which_comes_again(
    bench: RealBench, found: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the window may have shrunk before: then the first request has two of the four writes."""
    batch = event(*(record("INSERT", name, number=each) for each, name in enumerate("abcd")))
    bulk = bench.real.bulk

    def half(body: bytes, *rest: Any) -> Any:
        whole = body.splitlines(keepends=True)
        return bulk(b"".join(whole[: len(whole) // 2]), *rest)

    monkeypatch.setattr(bench.real, "bulk", half)
    with pytest.raises(StackError, match=r"does not fit the [42] writes"):
        bench.run(batch)
    applied = [found(name) is not None for name in "abcd"]
    assert applied in ([True, True, False, False], [True, False, False, False])
    monkeypatch.setattr(bench.real, "bulk", bulk)
    assert bench.run(batch) == []
    assert bench.report.results == {Result.DUPLICATE: sum(applied), Result.WRITTEN: 4 - sum(applied)}
