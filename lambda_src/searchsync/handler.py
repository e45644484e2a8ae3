"""The function's entry: edges made once at start, one invocation after the other.

Handler setting: `searchsync.handler.handle`.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from requests_aws4auth import AWS4Auth

from searchsync.clock import Backoff, SystemClock
from searchsync.collection import OpenSearchCollection, connect
from searchsync.config import Config, read_environment
from searchsync.errors import SearchsyncError, UnforeseenError
from searchsync.failures import FailureQueue
from searchsync.metrics import Report, emit, log_line
from searchsync.pipeline import Pipeline, describe
from searchsync.table import DynamoTable

CONNECT_TIMEOUT, READ_TIMEOUT = 3, 10
"""Seconds for the table and the queue; they answer in milliseconds."""


class Context(Protocol):
    """What the function uses of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        ...


class OnFirstUse:
    """An AWS client that is made when it is first asked for something.

    Most sandboxes never read the table or write the queue, and boto3 is half of a cold start.
    """

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region

    @cached_property
    def _client(self) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config as ClientConfig  # noqa: PLC0415

        # One retry inside botocore; beyond that the table and the queue have rules of their own.
        config = ClientConfig(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        make: Any = boto3.client
        return make(self._service, region_name=self._region, config=config)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def sign(environment: Mapping[str, str], region: str) -> AWS4Auth:
    """The signature for service `aoss`, with the role's credentials.

    Lambda gives them in the environment, good for the sandbox's life (AWS page "Defined runtime
    environment variables"); where it does not (SnapStart), botocore finds and refreshes them.
    """
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return AWS4Auth(key, secret, region, "aoss", session_token=environment.get("AWS_SESSION_TOKEN"))
    import boto3  # noqa: PLC0415

    return AWS4Auth(refreshable_credentials=boto3.Session().get_credentials(), region=region, service="aoss")


def build(config: Config, environment: Mapping[str, str]) -> Pipeline:
    """The pipeline of a configuration, with its real edges."""
    clock = SystemClock()
    backoff = Backoff(clock, random.Random())  # noqa: S311 - jitter, not a secret
    dynamodb = OnFirstUse("dynamodb", config.region)
    return Pipeline(
        config=config,
        collection=OpenSearchCollection(connect(config, sign(environment, config.region)), config, clock),
        table=DynamoTable(dynamodb, config.table_name, config.key_attributes, clock, backoff),
        failures=FailureQueue(OnFirstUse("sqs", config.region), config.failure_queue_url),
        clock=clock,
        backoff=backoff,
    )


def invoke(pipeline: Pipeline, event: object, context: Context) -> dict[str, Any]:
    """One invocation, with its log line; it is written also when the batch fails."""
    started = pipeline.clock.monotonic()
    report = Report()
    try:
        return pipeline.run(event, context.get_remaining_time_in_millis() / 1000, report)
    except SearchsyncError as error:
        report.error = describe(error)
        raise
    except Exception as error:  # noqa: BLE001 - raised again, without its message
        report.error = describe(error)
        # Lambda prints the message of what is raised, and a foreign message may hold an item.
        raise UnforeseenError(f"Unforeseen: {report.error}. The batch comes again; please report it.") from None
    finally:
        report.duration = pipeline.clock.monotonic() - started
        emit(log_line(report, pipeline.config, pipeline.clock.now(), context.aws_request_id))


logging.getLogger("opensearch").setLevel(logging.CRITICAL)  # its warnings quote the engine, and so the items
pipeline = build(read_environment(os.environ), os.environ)


def handle(event: object, context: Context) -> dict[str, Any]:
    """What Lambda calls with an event of the trigger. Answers with `batchItemFailures`."""
    return invoke(pipeline, event, context)
