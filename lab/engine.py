"""The lab's search engine: OpenSearch from its jars, or an engine that the user already runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lab.closing import Closing
from lab.errors import LabError
from lab.maven import ROOT, JavaProgram, Progress, java, silent
from lab.maven import prepare as prepare_program
from lab.process import LOOPBACK, Child, answers, free_port, wait_for_url

ENGINE_URL_VARIABLE = "SEARCHSYNC_ENGINE_URL"
DEFAULT_HEAP = "512m"

PROGRAM = JavaProgram(
    name="search engine",
    pom=ROOT / "lab/java/engine/pom.xml",
    sources=(ROOT / "lab/java/engine/src/LabNode.java",),
    home=ROOT / ".lab/engine",
)


def prepare(progress: Progress = silent) -> None:
    """Bring the engine's jars to .lab/engine/lib; nothing when the user brings an engine."""
    if ENGINE_URL_VARIABLE not in os.environ:
        prepare_program(PROGRAM, progress)


class Engine(Closing):
    """A search engine at `url`; a context manager that stops it when this process started it."""

    def __init__(self, url: str, resources: ExitStack | None = None) -> None:
        """Take an engine that answers already; `resources` end with it."""
        self.url = url.rstrip("/")
        self._resources = resources or ExitStack()

    @classmethod
    def open(cls, progress: Progress = silent, heap: str = DEFAULT_HEAP) -> Engine:
        """The user's engine ($SEARCHSYNC_ENGINE_URL) if there is one, else a new one.

        `heap` is java's -Xmx, e.g. "1g". LabError when it does not answer.
        """
        url = os.environ.get(ENGINE_URL_VARIABLE)
        if url is None:
            return cls.start(progress, heap)
        if not answers(url):
            raise LabError(
                f"{ENGINE_URL_VARIABLE}={url} does not answer. Start that engine, "
                "or unset the variable and the lab starts its own."
            )
        return cls(url)

    @classmethod
    def start(cls, progress: Progress = silent, heap: str = DEFAULT_HEAP) -> Engine:
        """Start OpenSearch on a free loopback port with an empty data folder."""
        prepare_program(PROGRAM, progress)
        progress("search engine: starting")
        port = free_port()
        url = f"http://{LOOPBACK}:{port}"
        with ExitStack() as resources:
            home = Path(tempfile.mkdtemp(prefix="searchsync-engine-"))
            resources.callback(shutil.rmtree, home, ignore_errors=True)
            command = _command(home, port, heap)
            child = resources.enter_context(Child.start("search engine", command, home / "log"))
            wait_for_url(child, f"{url}/_cluster/health")
            return cls(url, resources.pop_all())

    def close(self) -> None:
        """Stop the engine and remove its data, if this process started it. Idempotent."""
        self._resources.close()


def _command(home: Path, port: int, heap: str) -> list[str]:
    settings = {
        "path.home": str(home),
        "path.data": str(home / "data"),
        "path.logs": str(home / "logs"),
        "cluster.name": "searchsync-lab",
        "node.name": "searchsync-lab",
        "discovery.type": "single-node",
        "http.type": "netty4",
        "transport.type": "netty4",
        "http.host": LOOPBACK,
        "http.port": str(port),
        "transport.host": LOOPBACK,
        # Nobody connects to it; 0 lets the system choose.
        "transport.port": "0",
        # A full disk of a developer's machine must not turn the lab's indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }
    options = [
        f"-Xms{heap}",
        f"-Xmx{heap}",
        # The lab lives for minutes: a simple collector and the quick compiler start sooner.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Dlog4j2.disableJmx=true",
        "-Dorg.apache.logging.log4j.level=WARN",
        f"-Djava.io.tmpdir={home}",
    ]
    pairs = [f"{key}={value}" for key, value in settings.items()]
    return [java(), *options, "-cp", PROGRAM.class_path, "LabNode", *pairs]
