"""The time of a whole call to an AWS service: every address, both tries, sending and answering. An edge.

botocore's timeouts bound one phase of a socket, so a peer that gives a byte now and then holds a call for ever. Each
call, and each read of a streamed body, is cut at its own time, and in time for the invocation's log line.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from searchsync.edges.bound import Bound, bounded_pools
from searchsync.limits import RESERVE, SHORTEST_TRY


class Invocation:
    """The invocation that runs: a sandbox has one at a time."""

    def __init__(self) -> None:
        self._ends_at = math.inf

    def begin(self, seconds: float) -> None:
        """It will be ended in so many seconds."""
        self._ends_at = time.monotonic() + seconds

    def at_most(self, seconds: float, kept: float) -> float:
        """So many seconds, or those until `kept` seconds before its end; never none, which no socket takes."""
        return max(SHORTEST_TRY, min(seconds, self._ends_at - kept - time.monotonic()))


INVOCATION = Invocation()


def bind(client: Any, most_s: float, kept_s: float = RESERVE) -> None:
    """Bound each call of a boto3 client by `most_s` seconds, and by the invocation's end less `kept_s`.

    What was cut raises botocore's ReadTimeoutError, whatever botocore made of it. Names are looked up and credentials
    fetched in no such time: Lambda gives credentials in the environment.
    """
    from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool  # noqa: PLC0415 - see OnFirstUse
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415
    from botocore.response import StreamingBody  # noqa: PLC0415

    bound = Bound()
    pools = bounded_pools(bound, AWSHTTPConnectionPool, AWSHTTPSConnectionPool)
    client._endpoint.http_session._pool_classes_by_scheme.update(pools)  # noqa: SLF001 - botocore has no other way

    def bounded(work: Callable[..., Any]) -> Callable[..., Any]:
        def within(*given: Any, **named: Any) -> Any:
            error: Exception | None = None
            with bound.request(INVOCATION.at_most(most_s, kept_s)):
                try:
                    answer = work(*given, **named)
                except Exception as caught:  # noqa: BLE001 - raised again below
                    error = caught
            if bound.was_cut:
                raise ReadTimeoutError(endpoint_url=client.meta.endpoint_url) from error
            if error is not None:
                raise error
            return answer

        return within

    call = bounded(client._make_api_call)  # noqa: SLF001 - paginators call it, too

    def asked(operation: str, parameters: Any) -> Any:
        answer = call(operation, parameters)
        body = answer.get("Body")
        if isinstance(body, StreamingBody):
            body.read = bounded(body.read)  # type: ignore[method-assign]  # its iterators and gzip call it
        return answer

    client._make_api_call = asked  # noqa: SLF001
