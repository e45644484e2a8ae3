"""Role sessions that are over are forgotten, while others are begun. Pure."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

FORGOTTEN_EVERY = 60.0
"""Seconds: each of a Distributed Map's children begins a session, and would look at those of all others."""


class Eviction:
    """Of the sessions in a store that other threads write to."""

    def __init__(self, sessions: MutableMapping[str, Any]) -> None:
        self._sessions = sessions
        self._due = 0.0

    def evict(self, now: float) -> None:
        """Drop those whose `Expiration` (Unix seconds) is past, when it is time to look again."""
        if now < self._due:
            return
        self._due = now + FORGOTTEN_EVERY
        for key, session in list(self._sessions.items()):
            if session.get("Expiration", now) < now:
                self._sessions.pop(key, None)
