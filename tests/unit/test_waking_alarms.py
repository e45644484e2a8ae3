"""A collection that sleeps is woken by what must be written, by nothing else, and no alarm tells of it.

AWS, "Scale to zero for Amazon OpenSearch Serverless": asleep after ten idle minutes, 10 to 30 s for the first
request to each of the two parts, which wake apart. Which part answers for an index's mapping is not said: both
are tried.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from searchsync.limits import SHORT_STEP
from searchsync.protocol.bulk import Answer, Kind, Response
from searchsync.protocol.version import read_version, stream_version
from tests.support.events import NOW, event, record
from tests.support.events import environment as variables
from tests.support.fakes import Bench, FakeClock, MemoryIndex, whole
from tests.support.redrive_harness import RedriveBench, answer, poison_message, range_message

ROOT = Path(__file__).parents[2]
LONGEST_WAKING_S = 30.0
"""Of AWS's 10 to 30 s; half as long again is tried too."""
TRIGGERS_PAUSE_S = 1.0
"""Between two deliveries of a batch that failed; what Lambda takes is not documented."""
NO_ANSWER = Answer(Kind.BUSY, None, "", "no answer")


@dataclass
class Sleeper(MemoryIndex):
    """A memory index asleep: the first request to each part is held until that part is awake."""

    clock: FakeClock = field(default_factory=FakeClock)
    wakes_in_s: float = LONGEST_WAKING_S
    mapping_by: str = "search"
    awake_at: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def _answers(self, part: str, timeout: float) -> bool:
        """Whether the part answers within the timeout; the time that it takes passes."""
        self.asked.append(part)
        awake_at = self.awake_at.setdefault(part, self.clock.time + self.wakes_in_s)
        held = max(0.0, awake_at - self.clock.time)
        self.clock.time += min(held, timeout)
        return held <= timeout

    def ensure_index(self, timeout: float) -> Answer:
        return super().ensure_index(timeout) if self._answers(self.mapping_by, timeout) else NO_ANSWER

    def bulk(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        return super().bulk(body, timeout, begin_within) if self._answers("indexing", timeout) else Response(None)

    def current_versions(self, ids: Sequence[str], timeout: float, index: str = "") -> dict[str, int]:
        return super().current_versions(ids, timeout, index) if ids and self._answers("search", timeout) else {}


def lowest_iterator_age_s() -> int:
    """What `alarms.iterator_age_seconds` may be at least, without a batching window."""
    found = re.search(r"iterator_age_seconds >= (\d+) \+ var\.trigger\.", (ROOT / "variables.tf").read_text())
    assert found is not None
    return int(found[1])


def delivered(bench: Bench, given: dict[str, Any]) -> list[float]:
    """Deliver a batch as the trigger does until nothing of it fails; how late each delivery was."""
    arrived, late = bench.clock.time, []
    while True:
        late.append(bench.clock.time - arrived)
        if not bench.run(given):
            return late
        assert len(late) < 10, "the collection is awake and the record does not arrive"
        bench.clock.time += TRIGGERS_PAUSE_S


MET: dict[str, tuple[dict[str, tuple[int, Any]], dict[str, int]]] = {
    "nothing": ({}, {}),
    "a document within the skew bound": ({"a": (stream_version(NOW + 3, 5), {"id": "a"})}, {}),
    "the tombstone of a table read": ({}, {"a": read_version(NOW + 12, 10)}),
}


@pytest.mark.parametrize(
    ("wakes_in_s", "mapping_by", "met"),
    list(product([10.0, 20.0, LONGEST_WAKING_S, 1.5 * LONGEST_WAKING_S], ["search", "indexing"], MET)),
)
def test_the_first_record_wakes_the_collection_and_no_alarm(wakes_in_s: float, mapping_by: str, met: str) -> None:
    bench = Bench()
    bench.index = index = Sleeper(clock=bench.clock, wakes_in_s=wakes_in_s, mapping_by=mapping_by)
    documents, tombstones = MET[met]
    index.documents, index.tombstones = dict(documents), dict(tombstones)
    bench.table.items["a"] = {"id": {"S": "a"}, "n": {"N": "1"}}
    late = delivered(bench, event(record("INSERT", "a", number=1)))  # an exception is the alarm `errors`
    assert bench.queue.messages == [], "the alarm `failures`"
    assert index.documents["a"][1] == whole(id="a", n=1)
    assert max(late) < lowest_iterator_age_s(), "the alarm `iterator-age` at its most sensitive"
    assert not bench.report.repair_needed, "the alarm `repair-needed`"


@pytest.mark.parametrize("mapping_by", ["search", "indexing"])
def test_a_redrive_of_a_sleeping_collection_leaves_nothing_behind(mapping_by: str) -> None:
    """What it leaves is the alarm `failures`."""
    bench = RedriveBench()
    bench.index = Sleeper(clock=bench.clock, mapping_by=mapping_by)
    bench.put("a")
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)


@pytest.mark.parametrize(
    ("messages", "settled_by"),
    [
        ([], None),
        (["no JSON"], None),
        ([range_message("1", "2", streamArn="arn:aws:dynamodb:eu-central-1:1:table/t/stream/gone")], None),
        ([range_message("1", "2")], NOW + 99),
    ],
    ids=["empty", "unreadable", "another stream", "settled by a repair"],
)
def test_a_redrive_without_a_key_to_write_leaves_the_collection_asleep(
    messages: list[str], settled_by: int | None
) -> None:
    bench = RedriveBench()
    bench.index = index = Sleeper(clock=bench.clock)
    bench.queue.put(*messages)
    bench.run({} if settled_by is None else {"repaired_since": settled_by})
    assert index.asked == []


@pytest.mark.parametrize("entry", ["handler", "redrive_handler", "reconcile_handler"])
def test_a_cold_start_asks_nobody(entry: str) -> None:
    """A sandbox may start for an invocation that needs no collection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = variables(OPENSEARCH_HOST=url, AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
        given |= {"AWS_ENDPOINT_URL": url, "PYTHONPATH": str(ROOT / "lambda_src")}
        given |= {
            "RECHECK_DELAY_SECONDS": "30",
            "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:111122223333:stateMachine:sync-reconcile",
            "SYNC_FUNCTION_NAME": "sync",
            "RECONCILE_CONCURRENCY": "4",
        }
        done = subprocess.run(
            [sys.executable, "-c", f"import searchsync.{entry}"], env=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_run_outlasts_the_waking_of_both_parts() -> None:
    """Else a scheduled verification would raise `reconciliation-failed`: its function is called, and asks, again."""
    machine = (ROOT / "modules/reconciliation/state_machine.tf").read_text()
    tries = 1 + max(map(int, re.findall(r"MaxAttempts +=? (\d+)", machine)))
    assert tries * SHORT_STEP >= 2 * 1.5 * LONGEST_WAKING_S
