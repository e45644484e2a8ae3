"""A real search engine for the tests here, and no longer, a collection gate in front of it for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests

from lab.engine import Engine
from lab.gate import Gate
from lab.gate_rules import Rules
from tests.engine.client import CLIENT_TIMEOUT_SECONDS, Client


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    """OpenSearch on this machine, or the one at $SEARCHSYNC_ENGINE_URL."""
    with Engine.open(print) as opened:
        yield opened


@pytest.fixture
def index_name(engine: Engine) -> Iterator[str]:
    """A name that no other test uses; the index is removed when the test ends."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    requests.delete(f"{engine.url}/{name}", timeout=CLIENT_TIMEOUT_SECONDS)


@pytest.fixture
def gate(engine: Engine) -> Iterator[Gate]:
    """A collection's endpoint that shows a write to searches after 1 s instead of 10."""
    with Gate(engine.url, rules=Rules(refresh_interval="1s")) as opened:
        yield opened


@pytest.fixture
def collection(gate: Gate) -> Client:
    """A client of the gate."""
    return Client(gate.url)


@pytest.fixture
def direct(engine: Engine) -> Client:
    """A client of the engine itself, past the gate."""
    return Client(engine.url)
