"""Sending writes until each has an answer that counts, or the time is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from searchsync.bulk import (
    NEVER_THE_DOCUMENT,
    Answer,
    Chunk,
    Kind,
    Response,
    Write,
    chunks,
    classify_items,
    classify_request,
    halves,
)
from searchsync.clock import Backoff, Clock, Deadline
from searchsync.errors import StackError
from searchsync.limits import LONE_DOCUMENTS, LONE_SECONDS, LONE_TRIES, REQUEST_TIMEOUT, SHORTEST_REQUEST

BELOW_ALL = 1
"""A version below every other: it changes nothing but asks for an answer."""
ANSWERED = frozenset({Kind.DONE, Kind.CONFLICT})
NO_TIME = Answer(Kind.BUSY, None, "", "the invocation's time is over")


class Collection(Protocol):
    """The collection as the delivery sees it."""

    def bulk(self, body: bytes, timeout: float, begin_within: float = math.inf) -> Response:
        """Send a bulk body to the index; seconds until its answer, and until its first byte is sent."""
        ...

    def ensure_index(self, timeout: float) -> Answer:
        """Make sure that the index is there and ours: DONE, BUSY, or StackError raised."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether the index was created so lately that it may be answered missing."""
        ...

    def forget_index(self) -> None:
        """The index is not known to be there any more."""
        ...

    def current_versions(self, ids: Sequence[str], timeout: float) -> dict[str, int]:
        """The external versions of those documents that a read shows; it may be late."""
        ...


@dataclass(frozen=True)
class Witness:
    """A write already answered, and until when it may be sent again."""

    write: Write
    until: Deadline


@dataclass
class Delivery:
    """Sends writes with retries; one for each invocation.

    `last_busy` is the last answer that asked for a retry. `witness` is a write already answered: sent again
    beside the busy ones it shows that the collection works. Its version makes the repetition harmless, but
    only up to the deadline that it was sent under: later the tombstone of a deletion since may be gone. From
    then on its document is deleted with a version below all, which is refused, or deletes what is not there.
    """

    collection: Collection
    backoff: Backoff
    largest_body: int
    last_busy: Answer | None = None
    witness: Witness | None = None

    def deliver(self, writes: Sequence[Write], deadline: Deadline) -> dict[str, Answer]:
        """The answer to each write, by document id. BUSY remains where the time did not suffice.

        A conflict says its current version, unless the engine does not say it when asked either.
        Each id stands in `writes` once. Raises StackError when an answer says that the stack is wrong.
        """
        answers: dict[str, Answer] = {}
        pending, alone, attempt = list(writes), Loneliness(self.backoff.clock), 0
        while pending:
            latest = self._ensured_round(self._with_witness(pending) if attempt else pending, deadline)
            answers.update((write.id, latest[write.id]) for write in pending)
            self.witness = self._living_witness() or _witness(pending, latest, deadline) or self.witness
            pending = [write for write in pending if latest[write.id].kind is Kind.BUSY]
            if not pending:
                break
            self.last_busy = answers[pending[0].id]
            if alone.proved(pending, latest):
                answers.update((write.id, replace(answers[write.id], kind=Kind.POISON)) for write in pending)
                break
            if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                break
            attempt += 1
        return self._with_current(answers, deadline)

    def _with_current(self, answers: dict[str, Answer], deadline: Deadline) -> dict[str, Answer]:
        """The answers, with the current version of conflicts that did not say it."""
        silent = [name for name, each in answers.items() if each.kind is Kind.CONFLICT and each.current is None]
        if silent:
            versions = self.current_versions(silent, deadline)
            answers.update(
                (name, replace(answers[name], current=found, looked_up=True)) for name, found in versions.items()
            )
        return answers

    def current_versions(self, ids: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """The external versions of those documents that a read shows; it may be late."""
        return self.collection.current_versions(ids, _timeout(deadline)) if ids else {}

    def _with_witness(self, pending: Sequence[Write]) -> Sequence[Write]:
        witness = self.witness
        if witness is None or any(write.id == witness.write.id for write in pending):
            return pending
        living = self._living_witness() is not None
        return [*pending, witness.write if living else Write(witness.write.id, BELOW_ALL, None)]

    def _living_witness(self) -> Witness | None:
        return self.witness if self.witness is not None and self.witness.until.allows(0.0) else None

    def _ensured_round(self, writes: Sequence[Write], deadline: Deadline) -> dict[str, Answer]:
        """One round of requests, behind the index's check. A missing index is looked after once; a new one is busy."""
        latest = self._checked_round(writes, deadline)
        if _missing_index(latest) is not None and not self.collection.is_new:
            latest = self._checked_round(writes, deadline)
        missing = _missing_index(latest)
        if missing is not None and not self.collection.is_new:
            raise _stack(missing)
        return {
            name: replace(each, kind=Kind.BUSY) if each.kind is Kind.NO_INDEX else each for name, each in latest.items()
        }

    def _checked_round(self, writes: Sequence[Write], deadline: Deadline) -> dict[str, Answer]:
        ensured = self.collection.ensure_index(_timeout(deadline))
        if ensured.kind is not Kind.DONE:
            return {write.id: ensured for write in writes}
        latest = self._round(writes, deadline)
        if _missing_index(latest) is not None:
            self.collection.forget_index()
        return latest

    def _round(self, writes: Sequence[Write], deadline: Deadline) -> dict[str, Answer]:
        latest: dict[str, Answer] = {}
        stack = list(chunks(writes, self.largest_body))[::-1]
        while stack:
            chunk = stack.pop()
            answers = self._send(chunk, deadline)
            if answers is None:
                stack.extend(reversed(halves(chunk)))
                continue
            latest.update((write.id, answer) for write, answer in zip(chunk.writes, answers, strict=True))
        return latest

    def _send(self, chunk: Chunk, deadline: Deadline) -> list[Answer] | None:
        """The answers to a chunk's writes; None when it must be sent in halves."""
        timeout = _timeout(deadline)
        if not deadline.allows(SHORTEST_REQUEST):
            return [NO_TIME] * len(chunk.writes)
        response = self.collection.bulk(chunk.body, timeout, deadline.begin_within())
        request = classify_request(response)
        if request.kind is Kind.DONE:
            answers = classify_items(chunk.writes, response.body)
            if answers is None:
                raise StackError(
                    f"The collection's answer does not fit the {len(chunk.writes)} writes of the request. "
                    "Check what stands between the function and the collection."
                )
        elif request.kind in (Kind.TOO_LARGE, Kind.REFUSED):
            if len(chunk.writes) > 1:
                return None
            answers = [request]
        else:
            answers = [request] * len(chunk.writes)
        return [_settled(answer) for answer in answers]


class Loneliness:
    """Whether the documents that stay busy are so alone: the collection answers others beside them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries = 0
        self._since = 0.0

    def proved(self, busy: Sequence[Write], latest: dict[str, Answer]) -> bool:
        """Take one round into account; whether it is now sure that the documents are the trouble."""
        innocent = any(latest[write.id].status in NEVER_THE_DOCUMENT for write in busy)
        answered = any(answer.kind in ANSWERED for answer in latest.values())
        if innocent or len(busy) > LONE_DOCUMENTS or not answered:
            self._tries = 0
            return False
        if self._tries == 0:
            self._since = self._clock.monotonic()
        self._tries += 1
        return self._tries >= LONE_TRIES and self._clock.monotonic() - self._since >= LONE_SECONDS


def _timeout(deadline: Deadline) -> float:
    return min(REQUEST_TIMEOUT, deadline.remaining())


def _missing_index(latest: dict[str, Answer]) -> Answer | None:
    return next((answer for answer in latest.values() if answer.kind is Kind.NO_INDEX), None)


def _settled(answer: Answer) -> Answer:
    if answer.kind is Kind.STACK:
        raise _stack(answer)
    if answer.kind in (Kind.TOO_LARGE, Kind.REFUSED):
        return replace(answer, kind=Kind.POISON)
    return answer


def _witness(writes: Sequence[Write], latest: dict[str, Answer], until: Deadline) -> Witness | None:
    """The smallest write that was answered."""
    answered = [write for write in writes if write.id in latest and latest[write.id].kind in ANSWERED]
    smallest = min(answered, key=lambda write: len(write.source or b""), default=None)
    return None if smallest is None else Witness(smallest, until)


def _stack(answer: Answer) -> StackError:
    return StackError(
        f"The collection refused the function: {answer.status} {answer.error_type or 'without a type'}. "
        "Check the collection's data access policy (the function's role, this index; a change takes up to a "
        "minute), the role's aoss:APIAccessAll on the collection, the network policy and the index."
    )
