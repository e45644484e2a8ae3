"""What a soak came to, its verdict, and the table that says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rich.table import Table as Sheet

from lab.compare import Comparison
from lab.watch import Sample, growth

MIB = 1024 * 1024


@dataclass(frozen=True)
class Summary:
    """What a soak came to. `comparison` is the last, or the first that was wrong. `poison` are the keys that
    were poisoned, `reported` those in the failure queue, `ranges` the messages of records that the trigger gave up."""

    changes: int
    records: int
    storms: Counter[str]
    faults: dict[str, int]
    comparisons: int
    comparison: Comparison
    poison: frozenset[str]
    samples: tuple[Sample, ...]
    longest_lag: float
    invocations: int
    seconds: float
    reported: frozenset[str] = frozenset()
    ranges: int = 0

    @property
    def lost(self) -> list[str]:
        """Items without their document."""
        return sorted(set(self.comparison.missing) - self.poison)

    @property
    def orphan(self) -> list[str]:
        """Documents without an item."""
        return sorted(self.comparison.orphan)

    @property
    def different(self) -> list[str]:
        """Documents that are not their item."""
        return sorted(set(self.comparison.different) - self.poison)

    @property
    def wrong(self) -> bool:
        """Whether the index is not the table, the poison left aside."""
        return bool(self.lost or self.orphan or self.different)

    @property
    def good(self) -> bool:
        """Whether the index is the table but for the poison, and exactly the poison is in the failure queue."""
        return not self.wrong and not self.ranges and self.reported == self.poison


def sheet(summary: Summary, seed: int) -> Sheet:
    """The small table at the end."""
    found = Sheet(title=f"soak, seed {seed}", show_header=False)
    found.add_column(style="bold")
    found.add_column(justify="right")
    memory = [sample.memory for sample in summary.samples]
    for what, value in (
        ("changes", f"{summary.changes:,}"),
        ("stream records", f"{summary.records:,}"),
        ("invocations", f"{summary.invocations:,}"),
        ("storms", f"{sum(summary.storms.values()):,}"),
        ("comparisons", f"{summary.comparisons:,}"),
        *((f"faults: {kind}", f"{count:,}") for kind, count in sorted(summary.faults.items())),
        ("items in the table", f"{summary.comparison.items:,}"),
        ("lost", str(len(summary.lost))),
        ("orphan", str(len(summary.orphan))),
        ("different", str(len(summary.different))),
        ("poisoned keys", str(len(summary.poison))),
        ("of them in the failure queue", str(len(summary.poison & summary.reported))),
        ("other keys in the failure queue", str(len(summary.reported - summary.poison))),
        ("records given up by the trigger", str(summary.ranges)),
        ("peak memory of the function", f"{max(memory) / MIB:.1f} MiB"),
        ("its growth, first to last quarter", f"{growth(summary.samples) / MIB:+.1f} MiB"),
        ("longest lag", f"{summary.longest_lag:.1f} s"),
        ("changes a second", f"{summary.changes / summary.seconds:,.0f}"),
    ):
        found.add_row(what, value)
    return found
