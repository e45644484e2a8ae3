"""The table: an edge. Consistent reads of items, by key and by segment."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, SSLError

from searchsync.clock import Backoff, Clock, Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_id
from searchsync.edges.reads import BoundedReads, Portion
from searchsync.edges.wire import event_form, sdk_form
from searchsync.errors import AnswerTooLargeError, ReadRefusedError, StackError, TableBusyError
from searchsync.limits import (
    CLOCK_TOLERANCE,
    LARGEST_ANSWER,
    LARGEST_READ,
    LARGEST_SCAN,
    REFUSED_READS,
    SDK_PAUSE,
    SHORTEST_READ,
)
from searchsync.protocol.ports import Page
from searchsync.sanitize import code_of

BUSY_CODES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
    }
)
INVALID = "ValidationException"
"""DynamoDB's answer on a request with one key of another type or name than the table's ("The provided key element does
not match the schema"), whatever the keys beside it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the table: its document id, its key and its whole image, in the event's form."""

    id: str
    keys: AttributeMap
    image: AttributeMap


@dataclass(frozen=True, slots=True)
class ScanPage:
    """What one Scan read: `read_at` (Unix seconds) and `read_monotonic` were taken before it was sent.

    `position` is where the next page begins, None behind the last; `units` are the read units it took.
    """

    read_at: float
    read_monotonic: float
    items: list[Item]
    position: AttributeMap | None
    units: float


@dataclass(frozen=True, slots=True)
class _Timed:
    """An answer whose time is good."""

    read_at: float
    read_monotonic: float
    answer: Any


class DynamoTable:
    """Items of one table, always with ConsistentRead."""

    def __init__(
        self,
        client: Any,
        table: str,
        key_attributes: tuple[str, ...],
        clock: Clock,
        backoff: Backoff,
        *,
        reads: BoundedReads | None = None,
    ) -> None:
        """`table`: its ARN, so that no other of its name is read, or its name; `reads` sends what the client reads."""
        self._client = client
        self._reads = reads or BoundedReads()
        self._portion = Portion(LARGEST_READ)
        self._table = table
        self._key_attributes = key_attributes
        self._clock = clock
        self._backoff = backoff
        self.units = 0.0
        """Read units that were consumed."""

    def read(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> Iterator[Page]:
        """Every key's item, in pages of at most 100 keys, each with the time before it was asked for.

        How many keys one request has follows the sizes of the items. A refused one is halved until the key that the
        table cannot have stands alone. Before the table is waited for there is an empty page, so that what was read
        need not grow old. Raises TableBusyError when the time does not suffice, StackError when the table refuses the
        function or the clocks disagree.
        """
        for each in _rounds(keys):
            waiting, attempt, most = deque(each.items()), 0, LARGEST_READ
            while waiting:
                part = dict(waiting.popleft() for _ in range(min(self._portion.now, most, len(waiting))))
                unread = list[str]()
                try:
                    page = self._page(part, unread, deadline)
                except ReadRefusedError:
                    most = max(1, len(part) // 2)
                    if len(part) > 1:
                        waiting.extendleft(reversed(part.items()))
                    else:
                        yield Page(self._clock.now(), self._clock.monotonic(), {}, frozenset(part))
                    continue
                except AnswerTooLargeError as error:
                    self._portion.refused(len(part), error.size)
                    waiting.extendleft(reversed(part.items()))
                    continue
                if page is not None:
                    most = min(2 * most, LARGEST_READ)
                    yield page
                del page  # it would be in memory beside the next one
                waiting.extendleft((name, part[name]) for name in reversed(unread))
                attempt = attempt + 1 if unread else 0
                if not unread:
                    continue
                yield Page(self._clock.now(), self._clock.monotonic(), {})
                if not self._backoff.pause(attempt - 1, deadline, SHORTEST_READ):
                    raise TableBusyError(f"{len(waiting)} items were not read in the invocation's time")

    def scan(
        self, segment: int, of: int, position: AttributeMap | None, deadline: Deadline, most: int | None = None
    ) -> ScanPage:
        """The page, of at most `most` items, of a parallel scan's segment that begins at `position` (None: the first).

        Raises TableBusyError when the time does not suffice, StackError as `read` does.
        """
        limit = min(most or LARGEST_SCAN, LARGEST_SCAN)
        request: dict[str, Any] = {"Segment": segment, "TotalSegments": of, "Limit": limit}
        if position is not None:
            request["ExclusiveStartKey"] = sdk_form(position)
        attempt = 0
        while (timed := self._timed(lambda: self._scan(request), "Items", deadline)) is None:
            if not self._backoff.pause(attempt, deadline, SHORTEST_READ):
                raise TableBusyError("a page of the table was not read in the invocation's time")
            attempt += 1
        answer = timed.answer
        last = answer.get("LastEvaluatedKey")
        return ScanPage(
            timed.read_at,
            timed.read_monotonic,
            [self.item(each) for each in event_form(answer, answer["Items"])],
            event_form(answer, [last])[0] if last else None,
            _units(answer),
        )

    def item(self, image: AttributeMap) -> Item:
        """An item by its image, in the event's form."""
        keys = {name: image[name] for name in self._key_attributes}
        return Item(document_id(keys, self._key_attributes), keys, image)

    def _page(self, part: dict[str, AttributeMap], unread: list[str], deadline: Deadline) -> Page | None:
        """What one request read, None where it read nothing; `unread` is given the keys that are still to be read.

        Raises AnswerTooLargeError where its answer was not taken.
        """
        most_bytes = LARGEST_ANSWER if len(part) > 1 else math.inf
        timed = self._timed(lambda: self._ask(part), "Responses", deadline, most_bytes)
        if timed is None:
            unread += part
            return None
        answer = timed.answer
        # Of the one table that was asked, under its ARN or its name (API reference, BatchGetItem).
        left = [key for each in answer.get("UnprocessedKeys", {}).values() for key in each["Keys"]]
        missing = {document_id(key, self._key_attributes) for key in event_form(answer, left)}
        unread += [name for name in part if name in missing]
        images: dict[str, AttributeMap | None] = {name: None for name in part if name not in missing}
        self._portion.took(len(images), self._reads.size_bytes)
        for found in event_form(answer, [item for items in answer["Responses"].values() for item in items]):
            item = self.item(found)
            if item.id in part:  # a number may be asked for in another form than the table gives it
                images[item.id] = item.image
        return Page(timed.read_at, timed.read_monotonic, images)

    def _timed(
        self, ask: Callable[[], Any], wanted: str, deadline: Deadline, most_bytes: float = math.inf
    ) -> _Timed | None:
        """An answer with the time before it was asked for; None when the table is busy or the time over.

        It must have `wanted`: botocore takes a body that is no JSON (a proxy's page) for an empty answer, and
        that would say that no item is there.

        Raises StackError when read after read is refused for its time: then the clock is wrong.
        """
        for _ in range(REFUSED_READS):
            if deadline.remaining() < SHORTEST_READ:
                return None
            read_at, read_monotonic = self._clock.now(), self._clock.monotonic()
            with self._reads.allowed(deadline.remaining() - SDK_PAUSE, most_bytes):
                answer = self._answer(ask)
            if answer is None or wanted not in answer:
                return None
            self.units += _units(answer)
            if abs(read_at - _date(answer)) <= CLOCK_TOLERANCE:
                return _Timed(read_at, read_monotonic, answer)
        raise StackError(
            f"The function's clock and DynamoDB's differ by over {CLOCK_TOLERANCE:g} s in {REFUSED_READS} reads. "
            "Versions are made from times: check the clock of what runs the function."
        )

    def _ask(self, part: Mapping[str, AttributeMap]) -> Any:
        request = {"Keys": [sdk_form(keys) for keys in part.values()], "ConsistentRead": True}
        return self._client.batch_get_item(RequestItems={self._table: request}, ReturnConsumedCapacity="TOTAL")

    def _scan(self, request: Mapping[str, Any]) -> Any:
        return self._client.scan(TableName=self._table, ConsistentRead=True, ReturnConsumedCapacity="TOTAL", **request)

    def _answer(self, ask: Callable[[], Any]) -> Any:
        """The answer, or None when the table is busy."""
        try:
            return ask()
        except ClientError as error:
            code = code_of(error)
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in BUSY_CODES or status >= 500:
                return None
            raise (ReadRefusedError if code == INVALID else StackError)(
                f"The table {self._table} refused a read: {code}. Check the role's dynamodb:BatchGetItem "
                "(a run: dynamodb:Scan too) on the table (and kms:Decrypt where it has a customer key) and that the "
                "table is there."
            ) from error
        except SSLError as error:
            raise StackError(
                "DynamoDB's certificate is not trusted. Check AWS_ENDPOINT_URL, AWS_CA_BUNDLE and what stands between."
            ) from error
        except BotoCoreError:
            return None


def _rounds(keys: Mapping[str, AttributeMap]) -> list[dict[str, AttributeMap]]:
    """The keys, none of them twice in a round: DynamoDB refuses such a request, and a number may have two forms."""
    rounds: list[dict[str, AttributeMap]] = []
    times: Counter[Any] = Counter()
    for name, key in keys.items():
        same = _same(key)
        if times[same] == len(rounds):
            rounds.append({})
        rounds[times[same]][name] = key
        times[same] += 1
    return rounds


def _same(key: AttributeMap) -> tuple[Any, ...]:
    """What two forms of one key have in common."""
    return tuple(
        (name, kind, Decimal(value) if kind == "N" else value)
        for name, each in sorted(key.items())
        for kind, value in each.items()
    )


def _units(answer: Mapping[str, Any]) -> float:
    """The read units that an answer says it took: one table's, or a list of them."""
    found = answer.get("ConsumedCapacity") or []
    tables = [found] if isinstance(found, Mapping) else found
    return sum(float(each.get("CapacityUnits", 0.0)) for each in tables)


def _date(answer: Mapping[str, Any]) -> float:
    """The answer's Date header as Unix time; a moment far away where there is none."""
    text = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
