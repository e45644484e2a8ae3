"""Writes the tables and the policy of docs/permissions.md: `python -m tools.permissions [--check]`.

The rows are tools/permission_list.py's. --check says whether the document is up to date, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tools.permission_list import ENDPOINTS, GRANTS, Endpoint, Grant
from tools.toolchain import ToolError

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "permissions.md"
MOST_CHARACTERS = 6_144
"""Of a managed policy, white space not counted (IAM User Guide, "IAM and AWS STS quotas")."""


def policy(grants: Iterable[Grant] = GRANTS) -> dict[str, Any]:
    """The grants as an IAM policy document, those on what is the user's own left out.

    Grants on the same resources are one statement: so all fit into one managed policy.
    """
    statements: dict[str, dict[str, Any]] = {}
    for grant in grants:
        if grant.resources:
            same = statements.setdefault(json.dumps([grant.resources, grant.condition]), _statement(grant))
            same["Action"] += [each for each in grant.actions if each not in same["Action"]]
    return {"Version": "2012-10-17", "Statement": list(statements.values())}


def _statement(grant: Grant) -> dict[str, Any]:
    """The grant's statement, without its actions."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": [], "Resource": list(grant.resources)}
    return statement if grant.condition is None else {**statement, "Condition": grant.condition}


def deployer_table(grants: Iterable[Grant] = GRANTS) -> Iterator[str]:
    """The deployer's permissions as a Markdown table."""
    yield "| for | when | permissions | not seen called, because |"
    yield "| --- | --- | --- | --- |"
    for each in grants:
        yield f"| {each.thing} | {each.when} | {_code(each.actions)} | {each.unseen} |".replace("  |", " |")


def endpoint_table(endpoints: Iterable[Endpoint] = ENDPOINTS) -> Iterator[str]:
    """What each function reaches, as a Markdown table."""
    yield "| function | reaches | when | calls | from a VPC without a way out |"
    yield "| --- | --- | --- | --- | --- |"
    for each in endpoints:
        yield f"| {each.function} | {each.service} | {each.when} | {_code(each.actions)} | {each.kind} |"


def _code(actions: Iterable[str]) -> str:
    return ", ".join(f"`{action}`" for action in actions)


def render(document: str) -> str:
    """The document with its generated parts new."""
    written = json.dumps(policy(), indent=2)
    parts = {
        "deployer": "\n".join(deployer_table()),
        "policy": f"```json\n{written}\n```",
        "endpoints": "\n".join(endpoint_table()),
    }
    for name, text in parts.items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, found, rest = document.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ToolError(f"docs/permissions.md has no place for {name}: add the lines {begin.strip()} and {end}.")
        document = f"{before}{begin}{text}\n{end}{after}"
    return document


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.permissions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the document is not up to date")
    options = parser.parse_args(arguments)
    try:
        found = DOCUMENT.read_text("utf-8")
        wanted = render(found)
        if options.check and wanted != found:
            raise ToolError("docs/permissions.md is not that of tools/permission_list.py: run `make settings`.")
    except ToolError as error:
        print(f"permissions: {error}", file=sys.stderr)
        return 1
    if not options.check:
        DOCUMENT.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
