"""The engine tests' own HTTP client: what a test sends is what it says, no library in between."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import requests

CLIENT_TIMEOUT_SECONDS = 30.0


class Client:
    """A plain HTTP client that keeps its connection and sends the header a collection wants."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def call(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        timeout: float = CLIENT_TIMEOUT_SECONDS,
        **headers: str,
    ) -> requests.Response:
        """One request; `body` is bytes as they are, a list of bulk lines, or anything as JSON."""
        if isinstance(body, list):
            data = b"".join(json.dumps(line).encode() + b"\n" for line in body)
        elif isinstance(body, bytes):
            data = body
        else:
            data = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {
            "content-type": "application/json",
            "x-amz-content-sha256": hashlib.sha256(data).hexdigest(),
            **named,
        }
        return self.session.request(method, self.url + target, data=data, headers=sent, timeout=timeout)

    def found(self, index: str, document_id: str) -> Any:
        """The document's source, or None; read by its id, so no refresh is needed."""
        answer = self.call("GET", f"/{index}/_doc/{document_id}")
        return answer.json().get("_source")
