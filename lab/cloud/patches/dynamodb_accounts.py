"""A table in another account.

AWS: `TableName`, and a table's name in `RequestItems`, may be the table's ARN, of another account too; the caller's
policies and the resource-based policy of table or stream must both allow it, and only some operations can be called so
(DynamoDB developer guide, "DynamoDB API operations supported by resource-based policies", "Cross-account access with
resource-based policies"). `aws:PrincipalArn` is the role's ARN, not its session's (IAM user guide, "AWS global
condition context keys").
ministack: knows the tables of the caller's account alone, keeps resource policies and asks none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import dynamodb, dynamodb_streams

from lab.cloud.identity import account_of, role_of
from lab.cloud.patches.dynamodb_stream_permissions import stream_of
from lab.cloud.patching import private, replace

CROSS_ACCOUNT = frozenset(
    {
        *("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"),
        *("DescribeStream", "DescribeTable", "GetRecords", "GetShardIterator"),
    }
)
"""Some of those with "Yes" for both in "DynamoDB API operations supported by resource-based policies"."""

Handler = Callable[..., Awaitable[Any]]


def apply() -> None:
    """Serve requests in the account of the table that they name."""
    lookups = dict(private(iam_evaluator, "_RESOURCE_POLICY_LOOKUPS"))
    dynamodb.policy_for_arn = _policy
    own = dict.fromkeys(("dynamodb", "dynamodbstreams"), ("dynamodb", "policy_for_arn"))
    replace(iam_evaluator, "_RESOURCE_POLICY_LOOKUPS", lookups | own)
    _serve(dynamodb, _table_of)
    _serve(dynamodb_streams, stream_of)
    resolve = private(iam_evaluator, "_resolve_condition_key")

    def resolved(key: str, context: Any) -> Any:
        return role_of(context.principal_arn) if key.lower() == "aws:principalarn" else resolve(key, context)

    replace(iam_evaluator, "_resolve_condition_key", resolved)


def _serve(module: Any, named: Callable[[bytes], str | None]) -> None:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
        arn = named(body)
        if arn is None or account_of(arn) == get_account_id():
            return await original(method, path, headers, body, *rest)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        # The account's root has no policies that could be asked, and passes every check of an identity.
        if operation not in CROSS_ACCOUNT or iam_evaluator.caller_arn().endswith(":root"):
            message = f"User: {iam_evaluator.caller_arn()} is not authorized to perform: dynamodb:{operation} on {arn}"
            return error_response_json("AccessDeniedException", message, 400)
        with request_scope(account_of(arn), get_region()):
            return await original(method, path, headers, body, *rest)

    original: Handler = replace(module, "handle_request", handle)


def _table_of(body: bytes) -> str | None:
    named = iam_actions.dynamodb_resource_arns(body, get_region(), get_account_id())
    return named[0] if named else None


def _policy(arn: str) -> tuple[str, str] | None:
    parts = arn.split(":", 5)  # a stream's label has more
    if len(parts) != 6:
        return None
    with request_scope(parts[4], parts[3]):
        found = private(dynamodb, "_resource_policies").get(arn) or {}
    return str(found.get("Policy", "")), parts[4]
