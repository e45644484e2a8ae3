"""`searchsync redrive`: bring the failure queue's keys in step, and say what stays."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from searchsync_cli.errors import CliError, printable
from searchsync_cli.executions import World, addressed
from searchsync_cli.exits import Exit
from searchsync_cli.facts import MESSAGES_KEPT, queue_depth
from searchsync_cli.invocation import invoked
from searchsync_cli.machine import Machine, NoMachineError
from searchsync_cli.stack import Stack
from searchsync_cli.text import many

HELP = "take the failure queue's messages up again, and say what stays"
COUNTS = ("taken", "redriven", "stayed", "unreadable", "keys")

LOST = ("trimmed", "unknown_shard", "range_not_found", "another_stream")
"""Reasons of messages that only a repair settles: the range's records cannot be read any more."""


@dataclass
class Redriven:
    """What the calls of the redrive function came to, added up. more: messages may still wait."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    more: bool = False

    def add(self, answer: Mapping[str, Any]) -> None:
        """One call's answer."""
        self.counts.update({name: int(answer.get(name, 0)) for name in COUNTS})
        self.reasons.update({str(reason): int(count) for reason, count in (answer.get("reasons") or {}).items()})
        self.more = bool(answer.get("more"))

    @property
    def stays(self) -> int:
        """Messages that are still in the queue: those that were not written, and the unreadable."""
        return self.counts["stayed"] + self.counts["unreadable"]

    @property
    def lost(self) -> int:
        """Those of them whose records the stream no longer has."""
        return sum(self.reasons[reason] for reason in LOST)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {name: self.counts[name] for name in COUNTS} | {"reasons": dict(self.reasons), "more": self.more}


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--progress", action="store_true", help="progress as JSON lines on standard error")


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 when nothing stays, 1 when something does."""
    if stack.view:
        raise CliError("A redrive is of all views: it brings a message's key in step in each.", "Leave --view out.")
    event = _event(world, stack)
    waiting = queue_depth(world.aws, stack).visible
    redriven = Redriven()
    with world.screen.bar("redrive") as bar:
        while True:
            answer = invoked(
                world.aws,
                stack.redrive_name,
                event,
                "The redrive function",
                "No message is lost. `searchsync logs --function redrive --errors` says more; then try again.",
            )
            redriven.add(answer)
            taken = redriven.counts["taken"]
            total = max(waiting, taken)
            bar.show(
                taken / total if total else 1.0,
                f"{taken:,} of ~{total:,} messages",
                {"taken": taken, "waiting": waiting, "redriven": redriven.counts["redriven"]},
            )
            # Without a message taken the next call would find none either: others hold them.
            if not redriven.more or not answer.get("taken"):
                break
    if not redriven.counts["taken"] and queue_depth(world.aws, stack).in_flight:
        redriven.more = True  # by a redrive that runs, or one that was ended in the middle
    world.screen.result(shown(redriven, stack, options), redriven.as_json())
    return Exit.of(not (redriven.stays or redriven.more))


def _event(world: World, stack: Stack) -> dict[str, Any]:
    """The function's event: since when ranges of dropped records are settled by a repair, of each view."""
    begun: list[float] = []
    for each in stack.every:
        try:
            repair = Machine(world.aws, each).latest(("repair",), "SUCCEEDED", since=world.now() - MESSAGES_KEPT)
        except NoMachineError:
            return {}
        if repair is None:
            return {}
        begun.append(repair.started)
    return {"repaired_since": int(min(begun))}


def shown(redriven: Redriven, stack: Stack, options: Namespace) -> RenderableType:
    """The result for a person."""
    counts = redriven.counts
    if not counts["taken"] and not redriven.more:
        return Text.assemble(("✓ Nothing to redrive", "bold green"), "  the failure queue is empty")
    good = not redriven.stays and not redriven.more
    sheet = Table.grid(padding=(0, 2))
    sheet.add_column(style="bold")
    sheet.add_column(justify="right")
    sheet.add_column()
    sheet.add_row("  taken", f"{counts['taken']:,}", Text(many(counts["keys"], "key"), "dim"))
    sheet.add_row("  redriven", f"{counts['redriven']:,}", "")
    sheet.add_row("  stayed", f"{redriven.stays:,}", Text(_reasons(redriven)))
    head = ("✓ Redriven", "bold green") if good else ("! Some stay", "bold yellow")
    return Group(Text(*head), sheet, *(Text(addressed(f"→ {each}", options)) for each in _advice(redriven, stack)))


def _advice(redriven: Redriven, stack: Stack) -> Iterator[str]:
    if redriven.lost:
        others = "".join(f", `searchsync repair --view {each}`" for each in sorted(stack.further))
        repairs = f"`searchsync repair`{others}"
        yield f"The stream has lost some of the records. Run {repairs}, then `searchsync redrive` again."
    if redriven.stays > redriven.lost:
        yield "Mend what stays (the item, or the index's mapping), then `searchsync redrive` again."
    if redriven.more:
        yield "Somebody else holds messages: `searchsync redrive` again when the queue's visibility timeout is over."


def _reasons(redriven: Redriven) -> str:
    return ", ".join(f"{printable(reason)} {count:,}" for reason, count in redriven.reasons.most_common())
