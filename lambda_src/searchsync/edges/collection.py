"""The collection: an edge. Signed requests to the index, by opensearch-py and requests-aws4auth.

What AOSS asks of a client (AWS page "Ingesting data into Amazon OpenSearch Serverless collections"):
service name `aoss` in the signature, header `x-amz-content-sha256` on every request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ssl import SSLCertVerificationError as CertificateError
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from opensearchpy.client.client import Client
from opensearchpy.connection.http_requests import RequestsHttpConnection
from opensearchpy.exceptions import ConnectionError as NoAnswerError
from opensearchpy.exceptions import ConnectionTimeout as TooLateError
from opensearchpy.exceptions import SerializationError, SSLError, TransportError
from opensearchpy.serializer import JSONSerializer
from requests_aws4auth import AWS4Auth

from searchsync.clock import Clock
from searchsync.config import Config
from searchsync.documents.index import (
    Mark,
    adoption_body,
    creation_body,
    guard_of,
    holder,
    is_bare,
    mark_in,
    refusal,
    take_guard,
    unfit,
)
from searchsync.edges.bound import Bound, Seconds, bounded
from searchsync.errors import AnswerTooLargeError, StackError
from searchsync.limits import (
    ENSURED_FOR,
    GRANTED_WITHIN,
    GUARD_REFUSALS,
    NEW_INDEX_S,
    SHORTEST_TRY,
    UNGUARDED_FOR,
)
from searchsync.protocol.bulk import DONE, STACK_STATUSES, Answer, Body, Kind, Response, classify_request
from searchsync.sanitize import shown

NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
NOT_YET = "_not_granted_yet"
"""Behind the status of a refusal that a new sandbox may meet."""
NO_MARK = ""
"""What is remembered of an index that has no mark of ours."""


@dataclass
class Guard:
    """What a collection is known to make of a bulk's guard.

    `heeded`: it makes no index for a write. `refused`: how many requests in a row were refused with the guard, and
    taken without it.
    """

    heeded: bool = False
    refused: int = 0

    @property
    def given_up(self) -> bool:
        """Whether it is left out. One refusal may have another cause."""
        return self.refused == GUARD_REFUSALS


class OpenSearchCollection:
    """The index of one collection."""

    def __init__(
        self,
        client: Client,
        config: Config,
        clock: Clock,
        signal: Callable[[], None] | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`signal`: called at once when the index turns out to be another one: who is ended now says it no more.
        `guard`: that of all indexes of the collection."""
        self._client = client
        self._signal = signal
        self._index = config.index
        self._mapping = config.mapping
        self._settings = config.settings
        self._owner = config.owner
        self._adopt = config.adopt
        self._clock = clock
        self._used_since: float | None = None
        self._ensured_at: float | None = None
        self._guard = guard or Guard()
        self._mark: str | None = None
        self._created: float | None = None
        """When an index that is new, or was never shown whole, was created or first seen (Unix seconds)."""
        self.requests = 0
        """How many requests were made."""
        self.recreated = False
        """Whether the index that this sandbox knew has been replaced by another: a repair is needed."""

    def bulk(self, body: bytes, timeout: float, begin_within: float = math.inf) -> Response:
        """Send a bulk body to the index, or to those that its actions name; `timeout` and `begin_within` in seconds:
        its answer, its first byte.

        The guard goes with it, and its answer is taken out. A collection that knows no such flag refuses the whole
        request: it is sent without, and the index is looked at more often instead.
        """
        began, guard = self._clock.monotonic(), self._guard
        indexes = body.indexes if isinstance(body, Body) else ()
        path = bulk_path("" if indexes else self._index)
        if guard.given_up:
            return self._request("POST", path, body, Seconds(timeout, begin_within), NDJSON)
        guarded = body + guard_of(indexes)
        response = self._request("POST", path, guarded, Seconds(timeout, begin_within), NDJSON)
        if response.status == 400 and not guard.heeded:
            took = self._clock.monotonic() - began
            response = self._request("POST", path, body, Seconds(timeout - took, begin_within - took), NDJSON)
            guard.refused += response.status == 200
            return response
        guard.refused *= response.status != 200
        heeded = take_guard(response.body, indexes)
        guard.heeded = guard.heeded if heeded is None else heeded
        return response

    def current_versions(self, ids: Sequence[str], timeout: float, _index: str = "") -> dict[str, int]:
        """The external versions of those documents that a read shows; empty where the collection is busy.

        Raises StackError where the collection refuses the function.
        """
        body = json.dumps({"docs": [{"_id": name, "_source": False} for name in ids]}).encode()
        response = self._request("GET", f"/{self._index}/_mget", body, timeout, JSON)  # AOSS lists no POST
        answer = classify_request(response)
        if answer.kind is Kind.STACK or answer.error_type.endswith(NOT_YET):  # a write of ours was taken before
            raise StackError(
                f"The collection refused to say versions: {answer.status or answer.error_type}. Check the data access "
                "policy (aoss:ReadDocument on this index for the function's role; a change takes up to a minute)."
            )
        docs = response.body.get("docs", []) if isinstance(response.body, Mapping) else []
        found = [doc for doc in docs if doc.get("found")]
        if any("_version" not in doc for doc in found):
            raise StackError(
                "The collection shows documents without their versions (`_version` in the answer of _mget). Check "
                "what stands between the function and the collection; if nothing does, AOSS left it out: report it."
            )
        return {doc["_id"]: doc["_version"] for doc in found}

    @property
    def is_new(self) -> bool:
        """Whether the index was created so lately that AOSS may not know of it everywhere."""
        return self._created is not None and abs(self._clock.now() - self._created) < NEW_INDEX_S

    def ensure_index(self, timeout: float) -> Answer:
        """Make sure, at most every minute, that the index is there with our mark. DONE or BUSY.

        Every second at most where a write would make the index.

        BUSY too while it is new and not shown yet. Raises StackError where the collection refuses it, or the
        index is not ours.
        """
        now = self._clock.monotonic()
        holds = ENSURED_FOR if self._guard.heeded else UNGUARDED_FOR
        if self._ensured_at is not None and now - self._ensured_at < holds:
            return DONE
        answer = self._look(timeout)
        if answer.kind is Kind.NO_INDEX:
            answer = self._create(timeout)
        if answer.kind is Kind.NO_INDEX and self.is_new:
            return replace(answer, kind=Kind.BUSY)
        if answer.kind is Kind.REFUSED:  # what was sent are mapping and settings, and no item
            raise StackError(
                f"The collection refused the index {self._index} as it is configured: {answer.error_type} "
                f"{shown(answer.reason)}. Correct index.mapping or index.settings, and apply."
            )
        if answer.kind in (Kind.STACK, Kind.NO_INDEX, Kind.TOO_LARGE):
            raise StackError(
                f"The index {self._index} could not be ensured: {answer.status} {answer.error_type}. Check the "
                "data access policy (aoss:CreateIndex and aoss:DescribeIndex on this index for the function's "
                "role, aoss:UpdateIndex with index.adopt; a change takes up to a minute), aoss:APIAccessAll, and the "
                "index mapping."
            )
        if answer.kind is Kind.DONE:
            self._ensured_at = now
        return answer

    def forget_index(self) -> None:
        """The index is not known to be there any more."""
        self._ensured_at = None

    def _look(self, timeout: float) -> Answer:
        response = self._request("GET", f"/{self._index}/_mapping", None, timeout, {})
        answer = classify_request(response)
        if answer.kind is not Kind.DONE:
            return replace(answer, reason="")
        mark = mark_in(response.body)
        if mark is not None and mark.owner == self._owner:
            self._created = mark.created
            if not self.is_new:
                self._created = None  # one that is made in its place has a time of its own
            self._know(mark.text)
            if problem := unfit(response.body):
                raise StackError(
                    f"The index {self._index} cannot be kept in step: {problem}. Delete it (DELETE /{self._index}) "
                    "then, and run a backfill."
                )
            return DONE
        bare = mark is None and is_bare(response.body)
        if bare and self._created is None:
            self._created = self._clock.now()
        if mark is None and self.is_new:
            return Answer(Kind.BUSY, 200, "no_mapping_yet")
        if self._adopt == holder(mark):
            return self._take_over(response.body, mark, timeout)
        if bare:
            raise StackError(
                f"The index {self._index} is there, but for over {NEW_INDEX_S:.0f} s without its mapping. Look at the "
                f"answer of GET /{self._index}/_mapping: if it stays empty and nobody else made the index, set another "
                "index name, or ask AWS about the collection."
            )  # an empty mapping may come yet: it is never a reason to delete
        self._know(mark.text if mark else NO_MARK)
        raise StackError(refusal(self._index, mark, self._owner))

    def _take_over(self, described: Any, mark: Mark | None, timeout: float) -> Answer:
        """Mark an index that the operator hands over.

        With another mark than it had, so that no verdict outlasts this; sandboxes that do it at once give the same.
        """
        text = uuid5(NAMESPACE_OID, f"{mark.text} {self._owner}").hex if mark else uuid4().hex
        ours = Mark(text, mark.created if mark else 0.0, self._owner)
        if problem := unfit(described):
            raise StackError(f"The index {self._index} cannot be taken over: {problem}.")
        body = json.dumps(adoption_body(described, ours)).encode()
        response = self._request("PUT", f"/{self._index}/_mapping", body, timeout, JSON)
        answer = classify_request(response)
        if answer.kind is Kind.DONE:
            self._created = None
            self._know(ours.text)
        return answer

    def _create(self, timeout: float) -> Answer:
        mark = Mark(uuid4().hex, self._clock.now(), self._owner)
        body = json.dumps(creation_body(self._mapping, mark, self._settings)).encode()
        response = self._request("PUT", f"/{self._index}", body, timeout, JSON)
        answer = classify_request(response)
        if answer.kind is Kind.DONE:
            self._created = mark.created
            self._know(mark.text)
        if answer.error_type == "resource_already_exists_exception":
            self._created = self._created or mark.created  # by somebody else, just now
            return self._look(timeout)
        return answer

    def _know(self, mark: str) -> None:
        if self._mark not in (None, mark):
            self.recreated = True
            if self._signal is not None:
                self._signal()
        self._mark = mark

    def _request(
        self, method: str, path: str, body: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Response:
        self.requests += 1
        now = self._clock.monotonic()
        self._used_since = now if self._used_since is None else self._used_since
        response = perform(self._client, method, path, body=body, timeout=timeout, headers=headers)
        if response.status in STACK_STATUSES and now - self._used_since < GRANTED_WITHIN:
            return Response(None, {"error": {"type": f"{response.status}{NOT_YET}"}})
        return response


def bulk_path(index: str) -> str:
    """Where a bulk body goes: to an index, or, with none, to those that its actions name."""
    return f"/{index}/_bulk" if index else "/_bulk"


def perform(
    client: Client,
    method: str,
    path: str,
    *,
    body: bytes | None,
    timeout: float,
    headers: Mapping[str, str],
    **parameters: str | float,
) -> Response:
    """One request and what came of it; `timeout` in seconds, `parameters` of the query.

    Raises StackError where the collection's certificate is not trusted.
    """
    try:
        answer = client.transport.perform_request(
            method,
            path,
            params={**parameters, "request_timeout": timeout if timeout > 0.0 else SHORTEST_TRY},
            body=body,
            headers=dict(headers),
        )
    except SSLError as error:
        if _distrusts(error):
            raise StackError(
                "The collection's certificate is not trusted. Check OPENSEARCH_HOST and what stands between."
            ) from error
        return Response(None, detail=type(error).__name__)  # cut short, or no TLS
    except NoAnswerError as error:
        return Response(None, detail=type(error).__name__)
    except SerializationError:
        return Response(None, detail="an answer that is not JSON, or is cut short")
    except TransportError as error:
        status = error.status_code if isinstance(error.status_code, int) else None
        return Response(status, error.info if isinstance(error.info, Mapping) else None, str(error.error))
    if not isinstance(answer, Mapping):  # a head that was cut off is taken for a whole one, without a body
        return Response(None, detail="an answer without a body")
    return Response(200, answer)


def _distrusts(error: BaseException) -> bool:
    """Whether a certificate was refused, and not the handshake cut off."""
    causes: list[object] = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, CertificateError):
            return True
        if isinstance(cause, BaseException):
            causes += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
    return False


class Connection(RequestsHttpConnection):
    """opensearch-py's connection, that tells nobody else what it carries.

    It follows no redirection: the answer of one would take the items to another place, and past TLS where
    that is a plain one. It logs nothing and warns of nothing: both quote bodies or the engine, and so items.
    A request's timeout is that of the whole of it (`bound`).
    """

    def __init__(self, *given: Any, pool_maxsize: int, **named: Any) -> None:
        """As the base class; the session's adapters are ours."""
        super().__init__(*given, **named)
        self._bound = Bound()
        adapter = bounded(self._bound, pool_maxsize)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)

    def perform_request(self, *given: Any, **named: Any) -> Any:
        """Send one request; a redirection is an answer like any other, which the answer table refuses."""
        try:
            with self._bound.request(named["timeout"]):
                return super().perform_request(*given, **{**named, "allow_redirects": False})
        except NoAnswerError as error:
            self._bound.drop_all()
            if isinstance(error.info, AnswerTooLargeError):
                raise error.info from None
            if self._bound.was_cut:
                raise TooLateError("TIMEOUT", "cut off at its time", error) from error
            raise

    def log_request_success(self, *_given: Any, **_named: Any) -> None:
        """Nothing."""

    def log_request_fail(self, *_given: Any, **_named: Any) -> None:
        """Nothing."""

    def _raise_warnings(self, warning_headers: Any) -> None:
        """Nothing."""


def connect(config: Config, auth: AWS4Auth, serializer: JSONSerializer | None = None) -> Client:
    """The client for the configured collection, its requests signed by `auth`; `serializer` reads its answers.

    One connection that is kept; no retries of its own (the delivery knows which writes need one), no
    gzip bodies (AOSS signs what it reads).
    """
    return Client(
        hosts=config.host,
        http_auth=auth,
        connection_class=Connection,
        verify_certs=True,
        http_compress=False,
        max_retries=0,
        retry_on_timeout=False,
        pool_maxsize=1,
        serializer=serializer or JSONSerializer(),
    )
