"""Java programs of the lab: their jars from Maven by a pom.xml, our own class compiled beside."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

Progress = Callable[[str], None]

ROOT = Path(__file__).resolve().parent.parent
PREPARE_TIMEOUT_SECONDS = 600
_STAMP = "prepared-from"
_HOW_TO_GET = (
    "Install a JDK (17 or later) and Maven, for example `apt install openjdk-17-jdk-headless "
    "maven`, `brew install openjdk maven` or `sdk install java && sdk install maven`, "
    "and run the command again."
)


def silent(line: str) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True)
class JavaProgram:
    """What to fetch and compile, and where it goes (`home`, git-ignored)."""

    name: str
    pom: Path
    sources: tuple[Path, ...]
    home: Path

    @property
    def library(self) -> Path:
        """The folder of the jars and of our compiled classes."""
        return self.home / "lib"

    @property
    def class_path(self) -> str:
        """The value of java's -cp."""
        return os.pathsep.join([str(self.library), str(self.library / "*")])

    def fingerprint(self) -> str:
        """Changes when the pom or a source does."""
        digest = hashlib.sha256()
        for file in (self.pom, *self.sources):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    @property
    def prepared(self) -> bool:
        """Whether `prepare` has nothing to do."""
        stamp = self.library / _STAMP
        return stamp.is_file() and stamp.read_text() == self.fingerprint()


def java() -> str:
    """The java to run programs with: JAVA_HOME's, else the one on the PATH."""
    return _tool("java")


def prepare(program: JavaProgram, progress: Progress = silent) -> None:
    """Fetch the jars and compile the sources, once for each pom and sources.

    LabError when a tool is missing or fails; a half-made library is never left behind.
    """
    if program.prepared:
        return
    maven, compiler = _tool("mvn"), _tool("javac") if program.sources else ""
    progress(f"{program.name}: fetching its jars with Maven (once)")
    program.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.home) as scratch:
        library = Path(scratch) / "lib"
        _run(program, [
            maven, "-B", "-q", "-Dstyle.color=never", "-f", str(program.pom),
            "dependency:copy-dependencies", "-DincludeScope=runtime",
            f"-DoutputDirectory={library}",
        ])  # fmt: skip
        if program.sources:
            class_path = str(library / "*")
            files = [str(file) for file in program.sources]
            _run(program, [compiler, "-cp", class_path, "-d", str(library), *files])
        (library / _STAMP).write_text(program.fingerprint())
        shutil.rmtree(program.library, ignore_errors=True)
        library.replace(program.library)


def _tool(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin")] if home else []
    found = shutil.which(name, path=os.pathsep.join([*candidates, os.environ.get("PATH", "")]))
    if found is None:
        raise LabError(f"`{name}` was not found on the PATH. {_HOW_TO_GET}")
    return found


def _run(program: JavaProgram, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PREPARE_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{program.name}: {Path(command[0]).name} did not end within "
            f"{PREPARE_TIMEOUT_SECONDS} s. Check the network (and a mirror in Maven's settings)."
        ) from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise LabError(
            f"{program.name}: {Path(command[0]).name} failed with code {done.returncode}:\n{tail}\n"
            "Check the network (and a mirror in Maven's settings.xml), then run it again."
        )
