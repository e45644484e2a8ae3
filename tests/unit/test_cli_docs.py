"""The operations page is what the command line does: commands, options, and the permissions of its real calls."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.main import COMMANDS, parser
from tests.support.cli_cloud import BUCKET, NAME, TABLE_ARN, Cloud
from tests.support.fakes import FakeClock

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs/operations.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
EXPORT_ARN = f"{TABLE_ARN}/export/01-ab"
COMMON = {"--name", "--view", "--terraform", "--region", "--profile", "--json", "--debug"}


def rows(heading: str) -> dict[str, str]:
    """A table of the section: the first cell of each row to the rest."""
    table = SECTION.partition(heading)[2].partition("\n\n")[0]
    cells = [
        line.strip("| ").split(" | ", 1) for line in table.splitlines() if line.startswith("| `") or "every" in line
    ]
    return {first: rest for first, _, rest in ((cell[0], "", cell[1] if len(cell) > 1 else "") for cell in cells)}


def own_options(command: str) -> set[str]:
    top = parser()
    subcommands = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    options = {word for action in subcommands.choices[command]._actions for word in action.option_strings}
    return {word for word in options if word.startswith("--")} - {"--help"} - COMMON


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_row_and_no_other(command: str) -> None:
    row = rows("its own options |")[f"`searchsync {command}`"]
    assert set(re.findall(r"`(--[a-z-]+)`", row)) == own_options(command)


def test_the_options_of_every_command_are_named() -> None:
    everywhere = SECTION.partition("Everywhere: ")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(--[a-z]+)`", everywhere)) - {"--progress"} == COMMON
    assert {"--version", "--completion"} <= set(re.findall(r"--[a-z]+", everywhere))


def test_no_command_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"`searchsync ([a-z]+)", SECTION)) == set(COMMANDS)


def test_every_command_after_a_replacement_is_one() -> None:
    table = (ROOT / "docs/settings.md").read_text().partition("## What a setting replaces")[2].partition("\n## ")[0]
    commands = set(re.findall(r"`searchsync ([^`]+)`", table))
    assert "backfill --again" in commands
    for each in commands:
        assert parser().parse_args(each.split()).command == each.split()[0]


def told() -> set[str]:
    """The commands that code, messages and documents name in backquotes, each value in them being some word."""
    sources = [*ROOT.glob("*.md"), *ROOT.glob("*.tf")]
    for folder in ("cli", "docs", "examples", "lambda_src", "modules"):
        sources += [each for ending in ("py", "md", "tf") for each in (ROOT / folder).rglob(f"*.{ending}")]
    found = {text for each in sources for text in re.findall(r"`searchsync ([^`\n]+)`", each.read_text())}
    return {re.sub(r"\{[^}]*\}|…|<[^>]*>", "some", re.sub(r"\{[a-z.]*(task|anew)\}", "verify", each)) for each in found}


def test_every_command_that_is_told_is_one() -> None:
    commands = told()
    assert {"logs --function reconcile --errors", "verify --resume", "backfill --again"} <= commands
    for each in commands - {"WORDS --name some"}:  # of any command
        # An option may be named without its value, a command without its words.
        if each not in COMMANDS and not any(parses(words) for words in (each.split(), [*each.split(), "some"])):
            pytest.fail(f"no such command: searchsync {each}")


def parses(words: list[str]) -> bool:
    try:
        parser().parse_args(words)
    except SystemExit as ended:
        return ended.code == 0
    return True


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "cli/searchsync_cli").glob("[a-z]*.py")))
def test_every_module_has_its_row(module: str) -> None:
    assert f"`{module}`" in ARCHITECTURE.partition("### The command line")[2].partition("\n### ")[0]


def test_the_command_line_imports_nothing_of_the_function() -> None:
    for path in (ROOT / "cli").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) searchsync(\.|\s)", path.read_text(), re.MULTILINE), path


# Permissions: what is called, against the table


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        made = Cloud(FakeClock(float(int(time.time()))))
        made.finished("repair")
        s3 = made.session.client("s3")
        for bucket in (BUCKET, "reports"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="reports", Key="run/0.jsonl", Body=b"{}\n")
        made.send({"error_type": "x"})
        made.functions[f"{NAME}-redrive"] = lambda _: {"taken": 0, "more": False}
        answer: dict[str, Any] = {
            "seen": {},
            "left": [],
            "id": "a",
            "document": None,
            "poison": "no",
            "item": True,
            "read_version": 1,
            "own": "no",
            "given": False,
        }
        made.functions[f"{NAME}-reconcile"] = lambda event: {**answer, **made.look(event)}
        assert made.trigger is not None
        made.trigger["DestinationConfig"] = {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}}
        made.functions[NAME] = lambda _: {}
        made.actions.clear()
        yield made


def documented(row: str) -> set[str]:
    table = rows("| command | permissions |")
    named = " ".join(rest for first, rest in table.items() if row in first or first == "every command")
    return set(re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", named))


@pytest.mark.parametrize("command", ["status", "redrive", "logs", "doctor", "runs", "preview --key a", "mapping check"])
def test_the_permissions_of_a_command_are_those_of_its_calls(cloud: Cloud, command: str) -> None:
    words = command.split()
    assert cloud.run(*words) in (0, 1)
    assert cloud.actions == documented(f"`searchsync {words[0]}`")


def test_the_permissions_of_a_run_are_those_of_its_calls(cloud: Cloud) -> None:
    cloud.next_run["output"] = {
        "run": "run",
        "in_step": False,
        "report": "s3://reports/run/",
        "totals": {"missing": 1},
    }
    assert cloud.run("verify") == 1
    cloud.next_run["fails"] = ("X", "y")
    assert cloud.run("verify") == 2
    assert cloud.run("verify", "--resume") == 1
    assert cloud.actions == documented("`searchsync verify`")


def test_the_permissions_of_a_load_are_those_of_its_calls(cloud: Cloud) -> None:
    assert cloud.trigger is not None
    cloud.trigger |= {"State": "Disabled", "LastProcessingResult": "No records processed"}
    cloud.exports[EXPORT_ARN] = {"ExportStatus": "COMPLETED"}
    summary = {"exportArn": EXPORT_ARN}
    cloud.session.client("s3").put_object(
        Bucket=BUCKET, Key="a/manifest-summary.json", Body=json.dumps(summary).encode()
    )
    cloud.actions.clear()
    assert cloud.run("backfill", "--from-export", f"s3://{BUCKET}/a/") == 0
    assert cloud.actions - documented("`searchsync verify`") | {"lambda:GetFunctionConfiguration", "s3:GetObject"} == (
        documented("`searchsync backfill --from-export`")
    )
