"""The indices of a point in time, read from its id: a request with one names no index in its path.

"Using Pit with Amazon OpenSearch Serverless": points in time are opened, listed, searched and deleted with
the permission aoss:ReadDocument. How a collection finds the indices of an id is not documented; here the
id's own are asked, so that a policy that names its index is enough, and one of another index is not.

An id is base64 (URL alphabet) of OpenSearch's SearchContextId: its version, and for each shard the index's name and
UUID, the shard's number, the node, a cluster's alias or none, the reader's number and its session.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


def indices_of(body: bytes) -> set[str]:
    """The indices of the points in time that a request's body names; none where it names none."""
    return {name for pit in _ids(body) for name in _names(pit)}


def _ids(body: bytes) -> Iterator[str]:
    """`{"pit": {"id": …}}` of a search; `{"pit_id": …}`, one or a list, of a deletion."""
    try:
        sent: Any = json.loads(body)
        named = sent["pit"]["id"] if "pit" in sent else sent.get("pit_id", [])
    except (ValueError, TypeError, KeyError, AttributeError):
        return
    listed = named if isinstance(named, list) else [named]
    yield from (each for each in listed if isinstance(each, str))


def _names(pit: str) -> Iterator[str]:
    try:
        read = _Reader(base64.urlsafe_b64decode(pit + "=" * (-len(pit) % 4)))
        read.number()
        for _ in range(read.number()):
            name = read.text()
            read.text(), read.number(), read.text()
            if read.take(1) == b"\x01":
                read.text()
            read.take(8), read.text()
            yield name
    except (binascii.Error, ValueError):
        return


@dataclass
class _Reader:
    """Reads what OpenSearch's StreamOutput wrote. ValueError where the bytes end."""

    left: bytes

    def take(self, count: int) -> bytes:
        taken, self.left = self.left[:count], self.left[count:]
        if len(taken) < count:
            raise ValueError("the id ends early")
        return taken

    def number(self) -> int:
        """A variable-length integer: seven bits a byte, the lowest first."""
        number, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def text(self) -> str:
        """A string of ASCII, its length before it."""
        return self.take(self.number()).decode("ascii")
