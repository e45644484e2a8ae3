"""The static policy check sees what is broken on purpose, and no exception goes without its reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tools import policy_check
from tools.policy_check import Finding, check, unexplained
from tools.setup import LINT
from tools.toolchain import ToolError

ROOT = Path(__file__).parents[2]
STATEMENT = '{ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["%s"], Resource = ["%s"] }] }'
GOOD = (
    'resource "aws_sqs_queue" "q" {\n  name                    = "q"\n  sqs_managed_sse_enabled = true\n}\n'
    'resource "aws_iam_role_policy" "p" {\n  role   = "r"\n  policy = jsonencode('
    + STATEMENT % ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q")
    + ")\n}\n"
)
TABLE = 'resource "aws_dynamodb_table" "t" {\n  name     = "t"\n  hash_key = "id"\n%s}\n'
READY = pytest.mark.skipif(not LINT.ready(), reason="checkov is not installed: `make lint` makes .lab/lint")


def breaks(text: str, folder: Path) -> set[str]:
    (folder / "main.tf").write_text(text)
    return {finding.check for finding in check(folder)[1]}


@READY
def test_what_is_broken_on_purpose_is_seen(tmp_path: Path) -> None:
    assert breaks(GOOD, tmp_path) == set()
    assert "CKV_AWS_27" in breaks(GOOD.replace("= true", "= false"), tmp_path)  # an unencrypted queue
    assert "CKV_AWS_63" in breaks(GOOD.replace("sqs:SendMessage", "*"), tmp_path)  # a wildcard action


@READY
def test_an_exception_beside_the_line_is_heard(tmp_path: Path) -> None:
    assert {"CKV_AWS_28", "CKV_AWS_119"} <= breaks(GOOD + TABLE % "", tmp_path)
    skip = "  #checkov:skip=CKV_AWS_28:because\n"
    assert "CKV_AWS_28" not in breaks(GOOD + TABLE % skip, tmp_path)


def test_an_exception_without_its_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/main.tf").write_text("#checkov:skip=CKV_AWS_1:why\n#checkov:skip=CKV_AWS_2\n# checkov:skip=: x\n")
    assert [line.split()[0] for line in unexplained(tmp_path)] == ["deep/main.tf:2:", "deep/main.tf:3:"]


def test_every_exception_of_the_tree_has_its_reason() -> None:
    for folder in ("modules", "examples"):
        assert list(unexplained(ROOT / folder)) == []


def answering(monkeypatch: pytest.MonkeyPatch, stdout: str) -> tuple[list[Sequence[str]], list[dict[str, str]]]:
    commands: list[Sequence[str]] = []
    environments: list[dict[str, str]] = []

    def run(command: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        environments.append(given["env"])
        return subprocess.CompletedProcess(command, 1, stdout, "")

    monkeypatch.setattr(policy_check, "prepare", lambda *_: None)
    monkeypatch.setattr("tools.policy_check.subprocess.run", run)
    return commands, environments


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        '{"passed": 0, "failed": 0}',
        json.dumps({"summary": {"passed": 0, "parsing_errors": 0}, "results": {"failed_checks": []}}),
        json.dumps({"summary": {"passed": 9, "parsing_errors": 1}, "results": {"failed_checks": []}}),
    ],
)
def test_a_check_that_checked_nothing_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stdout: str
) -> None:
    answering(monkeypatch, stdout)
    with pytest.raises(ToolError, match="did not check anything"):
        check(tmp_path)


def test_checkov_is_told_to_call_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BC_API_KEY", "key")
    monkeypatch.setenv("CKV_EVAL_VARS", "false")
    said = {"summary": {"passed": 9, "parsing_errors": 0}, "results": {"failed_checks": []}}
    commands, environments = answering(monkeypatch, json.dumps(said))
    assert check(tmp_path) == (9, [])
    assert {"--skip-download", "--skip-results-upload"} <= set(commands[0])
    assert not {"BC_API_KEY", "CKV_EVAL_VARS"} & set(environments[0])


def test_a_problem_is_a_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Finding("CKV_AWS_27", "Ensure encryption", "aws_sqs_queue.q", "main.tf", 3)
    monkeypatch.setattr(policy_check, "check", lambda _folder: (9, [found]))
    assert policy_check.main() == 1
    assert "main.tf:3: aws_sqs_queue.q: CKV_AWS_27, Ensure encryption" in capsys.readouterr().err


def test_lint_runs_the_check() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = [makefile.partition(f"\n{target}:")[2].partition("\n\n")[0] for target in ("lint", "lint-terraform")]
    assert "lint-terraform" in recipes[0]
    assert "-m tools.policy_check" in recipes[1]
