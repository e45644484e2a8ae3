"""The state machine F-reconcile: its executions as data, and the edge that starts, finds and redrives them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import inf
from typing import Any

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError, CliError
from searchsync_cli.stack import OLD_MODULE, Stack

TASKS = ("backfill", "verify", "repair")
COMPARISONS = ("verify", "repair")
UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")
RUNNING = ("RUNNING", "PENDING_REDRIVE")
MAP_FAILED = "States.ExceedToleratedFailureThreshold"
PAGE = 1000
"""Executions in an answer of ListExecutions: the most that it gives (its API reference)."""
MOST_LISTED = 2 * PAGE
"""Executions that are looked through for one: of a verification each hour, those of 83 days."""
MOST_ASKED = 20
"""Of those whose name says no task (the schedule's) so many are asked what they are, the newest."""
SCHEDULED = "verify"
"""The schedule's task."""


class NoRunError(CliError):
    """The state machine has no such execution."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no run {name}.", "`searchsync runs` lists them. Step Functions keeps one for 90 days."
        )


class NoMachineError(CliError):
    """The stack has no state machine: the module is older than the reconciliation."""


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
    def gave_way(self) -> bool:
        """Whether it ended at once because another one ran, as a scheduled verification does: it did nothing."""
        return "gave_way" in self.output

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


def task_named(name: str) -> str | None:
    """The task that an execution's name says, as `execution_name` does; None for a name of another kind."""
    task, hyphen, _ = name.partition("-")
    return task if hyphen and task in TASKS else None


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

    def having(self, status: str = "", since: float = 0.0, tasks: Sequence[str] = TASKS) -> Iterator[Execution]:
        """The executions of this status (any, if none is given) that have not ended before then (Unix seconds), those
        that ended last first (API "ListExecutions").

        Each is asked for when it is taken, but for those whose name says another task: however many verifications
        a schedule has run, a few calls find a repair. One that was started by hand under a name of another kind may be
        missed behind MOST_ASKED of them; but no verification is, or an older one would stand for what a newer one has
        found: those that gave way have no name either. Raises NoMachineError, AwsError.
        """
        wanted: dict[str, Any] = {"statusFilter": status} if status else {}
        most = MOST_LISTED if SCHEDULED in tasks else MOST_ASKED
        unnamed = 0
        with self._there():
            listed = pages(
                self._client.list_executions, "executions", stateMachineArn=self._arn, maxResults=PAGE, **wanted
            )
            for each in islice(listed, MOST_LISTED):
                if "stopDate" in each and each["stopDate"].timestamp() < since:
                    return
                # Children of a distributed map are listed by their map run; some emulations list them here too.
                if each.get("mapRunArn"):
                    continue
                task = task_named(each["name"])
                unnamed += task is None
                if task in tasks or (task is None and unnamed <= most):
                    found = self.describe(each["executionArn"])
                    if not found.gave_way:
                        yield found

    def latest(self, tasks: Sequence[str], *statuses: str, since: float = 0.0) -> Execution | None:
        """Of the executions with one of these tasks and statuses (any, if none is given) the one that ended last, or
        runs, if it has not ended before then (Unix seconds)."""
        found = [
            next((each for each in self.having(status, since, tasks) if each.task in tasks), None)
            for status in statuses or ("",)
        ]
        return max((each for each in found if each is not None), key=_ended, default=None)

    def standing(self, tasks: Sequence[str]) -> list[Execution]:
        """The executions with one of these tasks that succeeded, and whose word stands: none began after their end. The
        one that began last is the first.

        There are several where one was resumed after another had run: each may have looked at a part before the other.
        """
        found: list[Execution] = []
        for each in self.having("SUCCEEDED", tasks=tasks):
            if any(_ended(each) < other.started for other in found):
                break  # and so did all that come behind it
            if each.task in tasks:
                found.append(each)
        found.sort(key=lambda each: each.started, reverse=True)
        return [each for each in found if _ended(each) >= found[0].started]

    def named(self, name: str) -> Execution:
        """The execution of this name or ARN. Raises NoRunError, AwsError."""
        own = f"{self._arn.replace(':stateMachine:', ':execution:')}:"
        try:
            return self.describe(own + name.removeprefix(own))
        except AwsError as error:
            if error.code in ("ExecutionDoesNotExist", "InvalidArn", "ValidationException"):
                raise NoRunError(name) from error
            raise

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


def _ended(execution: Execution) -> float:
    return inf if execution.stopped is None else execution.stopped


class _MachineIsThere:
    """Turns "no such state machine" into what that means here."""

    def __init__(self, arn: str) -> None:
        self._name = arn.rpartition(":")[2]

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, AwsError) and error.code in ("StateMachineDoesNotExist", "ResourceNotFound"):
            raise NoMachineError(f"There is no state machine {self._name}.", OLD_MODULE) from error
