"""DynamoDB sources of a GraphQL API: mapping templates, and versioned sources.

AWS: renders the resolver's request template (Velocity, "Resolver mapping template reference"), calls DynamoDB with the
source's role, and renders the response template, in which `$ctx.error` is what went wrong. A versioned source needs a
delta table and both times to live; a resolver that detects conflicts needs a versioned source ("Versioning DynamoDB
data sources"). What is written then: `lab.cloud.versioned_items`.
ministack: guesses the operation from the field's name, writes past role and stream, and knows no versions.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import airspeed
import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core.responses import error_response_json, get_region
from ministack.services import appsync

from lab.cloud.identity import NotAllowed, assume
from lab.cloud.patching import private, replace
from lab.cloud.versioned_items import CONFLICT, Item, Refused, delta_record, mutation

SESSION = "APPSYNC_ASSUME_ROLE"
REQUIRED = ("baseTableTTL", "deltaSyncTableName", "deltaSyncTableTTL")


def apply(endpoint: str) -> None:
    """Answer resolvers of DynamoDB sources by their templates; refuse settings that AWS refuses."""

    def resolve(source: dict[str, Any], resolver: dict[str, Any], args: Any, fields: Any) -> Any:
        if "requestMappingTemplate" not in resolver:
            return guess(source, resolver, args, fields)
        try:
            return _resolve(endpoint, source, resolver, args)
        except Refused as error:
            raise private(appsync, "_AppSyncResolverError")(str(error), error.kind, error.item) from error

    def create_source(api: str, body: dict[str, Any]) -> Any:
        config = body.get("dynamodbConfig") or {}
        lacking = [name for name in REQUIRED if (config.get("deltaSyncConfig") or {}).get(name) is None]
        if config.get("versioned") and lacking:
            return error_response_json("BadRequestException", f"A versioned source needs {', '.join(lacking)}", 400)
        return make_source(api, body)

    def create_resolver(api: str, kind: str, body: dict[str, Any]) -> Any:
        source = private(appsync, "_data_sources").get(api, {}).get(body.get("dataSourceName")) or {}
        detects = (body.get("syncConfig") or {}).get("conflictDetection") == "VERSION"
        if detects and not (source.get("dynamodbConfig") or {}).get("versioned"):
            return error_response_json("BadRequestException", "Conflict detection needs a versioned data source", 400)
        return make_resolver(api, kind, body)

    guess = replace(appsync, "_resolve_dynamodb", resolve)
    make_source = replace(appsync, "_create_data_source", create_source)
    make_resolver = replace(appsync, "_create_resolver", create_resolver)


def _resolve(endpoint: str, source: dict[str, Any], resolver: dict[str, Any], args: Any) -> Any:
    context: dict[str, Any] = {"args": args, "arguments": args, "result": None, "error": None}
    request = _render(resolver["requestMappingTemplate"], context)
    try:
        context["result"] = _plain(_asked(endpoint, source, resolver, request))
    except Refused as error:
        context |= {"error": {"message": str(error), "type": error.kind}, "result": _plain(error.item)}
    return _render(resolver["responseMappingTemplate"], context)


def _asked(endpoint: str, source: dict[str, Any], resolver: dict[str, Any], request: dict[str, Any]) -> Item | None:
    """What the resolver's request makes of DynamoDB, with the source's role: the item that is there then."""
    config = source["dynamodbConfig"]
    try:
        dynamodb = _client(endpoint, source["serviceRoleArn"], config.get("awsRegion") or get_region())
        there = dynamodb.get_item(TableName=config["tableName"], Key=request["key"], ConsistentRead=True).get("Item")
        if request["operation"] == "GetItem":
            return dict(there) if there else None
        if not config.get("versioned") or not resolver.get("syncConfig"):
            raise Refused("Lab", "The lab has mutations with conflict detection alone: give the resolver `sync_config`")
        now = datetime.now(UTC)
        call = mutation(request, there, config, now)
        answer = getattr(dynamodb, call.method)(**call.arguments)
        item = {**(call.arguments.get("Item") or answer.get("Attributes") or {}), **call.stamp}
        record = delta_record(item, request["key"], config, now)
        getattr(dynamodb, record.method)(**record.arguments)
    except (ClientError, NotAllowed) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "AccessDeniedException"
        if code == "ConditionalCheckFailedException":  # another mutation came between
            raise Refused(*CONFLICT) from error
        raise Refused(f"DynamoDB:{code}", str(error)) from error
    return item


def _client(endpoint: str, role: str, region: str) -> Any:
    session = assume(role, "appsync.amazonaws.com", SESSION)
    make: Any = boto3.client  # the stubs know a client's class only for a literal name
    return make(
        "dynamodb",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=session.access_key,
        aws_secret_access_key=session.secret_key,
        aws_session_token=session.token,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


class _DynamoDB:
    """$util.dynamodb; the names are AppSync's."""

    def toDynamoDBJson(self, value: Any) -> str:  # noqa: N802
        return json.dumps(TypeSerializer().serialize(value))


class _Util:
    """$util, as far as the examples use it; the names are AppSync's."""

    def __init__(self) -> None:
        self.dynamodb = _DynamoDB()
        self.refused: Exception | None = None

    def defaultIfNull(self, value: Any, default: Any) -> Any:  # noqa: N802
        return default if value is None else value

    def toJson(self, value: Any) -> str:  # noqa: N802
        return json.dumps(value, default=_number)

    def error(self, message: str, kind: str, data: Any = None) -> str:
        """The field's error, raised when the text is whole: airspeed would wrap it."""
        self.refused = private(appsync, "_AppSyncResolverError")(message, kind, json.loads(self.toJson(data)))
        return ""


def _render(template: str, context: dict[str, Any]) -> Any:
    """A template's text, read as JSON."""
    util = _Util()
    text = str(airspeed.Template(template).merge({"ctx": context, "context": context, "util": util}))
    if util.refused:
        raise util.refused
    return _json(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused("MappingTemplate", f"The template's text is no JSON ({error}): {text}") from error


def _plain(item: Item | None) -> dict[str, Any] | None:
    return None if item is None else {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is no part of an item with a GraphQL type in the examples")
