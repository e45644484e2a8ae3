"""`make demo`: the main job on this machine, from an empty lab to a table and an index in step."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as Sheet

from lab.applied import Applied
from lab.behaviours import add_profile
from lab.compare import Comparison
from lab.demo_reconcile import ADDRESS, TABLE, Cli, damage, fill, found, writers
from lab.errors import LabError
from lab.process import exit_on_signals
from lab.stack import Lab
from lab.terraform import Terraform
from lab.workload import changes, write

BODY = {"name": "Test DynamoDB Stream Pipeline", "type": "Test"}
KEYS = 1_500
SEED = 20_260_101
QUIET_SECONDS = 120.0


@dataclass
class Steps:
    """What was done, and what each step took in seconds."""

    console: Console
    times: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Time a step that says itself what it does."""
        self.console.rule(what, align="left", style="dim")
        started = time.monotonic()
        yield
        self.times.append((what, time.monotonic() - started))

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time a step, and say so."""
        started = time.monotonic()
        with self.console.status(what):
            yield
        took = time.monotonic() - started
        self.times.append((what, took))
        self.console.print(f"[green]✓[/green] {what} [dim]{took:.2f} s[/dim]")


def walk_through(steps: Steps, stack: Applied) -> None:
    """Post, look, edit, delete."""
    with steps.step("POST to the API Gateway"):
        name = stack.post(BODY)["id"]
    with steps.step("the record in the function's log"):
        line = stack.until("The log line", lambda: stack.log_line(name))
    with steps.step("the document in the collection"):
        document = stack.until("The document", lambda: stack.document(name))
    shown = {key: line[key] for key in ("records", "DocumentsWritten", "OldestRecordAge", "Duration")}
    key = {"id": {"S": name}}
    steps.console.print_json(data={"log line": shown, "item": stack.item(key), "document": document})
    with steps.step("an edit of the item reaches the document"):
        stack.put(stack.item(key) | {"type": {"S": "Edited"}})
        stack.until("The edit", lambda: (stack.document(name) or {}).get("type") == "Edited")
    with steps.step("its deletion removes the document"):
        stack.delete(key)
        stack.until("The deletion", lambda: stack.document(name) is None)


def many_changes(steps: Steps, stack: Applied, count: int) -> Comparison:
    """Put mixed changes through, and compare table and index when they are quiet."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.monotonic()
    with Progress(*columns, TimeRemainingColumn(), console=steps.console) as progress:
        task = progress.add_task(f"{count:,} mixed changes", total=count)
        table = stack.outputs["table_name"]
        write(stack.dynamodb, table, changes(count, KEYS, SEED), lambda done: progress.advance(task, done))
        written = time.monotonic() - started
        task = progress.add_task("in step with the table", total=None)
        end = time.monotonic() + QUIET_SECONDS
        while True:
            found = stack.comparison()
            wrong = len(found.missing) + len(found.orphan) + len(found.different)
            progress.update(task, total=found.items, completed=max(0, found.items - wrong))
            if found.in_step or time.monotonic() > end:
                break
            time.sleep(0.2)
    settled = time.monotonic() - started
    steps.times.append((f"{count:,} mixed changes written (seed {SEED})", written))
    steps.times.append(("…and all of them in the index", settled))
    return found


def result(steps: Steps, stack: Applied, comparison: Comparison) -> Sheet:
    """The small table at the end."""
    sheet = Sheet(title="searchsync in the lab", show_header=False)
    sheet.add_column(style="bold")
    sheet.add_column(justify="right")
    for what, took in steps.times:
        sheet.add_row(what, f"{took:.2f} s")
    sheet.add_section()
    sheet.add_row("items in the table", f"{comparison.items:,}")
    sheet.add_row("documents in the index", f"{comparison.documents:,}")
    sheet.add_row("missing", str(len(comparison.missing)))
    sheet.add_row("orphan", str(len(comparison.orphan)))
    sheet.add_row("different", str(len(comparison.different)))
    sheet.add_row("messages in the failure queue", str(len(stack.failure_messages())))
    return sheet


def existing_items(steps: Steps, stack: Applied, cli: Cli, count: int) -> None:
    """Bring what was there before, while writes go on; damage documents, find exactly those, mend them."""
    with writers(stack) as written, steps.told("searchsync backfill"):
        cli.run("backfill")
    steps.console.print(f"[dim]{written[0]:,} changes were written meanwhile[/dim]")
    with steps.told("searchsync verify"):
        cli.run("verify")
    damaged = damage(stack, count)
    steps.console.print(f"[yellow]{len(damaged)} documents damaged by hand[/yellow]")
    with steps.told("searchsync verify, with damage"):
        cli.run("verify", expected=1)
    if found(stack) != damaged:
        raise LabError(f"The verification found {found(stack)}, and the damage is {damaged}.")
    steps.console.print(f"[green]✓[/green] found exactly those {len(damaged)}")
    with steps.told("searchsync repair"):
        cli.run("repair")
    with steps.told("searchsync verify, mended"):
        cli.run("verify")
    cli.run("status")


def run(count: int, before: int, profile: str, scale: float) -> int:
    """The whole demo on a lab of this profile and scale; 0 when table and index agree."""
    steps = Steps(Console())
    started = time.monotonic()
    dim = partial(steps.console.print, style="dim")
    with Lab.start(dim, profile=profile, scale=scale) as lab:
        steps.times.append(("lab started", time.monotonic() - started))
        fill(lab, before, steps.console)
        with Terraform("workshop", lab) as terraform:
            terraform.adopt(ADDRESS, TABLE)
            with steps.step("terraform apply examples/workshop, on that table"):
                terraform.apply()
            stack = Applied(lab, terraform.output())
            walk_through(steps, stack)
            existing_items(steps, stack, Cli(lab, terraform.directory), before)
        comparison = many_changes(steps, stack, count)
        steps.console.print(result(steps, stack, comparison))
    if comparison.in_step:
        steps.console.print("[bold green]In step:[/] every item is its document, and there is nothing more.")
        return 0
    steps.console.print("[bold red]Not in step.[/]")
    return 1


def main() -> int:
    """Run the demo from the command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__)
    parser.add_argument("--changes", type=int, default=5_000, help="how many mixed changes (default %(default)s)")
    parser.add_argument("--items", type=int, default=20_000, help="how many items before (default %(default)s)")
    add_profile(parser)
    arguments = parser.parse_args()
    exit_on_signals()
    try:
        return run(arguments.changes, arguments.items, arguments.profile, arguments.scale)
    except KeyboardInterrupt:
        print("\nStopped; the lab is gone.")
        return 130
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
