"""`searchsync mapping`: suggest a mapping from a sample of the table, or ask the collection whether it takes one."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from searchsync_cli.errors import CliError, printable
from searchsync_cli.executions import World, addressed, advised
from searchsync_cli.exits import Exit
from searchsync_cli.invocation import invoked
from searchsync_cli.stack import OLD_MODULE, Stack
from searchsync_cli.text import many

HELP = "suggest an index mapping from a sample of the table; check whether the collection takes one"
USUAL_SAMPLE, MOST_SAMPLED = 1_000, 20_000
"""Items."""
LONGEST_SHOWN = 200
"""Characters of a path."""
ANEW = (
    "A field that is there keeps its type. Delete the index, apply, and run `searchsync backfill`; or set another "
    "index.name, and run it then."
)


def options(parser: ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("action", choices=("suggest", "check"), help="suggest a mapping, or check one")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="check: the mapping, as index.mapping takes it (or the stack's)",
    )
    parser.add_argument(
        "--sample", type=_sample, metavar="N", help=f"suggest: from so many items (default {USUAL_SAMPLE:,})"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="suggest: write the mapping there")


def _sample(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST_SAMPLED:
        raise ArgumentTypeError(f"{text!r} is not 1 to {MOST_SAMPLED} items")
    return int(text)


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code of `suggest` 0; of `check` 0 where the collection takes the mapping and the index too, 1 otherwise."""
    if options.action == "suggest" and options.file:
        raise CliError("`searchsync mapping suggest` takes no file.", "Give the file to be written with --out.")
    if options.action == "check" and (options.sample or options.out):
        raise CliError("--sample and --out are for `searchsync mapping suggest`.", "Leave them out.")
    return (_suggest if options.action == "suggest" else _check)(options, world, stack)


def _asked(world: World, stack: Stack, event: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    remedy = "`searchsync logs --function reconcile --since 10m` says more."
    answer = dict(invoked(world.aws, stack.reconcile_name, event, "The reconcile function", remedy))
    if wanted not in answer:
        raise CliError(f"The function {stack.reconcile_name} knows nothing of mappings.", OLD_MODULE)
    return answer


# suggest


def _suggest(options: Namespace, world: World, stack: Stack) -> int:
    if options.out and not options.out.absolute().parent.is_dir():
        raise CliError(f"There is no folder for --out {options.out}.", "Give a file in one that is there.")
    answer = _asked(world, stack, {"step": "suggest_mapping", "items": options.sample or USUAL_SAMPLE}, "fields")
    text = json.dumps(answer["mapping"], indent=2, ensure_ascii=False)
    if options.out:
        _write(options.out, text)
    if not world.screen.as_json:
        world.screen.err.print(Group(*reasons(answer, options)))
    if world.screen.as_json or not options.out:
        world.screen.result(Text(printable(text)), answer, whole=True)
    return Exit.DONE


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CliError(f"The mapping cannot be written: {error}.", "Give another --out.") from error


def reasons(answer: Mapping[str, Any], options: Namespace) -> Iterator[Text]:
    """Each field with its type and why, and what there is to do."""
    read = answer["read"]
    yield Text(
        f"Read {many(read['items'], 'item')} from {read['segments']} segments, {many(read['units'], 'read unit')}; "
        f"it ended with {read['ended']}.",
        "dim",
    )
    for each in answer["fields"]:
        seen = ", ".join(f"{kind} {count:,}" for kind, count in each["seen"].items())
        kind = "to be excluded" if each["field"] is None else _kind(each["field"])
        yield Text.assemble((_short(each["path"]), "bold"), "  ", (kind, "cyan"), f"  ({seen})")
        yield Text(f"  {printable(each['why'])}", "dim")
        if each["refused"]:
            refused = f"{many(each['refused'], 'value')} likely refused: {each['refused_why']}"
            yield Text(f"  ! The present mapping: {printable(refused)}", "yellow")
    for why, count in answer["poison"].items():
        yield Text(f"! {many(count, 'item')} poison whatever the mapping: {printable(why)}", "yellow")
    if answer["exclude"]:
        paths = json.dumps(answer["exclude"], ensure_ascii=False)
        yield Text(
            f"{advised('→ No mapping takes these: set document.exclude', options)} = {printable(paths)}", "yellow"
        )
    if options.out:
        setting = advised("index.mapping", options)
        yield Text(f"Written to {options.out}: {setting} = file({json.dumps(str(options.out))})", "dim")
    told = f"`searchsync mapping check {options.out or 'FILE'}` asks the collection whether it takes it."
    yield Text(addressed(f"→ {told}", options))


def _kind(field: Mapping[str, Any]) -> str:
    if field.get("enabled") is False or field.get("dynamic") is False:
        return "not mapped"
    extra = f" ({field['format']})" if "format" in field else " + keyword" if "fields" in field else ""
    return f"{field['type']}{extra}"


def _short(path: str) -> str:
    cut = path if len(path) <= LONGEST_SHOWN else f"{path[:LONGEST_SHOWN]}…"
    return printable(cut).replace("\n", "\\n")


# check


def _check(options: Namespace, world: World, stack: Stack) -> int:
    event: dict[str, Any] = {"step": "check_mapping"}
    if options.file:
        event["mapping"] = _mapping(options.file)
    if not world.screen.as_json:
        world.screen.note("Asking the collection, in an index of its own that is deleted again …")
    answer = _asked(world, stack, event, "own")
    world.screen.result(Group(*_lines(answer, options)), answer)
    return Exit.DONE if _is_taken(answer) and not answer.get("left") else Exit.LEFT


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CliError(f"{path} is no mapping: {error}.", "Give a file of JSON, as index.mapping takes it.") from error
    if not isinstance(found, dict):
        raise CliError(f"{path} is no mapping: it is no JSON object.", "Give what stands below `mappings`.")
    return found


def _is_taken(answer: Mapping[str, Any]) -> bool:
    made, put = answer.get("made") or {}, answer.get("put")
    return not answer["own"] and made.get("taken") is True and (put is None or put["taken"])


def _lines(answer: Mapping[str, Any], options: Namespace) -> Iterator[Text]:
    what = "The mapping" if answer["given"] else "The stack's mapping"
    if answer["own"]:
        yield Text(f"✗ {what} is refused by searchsync itself", "bold red")
        yield Text(f"  {printable(answer['own'])}")
        return
    index, made, put = printable(answer["index"]), answer["made"], answer["put"]
    good, bad = "an index can be made with it", "no index can be made with it"
    yield from _verdict(made, f"{what}: {good}", f"{what}: {bad}")
    if put is None:
        yield Text(f"  There is no index {index} yet: the first change or a backfill makes it.", "dim")
    else:
        yield from _verdict(
            put, f"The index {index} can take it as it is", f"The index {index} cannot take it as it is"
        )
        if made["taken"] and not put["taken"]:
            yield Text(advised(f"→ {ANEW}", options))
    for each in answer["left"]:
        told = f"Not cleaned up: send `{each}` to the collection, or run `searchsync doctor` in 15 minutes."
        yield Text(addressed(f"→ {told}", options), "yellow")


def _verdict(said: Mapping[str, Any], good: str, bad: str) -> Iterator[Text]:
    if said["taken"]:
        yield Text(f"✓ {good}", "bold green")
        return
    yield Text(f"✗ {bad}", "bold red")
    yield Text(f"  {printable(said['type'])}: {printable(said['reason'])}")
