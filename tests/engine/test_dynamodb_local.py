"""DynamoDB Local starts, and a change in a table is a record in its stream."""

from __future__ import annotations

import boto3

from lab.dynamodb_local import DynamoDBLocal
from tests.support import there


def test_a_put_is_a_stream_record() -> None:
    with DynamoDBLocal.start(print) as local:
        session = boto3.Session("local", "local", region_name="us-east-1")
        tables = session.client("dynamodb", endpoint_url=local.url)
        streams = session.client("dynamodbstreams", endpoint_url=local.url)
        table = there.table(tables, "changes")
        tables.put_item(TableName="changes", Item={"id": {"S": "a"}})
        arn = table["LatestStreamArn"]
        shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shards[0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
    assert [record["dynamodb"]["NewImage"] for record in records] == [{"id": {"S": "a"}}]
