"""Environments are made from their lock, once, and anew when the lock changes or a run was cut off."""

from __future__ import annotations

import shutil
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
    return named(tmp_path, monkeypatch)


def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment below a folder, not made yet."""
    monkeypatch.setattr(setup, "ROOT", folder)
    lock = folder / "lock.txt"
    lock.write_text("# nothing\n")
    return Environment("test", folder / "deep" / "venv", lock)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that is made once for all here: it takes seconds."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as monkeypatch:
        prepare(named(folder, monkeypatch), base)
    return folder


@pytest.fixture
def made(ready: Path, environment: Environment) -> Environment:
    """A copy of that one."""
    shutil.copytree(ready / "deep", environment.folder.parent, symlinks=True)
    return environment


def test_environment_is_made_and_a_second_run_has_nothing_to_do(made: Environment) -> None:
    assert made.ready()
    assert answering(made.python, "{}.{}".format(*sys.version_info))
    prepare(made, never)


def test_changed_lock_makes_the_environment_anew(made: Environment) -> None:
    left_over = made.folder / "left-over"
    left_over.touch()
    made.lock.write_text("# nothing else\n")
    assert not made.ready()
    prepare(made, base)
    assert made.ready()
    assert not left_over.exists()


def test_environment_whose_interpreter_is_gone_is_not_ready(made: Environment) -> None:
    assert made.ready()
    made.python.unlink()
    assert not made.ready()


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
