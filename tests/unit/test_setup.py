"""Environments are made from their lock, once, and anew when the lock changes or a run was cut off."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import setup
from tools.setup import STAMP, Environment, own_python, prepare
from tools.toolchain import ToolError, answering

pytestmark = pytest.mark.slow


def base() -> Path:
    return own_python()


def never() -> Path:
    raise AssertionError("no interpreter is needed for an environment that is ready")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    lock = tmp_path / "lock.txt"
    lock.write_text("# nothing\n")
    return Environment("test", tmp_path / "deep" / "venv", lock)


def test_environment_is_made_and_a_second_run_has_nothing_to_do(environment: Environment) -> None:
    prepare(environment, base)
    assert environment.ready()
    assert answering(environment.python, "{}.{}".format(*sys.version_info))
    prepare(environment, never)


def test_changed_lock_makes_the_environment_anew(environment: Environment) -> None:
    prepare(environment, base)
    left_over = environment.folder / "left-over"
    left_over.touch()
    environment.lock.write_text("# nothing else\n")
    assert not environment.ready()
    prepare(environment, base)
    assert environment.ready()
    assert not left_over.exists()


def test_environment_whose_interpreter_is_gone_is_not_ready(environment: Environment) -> None:
    prepare(environment, base)
    environment.python.unlink()
    assert not environment.ready()


def test_failed_install_is_one_clear_error_and_is_tried_again(environment: Environment) -> None:
    environment.lock.write_text("events==0.5\n")  # without a hash
    with pytest.raises(ToolError, match=r"(?s)pip could not install the locked packages.*hash"):
        prepare(environment, base)
    assert not (environment.folder / STAMP).exists()
    assert not environment.ready()


def test_python_that_is_too_old_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    with pytest.raises(ToolError, match=r"need Python 3\.11 or later.*make PYTHON=python3\.12 setup"):
        own_python()


def test_problem_is_a_message_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_arguments: object) -> None:
        raise ToolError("No Python 3.12 was found.")

    monkeypatch.setattr(setup, "prepare", refuse)
    assert setup.main([]) == 1
    assert capsys.readouterr().err == "setup: No Python 3.12 was found.\n"
