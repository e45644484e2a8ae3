"""The mutants themselves: what they break must be there, also between two runs of `make mutants`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutants import MUTANTS
from tools.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_the_place_that_a_mutant_breaks_is_there_once(mutant: Mutant) -> None:
    assert mutant.broken(ROOT) != (ROOT / mutant.file).read_text()


def test_a_mutants_name_is_its_own() -> None:
    names = [each.name for each in MUTANTS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_the_tests_that_notice_a_mutant_are_there(mutant: Mutant) -> None:
    files = [ROOT / each for each in mutant.tests if each.startswith("tests/")]
    assert files
    assert all(each.exists() for each in files)
    wanted = mutant.tests[mutant.tests.index("-k") + 1] if "-k" in mutant.tests else ""
    if wanted.isidentifier() and not any("terraform" in each.parts for each in files):  # those are named in HCL
        assert any(wanted in line for each in files if each.is_file() for line in each.read_text().splitlines())
