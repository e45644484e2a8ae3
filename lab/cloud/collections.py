"""The collections' data plane: a gate in front of the search engine for each collection."""

from __future__ import annotations

import logging
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from lab.behaviours import Behaviours
from lab.cloud.collection_access import Access
from lab.gate import Gate
from lab.gate_admin import GateAdmin
from lab.gate_rules import GateDenied, GateRequest

logger = logging.getLogger(__name__)


@dataclass
class _Served:
    gate: Gate
    admin: GateAdmin
    indices: set[str] = field(default_factory=set)


class Collections:
    """The running gates, by collection id."""

    def __init__(self, engine_url: str, behaviours: Behaviours) -> None:
        self._engine_url = engine_url
        self._behaviours = behaviours
        self._served: dict[str, _Served] = {}
        self._lock = threading.Lock()

    def open(self, collection_id: str) -> str:
        """Start the collection's gate and return its URL."""
        access = Access(collection_id)

        def authorize(request: GateRequest) -> GateDenied | None:
            denied = access.check(request)
            if denied is None:
                self._remember(collection_id, request)
            return denied

        gate = Gate(self._engine_url, authorize=authorize, behaviours=self._behaviours)
        with self._lock:
            self._served[collection_id] = _Served(gate, GateAdmin(gate))
        return gate.url

    def close(self, collection_id: str | None) -> None:
        """Stop the collection's gate and remove what was written through it; unknown: nothing."""
        with self._lock:
            served = self._served.pop(collection_id or "", None)
        if served is None:
            return
        served.admin.close()
        served.gate.close()
        for index in served.indices:
            self._delete_index(index)

    def close_all(self) -> None:
        """Close every collection."""
        for collection_id in list(self._served):
            self.close(collection_id)

    def state(self) -> list[dict[str, Any]]:
        """Each collection's id, endpoint and the gate's admin URL."""
        with self._lock:
            served = list(self._served.items())
        return [{"id": name, "endpoint": each.gate.url, "admin": each.admin.url} for name, each in served]

    def _remember(self, collection_id: str, request: GateRequest) -> None:
        what = request.operation
        if what is None or what.permission not in ("aoss:CreateIndex", "aoss:WriteDocument"):
            return
        with self._lock:
            served = self._served.get(collection_id)
            if served is not None:
                served.indices.update(what.indices)

    def _delete_index(self, index: str) -> None:
        # One engine serves all collections, and a deleted collection's data is gone on AWS.
        request = urllib.request.Request(f"{self._engine_url}/{quote(index)}", method="DELETE")
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except (urllib.error.URLError, OSError) as error:
            logger.info("index %s was not removed: %s", index, error)
