"""`make mutants`: breaks one rule after the other, and shows the test that notices.

Each mutant is a change of one place in a copy of the tree; the named tests must fail there. A mutant
that survives is a rule that nothing proves.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.mutants import MUTANTS
from tools.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
LINKED = (".venv", ".lab", "dist")
"""A mutant that a lab test notices breaks the lab or the module: what is packaged stays as it is."""


def main() -> int:
    """Run the mutants; 1 when one survives."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="only those whose name contains this")
    wanted = parser.parse_args().name
    chosen = [mutant for mutant in MUTANTS if wanted in mutant.name]
    survivors = [mutant.name for mutant in chosen if not caught(mutant)]
    print(f"{len(survivors)} of {len(chosen)} mutants survived" + "".join(f"\n  {name}" for name in survivors))
    return 1 if survivors else 0


def caught(mutant: Mutant) -> bool:
    """Whether the mutant's tests fail, and say so."""
    with tempfile.TemporaryDirectory(prefix="searchsync-mutant-") as folder:
        copy = Path(folder)
        copy_tree(copy)
        mutant.apply(copy)
        command = [str(copy / ".venv/bin/python"), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    # A fixture that fails, such as an apply, names its test too; a file that cannot be read names none.
    failing = (line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR")) and "::" in line)
    failed = next(failing, "")
    good = done.returncode == 1 and bool(failed)
    print(f"{'caught  ' if good else 'SURVIVED'}  {mutant.name}\n          {failed.partition(' - ')[0]}", flush=True)
    if not good:
        print(done.stdout[-2_000:] + done.stderr[-1_000:], file=sys.stderr)
    return good


def copy_tree(target: Path) -> None:
    """The files that git knows, and links to the environments."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in LINKED:
        (target / name).symlink_to(ROOT / name)


if __name__ == "__main__":
    sys.exit(main())
