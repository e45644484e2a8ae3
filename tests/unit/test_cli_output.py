"""What the command line does where its output cannot go as it is: narrow, old, full, or nobody there any more."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from searchsync_cli import main as entry
from searchsync_cli.commands.logs import readable
from searchsync_cli.loglines import Line
from searchsync_cli.screen import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = """
import sys
from searchsync_cli import main as entry
from searchsync_cli.screen import Screen

def run(options, world):
    {body}
    return 0

entry._run = run
sys.exit(entry.main(["status", *sys.argv[1:]]))
"""


def ran(body: str, stdout: int = subprocess.PIPE, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """The entry with a command that does this, in a process of its own: its streams are real ones."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "cli"), **variables}
    command = [sys.executable, "-c", RUN.format(body=body)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=surroundings, check=False)


def test_what_an_old_encoding_lacks_is_shown_as_an_escape() -> None:
    done = ran("world.screen.line('✓ in step'); print('é')", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout) == (0, "\\u2713 in step\né\n".encode("latin-1"))


def test_a_full_disk_is_an_error_and_no_difference() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = ran("print('x' * 10)", stdout=full.fileno())
    assert done.returncode == entry.ERROR
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = ran("world.screen.out.print('x' * 100_000)", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_nobody_foresaw_is_one_message_and_an_error() -> None:
    done = ran("raise ValueError('strange')")
    assert done.returncode == entry.ERROR
    assert b"ValueError: strange" in done.stderr
    assert b"report it" in done.stderr
    assert b"Traceback" not in done.stderr
    assert entry.TRACEBACK == "SEARCHSYNC_TRACEBACK"
    assert b"Traceback" in ran("raise ValueError('strange')", SEARCHSYNC_TRACEBACK="1").stderr


def test_machines_are_told_of_it_too() -> None:
    done = ran("sys.argv; world.screen.as_json = True; raise ValueError('strange')")
    assert "strange" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("columns", [40, 60, 119, 120, 200])
def test_a_walk_keeps_its_name_on_a_narrow_terminal(columns: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, color_system=None)
    with Screen(err=console).bar("backfill") as bar:
        bar.show(0.4, "table: 3 of 4 segments · ~500 items of ~1,000 · ~5/s · ~1 min 40 s left", {})
        bar.progress.refresh()  # type: ignore[attr-defined]
        shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "backfill" in shown
    assert "40%" in shown
    assert "table: 3 of" in shown


def test_a_line_of_another_day_says_which() -> None:
    now = 1_800_000_000.0
    assert readable(Line("1", now - 60, "x", {}), now).plain.startswith("07:59:00 ")
    assert readable(Line("1", now - 2 * 86_400, "x", {}), now).plain.startswith("2027-01-13 08:00:00 ")
