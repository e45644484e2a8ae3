"""DynamoDB Local: a second witness for real stream records, in memory, on a free port."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lab.closing import Closing
from lab.maven import ROOT, JavaProgram, Progress, java, silent
from lab.maven import prepare as prepare_program
from lab.process import LOOPBACK, Child, free_port, wait_for_port

PROGRAM = JavaProgram(
    name="DynamoDB Local",
    pom=ROOT / "lab/java/dynamodb_local/pom.xml",
    sources=(),
    home=ROOT / ".lab/dynamodb-local",
)
MAIN_CLASS = "software.amazon.dynamodb.services.local.main.ServerRunner"


def prepare(progress: Progress = silent) -> None:
    """Bring its jars to .lab/dynamodb-local/lib, once."""
    prepare_program(PROGRAM, progress)


class DynamoDBLocal(Closing):
    """A running DynamoDB Local at `url` (tables and streams); a context manager that stops it.

    Any region and credentials do. The creation times of its stream records are floored to the
    minute: a handler that reads them needs a clock skew bound over 60 s.
    """

    def __init__(self, url: str, resources: ExitStack) -> None:
        """Use `DynamoDBLocal.start()`."""
        self.url = url
        self._resources = resources

    @classmethod
    def start(cls, progress: Progress = silent, heap: str = "256m") -> DynamoDBLocal:
        """Start it empty. `heap` as Java's -Xmx: a scan without a limit holds the whole table.

        Raises LabError when it does not answer.
        """
        prepare(progress)
        progress("DynamoDB Local: starting")
        port = free_port()
        with ExitStack() as resources:
            home = Path(tempfile.mkdtemp(prefix="searchsync-dynamodb-"))
            resources.callback(shutil.rmtree, home, ignore_errors=True)
            command = _command(home, port, heap)
            child = resources.enter_context(Child.start("DynamoDB Local", command, home / "log"))
            wait_for_port(child, port)
            return cls(f"http://{LOOPBACK}:{port}", resources.pop_all())

    def close(self) -> None:
        """Stop it; its tables are gone. Idempotent."""
        self._resources.close()


def _command(home: Path, port: int, heap: str) -> list[str]:
    return [
        java(), f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        f"-Djava.io.tmpdir={home}", "-cp", PROGRAM.class_path, MAIN_CLASS,
        "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port),
    ]  # fmt: skip
