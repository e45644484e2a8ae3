"""Alarms of the applied walk-through: fired by their cause and ended by its end, over what the lab's metrics have.

Each is judged by CloudWatch's rules (`tests.support.alarms`), as DescribeAlarms answers it. `repair-needed` is with its
doubt in `test_verdict`. The others are in tests/unit/test_alarms.py alone, with every other way to fail.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from tests.lab.test_permissions import without
from tests.lab.test_redrive import function_name, invoke
from tests.lab.test_verdict import poison, trigger_result
from tests.support.applied_alarms import Watched
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import damage, settling_soon

NAME = "alarm-item"


@pytest.fixture
def stack(workshop: Applied) -> Iterator[Applied]:
    """In step, and everything before is long ago."""
    workshop.put({"id": {"S": "alarm-number"}, "number": {"N": "1"}})
    change(workshop, "first")
    workshop.failure_messages()
    workshop.until("what is in step", lambda: workshop.comparison().in_step)
    workshop.lab.age(Watched.LOOKED_AT_SECONDS)
    change(workshop, "second")
    yield workshop
    for name in (NAME, "alarm-number"):
        workshop.delete({"id": {"S": name}})
    workshop.until("the deletions", lambda: workshop.comparison().in_step)


def change(stack: Applied, state: str) -> None:
    """Change the item, and wait for its document."""
    stack.put({"id": {"S": NAME}, "state": {"S": state}})
    stack.until("the document", lambda: (stack.document(NAME) or {}).get("state") == state)


def test_messages_that_wait_raise_an_alarm_until_they_are_redriven(stack: Applied) -> None:
    alarm = Watched(stack, "failures")
    poison(stack, "verdict-alarm")
    alarm.fires()
    assert AppliedCli(stack).run("redrive").code == 0
    alarm.ends()


def test_invocations_that_fail_raise_an_alarm_until_one_goes_well(stack: Applied) -> None:
    alarm = Watched(stack, "errors")
    gate = stack.lab.gate_of(stack.outputs["collection_endpoint"])
    gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=405, count=None))
    try:
        stack.put({"id": {"S": NAME}, "state": {"S": "refused"}})
        stack.until("the failed invocation", lambda: "PROBLEM" in trigger_result(stack))
    finally:
        gate.clear()
    alarm.fires()
    stack.until("the document", lambda: stack.document(NAME)["state"] == "refused")
    stack.lab.age(alarm.period)
    change(stack, "well")
    alarm.ends()


def test_a_redrive_that_fails_raises_an_alarm_until_one_goes_well(stack: Applied) -> None:
    alarm = Watched(stack, "redrive-errors")
    with without(stack, "sqs:ReceiveMessage"):
        assert "errorMessage" in invoke(stack), function_name(stack)
    alarm.fires()
    assert "errorMessage" not in invoke(stack)
    alarm.ends()


def test_a_difference_raises_an_alarm_until_it_is_repaired(stack: Applied) -> None:
    alarm, cli = Watched(stack, "drift"), AppliedCli(stack)
    damage(stack, NAME, {"state": "damaged"})
    with settling_soon(stack):
        assert cli.run("verify").code == 1
        alarm.fires()
        assert cli.run("repair").code == 0
    alarm.ends()
