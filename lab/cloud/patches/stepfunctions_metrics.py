"""Executions as metrics.

AWS ("Monitoring Step Functions metrics using Amazon CloudWatch"): an execution counts in ExecutionsStarted, and at each
of its ends in ExecutionsSucceeded, ExecutionsFailed or ExecutionsAborted, by StateMachineArn; a redriven one too. At an
end the others are sent as 0: "`ExecutionStarted=1` and then `ExecutionStarted=0` after the execution completes", and of
a redriven one that was stopped "non-zero datapoints for both `RedrivenExecutionsAborted` and `ExecutionsAborted`".
Children of a Map Run count under an ARN of their own ("Viewing a Distributed Map Run execution in Step Functions").
ministack: sends none. Here neither children nor the account's sums are counted.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch, stepfunctions

from lab.cloud.patching import replace

COUNTED = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
}


def apply() -> None:
    """Count an execution whenever the event of its new status is sent: no child has one."""

    def changed(execution: dict[str, Any]) -> None:
        original(execution)
        dimensions, now = {"StateMachineArn": execution["stateMachineArn"]}, execution["status"]
        for status, metric in COUNTED.items():
            if status == now or now != "RUNNING":
                cloudwatch.record_metric("AWS/States", metric, float(status == now), "Count", dimensions)

    original = replace(stepfunctions, "_emit_execution_status_event", changed)
