"""`make soak`: very many changes with faults on, memory and lag watched, and a full comparison at the end.

The lab keeps every stream record in memory, as a stream does for 24 hours: 1 GB or so for 200,000 changes.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab.applied import Applied
from lab.compare import table_documents
from lab.errors import LabError
from lab.gate_admin import GateControl
from lab.process import exit_on_signals
from lab.soak_summary import MIB, Summary, sheet
from lab.stack import Lab
from lab.storms import Weather, storms
from lab.terraform import Terraform
from lab.watch import Sample, Watch, counter
from lab.workload import Change, changes, write

KEYS = 3_000
CHANGES_A_STORM = 1_600
CHANGES_A_COMPARISON = 5_000
"""A lost write is seen only until the key's next: often enough that most keys were written once since the last."""
BATCH_SIZE, WINDOW_SECONDS = 100, 0
"""Of the trigger while it soaks: small batches are many requests, and so many chances for a fault."""
CHANGES_A_POISON = 2_000
FEWEST_STORMS = 20
"""So that every kind of storm comes in a short soak too."""
FEWEST_POISON = 9
MOST_BEHIND = 2_000
"""Records that the trigger may be behind the writer: faults are to meet traffic, not a pile."""
WAIT_SECONDS = 0.05
STALLED_SECONDS = 180.0
LATE_FROM = 20_000
"""Changes from which on a soak has time for storms of half a minute."""


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
        every = max(1, min(CHANGES_A_POISON, self._count // FEWEST_POISON))
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
        self._weather = Weather(self._gate, storms(seed, late=count >= LATE_FROM), every, self._behind)
        self._written = 0
        self._start = 0

    def run(self) -> Summary:
        """Write, wait until the trigger is done with all, compare, and again. LabError when it stalls."""
        self._stack.failure_messages()
        with self._small_batches():
            self._begin()
            began, planned, comparisons = time.monotonic(), self._writer.changes(), 0
            try:
                while True:
                    self._write(islice(planned, CHANGES_A_COMPARISON))
                    self._drain()
                    summary = self._summary(time.monotonic() - began, comparisons := comparisons + 1)
                    if self._written >= self._count or summary.wrong:
                        break
            finally:
                self._gate.clear()
        return replace(summary, **self._messages())

    @contextmanager
    def _small_batches(self) -> Iterator[None]:
        functions, name = self._stack.lab.boto3_client("lambda"), self._stack.outputs["trigger_uuid"]
        before = functions.get_event_source_mapping(UUID=name)
        kept = {each: before[each] for each in ("BatchSize", "MaximumBatchingWindowInSeconds")}
        soaking = {"BatchSize": BATCH_SIZE, "MaximumBatchingWindowInSeconds": WINDOW_SECONDS}
        functions.update_event_source_mapping(UUID=name, **soaking)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=name, **kept)

    def _write(self, planned: Iterator[Change]) -> None:
        write(self._stack.dynamodb, self._stack.outputs["table_name"], planned, self._pace)

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
        while self._weather.blows():
            self._look()
            time.sleep(WAIT_SECONDS)
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

    def _summary(self, seconds: float, comparisons: int) -> Summary:
        return Summary(
            changes=self._written,
            records=self._writer.records,
            storms=self._weather.storms,
            faults=self._gate.counts.faults,
            comparisons=comparisons,
            comparison=self._stack.comparison(),
            poison=frozenset(self._writer.poison),
            samples=tuple(self._watch.samples),
            longest_lag=self._watch.longest_lag,
            invocations=self._watch.invocations,
            seconds=seconds,
        )

    def _messages(self) -> dict[str, Any]:
        messages = self._stack.failure_messages()
        reported = [each["key"]["id"]["S"] for each in messages if each.get("kind") == "searchsync.poison"]
        return {"reported": frozenset(reported), "ranges": len(messages) - len(reported)}


def run(count: int, seed: int) -> int:
    """The whole soak; 0 when nothing is lost, orphaned or different, and the failure queue holds the poison alone."""
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
    for what in ("lost", "orphan", "different"):
        console.print(f"[bold red]{what}[/]: {getattr(summary, what)[:20]}")
    console.print(f"[bold red]in the failure queue without reason[/]: {sorted(summary.reported - summary.poison)[:20]}")
    console.print(f"[bold red]poison that is not there[/]: {sorted(summary.poison - summary.reported)[:20]}")
    return 1


def main() -> int:
    """Run the soak from the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.soak", description=(__doc__ or "").partition("\n")[0])
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
