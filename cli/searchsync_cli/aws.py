"""The edge to AWS: clients made when they are first needed, whose errors are already explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from searchsync_cli.errors import explain, iam_action

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 60
"""Seconds."""
INVOKE_TIMEOUT = 920
"""Seconds to wait for an invocation's answer: a function runs for 900 at most (AWS page "Lambda quotas")."""


class Explained:
    """A client that raises AwsError. Every method of the client is there, with keyword parameters."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        operation = self._client.meta.method_to_api_mapping.get(name, name)
        action = iam_action(self._client.meta.service_model.signing_name, operation)

        def call(**parameters: Any) -> Any:
            try:
                return method(**parameters)
            except (ClientError, BotoCoreError) as error:
                raise explain(error, action) from error

        return call


class Aws:
    """A profile and a region, and the clients that they give."""

    def __init__(self, profile: str | None = None, region: str | None = None, session: Any = None) -> None:
        self._profile = profile
        self._region = region
        self._session = session
        self._clients: dict[str, Explained] = {}

    def prefer_region(self, region: str | None) -> None:
        """Use this region where none was given."""
        self._region = self._region or region

    def client(self, service: str) -> Explained:
        """The client of a service. Raises AwsError (no region, no such profile)."""
        return self._made(service, _config(READ_TIMEOUT, 5), service)

    def invoker(self) -> Explained:
        """A Lambda client that waits for a long answer, and never asks twice: an invocation is not repeated."""
        return self._made("lambda", _config(INVOKE_TIMEOUT, 1), "invoker")

    def _made(self, service: str, config: Config, key: str) -> Explained:
        if key not in self._clients:
            try:
                if self._session is None:
                    self._session = boto3.Session(profile_name=self._profile, region_name=self._region)
                self._clients[key] = Explained(self._session.client(service, config=config))
            except BotoCoreError as error:
                raise explain(error) from error
        return self._clients[key]


def _config(read_timeout: int, attempts: int) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def pages(
    call: Callable[..., Any], items: str, token: tuple[str, str] = ("nextToken", "nextToken"), **parameters: Any
) -> Iterator[Any]:
    """The items of every page of a listing.

    `items` names the answer's member that holds them, `token` the request's and the answer's token.
    """
    ask, answered = token
    following: dict[str, Any] = {}
    while True:
        answer = call(**parameters, **following)
        yield from answer.get(items, [])
        if not answer.get(answered):
            return
        following = {ask: answer[answered]}
