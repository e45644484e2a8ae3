"""Sending writes until each has an answer that counts, or the time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from searchsync.bulk import Answer, Chunk, Kind, Response, Write, chunks, classify_items, classify_request, halves
from searchsync.clock import Backoff, Deadline
from searchsync.errors import StackError

REQUEST_TIMEOUT = 30.0
"""Seconds that one bulk request may take."""
SHORTEST_REQUEST = 1.0
"""Seconds: with less left a request is not begun."""
LONE_TRIES = 5
"""A document that alone is answered busy this often, while others of its batch succeed, is poison."""
ANSWERED = frozenset({Kind.DONE, Kind.CONFLICT})
NO_TIME = Answer(Kind.BUSY, None, "", "the invocation's time is over")


class Collection(Protocol):
    """The collection as the delivery sees it."""

    def bulk(self, body: bytes, timeout: float) -> Response:
        """Send a bulk body to the index; `timeout` in seconds."""
        ...

    def ensure_index(self, timeout: float) -> Answer:
        """Make sure that the index is there and ours: DONE, BUSY, or StackError raised."""
        ...

    def forget_index(self) -> None:
        """The index is not known to be there any more."""
        ...


@dataclass
class Delivery:
    """Sends writes with retries; one for each set of writes.

    `sent` counts requests, `retries` rounds after the first, `last_busy` is the last answer that asked for one.
    """

    collection: Collection
    backoff: Backoff
    deadline: Deadline
    largest_body: int
    retries: int = 0
    last_busy: Answer | None = None

    def deliver(self, writes: Sequence[Write]) -> dict[str, Answer]:
        """The answer to each write, by document id. BUSY remains where the time did not suffice.

        Each id stands in `writes` once. Raises StackError when an answer says that the stack is wrong.
        """
        answers: dict[str, Answer] = {}
        pending, witness, lone, attempt = list(writes), None, 0, 0
        while pending:
            sent = [*pending, witness] if witness is not None and len(pending) == 1 else pending
            latest = self._ensured_round(sent)
            answers.update((write.id, latest[write.id]) for write in pending)
            pending = [write for write in pending if latest[write.id].kind is Kind.BUSY]
            if not pending:
                break
            self.last_busy = answers[pending[0].id]
            lone = lone + 1 if _alone(pending, latest) else 0
            if lone == LONE_TRIES:
                (write,) = pending
                answers[write.id] = replace(answers[write.id], kind=Kind.POISON)
                break
            witness = witness or _witness(sent, latest)
            if not self.backoff.pause(attempt, self.deadline, SHORTEST_REQUEST):
                break
            attempt += 1
        self.retries += attempt
        return answers

    def _ensured_round(self, writes: Sequence[Write]) -> dict[str, Answer]:
        """One round of requests, behind the index's check. A missing index is looked after once."""
        for last in (False, True):
            ensured = self.collection.ensure_index(self._timeout())
            if ensured.kind is not Kind.DONE:
                return {write.id: ensured for write in writes}
            latest = self._round(writes)
            missing = [answer for answer in latest.values() if answer.kind is Kind.NO_INDEX]
            if not missing:
                return latest
            self.collection.forget_index()
            if last:
                raise _stack(missing[0])
        raise AssertionError("not reached")

    def _round(self, writes: Sequence[Write]) -> dict[str, Answer]:
        latest: dict[str, Answer] = {}
        stack = list(chunks(writes, self.largest_body))[::-1]
        while stack:
            chunk = stack.pop()
            answers = self._send(chunk)
            if answers is None:
                stack.extend(reversed(halves(chunk)))
                continue
            latest.update((write.id, answer) for write, answer in zip(chunk.writes, answers, strict=True))
        return latest

    def _send(self, chunk: Chunk) -> list[Answer] | None:
        """The answers to a chunk's writes; None when it must be sent in halves."""
        timeout = self._timeout()
        if timeout < SHORTEST_REQUEST:
            return [NO_TIME] * len(chunk.writes)
        response = self.collection.bulk(chunk.body, timeout)
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

    def _timeout(self) -> float:
        return min(REQUEST_TIMEOUT, self.deadline.remaining())


def _settled(answer: Answer) -> Answer:
    if answer.kind is Kind.STACK:
        raise _stack(answer)
    if answer.kind in (Kind.TOO_LARGE, Kind.REFUSED):
        return replace(answer, kind=Kind.POISON)
    return answer


def _alone(busy: Sequence[Write], latest: dict[str, Answer]) -> bool:
    return len(busy) == 1 and any(answer.kind in ANSWERED for answer in latest.values())


def _witness(sent: Sequence[Write], latest: dict[str, Answer]) -> Write | None:
    """A write already answered. Sent again beside a lone busy one it shows that the collection works;
    its version makes the repetition harmless."""
    answered = [write for write in sent if latest[write.id].kind in ANSWERED]
    return min(answered, key=lambda write: len(write.source or b""), default=None)


def _stack(answer: Answer) -> StackError:
    return StackError(
        f"The collection refused the function: {answer.status} {answer.error_type or 'without a type'}. "
        "Check the collection's data access policy (the function's role, this index; a change takes up to a "
        "minute), the role's aoss:APIAccessAll on the collection, the network policy and the index."
    )
