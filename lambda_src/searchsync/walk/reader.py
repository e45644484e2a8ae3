"""The index as a walk reads it: an edge. Documents by id, and all of them by sliced point in time.

Slices of a point in time are read in the order of `_id` by `search_after`: in the order of `_doc` alone
pages skipped documents where an index has several shards. AWS page "Supported operations and plugins in
Amazon OpenSearch Serverless" lists both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from opensearchpy.client.client import Client
from opensearchpy.exceptions import SerializationError
from opensearchpy.serializer import JSONSerializer

from searchsync.bound import Seconds
from searchsync.bulk import STACK_STATUSES, Kind, Response, classify_request
from searchsync.clock import Backoff, Deadline
from searchsync.collection import JSON, perform
from searchsync.errors import (
    AnswerTooLargeError,
    CollectionBusyError,
    PointInTimeGoneError,
    SearchsyncError,
    StackError,
    WalkRefusedError,
)
from searchsync.index import mark_in
from searchsync.limits import IDS_AT_ONCE, LARGEST_ANSWER, PIT_KEPT_MINUTES, REQUEST_TIMEOUT, SHORTEST_REQUEST
from searchsync.reads import Portion
from searchsync.walk.agreement import Document, exact

KEEP_ALIVE = f"{PIT_KEPT_MINUTES}m"


class ExactJson(JSONSerializer):
    """Reads answers with every digit of their numbers."""

    def loads(self, s: str) -> Any:
        """The value of a JSON text."""
        try:
            return exact(s)
        except (ValueError, TypeError) as error:
            raise SerializationError(s, error) from error


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a page found; its source holds the key attributes alone."""

    id: str
    document: Document


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Documents of a slice in the order of their ids; `total` is how many the whole slice has.

    `position` is where the next page begins, None behind the last.
    """

    hits: list[Hit]
    total: int
    position: list[Any] | None


class IndexReader:
    """Reads one index. `requests` counts what was asked."""

    def __init__(self, client: Client, index: str, key_attributes: tuple[str, ...], backoff: Backoff) -> None:
        self._client = client
        self._index = index
        self._key_attributes = key_attributes
        self._backoff = backoff
        self._portion = Portion(IDS_AT_ONCE)
        self.requests = 0

    def require(self, deadline: Deadline) -> None:
        """Raise WalkRefusedError where the index is missing, was not made by searchsync, or keeps no sources.

        Raises else as `documents` does.
        """
        response = self._ask("GET", f"/{self._index}/_mapping", None, deadline)
        answer = classify_request(response)
        if answer.kind is Kind.NO_INDEX:
            raise WalkRefusedError(f"There is no index {self._index}: run a backfill, which makes and fills it.")
        body = self._taken(response, "the mapping")
        if mark_in(body) is None:
            raise WalkRefusedError(
                f"The index {self._index} was not made by searchsync. Set another index name, or delete it and "
                "run a backfill."
            )
        if set(_kept(body)) & {"enabled", "includes", "excludes"}:
            raise WalkRefusedError(
                f"The mapping of {self._index} keeps not all of a document's source (`_source`), so that nothing can "
                "be compared. Take `_source` out of the mapping, delete the index and run a backfill."
            )

    def documents(self, ids: Sequence[str], deadline: Deadline) -> Iterator[dict[str, Document | None]]:
        """Documents by id in pages that memory holds, None where there is none, whatever a search would show yet.

        Raises CollectionBusyError when the time does not suffice, StackError where the function is refused.
        """
        start = 0
        while start < len(ids):
            part = ids[start : start + self._portion.now]
            try:
                yield self._documents(part, deadline)
            except AnswerTooLargeError as error:
                self._portion.refused(len(part), error.size)
                continue
            self._portion.took(len(part))
            start += len(part)

    def _documents(self, ids: Sequence[str], deadline: Deadline) -> dict[str, Document | None]:
        body = {"docs": [{"_id": name} for name in ids]}
        most_bytes = LARGEST_ANSWER if len(ids) > 1 else math.inf
        answer = self._answer("GET", f"/{self._index}/_mget", body, deadline, most_bytes)  # AOSS lists no POST
        found = {each["_id"]: _document(each) for each in answer["docs"] if each.get("found")}
        return {name: found.get(name) for name in ids}

    def found(self, ids: Sequence[str], deadline: Deadline) -> set[str]:
        """Those of the ids that a search shows. Raises as `documents` does."""
        query = {"size": len(ids), "_source": False, "version": True, "query": {"ids": {"values": list(ids)}}}
        found = self._answer("POST", f"/{self._index}/_search", query, deadline)["hits"]["hits"]
        return {hit["_id"] for hit in found if _document(hit)}

    def open_point_in_time(self, deadline: Deadline) -> str:
        """The id of a new point in time. Raises as `documents` does."""
        path = f"/{self._index}/_search/point_in_time"
        return str(self._answer("POST", path, None, deadline, keep_alive=KEEP_ALIVE)["pit_id"])

    def close_point_in_time(self, pit: str, deadline: Deadline) -> None:
        """Let a point in time go. Raises as `documents` does."""
        self._answer("DELETE", "/_search/point_in_time", {"pit_id": [pit]}, deadline)

    def try_point_in_time(self, deadline: Deadline) -> None:
        """Open a point in time, search in it and close it, before a walk needs it.

        Raises WalkRefusedError where the search is refused, else as `documents` does.
        """
        pit = self.open_point_in_time(deadline)
        query = {"pit": {"id": pit}, "size": 0}
        answer = classify_request(response := self._ask("POST", "/_search", query, deadline))
        with suppress(SearchsyncError):
            self.close_point_in_time(pit, deadline)
        if answer.status in STACK_STATUSES:
            # Whether a rule for one index is enough for a path without its name is not documented
            # ("Using Pit with Amazon OpenSearch Serverless"; "Data access control").
            raise WalkRefusedError(
                f"The collection refused a search in a point in time: {answer.status} {answer.error_type}. Its path "
                "names no index, so a rule for one index may not be enough. Add a rule to the data access policy: "
                '{"ResourceType": "index", "Resource": ["index/<collection>/*"], "Permission": ["aoss:ReadDocument"]} '
                "for the walk's role, and start anew after a minute."
            )
        self._taken(response, "POST _search")

    def page(self, pit: str, slice_: int, of: int, position: list[Any] | None, deadline: Deadline) -> IndexPage:
        """The page of a point in time's slice behind `position`.

        Raises PointInTimeGoneError where there is none any more, else as `documents` does.
        """
        query: dict[str, Any] = {
            "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
            "size": IDS_AT_ONCE,
            "sort": [{"_id": "asc"}],
            "track_total_hits": True,
            "version": True,
            "_source": list(self._key_attributes),
            "query": {"match_all": {}},
        }
        if of > 1:
            query["slice"] = {"id": slice_, "max": of}
        if position is not None:
            query["search_after"] = position
        found = self._answer("POST", "/_search", query, deadline)["hits"]
        hits = [Hit(hit["_id"], _document(hit)) for hit in found["hits"]]
        last = [_plain(each) for each in found["hits"][-1]["sort"]] if len(hits) == IDS_AT_ONCE else None
        return IndexPage(hits, int(found["total"]["value"]), last)

    def _answer(
        self, method: str, path: str, body: Any, deadline: Deadline, most_bytes: float = math.inf, **parameters: str
    ) -> Any:
        """The body of an answer that was given."""
        response = self._ask(method, path, body, deadline, most_bytes, **parameters)
        gone = response.status == 404 and classify_request(response).kind is not Kind.NO_INDEX
        if "pit" in (body or {}) and (gone or _lost_shards(response.body)):
            raise PointInTimeGoneError("The point in time is gone: it was not asked for too long.")
        return self._taken(response, f"{method} {path.rpartition('/')[2]}")

    def _taken(self, response: Response, what: str) -> Any:
        answer = classify_request(response)
        if answer.kind is not Kind.DONE:
            raise StackError(
                f"The collection refused {what}: {answer.status} {answer.error_type}. "
                "Check the data access policy (aoss:ReadDocument and aoss:DescribeIndex on this index for the walk's "
                "role; a change takes up to a minute), and that the index is there."
            )
        return response.body

    def _ask(
        self, method: str, path: str, body: Any, deadline: Deadline, most_bytes: float = math.inf, **parameters: str
    ) -> Response:
        """The first answer that is whole, or a refusal. Raises AnswerTooLargeError where it has over `most_bytes`."""
        data = None if body is None else json.dumps(body).encode()
        attempt = 0
        while True:
            timeout = Seconds(min(REQUEST_TIMEOUT, deadline.remaining()), most_bytes=most_bytes)
            if timeout >= SHORTEST_REQUEST:
                self.requests += 1
                response = perform(self._client, method, path, body=data, timeout=timeout, headers=JSON, **parameters)
                if not _busy(response):
                    return response
            if not self._backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                raise CollectionBusyError("The collection was busy for the rest of the invocation's time.")
            attempt += 1


def _busy(response: Response) -> bool:
    """Whether to ask again: the collection was busy with all of it, with a shard, or with a document.

    A shard that fails leaves its documents out of an answer that is else good ("Search", OpenSearch API).
    """
    kind = classify_request(response).kind
    if kind is not Kind.DONE or not isinstance(response.body, Mapping):
        return kind is Kind.BUSY
    body = response.body
    failed = bool(body.get("timed_out")) or int((body.get("_shards") or {}).get("failed", 0)) > 0
    return (failed and not _lost_shards(body)) or any(_failed_alone(each) for each in body.get("docs", ()))


def _document(found: Mapping[str, Any]) -> Document:
    """A document as an answer shows it. Raises StackError where its version is left out: nothing could be judged."""
    if "_version" not in found:
        raise StackError(
            "The collection left `_version` out of a document that it showed, and without versions no document can be "
            "compared. Check what stands between the function and the collection, and report it."
        )
    return Document(int(found["_version"]), found.get("_source"))


def _failed_alone(document: Mapping[str, Any]) -> bool:
    """Whether a document of an `_mget` could not be read, though its index is there."""
    error = document.get("error")
    return isinstance(error, Mapping) and error.get("type") != "index_not_found_exception"


def _lost_shards(body: Any) -> bool:
    """Whether a point in time is gone in some shards."""
    failures = (body.get("_shards") or {}).get("failures", ()) if isinstance(body, Mapping) else ()
    return any((each.get("reason") or {}).get("type") == "search_context_missing_exception" for each in failures)


def _kept(body: Any) -> Mapping[str, Any]:
    """What a mapping says of the sources that it keeps; empty: all of them."""
    (found,) = body.values()
    source = found["mappings"].get("_source", {})
    return {name: value for name, value in source.items() if value not in (True, [])}


def _plain(value: Any) -> Any:
    """A sort value as JSON can be written from it."""
    return int(value) if isinstance(value, Decimal) else value
