"""A provider that runs for many commands: what it says is handed on, and one that does not start says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.provider import SOURCE, VARIABLE, attached

SAID = '{"registry.terraform.io/hashicorp/aws":{"Protocol":"grpc"}}'


def install(folder: Path, script: str, mode: int = 0o755) -> Path:
    """A data directory of Terraform's that has this program for its provider."""
    program = folder / "providers" / SOURCE / "5.100.0/linux_amd64/terraform-provider-aws_v5.100.0_x5"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(mode)
    return folder


def test_it_runs_where_the_commands_do_with_its_own_environment_and_is_named_to_them(tmp_path: Path) -> None:
    script = f"""echo "$1 $PWD $WHO" > called; printf "\\n\\t{VARIABLE}='%s'\\n" '{SAID}'; exec sleep 60"""
    (where := tmp_path / "stack").mkdir()
    data = install(tmp_path / "data", script)
    child, told = attached(data, where, tmp_path / "log", {"PATH": "/usr/bin:/bin", "WHO": "deployer"})
    with child:
        assert told == {VARIABLE: SAID}
        assert (where / "called").read_text().split() == ["-debug", str(where), "deployer"]
    assert not child.running


def test_one_that_ends_at_once_says_why(tmp_path: Path) -> None:
    data = install(tmp_path / "data", "echo no such flag; exit 2")
    with pytest.raises(LabError, match=r"(?s)provider ended with code 2.*no such flag"):
        attached(data, tmp_path, tmp_path / "log", {})


@pytest.mark.parametrize("mode", [None, 0o644])
def test_what_is_not_there_or_may_not_be_run_is_named(tmp_path: Path, mode: int | None) -> None:
    data = tmp_path if mode is None else install(tmp_path, "", mode)
    with pytest.raises(LabError, match="terraform init" if mode is None else "chmod"):
        attached(data, tmp_path, tmp_path / "log", {})
