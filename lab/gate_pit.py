"""The indices of a point in time, read from its id: a request with one names no index in its path.

"Using Pit with Amazon OpenSearch Serverless": points in time are opened, listed, searched and deleted with
the permission aoss:ReadDocument. How a collection finds the indices of an id is not documented; here the
id's own are asked, so that a policy that names its index is enough, and one of another index is not.

An id is base64 (URL alphabet) of OpenSearch's SearchContextId: it holds each shard as its index's name
and UUID, both with their length before them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

# The length of a UUID (22), and the UUID, as an index's name ends and its UUID begins.
_UUID = re.compile(rb"\x16[A-Za-z0-9_-]{22}")


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
        raw = base64.urlsafe_b64decode(pit + "=" * (-len(pit) % 4))
    except (binascii.Error, ValueError):
        return
    for found in _UUID.finditer(raw):
        # The byte before a name of n bytes is n: the longest that fits.
        lengths = (n for n in range(min(found.start() - 1, 127), 0, -1) if raw[found.start() - n - 1] == n)
        for length in lengths:
            name = raw[found.start() - length : found.start()]
            if re.fullmatch(rb"[a-z0-9][a-z0-9._-]*", name):
                yield name.decode()
                break
