"""Map Runs: the children of a Distributed Map, as executions of their own.

Sources, AWS Step Functions developer guide: "Using Map state in Distributed mode", "Setting failure
thresholds for Distributed Map states", "Redriving Map Runs in Step Functions executions", "IAM policies
for using Distributed Map states". Stated there and kept here: a child has its own context object; a Map Run
whose failures pass the threshold fails and stops the children that run; a redriven Map Run begins its
unsuccessful children again from the state where they failed, and starts those that never ran.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter, deque
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import stepfunctions

from lab.cloud.executions import (
    LOCK,
    ExecutionError,
    Halted,
    Record,
    abort,
    attempt_of,
    event,
    in_background,
    prepare,
    proceed,
    redrive,
    require,
)
from lab.cloud.patching import private

MOST_CHILDREN = 64
"""At once, where the state has no MaxConcurrency: a machine is not AWS."""
NOT_ALLOWED = "States.Runtime"
"""AWS does not document the error of a role that may not start its children."""
STATUSES = {"SUCCEEDED": "succeeded", "FAILED": "failed", "ABORTED": "aborted", "RUNNING": "running"}


class MapRun:
    """One Map Run: its record, which DescribeMapRun answers, and its children in the order of their items."""

    def __init__(self, name: str, state: Record, inputs: list[Any], processor: Record, execution: Record) -> None:
        """`name` of the state, `inputs` of its children."""
        machine = execution["stateMachineArn"]
        label = state.get("Label") or new_uuid()
        self.name = name
        self.attempt = attempt_of(execution)
        self._parent = execution
        self._processor = processor
        self._machine = f"{machine}/{label}"
        self._inputs = inputs
        self._children: list[Record | None] = [None] * len(inputs)
        self._ended = threading.Event()
        self._round = 0
        self.record: Record = {
            "mapRunArn": f"{machine.replace(':stateMachine:', ':mapRun:')}/{label}:{new_uuid()}",
            "executionArn": execution["executionArn"],
            "status": "RUNNING",
            "startDate": now_iso(),
            "maxConcurrency": int(state.get("MaxConcurrency") or 0),
            "toleratedFailurePercentage": float(state.get("ToleratedFailurePercentage") or 0),
            "toleratedFailureCount": int(state.get("ToleratedFailureCount") or 0),
            "redriveCount": 0,
            "_stateMachineArn": self._machine,
        }
        self._count()

    def run(self) -> list[Any]:
        """The children's outputs. Raises ExecutionError when too many failed, Halted when it was stopped."""
        require("states:StartExecution", self._parent["stateMachineArn"], NOT_ALLOWED)
        require("states:DescribeExecution", self._executions("x"), NOT_ALLOWED)
        event(self._parent, "MapRunStarted", {"mapRunStartedEventDetails": {"mapRunArn": self.record["mapRunArn"]}})
        return self._go()

    def again(self) -> list[Any]:
        """As `run`, after the parent was redriven."""
        require("states:RedriveExecution", self._executions("x"), NOT_ALLOWED)
        self.attempt = attempt_of(self._parent)
        count = self.record["redriveCount"] + 1
        with LOCK:
            self._round += 1  # Nobody of the last round takes a child any more.
            self.record |= {"status": "RUNNING", "redriveCount": count, "redriveDate": now_iso()}
            self.record.pop("stopDate", None)
        details = {"mapRunArn": self.record["mapRunArn"], "redriveCount": count}
        event(self._parent, "MapRunRedriven", {"mapRunRedrivenEventDetails": details})
        return self._go()

    def abort(self) -> None:
        """Stop it, and its children that run; unless it has ended."""
        self._end("ABORTED")

    def _go(self) -> list[Any]:
        with LOCK:
            self._round += 1
            number, ended = self._round, threading.Event()
            self._ended = ended
            left = deque(
                index for index, each in enumerate(self._children) if each is None or each["status"] != "SUCCEEDED"
            )
            self._count()
        for _ in range(min(len(left), self.record["maxConcurrency"] or MOST_CHILDREN)):
            in_background(self._work, left, number)
        if not self._inputs:
            self._end("SUCCEEDED")
        ended.wait()
        if self._round != number or self.record["status"] == "ABORTED":
            raise Halted
        if self.record["status"] == "FAILED":
            event(self._parent, "MapRunFailed", {"mapRunFailedEventDetails": {"error": THRESHOLD[0]}})
            raise ExecutionError(*THRESHOLD)
        event(self._parent, "MapRunSucceeded")
        return [
            json.loads(each["output"]) if each and each["status"] == "SUCCEEDED" else None for each in self._children
        ]

    def _work(self, left: deque[int], number: int) -> None:
        """One of the children at a time, until none is left or the round is over."""
        while True:
            with LOCK:
                if self._round != number or self.record["status"] != "RUNNING" or not left:
                    return
                child = self._begin(left.popleft())
                self._count()
            proceed(child)
            with LOCK:
                if self._round == number:
                    self._judge()

    def _begin(self, index: int) -> Record:
        child = self._children[index]
        if child is not None:
            redrive(child)
            return child
        name = new_uuid()
        data = self._inputs[index]
        child = {
            "executionArn": self._executions(name),
            "stateMachineArn": self._machine,
            "name": name,
            "status": "RUNNING",
            "startDate": now_iso(),
            "stopDate": None,
            "input": json.dumps(data),
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "mapRunArn": self.record["mapRunArn"],
            "events": [],
            "mockAttempts": {},
        }
        role = self._parent["_role"]
        started = {"input": child["input"], "roleArn": role}
        event(child, "ExecutionStarted", {"executionStartedEventDetails": started})
        prepare(child, self._processor, data, role)
        private(stepfunctions, "_executions")[child["executionArn"]] = child
        self._children[index] = child
        return child

    def _judge(self) -> None:
        """End the Map Run when its failures are too many, or all its children have ended."""
        counts = self._count()
        failed, total = counts["failed"], len(self._children)
        by_percentage = failed * 100 > self.record["toleratedFailurePercentage"] * total
        by_count = failed > self.record["toleratedFailureCount"]
        # Either threshold that is set may be passed; none set means that no failure is tolerated.
        limits = [
            passed
            for name, passed in (("toleratedFailurePercentage", by_percentage), ("toleratedFailureCount", by_count))
            if self.record[name]
        ]
        if failed and (any(limits) if limits else True):
            self._end("FAILED")
        elif counts["succeeded"] + failed == total:
            self._end("SUCCEEDED")

    def _end(self, status: str) -> None:
        with LOCK:
            if self.record["status"] != "RUNNING":
                return
            self.record |= {"status": status, "stopDate": now_iso()}
            for child in self._children:
                if child is not None and child["status"] == "RUNNING":
                    self._stop(child)
            self._count()
        self._ended.set()

    def _stop(self, child: Record) -> None:
        try:
            require("states:StopExecution", child["executionArn"], NOT_ALLOWED)
        except ExecutionError:
            return  # It goes on to its own end.
        abort(child)

    def _count(self) -> Counter[str]:
        statuses = Counter(STATUSES[each["status"]] if each else "pending" for each in self._children)
        names = ("pending", "running", "succeeded", "failed", "timedOut", "aborted")
        counts = {name: statuses[name] for name in names}
        redrivable = statuses["failed"] + statuses["aborted"] if self.record["status"] != "RUNNING" else 0
        counts |= {"total": len(self._children), "resultsWritten": 0, "failuresNotRedrivable": 0}
        counts["pendingRedrive"] = redrivable
        self.record |= {"itemCounts": dict(counts), "executionCounts": dict(counts)}
        return statuses

    def _executions(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"


THRESHOLD = (
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
)


def distributed(state: Record, data: Any, effective: Any, processor: Record, *at: Record) -> tuple[Any, str | None]:
    """A Distributed Map: ministack's `_run_distributed_map`, with what AWS does. `at`: execution and context."""
    execution, context = at
    known: MapRun | None = execution.get("_map_run")
    name = context["State"]["Name"]
    if known is not None and known.name == name and known.attempt != attempt_of(execution):
        results = known.again()
    else:
        started = MapRun(name, state, _inputs(state, effective, context), processor, execution)
        execution["_map_run"] = started
        private(stepfunctions, "_map_runs")[started.record["mapRunArn"]] = started.record
        results = started.run()
    execution["_map_run"] = None
    selected = private(stepfunctions, "_apply_result_selector")(state, results)
    output = private(stepfunctions, "_apply_result_path")(state, data, selected)
    output = private(stepfunctions, "_apply_output_path")(state, output, context)
    return output, private(stepfunctions, "_next_or_end")(state)


def _inputs(state: Record, effective: Any, context: Record) -> list[Any]:
    """Each child's input: its item, or what the ItemSelector makes of it with the parent's context."""
    strange = [name for name in ("ItemReader", "ItemBatcher", "ResultWriter") if name in state]
    if strange:
        raise ExecutionError("States.Runtime", f"The lab's Distributed Map has no {', '.join(strange)}")
    items = private(stepfunctions, "_resolve_path_or_ctx")(state.get("ItemsPath", "$"), effective, context)
    if not isinstance(items, list):
        raise ExecutionError("States.Runtime", f"The items of a Distributed Map are no list: {type(items).__name__}")
    selector = state.get("ItemSelector") or state.get("Parameters")
    if not selector:
        return items
    inputs = []
    for index, item in enumerate(items):
        chosen = copy.copy(context) | {"Map": {"Item": {"Index": index, "Value": item}}}
        inputs.append(private(stepfunctions, "_resolve_params_obj")(selector, effective, chosen))
    return inputs
