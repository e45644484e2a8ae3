"""The provider as one process for many commands, where each `terraform` would start its own.

A start of hashicorp/aws, and its schema of 30 MB told anew, are most of what a small plan costs. Terraform takes a
provider that runs already: developer.hashicorp.com/terraform/plugin/debugging.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.process import Child, wait_for

SOURCE = "registry.terraform.io/hashicorp/aws"
VARIABLE = "TF_REATTACH_PROVIDERS"
_SAID = re.compile(rf"^\s*{VARIABLE}='(.+)'$", re.MULTILINE)


def attached(data: Path, directory: Path, log: Path, environment: Mapping[str, str]) -> tuple[Child, dict[str, str]]:
    """The provider that `terraform init` has put into `data`, running, and what tells terraform to use it.

    `directory`: where the commands run, whose paths it reads. `environment`: its own; what it reads from there, such
    as credentials, holds for every command. Whoever asks for it closes it. LabError when there is none, or it does
    not start.
    """
    program = next((data / "providers" / SOURCE).glob("*/*/terraform-provider-aws*"), None)
    if program is None:
        raise LabError(f"There is no provider {SOURCE} in {data}. Run `terraform init` there first.")
    if not os.access(program, os.X_OK):
        raise LabError(f"The provider {program} may not be run: `chmod +x` it.")
    child = Child.start("provider", [program, "-debug"], log, environment=environment, directory=directory)
    wait_for(child, VARIABLE, lambda: bool(_said(log)))
    return child, {VARIABLE: _said(log)}


def _said(log: Path) -> str:
    found = _SAID.search(log.read_text(errors="replace"))
    return found[1] if found else ""
