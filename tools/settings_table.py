"""Writes the settings table of docs/settings.md from variables.tf: `python -m tools.settings_table [--check]`.

One heading a variable; one row an attribute of it, with its type and default from the type constraint
and its text from the description's line "- `attribute`: text". The table stands between two
comments; --check says whether it is up to date, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from tools.toolchain import ToolError

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- settings:begin -->"
END = "<!-- settings:end -->"
REQUIRED = "required"
LINE = re.compile(r"- `(?P<name>\w+)`: (?P<text>.+)")
PAIRS = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True)
class Setting:
    """A variable's attribute. `default` is Terraform text, or REQUIRED."""

    name: str
    type: str
    default: str
    text: str


@dataclass(frozen=True)
class Variable:
    """A variable: its own row when it is no object or map of objects, else the rows of their attributes."""

    name: str
    type: str
    default: str
    text: str
    settings: tuple[Setting, ...]


def split(text: str) -> list[str]:
    """The parts of a text between its commas, those inside brackets and quotes left alone."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, character in enumerate(text):
        if character == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted and character in PAIRS:
            depth += 1
        elif not quoted and character in PAIRS.values():
            depth -= 1
        elif character == "," and not quoted and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in (*parts, text[start:].strip()) if part]


def attributes(constraint: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of each attribute of an `object({…})` constraint."""
    for part in split(constraint.removeprefix("object({").removesuffix("})")):
        name, _, kind = part.partition(" = ")
        if kind.startswith("optional("):
            inner, *default = split(kind.removeprefix("optional(").removesuffix(")"))
            yield name, inner, default[0] if default else "null"
        else:
            yield name, kind, REQUIRED


def read_variables(text: str) -> list[Variable]:
    """The variables of a variables.tf, in its order.

    Raises ToolError where an attribute has no line in its variable's description, or a line no attribute.
    """
    blocks = hcl2.loads(text).get("variable", [])
    return [_variable(quoted.strip('"'), body) for block in blocks for quoted, body in block.items()]


def _variable(name: str, body: Mapping[str, Any]) -> Variable:
    constraint = str(body.get("type", "")).removeprefix("${").removesuffix("}")
    lines = _description(str(body.get("description", '""')))
    texts = {match["name"]: match["text"] for line in lines if (match := LINE.fullmatch(line))}
    summary = " ".join(line for line in lines if not LINE.fullmatch(line))
    member = constraint.removeprefix("map(").removesuffix(")") if constraint.startswith("map(object({") else constraint
    found = list(attributes(member)) if member.startswith("object({") else []
    unlike = {attribute for attribute, _, _ in found} ^ texts.keys()
    if unlike or not summary:
        differ = ", ".join(sorted(unlike)) or "its first line"
        raise ToolError(
            f"variables.tf: the description of `{name}` and its type differ in {differ}. "
            "Give a first line, and each attribute one line: - `attribute`: text"
        )
    settings = tuple(Setting(each, kind, default, texts[each]) for each, kind, default in found)
    return Variable(name, constraint, _default(body), summary, settings)


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return REQUIRED
    default = body["default"]
    return default if isinstance(default, str) else json.dumps(default)


def _description(value: str) -> list[str]:
    """A description's lines. hcl2 leaves quotes, and a heredoc's markers and indentation, where they are."""
    text = value[1:-1] if value.startswith('"') else value
    heredoc = text.startswith("<<")
    lines = textwrap.dedent("\n".join(text.splitlines()[1:-1])) if heredoc else text.replace('\\"', '"')
    return [line.rstrip() for line in lines.splitlines() if line.strip()]


def render(variables: Iterable[Variable]) -> str:
    """The settings table as Markdown."""
    lines: list[str] = []
    for variable in variables:
        lines += [f"#### `{variable.name}`", "", _heading(variable), ""]
        if variable.settings:
            lines += ["| attribute | type | default | what it is |", "| --- | --- | --- | --- |"]
            lines += [
                f"| `{each.name}` | {_cell(each.type)} | {_cell(each.default)} | {_escaped(each.text)} |"
                for each in variable.settings
            ]
            lines.append("")
    return "\n".join(lines)


def _heading(variable: Variable) -> str:
    if variable.settings:
        return f"{variable.text} Default: {_cell(variable.default)}."
    return f"{variable.text} Type {_cell(variable.type)}, default {_cell(variable.default)}."


def _cell(code: str) -> str:
    return code if code == REQUIRED else f"`{_escaped(code)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def insert(document: str, table: str, markers: tuple[str, str] = (BEGIN, END), name: str = "docs/settings.md") -> str:
    """A document with the table between its markers. Raises ToolError when they are not there."""
    before, begin, rest = document.partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not (begin and end):
        raise ToolError(f"{name} has no place for its table: add the lines {markers[0]} and {markers[1]}.")
    return f"{before}{begin}\n{table}\n{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.settings_table", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the table is not up to date")
    options = parser.parse_args(arguments)
    path = ROOT / "docs" / "settings.md"
    try:
        page = path.read_text("utf-8")
        wanted = insert(page, render(read_variables((ROOT / "variables.tf").read_text("utf-8"))))
        if options.check and wanted != page:
            raise ToolError("docs/settings.md is not what variables.tf says: run `make settings`.")
    except OSError as error:
        print(f"settings: {error.filename} cannot be read ({error.strerror})", file=sys.stderr)
        return 1
    except ToolError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 1
    if not options.check:
        path.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
