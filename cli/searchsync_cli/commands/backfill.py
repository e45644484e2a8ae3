"""`searchsync backfill`: write every item of the table, or of an export, to the index."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from searchsync_cli import export as rules
from searchsync_cli.commands import add_run_options
from searchsync_cli.errors import AwsError, CliError, printable
from searchsync_cli.executions import Ended, World, addressed, as_json, execute
from searchsync_cli.exits import Exit
from searchsync_cli.machine import Execution, Machine
from searchsync_cli.stack import Stack
from searchsync_cli.text import duration, many, moment

HELP = "write every item of the table (or of an export) to the index, while changes go on"
AGAIN_AFTER_S = 86_400.0
"""So long after a backfill that wrote all, another is started by --again alone: it costs hours, and mends nothing."""
MOST_NAMED = 10
"""Broken files in the advice."""
NEXT_STEP = (
    "Next, {when}: set trigger.enabled = true and run terraform apply. The trigger starts at TRIM_HORIZON and "
    "brings what has changed since the export; then run `searchsync verify`."
)
TOO_LATE = (
    "The trigger had to be on by {by}. If it was not, changes since the export are lost: make a new export "
    "(`aws dynamodb export-table-to-point-in-time`) and load that, or run `searchsync backfill` with the trigger on."
)


def options(parser: ArgumentParser) -> None:
    """Its options."""
    add_run_options(parser, "backfill")
    parser.add_argument("--again", action="store_true", help="though the last one, of today, has written every item")
    parser.add_argument(
        "--from-export",
        metavar="S3-URL|ARN",
        help="load a full export in DynamoDB JSON instead of reading the table: its folder or manifest in S3, or its "
        "ARN; the trigger must be off, and never have read the stream",
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        metavar="N",
        help="items a second that the load is taken to do, to see whether there is time enough (default: what the "
        "last backfill did, else a careful guess); with --from-export",
    )


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no rate: give items a second, like 500")
    return rate


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 when every item is in the index, 1 when some could not be written."""
    source = options.from_export
    if options.rate and not source:
        raise CliError("--rate is for --from-export.", "Leave it out.")
    if source and (options.resume or options.watch):
        raise CliError("--from-export starts a load.", "Leave it out with --resume and --watch.")
    place = rules.place_of(source) if source else None

    def prepare() -> Mapping[str, Any]:
        if source:
            return {"export": _export(world, stack, source, place, options.rate)}
        if not options.again:
            _once(world, stack)
        return {}

    return show(world, options, execute(world, stack, options, "backfill", prepare))


def show(world: World, options: Namespace, ended: Ended) -> int:
    """Show its result. Exit code 1 when some items could not be written, else 0."""
    left = leftover(ended.execution.totals)
    by = {name: value for name, value in ended.execution.output.items() if name == "trigger_by"}
    world.screen.result(shown(ended, left, options, world.now()), as_json(ended) | {"not_written": left} | by)
    return Exit.of(not any(left.values()))


def _once(world: World, stack: Stack) -> None:
    """Raises CliError when all has just been written whole: who comes back to a backfill wants its result."""
    last = Machine(world.aws, stack).latest(("backfill",), "SUCCEEDED")
    if last is None or last.stopped is None or last.stopped < world.now() - AGAIN_AFTER_S:
        return
    same = "export" not in last.input and last.output.get("index", stack.index) == stack.index
    if same and not any(leftover(last.totals).values()):
        raise CliError(
            f"{last.name} has written every item, and ended at {moment(last.stopped)}.",
            "`searchsync runs last` shows its result; `searchsync backfill --again` starts another.",
        )


def _export(world: World, stack: Stack, source: str, place: rules.Place | None, rate: float | None) -> dict[str, Any]:
    """The member `export` of the run's input."""
    arn = rules.arn_in(_summary(world, place), place) if place else source
    description = _description(world, arn)
    rate = rate or rules.measured_rate(Machine(world.aws, stack).latest(("backfill",), "SUCCEEDED"))
    if "ExportTime" in description and "ItemCount" in description:
        items = int(description["ItemCount"])
        takes = f": about {duration(items / rate)} at {rate:,.0f} items a second" if rate else ""
        world.screen.note(f"Export of {moment(description['ExportTime'].timestamp())}, {many(items, 'item')}{takes}.")
    return {"arn": arn} | ({"rate": rate} if rate else {})


def _description(world: World, arn: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = world.aws.client("dynamodb").describe_export(ExportArn=arn)["ExportDescription"]
    except AwsError as error:
        if error.code == "ExportNotFoundException":
            raise CliError(
                f"There is no export {arn}.",
                "Look at `aws dynamodb list-exports`: DynamoDB knows those of its account and region.",
            ) from error
        raise
    return found


def _summary(world: World, place: rules.Place) -> Mapping[str, Any]:
    try:
        body = world.aws.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        summary = json.loads(body)
    except AwsError as error:
        if error.code in ("NoSuchKey", "NoSuchBucket"):
            raise CliError(
                f"There is no {place}.", "Give the export's own folder, …/AWSDynamoDB/<export id>/, or its ARN."
            ) from error
        raise
    except ValueError:
        summary = None
    if not isinstance(summary, dict):
        raise CliError(f"{place} is no JSON object.", rules.NEW_EXPORT)
    return summary


def leftover(totals: Mapping[str, Any]) -> dict[str, int]:
    """What a backfill could not write: items that are poison or failed, and broken files."""
    return {
        "poison": int(totals.get("poison", 0)),
        "failed": int(totals.get("failed", 0)),
        "broken_files": int(totals.get("broken_files", 0)),
    }


def shown(ended: Ended, left: Mapping[str, int], options: Namespace, now: float) -> Text:
    """The result for a person, at Unix seconds."""
    execution, totals = ended.execution, ended.execution.totals
    if not ended.watched:
        return Text(addressed(f"{execution.name} runs. `searchsync backfill --watch` shows it.", options))
    took = (execution.stopped or execution.started) - execution.started
    good = not any(left.values())
    told = Text.assemble(
        ("✓ Backfilled" if good else "! Backfilled, but not all", "bold green" if good else "bold yellow"),
        f"  {many(totals.get('items', 0), 'item')} in {duration(took)}",
        f" · {totals.get('written', 0):,} written · {totals.get('passed', 0):,} newer in the index already",
        f" · {totals['filtered']:,} without a document by `document.when`" if totals.get("filtered") else "",
    )
    told.append(addressed("".join(f"\n→ {each}" for each in _advice(execution, left, now)), options))
    return told


def _advice(execution: Execution, left: Mapping[str, int], now: float) -> Iterator[str]:
    """What to do next."""
    if left["poison"] or left["failed"]:
        count = left["poison"] + left["failed"]
        yield f"{many(count, 'item')} could not be written: mend the reason, then run `searchsync redrive`."
    if left["broken_files"]:
        named = [printable(str(each)) for each in execution.totals.get("broken", [])][:MOST_NAMED]
        more = left["broken_files"] - len(named)
        names = ", ".join(named) + (f" and {more:,} more, in `searchsync logs --function reconcile`" if more else "")
        yield f"Broken files, whose items are not all loaded: {names}. Make a new export, or backfill without one."
    if "export" in execution.input:
        yield _trigger_on(execution.output.get("trigger_by"), now)
    else:
        yield "`searchsync verify` compares table and index."


def _trigger_on(by: object, now: float) -> str:
    """What becomes of the trigger after a load; `by`: until when, as the run says it (a module before it does not)."""
    if not isinstance(by, str):
        return NEXT_STEP.format(when="without delay")
    until = datetime.fromisoformat(by).timestamp()
    return (TOO_LATE if now > until else NEXT_STEP).format(when=f"by {moment(until)}", by=moment(until))
