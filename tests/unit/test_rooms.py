"""The function's rooms import one way, and what decides imports no edge."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "lambda_src/searchsync"
COMMON = {"errors", "limits", "sanitize"}
MAY_IMPORT = {
    "documents": COMMON | {"documents"},
    "protocol": COMMON | {"documents", "protocol", "clock", "config"},
    "edges": COMMON | {"documents", "protocol", "clock", "config", "edges"},
    "sync": COMMON | {"documents", "protocol", "clock", "config", "edges", "sync", "PACKAGE"},
    "reconcile": COMMON
    | {"documents", "protocol", "clock", "config", "edges", "sync", "doctor", "reconcile", "PACKAGE"},
}
"""By room, what may be imported of the function; the entries import what they like, and nothing imports them."""
PURE = ("documents", "protocol")
OUTSIDE = {"boto3", "botocore", "opensearchpy", "requests", "requests_aws4auth", "socket", "urllib3", "http"}
"""What a room that decides does not know."""


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Package and first part below it of each import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((each.name.partition(".")[0], each.name.partition(".")[2]) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            package, _, rest = node.module.partition(".")
            yield from ((package, (rest or each.name).partition(".")[0]) for each in node.names)


def rooms() -> Iterator[tuple[str, Path]]:
    for room in MAY_IMPORT:
        yield from ((room, path) for path in sorted((SOURCE / room).glob("*.py")))


def test_every_folder_is_a_room_of_the_list() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/*.py")} == set(MAY_IMPORT)


@pytest.mark.parametrize(("room", "path"), [pytest.param(*each, id=f"{each[0]}/{each[1].stem}") for each in rooms()])
def test_a_room_imports_only_what_lies_before_it(room: str, path: Path) -> None:
    found = list(imported(path))
    assert {name for package, name in found if package == "searchsync"} <= MAY_IMPORT[room]
    if room in PURE:
        assert not {package for package, _ in found} & OUTSIDE
