"""In `make test`, the lab's files wait beside a worker that computes."""

from __future__ import annotations

import pytest

from tests.support.spread import COMPUTING_WORKERS, own_file

LAB, ENGINE, UNIT = "tests/lab/test_a.py", "tests/engine/test_b.py", "tests/unit/test_c.py"


@pytest.mark.parametrize(
    ("worker", "files", "own"),
    [
        (COMPUTING_WORKERS[0], [LAB, ENGINE, UNIT], ENGINE),
        (COMPUTING_WORKERS[0], [LAB], None),
        ("gw9", [ENGINE, LAB, UNIT], LAB),
        ("gw9", [ENGINE, UNIT], None),
    ],
)
def test_a_worker_begins_with_its_own_kind(worker: str, files: list[str], own: str | None) -> None:
    assert own_file(files, worker) == own
