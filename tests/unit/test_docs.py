"""The documents name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from searchsync.errors import ConfigurationError, RunRefusedError
from searchsync.reconcile.report import UNITS as RECONCILE_UNITS
from searchsync.sync.metrics import REDRIVE_UNITS, UNITS
from searchsync_cli.executions import ANOTHER_EXPORT, REFUSED
from tests.support.alarms import ALARMS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
LONGEST_README = 150
"""Lines: one can read it in five minutes."""


NUMBERS = ("eight", "nine", "ten", "eleven", "twelve")
PRICE = 0.10
"""Dollars a month of each metric of an alarm (CloudWatch pricing)."""


def named(text: str, name: str) -> bool:
    return f"`{name}`" in text


@pytest.mark.parametrize("metric", [*UNITS, *REDRIVE_UNITS, *RECONCILE_UNITS])
def test_every_metric_is_on_the_operations_page(metric: str) -> None:
    assert named(OPERATIONS, metric)


def test_every_alarm_is_on_the_operations_page_and_no_other() -> None:
    alarms = set(re.findall(r"^    ([a-z-]+) = \{$", (ROOT / "alarms.tf").read_text(), re.MULTILINE))
    table = OPERATIONS.partition("| alarm |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == alarms


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "lambda_src/searchsync").glob("[a-z]*.py")))
def test_every_module_of_the_function_has_its_row(module: str) -> None:
    assert named(ARCHITECTURE, module)


@pytest.mark.parametrize(
    "module", sorted(path.stem for path in (ROOT / "lambda_src/searchsync/reconcile").glob("[a-z]*.py"))
)
def test_every_module_of_the_run_has_its_row(module: str) -> None:
    table = ARCHITECTURE.partition("| module in `reconcile/` |")[2].partition("\n\n")[0]
    assert f"\n| `{module}` |" in table


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "lab").glob("[a-z]*.py")))
def test_every_module_of_the_lab_is_named(module: str) -> None:
    assert named(ARCHITECTURE, module)


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").iterdir()))
def test_every_example_is_in_the_readme(example: str) -> None:
    assert f"examples/{example}" in README


def test_every_variable_of_the_environment_is_set_by_the_module() -> None:
    taken = set(
        re.findall(r'(?:take\(|environment\.get\()"([A-Z_]+)"', (ROOT / "lambda_src/searchsync/config.py").read_text())
    )
    given = "".join((ROOT / each).read_text() for each in ("main.tf", "reconciliation.tf", "modules/view/outputs.tf"))
    assert taken - {"AWS_LAMBDA_FUNCTION_NAME"} == {name for name in taken if re.search(rf"\b{name}\b", given)}


def test_every_variable_of_the_runs_environment_is_set_by_its_module() -> None:
    settings = (ROOT / "lambda_src/searchsync/reconcile/settings.py").read_text()
    taken = set(re.findall(r'(?:number\(|text\(|environment\.get\()\s*"([A-Z_]+)"', settings))
    given = set(
        re.findall(r"^ {4,6}([A-Z_]+) += ", (ROOT / "modules/reconciliation/main.tf").read_text(), re.MULTILINE)
    )
    assert taken == given


def test_the_state_machines_refusals_are_exceptions_of_the_function() -> None:
    machine = (ROOT / "modules/reconciliation/state_machine.tf").read_text()
    refusals = re.findall(r'"(\w+)"', machine.partition("refusals = [")[2].partition("]")[0])
    kinds: list[type[Exception]] = [RunRefusedError, *RunRefusedError.__subclasses__(), ConfigurationError]
    assert sorted(refusals) == sorted(each.__name__ for each in kinds)
    assert sorted(refusals) == sorted([*REFUSED, ANOTHER_EXPORT])  # so does the command line


def test_every_fact_of_the_verdict_names_a_test_that_shows_it() -> None:
    table = (ROOT / "docs/verdict.md").read_text().partition("| --- | --- | --- | --- |\n")[2].partition("\n\n")[0]
    rows = [line.rpartition(" | ")[2].removesuffix(" |") for line in table.splitlines()]
    assert rows
    tests = re.findall(r"^def (test_\w+)", (ROOT / "tests/lab/test_verdict.py").read_text(), re.MULTILINE)
    for shown in rows:
        lab = re.fullmatch(r"lab: `(\w+)`", shown)
        assert shown == "unit" or (lab and any(lab[1] in name for name in tests)), shown


def test_each_of_the_twenty_stacks_names_tests_that_are_there() -> None:
    table = (ROOT / "docs/comparison.md").read_text().partition("| | stack |")[2]
    rows = [line.rpartition(" | ")[2] for line in table.splitlines()[2:]]
    assert len(rows) == 20
    for row in rows:
        named = re.findall(r"`([\w/.]+)::(\w+)`", row)
        assert named, row
        for file, name in named:
            beginning = f'run "{name}" {{' if file.endswith(".hcl") else f"def {name}("
            assert re.search(rf"^{re.escape(beginning)}", (ROOT / "tests" / file).read_text(), re.MULTILINE), name


def test_every_target_of_the_makefile_has_its_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    assert {path.name for path in (ROOT / "docs").glob("*.md")} == {
        link.removeprefix("docs/") for link in LINK.findall(README) if link.startswith("docs/")
    }


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST_README


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named_targets = {name for page in PAGES for name in re.findall(r"[`\n]make ([a-z]+)", page.read_text())}
    assert named_targets <= targets


def test_the_number_and_the_price_of_the_alarms_are_told() -> None:
    always = [alarm for name, alarm in ALARMS.items() if name != "rolling-late"]
    number, price = NUMBERS[len(always) - 8], sum(len(each.metrics) for each in always) * PRICE
    described = (
        f"{number.capitalize()} CloudWatch alarms (${price:.2f} a month), and a {NUMBERS[len(always) - 7]}th with"
    )
    assert described in (ROOT / "variables.tf").read_text()
    example = (ROOT / "examples/many-tables/README.md").read_text()
    assert f"{number.capitalize()} alarms a stack are ${price:.2f}" in example
