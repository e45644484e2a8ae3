"""A function's log lines need its role.

AWS: lines reach the log group only when the execution role may logs:CreateLogStream and
logs:PutLogEvents there (and logs:CreateLogGroup when there is no group yet).
ministack: writes them in any case.
"""

from __future__ import annotations

import logging
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from lab.cloud.identity import account_of, allows
from lab.cloud.patching import private, replace

logger = logging.getLogger(__name__)


def apply() -> None:
    """Drop the lines of a function whose role may not write them."""

    def emit(function: dict[str, Any], *rest: Any, **keywords: Any) -> None:
        missing = _missing(function.get("config") or function)
        if missing:
            logger.warning("log lines dropped: the role lacks %s", ", ".join(missing))
        else:
            original(function, *rest, **keywords)

    original = replace(lambda_svc, "_emit_lambda_logs", emit)


def _missing(config: dict[str, Any]) -> list[str]:
    function_arn = config["FunctionArn"]
    region, account = function_arn.split(":")[3], account_of(function_arn)
    key = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    default = f"/aws/lambda/{config['FunctionName']}"
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or default
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    wanted = [("logs:CreateLogStream", f"{arn}:*"), ("logs:PutLogEvents", f"{arn}:log-stream:x")]
    if group not in private(cloudwatch_logs, "_log_groups"):
        wanted.append(("logs:CreateLogGroup", arn))
    return [action for action, resource in wanted if not allows(key, account, action, resource)]
