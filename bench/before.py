"""The way it was: an earlier commit's tree, to measure against in the same run."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMIT = "7b17a13"
"""Before the write path was made to bear overload."""
SHAPELESS = "ba4001f"
"""Before documents had a shape, and tables several views."""


def checked_out(target: Path, commit: str = COMMIT) -> Path | None:
    """A commit's files in a folder; None, and a word on standard error, where the clone has no history."""
    done = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=False)
    if done.returncode:
        print(f"  this clone has no commit {commit}: nothing to compare with", file=sys.stderr, flush=True)
        return None
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target


def encoder_of(sources: Path) -> Callable[..., Any]:
    """The converter of another tree of sources, in this process, beside the one whose modules have the names."""

    def taken_away() -> dict[str, ModuleType]:
        ours = [name for name in sys.modules if name.partition(".")[0] == "searchsync"]
        return {name: sys.modules.pop(name) for name in ours}

    kept = taken_away()
    sys.path.insert(0, str(sources))
    try:
        return import_module("searchsync.documents.document").encode  # type: ignore[no-any-return]
    finally:
        sys.path.remove(str(sources))
        taken_away()
        sys.modules.update(kept)


def package_unpacked(target: Path) -> None:
    """That commit's package in a folder, built by its own build.py; nothing where the clone has no history."""
    with tempfile.TemporaryDirectory(prefix="searchsync-bench-") as scratch:
        tree = checked_out(Path(scratch))
        if tree is None:
            return
        subprocess.run([sys.executable, "build.py"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
        with zipfile.ZipFile(tree / "dist" / "searchsync.zip") as package:
            package.extractall(target)  # noqa: S202 - our own build's
