"""RedriveExecution.

AWS ("Restarting state machine executions with redrive"; API reference, RedriveExecution and
DescribeExecution): an execution that failed, was stopped or timed out goes on from the state where it
stopped, under the same ARN, with the definition that it began with; a Map Run redrives its unsuccessful
children. DescribeExecution and ListExecutions answer redriveCount, and the first redriveStatus too.
ministack: has no RedriveExecution, and says nothing of redrives.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions

from lab.cloud.executions import LOCK, Record, attempt_of, in_background, proceed, redrive
from lab.cloud.patching import private, replace

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Serve RedriveExecution, and complete what is said of executions."""

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return private(stepfunctions, "_finalize_response")(_redrive(json.loads(body or b"{}")))
        return await handle_request(method, path, headers, body, query)

    def describe(data: Record) -> Answer:
        return _completed(original_describe(data), lambda answer: [answer], with_status=True)

    def listed(data: Record) -> Answer:
        return _completed(original_list(data), lambda answer: answer["executions"], with_status=False)

    handle_request = replace(stepfunctions, "handle_request", handle)
    original_describe = replace(stepfunctions, "_describe_execution", describe)
    original_list = replace(stepfunctions, "_list_executions", listed)


def _redrive(data: Record) -> Any:
    arn = data.get("executionArn")
    execution = private(stepfunctions, "_executions").get(arn)
    if execution is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    with LOCK:
        if _status(execution) != "REDRIVABLE":
            return error_response_json("ExecutionNotRedrivable", _reason(execution), 400)
        redrive(execution)
    in_background(proceed, execution)
    return json_response({"redriveDate": execution["redriveDate"]})


def _completed(answer: Answer, executions: Any, *, with_status: bool) -> Answer:
    if answer[0] != 200:
        return answer
    body = json.loads(answer[2])
    for each in executions(body):
        execution = private(stepfunctions, "_executions").get(each["executionArn"])
        each["redriveCount"] = attempt_of(execution)
        if execution.get("redriveDate"):
            each["redriveDate"] = execution["redriveDate"]
        if with_status:
            each["redriveStatus"] = _status(execution)
            if each["redriveStatus"] != "REDRIVABLE":
                each["redriveStatusReason"] = _reason(execution)
    made: Answer = json_response(body)
    return made


def _status(execution: Record) -> str:
    if execution["status"] not in REDRIVABLE:
        return "NOT_REDRIVABLE"
    return "REDRIVABLE_BY_MAP_RUN" if execution.get("mapRunArn") else "REDRIVABLE"


def _reason(execution: Record) -> str:
    if _status(execution) == "REDRIVABLE_BY_MAP_RUN":
        return "Execution is a child of a Map Run, and is redriven by redriving its parent"
    return f"Execution is {execution['status']} and cannot be redriven"
