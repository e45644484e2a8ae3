"""What Step Functions refuses in a state machine's definition, beyond what a JSON schema can say. Pure.

    code                      what is refused                                                        source
    DUPLICATE_STATE_NAME      a name that two states have, in the machine or in any processor in it  ASL; cfn-lint #3616
    INVALID_STATE_NAME        a name of over 80 characters                                           asl-validator #69
    MISSING_TRANSITION_TARGET StartAt, Next or Default that leads to no state beside it; a state     cfn-lint #4073,
                              that nothing leads to                                                  #4074
    MISSING_END_STATE         a machine or processor in which no state ends                          API
    INVALID_LABEL_NAME        a Map's Label of over 40 characters, or with others than the allowed   "Map state in
    DUPLICATE_LABEL_NAME      a Label that two Maps have                                             Distributed mode"
    SCHEMA_VALIDATION_FAILED  no StartAt, no States, a state without a type, one with neither Next   ASL
                              nor End
    INVALID_JSON_DESCRIPTION  text that is no JSON                                                   API

ASL: the Amazon States Language's specification. API: ValidateStateMachineDefinitionDiagnostic in the Step Functions
API reference, which lists the codes. The issues, of GitHub, quote AWS's own answers. The members of each kind of
state are cfn-lint's to check, where a definition is rendered (tests/terraform): its schema would be 150 MB more here.
AWS's bound of TOO_DEEPLY_NESTED is unknown; nothing is refused for it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_DEFINITION = 1024 * 1024
"""Bytes ("Step Functions service quotas": maximum state machine definition size)."""
LONGEST_NAME = 80
LONGEST_LABEL = 40
NOT_IN_A_LABEL = re.compile(r'[\s?*<>{}\[\]:;,\\|^~$#%&`"\x00-\x1f\x7f-\x9f]')
TYPES = frozenset({"Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait"})
ENDS = frozenset({"Fail", "Succeed"})


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong, and the path of where it is."""

    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location}"


class Members(dict[str, Any]):
    """A JSON object that remembers the names that its text repeats."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, or a processor or branch within it: its members, its states, and its path."""

    members: Mapping[str, Any]
    states: Mapping[str, Mapping[str, Any]]
    path: str

    def at(self, name: str) -> str:
        """The path of a state."""
        return f"{self.path}/States/{name}"


def diagnose(text: str) -> list[Diagnostic]:
    """Everything that is wrong in a definition's text; nothing of a good one."""
    try:
        definition = json.loads(text, object_pairs_hook=Members)
    except ValueError as error:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", f"JSON syntax problem found: {error}", "/")]
    shapes = list(_shapes(definition, ""))
    if shapes:
        return shapes
    machines = list(_machines(definition, ""))
    return [*_names(machines), *_labels(machines), *(each for machine in machines for each in _ways(machine))]


def _shapes(machine: Any, path: str) -> Iterator[Diagnostic]:
    """What keeps the other rules from being asked."""
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states or not isinstance(machine.get("StartAt"), str):
        yield _shape("a machine has StartAt and States", path or "/")
        return
    for name, state in states.items():
        at = f"{path}/States/{name}"
        if not isinstance(state, dict) or state.get("Type") not in TYPES:
            yield _shape(f"a state has one of the types {', '.join(sorted(TYPES))}", at)
            continue
        if state["Type"] not in {*ENDS, "Choice"} and ("Next" in state) == (state.get("End") is True):
            yield _shape("a state has either Next or End", at)
        inner = list(_inner(state, at))
        if state["Type"] in {"Map", "Parallel"} and not inner:
            yield _shape("a Map has an ItemProcessor, a Parallel has Branches", at)
        for each, below in inner:
            yield from _shapes(each, below)


def _shape(what: str, at: str) -> Diagnostic:
    return Diagnostic("SCHEMA_VALIDATION_FAILED", what, at)


def _inner(state: Mapping[str, Any], at: str) -> Iterator[tuple[Any, str]]:
    """The machines in a state, each with its path."""
    for member in ("ItemProcessor", "Iterator"):
        if member in state:
            yield state[member], f"{at}/{member}"
    for number, branch in enumerate(state.get("Branches", [])):
        yield branch, f"{at}/Branches[{number}]"


def _machines(members: Mapping[str, Any], path: str) -> Iterator[Machine]:
    machine = Machine(members, members["States"], path)
    yield machine
    for name, state in machine.states.items():
        for inner, below in _inner(state, machine.at(name)):
            yield from _machines(inner, below)


def _names(machines: list[Machine]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for machine in machines:
        repeated = machine.states.repeated if isinstance(machine.states, Members) else []
        for name in machine.states:
            if name in seen or name in repeated:
                yield Diagnostic("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", machine.at(name))
            if len(name) > LONGEST_NAME:
                why = f"State '{name}' exceeds the {LONGEST_NAME}-character limit allowed by the service"
                yield Diagnostic("INVALID_STATE_NAME", f"Invalid State name: {why}", machine.at(name))
            seen.add(name)


def _labels(machines: list[Machine]) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for machine in machines:
        for name, state in machine.states.items():
            label = state.get("Label")
            if label is None:
                continue
            if label in seen:
                yield Diagnostic("DUPLICATE_LABEL_NAME", f"Duplicate label: {label}", machine.at(name))
            if len(label) > LONGEST_LABEL or NOT_IN_A_LABEL.search(label):
                yield Diagnostic("INVALID_LABEL_NAME", f"Invalid label: {label}", machine.at(name))
            seen.add(label)


def _ways(machine: Machine) -> Iterator[Diagnostic]:
    """Ways that lead nowhere, states that nothing leads to, and a machine without an end."""
    ways = [(f"{machine.path}/StartAt", machine.members["StartAt"])]
    reached: set[str] = set()
    while ways:
        source, target = ways.pop()
        if target not in machine.states:
            yield Diagnostic("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", source)
        elif target not in reached:
            reached.add(target)
            ways += _leading(machine.states[target], machine.at(target))
    for name in machine.states.keys() - reached:
        yield Diagnostic("MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable.', machine.at(name))
    if not any(state["Type"] in ENDS or state.get("End") is True for state in machine.states.values()):
        yield Diagnostic("MISSING_END_STATE", "The workflow does not have a terminal state", machine.path or "/")


def _leading(state: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    """Where a state leads: the path of the member that says so, and the name."""
    for member in ("Next", "Default"):
        if member in state:
            yield f"{at}/{member}", state[member]
    for member in ("Choices", "Catch"):
        for number, each in enumerate(state.get(member, [])):
            if "Next" in each:
                yield f"{at}/{member}[{number}]/Next", each["Next"]
