"""The size of a state.

AWS ("Quotas for Step Functions"): a task's, state's or execution's input or output is at most 256 KiB, the
results of a Map's children together included; more fails with States.DataLimitExceeded, which
States.ALL and States.TaskFailed do not match ("Handling errors in Step Functions workflows").
ministack: carries any size.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import stepfunctions

from lab.cloud.executions import ExecutionError
from lab.cloud.patching import replace

LIMIT = 256 * 1024  # bytes of UTF-8 JSON
TERMINAL = ("States.DataLimitExceeded", "States.Runtime")


def apply() -> None:
    """Refuse what is too large."""

    def invoke(resource: str, data: Any) -> Any:
        return invoke_resource(resource, _bounded(data))

    def select(state: dict[str, Any], data: Any) -> Any:
        return result_selector(state, _bounded(data))

    def output(state: dict[str, Any], data: Any, *context: Any) -> Any:
        return _bounded(output_path(state, data, *context))

    def matches(names: list[str], error: str) -> bool:
        return error in names if error in TERMINAL else bool(error_matches(names, error))

    invoke_resource = replace(stepfunctions, "_invoke_resource", invoke)
    result_selector = replace(stepfunctions, "_apply_result_selector", select)
    output_path = replace(stepfunctions, "_apply_output_path", output)
    error_matches = replace(stepfunctions, "_error_matches", matches)


def _bounded(data: Any) -> Any:
    size = len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > LIMIT:
        raise ExecutionError(
            "States.DataLimitExceeded",
            "The state/task returned a result with a size exceeding the maximum number of bytes service limit.",
        )
    return data
