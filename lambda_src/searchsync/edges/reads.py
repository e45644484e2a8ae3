"""Reads of bounded time and size: how DynamoDB's are sent, and how many things one asks for. An edge.

botocore bounds each read of a socket, not a request, and takes an answer of any size. Its event `before-send` lets
another send what was signed (moto stands on it), here over a connection that is bound (`bound`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest
from requests.exceptions import RequestException
from requests.exceptions import SSLError as DistrustError
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from searchsync.edges.bound import Bound, Seconds, bounded
from searchsync.limits import FIRST_READ, LARGEST_ANSWER, READ_TIMEOUT, SHORTEST_TRY

PIECE_BYTES = 65_536


@dataclass
class Portion:
    """How many things one request asks for, by the sizes of the answers seen; `most` at most.

    It doubles while answers are small (slow start); once one was too large it grows by one from there on. The
    answer on several things has at most LARGEST_ANSWER bytes, half of which are left for larger ones; that on one
    is taken as it is.
    """

    most: int
    now: int = FIRST_READ
    _slow_from: float = math.inf

    def took(self, count: int, size_bytes: int = 0) -> None:
        """An answer on `count` things had so many bytes; 0: they are not known."""
        grown = 2 * self.now if 2 * self.now <= self._slow_from else self.now + 1
        fit = LARGEST_ANSWER * count // (2 * size_bytes) if size_bytes else grown
        self.now = max(1, min(self.most, grown, fit))

    def refused(self, count: int, size_bytes: int) -> None:
        """An answer on `count` things had more bytes than are taken, so many at least."""
        self.now = max(1, min(count // 2, LARGEST_ANSWER * count // (2 * size_bytes)))
        self._slow_from = self.now


class BoundedReads:
    """Sends a client's Scan and BatchGetItem. `trusted`: the authorities, as for the client.

    `size_bytes` is the last answer's.
    """

    def __init__(self, trusted: str | bool = True) -> None:
        self._trusted = trusted
        self._bound = Bound()
        self._adapter = bounded(self._bound, 1)
        self._until = self._most_bytes = math.inf
        self.size_bytes = 0

    def attach(self, client: Any) -> None:
        """Send this DynamoDB client's reads from now on."""
        for operation in ("Scan", "BatchGetItem"):
            client.meta.events.register(f"before-send.dynamodb.{operation}", self._send)

    @contextmanager
    def allowed(self, seconds: float, most_bytes: float) -> Iterator[None]:
        """What a read, with the SDK's tries, may take."""
        self.size_bytes = 0
        self._until = time.monotonic() + min(seconds, READ_TIMEOUT)
        self._most_bytes = most_bytes
        yield

    def _send(self, request: Any, **_: Any) -> Any:
        """Botocore's event. Raises what botocore's own session does, and AnswerTooLargeError."""
        # The classes of errors stand for a TLS that fails, and for all else: those are tried again.
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - the SDK is imported when it is first needed
        from botocore.exceptions import HTTPClientError, SSLError  # noqa: PLC0415
        from botocore.utils import get_environ_proxies  # noqa: PLC0415

        sent = PreparedRequest()
        sent.method, sent.url, sent.body, sent.headers = (
            request.method,
            request.url,
            request.body,
            CaseInsensitiveDict(request.headers),
        )
        left = max(SHORTEST_TRY, self._until - time.monotonic())
        try:
            with self._bound.request(Seconds(left, most_bytes=self._most_bytes)):
                answer = self._adapter.send(
                    sent, stream=True, timeout=left, verify=self._trusted, proxies=get_environ_proxies(request.url)
                )
                content = b"".join(answer.raw.stream(PIECE_BYTES, decode_content=False))
        except DistrustError as error:
            raise SSLError(endpoint_url=request.url, error=error) from error
        except (RequestException, HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        self.size_bytes = len(content)
        headers: Any = answer.headers
        return AWSResponse(request.url, answer.status_code, headers, _Whole(content))


@dataclass(frozen=True)
class _Whole:
    """A body that was read, as botocore asks for one."""

    content: bytes

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.content
