"""The run on a real engine and DynamoDB Local: `python -m bench.reconcile [--items 100000] [--bytes 1000]`.

Backfill by one lane and by four against a plain scan with helpers.bulk, then a verification, all of the
same table in the same run. Prints ratios, memory, and what the counted calls cost on AWS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import requests

from bench.cores import cpu_seconds, since
from bench.items import images
from bench.lane import INDEX, SEEN
from bench.measure import Figure, at_least, table
from lab.dynamodb_local import DynamoDBLocal
from lab.engine import Engine
from lab.gate import Gate
from lab.maven import ROOT
from searchsync.config import read_environment
from searchsync.documents.index import Mark, creation_body
from searchsync.edges.wire import sdk_form

TABLE = "bench"
LANES = 4
BATCH = 25
MEMORY_MB = 1024
"""As `reconciliation.memory_size`."""
TIMEOUT = 60
KB = 1_000
FILL = 280
"""Characters that bring an item to 1 KB."""
PRICES = {
    "read_unit": 0.25 / 2 / 1e6,
    "gb_second": 0.0000133334,
    "lambda_request": 0.20 / 1e6,
    "state_transition": 25.0 / 1e6,
}
"""Dollars, list prices of us-east-1: DynamoDB on demand (a consistent read unit), Lambda on arm64, Step
Functions standard. The pages are «Amazon DynamoDB pricing for on-demand capacity», «AWS Lambda pricing»
and «AWS Step Functions pricing», read in November 2026: check yours."""
TRANSITIONS_A_CALL = 2
"""Of a part's loop: the task and the choice behind it."""


@dataclass(frozen=True)
class Bench:
    """The running services."""

    engine: Engine
    gate: Gate
    dynamodb: Any
    stream_arn: str
    environment: dict[str, str]


@contextmanager
def running() -> Iterator[Bench]:
    """Engine, gate and DynamoDB Local, with an empty table."""
    with ExitStack() as stack:
        engine = stack.enter_context(Engine.open(say, heap="1g"))
        gate = stack.enter_context(Gate(engine.url))
        local = stack.enter_context(DynamoDBLocal.start(say, heap="1g"))
        keys = {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "ddblocal",
            "AWS_DEFAULT_REGION": "ddblocal",
            "AWS_ENDPOINT_URL_DYNAMODB": local.url,
        }
        os.environ.update(keys)
        dynamodb = boto3.client("dynamodb")
        made = dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        environment = keys | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "lambda_src"), str(ROOT)]),
            "NO_PROXY": "*",
            "OPENSEARCH_HOST": gate.url,
            "OPENSEARCH_INDEX": INDEX,
            "STREAM_ARN": made["LatestStreamArn"],
            "KEY_ATTRIBUTES": '["id"]',
            "FAILURE_QUEUE_URL": "http://127.0.0.1:1/000000000000/bench",
            "SYNC_FUNCTION_NAME": "bench",
            "STATE_MACHINE_ARN": "arn:aws:states:ddblocal:000000000000:stateMachine:bench",
            "RECONCILE_CONCURRENCY": str(LANES),
            SEEN: stack.enter_context(tempfile.TemporaryDirectory()),
        }
        yield Bench(engine, gate, dynamodb, made["LatestStreamArn"], environment)


class Lane:
    """A lane's process."""

    def __init__(self, bench: Bench, who: str) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the lane
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.lane", who],
            cwd=ROOT,
            env=bench.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a lane has no pipes")
        self._orders, self._answers = self._process.stdin, self._process.stdout
        self.answer()

    def ask(self, order: dict[str, Any]) -> None:
        """Give it a piece of work."""
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()

    def answer(self) -> Any:
        """Its next answer."""
        line = self._answers.readline()
        if not line:
            self._said.seek(0)
            raise RuntimeError(f"a lane ended before it answered:\n{self._said.read()[-2_000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=TIMEOUT)
        self._said.close()


@dataclass(frozen=True)
class Run:
    """What a run of lanes took: items, seconds, counts of all calls, the largest lane's peak in MiB, CPU seconds."""

    items: int
    seconds: float
    counts: Counter[str]
    peak_mib: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds


def run(bench: Bench, who: str, lanes: int, task: str = "backfill") -> Run:
    """Run the whole table, and for a verification then the index; a backfill begins with an empty index."""
    if task == "backfill":
        requests.delete(f"{bench.engine.url}/{INDEX}", timeout=TIMEOUT)
    if task == "backfill" and who == "ours":  # a run's first step has made it, and each part looks whether it is there
        body = creation_body(None, Mark("bench", 0.0, read_environment(bench.environment).owner))
        requests.put(f"{bench.engine.url}/{INDEX}", json=body, timeout=TIMEOUT).raise_for_status()
    processes = [Lane(bench, who) for _ in range(lanes)]
    started, used = time.monotonic(), cpu_seconds()
    answers = _scanned(processes, task, [{"segment": number, "of": lanes} for number in range(lanes)])
    if task == "verify":
        ranges = [{"range": number, "of": lanes, "since": time.time()} for number in range(lanes)]
        answers += _scanned(processes, task, ranges)
    seconds, cpu = time.monotonic() - started, since(used)
    cpu["lanes"] = sum(each["cpu"] for each in answers)
    for lane in processes:
        lane.close()
    counts: Counter[str] = Counter()
    for each in answers:
        counts.update({name: value for name, value in each["counts"].items() if isinstance(value, int)})
    return Run(counts["items"], seconds, counts, max(each["peak_kib"] for each in answers) / 1024, cpu)


def _scanned(lanes: list[Lane], task: str, parts: list[dict[str, Any]]) -> list[Any]:
    for lane, part in zip(lanes, parts, strict=True):
        lane.ask({"task": task, "part": part})
    return [lane.answer() for lane in lanes]


def fill(bench: Bench, count: int, size: int) -> None:
    """Put `count` items of about `size` bytes each."""
    batch: list[dict[str, Any]] = []
    done = 0
    wanted = images(min(count, 2_000))
    for number in range(count):
        small = {"n": {"N": str(number)}}
        image = wanted[number % len(wanted)] | {"fill": {"S": "x" * FILL}} if size >= KB else small
        image["id"] = {"S": f"item#{number:09d}"}
        batch.append({"PutRequest": {"Item": sdk_form(image)}})
        if len(batch) == BATCH or number == count - 1:
            bench.dynamodb.batch_write_item(RequestItems={TABLE: batch})
            done += len(batch)
            batch = []
            if done % 20_000 < BATCH:
                say(f"{done:,} of {count:,} items")


def cost(found: Run) -> dict[str, float]:
    """Dollars for a million items, by what they pay for."""
    million = 1e6 / found.items
    counts = found.counts
    parts = {
        "table reads": counts["units"] * PRICES["read_unit"],
        "Lambda GB-seconds": counts["milliseconds"] / 1000 * MEMORY_MB / 1024 * PRICES["gb_second"],
        "Lambda requests": counts["calls"] * PRICES["lambda_request"],
        "state transitions": counts["calls"] * TRANSITIONS_A_CALL * PRICES["state_transition"],
    }
    return {name: dollars * million for name, dollars in parts.items()}


def against_plain(bench: Bench) -> list[Figure]:
    """One lane and several against a plain scan with helpers.bulk; the best of two turns each."""
    say("plain scan and helpers.bulk, twice in turns with one lane of ours")
    theirs, one = [], []
    for _ in range(2):
        theirs.append(run(bench, "plain", 1))
        one.append(run(bench, "ours", 1))
    plain, ours = max(each.rate for each in theirs), max(each.rate for each in one)
    return [
        Figure("backfill, a plain scan and helpers.bulk", f"{plain:,.0f} items/s"),
        Figure("  ours, one lane", f"{ours:,.0f} items/s"),
        at_least("  one lane against plain", ours / plain, 2.0),
        _busy("plain", theirs[-1]),
        _busy("ours", one[-1]),
    ]


def whole(bench: Bench, count: int, size: int) -> list[Figure]:
    """Backfill and verification by several lanes."""
    say(f"{LANES} lanes")
    filled = run(bench, "ours", LANES)
    say("verification")
    verified = run(bench, "ours", LANES, "verify")
    seen = (filled.counts["written"], verified.counts["items"], verified.counts["documents"])
    if seen != (count, count, count) or verified.counts["unstable"]:
        raise RuntimeError(f"the run is not whole: {filled.counts} {verified.counts}")
    wrong = sum(verified.counts[kind] for kind in ("missing", "orphan", "different", "unmappable"))
    return [
        Figure(f"backfill, {count:,} items of {size} bytes, {LANES} lanes", f"{filled.rate:,.0f} items/s"),
        _busy("ours", filled),
        *_took(filled),
        Figure(f"verification of table and index, {LANES} lanes", f"{verified.rate:,.0f} items/s"),
        Figure("  differences", str(wrong), "0", wrong == 0),
        *([] if size < KB else [_units(verified)]),
        *_took(verified),
    ]


def _units(verified: Run) -> Figure:
    """Read units of an item of 1 KB that agrees. One is a quarter of a unit, and the index needs none."""
    units = verified.counts["units"] / verified.items
    return Figure("  read units an item", f"{units:.2f}", "at most 0.3", units <= 0.3)


def _busy(who: str, found: Run) -> Figure:
    """Whose CPU an item takes: with the cores full, that is where the time goes."""
    used = ", ".join(f"{name} {seconds / found.items * 1e6:.0f}" for name, seconds in sorted(found.cpu.items()))
    return Figure(f"  {who}, CPU of an item, in µs", used)


def _took(found: Run) -> list[Figure]:
    requests_of_a_million = found.counts["requests"] * 1e6 / found.items
    return [
        Figure("  memory of a lane, at most", f"{found.peak_mib:.0f} MiB"),
        Figure("  a million items, requests to the collection", f"{requests_of_a_million:,.0f}"),
        *(Figure(f"  a million items, {name}", f"${dollars:.2f}") for name, dollars in cost(found).items()),
    ]


def say(line: str) -> None:
    """Progress."""
    print(f"  {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Print the table. Returns 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconcile", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help="how many items (default %(default)s)")
    parser.add_argument("--bytes", type=int, default=1_000, help="below 1000: tiny items (default %(default)s)")
    parser.add_argument("--alone", action="store_true", help="without the plain scan to compare with")
    options = parser.parse_args()
    with running() as bench:
        fill(bench, options.items, options.bytes)
        found = [] if options.alone else against_plain(bench)
        found += whole(bench, options.items, options.bytes)
    print(table(found))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
