"""docs/testing.md: a stack of somebody else's that has the module from git is tested without AWS, as the page says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.repository import ROOT, own_files, repository_of
from tools.release import git
from tools.terraform_check import TESTS, Workspace

PAGE = (ROOT / "docs/testing.md").read_text("utf-8")
BLOCK = re.compile(r"<!-- (?P<name>\w+):begin -->\n```hcl\n(?P<text>.+?)```\n<!-- (?P=name):end -->", re.DOTALL)
ADDRESS = "git::<this repository>?ref=vX.Y.Z"
RELEASE = "v0.0.1"
WAYS = ("mocks", "outputs")


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The page's stack and its tests in a folder of their own; the module is at a release's tag."""
    blocks = {found["name"]: found["text"] for found in BLOCK.finditer(PAGE)}
    made, module = Workspace(tmp_path_factory.mktemp("consumer")), tmp_path_factory.mktemp("module")
    release(module)
    stack = blocks["stack"].replace(ADDRESS, f"git::file://{module}?ref={RELEASE}")
    (made.folder / "main.tf").write_text(stack)
    (made.folder / "tests").mkdir()
    for way in WAYS:
        (made.folder / f"tests/{way}.tftest.hcl").write_text(blocks[way])
    (made.folder / ".terraform").symlink_to(".data")  # where Terraform's data are for everybody else
    made.initialise(".")
    return made


def release(root: Path) -> None:
    """A repository with what of the module Terraform reads, at a tag with a package."""
    read = re.compile(r"[^/]+[.]tf|(modules|tests/terraform)/.+")
    repository_of(filter(read.fullmatch, own_files()), root)
    (root / "dist").mkdir()
    for kind in ("zip", "json"):
        shutil.copy(ROOT / TESTS / f"packages/good.{kind}", root / f"dist/searchsync.{kind}")
    git(root, "add", "--force", "dist")
    git(root, "commit", "--quiet", "--message", "chore: a release")
    git(root, "tag", RELEASE)


@pytest.mark.parametrize("way", WAYS)
def test_the_stack_is_tested_as_the_page_says(consumer: Workspace, way: str) -> None:
    done = consumer.terraform(".", "test", "-no-color", f"-filter=tests/{way}.tftest.hcl")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 0 failed" in done.stdout


def test_a_wrong_setting_fails_the_stacks_test_with_the_plans_words(consumer: Workspace) -> None:
    main = consumer.folder / "main.tf"
    before = main.read_text()
    main.write_text(before.replace('name           = "orders-search"', 'name           = "Orders"'))
    try:
        done = consumer.terraform(".", "test", "-no-color", "-filter=tests/mocks.tftest.hcl")
    finally:
        main.write_text(before)
    assert done.returncode != 0
    assert 'name is "Orders": use 3 to 24 lower case letters' in re.sub(r"\s+│?\s*", " ", done.stdout)
