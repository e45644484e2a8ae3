"""A stack elsewhere takes the module from a release's tag: nothing is built by hand, and an upgrade is a tag."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lab.applied import Applied
from lab.errors import LabError
from lab.stack import Lab
from lab.terraform import Terraform
from tests.support.applied_cli import AppliedCli
from tests.support.repository import own_files, repository_of
from tools.release import build_package, git, release

NAME = "released"
LOG = "# Changelog\n\n## [Unreleased]\n\n- {}\n"
DAY = date(2026, 11, 27)
STACK = """
provider "aws" {{
  region = "us-east-1"
}}

module "searchsync" {{
  source = "git::{repository}?ref={ref}"

  name       = "released"
  table      = {{ name = "released", hash_key = {{ name = "id" }} }}
  collection = {{ name = "released", network = "public", standby_replicas = false }}
}}

output "searchsync" {{
  value = module.searchsync
}}
"""
FUNCTIONS = (
    "module.searchsync.aws_lambda_function.this",
    "module.searchsync.aws_lambda_function.redrive",
    "module.searchsync.module.reconciliation.aws_lambda_function.this",
)
PLANNED = re.compile(r"^  # (\S+) (?:will|must) be (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is here, with the releases 0.1.0 and 0.2.0."""
    root = repository_of(own_files(), tmp_path_factory.mktemp("release") / "repository", CHANGELOG=LOG.format("One."))
    release("0.1.0", root, DAY, lambda _: None, build_package)
    (root / "CHANGELOG.md").write_text(LOG.format("Two."))
    git(root, "commit", "--quiet", "--all", "--message", "docs: two")
    release("0.2.0", root, DAY, lambda _: None, build_once)
    return root


def build_once(tree: Path, folder: Path) -> None:
    """The same twice is shown by the first release: here a copy is enough."""
    if folder.parent == tree:
        build_package(tree, folder)
    else:
        shutil.copytree(tree / "dist", folder)


class Consumer:
    """The stack, in a folder without anything of the repository."""

    def __init__(self, repository: Path, folder: Path, lab: Lab) -> None:
        self._repository = repository
        folder.mkdir()
        (folder / "main.tf").write_text(self._at("main"))
        self.terraform = Terraform(folder, lab, alone=True)

    def take(self, ref: str) -> None:
        (self.terraform.directory / "main.tf").write_text(self._at(ref))
        self.terraform.initialise()

    def planned(self) -> dict[str, str]:
        """What a plan does, by resource."""
        return dict(PLANNED.findall(self.terraform.plan()))

    def _at(self, ref: str) -> str:
        return STACK.format(repository=self._repository.as_uri(), ref=ref)


@pytest.fixture
def consumer(repository: Path, lab: Lab, tmp_path: Path) -> Iterator[Consumer]:
    made = Consumer(repository, tmp_path / "stack", lab)
    with made.terraform:
        yield made


def runs(stack: Applied, document: str, version: str) -> None:
    """The function writes a document; its log line, `status` and the output name one package, of that version."""
    stack.put({"id": {"S": document}})
    line = stack.until("the log line", lambda: stack.log_line(document))
    assert stack.document(document)["id"] == document
    assert re.fullmatch(re.escape(version) + r"\+[0-9a-f]{12}", line["package"])
    assert stack.outputs["package"]["version"] == line["package"]
    assert AppliedCli(stack).run("status", "--json").json["package"] == line["package"]


def test_a_stack_takes_a_release_by_its_tag_and_then_the_next_one(consumer: Consumer, lab: Lab) -> None:
    terraform = consumer.terraform
    with pytest.raises(LabError) as refused:
        terraform.plan()  # main has no package
    said = " ".join(str(refused.value).replace("│", " ").split())
    assert all(way in said for way in ("`?ref=vX.Y.Z`", "`make package`", "package.s3_bucket"))
    consumer.take("v0.1.0")
    terraform.apply()
    runs(Applied(lab, terraform.output()["searchsync"]), "first", "0.1.0")
    consumer.take("v0.2.0")
    assert consumer.planned() == dict.fromkeys(FUNCTIONS, "updated in-place")
    terraform.apply()
    assert terraform.plan_is_empty(), terraform.plan()
    runs(Applied(lab, terraform.output()["searchsync"]), "second", "0.2.0")
