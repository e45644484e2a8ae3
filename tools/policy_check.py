"""The static policy check: `python -m tools.policy_check` runs checkov over the module, its parts and the examples.

An exception stands beside the line that it is about: `#checkov:skip=CKV_…: why`, inside the resource. One
without a reason is refused here. checkov runs in an environment of its own, and calls nobody: no platform,
no download, no account.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.setup import LINT, own_python, prepare
from tools.terraform_check import workspace
from tools.toolchain import ToolError

EXCEPTION = re.compile(r"#\s*checkov:skip=(?P<check>[A-Z0-9_]*)(?P<reason>:\s*\S.*)?")
OPTIONS = (
    "--framework", "terraform", "--skip-download", "--skip-results-upload", "--download-external-modules", "false",
    "--quiet", "--compact", "--output", "json",
)  # fmt: skip
FOREIGN = ("BC_", "CKV_", "CHECKOV_", "PRISMA_", "LOG_LEVEL")
"""Variables that would give checkov an account, other checks or a log."""


@dataclass(frozen=True)
class Finding:
    """A check that a resource fails."""

    check: str
    what: str
    resource: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"  {self.file}:{self.line}: {self.resource}: {self.check}, {self.what}"


def check(folder: Path) -> tuple[int, list[Finding]]:
    """How many checks a folder's Terraform passes, and which it fails. Raises ToolError when checkov does not run."""
    prepare(LINT, own_python)
    command = [str(LINT.python.with_name("checkov")), "--directory", str(folder), *OPTIONS]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    done = subprocess.run(
        command, cwd=folder, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    try:
        said: Any = json.loads(done.stdout)
    except json.JSONDecodeError:
        said = None
    results = said.get("results") if isinstance(said, dict) else None
    if results is None or not said["summary"]["passed"] or said["summary"]["parsing_errors"]:
        raise ToolError(f"checkov did not check anything, or could not read a file:\n{done.stdout}{done.stderr}")
    return said["summary"]["passed"], sorted(set(map(_finding, results["failed_checks"])), key=str)


def _finding(raw: dict[str, Any]) -> Finding:
    path = raw["repo_file_path"] or raw["file_path"]
    return Finding(raw["check_id"], raw["check_name"], raw["resource"], path.lstrip("/"), raw["file_line_range"][0])


def unexplained(folder: Path) -> Iterator[str]:
    """The exceptions that name no check or give no reason."""
    for path in sorted(folder.rglob("*.tf")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found = EXCEPTION.search(line)
            if found and not (found["check"] and found["reason"]):
                yield f"  {path.relative_to(folder)}:{number}: an exception names its check and why: {line.strip()}"


def main() -> int:
    """Entry of the command line. Returns the exit code."""
    try:
        with workspace() as copy:
            passed, findings = check(copy.folder)
            problems = [*map(str, findings), *unexplained(copy.folder)]
    except ToolError as error:
        print(f"policies: {error}", file=sys.stderr)
        return 1
    print(f"  checkov: {passed} checks passed, {len(problems)} problems", flush=True)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        print("Mend it, or write why not inside the resource: `#checkov:skip=<check>: <why>`.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
