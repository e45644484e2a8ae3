"""What the functions of an applied stack have called, and what docs/permissions.md says that they call."""

from __future__ import annotations

from lab.stack import Lab
from tools.permission_list import ENDPOINTS

FUNCTIONS = {"sync": "", "redrive": "-redrive", "reconcile": "-reconcile"}
"""The module's functions: what stands behind the sync function's name."""


def documented(function: str) -> set[str]:
    """The actions of a function's rows."""
    return {action for each in ENDPOINTS if each.function == function for action in each.actions}


def function_calls(lab: Lab, function_name: str) -> dict[str, set[str]]:
    """The actions that each function of the stack has called since the lab's start."""
    return {each: lab.calls(f"assumed-role/*/{function_name}{behind}") for each, behind in FUNCTIONS.items()}
