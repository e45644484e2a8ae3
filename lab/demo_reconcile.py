"""The demo's second half: a table that was full before, scanned by the operator's command line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lab.applied import Applied
from lab.errors import LabError
from lab.maven import ROOT
from lab.stack import Lab
from lab.terraform import environment
from lab.workload import Change, changes, item, write

TABLE = "lab-table"
ADDRESS = "module.searchsync.aws_dynamodb_table.this[0]"
WRITER_SEED = 20_260_102
WRITTEN_KEYS = 1_500
"""Keys that others write while the run goes on; damage is done to later ones."""
PAUSE_SECONDS = 0.2
"""Between two batches of the writer: about a hundred changes a second."""
TIMEOUT_SECONDS = 30
KINDS = ("missing", "orphan", "different")


def fill(lab: Lab, count: int, console: Console) -> None:
    """A table without a stream that holds `count` items: nothing tells of them."""
    dynamodb = lab.boto3_client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(f"a table with {count:,} items", total=count)
        rng = random.Random(WRITER_SEED)
        items = (Change(_key(number), item(_key(number), number, rng)) for number in range(count))
        write(dynamodb, TABLE, items, lambda done: progress.advance(task, done))


def _key(number: int) -> str:
    return f"item-{number:06d}"


@contextmanager
def writers(stack: Applied) -> Iterator[list[int]]:
    """Somebody writes and deletes items all the while. Yields a list that holds how many changes there were."""
    stopped, written = threading.Event(), [0]

    def write_on() -> None:
        dynamodb = stack.lab.boto3_client("dynamodb")

        def pause(done: int) -> None:
            written[0] += done
            stopped.wait(PAUSE_SECONDS)

        endless = changes(sys.maxsize, WRITTEN_KEYS, WRITER_SEED)
        write(dynamodb, TABLE, iter(lambda: None if stopped.is_set() else next(endless), None), pause)

    thread = threading.Thread(target=write_on, name="writer")
    thread.start()
    try:
        yield written
    finally:
        stopped.set()
        thread.join()


def damage(stack: Applied, count: int) -> dict[str, str]:
    """Damage ten documents by hand, past the pipeline. What is wrong with each, by document id."""
    url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_doc"
    done: dict[str, str] = {}
    with requests.Session() as session:
        for number in range(count - 4, count):
            document = session.get(f"{url}/{_key(number)}", timeout=TIMEOUT_SECONDS).json()["_source"]
            _ok(session.put(f"{url}/{_key(number)}", json=document | {"type": "Damaged"}, timeout=TIMEOUT_SECONDS))
            done[_key(number)] = "different"
        for number in range(count - 7, count - 4):
            _ok(session.delete(f"{url}/{_key(number)}", timeout=TIMEOUT_SECONDS))
            done[_key(number)] = "missing"
        for number in range(count, count + 3):
            _ok(session.put(f"{url}/{_key(number)}", json={"id": _key(number)}, timeout=TIMEOUT_SECONDS))
            done[_key(number)] = "orphan"
    return done


def _ok(answer: requests.Response) -> None:
    answer.raise_for_status()


@dataclass(frozen=True)
class Cli:
    """The command `searchsync` in the folder where Terraform applied the stack."""

    lab: Lab
    folder: Path

    def run(self, *words: str, expected: int = 0) -> None:
        """Run it before the reader's eyes. LabError when it ends with another exit code."""
        variables = environment(self.lab) | {"PYTHONPATH": os.pathsep.join([str(ROOT / "cli"), str(ROOT)])}
        command = [sys.executable, "-m", "searchsync_cli", *words, "--terraform", str(self.folder)]
        code = subprocess.run(command, env=variables, check=False).returncode
        if code != expected:
            raise LabError(
                f"`searchsync {' '.join(words)}` ended with {code}, not {expected}. "
                f"The lab's log ends:\n{self.lab.log()}"
            )


def found(stack: Applied) -> dict[str, str]:
    """What the last verification or repair found, by document id: its lines in the reconcile function's log."""
    machine = stack.outputs["reconciliation_state_machine_arn"]
    ended = stack.lab.boto3_client("stepfunctions").list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")
    latest = max(ended["executions"], key=lambda each: each["startDate"])
    lines = (
        stack.lab.boto3_client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=stack.outputs["reconciliation_log_group_name"])
    )
    messages = (event["message"] for page in lines for event in page["events"] if event["message"].startswith("{"))
    values: Iterator[dict[str, Any]] = map(json.loads, messages)
    return {each["id"]: each["kind"] for each in values if each.get("run") == latest["name"] and "kind" in each}
