"""The result of verify and repair, which both compare."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from searchsync_cli import differences
from searchsync_cli.differences import Difference
from searchsync_cli.errors import printable
from searchsync_cli.executions import Ended, World, addressed, as_json
from searchsync_cli.exits import Exit
from searchsync_cli.machine import Execution
from searchsync_cli.stack import Stack
from searchsync_cli.text import duration

BACKFILL = "`searchsync backfill` writes so many far quicker; then `searchsync repair` mends what is left."
REMEDIES = {
    "verify": "`searchsync repair` writes them anew.",
    "repair": "`searchsync logs --function reconcile --errors` says why they stay; then repair again.",
}


def show(world: World, stack: Stack, options: Namespace, ended: Ended) -> int:
    """Show it. DONE in step, or left running."""
    if not ended.watched:
        told = addressed(f"{ended.execution.name} runs. `searchsync {ended.execution.task} --watch` shows it.", options)
        world.screen.result(Text(told), as_json(ended))
        return Exit.DONE
    execution = ended.execution
    good = execution.output.get("in_step") is True
    found = differences.count(execution.totals)
    first, where = differences.first(world.aws, stack, execution) if found else ([], "")
    machine = as_json(ended) | {
        "differences": found,
        "first": [each.as_json() for each in first],
        "report": execution.output.get("report"),
        "needs_backfill": execution.output.get("needs_backfill") is True,
    }
    world.screen.result(shown(execution, first, where, options), machine)
    return Exit.of(good)


def shown(execution: Execution, first: Sequence[Difference], where: str, options: Namespace) -> RenderableType:
    """The result for a person."""
    totals, good = execution.totals, execution.output.get("in_step") is True
    took = (execution.stopped or execution.started) - execution.started
    found = differences.count(totals)
    repaired = int(totals.get("repaired", 0))
    head = Text.assemble(
        ("✓ In step" if good else "✗ Not in step", "bold green" if good else "bold red"),
        f"  {differences.summary(totals)} in {duration(took)}",
    )
    lines: list[RenderableType] = [head]
    if found:
        mended = f", {repaired:,} repaired" if repaired else ""
        lines.append(Text(f"  Found: {differences.found_by(totals)}{mended}"))
    if totals.get("unstable"):
        lines.append(Text(f"  {totals['unstable']:,} changed under way at every look, and were left out", "dim"))
    if first:
        lines += [Text(), _table(first)]
    if where:
        more = f"{found - len(first):,} more in" if first and found > len(first) else "full report:"
        lines.append(Text(f"  {more} {where}", "dim"))
    if not good:
        lines.append(Text.assemble(("→ ", "red"), addressed(_remedy(execution), options)))
    return Group(*lines)


def _remedy(execution: Execution) -> str:
    return BACKFILL if execution.output.get("needs_backfill") is True else REMEDIES[execution.task]


def _table(first: Sequence[Difference]) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=True, header_style="dim")
    table.add_column("kind")
    table.add_column("document", overflow="fold")
    table.add_column("attributes", overflow="fold", style="dim")
    for each in first:
        table.add_row(Text(each.kind, "red"), Text(printable(each.id)), Text(printable(", ".join(each.attributes))))
    return table
