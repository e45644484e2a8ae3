"""`make demo`: the main job on this machine, from an empty lab to a table in step with two views, an index each."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as Sheet

from lab.applied import Applied
from lab.behaviours import add_profile
from lab.compare import Comparison
from lab.demo_reconcile import ADDRESS, KINDS, TABLE, Cli, damage, fill, found, tell_at_once, writers
from lab.demo_view import NAME, TYPE_WITHIN, TYPE_WITHOUT, add_view, shown
from lab.errors import LabError
from lab.process import exit_on_signals
from lab.stack import Lab
from lab.terraform import Terraform
from lab.workload import changes, write

BODY = {"name": "Test DynamoDB Stream Pipeline", "type": TYPE_WITHIN}
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


def walk_through(steps: Steps, stack: Applied, view: Applied) -> None:
    """Post, look, edit so that the item leaves the view and enters it again, delete."""

    def seen_of(name: str, kind: str) -> bool:
        """Whether the first view shows the type, and the other one a document where it is to have one."""
        has_one = view.document(name) is not None
        return (stack.document(name) or {}).get("type") == kind and has_one == (kind == TYPE_WITHIN)

    with steps.step("POST to the API Gateway"):
        name = stack.post(BODY)["id"]
    with steps.step("the record in the function's log"):
        line = stack.until("The log line", lambda: stack.log_line(name))
    with steps.step("the documents in the collection, one in each view"):
        document = stack.until("The document", lambda: stack.document(name))
        within = stack.until("The view's document", lambda: view.document(name))
    told = {each: line[each] for each in ("records", "DocumentsWritten", "OldestRecordAge", "Duration")}
    key = {"id": {"S": name}}
    documents = {stack.outputs["index_name"]: document, view.outputs["index_name"]: within}
    steps.console.print_json(data={"log line": told, "item": stack.item(key), "documents": documents})
    for kind, what in ((TYPE_WITHOUT, f"leaves the view {NAME}"), (TYPE_WITHIN, "enters it again")):
        with steps.step(f"an edit to the type {kind} reaches the document; the item {what}"):
            stack.put(stack.item(key) | {"type": {"S": kind}})
            stack.until("The edit in both views", partial(seen_of, name, kind))
    with steps.step("its deletion removes both documents"):
        stack.delete(key)
        stack.until("The deletion", lambda: stack.document(name) is None and view.document(name) is None)


def many_changes(steps: Steps, stacks: Sequence[Applied], count: int) -> list[Comparison]:
    """Put mixed changes through, and compare the table with each view when they are quiet."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.monotonic()
    with Progress(*columns, TimeRemainingColumn(), console=steps.console) as progress:
        task = progress.add_task(f"{count:,} mixed changes", total=count)
        first = stacks[0]
        write(
            first.dynamodb,
            first.outputs["table_name"],
            changes(count, KEYS, SEED),
            lambda done: progress.advance(task, done),
        )
        written = time.monotonic() - started
        end = time.monotonic() + QUIET_SECONDS
        found = [_settled(progress, each, end) for each in stacks]
    settled = time.monotonic() - started
    steps.times.append((f"{count:,} mixed changes written (seed {SEED})", written))
    steps.times.append(("…and all of them in both views", settled))
    return found


def _settled(progress: Progress, stack: Applied, end: float) -> Comparison:
    """The comparison of a view that is in step, or the last one before `end` (monotonic)."""
    task = progress.add_task(f"{stack.outputs['index_name']} in step with the table", total=None)
    while True:
        found = stack.comparison()
        wrong = len(found.missing) + len(found.orphan) + len(found.different)
        progress.update(task, total=found.items, completed=max(0, found.items - wrong))
        if found.in_step or time.monotonic() > end:
            return found
        time.sleep(0.2)


def result(steps: Steps, stack: Applied, found: Sequence[Comparison]) -> Sheet:
    """The small table at the end."""
    sheet = Sheet("", "first view", f"view {NAME}", title="searchsync in the lab")
    for column in sheet.columns[1:]:
        column.justify = "right"
    for what, took in steps.times:
        sheet.add_row(what, f"{took:.2f} s")
    sheet.add_section()
    sheet.add_row("items of the table that it has", *(f"{each.items:,}" for each in found))
    sheet.add_row("documents in its index", *(f"{each.documents:,}" for each in found))
    for kind in KINDS:
        sheet.add_row(kind, *(str(len(getattr(each, kind))) for each in found))
    sheet.add_row("messages in the failure queue", str(len(stack.failure_messages())))
    return sheet


def existing_items(steps: Steps, stack: Applied, cli: Cli, count: int) -> None:
    """Bring what was there before, while writes go on; damage documents, find exactly those, mend them."""
    of_view = ("--view", NAME)
    with writers(stack) as written:
        with steps.told("searchsync backfill"):
            cli.run("backfill")
        with steps.told(f"searchsync backfill --view {NAME}"):
            cli.run("backfill", *of_view)
    steps.console.print(f"[dim]{written[0]:,} changes were written meanwhile[/dim]")
    with steps.told("searchsync verify"):
        cli.run("verify")
    with steps.told(f"searchsync verify --view {NAME}"):
        cli.run("verify", *of_view)
    tell_at_once(stack)
    damaged = damage(stack, count)
    steps.console.print(f"[yellow]{len(damaged)} documents damaged by hand[/yellow]")
    with steps.told("searchsync verify, with damage"):
        cli.run("verify", expected=1)
    if found(stack) != damaged:
        raise LabError(f"The verification found {found(stack)}, and the damage is {damaged}.")
    steps.console.print(f"[green]✓[/green] found exactly those {len(damaged)}")
    with steps.told("searchsync status: a verdict for each view"):
        cli.run("status", expected=1)
    with steps.told("searchsync repair"):
        cli.run("repair")
    with steps.told("searchsync verify, mended"):
        cli.run("verify")
    cli.run("status")


def run(count: int, before: int, profile: str, scale: float) -> int:
    """The whole demo on a lab of this profile and scale; 0 when the table and both views agree."""
    steps = Steps(Console())
    started = time.monotonic()
    dim = partial(steps.console.print, style="dim")
    with Lab.start(dim, profile=profile, scale=scale) as lab:
        steps.times.append(("lab started", time.monotonic() - started))
        fill(lab, before, steps.console)
        with Terraform("workshop", lab) as terraform:
            terraform.adopt(ADDRESS, TABLE)
            add_view(terraform)
            steps.console.print("[bold]The stack has a second view of the table:[/]", shown())
            with steps.step("terraform apply examples/workshop, on that table, with that view"):
                terraform.apply()
            stack = Applied(lab, terraform.output())
            view = stack.view(NAME)
            walk_through(steps, stack, view)
            existing_items(steps, stack, Cli(lab, terraform.directory), before)
        found = many_changes(steps, (stack, view), count)
        steps.console.print(result(steps, stack, found))
    if all(each.in_step for each in found):
        steps.console.print("[bold green]In step:[/] every view has the documents of its items, and nothing more.")
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
