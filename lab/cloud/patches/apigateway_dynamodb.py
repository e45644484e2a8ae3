"""REST API integrations of type AWS with DynamoDB.

AWS: `arn:aws:apigateway:<region>:dynamodb:action/<Action>` renders the request template, calls the
action with the integration's role, chooses the integration response by the status and renders its
response template ("Set up API integration request", "Mapping template reference").
ministack: calls a Lambda function whatever the service is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import urllib.error
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningCredentials
from ministack.core.responses import new_uuid
from ministack.services import apigateway_v1

from lab.cloud.identity import NotAllowed, account_of, assume
from lab.cloud.mapping_template import Exchange, render
from lab.cloud.patching import private, replace

logger = logging.getLogger(__name__)

JSON = "application/json"
Answer = tuple[int, dict[str, str], bytes]


def apply(endpoint: str) -> None:
    """Send DynamoDB integrations to the table instead of a function."""

    async def invoke(integration: dict[str, Any], *request: Any, **keywords: Any) -> Any:
        target = private(apigateway_v1, "_parse_service_integration_uri")(integration.get("uri"))
        if target is None or target[1:3] != ("dynamodb", "action"):
            return await original(integration, *request, **keywords)
        region, action = target[0], target[3]
        exchange = _exchange(*request)
        return await asyncio.to_thread(_invoke, endpoint, integration, region, action, exchange)

    original = replace(apigateway_v1, "_invoke_lambda_custom_v1", invoke)


def _exchange(  # noqa: PLR0917  ministack's own order.
    api_id: str,
    stage_name: str,
    stage: dict[str, Any],
    resource: dict[str, Any],
    path: str,
    method: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
    path_parameters: dict[str, str] | None,
) -> Exchange:
    return Exchange(
        body=body.decode(errors="replace"),
        path=path_parameters or {},
        query={name: values[-1] for name, values in (query or {}).items()},
        headers=headers,
        stage_variables=stage.get("variables") or {},
        context={
            "apiId": api_id,
            "stage": stage_name,
            "requestId": new_uuid(),
            "httpMethod": method,
            "path": f"/{stage_name}{path}",
            "resourceId": resource.get("id"),
            "resourcePath": resource.get("path"),
            "identity": {"sourceIp": "127.0.0.1", "userAgent": headers.get("user-agent", "")},
        },
    )


def _invoke(endpoint: str, integration: dict[str, Any], region: str, action: str, exchange: Exchange) -> Answer:
    template, refused = _request_template(integration, exchange)
    if refused:
        return refused
    try:
        body = exchange.body if template is None else render(template, exchange)
        status, answer, headers = _call(endpoint, integration, region, action, body)
    except NotAllowed as error:
        logger.warning("API Gateway: %s", error)
        return _plain(500, "Internal server error")
    return _respond(integration, status, headers, exchange.answered(answer))


def _request_template(integration: dict[str, Any], exchange: Exchange) -> tuple[str | None, Answer | None]:
    """The template for the request's content type; without one the body passes, or 415."""
    templates = integration.get("requestTemplates") or {}
    sent = exchange.headers.get("content-type", JSON).split(";")[0].strip().lower()
    if sent in templates:
        return templates[sent], None
    behaviour = (integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
    passes = behaviour == "WHEN_NO_MATCH" or (behaviour == "WHEN_NO_TEMPLATES" and not templates)
    return None, None if passes else _plain(415, "Unsupported Media Type")


def _call(
    endpoint: str, integration: dict[str, Any], region: str, action: str, body: str
) -> tuple[int, str, dict[str, str]]:
    role = integration.get("credentials") or ""
    if not role.startswith("arn:"):
        raise NotAllowed("the integration has no role in `credentials`")
    session = assume(role, "apigateway.amazonaws.com", f"BackplaneAssumeRole-{account_of(role)}")
    request = AWSRequest(
        method="POST",
        url=f"{endpoint}/",
        data=body.encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{action}",
        },
    )
    keys = SigningCredentials(session.access_key, session.secret_key, session.token)
    SigV4Auth(keys, "dynamodb", region).add_auth(request)
    sent = urllib.request.Request(
        f"{endpoint}/", data=body.encode(), headers=dict(request.headers.items()), method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(sent, timeout=29) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers.items())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers.items())


def _respond(integration: dict[str, Any], status: int, backend: dict[str, str], exchange: Exchange) -> Answer:
    chosen = _integration_response(integration, status)
    if chosen is None:
        return _plain(500, "Internal server error")
    templates = chosen.get("responseTemplates") or {}
    template = templates.get(JSON)
    body = exchange.body if template is None else render(template, exchange)
    headers = {"Content-Type": JSON}
    for destination, source in (chosen.get("responseParameters") or {}).items():
        name = destination.removeprefix("method.response.header.")
        headers[name] = _header(source, backend, exchange)
    return int(chosen["statusCode"]), headers, body.encode()


def _integration_response(integration: dict[str, Any], status: int) -> dict[str, Any] | None:
    """The first whose selectionPattern matches the status, else the one without a pattern."""
    responses: list[dict[str, Any]] = list((integration.get("integrationResponses") or {}).values())
    for response in responses:
        pattern = response.get("selectionPattern")
        if pattern and re.fullmatch(pattern, str(status)):
            return response
    return next((each for each in responses if not each.get("selectionPattern")), None)


def _header(source: str, backend: dict[str, str], exchange: Exchange) -> str:
    if source.startswith("integration.response.header."):
        return backend.get(source.removeprefix("integration.response.header."), "")
    if source.startswith("integration.response.body"):
        return str(exchange.at("$" + source.removeprefix("integration.response.body")))
    return source.strip("'")


def _plain(status: int, message: str) -> Answer:
    return status, {"Content-Type": JSON}, json.dumps({"message": message}).encode()
