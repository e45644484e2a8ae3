"""`searchsync doctor`: what this account's collection really does, and what follows from it."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from searchsync_cli.diagnosis import Outcome, Row, diagnose, exit_code
from searchsync_cli.errors import AwsError, CliError, printable
from searchsync_cli.executions import World, advised
from searchsync_cli.invocation import invoked
from searchsync_cli.stack import OLD_MODULE, Stack
from searchsync_cli.text import iso, many

HELP = "ask the collection what searchsync relies on, harmlessly, in an index of its own"
SIGNS = {Outcome.RELIED: ("✓", "green"), Outcome.HARMLESS: ("~", "cyan"), Outcome.ACT: ("✗", "red")}
SHORTEST_S, LONGEST_S, USUAL_S = 60, 840, 300
"""Seconds of all probes: a function runs for 900, and a NAT gateway drops a connection that is still for 350
(AWS page "Troubleshoot NAT gateways")."""
HOLDS = "Answers, counts and times of each probe. No account id, no name of a resource, no contents of an item."


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the findings, fit to be shown to others")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=USUAL_S,
        metavar="N",
        help=f"how long the probes may take (default {USUAL_S}); over 340 a NAT may drop the connection",
    )


def _seconds(text: str) -> int:
    if not text.isdigit() or not SHORTEST_S <= int(text) <= LONGEST_S:
        raise ArgumentTypeError(f"{text!r} is not {SHORTEST_S} to {LONGEST_S} seconds")
    return int(text)


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 when all is as relied on or harmless, 1 when something needs doing."""
    if options.report and not options.report.absolute().parent.is_dir():
        raise CliError(f"There is no folder for --report {options.report}.", "Give a file in one that is there.")
    if not world.screen.as_json:
        world.screen.note(f"Asking for up to {options.seconds} s …")
    remedy = "`searchsync logs --function reconcile --since 10m` says more; then try again."
    answer = invoked(
        world.aws,
        stack.reconcile_name,
        {"step": "doctor", "seconds": options.seconds},
        "The reconcile function",
        remedy,
    )
    if not isinstance(answer.get("seen"), Mapping):
        raise CliError(f"The function {stack.reconcile_name} knows no doctor.", OLD_MODULE)
    rows = diagnose({**answer["seen"], "sync-role": _sync_role(world, stack)})
    left = [str(each) for each in answer.get("left", [])]
    if options.report:
        _write(options.report, rows, left, world.now())
    machine = {"rows": [row.as_json() for row in rows], "left": left}
    world.screen.result(shown(rows, left, options), machine)
    return exit_code(rows, left)


def _sync_role(world: World, stack: Stack) -> Mapping[str, Any]:
    """What the sync function's role is answered."""
    try:
        remedy = "`searchsync logs --since 10m` says more."
        asked = {"searchsync": "doctor", "view": stack.view}
        return invoked(world.aws, stack.name, asked, "The sync function", remedy)
    except AwsError as error:
        return {"unasked": f"these credentials may not call the sync function ({error.code})"}
    except CliError:
        return {"answer": "the function failed"}


def _write(path: Path, rows: list[Row], left: list[str], now: float) -> None:
    report = {
        "searchsync": "doctor",
        "holds": HOLDS,
        "at": iso(now),
        "rows": [row.as_json() for row in rows],
        "left": len(left),
    }
    try:
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CliError(f"The report cannot be written: {error}.", "Give another --report.") from error


def shown(rows: list[Row], left: list[str], options: Namespace) -> RenderableType:
    """The findings for a person."""
    todo = [row for row in rows if row.outcome is Outcome.ACT]
    head = (f"✗ {many(len(todo), 'finding')} to act on", "bold red")
    if not todo:
        head = ("! Little was found out", "bold yellow") if exit_code(rows, left) else ("✓ As relied on", "bold green")
    unasked = sum(row.outcome is Outcome.UNASKED for row in rows)
    sheet = Table.grid(padding=(0, 2))
    for style in ("bold", "", ""):
        sheet.add_column(style=style, overflow="fold")
    for row in rows:
        sign, colour = SIGNS.get(row.outcome, ("-", "dim"))
        sheet.add_row(row.probe.name, Text(f"{sign} {row.outcome}", colour), Text(printable(row.seen)))
    advice = [f"{row.probe.name}: relied on is: {row.probe.relied}. {_sentence(row.probe.follows)}" for row in todo]
    advice += [
        f"Not cleaned up: send `{each}` to the collection, as a principal of its data access policy that may; or run "
        "`searchsync doctor` again in 15 minutes."
        for each in left
    ]
    told = [Text(advised(f"→ {printable(each)}", options)) for each in advice]
    written = [Text(f"Written to {options.report}.", "dim")] if options.report else []
    return Group(
        Text.assemble(head, (f"   {unasked} not asked" if unasked else "", "dim")),
        Text(),
        sheet,
        *([Text(), *told] if told else []),
        *written,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
