"""Executions of state machines: from state to state, stopped, and redriven from where they failed.

The states themselves are ministack's. What stands here is how AWS runs an execution: children of a
Distributed Map are executions of their own (`lab.cloud.map_runs`), each with its own context and history,
and an attempt ends for good when its execution is stopped or begun anew. Sources, AWS Step Functions
developer guide: "Accessing execution data from the Context object", "Restarting state machine executions
with redrive", "Stopping state machine executions".
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

from lab.cloud.identity import NotAllowed, account_of, allows, assume
from lab.cloud.patching import private

logger = logging.getLogger(__name__)

Record = dict[str, Any]
ExecutionError = private(stepfunctions, "_ExecutionError")

LOCK = threading.RLock()
"""Held while an execution changes its status: a stop and an end may come together."""
CURRENT: contextvars.ContextVar[Record | None] = contextvars.ContextVar("execution", default=None)
"""The execution for which this thread works."""
_KINDS = {
    kind: private(stepfunctions, f"_execute_{kind.lower()}")
    for kind in ("Pass", "Task", "Choice", "Wait", "Parallel", "Map")
}
_WITH_EXECUTION = ("Task", "Parallel", "Map")


class Halted(Exception):
    """The attempt is over: its execution was stopped, or redriven since."""


def attempt_of(execution: Record) -> int:
    """The number of the attempt under way: how often the execution was redriven."""
    return int(execution.get("redriveCount", 0))


def alive(execution: Record, attempt: int) -> bool:
    """Whether this attempt still runs."""
    return execution["status"] == "RUNNING" and attempt_of(execution) == attempt


def event(execution: Record, kind: str, details: Record | None = None) -> None:
    """Add an event to the history."""
    private(stepfunctions, "_add_event")(execution, kind, details)


def run(execution_arn: str) -> None:
    """Run an execution that was started, to its end."""
    execution = private(stepfunctions, "_executions").get(execution_arn)
    machine = private(stepfunctions, "_state_machines").get(execution["stateMachineArn"])
    try:
        # A redrive keeps to the definition that the execution began with.
        definition = json.loads(machine["definition"])
        prepare(execution, definition, json.loads(execution["input"]), machine["roleArn"])
    except (TypeError, ValueError, KeyError) as error:
        _end(
            execution, attempt_of(execution), "FAILED", error="States.Runtime", cause=f"no usable definition: {error!r}"
        )
        return
    proceed(execution)


def prepare(execution: Record, machine: Record, data: Any, role: str) -> None:
    """Let an execution begin: `machine` has StartAt and States, `data` is its input."""
    language = machine.get("QueryLanguage", "JSONPath")
    context = {
        "QueryLanguage": language,
        "Execution": {
            "Id": execution["executionArn"],
            "Input": data,
            "Name": execution["name"],
            "RoleArn": role,
            "StartTime": execution["startDate"],
        },
        "StateMachine": {
            "Id": execution["stateMachineArn"],
            "Name": execution["stateMachineArn"].rpartition(":")[2],
        },
        "variables": {},
    }
    execution |= {"_states": machine["States"], "_at": (machine["StartAt"], data), "_context": context, "_role": role}


def proceed(execution: Record) -> None:
    """Run this attempt from where the execution stands."""
    attempt = attempt_of(execution)
    CURRENT.set(execution)
    try:
        output = _visit(execution, attempt)
    except Halted:
        return
    except ExecutionError as error:
        _end(execution, attempt, "FAILED", error=error.error, cause=error.cause)
    except Exception as error:
        logger.exception("unexpected in %s", execution["executionArn"])
        _end(execution, attempt, "FAILED", error="States.Runtime", cause=repr(error))
    else:
        _end(execution, attempt, "SUCCEEDED", output=json.dumps(output))


def _visit(execution: Record, attempt: int) -> Any:
    name, data = execution["_at"]
    context = execution["_context"]
    context["Execution"]["RedriveCount"] = attempt
    redriven = attempt > 0
    while name:
        if not alive(execution, attempt):
            raise Halted
        state = execution["_states"].get(name)
        if state is None:
            raise ExecutionError("States.Runtime", f"State '{name}' not found in definition")
        kind = state["Type"]
        execution["_at"] = (name, data)
        context["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
        if not redriven:
            entered = {"name": name, "input": json.dumps(data)}
            event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        redriven = False
        data, following = _state(kind, state, data, execution, context)
        if not alive(execution, attempt):
            raise Halted
        left = {"name": name, "output": json.dumps(data)}
        event(execution, f"{kind}StateExited", {"stateExitedEventDetails": left})
        name = following
    return data


def _state(kind: str, state: Record, data: Any, execution: Record, context: Record) -> tuple[Any, str | None]:
    if kind == "Fail":
        raise ExecutionError(*private(stepfunctions, "_fail_state_error")(state, data, context))
    if kind == "Succeed":
        taken = private(stepfunctions, "_apply_input_path")(state, data, context)
        return private(stepfunctions, "_apply_output_path")(state, taken, context), None
    handler = _KINDS.get(kind)
    if handler is None:
        raise ExecutionError("States.Runtime", f"Unknown state type: {kind}")
    given = (execution, context) if kind in _WITH_EXECUTION else (context,)
    output, following = handler(state, data, *given)
    return output, following


def _end(
    execution: Record, attempt: int, status: str, *, error: str = "", cause: str = "", output: str | None = None
) -> None:
    with LOCK:
        if not alive(execution, attempt):
            return
        execution |= {"status": status, "stopDate": now_iso(), "output": output}
        if status == "FAILED":
            execution |= {"error": error, "cause": cause}
            event(execution, "ExecutionFailed", {"executionFailedEventDetails": {"error": error, "cause": cause}})
        else:
            event(execution, "ExecutionSucceeded", {"executionSucceededEventDetails": {"output": output}})
    if not execution.get("mapRunArn"):
        private(stepfunctions, "_emit_execution_status_event")(execution)


def abort(execution: Record) -> None:
    """Stop an execution that runs, and its Map Run's children with it."""
    with LOCK:
        if execution["status"] == "RUNNING":
            execution |= {"status": "ABORTED", "stopDate": now_iso()}
            event(execution, "ExecutionAborted")
    abort_children(execution)


def abort_children(execution: Record) -> None:
    """Stop what an execution that was stopped had under way."""
    map_run = execution.get("_map_run")
    if map_run is not None:
        map_run.abort()


def redrive(execution: Record) -> None:
    """Begin another attempt, from the state that failed or was stopped."""
    with LOCK:
        execution |= {
            "status": "RUNNING",
            "stopDate": None,
            "output": None,
            "redriveCount": attempt_of(execution) + 1,
            "redriveDate": now_iso(),
        }
        execution.pop("error", None)
        execution.pop("cause", None)
        count = {"redriveCount": execution["redriveCount"]}
        event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": count})


def in_background(target: Any, *arguments: Any) -> None:
    """Run in a thread that knows account, region and execution, and that nobody waits for at the end."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(target, *arguments), daemon=True).start()


def require(action: str, resource: str, error: str) -> None:
    """Let the current execution's role be asked; ExecutionError `error` when it may not."""
    execution = CURRENT.get()
    role = (execution or {}).get("_role")
    if role is None:
        return
    account = account_of(role)
    try:
        session = assume(role, "states.amazonaws.com", execution["name"] if execution else "lab")
        permitted = allows(session.access_key, account, action, resource)
    except NotAllowed as refusal:
        raise ExecutionError(error, str(refusal)) from refusal
    if not permitted:
        raise ExecutionError(
            error,
            f"{role} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action",
        )
