"""The way it was: an earlier commit's tree, to measure against in the same run."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMIT = "7b17a13"
"""Before the write path was made to bear overload."""


def checked_out(target: Path) -> Path | None:
    """That commit's files in a folder; None, and a word on standard error, where the clone has no history."""
    done = subprocess.run(["git", "-C", str(ROOT), "archive", COMMIT], capture_output=True, check=False)
    if done.returncode:
        print(f"  this clone has no commit {COMMIT}: nothing to compare with", file=sys.stderr, flush=True)
        return None
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target


def package_unpacked(target: Path) -> None:
    """That commit's package in a folder, built by its own build.py; nothing where the clone has no history."""
    with tempfile.TemporaryDirectory(prefix="searchsync-bench-") as scratch:
        tree = checked_out(Path(scratch))
        if tree is None:
            return
        subprocess.run([sys.executable, "build.py"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
        with zipfile.ZipFile(tree / "dist" / "searchsync.zip") as package:
            package.extractall(target)  # noqa: S202 - our own build's
