"""Starts, joins, resumes and watches a run: what backfill, verify and repair share."""

from __future__ import annotations

import re
import shlex
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from searchsync_cli.aws import Aws
from searchsync_cli.errors import AwsError, CliError
from searchsync_cli.loglines import Follower
from searchsync_cli.machine import COMPARISONS, RUNNING, UNSUCCESSFUL, Execution, Machine, execution_name
from searchsync_cli.progress import Seen, Snapshot, Tally, snapshot
from searchsync_cli.screen import Screen, in_words
from searchsync_cli.stack import Stack, log_group
from searchsync_cli.text import iso, moment

POLL_SECONDS = 3.0
"""Between two looks at an execution; Step Functions allows DescribeExecution far oftener."""
MOST_LOOKS = 20
"""Before AWS shows that an execution goes on."""
FRESH_SECONDS = 30.0
"""A call under way says every few seconds how far it is; lines older than that are not needed."""
REFUSED = ("RunRefusedError", "ConfigurationError")
"""Errors of the reconcile function that say themselves what to do, and that a repetition would meet again."""
AGAIN = "Then start it anew with `searchsync {anew}`."
ANOTHER_EXPORT = "ExportRefusedError"
"""Of the reconcile function: this export cannot be loaded, now or later, and its message says how another is made."""
LOAD_IT = (
    "When DynamoDB has written the new export, load it with `searchsync backfill --from-export` and its ARN; or read "
    "the table itself: `searchsync backfill`."
)
ABORTED = "Somebody stopped it. `searchsync {task} --resume` goes on where it was."
RESUME = (
    "When that is mended, `searchsync {task} --resume` goes on where it failed; "
    "`searchsync logs --function reconcile --errors` says more."
)


@dataclass
class World:
    """What a command works with: its edges."""

    aws: Aws
    screen: Screen
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Ended:
    """What became of a run. joined: it ran already; watched: false when it was left running."""

    execution: Execution
    joined: bool
    watched: bool


COMMAND = re.compile(r"(?<=`)searchsync ([a-z]+)([^`]*)")
SETTING = re.compile(r"(?<![\w.])(?:index\.(?:adopt|mapping|name)|document\.(?:exclude|when))\b")
"""The settings of a view that our texts name."""


def addressed(text: str, options: Namespace) -> str:
    """The text with the commands that it names addressed to the same stack and view: they can be pasted."""

    def words(command: str, rest: str) -> str:
        flags = ("name", *(["view"] if is_of_a_view(command, rest) else []), "terraform", "region", "profile")
        given = [(flag, getattr(options, flag, None)) for flag in flags]
        return "".join(f" --{flag} {shlex.quote(str(value))}" for flag, value in given if value)

    return COMMAND.sub(lambda found: f"searchsync {found[1]}{words(*found.groups())}{found[2]}", text)


def is_of_a_view(command: str, rest: str) -> bool:
    """Whether a command with this behind it takes a view, and names none: a redrive is of all, and so are the log lines
    of the functions that write changes."""
    return command != "redrive" and (command != "logs" or "reconcile" in rest) and "--view" not in rest


def advised(text: str, options: Namespace) -> str:
    """A text of our own: `addressed`, and the settings that it names are those of the same view."""
    label = f'views["{options.view}"].' if getattr(options, "view", None) else ""
    return SETTING.sub(lambda found: label + found[0], addressed(text, options))


def execute(
    world: World, stack: Stack, options: Namespace, task: str, prepare: Callable[[], Mapping[str, Any]] | None = None
) -> Ended:
    """Run a task by the options --resume, --watch and --no-watch. `prepare` gives more members of the input.

    Raises CliError. An interruption, or AWS out of reach, leaves the execution running and says so.
    """
    machine = Machine(world.aws, stack)
    execution, joined = _begun(world, machine, options, task, prepare)
    if options.no_watch:
        return Ended(execution, joined, watched=False)
    return Ended(followed(world, stack, options, execution), joined, watched=True)


def followed(world: World, stack: Stack, options: Namespace, execution: Execution) -> Execution:
    """The execution at its end, which is watched; at once, if it has ended. Raises CliError when it failed."""
    machine = Machine(world.aws, stack)
    try:
        if execution.status in RUNNING:
            execution = watch(world, machine, stack, execution)
    except (KeyboardInterrupt, AwsError):
        told = f"{execution.name} goes on without you. `searchsync {execution.task} --watch` comes back to it."
        world.screen.note(addressed(told, options))
        raise
    return succeeded(machine, execution)


def _begun(
    world: World,
    machine: Machine,
    options: Namespace,
    task: str,
    prepare: Callable[[], Mapping[str, Any]] | None,
) -> tuple[Execution, bool]:
    running = machine.running()
    if running and running.task != task:
        raise CliError(
            f"A {running.task} runs since {moment(running.started)} ({running.name}); runs do not run side by side.",
            f"Watch it with `searchsync {running.task} --watch`, and start the {task} when it is over.",
        )
    if running:
        world.screen.note(f"Joining {running.name}, which runs since {moment(running.started)}.")
        return running, True
    if options.watch:
        last = machine.latest((task,))
        if last is None:
            raise CliError(f"No {task} has run.", f"Start one with `searchsync {task}`.")
        world.screen.note(f"No {task} runs. The last was {last.name}, of {moment(last.started)}:")
        return last, True
    if options.resume:
        return _resumed(world, machine, task), False
    more = prepare() if prepare else {}
    return machine.start(execution_name(task, world.now()), {"task": task, **more}), False


def _resumed(world: World, machine: Machine, task: str) -> Execution:
    last = machine.latest((task,), *UNSUCCESSFUL)
    if last is None:
        raise CliError(f"No {task} has failed: there is nothing to resume.", f"Start one with `searchsync {task}`.")
    anew = f"Start it anew with `searchsync {task}`."
    if not last.redrivable:
        raise CliError(f"{last.name} cannot be resumed: {last.why_not or 'Step Functions does not redrive it'}", anew)
    later = machine.standing(COMPARISONS) if task == "verify" else []
    if later and later[0].started > last.started:
        raise CliError(f"{last.name} is not resumed: {later[0].name} has compared everything since.", anew)
    try:
        machine.redrive(last)
    except AwsError as error:
        if error.code == "ExecutionNotRedrivable":
            raise CliError(f"{last.name} cannot be resumed: {error.message}", anew) from error
        raise
    return _going_on(world, machine, last)


def _going_on(world: World, machine: Machine, last: Execution) -> Execution:
    """A redriven execution. AWS may show its old end at first (API "DescribeExecution": eventually consistent)."""
    for _ in range(MOST_LOOKS):
        now = machine.describe(last.arn)
        if now.stopped != last.stopped:
            return now
        world.sleep(POLL_SECONDS)
    raise CliError(
        f"{last.name} was resumed, and AWS still shows its old end.",
        f"Watch it with `searchsync {last.task} --watch`.",
    )


def watch(world: World, machine: Machine, stack: Stack, execution: Execution) -> Execution:
    """Show an execution until it ends. Returns it as it ended."""
    counter = _ItemCounter(world.aws, stack, execution, world.now())
    with world.screen.bar(execution.task) as bar:
        while True:
            execution = machine.describe(execution.arn)
            now = snapshot(machine.map_runs(execution), counter.seen(), counter.expected, world.now())
            bar.show(now.fraction, in_words(now), now.as_json())
            if execution.status not in RUNNING:
                return execution
            world.sleep(POLL_SECONDS)


def looked_at(world: World, stack: Stack, execution: Execution) -> Snapshot:
    """How far an execution is now."""
    counter = _ItemCounter(world.aws, stack, execution, world.now())
    return snapshot(Machine(world.aws, stack).map_runs(execution), counter.seen(), counter.expected, world.now())


class _ItemCounter:
    """Estimates of the items seen (the reconcile function's log) and to come (the table's count, hours old).

    A watcher who may read neither still sees the segments.
    """

    def __init__(self, aws: Aws, stack: Stack, execution: Execution, now: float) -> None:
        self._tally = Tally(execution.name)
        self._followers: list[Follower] = []
        self.expected: int | None = None
        with suppress(CliError):
            group = log_group(aws, stack.reconcile_name)
            self._followers = [
                Follower(aws, group, execution.started, '"RunItems"'),
                Follower(aws, group, max(execution.started, now - FRESH_SECONDS), '"under_way"'),
            ]
        if "export" not in execution.input:
            with suppress(CliError):
                table = aws.client("dynamodb").describe_table(TableName=stack.table_arn)["Table"]
                self.expected = table.get("ItemCount") or None

    def seen(self) -> Seen | None:
        """What was seen so far, None when nobody may say."""
        try:
            for line in (line for each in self._followers for line in each.new()):
                self._tally.add(line.fields)
        except AwsError:
            self._followers = []
        return self._tally.seen if self._followers else None


def succeeded(machine: Machine, execution: Execution) -> Execution:
    """The execution, if it succeeded. Raises CliError with its cause in one message, and where it has done nothing."""
    if execution.gave_way:
        raise CliError(
            f"{execution.name} gave way, and has compared nothing: {execution.output['gave_way']}",
            f"`searchsync runs` lists the others; start it anew with `searchsync {execution.task}`.",
        )
    if execution.status == "SUCCEEDED":
        return execution
    failure = machine.failure(execution)
    said = ": ".join(each for each in (failure.error, failure.cause) if each) or "it does not say why"
    remedy = ABORTED if execution.status == "ABORTED" else RESUME
    if failure.error == ANOTHER_EXPORT:
        remedy = LOAD_IT
    elif failure.error in REFUSED:
        remedy = AGAIN
    ended = f"{execution.name} {execution.status.lower().replace('_', ' ')}"
    given = {"task": execution.task, "anew": execution.task + _source(execution)}
    raise CliError(f"{ended}: {said[:1500].rstrip('.')}.", remedy.format(**given))


def _source(execution: Execution) -> str:
    """The option that names what a load was of, empty for another run."""
    export = execution.input.get("export")
    return f" --from-export {export['arn']}" if isinstance(export, dict) and "arn" in export else ""


def as_json(ended: Ended) -> dict[str, Any]:
    """A run for machines: its execution and, when it is over, its output's members."""
    execution = ended.execution
    return {
        "task": execution.task,
        "execution": execution.arn,
        "status": execution.status,
        "joined": ended.joined,
        "started": iso(execution.started),
        "finished": iso(execution.stopped) if execution.stopped else None,
        "totals": dict(execution.totals),
        "in_step": execution.output.get("in_step"),
        "report": execution.output.get("report"),
    }
