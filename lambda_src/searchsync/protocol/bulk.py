"""Bulk requests and what their answers mean. Pure.

The answer table. Answers are matched to writes by position, and classified by HTTP status and exact
`error.type`, never by a part of a message. Of a whole request that was refused only the last column
differs.

    status                                  an item's answer   a whole request's
    2xx                                     DONE               (look at the items)
    404 on a deletion, result not_found     DONE               -
    409 version_conflict_engine_exception   CONFLICT           -
    409, 404 without an error               CONFLICT, NO_INDEX -
    429, 402, 500, 502, 503, 504, none      BUSY               BUSY
    400 resource_already_exists_exception   BUSY               BUSY
    401, 403                                STACK              STACK
    404 index_not_found_exception           NO_INDEX           NO_INDEX
    413                                     TOO_LARGE          TOO_LARGE
    400                                     POISON             REFUSED
    422                                     POISON             STACK
    all else below 500                      BUSY               STACK

BUSY       the collection is busy: send again the writes that need it, and only those. A document that alone stays
           so is poison in the end: the table of `delivery`.
STACK      the stack is wrong, not the record: the batch fails, nothing goes to the failure queue.
NO_INDEX   the index went away: ensure it, send again; gone again is STACK. While it is new: BUSY.
TOO_LARGE, REFUSED   split in halves until it stands alone; alone it is POISON unless all is refused alike: `delivery`.
POISON     this write can never succeed.

No answer, or one that was cut, says nothing: the request may have been applied, may not, or may be yet for as long as
`limits` says. Sent again with the same versions it changes nothing more: what was applied is a CONFLICT with its own
version. The engine applies no part of a body that was cut off (tests/engine/test_cut_requests.py). Where something
between made a whole of a part, its first items are applied and the answer does not fit the writes: the batch fails.

400 resource_already_exists_exception is AOSS's answer to a mapping update beside another one ("Update to the indices
failed due to either concurrent update or deletion of the indices", opensearch-project/opensearch-spark#950, #951).
An engine's updates that come too late are 500 mapper_exception (OpenSearch#5797) and 503
process_cluster_event_timeout_exception. AOSS leaves `error` out of some failed items (data-prepper#4335): a write
with an external version can meet no 409 but a conflict, and no 404 but a missing index; a missing document says so.

What an engine says of a document is 400 (parsing, mapping, a field's limit). Its other answers below 500 are of what is
around it: 404 shard_not_found_exception, and 404 for a shard that has not started, is recovering, has moved or is
closed (OpenSearch: ShardNotFoundException, IllegalIndexShardStateException). Such an item is BUSY, and so is one that
is answered as nobody foresaw.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from searchsync.documents.view import name_of
from searchsync.limits import LARGEST_BODY
from searchsync.sanitize import code

BUSY_STATUSES = frozenset({402, 429, 500, 502, 503, 504})
STACK_STATUSES = frozenset({401, 403})
DOCUMENT_STATUSES = frozenset({400, 422})
"""Of an item: the engine read the document and found it wrong."""
QUOTA_STATUS = 402
PASSING_STATUSES = frozenset({400, 404})
"""Of a BUSY answer: a mapping's update beside another one, a new index that some nodes do not know yet. Both pass by
waiting, however much is sent: all fields that a request brings are one update."""
LOAD_STATUSES = PASSING_STATUSES | {QUOTA_STATUS, 429, 503, 504}
"""Of a BUSY answer: load, never a document's fault though others pass while it lasts."""
MAPPING_CONFLICT = "resource_already_exists_exception"
VERSION_CONFLICTS = frozenset({"version_conflict_engine_exception", ""})
CURRENT_VERSION = re.compile(r"current version \[(\d+)\]")


class Kind(Enum):
    """The rows of the answer table."""

    DONE = "done"
    CONFLICT = "conflict"
    BUSY = "busy"
    STACK = "stack"
    NO_INDEX = "no index"
    TOO_LARGE = "too large"
    REFUSED = "refused"
    POISON = "poison"


@dataclass(slots=True)  # one a record is made: frozen takes three times as long
class Write:
    """One document's write: `source` is its JSON text, None on a deletion; `version` is external. `index`: as in
    `View`."""

    id: str
    version: int
    source: bytes | None
    index: str = ""

    @property
    def name(self) -> str:
        """By what its answer is found."""
        return name_of(self.index, self.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one write. `current` is a conflict's current version, None where it was not said.

    `looked_up`: `_mget` said it, which may be late, and not the conflict.
    """

    kind: Kind
    status: int | None = None
    error_type: str = ""
    reason: str = ""
    current: int | None = None
    looked_up: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A request's answer: `status` is None when none arrived (reset, timeout, cut short)."""

    status: int | None
    body: Any = None
    detail: str = ""


DONE = Answer(Kind.DONE)


def lines(write: Write) -> bytes:
    """A write's lines in a bulk body, newline at the end."""
    action = b"index" if write.source is not None else b"delete"
    head = b'{"%b":{%b"_id":%b,"version":%d,"version_type":"external"}}\n' % (
        action,
        b'"_index":"%b",' % write.index.encode() if write.index else b"",
        quote(write.id).encode(),
        write.version,
    )
    return head if write.source is None else head + write.source + b"\n"


class Body(bytes):
    """A bulk body whose actions name their indexes."""

    indexes: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Writes that go in one request, and its body."""

    writes: Sequence[Write]
    body: bytes


def chunk(writes: Iterable[Write], most: int, largest: int = LARGEST_BODY) -> Chunk:
    """The first of the writes, at most so many and so many bytes; a larger one stands alone."""
    members: list[Write] = []
    parts: list[bytes] = []
    size = 0
    for write in islice(writes, most):
        part = lines(write)
        size += len(part)
        if members and size > largest:
            break
        members.append(write)
        parts.append(part)
    body = b"".join(parts)
    if indexes := {write.index for write in members if write.index}:
        body = Body(body)
        body.indexes = indexes
    return Chunk(members, body)


def classify_request(response: Response) -> Answer:
    """The answer table's last column. Kind.DONE: the request was taken, look at its items."""
    status = response.status
    if status is not None and 200 <= status < 300:
        return DONE
    error_type, reason = _error(response.body)
    kind = Kind.BUSY
    if status is not None:
        kind = _row(status, error_type, Kind.REFUSED if status == 400 else Kind.STACK)
    return Answer(kind, status, error_type, reason or response.detail)


def classify_items(writes: Sequence[Write], body: Any) -> list[Answer] | None:
    """The answers to `writes`, by position; None when the body does not answer exactly these writes."""
    items = body.get("items") if isinstance(body, Mapping) else None
    if not isinstance(items, list) or len(items) != len(writes):
        return None
    try:
        return [_classify(write, item) for write, item in zip(writes, items, strict=True)]
    except (KeyError, TypeError, AttributeError):
        return None


def _classify(write: Write, item: Mapping[str, Any]) -> Answer:
    result = item["index" if write.source is not None else "delete"]
    status = result["status"]
    error = result.get("error")
    if error is None and (200 <= status < 300 or (write.source is None and result.get("result") == "not_found")):
        return DONE
    error_type, reason = _error(result)
    if status == 409 and error_type in VERSION_CONFLICTS:
        found = CURRENT_VERSION.findall(reason)  # the last: the reason begins with the id, which may say anything
        return Answer(Kind.CONFLICT, status, error_type, reason, int(found[-1]) if found else None)
    if status == 404 and not error_type:
        last = Kind.NO_INDEX
    else:
        last = Kind.POISON if status in DOCUMENT_STATUSES else Kind.BUSY
    return Answer(_row(status, error_type, last), status, error_type, reason)


def _row(status: int, error_type: str, last: Kind) -> Kind:
    """The rows that an item's answer and a whole request's share; `last` stands for those below them."""
    if status in BUSY_STATUSES or status >= 500 or (status == 400 and error_type == MAPPING_CONFLICT):
        return Kind.BUSY
    if status in STACK_STATUSES:
        return Kind.STACK
    if status == 404 and error_type == "index_not_found_exception":
        return Kind.NO_INDEX
    if status == 413:
        return Kind.TOO_LARGE
    return last


def _error(body: Any) -> tuple[str, str]:
    """`error.type` and the reason with its causes, as text; empty where the body has none. The reason may
    quote the item, the type never does: it is shown in logs."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", str(error) if error else ""
    reasons: list[str] = []
    cause: Any = error
    while isinstance(cause, Mapping) and len(reasons) < 4:
        reasons.append(str(cause.get("reason") or ""))
        cause = cause.get("caused_by")
    return code(error.get("type")), ": ".join(filter(None, reasons))
