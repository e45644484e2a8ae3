"""A run's reader of the index on prepared answers."""

from __future__ import annotations

import random
from typing import Any

from searchsync.clock import Backoff, Deadline
from searchsync.reconcile.reader import IndexReader
from tests.support.events import OWNER
from tests.support.fakes import FakeClock


class Transport:
    """A client's transport that gives prepared answers, or what they make of the request; the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    def perform_request(self, method: str, url: str, **request: Any) -> Any:
        self.asked.append((method, url, request))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


class Asked:
    """A reader on prepared answers."""

    def __init__(self, *answers: Any, clock: FakeClock | None = None) -> None:
        self.transport = Transport(*answers)
        clock = clock or FakeClock()
        client: Any = self
        self.reader = IndexReader(client, "i", ("id",), Backoff(clock, random.Random(1)), OWNER)
        self.deadline = Deadline.after(clock, 60.0)

    def page(self) -> Any:
        return self.reader.keys(100, 900, self.deadline)
