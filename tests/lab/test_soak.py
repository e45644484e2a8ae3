"""The soak's own code on few changes, so that it works when somebody soaks for an hour."""

from __future__ import annotations

from lab.applied import Applied
from lab.faults import FaultKind
from lab.soak import FEWEST_POISON, Soak
from lab.soak_summary import sheet
from lab.storms import RECIPES


def test_a_small_soak_meets_every_storm_and_loses_nothing(workshop: Applied) -> None:
    seed, count = 7, 3_000
    print("seed", seed)
    shown: list[int] = []
    try:
        summary = Soak(workshop, count, seed, lambda written, _sample, _storm: shown.append(written)).run()
    finally:
        for turn in range(FEWEST_POISON + 1):
            workshop.delete({"id": {"S": f"poison-{seed}-{turn}"}})
    assert (summary.lost, summary.orphan, summary.different, summary.ranges) == ([], [], [], 0)
    assert summary.reported == summary.poison
    assert summary.poison
    assert summary.good
    assert summary.changes == count
    assert set(summary.storms) == set(RECIPES)
    assert set(summary.faults) == set(FaultKind) - {FaultKind.BLACK_HOLE}  # it costs half a minute: `make soak` has it
    assert shown[-1] == count
    assert max(sample.memory for sample in summary.samples) > 0
    assert summary.longest_lag > 0
    assert sheet(summary, seed).row_count
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)
