"""Makes the project's environments: `python3 -m tools.setup [--jars]`. A second run has nothing to do.

  .venv       the project's tools, Python 3.11 or later, locked in requirements/dev.txt
  .lab/venv   the lab's cloud on the function's runtime, Python 3.12, locked in requirements/lab.txt
  .lab/lint   the policy check of `make lint`, locked in requirements/lint.txt; made when it first runs
  .lab/...    the jars of the search engine and DynamoDB Local, with --jars

Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import dynamodb_local, engine
from lab.errors import LabError
from tools.toolchain import JAVA, MAVEN, TERRAFORM, ToolError, find_python, require, run

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
RUNTIME = "3.12"
STAMP = "searchsync.stamp"
STEP_SECONDS = 1.0


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the lock that fills it."""

    name: str
    folder: Path
    lock: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    def fingerprint(self) -> str:
        """What the environment is made from; another one means that it is made anew."""
        return hashlib.sha256(self.lock.read_bytes()).hexdigest()

    def ready(self) -> bool:
        """Whether the environment was made from this lock, to its end, and its interpreter is still there."""
        stamp = self.folder / STAMP
        return self.python.exists() and stamp.is_file() and stamp.read_text() == self.fingerprint()


TOOLS = Environment("tools", ROOT / ".venv", ROOT / "requirements" / "dev.txt")
LAB = Environment("lab", ROOT / ".lab" / "venv", ROOT / "requirements" / "lab.txt")
LINT = Environment("lint", ROOT / ".lab" / "lint", ROOT / "requirements" / "lint.txt")
"""Made by what needs it, `tools.policy_check`: checkov is 290 MB."""


def prepare(environment: Environment, find_interpreter: Callable[[], Path]) -> None:
    """Make the environment unless it is ready. Packages are checked against the lock's hashes.

    Raises ToolError. What was half made is made anew by the next run.
    """
    if environment.ready():
        return
    python = find_interpreter()
    with _progress(
        f"{environment.name}: {environment.lock.relative_to(ROOT)} into {environment.folder.relative_to(ROOT)}"
    ):
        shutil.rmtree(environment.folder, ignore_errors=True)
        environment.folder.parent.mkdir(parents=True, exist_ok=True)
        run(
            [str(python), "-m", "venv", str(environment.folder)],
            "No virtual environment could be made (Debian and Ubuntu: apt install python3-venv)",
        )
        run(
            [
                str(environment.python), "-m", "pip", "install", "--disable-pip-version-check",
                "--no-input", "--require-hashes", "--no-deps", "-r", str(environment.lock),
            ],
            "pip could not install the locked packages; check the network and pip's index settings",
        )  # fmt: skip
    (environment.folder / STAMP).write_text(environment.fingerprint())


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Shows what is under way and for how long: a first run downloads for a minute."""
    started = time.monotonic()
    done = threading.Event()
    live = sys.stdout.isatty()

    def show() -> None:
        while not done.wait(STEP_SECONDS):
            print(f"\r  {what} … {time.monotonic() - started:.0f} s", end="", flush=True)

    print(f"  {what} …", end="" if live else "\n", flush=True)
    ticker = threading.Thread(target=show, daemon=True)
    if live:
        ticker.start()
    try:
        yield
    finally:
        done.set()
        if live:
            ticker.join()
    print(f"{chr(13) if live else ''}  {what}: ready in {time.monotonic() - started:.0f} s", flush=True)


def own_python() -> Path:
    """The interpreter for the project's tools: this one, outside of any virtual environment.

    Raises ToolError when it is too old.
    """
    if sys.version_info < OLDEST:
        wanted = "{}.{}".format(*OLDEST)
        raise ToolError(
            f"The project's tools need Python {wanted} or later, this is {platform.python_version()}. "
            "Run `make PYTHON=python3.12 setup`, or get one with `uv python install 3.12` or `pyenv install 3.12`."
        )
    base = Path(getattr(sys, "_base_executable", "") or sys.executable)
    return base if base.exists() else Path(sys.executable)


def fetch_jars() -> None:
    """The lab's Java programs, by its own `prepare` (Maven). Raises ToolError."""
    try:
        engine.prepare(report)
        dynamodb_local.prepare(report)
    except LabError as error:
        raise ToolError(str(error)) from error


def report(line: str) -> None:
    """One line of progress."""
    print(f"  {line}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.setup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--jars", action="store_true", help="also fetch the lab's Java programs, and check for what it needs"
    )
    options = parser.parse_args(arguments)
    try:
        if options.jars:
            require(TERRAFORM, JAVA, MAVEN)
        prepare(TOOLS, own_python)
        prepare(LAB, lambda: find_python(RUNTIME))
        if options.jars:
            fetch_jars()
    except ToolError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
