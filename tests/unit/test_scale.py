"""What a run of a billion items takes, by the code's own parts, calls and states: within limits, and as docs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench import rolling, scale
from bench.measure import Figure
from searchsync.limits import ITEMS_A_SECOND
from searchsync.reconcile.rolling import Schedule

DOCS = (Path(__file__).parents[2] / "docs/reconciliation.md").read_text()
DOCUMENTS_A_SECOND = 5_000.0
"""As `python -m bench.scale` has it."""
FIGURES = scale.figures(ITEMS_A_SECOND, DOCUMENTS_A_SECOND)
WORDS = {"million": 10**6, "billion": 10**9}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table whose head begins so."""
    body = DOCS.partition(f"| {heading}")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()[2:]]


def count(words: str) -> int:
    number, word = words.split()
    return int(number) * WORDS[word]


def number(cell: str) -> float:
    return float(re.sub(r"[,%]| KiB| \(.*\)", "", cell))


def as_shown(value: float, cell: str) -> float:
    """The value with as many decimals as the cell has."""
    return round(value, len(cell.split(maxsplit=1)[0].partition(".")[2]))


@pytest.mark.parametrize("figure", FIGURES, ids=[each.what for each in FIGURES])
def test_a_run_of_any_size_is_within_step_functions_limits_and_its_goal(figure: Figure) -> None:
    assert figure.met, figure


@pytest.mark.parametrize("row", rows("items | lanes"), ids=" | ".join)
def test_the_docs_say_what_a_run_takes(row: list[str]) -> None:
    each = scale.taken(count(row[0]), int(row[1]), ITEMS_A_SECOND, DOCUMENTS_A_SECOND)
    found = [each.hours, each.dollars, each.parts, each.calls, each.state_bytes / 1024]
    assert [as_shown(value, cell) for value, cell in zip(found, row[2:], strict=True)] == list(map(number, row[2:]))


@pytest.mark.parametrize("row", rows("items of 1 KB | `period_hours`"), ids=" | ".join)
def test_the_docs_say_what_the_rolling_verification_takes(row: list[str]) -> None:
    each = rolling.rolled(count(row[0]), Schedule(number(row[1]) * 3600, rolling.DEFAULT.every))
    one, four = rolling.synced(1), rolling.synced(rolling.NEW_TABLE_SHARDS)
    shares = [100 * each.dollars / sync.dollars for sync in (four, one)]
    found = [each.calls, 100 * each.calls / one.calls, each.dollars, *shares]
    assert [as_shown(value, cell) for value, cell in zip(found, row[2:], strict=True)] == list(map(number, row[2:]))
