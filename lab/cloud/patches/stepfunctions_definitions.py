"""Definitions that Step Functions refuses, and a deletion that it does not.

AWS: CreateStateMachine and UpdateStateMachine answer InvalidDefinition, with each diagnostic's code, message and
location; ValidateStateMachineDefinition lists the same, at most `maxResults` of them (API reference). What is refused
says lab/cloud/definitions.py, with its sources. DeleteStateMachine has no error for a machine that is not there
(botocore's service model: InvalidArn, ValidationException): an SDK's second try finds it gone.
ministack: takes any definition, and says that it is good; refuses the second try.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions

from lab.cloud.definitions import LONGEST_DEFINITION, diagnose
from lab.cloud.patching import private, replace

MOST_DIAGNOSTICS = 100
"""The default of `maxResults`, and the most that it may be."""


def apply() -> None:
    """Refuse them."""

    def create(data: dict[str, Any]) -> Any:
        return _refusal(data.get("definition", "")) or original_create(data)

    def update(data: dict[str, Any]) -> Any:
        refusal = _refusal(data["definition"]) if "definition" in data else None
        return refusal or original_update(data)

    def delete(data: dict[str, Any]) -> Any:
        there = data.get("stateMachineArn") in private(stepfunctions, "_state_machines")
        return original_delete(data) if there else json_response({})

    original_delete = replace(stepfunctions, "_delete_state_machine", delete)
    original_create = replace(stepfunctions, "_create_state_machine", create)
    original_update = replace(stepfunctions, "_update_state_machine", update)
    replace(stepfunctions, "_validate_state_machine_definition", _validate)


def _refusal(definition: str) -> Any:
    size = len(definition.encode("utf-8", "surrogatepass"))
    if not 0 < size <= LONGEST_DEFINITION:
        said = f"1 validation error detected: the definition has {size} bytes, of 1 to {LONGEST_DEFINITION}"
        return error_response_json("ValidationException", said, 400)
    wrong = diagnose(definition)
    if not wrong:
        return None
    said = ", ".join(map(str, wrong))
    return error_response_json("InvalidDefinition", f"Invalid State Machine Definition: '{said}'", 400)


def _validate(data: dict[str, Any]) -> Any:
    wrong = diagnose(data.get("definition", ""))
    most = data.get("maxResults") or MOST_DIAGNOSTICS
    told = [
        {"severity": "ERROR", "code": each.code, "message": each.message, "location": each.location}
        for each in wrong[:most]
    ]
    return json_response(
        {"result": "FAIL" if wrong else "OK", "diagnostics": told, "truncated": len(wrong) > len(told)}
    )
