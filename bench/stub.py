"""The engine as it is measured with: answered inside `requests`, below signature and serialisation."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from bench.items import STREAM_ARN

GUARD = b'{"update":{"_id":"sha256:searchsync-guard","require_alias":true}}\n{"doc":{}}\n'
"""What the function adds to each of its bulks: `searchsync.index`, whose import belongs to what is measured."""

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
}


class Context:
    """Lambda's context object, with a minute left."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return 60_000


@lru_cache
def _all_taken(count: int, guards: int) -> bytes:
    result = {"_index": "bench", "_id": "x", "_version": 1, "result": "created", "status": 201}
    guarded = {"status": 404, "error": {"type": "index_not_found_exception"}}
    items = [{"index": result}] * (count - guards) + [{"update": guarded}] * guards
    return json.dumps({"took": 1, "errors": bool(guards), "items": items}).encode()


def install() -> None:
    """Set the environment, and answer every request of this process from here on."""
    from requests import PreparedRequest, Response  # noqa: PLC0415 - its import belongs to what is measured
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    def answer(_adapter: object, request: PreparedRequest, **_settings: Any) -> Response:
        response = Response()
        response.status_code, response.request, response.url = 200, request, request.url or ""
        body = request.body or b""
        if response.url.partition("?")[0].endswith("_bulk"):
            sent = body if isinstance(body, bytes) else body.encode()
            content = _all_taken(sent.count(b"\n") // 2, int(sent.endswith(GUARD)))
            response._content = content  # noqa: SLF001 - how a Response is given its body
        elif request.method == "GET":
            response.status_code = 404
            response._content = b'{"error":{"type":"index_not_found_exception"},"status":404}'  # noqa: SLF001
        else:
            response._content = b'{"acknowledged":true}'  # noqa: SLF001
        response.headers["content-type"] = "application/json"
        return response

    os.environ.update(ENVIRONMENT)
    HTTPAdapter.send = answer  # type: ignore[assignment]
