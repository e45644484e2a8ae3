"""The state machine's role.

AWS ("IAM policies for using Distributed Map states", "Redriving Map Runs"): what an execution does it does
with its machine's role: lambda:InvokeFunction, and, for a Distributed Map,
states:StartExecution on its own machine and DescribeExecution, StopExecution and RedriveExecution on its
children. A rule of EventBridge starts an execution with the target's role.
ministack: asks no role. The children's part is asked in lab/cloud/map_runs.py.
"""

from __future__ import annotations

import logging
from typing import Any

from ministack.services import eventbridge, lambda_svc, stepfunctions

from lab.cloud.executions import require
from lab.cloud.identity import NotAllowed, account_of, allows, assume
from lab.cloud.patching import private, replace

logger = logging.getLogger(__name__)


def apply() -> None:
    """Ask the roles."""

    def call(function: str, payload: Any) -> Any:
        _, config, _ = private(lambda_svc, "_get_func_record_for_ref")(function)
        if config:
            require("lambda:InvokeFunction", config["FunctionArn"], "Lambda.AWSLambdaException")
        return invoke(function, payload)

    def target(chosen: dict[str, Any], *rest: Any, **named: Any) -> None:
        arn = chosen.get("Arn", "")
        missing = _cannot_start(chosen.get("RoleArn", ""), arn) if ":states:" in arn else None
        if missing is None:
            deliver(chosen, *rest, **named)
        else:
            logger.warning("EventBridge did not start %s: %s", arn, missing)

    invoke = replace(stepfunctions, "_call_lambda", call)
    deliver = replace(eventbridge, "_invoke_target", target)


def _cannot_start(role: str, machine: str) -> str | None:
    if not role:
        return "the target has no role"
    try:
        session = assume(role, "events.amazonaws.com", "rule")
    except NotAllowed as refusal:
        return str(refusal)
    if allows(session.access_key, account_of(role), "states:StartExecution", machine):
        return None
    return f"{role} is not authorized to perform: states:StartExecution on resource: {machine}"
