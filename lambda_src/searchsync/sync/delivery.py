"""Sending writes until each has an answer that counts, or the time is over.

How many go in one request follows what the collection takes: a congestion window in documents, as TCP has it in
bytes (slow start, additive increase, a fall to what got through: RFC 5681). All that is there goes at once while
nothing is refused. What was refused comes again lowest first, and nothing above it is begun before: so goodput
stays near the capacity whatever the pattern of refusals, and what is reported as failed has little done above it.
A collection may be slow and refuse nothing. What is given up there is worked on all the same, so that more of it makes
all later wait: a request that took over LASTING_REQUEST is followed by a smaller one, and a sandbox keeps its window.

The lonely document. A request of which nothing is taken is followed by its first document alone. So one that the
collection cannot take stands alone in the end, whatever its batch. Whether the trouble is its own says a probe: the
deletion of a document that no item can have, of a version below all, which changes nothing but asks for an answer.
It travels with each try of the lone document but a first one; where that request is refused as a whole, or not
answered, the probe is sent by itself. A probe without an answer is a storm: no document's fault, however long. Behind
a request that took long the probe is sent before the document too, and must be answered at once where the document is
not answered: else both may wait for what we have given up. For load a young record's document has no probe, since its
refusals may cost the collection as much as writes. Beside an answered probe

    the lone document meets                          it is poison
    errors, none of them load (`LOAD_STATUSES`)      after LONE_TRIES tries over LONE_SECONDS
    the same, or no answer, in tries too slow for    once its record is older than SLOW_AGE
    so many of them
    load                                             so, once its record is older than LOAD_AGE: a redrive may bring it

A request of one document that is refused as a whole (400, 413) is that document's fault where the probe by itself is
not refused alike. Where it is, something refuses all requests, and that is the stack's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from searchsync.clock import Backoff, Deadline
from searchsync.documents.document import OWN_PREFIX
from searchsync.documents.view import name_of
from searchsync.errors import StackError
from searchsync.limits import (
    FIRST_WINDOW,
    LASTING_REQUEST,
    LOAD_AGE,
    LONE_SECONDS,
    LONE_TRIES,
    REQUEST_TIMEOUT,
    SHORTEST_REQUEST,
    SLOW_AGE,
    SLOW_TRY,
    SPLIT_TIMEOUT,
)
from searchsync.protocol.bulk import (
    DONE,
    LOAD_STATUSES,
    PASSING_STATUSES,
    Answer,
    Chunk,
    Kind,
    Response,
    Write,
    chunk,
    classify_items,
    classify_request,
)

PROBE_PREFIX = f"{OWN_PREFIX}probe-"
PROBE = Write(f"{PROBE_PREFIX}beside", 1, None)
ANSWERED = frozenset({Kind.DONE, Kind.CONFLICT})
SPLIT = frozenset({Kind.TOO_LARGE, Kind.REFUSED})
NO_TIME = Answer(Kind.BUSY, None, "", "the invocation's time is over")
REFUSED_UNDER_LOAD = "refused_under_load"
"""The error type of a document that met load alone for so long that it had to leave its shard."""
NO_ANSWER = "no_answer"
"""The error type of a document that the collection does not answer."""
UNANSWERED_STATUSES = frozenset({None, 504})
"""Of a request that somebody gave up, ourselves or a gateway."""
UNLIMITED = 2**62


class Collection(Protocol):
    """The collection as the delivery sees it: its index, or its several ones."""

    def bulk(self, body: bytes, timeout: float, begin_within: float = math.inf) -> Response:
        """Send a bulk body to the index, or to those that a `Body` names; seconds until its answer, and until its first
        byte is sent."""
        ...

    def ensure_index(self, timeout: float) -> Answer:
        """Make sure that the index is there and ours, or each of several: DONE, BUSY, or StackError raised."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether the index was created so lately that it may be answered missing."""
        ...

    def forget_index(self) -> None:
        """The index is not known to be there any more."""
        ...

    def current_versions(self, ids: Sequence[str], timeout: float, index: str = "") -> dict[str, int]:
        """The external versions of those documents of an index that a read shows; it may be late."""
        ...


@dataclass
class Window:
    """Documents of the next request at most. Below `threshold` a success doubles it, from there on it adds one.

    A sandbox keeps its size from one invocation to the next.
    """

    size: int = UNLIMITED
    threshold: int = UNLIMITED

    def begin(self, behind: bool = False) -> None:
        """An invocation begins; `behind`: with records that are older than BEHIND_AGE."""
        self.threshold = UNLIMITED
        if behind and self.size == UNLIMITED:
            self.size = FIRST_WINDOW

    def took(self, sent: int, seconds: float = 0.0) -> None:
        """All of a request was answered, in so many seconds."""
        grown = min(2 * sent, max(self.threshold, sent + 1))
        if 2 * seconds > LASTING_REQUEST:
            self.size = max(1, min(grown, int(sent * LASTING_REQUEST / seconds)))
        else:
            self.size = max(self.size, grown)

    def refused(self, sent: int, taken: int) -> None:
        """Of a request so many were answered, the others must come again."""
        self.threshold = max(taken, sent // 2)
        self.size = max(1, taken)


@dataclass
class Lonely:
    """The document that was tried alone last, and what it met since the probe is answered beside it."""

    name: str = ""
    tries: int = 0
    since: float = 0.0
    under_load: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """The answer to a request as a whole; `sent`: there was a request."""

    answer: Answer
    sent: bool = True


@dataclass
class Delivery:
    """Sends writes with retries; one for each invocation.

    `last_busy` is the last answer that asked for a retry. `born`: the creation time (Unix seconds) of the record
    behind a write, by its name; without it a document is as old as the delivery.
    """

    collection: Collection
    backoff: Backoff
    largest_body: int
    born: Callable[[str], float] | None = None
    last_busy: Answer | None = None
    window: Window = field(default_factory=Window)
    _lonely: Lonely = field(default_factory=Lonely)
    _takes_the_probe: bool = False
    """Whether the probe by itself was answered since the invocation began."""
    _sent: bool = False
    """Whether the last request was sent: the index may not be there, or no time."""
    _took: float = 0.0
    """Seconds that the last request took."""

    def __post_init__(self) -> None:
        """Its own time begins."""
        self._opened = self.window.size
        self._clock = self.backoff.clock
        self._begun = self._clock.now()

    def deliver(self, writes: Sequence[Write], deadline: Deadline) -> dict[str, Answer]:
        """The answer to each write, by its name. BUSY remains where the time did not suffice.

        They are sent in their order. Each name stands in `writes` once. A conflict says its current version, unless
        the engine does not say it when asked either. Raises StackError when an answer says that the stack is wrong.
        """
        answers: dict[str, Answer] = {}
        pending, attempt = deque(writes), 0
        while pending and deadline.allows(SHORTEST_REQUEST):
            batch = chunk(pending, self.window.size, self.largest_body)
            sent = len(batch.writes)
            before = answers.get(batch.writes[0].name)
            found = self._alone(batch, before, deadline) if sent == 1 else self._together(batch, deadline)
            if found is None:
                self.window.size = sent // 2
                continue
            for write, answer in zip(batch.writes, found, strict=True):
                answers[write.name] = answer
                pending.popleft()
            busy = [write for write, answer in zip(batch.writes, found, strict=True) if answer.kind is Kind.BUSY]
            if not busy:
                self.window.took(sent, self._took)
                attempt = 0
                continue
            pending.extendleft(reversed(busy))
            self.last_busy = answers[busy[0].name]
            if self._sent and any(answers[write.name].status not in PASSING_STATUSES for write in busy):
                self.window.refused(sent, sent - len(busy))
            attempt = attempt if len(busy) == sent else 0
            if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                break
            attempt += 1
        for write in pending:
            self.last_busy = self.last_busy or NO_TIME
            answers.setdefault(write.name, NO_TIME)
        return self._with_current(writes, answers, deadline)

    def _with_current(
        self, writes: Sequence[Write], answers: dict[str, Answer], deadline: Deadline
    ) -> dict[str, Answer]:
        """The answers, with the current version of conflicts that did not say it."""
        silent = {name for name, each in answers.items() if each.kind is Kind.CONFLICT and each.current is None}
        if silent:
            versions = self.current_versions((each for each in writes if each.name in silent), deadline)
            answers.update(
                (name, replace(answers[name], current=found, looked_up=True)) for name, found in versions.items()
            )
        return answers

    def current_versions(self, writes: Iterable[Write], deadline: Deadline) -> dict[str, int]:
        """The external versions of those writes' documents that a read shows, by name; it may be late."""
        ids: dict[str, list[str]] = {}
        for write in writes:
            ids.setdefault(write.index, []).append(write.id)
        found: dict[str, int] = {}
        for index, names in ids.items():
            versions = self.collection.current_versions(names, _timeout(deadline), index)
            found |= {name_of(index, name): version for name, version in versions.items()}
        return found

    def _together(self, batch: Chunk, deadline: Deadline) -> list[Answer] | None:
        """The answers to several writes; None when they must be split."""
        found = self._ask(batch, deadline, self._patience(batch.writes[0]))
        if not isinstance(found, Whole):
            return found
        return None if found.answer.kind in SPLIT else [_checked(found.answer)] * len(batch.writes)

    def _alone(self, batch: Chunk, before: Answer | None, deadline: Deadline) -> list[Answer]:
        """The answer to a write that stands alone, from its second try on with the probe beside it.

        `before`: its answer when it was tried before, alone or not. A first try says nothing: its connection may have
        died unseen. The second one may be the last: what is answered late leaves an invocation no time for more.
        """
        (write,) = batch.writes
        if write.name != self._lonely.name:
            self._lonely = Lonely(write.name)
        if before is not None and not self._excused(write, before):
            batch = chunk([write, replace(PROBE, index=write.index)], 2, UNLIMITED)
        quiet = before is not None and self._is_quiet(write, deadline)
        found = self._ask(batch, deadline, self._patience(write) if before is None else REQUEST_TIMEOUT)
        took = self._took
        if isinstance(found, Whole):
            if found.answer.kind in SPLIT:
                return [self._refused(write, found.answer, deadline)]
            answer = _checked(found.answer)
            counts = before is not None and found.sent and answer.kind is Kind.BUSY
            waited = took > SLOW_TRY and answer.status in UNANSWERED_STATUSES and not quiet
            counts = counts and not waited and not self._excused(write, answer)
            beside: bool | None = counts and self._answers(write, deadline)
            took = self._took + took if beside else took
        else:
            answer, beside = found[0], found[1].kind is not Kind.BUSY if len(found) > 1 else None
        if answer.kind is Kind.BUSY:
            answer = self._judged(write, answer, beside, took)
        return [self._final(answer)]

    def _excused(self, write: Write, answer: Answer) -> bool:
        """Whether the write met load and is young, so that no probe is asked: where each refusal costs the collection
        something, the probe's are half of them."""
        return answer.status in LOAD_STATUSES and self._age(write) < LOAD_AGE

    def _is_quiet(self, write: Write, deadline: Deadline) -> bool:
        """Whether the probe is answered before a try that could accuse the write for its time.

        Behind a request that took long: else what makes it wait may be what we have given up, and is worked on.
        """
        slow = self._took > SLOW_TRY and self._age(write) >= SLOW_AGE
        return slow and self._answers(write, deadline, SLOW_TRY)

    def _answers(self, write: Write, deadline: Deadline, patience: float = REQUEST_TIMEOUT) -> bool:
        """Whether the probe by itself is answered in the write's index. It writes nothing, so that it may be late.

        Raises StackError where it is refused as a request of one document is: nothing is written then.
        """
        found = self._ask(chunk([replace(PROBE, index=write.index)], 1), Deadline(self._clock, deadline.at), patience)
        if isinstance(found, Whole):
            if found.answer.kind in SPLIT:
                raise StackError(
                    f"Every request to the collection is refused: {found.answer.status} "
                    f"{found.answer.error_type or 'without a type'}, one that changes nothing too. Check what stands "
                    "between the function and the collection (a proxy, a firewall, an endpoint's policy)."
                )
            return False
        return found[0].kind is not Kind.BUSY

    def _refused(self, write: Write, answer: Answer, deadline: Deadline) -> Answer:
        """The refusal of a request of one document, as its poison; BUSY while the probe says nothing."""
        self._takes_the_probe = self._takes_the_probe or self._answers(write, deadline)
        return self._final(replace(answer, kind=Kind.POISON if self._takes_the_probe else Kind.BUSY))

    def _final(self, answer: Answer) -> Answer:
        """The answer to a lone document, behind which all goes at once again where it is poison."""
        if answer.kind is Kind.POISON:
            self.window.begin()
            self.window.size, self._took = self._opened, 0.0  # what was small and slow was this document
        return answer

    def _judged(self, write: Write, answer: Answer, beside: bool | None, took: float) -> Answer:
        """A lone document's busy answer, as poison where the table above says so.

        `beside`: the probe was answered, None where it was not asked; `took`: seconds of the try, with its probe.
        """
        lonely, now = self._lonely, self._clock.monotonic()
        excused = self._excused(write, answer)
        lonely.under_load = lonely.under_load or excused
        if beside is None or excused:
            return answer
        if not beside:
            lonely.tries, lonely.under_load = 0, False
            return answer
        if lonely.tries == 0:
            lonely.since = now - took
        lonely.tries += 1
        lonely.under_load = lonely.under_load or answer.status in LOAD_STATUSES
        often = lonely.tries >= LONE_TRIES and now - lonely.since >= LONE_SECONDS
        slow = took > SLOW_TRY
        age = self._age(write)
        if lonely.under_load:
            if not (often or slow) or age < LOAD_AGE:
                return answer
            reason = (
                f"alone it was refused for load ({answer.status} {answer.error_type}) while others were answered, "
                f"{age:.0f} s after its change: redrive it when the load is over"
            )
            return replace(answer, kind=Kind.POISON, error_type=REFUSED_UNDER_LOAD, reason=reason)
        if often or (slow and age >= SLOW_AGE):
            error_type = NO_ANSWER if answer.status is None else answer.error_type
            return replace(answer, kind=Kind.POISON, error_type=error_type)
        return answer

    def _patience(self, write: Write) -> float:
        """Seconds that the first try of a write, and of what follows it, may take."""
        return SPLIT_TIMEOUT if self._age(write) >= SLOW_AGE else REQUEST_TIMEOUT

    def _age(self, write: Write) -> float:
        return self._clock.now() - (self._begun if self.born is None else self.born(write.name))

    def _ask(self, batch: Chunk, deadline: Deadline, patience: float) -> list[Answer] | Whole:
        """What a request is answered. A missing index is looked after once; a new one is busy."""
        for again in (True, False):
            found = self._send(batch, deadline, patience)
            missing = _missing_index([found.answer] if isinstance(found, Whole) else found)
            if missing is None:
                return found
            self.collection.forget_index()
            if self.collection.is_new:
                break
            if not again:
                raise _stack(missing)
        if isinstance(found, Whole):
            return Whole(_busy(found.answer))
        return [_busy(each) for each in found]

    def _send(self, batch: Chunk, deadline: Deadline, patience: float) -> list[Answer] | Whole:
        self._sent = False
        ensured = self.collection.ensure_index(_timeout(deadline))
        if ensured.kind is not Kind.DONE:
            return Whole(ensured, sent=False)
        if not deadline.allows(SHORTEST_REQUEST):
            return Whole(NO_TIME, sent=False)
        self._sent, began = True, self._clock.monotonic()
        response = self.collection.bulk(batch.body, _timeout(deadline, patience), deadline.begin_within())
        self._took = self._clock.monotonic() - began
        request = classify_request(response)
        if request.kind is not Kind.DONE:
            return Whole(request)
        answers = classify_items(batch.writes, response.body)
        if answers is None:
            raise StackError(
                f"The collection's answer does not fit the {len(batch.writes)} writes of the request. "
                "Check what stands between the function and the collection."
            )
        if answers.count(DONE) == len(answers):
            return answers
        return [_checked(each) for each in answers]


def _timeout(deadline: Deadline, patience: float | None = None) -> float:
    return min(REQUEST_TIMEOUT if patience is None else patience, deadline.remaining())


def _missing_index(answers: Sequence[Answer]) -> Answer | None:
    return next((answer for answer in answers if answer.kind is Kind.NO_INDEX), None)


def _busy(answer: Answer) -> Answer:
    return replace(answer, kind=Kind.BUSY) if answer.kind is Kind.NO_INDEX else answer


def _checked(answer: Answer) -> Answer:
    if answer.kind is Kind.STACK:
        raise _stack(answer)
    if answer.kind in SPLIT:
        return replace(answer, kind=Kind.POISON)
    return answer


def _stack(answer: Answer) -> StackError:
    return StackError(
        f"The collection refused the function: {answer.status} {answer.error_type or 'without a type'}. "
        "Check the collection's data access policy (the function's role, this index; a change takes up to a "
        "minute), the role's aoss:APIAccessAll on the collection, the network policy and the index."
    )
