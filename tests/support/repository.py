"""Git repositories of their own, made from this one's files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools.release import git

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "user.name": "tester",
    "user.email": "tester@example.com",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "core.autocrlf": "false",
}
"""Whatever this machine's own are."""


def own_files() -> list[str]:
    """This repository's files, those not committed yet too."""
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def repository_of(files: Iterable[str], root: Path, **written: str) -> Path:
    """A repository whose branch main has these files as they are here, and those that are `written`, by their stem."""
    subprocess.run(["git", "init", "--quiet", "-b", "main", root], check=True)
    for name, value in SETTINGS.items():
        git(root, "config", name, value)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    for stem, text in written.items():
        (root / f"{stem}.md").write_text(text)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "feat: all of it")
    return root
