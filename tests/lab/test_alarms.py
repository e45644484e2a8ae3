"""Alarms of the applied walk-through: fired by their cause and ended by its end, over what the lab's metrics have.

Each is judged by CloudWatch's rules (`tests.support.alarms`), as DescribeAlarms answers it. `repair-needed` and
`redrive-repair-needed` are with their doubt in `test_verdict`, `rolling-late` is with its stack in `test_rolling`.
Every other way to fail is in tests/unit/test_alarms.py, which also sees that no alarm is left out here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from tests.lab.test_permissions import without
from tests.lab.test_redrive import function_name, invoke, trigger_off
from tests.lab.test_verdict import DAY, HOUR, poison, trigger_result
from tests.support.alarms import ALARMS
from tests.support.applied_alarms import Watched, alarm_keys
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import Run, damage, settling_soon

NAME = "alarm-item"
LATE, REFUSED = "alarm-late", "alarm-refused"
"""Without a document: in the lab's past, an item's change would be older than what is in the index."""


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
    for name in (NAME, LATE, REFUSED, "alarm-number"):
        workshop.delete({"id": {"S": name}})
    workshop.until("the deletions", lambda: workshop.comparison().in_step)


def change(stack: Applied, state: str) -> None:
    """Change the item, and wait for its document."""
    stack.put({"id": {"S": NAME}, "state": {"S": state}})
    stack.until("the document", lambda: (stack.document(NAME) or {}).get("state") == state)


def unread(stack: Applied, alarm: Watched, name: str) -> None:
    """Put an item in two periods of the alarm; the trigger is off."""
    for state in ("unread", "unread again"):
        stack.lab.age(alarm.period)
        stack.put({"id": {"S": name}, "state": {"S": state}})


def test_the_applied_alarms_are_those_that_the_tests_know(workshop: Applied) -> None:
    assert alarm_keys(workshop) == ALARMS.keys() - {"rolling-late"}


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
        stack.put({"id": {"S": REFUSED}, "state": {"S": "refused"}})
        stack.until("the failed invocation", lambda: "PROBLEM" in trigger_result(stack))
        with trigger_off(stack):  # the next try might succeed
            alarm.fires()
            gate.clear()
    finally:
        gate.clear()
    stack.until("the document", lambda: stack.document(REFUSED))
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


def test_a_trigger_that_is_off_raises_an_alarm_and_reads_late_when_it_is_on(stack: Applied) -> None:
    off, late = Watched(stack, "stream-unread"), Watched(stack, "iterator-age")
    with trigger_off(stack):
        unread(stack, off, LATE)
        off.fires(rest=HOUR)
    stack.until("what was unread", lambda: stack.document(LATE))
    late.fires()
    change(stack, "in time")
    late.ends()
    off.ends()


def test_a_trigger_that_was_off_for_a_day_is_told_until_it_reads_again(stack: Applied) -> None:
    alarm = Watched(stack, "stream-unread")
    with trigger_off(stack):
        unread(stack, alarm, NAME)
        alarm.fires(rest=DAY)
    alarm.fires()  # the stream has dropped the records: on again, there is nothing to read
    change(stack, "read again")
    alarm.ends()


def test_a_run_that_is_refused_raises_an_alarm_until_one_succeeds(stack: Applied) -> None:
    alarm, run = Watched(stack, "reconciliation-failed"), Run(stack)
    export = stack.outputs["stream_arn"].partition("/stream/")[0] + "/export/01-1"
    refused = run.end(run.start("backfill", export={"arn": export}))  # the trigger is on
    assert refused["error"] == "RunRefusedError", refused
    alarm.fires()
    run.run("backfill")
    alarm.ends()
