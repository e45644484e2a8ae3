"""What cfn-lint says of a state machine's definition: the members of each kind of state, their types and values."""

from __future__ import annotations

import json

from cfnlint.api import lint


def schema_faults(definition: str) -> list[str]:
    """The errors that cfn-lint finds in a definition's text, by its schema of the Amazon States Language."""
    machine = {"RoleArn": "arn:aws:iam::111122223333:role/machine", "Definition": json.loads(definition)}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    return [str(each) for each in lint(json.dumps(template)) if each.rule.id.startswith("E")]
