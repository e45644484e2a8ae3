"""A log group's key, given and taken away later.

AWS: AssociateKmsKey gives a log group a key, or another one, which must admit CloudWatch Logs as at the creation;
DisassociateKmsKey takes it away (API reference).
ministack: knows a key from the group's creation alone.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

from lab.cloud.patches.customer_keys import refused_for_logs
from lab.cloud.patching import private, replace

KEYS = {"AssociateKmsKey", "DisassociateKmsKey"}


def apply() -> None:
    """Serve both."""

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in KEYS:
            return _answer(action, json.loads(body or b"{}"))
        return await handle_request(method, path, headers, body, query)

    handle_request = replace(cloudwatch_logs, "handle_request", handle)


def _answer(action: str, data: dict[str, Any]) -> Any:
    name = data.get("logGroupName") or str(data.get("resourceIdentifier", "")).rpartition(":log-group:")[2]
    group = private(cloudwatch_logs, "_log_groups").get(name)
    if group is None:
        return error_response_json("ResourceNotFoundException", "The specified log group does not exist.", 400)
    if action == "AssociateKmsKey" and not str(data.get("kmsKeyId", "")).startswith("arn:"):
        return error_response_json("InvalidParameterException", "kmsKeyId must be a key's ARN.", 400)
    if action == "AssociateKmsKey" and (refusal := refused_for_logs({**data, "logGroupName": name})):
        return refusal
    group["kmsKeyId"] = data["kmsKeyId"] if action == "AssociateKmsKey" else None
    return json_response({})
