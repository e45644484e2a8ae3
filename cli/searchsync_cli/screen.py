"""The terminal: an edge. Results go to standard output, all else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from searchsync_cli.errors import CliError, printable
from searchsync_cli.progress import Snapshot
from searchsync_cli.text import duration

PIPE_COLUMNS = 200
ROOM_FOR_A_BAR = 120
"""Columns: on a narrower terminal the words beside the bar say more than the bar."""
PLAIN_STEP = 0.1
"""Without a terminal a line of progress is written each tenth of the way."""


class Bar(Protocol):
    """Shows how far something is."""

    def show(self, fraction: float, words: str, machine: Mapping[str, Any]) -> None:
        """`fraction` from 0 to 1, in words, and as data."""
        ...


class _Console(Console):
    """A console that leaves it to `main` what a reader means who has gone; rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Raise what rich has caught."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    """A console on a stream. Into a pipe or a file lines are long, so that a command in them stays whole."""
    wide = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS
    return _Console(file=stream, highlight=False, width=wide)


@dataclass
class Screen:
    """Where a command writes. as_json: one JSON object at the end; progress: JSON lines on standard error."""

    as_json: bool = False
    progress: bool = False
    out: Console = field(default_factory=lambda: _console(sys.stdout))
    err: Console = field(default_factory=lambda: _console(sys.stderr))

    def result(self, shown: RenderableType, machine: Mapping[str, Any], whole: bool = False) -> None:
        """The command's result: for a person, or for a machine. `whole`: lines are not broken, so as to be copied."""
        if self.as_json:
            self.line(json.dumps(machine, ensure_ascii=False))
        else:
            self.out.print(shown, soft_wrap=whole)

    def line(self, text: str) -> None:
        """A line for machines, as it is."""
        self.out.file.write(text + "\n")
        self.out.file.flush()

    def note(self, text: str) -> None:
        """A notice beside the result."""
        self.err.print(Text(printable(text), style="dim" if self.as_json else ""))

    def error(self, error: CliError) -> None:
        """What is wrong, and what to do."""
        if self.as_json:
            self.line(json.dumps({"error": error.message, "remedy": error.remedy}, ensure_ascii=False))
        told = Text.assemble(("✗ ", "bold red"), (printable(error.message), "bold"), "\n  ", printable(error.remedy))
        self.err.print(told, soft_wrap=not self.err.is_terminal)

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """A progress bar for the block."""
        if self.progress:
            yield _JsonLines()
        elif self.as_json:
            yield _Silent()
        elif not self.err.is_terminal:
            yield _Lines(self.err, title)
        else:
            columns = (
                *([SpinnerColumn(), BarColumn()] if self.err.width >= ROOM_FOR_A_BAR else []),
                TextColumn("{task.percentage:>3.0f}%", table_column=Column(min_width=len("100%"), no_wrap=True)),
                TextColumn("{task.fields[words]}", table_column=Column(overflow="ellipsis", no_wrap=True)),
            )
            named = TextColumn("[bold]{task.description}", table_column=Column(min_width=len(title), no_wrap=True))
            with Progress(named, *columns, console=self.err, transient=True) as progress:
                yield _Live(progress, progress.add_task(title, total=1.0, words="…"))


class _Silent:
    def show(self, fraction: float, words: str, machine: Mapping[str, Any]) -> None:
        """Nothing."""


class _JsonLines:
    def show(self, fraction: float, words: str, machine: Mapping[str, Any]) -> None:  # noqa: ARG002
        """A JSON line on standard error."""
        sys.stderr.write(json.dumps(machine) + "\n")
        sys.stderr.flush()


@dataclass
class _Lines:
    console: Console
    title: str
    shown: str = ""

    def show(self, fraction: float, words: str, machine: Mapping[str, Any]) -> None:
        """A line when the phase is another or a step further."""
        step = f"{machine.get('phase', '')} {int(fraction / PLAIN_STEP)}"
        if step != self.shown:
            self.shown = step
            self.console.print(Text(f"{self.title}: {fraction:.0%} {words}"), soft_wrap=True)


@dataclass
class _Live:
    progress: Progress
    task: TaskID

    def show(self, fraction: float, words: str, machine: Mapping[str, Any]) -> None:  # noqa: ARG002
        """The bar itself."""
        self.progress.update(self.task, completed=fraction, words=words)


def in_words(now: Snapshot) -> str:
    """A snapshot beside its bar."""
    if now.phase == "prepare":
        return "getting ready"
    parts = [f"{now.phase}: {now.done:,} of {now.segments:,} {'ranges' if now.phase == 'index' else 'segments'}"]
    if now.items and now.fraction < 1:
        parts.append(
            f"~{now.items:,} {'documents' if now.phase == 'index' else 'items'}"
            + (f" of ~{now.expected_items:,}" if now.expected_items else "")
        )
    if now.rate and now.fraction < 1:
        parts.append(f"~{now.rate:,.0f}/s")
    if now.left is not None and now.fraction < 1:
        parts.append(f"~{duration(now.left)} left")
    return " · ".join(parts)
