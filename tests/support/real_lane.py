"""A run's lane on a real engine behind the collection gate, and a real table."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from requests_aws4auth import AWS4Auth

from lab.gate import Gate
from searchsync.clock import Backoff, SystemClock
from searchsync.config import read_environment
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.edges.table import DynamoTable
from searchsync.reconcile.ahead import InBackground
from searchsync.reconcile.reader import ExactJson, IndexReader
from tests.support.events import environment
from tests.support.reconcile_harness import Lane

AUTH = AWS4Auth("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1", "aoss")
MAX_SKEW = 0.5
"""Seconds: all clocks are this machine's, and a repair waits that long."""


class RealWorld:
    """The edges of a run, all of them real."""

    def __init__(self, gate: Gate, index: str, client: Any, table: str, types: dict[str, str]) -> None:
        self.clock: Any = SystemClock()
        self.types = types
        self.key_attributes = tuple(types)
        self.client, self.table_name = client, table
        self.config = replace(
            read_environment(environment()),
            host=gate.url,
            index=index,
            table_name=table,
            key_attributes=self.key_attributes,
            max_skew=MAX_SKEW,
        )
        self.backoff = Backoff(self.clock, random.Random(3))
        self.table = DynamoTable(client, table, self.key_attributes, self.clock, self.backoff)
        self.index = OpenSearchCollection(connect(self.config, AUTH), self.config, self.clock)
        exact = connect(self.config, AUTH, ExactJson())
        self.reader = IndexReader(exact, index, self.key_attributes, self.backoff, self.config.owner)

    def lane(self, **settings: Any) -> Lane:
        """A lane of a run over this world."""
        world: Any = self
        scanned = DynamoTable(self.client, self.table_name, self.key_attributes, self.clock, self.backoff)
        return Lane(
            world, config=self.config, scanned=scanned, ahead=InBackground(), **{"recheck_delay": 0.3, **settings}
        )
