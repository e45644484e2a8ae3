"""Writes the table of docs/aws.md from lab/behaviours.py: `python -m tools.behaviours_table [--check]`."""

from __future__ import annotations

import argparse
import sys

from lab.behaviours import rendered
from tools.settings_table import ROOT, insert
from tools.toolchain import ToolError

PLACE = "docs/aws.md"
MARKERS = ("<!-- behaviours:begin -->", "<!-- behaviours:end -->")


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.behaviours_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the table is not up to date")
    check = parser.parse_args(arguments).check
    path = ROOT / PLACE
    try:
        document = path.read_text("utf-8")
        wanted = insert(document, rendered(), MARKERS, PLACE)
        if check and wanted != document:
            raise ToolError(f"{PLACE} does not show the behaviours of lab/behaviours.py: run `make settings`.")
    except (OSError, ToolError) as error:
        print(f"behaviours: {error}", file=sys.stderr)
        return 1
    if not check:
        path.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
