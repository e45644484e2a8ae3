"""Finds the programs that the project needs but does not install: Python of a version, Java, Maven, Terraform.

Standard library only: setup and build run before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 30
"""A version manager's shim may look for a while before it answers or refuses."""


class ToolError(Exception):
    """A program that is missing or fails. The message ends with what to do."""


@dataclass(frozen=True)
class Tool:
    """A program on the PATH, and how to get it."""

    name: str
    install: str


TERRAFORM = Tool("terraform", "Install Terraform 1.9 or later: https://developer.hashicorp.com/terraform/install")
JAVA = Tool("java", "Install a JDK, 17 or later, for example `apt install default-jdk` or `brew install openjdk`.")
MAVEN = Tool("mvn", "Install Maven, for example `apt install maven` or `brew install maven`.")


def find(tool: Tool) -> Path:
    """The program's path: JAVA_HOME's, else the PATH's. Raises ToolError with how to get it."""
    homes = [str(Path(os.environ["JAVA_HOME"], "bin"))] if os.environ.get("JAVA_HOME") else []
    found = shutil.which(tool.name, path=os.pathsep.join([*homes, os.environ.get("PATH", "")]))
    if found is None:
        raise ToolError(f"`{tool.name}` was not found on the PATH. {tool.install}")
    return Path(found)


def require(*tools: Tool) -> None:
    """Raises one ToolError that names all of the tools that are missing."""
    problems = []
    for tool in tools:
        try:
            find(tool)
        except ToolError as error:
            problems.append(str(error))
    if problems:
        raise ToolError("\n".join(problems))


def find_python(version: str) -> Path:
    """An interpreter of that minor version ("3.12") which answers.

    In this order: `python3.12` on the PATH (every one of them: a version manager's shim may exist and
    refuse), `uv python find`, `pyenv prefix`. Raises ToolError with how to get one.
    """
    for candidate in _candidates(version):
        if candidate is not None and (python := answering(candidate, version)):
            return python
    raise ToolError(
        f"No Python {version} was found (tried python{version} on the PATH, `uv python find`, `pyenv prefix`). "
        f"Get one with `uv python install {version}`, `pyenv install {version}` or your system's packages."
    )


def _candidates(version: str) -> Iterator[Path | None]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if found := shutil.which(f"python{version}", path=folder or os.curdir):
            yield Path(found)
    yield _printed_path(["uv", "python", "find", version])
    prefix = _printed_path(["pyenv", "prefix", version])
    yield prefix / "bin" / f"python{version}" if prefix else None


def answering(python: Path, version: str) -> Path | None:
    """The interpreter's own path when it answers and is of that minor version, else None."""
    question = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    answer = _output([str(python), "-I", "-c", question])
    said, _, executable = answer.partition(" ")
    return Path(executable) if said == version and executable else None


def _printed_path(command: list[str]) -> Path | None:
    lines = _output(command).splitlines()
    return Path(lines[0]) if lines else None


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def run(command: list[str], failed: str) -> str:
    """Run a command to its end and return its output. Raises ToolError, beginning with `failed`, else."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise ToolError(f"{failed}: {command[0]} could not be started ({error.strerror}).") from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise ToolError(f"{failed} (exit code {done.returncode}). It said:\n{tail}")
    return done.stdout
