"""Programs are found where they are, refuse where they refuse, and their absence says how to get them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.toolchain import JAVA, MAVEN, TERRAFORM, Tool, ToolError, answering, find, find_python, require, run

OWN = "{}.{}".format(*sys.version_info)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def python_of(folder: Path, version: str) -> Path:
    """A program that answers the probe as an interpreter of that version."""
    target = folder / f"python{version}"
    program(target, f'echo "{version} {target}"')
    return target


def test_interpreter_on_the_path_is_taken(path: Path) -> None:
    there = python_of(path, "3.12")
    assert find_python("3.12") == there


def test_shim_that_refuses_is_passed_over_for_the_next_on_the_path(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    working = python_of(tmp_path / "second", "3.12")
    monkeypatch.setenv("PATH", f"{path}:{working.parent}")
    assert find_python("3.12") == working


def test_program_of_another_version_under_the_name_is_passed_over(path: Path) -> None:
    program(path / "python3.12", f'echo "3.11 {path}/python3.12"')
    with pytest.raises(ToolError):
        find_python("3.12")


def test_uv_is_asked_when_the_path_has_none(path: Path, tmp_path: Path) -> None:
    managed = python_of(tmp_path / "managed", "3.12")
    program(path / "uv", f'[ "$*" = "python find 3.12" ] && echo "{managed}"')
    assert find_python("3.12") == managed


def test_pyenv_is_asked_last_and_its_shim_may_refuse(path: Path, tmp_path: Path) -> None:
    managed = python_of(tmp_path / "version" / "bin", "3.12")
    program(path / "python3.12", "exit 127")
    program(path / "uv", "exit 2")
    program(path / "pyenv", f'[ "$*" = "prefix 3.12" ] && echo "{tmp_path / "version"}"')
    assert find_python("3.12") == managed


def test_missing_interpreter_says_how_to_get_one(path: Path) -> None:
    assert list(path.iterdir()) == []
    with pytest.raises(ToolError, match=r"uv python install 3\.12.*pyenv install 3\.12"):
        find_python("3.12")


def test_this_interpreter_answers_for_its_own_version_only() -> None:
    assert answering(Path(sys.executable), OWN) is not None
    assert answering(Path(sys.executable), "2.7") is None
    assert answering(Path("/no/such/python"), OWN) is None


def test_missing_program_says_how_to_get_it(path: Path) -> None:
    assert list(path.iterdir()) == []
    with pytest.raises(ToolError, match=r"`mvn` was not found on the PATH\. Install Maven"):
        find(MAVEN)


def test_all_that_is_missing_is_named_at_once(path: Path) -> None:
    program(path / "java", "exit 0")
    with pytest.raises(ToolError, match=r"(?s)`terraform` was not found.*`mvn` was not found") as refused:
        require(TERRAFORM, JAVA, MAVEN)
    assert "`java`" not in str(refused.value)


def test_program_of_java_home_is_found(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(path.iterdir()) == []
    program(tmp_path / "jdk" / "bin" / "java", "exit 0")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find(JAVA) == tmp_path / "jdk" / "bin" / "java"


def test_program_on_the_path_is_found(path: Path) -> None:
    program(path / "thing", "exit 0")
    assert find(Tool("thing", "")) == path / "thing"


def test_failed_command_tells_what_it_said() -> None:
    with pytest.raises(ToolError, match=r"(?s)It broke \(exit code 3\).*the reason"):
        run([sys.executable, "-c", "import sys; print('the reason'); sys.exit(3)"], "It broke")


def test_command_that_cannot_start_is_one_clear_error() -> None:
    with pytest.raises(ToolError, match="It broke: /no/such/program could not be started"):
        run(["/no/such/program"], "It broke")
