"""A release: what it refuses, what it leaves in the repository, and that a failure leaves nothing."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

import build
from tests.support.repository import repository_of
from tools import release
from tools.release import VERSIONS, Version, git, later, released, versioned
from tools.toolchain import ToolError

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 27)
LOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One thing.\n"
OLDER = "\n## [1.2.3] - 2026-01-01\n\n- Older.\n"
LINKS = "\n[Unreleased]: https://example.com/o/r/compare/v1.2.3...HEAD\n[1.2.3]: https://example.com/o/r/tag\n"


@pytest.mark.parametrize("text", ["", "1.2", "v1.2.3", "1.2.3-rc.1", "1.2.3+b", "01.2.3", "1.2.3\n", "1.2.3 4.5.6"])
def test_what_is_no_version_is_refused_by_its_value(text: str) -> None:
    with pytest.raises(ToolError) as refused:
        Version.parse(text)
    assert repr(text) in str(refused.value)
    assert "make release VERSION=1.2.3" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "tags", "said"),
    [
        ("1.2.3", ["v1.2.3"], "the tag v1.2.3 is there: give a later one, such as VERSION=1.2.4"),
        (
            "1.9.0",
            ["v1.2.3", "v1.10.0", "v1.3.0"],
            "the latest tag is v1.10.0: give a later one, such as VERSION=1.10.1",
        ),
        ("0.9.9", ["v1.0.0"], "the latest tag is v1.0.0"),
        ("1.10.0", ["v1.9.0", "v2.0.0-rc.1", "vendor", "9.9.9", "v1.9"], None),
        ("0.0.1", [], None),
    ],
)
def test_a_version_is_later_than_every_release(given: str, tags: list[str], said: str | None) -> None:
    if said is None:
        later(Version.parse(given), tags)
        return
    with pytest.raises(ToolError) as refused:
        later(Version.parse(given), tags)
    assert f"VERSION is {given}, and {said}" in str(refused.value)


def test_what_was_unreleased_stands_under_the_version_and_nothing_above_it() -> None:
    assert released(LOG + OLDER + LINKS, Version(1, 3, 0), DAY) == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.3.0] - 2026-11-27\n\n### Added\n\n- One thing.\n" + OLDER + "\n"
        "[Unreleased]: https://example.com/o/r/compare/v1.3.0...HEAD\n"
        "[1.3.0]: https://example.com/o/r/compare/v1.2.3...v1.3.0\n"
        "[1.2.3]: https://example.com/o/r/tag\n"
    )


@pytest.mark.parametrize(
    "text",
    ["# Changelog\n\n- One thing.\n", "## [Unreleased]\n\n### Added\n" + OLDER, "## [Unreleased]\n\nText.\n" + LINKS],
)
def test_a_changelog_without_entries_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match=r"CHANGELOG.md has no entry under \[Unreleased\]: write there"):
        released(text, Version(1, 3, 0), DAY)


def test_the_projects_own_files_take_another_version() -> None:
    for file, name in VERSIONS.items():
        text = (ROOT / file).read_text()
        lines = zip(text.splitlines(), versioned(text, name, Version(9, 8, 7)).splitlines(), strict=True)
        assert [new for old, new in lines if new != old] == [f'{name} = "9.8.7"']
    released(
        (ROOT / "CHANGELOG.md").read_text().replace("[Unreleased]\n", "[Unreleased]\n- x\n"), Version(9, 8, 7), DAY
    )
    with pytest.raises(ToolError, match="VERSION is given a version in 2 lines"):
        versioned('VERSION = "1"\nVERSION = "2"\n', "VERSION", Version(9, 8, 7))


def build_of(tree: Path, folder: Path) -> None:
    """A package whose bytes depend on the tree's alone."""
    sources = build.sources_digest(tree / "lambda_src")
    folder.mkdir()
    (folder / "searchsync.zip").write_bytes(sources.encode())
    (folder / "searchsync.json").write_text(json.dumps({"sources": sources, "sha256": "abc"}))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with the project's files that a release changes, of a bare repository."""
    files = (*VERSIONS, ".gitignore", ".gitattributes")
    root = repository_of(files, tmp_path / "clone", CHANGELOG=LOG)
    bare = tmp_path / "bare"
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", str(bare))
    git(root, "remote", "add", "origin", bare.as_uri())
    git(root, "push", "--quiet", "--set-upstream", "origin", "main")
    (hook := root / ".git/hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n")  # not for a release
    hook.chmod(0o755)
    return root


def released_in(root: Path, version: str, build: release.Build = build_of) -> str:
    return release.release(version, root, DAY, lambda _: None, build)


def state(root: Path) -> tuple[bytes, ...]:
    """All that a release might change: refs, HEAD, files, and the work trees."""
    asked = ("for-each-ref", "symbolic-ref HEAD", "rev-parse HEAD", "status --porcelain --ignored", "worktree list")
    found = (subprocess.run(["git", "-C", root, *each.split()], capture_output=True, check=False) for each in asked)
    return *(each.stdout for each in found), (root / "CHANGELOG.md").read_bytes()


def test_the_tag_has_the_package_beside_what_main_has_and_main_never_does(repository: Path) -> None:
    before = git(repository, "rev-parse", "main")
    released_in(repository, "1.0.0")
    assert git(repository, "rev-parse", "main~1", "v1.0.0^{commit}~1").split() == [
        before,
        git(repository, "rev-parse", "main"),
    ]
    assert git(repository, "diff", "--name-status", "main", "v1.0.0").split() == [
        "A", "dist/searchsync.json", "A", "dist/searchsync.zip",
    ]  # fmt: skip
    assert git(repository, "cat-file", "-t", "v1.0.0") == "tag"
    assert "sha256 of dist/searchsync.zip: abc" in git(repository, "tag", "--list", "--format=%(contents)")
    assert git(repository, "status", "--porcelain", "--ignored", "--branch") == "## main...origin/main [ahead 1]"
    assert "## [1.0.0] - 2026-11-27\n\n### Added\n\n- One thing." in (repository / "CHANGELOG.md").read_text()
    assert all('"1.0.0"' in (repository / file).read_text() for file in VERSIONS)
    facts = json.loads(git(repository, "show", "v1.0.0:dist/searchsync.json"))
    assert facts["sources"] == build.sources_digest(repository / "lambda_src")  # with the version that was written


def test_nothing_is_pushed_until_the_printed_command_is(repository: Path, tmp_path: Path) -> None:
    bare = repository.parent / "bare"
    there = git(bare, "for-each-ref")
    said = released_in(repository, "1.0.0")
    assert git(bare, "for-each-ref") == there
    (push,) = [line.partition("  ")[2].split() for line in said.splitlines() if line.startswith("Publish it:")]
    assert push == ["git", "push", "--atomic", "origin", "main", "v1.0.0"]
    git(repository, *push[1:])
    git(
        tmp_path,
        "clone",
        "--quiet",
        "-c",
        "core.autocrlf=true",
        "--branch",
        "v1.0.0",
        "--depth",
        "1",
        bare.as_uri(),
        "got",
    )
    facts = json.loads((tmp_path / "got/dist/searchsync.json").read_text())
    assert facts["sources"] == build.sources_digest(tmp_path / "got/lambda_src")  # as a plan compares them


def test_a_release_can_be_taken_back(repository: Path) -> None:
    before = state(repository)
    (back,) = [line.partition("  ")[2] for line in released_in(repository, "1.0.0").splitlines() if "Take it" in line]
    assert state(repository) != before
    subprocess.run(back, shell=True, cwd=repository, check=True, capture_output=True)  # noqa: S602 - as a person would
    assert state(repository) == before


def test_a_second_run_is_refused_and_the_next_release_needs_entries(repository: Path) -> None:
    released_in(repository, "1.0.0")
    before = state(repository)
    with pytest.raises(ToolError, match=r"VERSION is 1.0.0, and the tag v1.0.0 is there.*VERSION=1.0.1"):
        released_in(repository, "1.0.0")
    with pytest.raises(ToolError, match="no entry"):
        released_in(repository, "1.0.1")
    assert state(repository) == before
    log = repository / "CHANGELOG.md"
    log.write_text(log.read_text().replace("[Unreleased]\n", "[Unreleased]\n\n- Another.\n"))
    git(repository, "commit", "--quiet", "--all", "--message", "docs: another")
    released_in(repository, "1.0.1")
    assert git(repository, "rev-list", "--count", "main", "--not", "v1.0.0") == "2"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("echo > new.tf", r"(?s)working tree has changes.*git stash.*\?\? new.tf"),
        ("git switch --create topic", "The branch is topic: a release is made on main. Run `git switch main`"),
        ("git switch --detach", "The branch is no branch"),
        ("git rev-parse HEAD > .git/shallow", "The clone is shallow, .* `git fetch --unshallow --tags`"),
        (
            "printf 'lint:\\n\t@echo a finding; exit 1\\n' > Makefile; git add .; git commit -nm x",
            "(?s)lint-clean.*a finding",
        ),
    ],
)
def test_a_repository_in_no_state_for_it_is_refused_as_it_is(repository: Path, spoil: str, said: str) -> None:
    subprocess.run(spoil, shell=True, cwd=repository, check=True, capture_output=True)  # noqa: S602 - as a person would
    before = state(repository)
    with pytest.raises(ToolError, match=said):
        release.release("1.0.0", repository, DAY, release.make_lint, build_of)
    assert state(repository) == before


def failing(error: BaseException) -> release.Build:
    def build(*_: Path) -> None:
        raise error

    return build


def another_each_time(tree: Path, folder: Path) -> None:
    build_of(tree, folder)
    (folder / "searchsync.zip").write_bytes(str(folder).encode())


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (failing(ToolError("no build")), ToolError("no build")),
        (failing(KeyboardInterrupt()), KeyboardInterrupt()),
        (another_each_time, ToolError("Two builds made different bytes of searchsync.zip")),
    ],
)
def test_a_failure_half_way_leaves_the_repository_as_it_was(
    repository: Path, build: release.Build, error: BaseException
) -> None:
    before = state(repository)
    with pytest.raises(type(error), match=str(error) or None):
        released_in(repository, "1.0.0", build)
    assert state(repository) == before


def test_a_commit_that_comes_to_main_meanwhile_stays_and_no_tag_does(repository: Path) -> None:
    def meanwhile(tree: Path, folder: Path) -> None:
        build_of(tree, folder)
        git(repository, "commit", "--quiet", "--allow-empty", "--message", "feat: meanwhile")

    with pytest.raises(ToolError, match="git merge failed"):
        released_in(repository, "1.0.0", meanwhile)
    assert git(repository, "log", "-1", "--format=%s") == "feat: meanwhile"
    assert git(repository, "tag", "--list") == ""
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_refusal_is_one_line_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main([]) == 1
    assert (
        capsys.readouterr().err == "release: VERSION is '': give three numbers, as in `make release VERSION=1.2.3`.\n"
    )
