"""Makes a release on this machine, for `git push` to publish: `make release VERSION=1.2.3`, on main.

    main        ──o──o  its changelog and version
                      \\
    tag v1.2.3         o  dist/searchsync.zip and its facts, beside the module

So a module's source at the tag has its package, and main never holds one. All of it is made in a work tree of its own;
tag and branch come last, and whatever fails leaves the repository as it was.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from tools.toolchain import ToolError, run

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"
VERSIONS = {
    "pyproject.toml": "version",
    "lambda_src/searchsync/__init__.py": "VERSION",
    "cli/searchsync_cli/__init__.py": "__version__",
}
"""Where the version stands: file and name."""
DIST = "dist"
PACKED = ("searchsync.zip", "searchsync.json")
NUMBERS = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
"""A version as Semantic Versioning 2.0.0 has it (semver.org, items 2, 9 and 10), without pre-release and build."""
COMPARED = re.compile(r"^\[Unreleased\]: (\S+/compare/)(\S+)\.\.\.(\S+)$", re.MULTILINE)
"""Keep a Changelog's link from Unreleased to what has changed since a tag."""


@dataclass(frozen=True, order=True)
class Version:
    """A semantic version of three numbers, which compare as numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises ToolError for any other text."""
        found = NUMBERS.fullmatch(text)
        if found is None:
            raise ToolError(f"VERSION is {text!r}: give three numbers, as in `make release VERSION=1.2.3`.")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """Its tag's name."""
        return f"v{self}"


def later(version: Version, tags: Iterable[str]) -> None:
    """Raises ToolError where the version is no later than a release among the tags."""
    released = [Version.parse(tag[1:]) for tag in tags if tag[:1] == "v" and NUMBERS.fullmatch(tag[1:])]
    latest = max(released, default=None)
    if latest is not None and version <= latest:
        there = f"the tag {version.tag} is there" if version in released else f"the latest tag is {latest.tag}"
        next_one = Version(latest.major, latest.minor, latest.patch + 1)
        raise ToolError(f"VERSION is {version}, and {there}: give a later one, such as VERSION={next_one}.")


def released(changelog: str, version: Version, day: date) -> str:
    """The changelog with what was unreleased under the version. Raises ToolError where nothing was."""
    before, heading, after = changelog.partition(UNRELEASED)
    if not re.search(r"^[-*] ", re.split(r"^(?:## |\[)", after, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE):
        raise ToolError(f"{CHANGELOG} has no entry under [Unreleased]: write there what changes for a user.")
    text = f"{before}{heading}\n## [{version}] - {day.isoformat()}\n{after}"
    links = rf"[Unreleased]: \1{version.tag}...\3\n[{version}]: \1\2...{version.tag}"
    return COMPARED.sub(links, text)


def versioned(text: str, name: str, version: Version) -> str:
    """A file's text with another version. Raises ToolError where the name is not given one in just one line."""
    changed, places = re.subn(rf'^{name} = ".*"$', f'{name} = "{version}"', text, flags=re.MULTILINE)
    if places != 1:
        raise ToolError(f"{name} is given a version in {places} lines: VERSIONS of tools/release.py wants one.")
    return changed


def git(folder: Path, *arguments: str) -> str:
    """Git's answer, without a hook: those are for a person's commits. Raises ToolError."""
    command = ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *arguments]
    return run(command, f"git {arguments[0]} failed").strip()


def check(root: Path, version: Version) -> None:
    """Raises ToolError where the repository is in no state for a release of that version."""
    if git(root, "rev-parse", "--is-shallow-repository") == "true":
        raise ToolError("The clone is shallow, and may lack a release: run `git fetch --unshallow --tags` first.")
    branch = git(root, "branch", "--show-current") or "no branch (a detached HEAD)"
    if branch != BRANCH:
        raise ToolError(f"The branch is {branch}: a release is made on {BRANCH}. Run `git switch {BRANCH}` first.")
    if changes := git(root, "status", "--porcelain"):
        raise ToolError(f"The working tree has changes. Commit them or `git stash --include-untracked`:\n{changes}")
    later(version, git(root, "tag", "--list").splitlines())


@contextmanager
def work_tree(root: Path) -> Iterator[Path]:
    """The last commit in a folder of its own, which is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="searchsync-release-") as scratch:
        tree = Path(scratch) / "tree"
        git(root, "worktree", "add", "--quiet", "--detach", str(tree))
        try:
            yield tree
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def commit(tree: Path, subject: str, body: str) -> str:
    """Commit what is staged and what changed; the commit's id."""
    git(tree, "commit", "--quiet", "--all", "--message", subject, "--message", body)
    return git(tree, "rev-parse", "HEAD")


Build = Callable[[Path, Path], object]
"""Builds the package of a tree into a folder. Raises ToolError."""


def packed(tree: Path, build: Build) -> str:
    """Build the package twice, and keep one; the zip's SHA-256. Raises ToolError where they are not the same."""
    again = tree.parent / "again"
    for folder in (tree / DIST, again):
        build(tree, folder)
    for name in PACKED:
        if (tree / DIST / name).read_bytes() != (again / name).read_bytes():
            raise ToolError(f"Two builds made different bytes of {name}: mend build.py, which promises the same ones.")
    return str(json.loads((tree / DIST / PACKED[1]).read_text())["sha256"])


def release(given: str, root: Path, day: date, lint: Callable[[Path], object], build: Build) -> str:
    """Make the release and say how it is published. Raises ToolError, with the repository as it was."""
    version = Version.parse(given)
    check(root, version)
    texts = {CHANGELOG: released((root / CHANGELOG).read_text("utf-8"), version, day)}
    for file, name in VERSIONS.items():
        texts[file] = versioned((root / file).read_text("utf-8"), name, version)
    lint(root)
    before = git(root, "rev-parse", "HEAD")
    with work_tree(root) as tree:
        for file, text in texts.items():
            (tree / file).write_text(text, "utf-8")
        told = commit(tree, f"chore: release {version}", f"The package lies in the commit of {version.tag}.")
        digest = packed(tree, build)
        git(tree, "add", "--force", *(f"{DIST}/{name}" for name in PACKED))
        body = f"A module's source at this tag needs no build. sha256 of the zip: {digest}"
        carries = commit(tree, f"chore: the package of {version}", body)
        publish(root, version, told, carries, f"searchsync {version}\n\nsha256 of {DIST}/{PACKED[0]}: {digest}")
    remote = git(root, "for-each-ref", "--format=%(upstream:remotename)", f"refs/heads/{BRANCH}") or "origin"
    return (
        f"{version.tag} is made, with its package (sha256 {digest}). Nothing is pushed yet.\n"
        f"Publish it:    git push --atomic {remote} {BRANCH} {version.tag}\n"
        f"Take it back:  git tag --delete {version.tag} && git reset --keep {before}"
    )


def publish(root: Path, version: Version, told: str, carries: str, message: str) -> None:
    """Set the tag, and move the branch to the commit `told`: both or none."""
    git(root, "tag", "--annotate", version.tag, carries, "--message", message)
    try:
        git(root, "merge", "--quiet", "--ff-only", told)
    except BaseException:
        if git(root, "rev-parse", "HEAD") != told:
            git(root, "tag", "--delete", version.tag)
        raise


def make_lint(root: Path) -> None:
    """`make lint`. Raises ToolError with what it found."""
    print("  make lint", flush=True)
    run(["make", "-C", str(root), "lint"], "The repository is not lint-clean; mend it first")


def build_package(tree: Path, folder: Path) -> None:
    """The tree's own build, for the module's default runtime. Raises ToolError."""
    print("  building the package", flush=True)
    run([sys.executable, str(tree / "build.py"), "--output", str(folder)], "The package could not be built")


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line: the version alone. Returns the exit code."""
    given = " ".join(sys.argv[1:] if arguments is None else arguments)
    try:
        print(release(given, ROOT, datetime.now(UTC).date(), make_lint, build_package))
    except ToolError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("release: stopped, the repository is as it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
