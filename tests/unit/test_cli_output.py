"""What the command line does where its output cannot go as it is: narrow, old, full, or nobody there any more."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from searchsync_cli import __version__
from searchsync_cli.commands.logs import readable
from searchsync_cli.exits import MEANING, Exit
from searchsync_cli.loglines import Line
from searchsync_cli.screen import Screen
from searchsync_cli.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = """
import sys
from searchsync_cli import main as entry
from searchsync_cli.screen import Screen

def run(options, world):
    {body}
    return 0

entry._run = run
sys.exit(entry.main(sys.argv[1:]))
"""


def ran(
    body: str, *words: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """The entry with a command that does this, in a process of its own: its streams are real ones."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "cli"), **variables}
    command = [sys.executable, "-c", RUN.format(body=body), *(words or ["status"])]
    return subprocess.run(command, stdout=stdout, stderr=stderr, env=surroundings, check=False)


def test_what_an_old_encoding_lacks_is_shown_as_an_escape() -> None:
    done = ran("world.screen.line('✓ in step'); print('é')", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stdout) == (0, "\\u2713 in step\né\n".encode("latin-1"))


def test_a_full_disk_is_an_error_and_no_difference() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = ran("print('x' * 10)", stdout=full.fileno())
    assert done.returncode == Exit.ERROR
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


@contextmanager
def reader_gone() -> Iterator[int]:
    """A pipe that nobody reads, as `| head -1` leaves it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def test_a_reader_of_lines_that_has_gone_is_no_error() -> None:
    for words in (("logs",), ("--help",)):
        with reader_gone() as gone:
            done = ran("world.screen.out.print('x' * 100_000)", *words, stdout=gone)
        assert (done.returncode, done.stderr) == (Exit.DONE, b"")


def test_a_reader_that_misses_a_verdict_is_not_told_that_all_is_well() -> None:
    with reader_gone() as gone:
        done = ran("world.screen.out.print('x' * 100_000)", "verify", stdout=gone)
    assert done.returncode == Exit.ERROR
    assert b"has gone" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_error_that_nobody_can_be_told_is_an_error_all_the_same() -> None:
    with reader_gone() as gone:
        assert ran("raise ValueError('strange')", stdout=gone, stderr=gone).returncode == Exit.ERROR
        assert (
            ran("raise ValueError('strange')", "status", "--debug", stdout=gone, stderr=gone).returncode == Exit.ERROR
        )
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        assert ran("raise ValueError('strange')", stderr=full.fileno()).returncode == Exit.ERROR


def test_closed_streams_change_no_exit_code() -> None:
    command = [sys.executable, "-c", RUN.format(body="world.screen.out.print('x'); return 1"), "status"]
    closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "cli")}
    assert subprocess.run(closed, env=surroundings, check=False).returncode == Exit.LEFT


def test_what_nobody_foresaw_is_one_message_and_an_error() -> None:
    done = ran("raise ValueError('strange')")
    assert done.returncode == Exit.ERROR
    assert b"ValueError: strange" in done.stderr
    assert b"report it" in done.stderr
    assert b"Traceback" not in done.stderr
    for words in (("--debug", "status"), ("status", "--debug")):
        whole = ran("raise ValueError('strange')", *words)
        assert (whole.returncode, b"Traceback" in whole.stderr) == (Exit.ERROR, True)


def test_machines_are_told_of_it_too() -> None:
    done = ran("sys.argv; world.screen.as_json = True; raise ValueError('strange')")
    assert "strange" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("columns", [40, 60, 119, 120, 200])
def test_a_run_keeps_its_name_on_a_narrow_terminal(columns: int) -> None:
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


@pytest.mark.parametrize("words", [("--help",), ("runs", "--help"), ("--version",), ("nonsense",)], ids=" ".join)
def test_words_that_need_no_stack_are_answered_on_an_old_narrow_terminal(words: tuple[str]) -> None:
    done = ran("0", *words, PYTHONIOENCODING="latin-1", COLUMNS="40")
    assert done.returncode == (Exit.ERROR if words == ("nonsense",) else Exit.DONE)
    assert b"Traceback" not in done.stderr


def test_the_version_is_said() -> None:
    assert ran("0", "--version").stdout.decode() == f"searchsync {__version__}\n"


def test_help_on_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        assert ran("0", "--help", stdout=full.fileno()).returncode == Exit.ERROR


@pytest.mark.parametrize("words", [("status", "--json", "--region", "x"), ("--json", "--region", "x", "status")])
def test_common_options_stand_before_or_behind_the_command(words: tuple[str, ...]) -> None:
    done = ran("world.screen.line(str((world.screen.as_json, options.region, options.profile)))", *words)
    assert done.stdout == b"(True, 'x', None)\n"


def test_a_shell_completes_commands_and_options() -> None:
    shell = ran("0", "--completion", "bash")
    assert (shell.returncode, b"searchsync" in shell.stdout) == (Exit.DONE, True)
    for line, words in (("searchsync ru", {"runs "}), ("searchsync backfill --ag", {"--again "})):
        reading, writing = os.pipe()
        variables = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
        command = ["bash", "-c", f'exec "$@" 8>&{writing} 9>/dev/null', "bash", sys.executable, "-m", "searchsync_cli"]
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "cli"), **variables}
        subprocess.run(command, env=surroundings, check=False, pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as said:
            assert set(said.read().split("\n")) == words


def test_the_exit_codes_are_those_of_the_readme_and_of_the_verdicts() -> None:
    table = (ROOT / "docs/operations.md").read_text().partition("| exit code | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| (\d+) ", table, re.MULTILINE)) == {str(int(code)) for code in MEANING}
    assert set(MEANING) == set(Exit)
    assert {verdict.exit_code for verdict in Verdict} <= {Exit.DONE, Exit.LEFT}
