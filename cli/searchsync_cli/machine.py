"""The state machine F-walk: its executions as data, and the edge that starts, finds and redrives them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError, CliError
from searchsync_cli.stack import OLD_MODULE, Stack

UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")
MAP_FAILED = "States.ExceedToleratedFailureThreshold"


class NoMachineError(CliError):
    """The stack has no state machine: the module is older than the table walk."""


@dataclass(frozen=True)
class Execution:
    """One execution. started, stopped: Unix seconds; input and output: the JSON objects, {} when there is none."""

    arn: str
    name: str
    status: str
    started: float
    stopped: float | None
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    error: str
    cause: str
    redrivable: bool
    why_not: str

    @property
    def task(self) -> str:
        """What it does: backfill, verify or repair."""
        return str(self.input.get("task", "?"))

    @property
    def totals(self) -> Mapping[str, Any]:
        """The counts of its output; absent is 0."""
        totals = self.output.get("totals")
        return totals if isinstance(totals, dict) else {}


@dataclass(frozen=True)
class MapRun:
    """One distributed map of an execution: its children, by state. started: Unix seconds; redriven: it went on
    after a failure, so that its pace is not known from its start."""

    started: float
    redriven: bool
    total: int
    done: int
    running: int
    failed: int


def execution_of(answer: Mapping[str, Any]) -> Execution:
    """An execution from DescribeExecution's answer."""
    stopped = answer.get("stopDate")
    return Execution(
        arn=answer["executionArn"],
        name=answer.get("name", answer["executionArn"].rpartition(":")[2]),
        status=answer["status"],
        started=answer["startDate"].timestamp(),
        stopped=stopped.timestamp() if stopped else None,
        input=_object(answer.get("input")),
        output=_object(answer.get("output")),
        error=answer.get("error") or "",
        cause=answer.get("cause") or "",
        redrivable=answer.get("redriveStatus", "REDRIVABLE") == "REDRIVABLE",
        why_not=answer.get("redriveStatusReason") or "",
    )


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Failure:
    """An execution's error, and its cause in words."""

    error: str
    cause: str


def failure_of(execution: Execution) -> Failure:
    """Why an execution failed. A function's cause is JSON (AWS page "Invoke an AWS Lambda function with Step
    Functions"), whose message alone is for people."""
    told = _object(execution.cause).get("errorMessage")
    return Failure(execution.error, str(told) if told else execution.cause)


def execution_name(task: str, now: float) -> str:
    """The name of an execution started at `now` (Unix seconds): no colons, which a name may not have."""
    return f"{task}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"


class Machine:
    """The state machine of one stack."""

    def __init__(self, aws: Aws, stack: Stack) -> None:
        self._client = aws.client("stepfunctions")
        self._arn = stack.machine_arn

    def start(self, name: str, request: Mapping[str, Any]) -> Execution:
        """Start an execution. Raises NoMachineError, AwsError."""
        with self._there():
            arn = self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(request))[
                "executionArn"
            ]
        return self.describe(arn)

    def describe(self, arn: str) -> Execution:
        """The execution now."""
        return execution_of(self._client.describe_execution(executionArn=arn))

    def redrive(self, execution: Execution) -> None:
        """Go on where an unsuccessful execution ended."""
        self._client.redrive_execution(executionArn=execution.arn)

    def having(self, status: str, since: float = 0.0) -> Iterator[Execution]:
        """The executions of this status begun since then (Unix seconds), the newest first; each is asked for when it
        is taken. Raises NoMachineError, AwsError."""
        with self._there():
            listed = pages(self._client.list_executions, "executions", stateMachineArn=self._arn, statusFilter=status)
            for each in listed:
                if each["startDate"].timestamp() < since:
                    return
                # Children of a distributed map are listed by their map run; some emulations list them here too.
                if not each.get("mapRunArn"):
                    yield self.describe(each["executionArn"])

    def latest(self, tasks: Sequence[str], *statuses: str, since: float = 0.0) -> Execution | None:
        """Of the executions with one of these tasks and statuses the one that began last, if since then."""
        found = [next((each for each in self.having(status, since) if each.task in tasks), None) for status in statuses]
        return max((each for each in found if each is not None), key=lambda each: each.started, default=None)

    def running(self) -> Execution | None:
        """The execution that runs; the one that began first, if another is about to be refused."""
        return min(self.having("RUNNING"), key=lambda each: each.started, default=None)

    def map_runs(self, execution: Execution) -> list[MapRun]:
        """Its distributed maps so far, in order: the table's, then the index's."""
        listed = list(pages(self._client.list_map_runs, "mapRuns", executionArn=execution.arn))
        listed.sort(key=lambda run: run["startDate"])
        return [self._map_run(run["mapRunArn"]) for run in listed]

    def failure(self, execution: Execution) -> Failure:
        """Why it failed: of a failed distributed map what its first failed child says, for the map says nothing."""
        if execution.error != MAP_FAILED:
            return failure_of(execution)
        for run in pages(self._client.list_map_runs, "mapRuns", executionArn=execution.arn):
            failed = self._client.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED", maxResults=1)
            for each in failed["executions"]:
                return failure_of(self.describe(each["executionArn"]))
        return failure_of(execution)

    def _map_run(self, arn: str) -> MapRun:
        answer = self._client.describe_map_run(mapRunArn=arn)
        counts = answer["itemCounts"]
        return MapRun(
            started=answer["startDate"].timestamp(),
            redriven=bool(answer.get("redriveCount")),
            total=counts["total"],
            done=counts["succeeded"],
            running=counts["running"],
            failed=counts["failed"] + counts["timedOut"] + counts["aborted"],
        )

    def _there(self) -> _MachineIsThere:
        return _MachineIsThere(self._arn)


class _MachineIsThere:
    """Turns "no such state machine" into what that means here."""

    def __init__(self, arn: str) -> None:
        self._name = arn.rpartition(":")[2]

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, AwsError) and error.code in ("StateMachineDoesNotExist", "ResourceNotFound"):
            raise NoMachineError(f"There is no state machine {self._name}.", OLD_MODULE) from error
