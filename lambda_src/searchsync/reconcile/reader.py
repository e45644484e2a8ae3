"""The index as a run reads it: an edge. Documents by id, and all of them by ranges of their keys.

A page is the whole answer to one search for a narrow range, in no order: what it costs does not grow with the index.
By `_id` each page of a slice looks at the whole slice, and the engine keeps 30 bytes a document in its heap for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opensearchpy.client.client import Client
from opensearchpy.exceptions import SerializationError
from opensearchpy.serializer import JSONSerializer

from searchsync.clock import Backoff, Deadline
from searchsync.documents.document import KEY_FIELD
from searchsync.documents.index import Owner, has_key, mark_in, refusal
from searchsync.documents.values import exact
from searchsync.edges.bound import Seconds
from searchsync.edges.collection import JSON, perform
from searchsync.edges.reads import Portion
from searchsync.errors import (
    AnswerTooLargeError,
    CollectionBusyError,
    RunRefusedError,
    StackError,
)
from searchsync.limits import (
    IDS_AT_ONCE,
    KEYS,
    LARGEST_ANSWER,
    LARGEST_RESULT_WINDOW,
    LASTING_ERROR,
    REQUEST_TIMEOUT,
    SHORTEST_REQUEST,
)
from searchsync.protocol.bulk import Kind, Response, classify_request
from searchsync.reconcile.agreement import Document
from searchsync.sanitize import code, shown

SERVER_ERROR = 500
EXACT = "eq"
"""The relation of a search's total that is no lower bound ("Search", OpenSearch API: hits.total.relation)."""
HAS_KEY: Mapping[str, Any] = {"exists": {"field": KEY_FIELD}}


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
    """A document that a search found, without its source."""

    id: str
    document: Document


@dataclass(frozen=True, slots=True)
class KeyPage:
    """The keys of a range's documents, and how many documents there are; not all keys where those are over
    LARGEST_RESULT_WINDOW."""

    total: int
    keys: list[int]


class IndexReader:
    """Reads one index. `requests` counts what was asked."""

    def __init__(
        self, client: Client, index: str, key_attributes: tuple[str, ...], backoff: Backoff, owner: Owner
    ) -> None:
        self._client = client
        self._index = index
        self._key_attributes = key_attributes
        self._backoff = backoff
        self._owner = owner
        self._portion = Portion(IDS_AT_ONCE)
        self.requests = 0

    def require(self, deadline: Deadline) -> None:
        """Raise RunRefusedError where the index is missing, is not this stack's, or keeps no sources.

        Raises else as `documents` does.
        """
        response = self._ask("GET", f"/{self._index}/_mapping", None, deadline)
        answer = classify_request(response)
        if answer.kind is Kind.NO_INDEX:
            raise RunRefusedError(f"There is no index {self._index}: run a backfill, which makes and fills it.")
        body = self._taken(response, "the mapping")
        mark = mark_in(body)
        if mark is None or mark.owner != self._owner:
            raise RunRefusedError(refusal(self._index, mark, self._owner))
        if not has_key(body):
            raise RunRefusedError(
                f"The mapping of {self._index} has no field {KEY_FIELD} of the type long, by which the index is "
                "scanned: an older version of searchsync made it. Delete the index, and run a backfill."
            )
        if set(_kept(body)) & {"enabled", "includes", "excludes"}:
            raise RunRefusedError(
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
        if len(answer["docs"]) != len(ids):
            raise CollectionBusyError(f"The index answered for {len(answer['docs'])} of {len(ids)} documents.")
        found = {each["_id"]: _document(each) for each in answer["docs"] if each.get("found")}
        return {name: found.get(name) for name in ids}

    def found(self, ids: Sequence[str], deadline: Deadline) -> set[str]:
        """Those of the ids that a search shows. Raises as `documents` does."""
        query = {"size": len(ids), "_source": False, "version": True, "query": {"ids": {"values": list(ids)}}}
        found = self._answer("POST", f"/{self._index}/_search", query, deadline)["hits"]["hits"]
        return {hit["_id"] for hit in found if _document(hit)}

    def keys(self, low: int, high: int, deadline: Deadline) -> KeyPage:
        """The keys of the documents from `low` to before `high`; KEYS is no end. Raises as `documents` does.

        They come from the engine's columns: stored fields, and with them ids, are left out, so that versions cannot be
        asked for ("Disable stored fields entirely" in the reference of Elasticsearch, which the engine comes from).
        """
        bounds = {name: bound for name, bound in (("gte", low), ("lt", high)) if bound not in (0, KEYS)}
        query = {"range": {KEY_FIELD: bounds}} if bounds else HAS_KEY
        body = self._search(query, deadline, {"stored_fields": "_none_", "docvalue_fields": [KEY_FIELD]})
        shown = [hit.get("fields", {}).get(KEY_FIELD) for hit in body["hits"]]
        if not all(shown):
            raise StackError(
                "The collection left `docvalue_fields` out of what a search found, by which the index is scanned. "
                "Check what stands between the function and the collection, and report it."
            )
        return KeyPage(int(body["total"]["value"]), [int(key) for keys in shown for key in keys])

    def holding(self, keys: Sequence[int], deadline: Deadline) -> list[Hit]:
        """The documents of these keys. Raises as `documents` does."""
        found: list[Hit] = []
        for start in range(0, len(keys), IDS_AT_ONCE):
            found += self._hits({"terms": {KEY_FIELD: list(keys[start : start + IDS_AT_ONCE])}}, deadline)
        return found

    def keyless(self, deadline: Deadline) -> list[Hit]:
        """The documents without a key. Raises as `documents` does, and RunRefusedError where they are too many."""
        return self._hits({"bool": {"must_not": HAS_KEY}}, deadline)

    def _hits(self, query: Mapping[str, Any], deadline: Deadline) -> list[Hit]:
        body = self._search(query, deadline, {"version": True})
        total = int(body["total"]["value"])
        if total > LARGEST_RESULT_WINDOW:
            raise RunRefusedError(
                f"{total} documents of the index {self._index} have a {KEY_FIELD} that is not their own, or none: they "
                "were not written by searchsync, and are too many to be told apart. Delete them, or delete the index "
                "and run a backfill."
            )
        routed = [each["_id"] for each in body["hits"] if "_routing" in each]
        if routed:
            raise RunRefusedError(
                f"{len(routed)} documents of the index {self._index} were written with a routing, {shown(min(routed))} "
                "among them: searchsync writes none, and by its id alone such a document is neither read nor deleted. "
                "Delete each with its routing, and resume the run."
            )
        return [Hit(each["_id"], _document(each)) for each in body["hits"]]

    def _search(self, query: Mapping[str, Any], deadline: Deadline, more: Mapping[str, Any]) -> Any:
        """All documents that a query finds, or LARGEST_RESULT_WINDOW of more; in no order, which would cost to keep."""
        asked = {
            "query": query,
            "size": LARGEST_RESULT_WINDOW,
            "sort": ["_doc"],
            "track_total_hits": True,
            "_source": False,
        }
        found = self._answer("POST", f"/{self._index}/_search", {**asked, **more}, deadline)["hits"]
        if found["total"].get("relation", EXACT) != EXACT:
            raise StackError(
                "The collection does not count what a search finds (`track_total_hits`), and nothing says whether a "
                "page is whole. Check what stands between the function and the collection, and report it."
            )
        if len(found["hits"]) != min(LARGEST_RESULT_WINDOW, int(found["total"]["value"])):
            raise CollectionBusyError(
                f"The index showed {len(found['hits'])} of the {found['total']['value']} documents of a page."
            )
        return found

    def _answer(self, method: str, path: str, body: Any, deadline: Deadline, most_bytes: float = math.inf) -> Any:
        """The body of an answer that was given."""
        response = self._ask(method, path, body, deadline, most_bytes)
        return self._taken(response, f"{method} {path.rpartition('/')[2]}")

    def _taken(self, response: Response, what: str) -> Any:
        answer = classify_request(response)
        if answer.kind is not Kind.DONE:
            raise StackError(
                f"The collection refused {what}: {answer.status} {answer.error_type}. "
                "Check the data access policy (aoss:ReadDocument and aoss:DescribeIndex on this index for the run's "
                "role; a change takes up to a minute), and that the index is there."
            )
        return response.body

    def _ask(self, method: str, path: str, body: Any, deadline: Deadline, most_bytes: float = math.inf) -> Response:
        """The first answer that is whole, or a refusal. Raises AnswerTooLargeError where it has over `most_bytes`."""
        data = None if body is None else json.dumps(body).encode()
        attempt, last, wrong_since = 0, "no time for a request", math.inf
        while True:
            timeout = Seconds(min(REQUEST_TIMEOUT, deadline.remaining()), most_bytes=most_bytes)
            if timeout >= SHORTEST_REQUEST:
                self.requests += 1
                response = perform(self._client, method, path, body=data, timeout=timeout, headers=JSON)
                if not _busy(response):
                    return response
                last = _said(response)
                now = self._backoff.clock.monotonic()
                wrong_since = min(wrong_since, now) if response.status == SERVER_ERROR else math.inf
                if now - wrong_since >= LASTING_ERROR:
                    raise RunRefusedError(
                        f"The collection has answered {method} {path.rpartition('/')[2]} with {last} for over "
                        f"{LASTING_ERROR:.0f} s. Look at its health; when it is well again, redrive the execution: it "
                        "goes on where it is."
                    )
            if not self._backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                raise CollectionBusyError(f"The collection was busy for the rest of the invocation's time: {last}.")
            attempt += 1


def _said(response: Response) -> str:
    """A busy answer in a few words: its status and types, which quote nothing."""
    answer = classify_request(response)
    kinds = sorted({code((each.get("reason") or {}).get("type", "")) for each in _failures(response.body)})
    said = str(response.status or response.detail or "no answer")
    return " ".join(filter(None, [said, answer.error_type, *kinds]))


def _failures(body: Any) -> Sequence[Mapping[str, Any]]:
    shards = body.get("_shards") if isinstance(body, Mapping) else None
    return shards.get("failures") or () if isinstance(shards, Mapping) else ()


def _busy(response: Response) -> bool:
    """Whether to ask again: the collection was busy with all of it, with a shard, or with a document.

    A shard that fails leaves its documents out of an answer that is else good ("Search", OpenSearch API). One that no
    node has at the time does so, too, and is no failure: it is only missing among those that were successful.
    """
    kind = classify_request(response).kind
    if kind is not Kind.DONE or not isinstance(response.body, Mapping):
        return kind is Kind.BUSY
    body = response.body
    return lacks_shards(body) or any(_failed_alone(each) for each in body.get("docs", ()))


def lacks_shards(body: Mapping[str, Any]) -> bool:
    """Whether an answer is not of all shards, or not of all that they have."""
    shards = body.get("_shards") or {}
    successful = int(shards.get("successful", 0)) >= int(shards.get("total", 0))  # those that were skipped are, too
    return bool(body.get("timed_out")) or int(shards.get("failed", 0)) > 0 or not successful


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


def _kept(body: Any) -> Mapping[str, Any]:
    """What a mapping says of the sources that it keeps; empty: all of them."""
    (found,) = body.values()
    source = found["mappings"].get("_source", {})
    return {name: value for name, value in source.items() if value not in (True, [])}
