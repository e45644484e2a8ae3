"""The three functions are written in three places: what one has in common with the others, each of them has.

Taken from the Terraform files. What the reconcile function's module is given counts as what it is given there, and what
that takes from the sync function as that function's own argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.written import blocks, named

ROOT = Path(__file__).parents[2]
MODULE = "modules/reconciliation"
FUNCTIONS = {
    "sync": ("main.tf", "this"),
    "redrive": ("redrive.tf", "redrive"),
    "reconcile": (f"{MODULE}/main.tf", "this"),
}
LOG_GROUPS = (("main.tf", "function"), ("redrive.tf", "redrive"), (f"{MODULE}/main.tf", "function"))
OWN = {
    "function_name": "a name each",
    "description": "what it does",
    "role": "the reconcile function has a role of its own",
    "handler": "its entry",
    "memory_size": "reconciliation.memory_size is the reconcile function's",
    "timeout": "the reconcile function has the longest that there is",
    "reserved_concurrent_executions": "the sync function alone may be given some; see the checks skipped",
    "environment.variables": "the reconcile function's has more: see the test of it",
    "logging_config.log_group": "a log group each",
    "depends_on": "its role's policies",
    "lifecycle.precondition": "the package is looked at once",
}
"""Arguments that are each function's own, and why."""
CALLS = named(blocks(ROOT / "reconciliation.tf")["module"])
(LOCALS,) = blocks(ROOT / "reconciliation.tf")["locals"]
GIVEN = {
    **CALLS["reconciliation"],
    "function": {**LOCALS["reconcile_function"], "environment": LOCALS["reconcile_environment"]},
}
"""What the reconcile function's module is given."""


def resource(kind: str, file: str, name: str) -> dict[str, Any]:
    found = [each[kind][name] for each in blocks(ROOT / file)["resource"] if name in each.get(kind, {})]
    assert len(found) == 1, (kind, file, name)
    return dict(found[0])


def arguments(kind: str, file: str, name: str) -> dict[str, str]:
    """A resource's arguments by their dotted paths, with the expressions that are behind them."""
    resolved = given if file.startswith(MODULE) else str
    return {path: resolved(text) for path, text in flat(resource(kind, file, name))}


def flat(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A dynamic block's arguments too, its `for_each` among them."""
    for name, value in body.items():
        within = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif within:
            for each in within:
                yield from flat(each, prefix if name in {"dynamic", "content"} else f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", ", ".join(map(bare, value)) if isinstance(value, list) else bare(value)


def given(text: str) -> str:
    """An expression of the module, as the stack has it."""

    def argument(found: re.Match[str]) -> str:
        value, rest = GIVEN, found[1].split(".")
        while rest and isinstance(value, dict):
            value = value[rest.pop(0)]
        return ".".join([bare(value), *rest])

    text = re.sub(r"\bvar\.(\w+(?:\.\w+)*)", argument, text)
    return re.sub(r"\baws_lambda_function\.this\.([\w.\[\]]+)", lambda found: of_sync(found[1]), text)


def bare(value: object) -> str:
    """An expression, without what stands around it in hcl2's answer."""
    return re.sub(r"^[$]{(.*)}$", r"\1", str(value))


def of_sync(path: str) -> str:
    return dict(flat(resource("aws_lambda_function", *FUNCTIONS["sync"])))[path.replace("[0]", "")]


WRITTEN = {name: arguments("aws_lambda_function", *place) for name, place in FUNCTIONS.items()}
COMMON = sorted({path for each in WRITTEN.values() for path in each if not path.startswith(tuple(OWN))})


@pytest.mark.parametrize("path", COMMON)
def test_what_one_function_is_given_each_is_given_alike(path: str) -> None:
    found = {name: each.get(path) for name, each in WRITTEN.items()}
    assert len(set(found.values())) == 1, f"{found}: give it to each, or say in OWN why it is one's own"


def test_what_is_a_functions_own_is_written() -> None:
    assert {each for each in OWN if not any(path.startswith(each) for one in WRITTEN.values() for path in one)} == set()


def test_the_package_and_where_it_runs_are_common() -> None:
    assert set(COMMON) >= {
        "filename", "source_code_hash", "s3_bucket", "s3_key", "s3_object_version",
        "runtime", "architectures", "kms_key_arn", "tags", "logging_config.log_format",
        "vpc_config.for_each", "vpc_config.subnet_ids", "vpc_config.security_group_ids",
    }  # fmt: skip


def test_the_reconcile_functions_environment_is_the_sync_functions_and_more() -> None:
    sync, redrive, reconcile = (each["environment.variables"] for each in WRITTEN.values())
    assert sync == redrive
    assert reconcile.startswith(f'merge({{for name, value in {sync} : name => value if name != "VIEWS"}}, ')


def test_each_views_run_is_given_what_the_first_ones_is_but_its_own() -> None:
    first, further = CALLS["reconciliation"], CALLS["view_reconciliation"]
    assert first["function"] == "${merge(local.reconcile_function, {environment = local.reconcile_environment})}"
    unlike = {name for name in further if first.get(name) != further[name]}
    assert unlike == {"for_each", "name", "prefix", "index_name", "mark_index", "function"}
    assert first.keys() == further.keys() - {"for_each"}


def test_their_log_groups_differ_by_their_names_alone() -> None:
    groups = [arguments("aws_cloudwatch_log_group", *place) for place in LOG_GROUPS]
    assert len({each.pop("name") for each in groups}) == 3
    for looked in ("condition", "error_message"):  # the account is looked at once
        del groups[0][f"lifecycle.postcondition.{looked}"]
    assert groups[0] == groups[1] == groups[2]
    assert set(groups[0]) == {"retention_in_days", "kms_key_id", "tags"}
