"""The handler that the whole of ours is measured against, as the AWS samples write it: TypeDeserializer,
one action a record, `helpers.bulk`. No versions, no order, no look at single answers."""

from __future__ import annotations

import os
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from opensearchpy import OpenSearch, RequestsHttpConnection, helpers
from requests_aws4auth import AWS4Auth

deserializer = TypeDeserializer()
region = os.environ["AWS_REGION"]
credentials = boto3.Session().get_credentials()
assert credentials is not None  # noqa: S101 - for the type checker
client = OpenSearch(
    hosts=[os.environ["OPENSEARCH_HOST"]],
    http_auth=AWS4Auth(credentials.access_key, credentials.secret_key, region, "aoss"),
    connection_class=RequestsHttpConnection,
    verify_certs=True,
)


def handle(event: dict[str, Any], _context: object) -> None:
    """Write each record's new image, or delete the document."""
    actions: list[dict[str, Any]] = []
    for record in event["Records"]:
        change = record["dynamodb"]
        target = {"_index": os.environ["OPENSEARCH_INDEX"], "_id": change["Keys"]["id"]["S"]}
        if record["eventName"] == "REMOVE":
            actions.append({**target, "_op_type": "delete"})
            continue
        image = {name: deserializer.deserialize(value) for name, value in change["NewImage"].items()}
        actions.append({**target, "_op_type": "index", "_source": image})
    helpers.bulk(client, actions)
