"""`searchsync logs`: the functions' log lines, readable."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime

from rich.text import Text

from searchsync_cli.errors import CliError, printable
from searchsync_cli.executions import World
from searchsync_cli.exits import Exit
from searchsync_cli.loglines import Follower, Line, counts, seconds
from searchsync_cli.stack import Stack, log_group
from searchsync_cli.text import duration

HELP = "the functions' log lines, readable"
FOLLOW_SECONDS = 2.0
"""Between two looks; FilterLogEvents allows five a second."""
COLOURS = {"ERROR": "bold red", "WARN": "yellow", "INFO": "green"}
STEP = ("step", "task", "part")
"""Members that say what a run's line is of, before its counts."""
TOLD = ("error", "repair_needed", "busy", "lowest_failed", "poison", "stayed_documents", "result", "rolling")
"""Members of a line that are shown behind its counts."""


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument(
        "--since", type=span_seconds, default="10m", metavar="10m", help="how far back: 90s, 10m, 2h, 1d (default 10m)"
    )
    parser.add_argument("--errors", action="store_true", help="only what went wrong")
    parser.add_argument(
        "--function", choices=("sync", "redrive", "reconcile"), default="sync", help="whose lines (default sync)"
    )


def span_seconds(text: str) -> float:
    """The value of an option that is a span of time."""
    try:
        return seconds(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Show them. Exit code 0."""
    if stack.view and options.function != "reconcile":
        raise CliError(
            f"The {options.function} function is of all views, and so are its lines.",
            f"Leave --view out, or give --function reconcile for those of {stack.view}.",
        )
    names = {"sync": stack.name, "redrive": stack.redrive_name, "reconcile": stack.reconcile_name}
    group = stack.log_group if options.function == "sync" else log_group(world.aws, names[options.function])
    follower = Follower(world.aws, group, world.now() - options.since)
    shown = 0
    try:
        while True:
            for line in follower.new():
                if wanted(line, options.errors, options.json):
                    shown += 1
                    _show(world, line)
            if not options.follow:
                break
            world.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        return Exit.DONE
    if not shown:
        what = "nothing went wrong" if options.errors else "no lines"
        world.screen.note(f"{group}: {what} in the last {duration(options.since)}.")
    return Exit.DONE


def wanted(line: Line, errors: bool, raw: bool) -> bool:
    """Whether a line is shown: errors alone, or all but what Lambda says of itself and
    what a bar shows; for machines only JSON lines."""
    if errors:
        return line.level in ("ERROR", "WARN") and (bool(line.fields) or not raw)
    if raw:
        return bool(line.fields)
    return not line.is_platform and bool(line.text) and "under_way" not in line.fields


def _show(world: World, line: Line) -> None:
    if world.screen.as_json:
        world.screen.line(json.dumps(line.fields, ensure_ascii=False))
    else:
        world.screen.out.print(readable(line, world.now()), soft_wrap=True)


def readable(line: Line, now: float) -> Text:
    """A line for a person at `now` (Unix seconds): time, level, counts, and what went wrong."""
    at, today = (datetime.fromtimestamp(each, UTC) for each in (line.at, now))
    day = "" if at.date() == today.date() else f"{at:%Y-%m-%d} "
    told = Text.assemble(
        (f"{day}{at:%H:%M:%S} ", "dim"),
        (f"{line.level:5} ", COLOURS.get(line.level, "")),
    )
    if "_aws" not in line.fields:
        return told.append(printable(line.text))
    told.append("".join(f"{printable(str(line.fields[name]))} " for name in STEP if name in line.fields), "bold")
    received = line.fields.get("RecordsReceived")
    parts = [f"{received:,} records"] if isinstance(received, int) else []
    parts += [f"{name} {value:,.10g}" for name, value in counts(line).items()]
    told.append(" · ".join(parts))
    took = line.fields.get("Duration")
    if isinstance(took, int | float):
        told.append(f" · {took:,.0f} ms", "dim")
    for name in TOLD:
        if name in line.fields:
            value = line.fields[name]
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            told.append(
                "\n" + " " * 15 + f"{name}: {printable(text)}", "red" if name in ("error", "poison") else "yellow"
            )
    return told
