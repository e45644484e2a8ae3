"""The indices of a point in time, read from its id."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from lab.gate_pit import indices_of


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def pit(*names: str, reader: int = 1, alias: str = "") -> str:
    """An id as OpenSearch writes it: one shard of each index."""
    shards = [
        text(name) + text("u" * 22) + bytes([0]) + text("N" * 22) + (b"\x01" + text(alias) if alias else b"\x00")
        + reader.to_bytes(8) + text("S" * 22)
        for name in names
    ]  # fmt: skip
    return urlsafe_b64encode(bytes([0xA1, 0x80, 0x02, len(shards)]) + b"".join(shards) + b"\x00").decode().rstrip("=")


@pytest.mark.parametrize("reader", [1, 22, 0x0130, 0x0162, 0x1662, 2**62])
def test_whatever_a_readers_number_looks_like_the_index_alone_is_named(reader: int) -> None:
    """0x0162 reads as a name of one character, `b`."""
    searched = json.dumps({"pit": {"id": pit("orders", "items", reader=reader)}}).encode()
    assert indices_of(searched) == {"orders", "items"}


def test_a_deletion_names_its_points_in_time_in_a_list() -> None:
    assert indices_of(json.dumps({"pit_id": [pit("a", alias="far"), pit("b")]}).encode()) == {"a", "b"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"pit": {"id": "no base64!"}}', b'{"pit": {"id": "AAEC"}}', b'{"size": 1}']
)
def test_what_is_no_id_names_nothing(body: bytes) -> None:
    assert indices_of(body) == set()
