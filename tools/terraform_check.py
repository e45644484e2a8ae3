"""Terraform's own checks: `python -m tools.terraform_check` looks at the format and validates every module and example.

They run in a copy, with Terraform's data outside of the tree, so that nothing is left in it. The provider
comes from a plugin folder on this machine when there is one, else from the registry, once. A module that
needs a newer one than the folder holds is not validated, and that is said.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.errors import LabError
from lab.provider import attached
from lab.terraform import PROVIDER, environment, plugin_directory
from tools.toolchain import TERRAFORM, ToolError, find

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".lab" / "terraform-plugins"
"""The registry's provider is 600 MB: kept between runs."""
COPIED = ("*.tf", "modules", "examples", "tests/terraform")
TESTS = "tests/terraform"
NEWER_PROVIDER = {"modules/nextgen_collection": (6, 62)}
"""Modules whose resources older providers do not have: Terraform cannot even read them without this version.
tests/unit/test_nextgen_module.py holds them against a published schema instead."""
VERSION = re.compile(r"(\d+)\.(\d+)\.\d+")


@dataclass(frozen=True)
class Workspace:
    """A copy of the module's tree in which terraform runs. `provider`: what names one that runs already."""

    folder: Path
    provider: dict[str, str] = field(default_factory=dict)

    def terraform(self, directory: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run terraform in a directory of the copy. Raises ToolError when there is no terraform."""
        command = [str(find(TERRAFORM)), *arguments]
        surroundings = environment() | {"TF_DATA_DIR": str(self._data(directory))} | self.provider
        if plugin_directory() is None:
            CACHE.mkdir(parents=True, exist_ok=True)
            # Without a lock file in the tree, Terraform uses its cache only when told that this is meant.
            surroundings |= {"TF_PLUGIN_CACHE_DIR": str(CACHE), "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1"}
        return subprocess.run(
            command,
            cwd=self.folder / directory,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _data(self, directory: str) -> Path:
        return self.folder / ".data" / directory.replace("/", "-")

    @contextmanager
    def with_provider(self, directory: str) -> Iterator[Workspace]:
        """The copy with one provider for all its commands, that of an initialised directory: else each starts its own.

        It has no configuration: for a mocked one, or `validate`. Raises ToolError when it does not start.
        """
        try:
            child, where = attached(
                self._data(directory), self.folder / directory, self.folder / "provider.log", environment()
            )
        except LabError as error:
            raise ToolError(str(error)) from error
        with child:
            yield replace(self, provider=where)

    def initialise(self, directory: str, *options: str) -> None:
        """terraform init. Raises ToolError with what Terraform said."""
        plugins = plugin_directory()
        given = [*options, *([f"-plugin-dir={plugins}"] if plugins else [])]
        done = self.terraform(directory, "init", "-backend=false", "-no-color", *given)
        if done.returncode:
            raise ToolError(
                f"terraform init failed in {directory}:\n{done.stdout}\nIt needs the provider hashicorp/aws from the "
                "registry, or a plugin folder that holds it (~/.terraform.d/plugins, /usr/share, /opt/…)."
            )

    def directories(self) -> list[str]:
        """The directories that hold a module: the root, the parts and the examples."""
        found = {
            path.parent
            for pattern in ("*.tf", "modules/*/*.tf", "examples/*/*.tf")
            for path in self.folder.glob(pattern)
        }
        return sorted(path.relative_to(self.folder).as_posix() for path in found)


@contextmanager
def workspace() -> Iterator[Workspace]:
    """A copy of the module's tree, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="searchsync-terraform-") as scratch:
        folder = Path(scratch)
        for pattern in COPIED:
            for source in ROOT.glob(pattern):
                target = folder / source.relative_to(ROOT)
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
        yield Workspace(folder)


def lacks_provider(directory: str, plugins: Path | None) -> bool:
    """Whether the plugin folder holds no provider that is new enough for a directory; the registry has it."""
    if directory not in NEWER_PROVIDER or plugins is None:
        return False
    found = (VERSION.search(path.name) for path in (plugins / PROVIDER).iterdir())
    return not any((int(each[1]), int(each[2])) >= NEWER_PROVIDER[directory] for each in found if each)


def validate(copy: Workspace) -> int:
    """terraform validate in every directory; returns how many are wrong, having printed why."""
    left_out = {each for each in copy.directories() if lacks_provider(each, plugin_directory())}
    for directory in sorted(left_out):
        needed = ".".join(map(str, NEWER_PROVIDER[directory]))
        print(f"  terraform validate {directory}: not run, it needs provider {needed}, which is not here", flush=True)
    alike = [each for each in copy.directories() if each not in NEWER_PROVIDER]
    alone = [each for each in copy.directories() if each in NEWER_PROVIDER and each not in left_out]
    wrong = sum(_is_wrong(copy, each) for each in alone)
    if alike:
        copy.initialise(alike[0])
        with copy.with_provider(alike[0]) as served:
            wrong += sum(_is_wrong(served, each) for each in alike)
    return wrong


def _is_wrong(copy: Workspace, directory: str) -> bool:
    copy.initialise(directory)
    done = copy.terraform(directory, "validate", "-no-color")
    print(f"  terraform validate {directory}: {'ok' if done.returncode == 0 else 'wrong'}", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode != 0


def look_at_format(copy: Workspace) -> int:
    """terraform fmt on all of it; returns 1 when something is not in form, having printed what."""
    done = copy.terraform(".", "fmt", "-check", "-diff", "-recursive", "-no-color")
    if done.returncode:
        print(f"{done.stdout}\nRun `terraform fmt -recursive`.", file=sys.stderr)
    return min(done.returncode, 1)


def main() -> int:
    """Entry of the command line. Returns the exit code."""
    try:
        with workspace() as copy:
            return 1 if look_at_format(copy) + validate(copy) else 0
    except ToolError as error:
        print(f"terraform: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
