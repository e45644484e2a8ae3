"""What many histories share: the engine, a gate with its network, an index that the function made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from requests_aws4auth import AWS4Auth

from searchsync.config import Config, read_environment
from searchsync.documents.transform import Transform
from searchsync.edges.collection import connect
from searchsync.packed import Bounded
from searchsync.sync.pipeline import Pipeline
from tests.engine.client import Client
from tests.support.events import NOW, environment
from tests.support.history.clock import SandboxClock, WorldClock
from tests.support.history.network import HistoryCollection, Network
from tests.support.history.steps import Setup
from tests.support.history.tombstones import Tombstones
from tests.support.history.truth import EXPIRES, HIDDEN, KEEPING, SHAPE, VIEWS, transform

START = NOW + 0.5
AUTH = AWS4Auth("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1", "aoss")
MAPPING = {
    "dynamic": False,
    "properties": {
        "id": {"type": "keyword"},
        "h": {"type": "keyword"},
        "n": {"type": "long"},
        "count": {"type": "long"},
    },
}


@dataclass(eq=False)
class Sandbox:
    """A process of the function: its memory of the index, and its clock."""

    pipeline: Pipeline
    collection: HistoryCollection


@dataclass
class Pool:
    """What many histories share: engine, gate, index, and one client's connections."""

    engine_url: str
    index: str
    clock: WorldClock = field(default_factory=lambda: WorldClock(START))
    totals: Counter[str] = field(default_factory=Counter)
    histories: int = 0

    def __post_init__(self) -> None:
        self.direct = Client(self.engine_url)
        self.network = Network(self.engine_url, self.clock)
        self.indexes = {name: f"{self.index}-{name}" if name else self.index for name in ("", *VIEWS)}
        self.config = self._config({}, {})
        self.configs: dict[tuple[bool, bool, bool, bool], Config] = {}
        self.client = connect(self.config, AUTH)
        self.network.line = self.client.transport.get_connection()
        self.tombstones = {each: Tombstones(self.direct, each, self.clock) for each in self.indexes.values()}

    def config_of(self, setup: Setup) -> Config:
        """The function's."""
        drawn = (setup.renames, setup.transforms, setup.views, setup.keeps)
        if drawn not in self.configs:
            self.configs[drawn] = self._drawn(*drawn)
        return self.configs[drawn]

    def _drawn(self, renames: bool, transforms: bool, views: bool, keeps: bool) -> Config:
        config = self._config(SHAPE if renames else {}, {"keep_expired": EXPIRES} if keeps else {})
        made = Transform(Bounded(transform), "drawn") if transforms else None
        further = tuple(replace(each, transform=made) for each in config.views) if views else ()
        return replace(config, transform=made, views=further)

    def _config(self, shape: Mapping[str, Any], keeps: Mapping[str, str]) -> Config:
        when = json.dumps({HIDDEN: [{"exists": False}, False]})
        views = {
            name: {
                "index": self.indexes[name],
                "mapping": json.dumps(MAPPING),
                "document": {**view, **(keeps if name in KEEPING else {})},
            }
            for name, view in VIEWS.items()
        }
        told = {"DOCUMENT_SHAPE": json.dumps({"when": when, **shape, **keeps}), "VIEWS": json.dumps(views)}
        base = read_environment(environment(**told))
        return replace(base, host=self.network.gate.url, index=self.index, mapping=MAPPING)

    def begin(self) -> None:
        """Every history finds the index there: made by the function."""
        self.clock.time = START
        for view in self.config.every:
            if self.direct.call("HEAD", f"/{view.index}").status_code == 404:
                collection = HistoryCollection(self.client, view, SandboxClock(self.clock, 0.0, self.clock.advance))
                collection.network = self.network
                collection.ensure_index(30.0)

    def close(self) -> None:
        """Stop the gate and remove the index."""
        self.network.close()
        for index in self.indexes.values():
            self.direct.call("DELETE", f"/{index}")
