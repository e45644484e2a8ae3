"""The documented remedy, the trigger on: an index deleted by hand while changes flow is made anew with our mapping."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import requests

from lab.applied import Applied
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import settling_soon
from tests.support.fakes import whole

PAUSE_SECONDS = 0.02
TO_GO_ON_SECONDS = 3.0


@contextmanager
def changes(stack: Applied) -> Iterator[None]:
    """A new item every moment, in a thread."""
    stop = threading.Event()

    def put() -> None:
        for number in count():
            if stop.wait(PAUSE_SECONDS):
                return
            stack.put({"id": {"S": f"deleted-{number}"}, "text": {"S": f"2026-01-0{number % 9 + 1}"}})

    thread = threading.Thread(target=put)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def delete_index(stack: Applied) -> None:
    requests.delete(f"{stack.lab.engine_url}/{stack.outputs['index_name']}", timeout=10).raise_for_status()


def mapping(stack: Applied) -> dict[str, Any]:
    """The index's mapping; empty where there is none."""
    name = stack.outputs["index_name"]
    found = requests.get(f"{stack.lab.engine_url}/{name}/_mapping", timeout=10).json()
    return dict(found.get(name, {}).get("mappings", {}))


def mark(stack: Applied) -> Any:
    return mapping(stack).get("_meta", {}).get("searchsync", {}).get("mark")


def made_anew(stack: Applied, before: Any, since: float) -> bool:
    """Whether an index of ours is there again. One that a write made is deleted too, as the function then asks for."""
    lines = stack.log_lines(since)
    if lines and "was not made by searchsync" in lines[-1].get("error", "") and mapping(stack) and not mark(stack):
        delete_index(stack)
    return mark(stack) not in (None, before)


@pytest.mark.parametrize("heeded", [True, False], ids=["guard heeded", "guard ignored"])
def test_an_index_deleted_while_changes_flow_is_ours_again_and_a_repair_brings_what_it_held(
    workshop: Applied, heeded: bool
) -> None:
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    behaviours = gate.behaviours
    gate.behave(replace(behaviours, writes_make_index=not heeded))
    try:
        workshop.put({"id": {"S": "before"}, "number": {"N": "1"}})
        workshop.until("the document", lambda: workshop.document("before"))
        before, since = mark(workshop), time.time()
        assert before is not None
        with changes(workshop):
            workshop.until("a change", lambda: workshop.document("deleted-9"))
            delete_index(workshop)
            workshop.until("an index of ours", lambda: made_anew(workshop, before, since), 120)
            time.sleep(TO_GO_ON_SECONDS)
        workshop.until("repair needed", lambda: any(line.get("RepairNeeded") for line in workshop.log_lines(since)))
    finally:
        gate.behave(behaviours)
    if heeded:
        assert not any("error" in line for line in workshop.log_lines(since))
    assert mapping(workshop)["date_detection"] is False
    assert mapping(workshop)["properties"]["text"]["type"] == "text"
    with settling_soon(workshop):
        repaired = AppliedCli(workshop).run("repair", "--json")
    assert repaired.code == 0, repaired
    assert workshop.document("before") == whole(id="before", number=1)
    assert workshop.comparison().in_step
    assert workshop.failure_messages() == []
    for item in workshop.dynamodb.scan(TableName=workshop.outputs["table_name"])["Items"]:
        workshop.delete({"id": item["id"]})
    workshop.until("the deletions", lambda: workshop.comparison().in_step)
