"""`searchsync preview`: the document that an item has, or why it has none."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from searchsync_cli.errors import CliError, printable
from searchsync_cli.executions import World, addressed, advised
from searchsync_cli.exits import Exit
from searchsync_cli.invocation import invoked
from searchsync_cli.items import attributes_in, difference, exact, pretty
from searchsync_cli.stack import OLD_MODULE, Stack
from searchsync_cli.text import moment

HELP = "show the document that an item has, or why it has none; and what of it differs in the index"
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def options(parser: ArgumentParser) -> None:
    """Its options."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--item", metavar="FILE", help="an item, in DynamoDB JSON or plain JSON; - is standard input")
    which.add_argument(
        "--key",
        metavar="KEY",
        help="the key of an item of the table, as the document's id or as a JSON object with the key attributes",
    )
    parser.add_argument("--diff", action="store_true", help="how it differs from the document in the index")


def run(options: Namespace, world: World, stack: Stack) -> int:
    """Exit code 0 when the item has a document (with --diff: the index holds it), 1 otherwise."""
    event: dict[str, Any] = {"step": "preview", "diff": options.diff}
    if options.key is not None:
        event["key"] = _key(options.key)
    else:
        form, event["item"] = _attributes(_content(options.item), f"--item {options.item}")
        world.screen.note(f"The item is taken as {form}.")
    remedy = "`searchsync logs --function reconcile --since 10m` says more."
    answer = dict(invoked(world.aws, stack.reconcile_name, event, "The reconcile function", remedy))
    if not {"id", "document", "poison"} <= answer.keys():
        raise CliError(f"The function {stack.reconcile_name} knows no preview.", OLD_MODULE)
    compared = options.diff and not answer["poison"]
    lines = difference(_indexed(answer), _document(answer), list(answer["differs"])) if compared else []
    body = Text("\n").join([*head(answer), Text(), *_body(answer, lines, options)])
    world.screen.result(body, answer | ({"diff": lines} if options.diff else {}), whole=True)
    good = answer["kind"] is None if options.diff else answer["document"] is not None
    return Exit.DONE if good and not answer["poison"] else Exit.LEFT


def _content(name: str) -> str:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise CliError(f"--item {name} cannot be read: {error}.", "Give a file with one item.") from error


def _attributes(text: str, what: str) -> tuple[str, dict[str, Any]]:
    try:
        return attributes_in(text)
    except (ValueError, RecursionError) as error:
        remedy = "Give one item, as `aws dynamodb get-item` shows it, or as plain JSON."
        raise CliError(f"{what} is no item: {error}.", remedy) from error


def _key(text: str) -> str | dict[str, Any]:
    """A key: attribute values, or a document's id as it is."""
    try:
        is_object = isinstance(exact(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    return _attributes(text, "--key")[1] if is_object else text


def _document(answer: Mapping[str, Any]) -> Any:
    return None if answer["document"] is None else exact(answer["document"])


def _indexed(answer: Mapping[str, Any]) -> Any:
    return exact(answer["indexed"]["document"]) if answer.get("indexed") else None


def head(answer: Mapping[str, Any]) -> Iterator[Text]:
    """What is known beside the document."""
    version = f"{answer['read_version']} for a read of the table now; a stream record's by its own second"
    rows = [("id", str(answer["id"])), ("index", str(answer["index"])), ("version", version)]
    if indexed := answer.get("indexed"):
        writer = "a read of the table" if indexed["by_read"] else "a stream record"
        rows.append(("in the index", f"{indexed['version']}, {writer} of {_second(indexed['second'])}"))
    elif "indexed" in answer:
        rows.append(("in the index", "no such document"))
    for name, value in rows:
        yield Text.assemble((f"{name:<14}", "bold"), printable(value))


def _second(seconds: int) -> str:
    try:
        return moment(seconds)
    except (ValueError, OverflowError, OSError):  # of a version that nobody here has written
        return f"second {seconds}"


def _body(answer: Mapping[str, Any], lines: list[str], options: Namespace) -> Iterator[Text]:
    """The document, its difference, or why there is none."""
    if answer["poison"]:
        yield Text.assemble(("✗ Poison  ", "bold red"), printable(answer["poison"]))
    elif answer["document"] is None and not (options.diff and answer["kind"] is None):
        left_out = "The item is to have no document, by `document.when` or the transform"
        yield Text(
            f"✗ {advised(left_out, options) if answer['item'] else 'The table has no item of this key'}", "bold red"
        )
    if lines:
        yield from (Text(printable(each), COLOURS.get(each[:1], "")) for each in lines)
        told = "A change may be on its way: look again in a minute. `searchsync repair` mends what stays."
        yield Text(addressed(f"→ {told}", options))
    elif options.diff and not answer["poison"]:
        yield Text(_agrees(answer), "bold green")
    elif answer["document"] is not None:
        yield from (Text(printable(each)) for each in pretty(_document(answer)))


def _agrees(answer: Mapping[str, Any]) -> str:
    if not answer["item"]:
        return "✓ Neither an item nor a document"
    return "✓ The index has no document either" if answer["document"] is None else "✓ The index holds it"
