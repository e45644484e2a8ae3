"""`searchsync status`: is the index in step, and does the pipeline run. Of a stack with several views each has its
verdict, and the worst is that of all."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from searchsync_cli.commands.logs import span_seconds
from searchsync_cli.differences import found_by
from searchsync_cli.errors import printable
from searchsync_cli.executions import World, advised
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


@dataclass(frozen=True)
class Judged:
    """A view with its verdict, what is wrong, and what both are made from."""

    stack: Stack
    facts: Facts
    verdict: Verdict
    troubles: Sequence[Trouble]


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Show it. Exit code 0 in step, 1 otherwise."""
    now = world.now()
    stacks = (stack,) if stack.view else stack.every
    gathered = gather(world.aws, stacks, now, Limits(age=options.max_age), options.wake)
    views = [_judged(each, facts, options) for each, facts in zip(stacks, gathered, strict=True)]
    if len(views) == 1:
        world.screen.result(shown(views[0], now), as_json(views[0]))
        return views[0].verdict.exit_code
    world.screen.result(shown_together(views, now), as_json_together(views))
    return _worst(views).exit_code


def _judged(stack: Stack, facts: Facts, options: Namespace) -> Judged:
    """The verdict on a view, its remedies addressed to it."""
    verdict, troubles = judge(facts)
    of_view = Namespace(**{**vars(options), "view": stack.view})
    return Judged(stack, facts, verdict, [replace(each, remedy=advised(each.remedy, of_view)) for each in troubles])


def shown(view: Judged, now: float) -> RenderableType:
    """The status of one view for a person."""
    facts, sheet = view.facts, _sheet()
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
    told = [f"{each.told(now)}: {each.remedy}." for each in view.troubles]
    return _page(view.stack, view.stack.index, view.verdict, sheet, told)


def shown_together(views: Sequence[Judged], now: float) -> RenderableType:
    """The status of a stack with several views for a person: a row each, and what is of the stack."""
    first, sheet = views[0], _sheet()
    for each in views:
        sheet.add_row(_named(each.stack), _one_of_them(each, now))
    sheet.add_row("Trigger", _trigger(first.facts.trigger))
    sheet.add_row("Lag", _lag(first.facts))
    sheet.add_row("Failure queue", _queue(first.facts.queue))
    if packages := {each.facts.index.package for each in views if each.facts.index} - {None}:
        sheet.add_row("Package", printable(", ".join(sorted(map(str, packages)))))
    told: dict[str, list[str]] = {}
    for view in views:
        for trouble in view.troubles:
            told.setdefault(f"{trouble.told(now)}: {trouble.remedy}.", []).append(_named(view.stack))
    advice = [text if len(whose) == len(views) else f"{', '.join(whose)}: {text}" for text, whose in told.items()]
    return _page(first.stack, many(len(views), "view"), _worst(views), sheet, advice)


def _sheet() -> Table:
    sheet = Table.grid(padding=(0, 2))
    sheet.add_column(style="bold", no_wrap=True)
    sheet.add_column(overflow="fold")
    return sheet


def _page(stack: Stack, into: str, verdict: Verdict, sheet: Table, advice: Sequence[str]) -> RenderableType:
    """The verdict, what it is made from, and what there is to do."""
    colour = COLOURS[verdict]
    head = Text.assemble(
        (f"{SIGNS[colour]} {verdict.value.capitalize()}", f"bold {colour}"),
        (f"   {stack.name}: {stack.table_name} → {into}, {stack.region}", "dim"),
    )
    told = [Text.assemble(("→ ", colour), each) for each in advice]
    return Group(head, Text(), sheet, *([Text(), *told] if told else []))


def _worst(views: Sequence[Judged]) -> Verdict:
    return Verdict.worst(each.verdict for each in views)


def _named(stack: Stack) -> str:
    return f"View {stack.view}" if stack.view else "First view"


def _one_of_them(view: Judged, now: float) -> Text:
    """A view's row beside the others'."""
    colour, facts = COLOURS[view.verdict], view.facts
    told = Text.assemble((f"{SIGNS[colour]} {view.verdict.value}", colour), f" · {view.stack.index} · ")
    told.append(_compared(facts.verification, now) if facts.verification else "never compared")
    return told.append(f" · {facts.running.task} runs" if facts.running else "")


def _verification(execution: Execution | None, now: float) -> Text:
    if execution is None:
        return Text("never", "yellow")
    good = execution.output.get("in_step") is True
    told = "in step" if good else found_by(execution.totals)
    return Text.assemble((told, "green" if good else "red"), f" · {_compared(execution, now)}")


def _compared(execution: Execution, now: float) -> str:
    when, totals = execution.stopped or execution.started, execution.totals
    seen = f"{many(totals.get('items', 0), 'item')}, {many(totals.get('documents', 0), 'document')}"
    return f"{execution.task} of {moment(when)}, {ago(when, now)} · {seen}"


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


def as_json(view: Judged) -> Mapping[str, Any]:
    """The status of one view for a machine."""
    facts, trigger = view.facts, view.facts.trigger
    return {
        "function": view.stack.name,
        **({"view": view.stack.view} if view.stack.view else {}),
        **_of_a_view(view),
        "trigger": trigger and {"state": trigger.state, "last_result": trigger.last_result},
        "lag_seconds": {"read": facts.lag.read, "written": facts.lag.written},
        "failure_queue": {
            "visible": facts.queue.visible,
            "in_flight": facts.queue.in_flight,
            "oldest_seconds": facts.queue.oldest,
        },
        "limits_seconds": {"lag": facts.limits.lag, "verification_age": facts.limits.age},
    }


def as_json_together(views: Sequence[Judged]) -> Mapping[str, Any]:
    """The status of a stack with several views for a machine: its verdict, what is wrong and whether a repair is needed
    are of all views, what else is of a view is the first one's; `views` has each."""
    each = [{"view": view.stack.view or None, "index_name": view.stack.index, **_of_a_view(view)} for view in views]
    return {
        **as_json(views[0]),
        "verdict": _worst(views).value,
        "in_step": _worst(views) is Verdict.IN_STEP,
        "troubles": [{"view": view["view"], **trouble} for view in each for trouble in view["troubles"]],
        "repair_needed": any(view["repair_needed"] for view in each),
        "views": each,
    }


def _of_a_view(view: Judged) -> dict[str, Any]:
    facts, verification, running = view.facts, view.facts.verification, view.facts.running
    return {
        "verdict": view.verdict.value,
        "in_step": view.verdict is Verdict.IN_STEP,
        "troubles": [
            {"what": each.what, "remedy": each.remedy, "since": None if each.at is None else iso(each.at)}
            for each in view.troubles
        ],
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
