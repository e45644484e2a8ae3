"""The trigger's edges in the lab: the stream and the destinations, with the function's role."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.trigger_core import Discarded, JsonObject
from lab.trigger_edges import Page, PositionLost, Shard

# How long an answer about shards and permissions is taken for true.
REFRESH_SECONDS = 1.0
EXPIRED = {"ExpiredIteratorException": False, "TrimmedDataAccessException": True}


class RoleClients:
    """boto3 clients with a role's credentials, made anew when the credentials change."""

    def __init__(self, endpoint: str, region: str, credentials: Callable[[], dict[str, str]]) -> None:
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials
        self._clients: dict[str, tuple[dict[str, str], Any]] = {}

    def of(self, service: str) -> Any:
        """The client of a service; it tries each call once (the trigger repeats by itself)."""
        credentials = self._credentials()
        known = self._clients.get(service)
        if known is not None and known[0] == credentials:
            return known[1]
        # Any: the stubs know a client's class only for a literal name.
        make: Any = boto3.client
        client = make(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=credentials["AWS_SESSION_TOKEN"],
            config=Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}),
        )
        self._clients[service] = (credentials, client)
        return client


class StreamSource:
    """`lab.trigger_edges.Source` over the DynamoDB Streams API."""

    def __init__(self, clients: RoleClients, stream_arn: str) -> None:
        self._clients = clients
        self._arn = stream_arn
        self._known: tuple[float, Sequence[Shard]] = (float("-inf"), ())

    def shards(self) -> Sequence[Shard]:
        """The stream's shards, at most REFRESH_SECONDS old."""
        since, known = self._known
        if time.monotonic() - since < REFRESH_SECONDS:
            return known
        streams = self._clients.of("dynamodbstreams")
        # Lambda calls it too; it is the one action of the four without a resource level.
        streams.list_streams(TableName=self._arn.split("/")[1], Limit=1)
        shards: list[Shard] = []
        start: dict[str, str] = {}
        while True:
            found = streams.describe_stream(StreamArn=self._arn, **start)["StreamDescription"]
            shards += [Shard(s["ShardId"], s.get("ParentShardId")) for s in found["Shards"]]
            if "LastEvaluatedShardId" not in found:
                break
            start = {"ExclusiveStartShardId": found["LastEvaluatedShardId"]}
        if shards:
            # AWS renews its iterators all the time; here one call shows that it still may.
            self.iterator(shards[0].id, "TRIM_HORIZON", None)
        self._known = (time.monotonic(), shards)
        return shards

    def iterator(self, shard_id: str, kind: str, sequence: str | None) -> str:
        """GetShardIterator."""
        after = {"SequenceNumber": sequence} if sequence else {}
        try:
            answer = self._clients.of("dynamodbstreams").get_shard_iterator(
                StreamArn=self._arn, ShardId=shard_id, ShardIteratorType=kind, **after
            )
        except ClientError as error:
            raise _position_lost(error) from error
        return str(answer["ShardIterator"])

    def read(self, iterator: str, limit: int) -> Page:
        """GetRecords."""
        try:
            answer = self._clients.of("dynamodbstreams").get_records(ShardIterator=iterator, Limit=limit)
        except ClientError as error:
            raise _position_lost(error) from error
        return Page(answer["Records"], answer.get("NextShardIterator"))


def _position_lost(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    return PositionLost(EXPIRED[code]) if code in EXPIRED else error


class WriteDestination:
    """`lab.trigger_edges.Destination` over SQS, SNS and S3."""

    def __init__(self, clients: RoleClients, mapping_id: str) -> None:
        self._clients = clients
        self._mapping_id = mapping_id

    def send(self, arn: str, discarded: Discarded, message: JsonObject) -> None:
        """Deliver with the function's role; botocore's ClientError when that may not."""
        service, account, name = arn.split(":")[2], arn.split(":")[4], arn.split(":", 5)[5]
        if service == "sqs":
            sqs = self._clients.of("sqs")
            # Not GetQueueUrl: the role needs sqs:SendMessage alone.
            url = f"{sqs.meta.endpoint_url}/{account}/{name}"
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))
        elif service == "sns":
            self._clients.of("sns").publish(TopicArn=arn, Message=json.dumps(message))
        else:
            body = json.dumps(discarded.s3_object(message)).encode()
            key = discarded.s3_key(self._mapping_id, str(uuid.uuid4()))
            self._clients.of("s3").put_object(Bucket=name, Key=key, Body=body)
