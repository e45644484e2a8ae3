"""Children of the lab start, are waited for, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.process import LONGEST_POLL_SECONDS, POLL_SECONDS, Child, free_port, looks, wait_for, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
SERVE = "import http.server,sys;http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),None).handle_request()"
SLEEP = [sys.executable, "-c", "import time; print('asleep', flush=True); time.sleep(60)"]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_child_is_ready_when_its_port_answers_and_gone_when_closed(tmp_path: Path) -> None:
    port = free_port()
    with Child.start("server", [sys.executable, "-c", SERVE, str(port)], tmp_path / "log") as child:
        wait_for_port(child, port, timeout=20)
        pid = child.process.pid
    assert not alive(pid)
    child.close()


def test_a_child_that_ends_early_is_an_error_that_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('the disk is full'); raise SystemExit(3)"]
    with (
        Child.start("server", command, tmp_path / "log") as child,
        pytest.raises(LabError, match=r"ended with code 3(.|\n)*the disk is full"),
    ):
        wait_for(child, "nothing", lambda: False, timeout=20)


def test_a_child_that_does_not_answer_in_time_is_stopped(tmp_path: Path) -> None:
    child = Child.start("server", SLEEP, tmp_path / "log")
    with pytest.raises(LabError, match="did not answer at nothing within"):
        wait_for(child, "nothing", lambda: False, timeout=0.3)
    assert not alive(child.process.pid)


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="`no-such-command` was not found"):
        Child.start("server", ["no-such-command"], tmp_path / "log")


def test_a_child_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal,time;signal.signal(15,signal.SIG_IGN);print('up',flush=True);time.sleep(60)"
    child = Child.start("server", [sys.executable, "-c", stubborn], tmp_path / "log")
    wait_for(child, "its log", lambda: "up" in child.log.read_text(), timeout=20)
    child.close(timeout=0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_the_children_of_a_child_end_with_it(tmp_path: Path) -> None:
    command = ["sh", "-c", "sleep 60 & echo $!; wait"]
    child = Child.start("server", command, tmp_path / "log")
    wait_for(child, "its log", lambda: child.log.read_text().endswith("\n"), timeout=20)
    grandchild = int(child.log.read_text())
    assert alive(grandchild)
    child.close()
    assert gone_within(grandchild, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent_code = (
        "import sys,time; from pathlib import Path; from lab.process import Child\n"
        f"child = Child.start('c', {SLEEP!r}, Path(sys.argv[1]))\n"
        "print(child.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    log = tmp_path / "log"
    deadline = time.monotonic() + 20
    while "asleep" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone_within(pid, 5)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(Child.start("server", SLEEP, tmp_path / "log")))
    thread.start()
    thread.join()
    with children[0] as child:
        wait_for(child, "its log", lambda: "asleep" in child.log.read_text(), timeout=20)
        time.sleep(0.2)
        assert child.running


def test_a_wait_looks_less_often_the_longer_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert len(list(looks(60.0))) == len(pauses) < 140
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (POLL_SECONDS, LONGEST_POLL_SECONDS)
    assert 60.0 <= sum(pauses) <= 60.0 + LONGEST_POLL_SECONDS
