"""Child processes of the lab: started in a group of their own, waited for, stopped by pid.

No child outlives its parent. Three nets, from the usual case to the worst:

1. `Child.close()`, called by the context manager that started it (Ctrl-C comes here as
   KeyboardInterrupt; the child is in another process group and does not see the key itself).
2. `atexit`, for a parent that forgot; `exit_on_signals()` brings SIGTERM and SIGHUP here too.
3. On Linux the kernel sends SIGTERM to the child when its parent is killed (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from lab.closing import Closing
from lab.errors import LabError

LOOPBACK = "127.0.0.1"
START_TIMEOUT_SECONDS = 180.0  # six engines that start at once on two busy cores take more than 60
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 0.5
POLLS_A_WAIT = 5
"""A look costs both sides 10 ms of CPU, and a run takes minutes: at 20 looks a second, they were half of its cost."""
LOG_TAIL_LINES = 25

_DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")

# The kernel's "parent" is the thread that forked: a child of a short-lived thread would be
# killed when that thread ends. This one lives as long as the interpreter.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-spawner")


def free_port() -> int:
    """A TCP port that is free on the loopback interface now; take it soon."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Child(Closing):
    """A running child process; a context manager that stops it."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> Child:
        """Start `command` with its output in `log`. LabError when there is no such command."""
        arguments = _command(name, command)

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else dict(environment),
                    cwd=directory,
                    process_group=0,
                )

        process = _SPAWNER.submit(spawn).result()
        child = cls(name, process, log)
        atexit.register(child.close)
        return child

    @property
    def running(self) -> bool:
        """Whether the process itself (not its group) still lives."""
        return self.process.poll() is None

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(lines) or "(the log is empty)"

    def close(self, timeout: float = STOP_TIMEOUT_SECONDS) -> None:
        """Ask the whole group to end, kill what is left after `timeout` seconds. Idempotent."""
        atexit.unregister(self.close)
        if self.process.returncode is not None:
            return
        self._signal_group(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self._signal_group(signal.SIGKILL)
        self.process.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        # ProcessLookupError: nobody of the group is left.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _command(name: str, command: Sequence[str | os.PathLike[str]]) -> list[str]:
    words = [os.fspath(word) for word in command]
    if shutil.which(words[0]) is None:
        raise LabError(f"{name}: `{words[0]}` was not found. Check that it is installed and on the PATH.")
    if sys.platform != "linux":
        return words
    return [sys.executable, "-I", "-S", str(_DIE_WITH_PARENT), str(os.getpid()), *words]


def looks(seconds: float) -> Iterator[None]:
    """The turns of a wait of `seconds` at most: the next comes when a fifth of the time so far has passed again,
    POLL_SECONDS at the least, LONGEST_POLL_SECONDS at the most."""
    start = time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        yield
        time.sleep(min(max(passed / POLLS_A_WAIT, POLL_SECONDS), LONGEST_POLL_SECONDS))


def wait_for(
    child: Child,
    what: str,
    ready: Callable[[], bool],
    timeout: float = START_TIMEOUT_SECONDS,
) -> None:
    """Wait until `ready()`; stop the child and raise LabError with its log's tail if it ends
    first or `timeout` seconds pass."""
    deadline = time.monotonic() + timeout
    while not ready():
        if not child.running:
            problem = f"ended with code {child.process.returncode} before {what} answered"
        elif time.monotonic() > deadline:
            problem = f"did not answer at {what} within {timeout:g} s"
        else:
            time.sleep(POLL_SECONDS)
            continue
        child.close()
        raise LabError(f"{child.name} {problem}. The end of its log says why:\n{child.tail()}")


def wait_for_url(child: Child, url: str, timeout: float = START_TIMEOUT_SECONDS) -> None:
    """Wait until a GET of `url` is answered with a status below 400."""
    wait_for(child, url, lambda: answers(url), timeout)


def wait_for_port(child: Child, port: int, timeout: float = START_TIMEOUT_SECONDS) -> None:
    """Wait until the loopback `port` takes a connection."""
    wait_for(child, f"{LOOPBACK}:{port}", lambda: _takes_connection(port), timeout)


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a GET of `url` is answered with a status below 400 within `timeout` seconds."""
    # Without proxies: a proxy of the environment must not be asked for a loopback address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout):
            return True
    except (OSError, http.client.HTTPException):  # another program may have taken the port, and speak no HTTP
        return False


def _takes_connection(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0):
            return True
    except OSError:
        return False


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind this process like Ctrl-C does; call it once, from a main."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
