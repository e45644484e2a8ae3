"""Terraform against the lab: an example copied out, applied, planned again, destroyed.

Nothing of the lab is in the examples: provider and endpoints come from the environment, and state,
variables and plugins stay in a temporary copy of the module tree.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.closing import Closing
from lab.errors import LabError
from lab.maven import ROOT
from lab.process import Child
from lab.provider import SOURCE, attached
from lab.stack import Credentials, Lab

PROVIDER = Path(SOURCE)
VARIABLES_FILE = "lab.auto.tfvars.json"
ADOPTED_FILE = "adopted.tf"
TIMEOUT_SECONDS = 900
COLLECTS_AT = "400"
"""Percent of growth before Go collects garbage. The commands live for seconds: at Go's own 100, a quarter of them."""
CHANGES = 2  # of `terraform plan -detailed-exitcode`
_COPIED = ("*.tf", "modules", "examples", "lambda_src")
_LINKED = ("dist",)
_CONFIGURED = re.compile(r'^provider "aws"', re.MULTILINE)


def plugin_directory() -> Path | None:
    """A folder for `terraform init -plugin-dir`: one that holds hashicorp/aws, None: the registry.

    The usual prefixes first, then any folder directly in /opt.
    """
    return next((place for place in _plugin_places() if (place / PROVIDER).is_dir()), None)


def _plugin_places() -> Iterator[Path]:
    yield Path.home() / ".terraform.d/plugins"
    for prefix in (Path("/usr/share/terraform"), Path("/usr/local/share/terraform")):
        yield prefix / "plugins"
        yield prefix / "providers"
    opt = Path("/opt")
    if opt.is_dir():
        yield from sorted(place for place in opt.iterdir() if place.is_dir())


def environment(lab: Lab | None = None, credentials: Credentials | None = None) -> dict[str, str]:
    """This process's environment for terraform, pointed at the lab if there is one, as root or who is given."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("TF_VAR_")}
    configuration = found.get("TF_CLI_CONFIG_FILE")
    if configuration is not None and not Path(configuration).is_file():
        del found["TF_CLI_CONFIG_FILE"]  # Terraform would warn about it on every call.
    found |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    found.setdefault("GOGC", COLLECTS_AT)
    if lab is not None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
            found.pop(name, None)  # The lab speaks no TLS, and a provider takes a bundle once only.
        loopback = {"NO_PROXY": "127.0.0.1,localhost", "AWS_EC2_METADATA_DISABLED": "true"}
        found |= lab.environment(credentials) | loopback
    return found


class Terraform(Closing):
    """One example in a copy of its own; a context manager that removes the copy.

    Leaving it does not destroy what was applied: the lab's end does, or `destroy`.
    """

    def __init__(
        self, example: str | Path, lab: Lab, credentials: Credentials | None = None, *, alone: bool = False
    ) -> None:
        """Copy `examples/<example>`, or another folder in its place, with the module and initialise it.

        `credentials`: who applies; root when not given. `alone`: without the module, which the folder has from
        elsewhere. LabError when the copy cannot be initialised.
        """
        self._copy = Path(tempfile.mkdtemp(prefix="searchsync-terraform-"))
        self.directory = self._copy / "examples" / Path(example).name
        self._environment = environment(lab, credentials)
        self._provider: Child | None = None
        try:
            if not alone:
                _copy_tree(ROOT, self._copy)
            if isinstance(example, Path):
                shutil.copytree(example, self.directory)
            if not self.directory.is_dir():
                raise LabError(f"There is no examples/{example}: see `ls examples`.")
            self.initialise()
        except BaseException:
            self.close()
            raise

    def initialise(self) -> None:
        """Fetch what the files name; again after one names another module."""
        plugins = plugin_directory()
        self._execute("init", *([f"-plugin-dir={plugins}"] if plugins else []))

    def apply(self, variables: Mapping[str, Any] | None = None) -> None:
        """Apply with these variables; later calls without any keep them."""
        self._keep(variables)
        self._run("apply", "-auto-approve")

    def adopt(self, address: str, identifier: str) -> None:
        """Let the next apply take over what exists already, by an import block."""
        self.add(ADOPTED_FILE, f'import {{\n  to = {address}\n  id = "{identifier}"\n}}\n')

    def add(self, name: str, text: str) -> None:
        """Let the next apply know one file more; one whose name ends in `_override.tf` changes what is there."""
        (self.directory / name).write_text(text, "utf-8")

    def plan_is_empty(self, variables: Mapping[str, Any] | None = None) -> bool:
        """Whether a plan finds nothing to change."""
        self._keep(variables)
        return self._run("plan", "-detailed-exitcode", accept=(0, CHANGES)).returncode == 0

    def plan(self) -> str:
        """The plan's text."""
        return self._run("plan").stdout

    def planned(self, variables: Mapping[str, Any] | None = None) -> dict[str, str]:
        """What a plan does to each resource, by address, such as update or replace. Nothing is looked up first."""
        self._keep(variables)
        lines = map(json.loads, self._run("plan", "-refresh=false", "-json").stdout.splitlines())
        changes = (line["change"] for line in lines if line["type"] == "planned_change")
        return {change["resource"]["addr"]: change["action"] for change in changes}

    def output(self) -> dict[str, Any]:
        """The outputs' values."""
        found = json.loads(self._run("output", "-json").stdout)
        return {name: output["value"] for name, output in found.items()}

    def destroy(self) -> None:
        """Destroy what was applied."""
        self._run("destroy", "-auto-approve")

    def close(self) -> None:
        """End the provider and remove the copy with its state. Idempotent."""
        if self._provider is not None:
            self._provider.close()
        shutil.rmtree(self._copy, ignore_errors=True)

    def _keep(self, variables: Mapping[str, Any] | None) -> None:
        if variables is not None:
            (self.directory / VARIABLES_FILE).write_text(json.dumps(variables))

    def _run(self, command: str, *options: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        if self._provider is None and self._configurations() <= 1:
            data, log = self.directory / ".terraform", self._copy / "provider.log"
            self._provider, where = attached(data, self.directory, log, self._environment)
            self._environment |= where
        return self._execute(command, *options, accept=accept)

    def _configurations(self) -> int:
        """Of the provider here. One process holds one: a second takes the place of the first."""
        return sum(len(_CONFIGURED.findall(path.read_text("utf-8"))) for path in self.directory.glob("*.tf"))

    def _execute(self, command: str, *options: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(
                ["terraform", command, *(["-no-color"]), *options],
                cwd=self.directory,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise LabError(
                "`terraform` was not found on the PATH. Install Terraform 1.9 or later "
                "(developer.hashicorp.com/terraform/install) and run the command again."
            ) from error
        if done.returncode not in accept:
            raise LabError(f"terraform {command} failed:\n{done.stderr or done.stdout}")
        return done


def _copy_tree(source: Path, target: Path) -> None:
    # Only sources: a state or .terraform of someone's own trial stays where it is.
    hidden = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "dist")
    for pattern in _COPIED:
        for found in source.glob(pattern):
            if found.is_dir():
                shutil.copytree(found, target / found.name, ignore=hidden)
            else:
                shutil.copy2(found, target)
    for name in _LINKED:
        (target / name).symlink_to(source / name)
