"""What Step Functions refuses in a definition, and lets pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.cloud.definitions import LONGEST_LABEL, LONGEST_NAME, diagnose
from tests.support.definitions import schema_faults

END = {"Type": "Pass", "End": True}
TO_B = {"Type": "Pass", "Next": "B"}
CATCH_B = {**END, "Type": "Task", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}
ELSE_B = {"Type": "Choice", "Choices": [], "Default": "B"}


def machine(start: str = "A", **states: Any) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


def each(inner: dict[str, Any], **members: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner}
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **members}


TO_OUTER_B = machine("C", C=TO_B)


def twice(label: str, other: str) -> dict[str, Any]:
    first = {**each(machine("C", C=END), Label=label), "Next": "B"}
    del first["End"]
    return machine(A=first, B=each(machine("D", D=END), Label=other))


@pytest.mark.parametrize(
    "good",
    [
        machine(A=END),
        machine(A=TO_B, B={"Type": "Succeed"}),
        machine(A={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}]}, B=END),
        machine(
            A={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "A"}], "Default": "B"}, B=END
        ),
        machine(A={"Type": "Parallel", "Branches": [machine("B", B=END), machine("C", C=END)], "End": True}),
        machine(**{"x" * LONGEST_NAME: END}, start="x" * LONGEST_NAME),
        twice("x" * LONGEST_LABEL, "other"),
    ],
    ids=str,
)
def test_a_good_definition_passes(good: dict[str, Any]) -> None:
    assert diagnose(json.dumps(good)) == []
    assert schema_faults(json.dumps(good)) == []


@pytest.mark.parametrize(
    ("code", "location", "bad"),
    [
        ("DUPLICATE_STATE_NAME", "/States/A/ItemProcessor/States/A", machine(A=each(machine("A", A=END)))),
        (
            "DUPLICATE_STATE_NAME",
            "/States/A/Branches[1]/States/B",
            machine(A={"Type": "Parallel", "Branches": [machine("B", B=END), machine("B", B=END)], "End": True}),
        ),
        ("INVALID_STATE_NAME", f"/States/{'x' * 81}", machine(**{"x" * 81: END}, start="x" * 81)),
        ("MISSING_TRANSITION_TARGET", "/States/A/Next", machine(A=TO_B, C=END)),
        ("MISSING_TRANSITION_TARGET", "/States/B", machine(A=END, B=END)),
        ("MISSING_TRANSITION_TARGET", "/States/A/ItemProcessor/StartAt", machine(A=each(machine("A", B=END)))),
        ("MISSING_TRANSITION_TARGET", "/States/A/ItemProcessor/States/C/Next", machine(A=each(TO_OUTER_B), B=END)),
        ("MISSING_TRANSITION_TARGET", "/States/A/Catch[0]/Next", machine(A=CATCH_B)),
        ("MISSING_TRANSITION_TARGET", "/States/A/Default", machine(A=ELSE_B)),
        ("MISSING_END_STATE", "/States/A/ItemProcessor", machine(A=each(machine("B", B=TO_B)))),
        ("DUPLICATE_LABEL_NAME", "/States/B", twice("same", "same")),
        ("INVALID_LABEL_NAME", "/States/A", twice("x" * 41, "other")),
        ("INVALID_LABEL_NAME", "/States/B", twice("one", "two words")),
        ("SCHEMA_VALIDATION_FAILED", "/States/A", machine(A={"Type": "Pass"})),
        ("SCHEMA_VALIDATION_FAILED", "/States/A", machine(A={**END, "Next": "A"})),
        ("SCHEMA_VALIDATION_FAILED", "/States/A", machine(A={"Type": "Run", "End": True})),
        ("SCHEMA_VALIDATION_FAILED", "/States/A/ItemProcessor", machine(A=each({"States": {"B": END}}))),
        ("SCHEMA_VALIDATION_FAILED", "/States/A", machine(A={"Type": "Map", "End": True})),
        ("SCHEMA_VALIDATION_FAILED", "/", {"StartAt": "A"}),
        ("SCHEMA_VALIDATION_FAILED", "/", []),
    ],
    ids=str,
)  # fmt: skip
def test_what_aws_refuses_is_named_with_its_place(code: str, location: str, bad: Any) -> None:
    assert (code, location) in {(each.code, each.location) for each in diagnose(json.dumps(bad))}


def test_a_name_repeated_in_the_text_is_seen() -> None:
    state = json.dumps(END)
    text = f'{{"StartAt": "A", "States": {{"A": {state}, "A": {state}}}}}'
    assert [each.code for each in diagnose(text)] == ["DUPLICATE_STATE_NAME"]


def test_text_that_is_no_json_is_refused() -> None:
    assert [each.code for each in diagnose('{"StartAt":')] == ["INVALID_JSON_DESCRIPTION"]


def test_the_schema_sees_a_member_that_no_state_has() -> None:
    assert schema_faults(json.dumps(machine(A={**END, "ResultPth": "$.a"})))
