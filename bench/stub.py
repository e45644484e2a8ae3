"""The engine as it is measured with: answered inside `requests`, below signature and serialisation."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bench.items import STREAM_ARN

GUARD = b'{"update":{"_id":"sha256:searchsync-guard","require_alias":true}}\n{"doc":{}}\n'
"""What the function adds to each of its bulks: `documents.index`, whose import belongs to what is measured."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "OPENSEARCH_HOST": "https://bench.eu-west-1.aoss.amazonaws.com",
    "OPENSEARCH_INDEX": "bench",
    "STREAM_ARN": STREAM_ARN,
    "KEY_ATTRIBUTES": '["id"]',
    "FAILURE_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/000000000000/bench",
    "SYNC_FUNCTION_NAME": "bench",
}

NO_INDEX = b'{"error":{"type":"index_not_found_exception"},"status":404}'
ACKNOWLEDGED = b'{"acknowledged":true}'
GUARDED = {"status": 404, "error": {"type": "index_not_found_exception"}}
"""What the guard is answered by a collection that heeds it."""
Respond = Callable[[str, str, bytes, float], tuple[int, bytes]]
"""Method, URL without its query, body and seconds until it is given up, to status and body."""


class Context:
    """Lambda's context object, with a minute left."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return 60_000


@lru_cache
def _all_taken(count: int, guards: int) -> bytes:
    result = {"_index": "bench", "_id": "x", "_version": 1, "result": "created", "status": 201}
    items = [{"index": result}] * (count - guards) + [{"update": GUARDED}] * guards
    return json.dumps({"took": 1, "errors": bool(guards), "items": items}).encode()


def install() -> None:
    """Set the environment, and answer every request of this process from here on."""
    answer_with(take)


def answer_with(respond: Respond) -> None:
    """Set the environment, and let `respond` answer every request of this process from here on."""
    from requests import PreparedRequest, Response  # noqa: PLC0415 - its import belongs to what is measured
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    def answer(_adapter: object, request: PreparedRequest, timeout: Any = None, **_settings: Any) -> Response:
        response = Response()
        response.request, response.url = request, request.url or ""
        body = request.body or b""
        path = response.url.partition("?")[0]
        response.status_code, response._content = respond(  # noqa: SLF001 - how a Response is given its body
            request.method or "",
            path,
            body if isinstance(body, bytes) else body.encode(),
            timeout if isinstance(timeout, float) else math.inf,
        )
        response.headers["content-type"] = "application/json"
        return response

    os.environ.update(ENVIRONMENT)
    HTTPAdapter.send = answer  # type: ignore[assignment]


def take(method: str, path: str, body: bytes, _timeout: float) -> tuple[int, bytes]:
    """Every write is taken, and there was no index before."""
    if path.endswith("_bulk"):
        return 200, _all_taken(body.count(b"\n") // 2, body.count(GUARD))
    if method == "GET":
        return 404, NO_INDEX
    return 200, ACKNOWLEDGED
