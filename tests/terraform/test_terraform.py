"""Every `run` block of the *.tftest.hcl files beside this one, as a test of its own; what some plan is looked through.

Terraform runs a file's blocks in one go, on a mocked provider and without credentials; their results are
kept and asked for one by one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.cloud.definitions import LONGEST_DEFINITION, diagnose
from tests.support.definitions import schema_faults
from tests.support.policies import faults, policies, resources
from tools.terraform_check import TESTS, Workspace, workspace

RUN = re.compile(r'^run "([^"]+)"', re.MULTILINE)
FILES = sorted(Path(__file__).parent.glob("*.tftest.hcl"))
BLOCKS = [(path.name, name) for path in FILES for name in RUN.findall(path.read_text("utf-8"))]
POLICIES = [path.name for path in FILES if path.name.startswith("policies")]
"""Their blocks are applied, so that every policy is known to its last character."""
NEXTGEN, NEXTGEN_VARIABLES = "modules/nextgen_collection/variables.tf", "nextgen_variables"
"""A module's variables, and the folder where they stand without its resources, which need provider 6."""
MACHINE = "table_walk.tftest.hcl"
LOOKED_THROUGH = (*POLICIES, MACHINE)
"""Terraform tells what they made, and the provider's whole schema beside it, which is 70 MB and more a file."""


@dataclass(frozen=True)
class Results:
    """What a file's blocks came to.

    blocks: status and diagnostics of each by its name; whole: what was said of no block; resources: what the
    blocks made, of a file that is looked through.
    """

    blocks: dict[str, tuple[str, str]]
    whole: str
    resources: list[dict[str, Any]]


@pytest.fixture(scope="session")
def initialised() -> Iterator[Workspace]:
    with workspace() as copy:
        (alone := copy.folder / TESTS / NEXTGEN_VARIABLES).mkdir()
        shutil.copy(copy.folder / NEXTGEN, alone)
        copy.initialise(".", f"-test-directory={TESTS}")
        yield copy


@pytest.fixture(scope="session")
def results(initialised: Workspace) -> Callable[[str], Results]:
    known: dict[str, Results] = {}

    def of(file: str) -> Results:
        if file not in known:
            known[file] = run_file(initialised, file)
        return known[file]

    return of


def run_file(copy: Workspace, file: str) -> Results:
    verbose = ["-verbose"] if file in LOOKED_THROUGH else []
    done = copy.terraform(".", "test", "-json", *verbose, f"-test-directory={TESTS}", f"-filter={TESTS}/{file}")
    return parse(done.stdout)


def parse(output: str) -> Results:
    statuses: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    found: list[dict[str, Any]] = []
    for line in output.splitlines():
        message: dict[str, Any] = json.loads(line) if line.startswith("{") else {"@message": line}
        block = str(message.get("@testrun", ""))
        if message.get("type") == "test_run" and "status" in message["test_run"]:
            statuses[message["test_run"]["run"]] = message["test_run"]["status"]
        elif message.get("type") == "diagnostic":
            diagnostic = message["diagnostic"]
            said.setdefault(block, []).append(f"{diagnostic['summary']}: {diagnostic.get('detail', '')}")
        elif message.get("type") == "test_state":
            found += map(dict, resources(message["test_state"]["root_module"]))
    whole = said.get("", [])
    blocks = {name: (status, "\n".join([*said.get(name, []), *whole])) for name, status in statuses.items()}
    return Results(blocks, "\n".join(whole) or output[-2000:], found)


@pytest.mark.parametrize(("file", "block"), BLOCKS)
def test_run_block_passes(file: str, block: str, results: Callable[[str], Results]) -> None:
    found = results(file)
    status, said = found.blocks.get(block, ("not run", found.whole))
    assert status == "pass", f"{file}, run {block!r}: {status}\n{said}"


def test_a_failed_block_is_seen_with_its_reason() -> None:
    lines = [
        {"type": "test_run", "test_run": {"path": "x", "run": "good", "progress": "complete", "status": "pass"}},
        {"type": "test_run", "test_run": {"path": "x", "run": "bad", "progress": "running"}},
        {"type": "diagnostic", "@testrun": "bad", "diagnostic": {"summary": "Test assertion failed", "detail": "no"}},
        {"type": "test_run", "test_run": {"path": "x", "run": "bad", "progress": "complete", "status": "fail"}},
    ]
    found = parse("\n".join(map(json.dumps, lines))).blocks
    assert found["good"][0] == "pass"
    assert found["bad"] == ("fail", "Test assertion failed: no")


def test_there_are_blocks_in_every_file() -> None:
    assert FILES
    assert {file for file, _ in BLOCKS} == {path.name for path in FILES}
    assert len(set(BLOCKS)) == len(BLOCKS), "two blocks of a file have one name"


@pytest.mark.parametrize("file", POLICIES)
def test_no_policy_has_a_wildcard_action_or_is_for_everything(file: str, results: Callable[[str], Results]) -> None:
    found = [(each["address"], policy) for each in results(file).resources for policy in policies(each)]
    assert {address.rpartition(".")[0] for address, _ in found} >= {"aws_iam_role_policy", "aws_sqs_queue"}
    wide = {f"{address}: {fault}" for address, policy in found for fault in faults(policy)}
    assert not wide, "\n".join(sorted(wide))


def test_step_functions_takes_each_rendered_state_machine(results: Callable[[str], Results]) -> None:
    definitions = {
        each["values"]["definition"] for each in results(MACHINE).resources if each["type"] == "aws_sfn_state_machine"
    }
    assert len(definitions) > 1, "the settings must have rendered more than one"
    for text in definitions:
        assert [*map(str, diagnose(text)), *schema_faults(text)] == []
        assert len(text.encode()) <= LONGEST_DEFINITION
