"""KMS keys of customers.

AWS, each asked when the key is used, of the key's policy and of the caller's:
- a log group's key policy admits logs.<region>.amazonaws.com with the group's ARN as encryption context (CloudWatch
  Logs user guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service");
- who sends to a queue needs kms:GenerateDataKey and kms:Decrypt, who receives kms:Decrypt (SQS developer guide, "Key
  management", "Configuring AWS KMS permissions");
- who reads a table or its stream needs kms:Decrypt (DynamoDB developer guide, "DynamoDB encryption at rest",
  "Authorizing use of your customer managed key");
- who makes a collection needs kms:DescribeKey and kms:CreateGrant (OpenSearch Service developer guide, "Encryption in
  Amazon OpenSearch Serverless", "Key policy for a customer managed key").
ministack: keeps the keys' names and asks nobody.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import cloudwatch_logs, dynamodb, kms, opensearchserverless, sqs

from lab.cloud.identity import allows
from lab.cloud.patching import private, replace

FOR_LOGS = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey")
READ = ("kms:Decrypt",)
OF_A_QUEUE = {"sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"), "sqs:ReceiveMessage": READ}
OF_A_TABLE = dict.fromkeys(("BatchGetItem", "GetItem", "GetRecords", "Query", "Scan"), READ)
OF_A_COLLECTION = ("kms:DescribeKey", "kms:CreateGrant")
_caller: ContextVar[str] = ContextVar("caller", default="")
"""The access key of the request that is served."""


def apply() -> None:
    """Ask keys and callers."""
    enforce = private(iam_evaluator, "enforce")

    def enforced(access_key: str, action: str, *rest: Any, **named: Any) -> Any:
        denied = enforce(access_key, action, *rest, **named)
        return denied or _denied(access_key, action, str(named.get("resource_arn", "")))

    def create_log_group(data: dict[str, Any]) -> Any:
        return refused_for_logs(data) or create(data)

    def encryption_key(name: str) -> Any:
        key = matching(name)
        missing = [] if key in (None, "auto") else _missing(_caller.get(), OF_A_COLLECTION, str(key))
        if missing:
            message = f"The key {key} of the collection {name} does not permit {', '.join(missing)} to who makes it"
            raise private(opensearchserverless, "_Invalid")(message, "AccessDeniedException")
        return key

    replace(iam_evaluator, "enforce", enforced)
    create = replace(cloudwatch_logs, "_create_log_group", create_log_group)
    matching = replace(opensearchserverless, "_matching_encryption_key", encryption_key)


def _denied(access_key: str, action: str, resource: str) -> Any:
    _caller.set(access_key)
    key, wanted = _key_of(action, resource)
    missing = _missing(access_key, wanted, key) if key else []
    if not missing:
        return None
    message = f"The ciphertext refers to a customer master key that does not permit {', '.join(missing)} on {key}"
    return iam_evaluator.AuthError("KMS.AccessDeniedException", message)


def _key_of(action: str, resource: str) -> tuple[str | None, tuple[str, ...]]:
    """The key that an action uses, and what it asks of it."""
    service, _, operation = action.partition(":")
    if service == "sqs" and action in OF_A_QUEUE:
        queue = private(sqs, "_queue_by_arn")(resource) or {"attributes": {}}
        return queue["attributes"].get("KmsMasterKeyId"), OF_A_QUEUE[action]
    if service == "dynamodb" and operation in OF_A_TABLE:
        _, _, _, region, account, named = f"{resource}:::::/".split(":", 5)
        table = private(dynamodb, "_tables").get_scoped(account, region, named.split("/")[1].rstrip(":")) or {}
        return (table.get("SSEDescription") or {}).get("KMSMasterKeyArn"), OF_A_TABLE[operation]
    return None, ()


def _missing(access_key: str, wanted: tuple[str, ...], key: str) -> list[str]:
    if ":alias/" in key:  # AWS's own
        return []
    return [action for action in wanted if not allows(access_key, get_account_id(), action, key)]


def refused_for_logs(data: dict[str, Any]) -> Any:
    """The refusal of a log group's key that does not admit CloudWatch Logs for the group; None where it does."""
    key, group = data.get("kmsKeyId"), data.get("logGroupName", "")
    if not key:
        return None
    policy = kms.key_policy_for_arn(key)
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}"
    service = f"logs.{get_region()}.amazonaws.com"
    if policy is not None and all(_service_may(service, action, key, policy[0], arn) for action in FOR_LOGS):
        return None
    message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
    return error_response_json("AccessDeniedException", message, 400)


def _service_may(service: str, action: str, key: str, policy: str, group_arn: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=get_account_id(),
        action=action,
        resource_arn=key,
        region=get_region(),
        service_context={"kms:encryptioncontext:aws:logs:arn": group_arn},
    )
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")
