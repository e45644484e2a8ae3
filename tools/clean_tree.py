"""Checks that no file of the repository holds what belongs to one machine: `python -m tools.clean_tree`.

Folders of a home or a build machine, and addresses of package registries other than the public ones a
document may name.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.toolchain import ToolError, run

ROOT = Path(__file__).resolve().parent.parent
RULES = {
    "a path of one machine": re.compile(r"(?<![\w.<}~-])/(?:root|home|Users|work|builds?)/[\w.-]+"),
    "an address with a name and a password": re.compile(r"\w+://[^\s/:@\"'{}<>]+:[^\s/@\"'{}<>]+@"),
    "a package index": re.compile(r"(?:--(?:extra-)?index-url|--find-links|index-url\s*=)[ =]*\S*://"),
    "a registry's address": re.compile(r"https?://[\w.-]+/(?:\S+/)?(?:pypi/)?simple\b"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}
OWN = ("tools/clean_tree.py", "tests/unit/test_clean_tree.py")
"""They hold the patterns."""


def findings(text: str) -> Iterator[tuple[int, str]]:
    """Line number and rule of each place in the text that a rule finds."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, rule) for rule, pattern in RULES.items() if pattern.search(line))


def files() -> list[Path]:
    """The repository's files, those not committed yet too. Raises ToolError outside of a repository."""
    listed = run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        "git cannot list the repository's files",
    )
    return [ROOT / name for name in listed.split("\0") if name and name not in OWN and (ROOT / name).is_file()]


def main() -> int:
    """Entry of the command line. Returns the exit code."""
    try:
        paths = files()
    except (ToolError, subprocess.SubprocessError) as error:
        print(f"tree: {error}", file=sys.stderr)
        return 1
    wrong = 0
    for path in paths:
        for number, rule in findings(path.read_text("utf-8", errors="replace")):
            wrong += 1
            print(f"{path.relative_to(ROOT)}:{number}: holds {rule}; take it out", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
