"""`make soak`: very many changes with faults on, memory and lag watched, and a full comparison at the end."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Sheet

from lab.applied import Applied
from lab.compare import Comparison, table_documents
from lab.errors import LabError
from lab.gate_admin import GateControl
from lab.process import exit_on_signals
from lab.stack import Lab
from lab.storms import Weather, storms
from lab.terraform import Terraform
from lab.watch import Sample, Watch, counter, growth
from lab.workload import Change, changes, write

KEYS = 3_000
CHANGES_A_STORM = 2_000
FEWEST_STORMS = 20
"""So that every kind of storm comes in a short soak too."""
FEWEST_POISON = 9
MOST_BEHIND = 2_000
"""Records that the trigger may be behind the writer: faults are to meet traffic, not a pile."""
WAIT_SECONDS = 0.05
STALLED_SECONDS = 180.0
LATE_FROM = 20_000
"""Changes from which on a soak has time for storms of half a minute."""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Summary:
    """What a soak came to. `poison` are the keys that were poisoned, `reported` those in the failure queue,
    `ranges` the messages of records that the trigger gave up."""

    changes: int
    records: int
    storms: Counter[str]
    faults: dict[str, int]
    comparison: Comparison
    poison: frozenset[str]
    reported: frozenset[str]
    ranges: int
    samples: tuple[Sample, ...]
    longest_lag: float
    invocations: int
    seconds: float

    @property
    def lost(self) -> list[str]:
        """Items without their document."""
        return sorted(set(self.comparison.missing) - self.poison)

    @property
    def extra(self) -> list[str]:
        """Documents without an item."""
        return sorted(self.comparison.extra)

    @property
    def different(self) -> list[str]:
        """Documents that are not their item."""
        return sorted(set(self.comparison.different) - self.poison)

    @property
    def good(self) -> bool:
        """Whether the index is the table but for the poison, and exactly the poison is in the failure queue."""
        wrong = self.lost or self.extra or self.different or self.ranges
        return not wrong and self.reported == self.poison


class Writer:
    """The changes of a soak, and what the table makes of them: `records` in its stream, `poison` keys."""

    def __init__(self, count: int, seed: int, there: set[str]) -> None:
        """`there`: the keys of the items that the table holds."""
        self.records = 0
        self.poison: set[str] = set()
        self._count, self._seed = count, seed
        self._there = set(there)

    def changes(self) -> Iterator[Change]:
        """The changes, in order."""
        every = max(1, min(CHANGES_A_STORM, self._count // FEWEST_POISON))
        for number, change in enumerate(changes(self._count, KEYS, self._seed)):
            yield self._noted(self._poisoned(number // every) if number % every == every - 1 else change)

    def _poisoned(self, turn: int) -> Change:
        """In three turns: a bad new item, a good one, and that one made bad."""
        key = f"poison-{self._seed}-{turn - (turn % 3 == 2)}"
        if turn % 3 == 1:
            return Change(key, {"id": {"S": key}, "number": {"N": str(turn)}})
        self.poison.add(key)
        return Change(key, {"id": {"S": key}, "number": {"S": f"no number {turn}"}})

    def _noted(self, change: Change) -> Change:
        if change.item is None:
            # The deletion of what is not there is no record.
            self.records += change.key in self._there
            self._there.discard(change.key)
        else:
            self.records += 1
            self._there.add(change.key)
        return change


Show = Callable[[int, Sample, str], None]
"""Told of the changes written, the latest sample and the storm's name."""


class Soak:
    """One soak of an applied stack; `show` is told of its progress."""

    def __init__(self, stack: Applied, count: int, seed: int, show: Show) -> None:
        self._stack, self._count, self._show = stack, count, show
        self._gate: GateControl = stack.lab.gate_of(stack.outputs["collection_endpoint"])
        self._watch = Watch(stack)
        there = table_documents(stack.dynamodb, stack.outputs["table_name"], stack.key_attributes)
        self._writer = Writer(count, seed, set(there))
        every = max(1, min(CHANGES_A_STORM, count // FEWEST_STORMS))
        self._weather = Weather(self._gate, storms(seed, late=count >= LATE_FROM), every)
        self._written = 0
        self._start = 0

    def run(self) -> Summary:
        """Write, wait until the trigger is done with everything, compare. LabError when it stalls."""
        self._stack.failure_messages()
        self._begin()
        began = time.monotonic()
        try:
            write(self._stack.dynamodb, self._stack.outputs["table_name"], self._writer.changes(), self._pace)
            self._drain()
        finally:
            self._gate.clear()
        return self._summary(time.monotonic() - began)

    def _begin(self) -> None:
        """One item first: it gives `number` its mapping, and its record the place from which to count."""
        key = f"soak-{time.time_ns()}"
        self._stack.put({"id": {"S": key}, "number": {"N": "0"}})
        line = self._stack.until("the first record", lambda: self._stack.log_line(key))
        self._start = next(counter(each["sequence_number"]) for each in line["records"] if each["document"] == key)
        self._gate.reset_counts()

    def _behind(self) -> int:
        return self._start + self._writer.records - self._watch.place()

    def _pace(self, done: int) -> None:
        """After each request: the weather, a look, and a rest where the trigger is too far behind."""
        self._written += done
        while True:
            held = self._weather.step(self._written)
            self._look()
            if not held and self._behind() <= MOST_BEHIND:
                return
            time.sleep(WAIT_SECONDS)

    def _look(self) -> None:
        self._show(self._written, self._watch.look(self._written / self._count), self._weather.name)

    def _drain(self) -> None:
        """Fine weather, until the trigger is done with the last record."""
        self._weather.end()
        behind, since = self._behind(), time.monotonic()
        while behind:
            if time.monotonic() - since > STALLED_SECONDS:
                raise LabError(
                    f"The trigger has stood {behind} records before the stream's end for {STALLED_SECONDS:g} s "
                    f"without faults. The lab's log ends:\n{self._stack.lab.log()}"
                )
            self._look()
            time.sleep(WAIT_SECONDS)
            now = self._behind()
            if now != behind:
                behind, since = now, time.monotonic()
        self._watch.look(1.0, now=True)

    def _summary(self, seconds: float) -> Summary:
        messages = self._stack.failure_messages()
        reported = [each["key"]["id"]["S"] for each in messages if each.get("kind") == "searchsync.poison"]
        return Summary(
            changes=self._written,
            records=self._writer.records,
            storms=self._weather.storms,
            faults=self._gate.counts.faults,
            comparison=self._stack.comparison(),
            poison=frozenset(self._writer.poison),
            reported=frozenset(reported),
            ranges=len(messages) - len(reported),
            samples=tuple(self._watch.samples),
            longest_lag=self._watch.longest_lag,
            invocations=self._watch.invocations,
            seconds=seconds,
        )


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
        *((f"faults: {kind}", f"{count:,}") for kind, count in sorted(summary.faults.items())),
        ("items in the table", f"{summary.comparison.items:,}"),
        ("lost", str(len(summary.lost))),
        ("extra", str(len(summary.extra))),
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


def run(count: int, seed: int) -> int:
    """The whole soak; 0 when nothing is lost, extra or different, and the failure queue holds the poison alone."""
    console = Console()
    console.print(f"seed {seed}")
    with (
        Lab.start(progress=lambda line: console.print(f"[dim]{line}[/dim]")) as lab,
        Terraform("workshop", lab) as stack,
    ):
        with console.status("terraform apply examples/workshop"):
            stack.apply()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("changes", total=count)

            def show(written: int, sample: Sample, storm: str) -> None:
                what = f"changes · {storm} · lag {sample.lag:.0f} s · {sample.memory / MIB:.0f} MiB"
                progress.update(task, completed=written, description=what)

            summary = Soak(Applied(lab, stack.output()), count, seed, show).run()
    console.print(sheet(summary, seed))
    if summary.good:
        console.print("[bold green]Nothing lost:[/] the index is the table, and the failure queue holds the poison.")
        return 0
    for what in ("lost", "extra", "different"):
        console.print(f"[bold red]{what}[/]: {getattr(summary, what)[:20]}")
    console.print(f"[bold red]in the failure queue without reason[/]: {sorted(summary.reported - summary.poison)[:20]}")
    console.print(f"[bold red]poison that is not there[/]: {sorted(summary.poison - summary.reported)[:20]}")
    return 1


def main() -> int:
    """Run the soak from the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.soak", description=__doc__)
    parser.add_argument("--changes", type=int, default=200_000, help="how many changes (default %(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="repeat this soak's schedule")
    arguments = parser.parse_args()
    exit_on_signals()
    try:
        return run(arguments.changes, arguments.seed)
    except KeyboardInterrupt:
        print("\nStopped; the lab is gone.")
        return 130
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
