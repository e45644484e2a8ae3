"""How the probes of `searchsync doctor` ask: within their time, in an index of their own, cleaned up at the end.

What was refused or busy is kept. Loaded only when it is asked, like the probes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from opensearchpy.client.client import Client

from searchsync.clock import Clock, Deadline
from searchsync.config import Config
from searchsync.doctor import item_answers, said
from searchsync.documents.index import MARK
from searchsync.edges.collection import JSON, NDJSON, perform
from searchsync.errors import RunRefusedError
from searchsync.limits import ANOTHERS, CLEAN_UP, LONGEST_NAME, MANY_TRIES, PROBE_TIMEOUT
from searchsync.protocol.bulk import MAPPING_CONFLICT, Answer, Kind, Response, Write, classify_request, lines

SUFFIX = "-doctor"


class UnaskedError(Exception):
    """A probe that cannot be asked, by a word; `for_all`: nor can those that follow."""

    def __init__(self, why: str, for_all: bool = False) -> None:
        super().__init__(why)
        self.why, self.for_all = why, for_all


def probe_index(index: str) -> str:
    """The name of the index that the probes are asked in."""
    return index[: LONGEST_NAME - len(SUFFIX)] + SUFFIX


@dataclass
class Asker:
    """Asks, and keeps what was refused or busy. `connect` makes a client; `deadline` is the probes'."""

    config: Config
    connect: Callable[[], Client]
    clock: Clock
    deadline: Deadline
    refused: set[str] = field(default_factory=set)
    busy: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.client = self.connect()
        self.probe = probe_index(self.config.index)
        self.mark = uuid4().hex
        self.made: bool | None = False
        """Whether the probe index is ours to delete; None: only if it holds our mark."""
        self.template: str | None = None
        self.buried = 0.0
        """Monotonic seconds before the deletion whose tombstone is met at the end."""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        tries: int = MANY_TRIES,
        optional: bool = False,
        patience: float = PROBE_TIMEOUT,
        **parameters: str,
    ) -> Response:
        """The answer; busy ones are asked again. Raises UnaskedError where it is refused and not `optional`."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = NDJSON if path.endswith("_bulk") else JSON
        for attempt in range(tries):
            timeout = min(patience, self.time(1.0))
            answer = perform(self.client, method, path, body=data, timeout=timeout, headers=headers, **parameters)
            told = classify_request(answer)
            if answer.status in (401, 403) and not optional:
                place = path.replace(f"/{self.probe}", "/<probe>").replace(f"/{self.config.index}", "/<index>")
                self.refused.add(f"{method} {place}")
                raise UnaskedError("refused")
            if told.kind is not Kind.BUSY or told.error_type == MAPPING_CONFLICT:
                return answer
            self.busy[str(answer.status or "no answer")] += 1
            if attempt + 1 < tries:
                self.sleep(1.0)
        return answer

    def told(self, method: str, path: str, body: Any = None, **how: Any) -> str:
        """The answer in a word."""
        return said(classify_request(self.ask(method, path, body, **how)))

    def body_of(self, method: str, call: str, body: Any = None, **how: Any) -> Mapping[str, Any]:
        """A good answer's body. Raises UnaskedError where there is none."""
        answer = self.ask(method, f"/{self.probe}{call}", body, **how)
        kind = classify_request(answer).kind
        if kind is not Kind.DONE or not isinstance(answer.body, Mapping):
            raise UnaskedError(kind.value)
        return answer.body

    def time(self, needed: float) -> float:
        """Seconds left. Raises UnaskedError where they do not suffice."""
        left = self.deadline.remaining()
        if left < needed:
            raise UnaskedError("time", for_all=True)
        return left

    def sleep(self, seconds: float) -> None:
        """Wait. Raises UnaskedError where the time does not suffice."""
        self.time(seconds + 1.0)
        self.clock.sleep(seconds)

    def items(self, *writes: Write, **how: Any) -> list[Answer]:
        """What each write was answered."""
        answers = item_answers(writes, self.ask("POST", f"/{self.probe}/_bulk", b"".join(map(lines, writes)), **how))
        busy = [each for each in answers if each.kind is Kind.BUSY and each.error_type != MAPPING_CONFLICT]
        self.busy.update(str(each.status) for each in busy if each.status)
        return answers

    def write(self, *writes: Write) -> list[Answer]:
        """The same, of writes that must have been taken or judged. Raises UnaskedError else."""
        answers = self.items(*writes)
        for each in answers:
            if each.kind in (Kind.BUSY, Kind.NO_INDEX):
                raise UnaskedError(each.kind.value)
        return answers

    def hits(self, body: Mapping[str, Any], path: str | None = None, **how: Any) -> list[Any]:
        """A search's hits; none where it is not answered well."""
        found = self.ask("POST", path or f"/{self.probe}/_search", body, **how).body
        return list(found["hits"]["hits"]) if isinstance(found, Mapping) and "hits" in found else []


def claim(at: Asker) -> None:
    """Make room for the probe index: delete what an earlier run left. Raises RunRefusedError where it is another's."""
    found = at.ask("GET", f"/{at.probe}/_mapping")
    kind = classify_request(found).kind
    if kind is Kind.NO_INDEX and at.probe != at.config.index:
        return
    if kind is Kind.BUSY:
        raise UnaskedError(kind.value, for_all=True)
    since = _mark(found.body).get("since")
    if at.probe == at.config.index or not isinstance(since, int):
        raise RunRefusedError(
            f"There is an index {at.probe} that no doctor has made. Its name is the probes': rename one of the two."
        )
    if at.clock.now() - since < ANOTHERS:
        raise RunRefusedError(
            f"Another doctor has run since {since}, or was ended before it cleaned up: wait 15 minutes, "
            f"or delete the index {at.probe}."
        )
    at.ask("DELETE", f"/{at.probe}")


def clean_up(at: Asker) -> list[str]:
    """Delete what was made; what is left, as a request that would delete it."""
    at.deadline = Deadline.after(at.clock, CLEAN_UP - 5.0)
    left = []
    paths = [at.template] if at.template else []
    if at.made or (at.made is None and _is_ours(at)):
        paths.append(f"/{at.probe}")
    for path in paths:
        try:
            answer = at.ask("DELETE", path, optional=True, tries=10, patience=5.0)
        except UnaskedError:
            answer = Response(None)
        if answer.status != 404 and classify_request(answer).kind is not Kind.DONE:
            left.append(f"DELETE {path}")
    return left


def _is_ours(at: Asker) -> bool:
    try:
        return _mark(at.ask("GET", f"/{at.probe}/_mapping", optional=True).body).get("doctor") == at.mark
    except UnaskedError:
        return False


def _mark(body: Any) -> Mapping[str, Any]:
    try:
        (found,) = body.values()
        mark = found["mappings"]["_meta"][MARK]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return mark if isinstance(mark, Mapping) else {}
