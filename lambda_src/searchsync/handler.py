"""The function's entry: edges made once at start, one invocation after the other.

Handler setting: `searchsync.handler.handle`.
"""

from __future__ import annotations

import logging
import os
import random
from typing import Any, Protocol

import boto3
from botocore.config import Config as ClientConfig

from searchsync.clock import Backoff, SystemClock
from searchsync.collection import OpenSearchCollection, connect
from searchsync.config import Config, read_environment
from searchsync.failures import FailureQueue
from searchsync.metrics import Report, emit, log_line
from searchsync.pipeline import Pipeline, describe
from searchsync.table import DynamoTable

AWS_CLIENT = ClientConfig(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}, tcp_keepalive=True
)
"""One retry inside botocore; beyond that the table and the queue have rules of their own."""


class Context(Protocol):
    """What the function uses of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        ...


def build(config: Config) -> Pipeline:
    """The pipeline of a configuration, with its real edges."""
    clock = SystemClock()
    backoff = Backoff(clock, random.Random())  # noqa: S311 - jitter, not a secret
    session = boto3.Session(region_name=config.region)
    return Pipeline(
        config=config,
        collection=OpenSearchCollection(connect(config, session.get_credentials()), config, clock),
        table=DynamoTable(
            session.client("dynamodb", config=AWS_CLIENT), config.table_name, config.key_attributes, clock, backoff
        ),
        failures=FailureQueue(session.client("sqs", config=AWS_CLIENT), config.failure_queue_url),
        clock=clock,
        backoff=backoff,
    )


def invoke(pipeline: Pipeline, event: object, context: Context) -> dict[str, Any]:
    """One invocation, with its log line; it is written also when the batch fails."""
    started = pipeline.clock.monotonic()
    report = Report()
    try:
        return pipeline.run(event, context.get_remaining_time_in_millis() / 1000, report)
    except Exception as error:
        report.error = describe(error)
        raise
    finally:
        report.duration = pipeline.clock.monotonic() - started
        emit(log_line(report, pipeline.config, pipeline.clock.now(), context.aws_request_id))


logging.getLogger("opensearch").setLevel(logging.CRITICAL)  # its warnings quote the engine, and so the items
pipeline = build(read_environment(os.environ))


def handle(event: object, context: Context) -> dict[str, Any]:
    """What Lambda calls with an event of the trigger. Answers with `batchItemFailures`."""
    return invoke(pipeline, event, context)
