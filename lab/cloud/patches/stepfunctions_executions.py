"""Executions and the children of a Distributed Map.

AWS: as lab/cloud/executions.py and lab/cloud/map_runs.py say, with their sources.
ministack: gives a child its parent's `$$.Execution` and no history; goes on with a Map Run's other children
when one has failed; a stop does not reach the children, and is overwritten when the state under way fails.
"""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions

from lab.cloud.executions import abort_children, run
from lab.cloud.map_runs import distributed
from lab.cloud.patching import private, replace


def apply() -> None:
    """Run executions and Map Runs by our own."""

    def stop(data: dict[str, Any]) -> Any:
        answer = original(data)
        execution = private(stepfunctions, "_executions").get(data.get("executionArn"))
        if execution is not None and execution["status"] == "ABORTED":
            abort_children(execution)
        return answer

    replace(stepfunctions, "_run_execution", run)
    replace(stepfunctions, "_run_distributed_map", distributed)
    original = replace(stepfunctions, "_stop_execution", stop)
