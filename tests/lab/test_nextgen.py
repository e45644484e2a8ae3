"""The walk-through on a NextGen collection: the lab of the profile `nextgen`, with a run over it.

All other tests of the lab run on `classic` collections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lab.applied import Applied
from lab.behaviours import in_the_lab
from lab.stack import Lab
from lab.terraform import Terraform
from lab.workload import changes, write
from tests.support.applied_run import Run, settling_soon

SEED = 6
RUN_SECONDS = 180


@pytest.fixture(scope="module")
def stack() -> Iterator[Applied]:
    with Lab.start(profile="nextgen") as lab, Terraform("workshop", lab) as terraform:
        terraform.apply()
        yield Applied(lab, terraform.output())
        terraform.destroy()


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def test_its_collections_behave_by_the_profile(stack: Applied) -> None:
    assert stack.lab.gate.behaviours == in_the_lab("nextgen")


def test_a_post_an_edit_and_a_deletion_reach_the_collection(stack: Applied) -> None:
    name = stack.post({"name": "n", "type": "Test"})["id"]
    stack.until("the document", lambda: stack.document(name))
    stack.put({**stack.item(key(name)), "type": {"S": "Edited"}})
    stack.until("the edit", lambda: stack.document(name)["type"] == "Edited")
    stack.delete(key(name))
    stack.until("the deletion", lambda: stack.document(name) is None)


def test_a_collection_that_fell_asleep_wakes_for_a_change_and_nothing_is_lost(stack: Applied) -> None:
    gate = stack.lab.gate
    before = gate.behaviours
    gate.behave(replace(before, sleeps_after_s=0.5))
    write(stack.dynamodb, stack.outputs["table_name"], changes(200, 60, SEED), lambda _done: None)
    stack.until("table and index in step", lambda: stack.comparison().in_step)
    gate.behave(before)
    assert stack.failure_messages() == []


def test_a_backfill_and_a_verification_find_it_in_step(stack: Applied) -> None:
    run = Run(stack, RUN_SECONDS)
    with settling_soon(stack):
        run.run("backfill")
        assert run.run("verify")["in_step"] is True
