"""The command line as an operator runs it: a process of its own, against an applied stack in the lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from lab.applied import Applied
from lab.maven import ROOT
from lab.terraform import environment

TIMEOUT_SECONDS = 300
COLUMNS = "400"
"""Wide, so that a sentence stays on its line."""


def _heed_interruption() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Ran:
    """What a command ended with, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON object (`--json`)."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its JSON lines (`logs --json`)."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class AppliedCli:
    """`searchsync`, with the root's credentials and the stack's name; `--terraform` or `--name` instead if given."""

    stack: Applied

    def run(self, *words: str) -> Ran:
        """Run it to its end."""
        return self.ended(self.begin(*words))

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin it. `ended` waits for it, `interrupted` is Ctrl-C."""
        named = {"--name", "--terraform"} & set(words)
        address = [] if named else ["--name", self.stack.outputs["function_name"]]
        python_path = os.pathsep.join([str(ROOT / "cli"), str(ROOT)])
        variables = environment(self.stack.lab) | {"PYTHONPATH": python_path, "COLUMNS": COLUMNS}
        return subprocess.Popen(
            [sys.executable, "-m", "searchsync_cli", *words, *address],
            env=variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_heed_interruption,  # noqa: PLW1509 - these tests have no threads of their own
        )

    def ended(self, process: subprocess.Popen[str]) -> Ran:
        """What it came to; it is killed when it does not end."""
        try:
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return Ran(process.returncode, out, err)

    def interrupted(self, process: subprocess.Popen[str]) -> Ran:
        """What it came to after Ctrl-C."""
        process.send_signal(signal.SIGINT)
        return self.ended(process)
