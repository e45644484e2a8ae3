"""In `make test`, the walk-through's files come to the workers that have applied it."""

from __future__ import annotations

import pytest

from tests.support.spread import WALKERS, own_file, uses_workshop

WALK, OTHER = "tests/lab/test_cli.py", "tests/lab/test_unset.py"


@pytest.mark.parametrize(
    ("worker", "files", "own"),
    [
        (WALKERS[0], [OTHER, WALK], WALK),
        (WALKERS[0], [OTHER], None),
        ("gw9", [WALK, OTHER], OTHER),
        ("gw9", [WALK], None),
    ],
)
def test_a_worker_begins_with_its_own_kind(worker: str, files: list[str], own: str | None) -> None:
    assert own_file(files, worker) == own


def test_who_uses_the_walk_through_is_told_by_its_fixture() -> None:
    assert uses_workshop(WALK)
    assert not uses_workshop(OTHER)
