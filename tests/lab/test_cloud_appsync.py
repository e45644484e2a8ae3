"""GraphQL APIs in the lab: what AWS refuses of versioned data sources. examples/appsync has the writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.cloud.settings import REGION
from lab.stack import Lab

ROLE = "arn:aws:iam::000000000000:role/posts-api"
TABLE = {"tableName": "posts", "awsRegion": REGION}
TIMES = {"baseTableTTL": 60, "deltaSyncTableName": "delta", "deltaSyncTableTTL": 60}


@pytest.fixture
def api(lab: Lab) -> Iterator[tuple[Any, dict[str, str]]]:
    appsync = lab.boto3_client("appsync")
    made = appsync.create_graphql_api(name="posts", authenticationType="AWS_IAM")["graphqlApi"]["apiId"]
    yield appsync, {"apiId": made}
    appsync.delete_graphql_api(apiId=made)


def source(config: dict[str, Any]) -> dict[str, Any]:
    return {"type": "AMAZON_DYNAMODB", "serviceRoleArn": ROLE, "dynamodbConfig": {**TABLE, **config}}


@pytest.mark.parametrize("missing", sorted(TIMES))
def test_a_versioned_source_needs_its_delta_table_and_both_times(api: Any, missing: str) -> None:
    appsync, of = api
    some = {name: value for name, value in TIMES.items() if name != missing}
    with pytest.raises(ClientError, match=f"BadRequestException.*{missing}"):
        appsync.create_data_source(**of, name="posts", **source({"versioned": True, "deltaSyncConfig": some}))


@pytest.mark.parametrize("versioned", [False, True])
def test_conflict_detection_needs_a_versioned_source(api: Any, *, versioned: bool) -> None:
    appsync, of = api
    config = {"versioned": True, "deltaSyncConfig": TIMES} if versioned else {}
    appsync.create_data_source(**of, name="posts", **source(config))
    field = {"typeName": "Mutation", "fieldName": "createPost", "dataSourceName": "posts"}
    sync = {"conflictDetection": "VERSION", "conflictHandler": "OPTIMISTIC_CONCURRENCY"}
    if versioned:
        appsync.create_resolver(**of, **field, syncConfig=sync)
    else:
        with pytest.raises(ClientError, match="BadRequestException"):
            appsync.create_resolver(**of, **field, syncConfig=sync)
