"""The lab's role sessions: those that are over go, whatever else begins."""

from __future__ import annotations

from typing import Any

from lab.cloud.sessions import FORGOTTEN_EVERY, Eviction


class Looked(dict[str, Any]):
    """A session; another one begins while it is looked at."""

    def __init__(self, store: dict[str, Any], **fields: float) -> None:
        super().__init__(fields)
        self._store = store

    def get(self, name: str, default: Any = None) -> Any:
        self._store[f"begun beside {len(self._store)}"] = {}
        return super().get(name, default)


def test_a_session_may_begin_while_those_that_are_over_are_forgotten() -> None:
    store: dict[str, Any] = {}
    store |= {"over": Looked(store, Expiration=99.0), "live": Looked(store, Expiration=101.0), "endless": {}}
    Eviction(store).evict(100.0)
    assert "over" not in store
    assert {"live", "endless", "begun beside 3"} <= set(store)


def test_sessions_are_looked_at_once_in_a_while() -> None:
    store: dict[str, Any] = {}
    eviction = Eviction(store)
    eviction.evict(100.0)
    store["over"] = {"Expiration": 99.0}
    eviction.evict(100.0 + FORGOTTEN_EVERY - 1)
    assert "over" in store
    eviction.evict(100.0 + FORGOTTEN_EVERY)
    assert "over" not in store
