"""The run of an applied stack: started and waited for, made quick enough for a test; and damage for it to find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from lab.applied import Applied
from lab.behaviours import DEFAULT_PROFILE, in_the_lab
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.limits import NEW_INDEX_S, SHORTEST_RECHECK_DELAY

REFRESH_SECONDS = in_the_lab(DEFAULT_PROFILE).reads_late_s + 0.5
"""After so long a search shows what was written, also past the gate: a second is the lab's for AOSS's ten."""
RECHECK_DELAY_SECONDS = f"{SHORTEST_RECHECK_DELAY:g}"
"""What a search shows must be settled too; a run never takes less than AOSS's own refresh."""


class Run:
    """Executions of an applied stack's run. `patience`: seconds until the end of one; a call waits for an index that is
    new."""

    def __init__(self, stack: Applied, patience: float = NEW_INDEX_S + 300) -> None:
        self.stack = stack
        self.patience = patience
        self.states = stack.lab.boto3_client("stepfunctions")
        self.machine = stack.outputs["reconciliation_state_machine_arn"]

    def start(self, task: str, **more: Any) -> str:
        given = json.dumps({"task": task, **more})
        return str(self.states.start_execution(stateMachineArn=self.machine, input=given)["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        def ended() -> Any:
            found = self.states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return dict(self.stack.until("the run's end", ended, self.patience))

    def run(self, task: str) -> dict[str, Any]:
        """The output of a run that succeeds."""
        ended = self.end(self.start(task))
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"), self.causes(ended))
        return dict(json.loads(ended["output"]))

    def redrive(self, execution: str) -> dict[str, Any]:
        self.states.redrive_execution(executionArn=execution)
        return self.end(execution)

    def causes(self, ended: dict[str, Any]) -> str:
        """Why it failed: its own cause, and its children's."""
        said = [f"{ended.get('error')}: {ended.get('cause')}"]
        for run in self.states.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]:
            for child in self.states.list_executions(mapRunArn=run["mapRunArn"])["executions"]:
                found = self.states.describe_execution(executionArn=child["executionArn"])
                said.append(f"{found.get('error')}: {found.get('cause')}")
        return "\n".join(said)

    def failures(self, execution: str) -> list[str]:
        """The errors of an execution's own calls so far."""
        events = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [each["taskFailedEventDetails"]["error"] for each in events if "taskFailedEventDetails" in each]

    def log(self) -> list[dict[str, Any]]:
        """The reconcile function's JSON lines."""
        logs = self.stack.lab.boto3_client("logs")
        found = logs.filter_log_events(logGroupName=self.stack.outputs["reconciliation_log_group_name"])["events"]
        return [json.loads(each["message"]) for each in found if each["message"].startswith("{")]

    def differences(self, run: str) -> list[dict[str, Any]]:
        """The differences of a run, as its log has them."""
        return [line for line in self.log() if line.get("run") == run and "attributes" in line]

    def drift(self) -> float:
        """The latest Differences metric."""
        now = datetime.now(UTC)
        found = self.stack.lab.boto3_client("cloudwatch").get_metric_statistics(
            Namespace="searchsync",
            MetricName="Differences",
            Dimensions=[{"Name": "FunctionName", "Value": self.stack.outputs["reconciliation_function_name"]}],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(seconds=1),
            Period=1,
            Statistics=["Maximum"],
        )["Datapoints"]
        return float(max(found, key=lambda point: point["Timestamp"])["Maximum"])


def settling_soon(stack: Applied) -> AbstractContextManager[None]:
    """The run with a short recheck delay, so that a test need not wait. The lab's CloudWatch tells all at once."""
    return with_environment(stack, RECHECK_DELAY_SECONDS=RECHECK_DELAY_SECONDS, WATCH_SECONDS="1")


@contextmanager
def with_environment(stack: Applied, **changed: str) -> Iterator[None]:
    """The reconcile function with other variables."""
    functions, name = stack.lab.boto3_client("lambda"), stack.outputs["reconciliation_function_name"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def damage(stack: Applied, name: str, document: dict[str, Any] | None, *, with_key: bool = True) -> None:
    """Write or delete a document past the pipeline, so that any later write of its wins."""
    url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_doc/{name}"
    if document is None:
        requests.delete(url, timeout=10).raise_for_status()
    else:
        current = requests.get(url, timeout=10).json().get("_version", 0)
        version = {"version": current + 1, "version_type": "external"}
        document = {**document, KEY_FIELD: index_key(name)} if with_key else document
        requests.put(url, json=document, params=version, timeout=10).raise_for_status()
