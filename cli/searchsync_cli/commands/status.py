"""`searchsync status`: is the index in step, and does the pipeline run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from searchsync_cli.commands.logs import span_seconds
from searchsync_cli.differences import found_by
from searchsync_cli.errors import printable
from searchsync_cli.executions import World, addressed
from searchsync_cli.facts import gather
from searchsync_cli.machine import Execution
from searchsync_cli.rolling import Rolling
from searchsync_cli.stack import Stack, Trigger
from searchsync_cli.text import ago, duration, iso, many, moment
from searchsync_cli.verdict import (
    GOOD_RESULTS,
    OLD_SECONDS,
    UNASKED,
    Facts,
    Index,
    Limits,
    Queue,
    Trouble,
    Verdict,
    judge,
)

HELP = "is the index in step, and does the pipeline run: trigger, lag, failure queue, last verification"
COLOURS = {
    Verdict.IN_STEP: "green",
    Verdict.IN_DOUBT: "yellow",
    Verdict.UNVERIFIED: "yellow",
    Verdict.DIFFERENCES: "red",
}
SIGNS = {"green": "✓", "yellow": "!", "red": "✗"}


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--wake", action="store_true", help="look at the index even where that wakes the collection")
    parser.add_argument(
        "--max-age",
        type=span_seconds,
        default=OLD_SECONDS,
        metavar="T",
        help=f"a verification older than this is in doubt, like 36h or 7d (default {OLD_SECONDS / 86400:.0f}d)",
    )


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Show it. Exit code 0 in step, 1 otherwise."""
    now = world.now()
    facts = gather(world.aws, stack, now, Limits(age=options.max_age), options.wake)
    verdict, troubles = judge(facts)
    troubles = [replace(each, remedy=addressed(each.remedy, options)) for each in troubles]
    world.screen.result(shown(stack, facts, verdict, troubles, now), as_json(stack, facts, verdict, troubles))
    return verdict.exit_code


def shown(stack: Stack, facts: Facts, verdict: Verdict, troubles: list[Trouble], now: float) -> RenderableType:
    """The status for a person."""
    colour = COLOURS[verdict]
    head = Text.assemble(
        (f"{SIGNS[colour]} {verdict.value.capitalize()}", f"bold {colour}"),
        (f"   {stack.name}: {stack.table_name} → {stack.index}, {stack.region}", "dim"),
    )
    sheet = Table.grid(padding=(0, 2))
    sheet.add_column(style="bold", no_wrap=True)
    sheet.add_column(overflow="fold")
    sheet.add_row("Verification", _verification(facts.verification, now))
    if facts.index and facts.index.rolling:
        sheet.add_row("Rolling", _rolling(facts.index.rolling, facts, now))
    sheet.add_row("Index", _index(facts.index, facts.verification))
    sheet.add_row("Trigger", _trigger(facts.trigger))
    sheet.add_row("Lag", _lag(facts))
    sheet.add_row("Failure queue", _queue(facts.queue))
    sheet.add_row("Repair needed", _repair(facts, now))
    sheet.add_row("Run", _run(facts, now))
    if facts.index and facts.index.package:
        sheet.add_row("Package", printable(facts.index.package))
    advice = [Text.assemble(("→ ", colour), f"{each.told(now)}: {each.remedy}.") for each in troubles]
    return Group(head, Text(), sheet, *([Text(), *advice] if advice else []))


def _verification(execution: Execution | None, now: float) -> Text:
    if execution is None:
        return Text("never", "yellow")
    when = execution.stopped or execution.started
    good = execution.output.get("in_step") is True
    totals = execution.totals
    seen = f"{many(totals.get('items', 0), 'item')}, {many(totals.get('documents', 0), 'document')}"
    told = "in step" if good else found_by(totals)
    return Text.assemble(
        (told, "green" if good else "red"), f" · {execution.task} of {moment(when)}, {ago(when, now)} · {seen}"
    )


def _rolling(rolling: Rolling, facts: Facts, now: float) -> Text:
    if rolling.since is None:
        return Text("not begun", "yellow")
    left = rolling.left(facts.verification.started if facts.verification else None)
    if left:
        told = (many(sum(each.differences for each in left), "difference"), "red")
    else:
        told = ("no difference left", "green" if rolling.is_fresh(now) else "yellow")
    whole = "all parts" if rolling.covered else f"{rolling.compared} of {many(rolling.parts, 'part')}"
    age = f"the oldest from {moment(rolling.oldest)}, {ago(rolling.oldest, now)}"
    return Text.assemble(told, f" · {whole} · {age} · each within {duration(rolling.period)}")


def _trigger(trigger: Trigger | None) -> Text:
    if trigger is None:
        return Text("none", "red")
    good = trigger.state == "Enabled"
    result = trigger.last_result or "none yet"
    return Text.assemble(
        (trigger.state, "green" if good else "red"),
        " · last result: ",
        (printable(result), "" if trigger.last_result in GOOD_RESULTS else "red"),
    )


def _index(index: Index | None, verification: Execution | None) -> Text:
    if index is None:
        return Text("the stack has no reconciliation to look at it", "yellow")
    if index.state == UNASKED:
        return Text("not looked at: that wakes a collection that sleeps (--wake looks)", "dim")
    if index.state != "there":
        return Text(index.state, "red")
    seen = f", {verification.totals.get('documents', 0):,} when it was verified" if verification else ""
    return Text.assemble(("there", "green"), f" · {many(index.documents or 0, 'document')} now{seen}")


def _lag(facts: Facts) -> Text:
    lag = facts.lag
    if lag.read is None and lag.written is None:
        return Text("no records in the last 15 minutes", "dim")
    return Text(" · ").join(
        Text.assemble((duration(each), "red" if each > facts.limits.lag else "green"), f" {what}")
        for each, what in ((lag.read, "to the function (IteratorAge)"), (lag.written, "to the index (OldestRecordAge)"))
        if each is not None
    )


def _queue(queue: Queue) -> Text:
    if not queue.messages:
        return Text("empty", "green")
    oldest = f" · oldest {duration(queue.oldest)}" if queue.oldest is not None else ""
    return Text.assemble((many(queue.visible, "message"), "red"), f" · {queue.in_flight:,} in flight{oldest}")


def _repair(facts: Facts, now: float) -> Text:
    if facts.since.repair_needed is not None:
        return Text(f"yes, signalled {moment(facts.since.repair_needed)}, {ago(facts.since.repair_needed, now)}", "red")
    return Text("no", "green")


def _run(facts: Facts, now: float) -> Text:
    if not facts.has_machine:
        return Text("not in this stack", "yellow")
    if facts.running is None:
        return Text("none runs", "dim")
    return Text(f"{facts.running.task} since {moment(facts.running.started)}, {ago(facts.running.started, now)}")


def as_json(stack: Stack, facts: Facts, verdict: Verdict, troubles: list[Trouble]) -> Mapping[str, Any]:
    """The status for a machine."""
    verification, trigger, running = facts.verification, facts.trigger, facts.running
    return {
        "function": stack.name,
        "verdict": verdict.value,
        "in_step": verdict is Verdict.IN_STEP,
        "troubles": [
            {"what": each.what, "remedy": each.remedy, "since": None if each.at is None else iso(each.at)}
            for each in troubles
        ],
        "trigger": trigger and {"state": trigger.state, "last_result": trigger.last_result},
        "lag_seconds": {"read": facts.lag.read, "written": facts.lag.written},
        "failure_queue": {
            "visible": facts.queue.visible,
            "in_flight": facts.queue.in_flight,
            "oldest_seconds": facts.queue.oldest,
        },
        "repair_needed": facts.since.repair_needed is not None,
        "verification": verification
        and {
            "task": verification.task,
            "started": iso(verification.started),
            "finished": iso(verification.stopped or verification.started),
            "in_step": verification.output.get("in_step"),
            "totals": dict(verification.totals),
            "report": verification.output.get("report"),
            "saw": verification.output.get("saw"),
        },
        "index": facts.index and {"state": facts.index.state, "documents": facts.index.documents},
        "package": facts.index.package if facts.index else None,
        "rolling": _rolling_json(facts.index.rolling if facts.index else None),
        "limits_seconds": {"lag": facts.limits.lag, "verification_age": facts.limits.age},
        "running": running and {"task": running.task, "execution": running.arn, "started": iso(running.started)},
    }


def _rolling_json(rolling: Rolling | None) -> Mapping[str, Any] | None:
    if rolling is None:
        return None
    return {
        "period_seconds": rolling.period,
        "since": None if rolling.since is None else iso(rolling.since),
        "covered": rolling.covered,
        "oldest": None if rolling.since is None else iso(rolling.oldest),
        "parts": rolling.parts,
        "compared": rolling.compared,
        "changed": list(rolling.changed),
        "differing": [
            {"part": each.part, "compared": iso(each.ended), "differences": each.differences, "run": each.run}
            for each in rolling.differing
        ],
    }
