"""`searchsync runs`: list the runs of backfill, verify and repair, show one's result, follow one to its end."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import islice
from typing import Any

from rich.console import Group
from rich.text import Text

from searchsync_cli.commands import backfill, comparison
from searchsync_cli.differences import found_by
from searchsync_cli.errors import CliError, printable
from searchsync_cli.executions import Ended, World, addressed, as_json, followed, looked_at
from searchsync_cli.exits import Exit
from searchsync_cli.machine import MOST_ASKED, RUNNING, TASKS, Execution, Machine
from searchsync_cli.screen import in_words
from searchsync_cli.stack import Stack
from searchsync_cli.text import ago, duration, moment

HELP = "list the runs of backfill, verify and repair, show one's result, follow one to its end"
LAST = "last"
USUAL = 10
COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "…": "cyan"}


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("run_name", nargs="?", metavar="RUN", help=f"its name or ARN, or `{LAST}`: show its result")
    parser.add_argument("--follow", action="store_true", help="watch it to its end (default: the last one)")
    parser.add_argument(
        "--limit", type=_limit, default=USUAL, metavar="N", help=f"list so many, the newest (default {USUAL})"
    )
    parser.add_argument("--progress", action="store_true", help="progress as JSON lines on standard error")


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ASKED:
        raise ArgumentTypeError(f"{text!r} is not 1 to {MOST_ASKED}")
    return int(text)


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 for a list; of one run that of its own command."""
    machine = Machine(world.aws, stack)
    if options.run_name is None and not options.follow:
        listed = list(islice(machine.having(), options.limit))
        world.screen.result(
            Group(*(_entry(each, world.now()) for each in listed)) if listed else Text("Nothing has run yet.", "dim"),
            {"runs": [_as_json(each) for each in listed]},
        )
        return Exit.DONE
    execution = _meant(machine, options.run_name or LAST)
    if execution.status in RUNNING and not options.follow:
        return _under_way(world, stack, options, execution)
    ended = Ended(followed(world, stack, options, execution), joined=True, watched=True)
    if execution.task == "backfill":
        return backfill.show(world, options, ended)
    return comparison.show(world, stack, options, ended)


def _meant(machine: Machine, name: str) -> Execution:
    if name != LAST:
        return machine.named(name)
    last = machine.latest(TASKS)
    if last is None:
        raise CliError("Nothing has run yet.", "Start with `searchsync verify` or `searchsync backfill`.")
    return last


def _under_way(world: World, stack: Stack, options: Namespace, execution: Execution) -> int:
    now = looked_at(world, stack, execution)
    told = f"{execution.name} runs since {moment(execution.started)}: {now.fraction:.0%} {in_words(now)}"
    way = addressed(f"\n→ `searchsync runs --follow {execution.name}` watches it.", options)
    machine = _as_json(execution) | {"progress": now.as_json()}
    world.screen.result(Text(printable(told) + way), machine)
    return Exit.DONE


def _entry(execution: Execution, now: float) -> Text:
    """Two lines of the list: fit for 40 columns."""
    sign, told = verdict(execution)
    took = f", took {duration(execution.stopped - execution.started)}" if execution.stopped else ""
    return Text.assemble(
        (f"{sign} ", COLOURS[sign]),
        (printable(execution.name), "bold"),
        f"\n  {printable(execution.task)}: ",
        (printable(told), COLOURS[sign]),
        (f" · {moment(execution.started)}, {ago(execution.started, now)}{took}", "dim"),
    )


def verdict(execution: Execution) -> tuple[str, str]:
    """What became of a run: a sign and words."""
    if execution.status in RUNNING:
        return "…", "runs"
    if execution.status != "SUCCEEDED":
        return "✗", execution.status.lower().replace("_", " ") + (f", {execution.error}" if execution.error else "")
    if execution.task == "backfill":
        left = sum(backfill.leftover(execution.totals).values())
        return ("!", f"{left:,} not written") if left else ("✓", "all written")
    if execution.output.get("in_step") is True:
        return "✓", "in step"
    return "✗", found_by(execution.totals)


def _as_json(execution: Execution) -> dict[str, Any]:
    ended = as_json(Ended(execution, joined=True, watched=False))
    return {"name": execution.name, **{name: value for name, value in ended.items() if name != "joined"}}
