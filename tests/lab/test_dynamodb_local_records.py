"""A second witness: real stream records of DynamoDB Local, through our trigger and the function's pipeline,
into a real engine behind the gate."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from requests_aws4auth import AWS4Auth

from lab.compare import compare, index_documents, table_documents
from lab.dynamodb_local import DynamoDBLocal
from lab.gate import Gate
from lab.stack import Lab
from lab.trigger_core import event_record
from searchsync.clock import Backoff, SystemClock
from searchsync.config import read_environment
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.edges.table import DynamoTable
from searchsync.sync.metrics import Report
from searchsync.sync.pipeline import Pipeline
from tests.support.events import environment
from tests.support.fakes import MemoryQueue

MAX_SKEW_SECONDS = 70
"""DynamoDB Local floors creation times to the minute."""


@pytest.fixture
def local() -> Iterator[DynamoDBLocal]:
    with DynamoDBLocal.start() as running:
        yield running


def stream_events(session: Any, local: DynamoDBLocal, stream_arn: str) -> Iterator[dict[str, Any]]:
    """The stream's records so far, as the trigger's events."""
    streams = session.client("dynamodbstreams", endpoint_url=local.url)
    for shard in streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator, Limit=100)
            if not page["Records"]:
                break
            yield {"Records": [event_record(each, stream_arn) for each in page["Records"]]}
            iterator = page.get("NextShardIterator")


def test_real_stream_records_bring_table_and_index_in_step(lab: Lab, local: DynamoDBLocal) -> None:
    session = boto3.Session("local", "local", region_name="us-east-1")
    dynamodb = session.client("dynamodb", endpoint_url=local.url)
    table = dynamodb.create_table(
        TableName="changes",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "B"},
            {"AttributeName": "sk", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    seed = 12
    print("seed", seed)
    rng = random.Random(seed)
    for number in range(300):
        key: dict[str, Any] = {
            "pk": {"B": bytes([rng.randrange(8)])},
            "sk": {"N": str(rng.choice([0, 1, -2.5, 10**30]))},
        }
        if rng.random() < 0.25:
            dynamodb.delete_item(TableName="changes", Key=key)
        else:
            dynamodb.put_item(TableName="changes", Item={**key, **attributes(number, rng)})
    clock = SystemClock()
    with Gate(lab.engine_url) as gate:
        config = read_environment(
            environment(
                STREAM_ARN=table["LatestStreamArn"],
                KEY_ATTRIBUTES='["pk","sk"]',
                OPENSEARCH_HOST=gate.url,
                OPENSEARCH_INDEX=f"local-{time.monotonic_ns()}",
            )
        )
        config = replace(config, max_skew=MAX_SKEW_SECONDS)
        auth = AWS4Auth("local", "local", "us-east-1", "aoss")
        backoff = Backoff(clock, random.Random(seed))
        queue = MemoryQueue()
        pipeline = Pipeline(
            config,
            OpenSearchCollection(connect(config, auth), config, clock),
            DynamoTable(dynamodb, "changes", ("pk", "sk"), clock, backoff),
            queue,
            clock,
            backoff,
        )
        for event in stream_events(session, local, table["LatestStreamArn"]):
            assert pipeline.run(event, 60.0, Report()) == {"batchItemFailures": []}
        found = compare(
            table_documents(dynamodb, "changes", ("pk", "sk")), index_documents(lab.engine_url, config.index)
        )
    assert found.in_step, found
    assert found.items > 10
    assert queue.messages == []


def attributes(number: int, rng: random.Random) -> dict[str, Any]:
    """One attribute of each type, with DynamoDB's own limits."""
    return {
        "exact": {"N": "9007199254740993.5"},
        "longest": {"N": "12345678901234567890123456789012345678"},
        "number": {"N": str(number)},
        "text": {"S": 'ü\n"\\ \u0001 東'},
        "flag": {"BOOL": rng.random() < 0.5},
        "nothing": {"NULL": True},
        "raw": {"B": rng.randbytes(9)},
        "numbers": {"NS": ["1", "2.5", "-3"]},
        "texts": {"SS": ["a", "b"]},
        "raws": {"BS": [b"\x00", b"\xff"]},
        "deep": {"M": {"list": {"L": [{"S": "x"}, {"NULL": True}]}, "map": {"M": {"n": {"N": "1"}}}}},
    }
