"""Long outages, and a record that the function itself fails on: nothing is lost, nothing is held up for ever.

Scaled: an hour without the collection is `OUTAGE` here, and the 295 s for which an invocation repeats its
requests are 3 (the function's timeout is 8 s while the outage lasts, 5 of which it keeps for its end). The
trigger's pauses, the function's, and the collection's answers are as they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from lab.workload import changes, write

OUTAGE = 15.0
TIMEOUT = 8
FOREVER = -1
QUOTA = "service_quota_exceeded_exception"
GONE = (
    Fault(FaultKind.RESET, count=None),
    Fault(FaultKind.STATUS, status=503, count=None),
    Fault(FaultKind.DROP, seconds=5.0, count=None),  # applied when its invocation has long given up
)
AT_CAPACITY = (
    Fault(FaultKind.STATUS, path="_bulk", status=402, error_type=QUOTA, count=None),
    Fault(FaultKind.ITEM, status=402, error_type=QUOTA, count=None),
    Fault(FaultKind.ITEM, status=402, error_type=QUOTA, count=None, positions=tuple(range(0, 500, 2))),
)
REFUSED_ALONE = Fault(FaultKind.ITEM, status=403, error_type="security_exception", ids=("crash",), count=None)
UNFIT_ANSWER = Fault(FaultKind.STATUS, status=200, body='{"items": []}', ids=("crash",), count=None)


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


@contextmanager
def shorter_invocations(stack: Applied, seconds: int) -> Iterator[None]:
    functions, name = stack.lab.boto3_client("lambda"), stack.outputs["function_name"]
    before = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=before)


@contextmanager
def retries(stack: Applied, attempts: int) -> Iterator[None]:
    """The applied trigger with a limit, which the module leaves out by default."""
    functions, name = stack.lab.boto3_client("lambda"), stack.outputs["trigger_uuid"]
    functions.update_event_source_mapping(UUID=name, MaximumRetryAttempts=attempts)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=name, MaximumRetryAttempts=FOREVER)


def trigger(stack: Applied) -> dict[str, Any]:
    sources = stack.lab.state()["event_sources"]
    found: dict[str, Any] = next(each for each in sources if each["id"] == stack.outputs["trigger_uuid"])
    return found


@pytest.mark.parametrize(("phases", "seed"), [(GONE, 11), (AT_CAPACITY, 21)], ids=["gone", "at-capacity"])
def test_an_hour_without_the_collection_loses_nothing_and_the_shard_goes_on(
    workshop: Applied, phases: tuple[Fault, ...], seed: int
) -> None:
    """By seeds of their own: the same changes again would be in step before they are delivered."""
    print("seed", seed)
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    workshop.failure_messages()
    began, stood = time.time(), trigger(workshop)["checkpoints"]
    with shorter_invocations(workshop, TIMEOUT):
        for number, fault in enumerate(phases):
            gate.clear()
            gate.inject(fault)
            write(
                workshop.dynamodb, workshop.outputs["table_name"], changes(120, 60, seed + number), lambda _done: None
            )
            time.sleep(OUTAGE / len(phases))
        during = workshop.log_lines(began)
        gate.clear()
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)

    ages = [line["OldestRecordAge"] for line in during]
    print("lag", ages)
    assert len(ages) > 2
    assert ages == sorted(ages)
    peak = max(line["OldestRecordAge"] for line in workshop.log_lines(began))
    assert ages[0] < ages[-1] <= peak
    workshop.until("the lag to fall", lambda: lag_of_one_more(workshop) < peak / 2)
    assert trigger(workshop)["last_result"] == "OK"
    assert trigger(workshop)["checkpoints"] != stood
    assert not any(line["Poison"] for line in workshop.log_lines(began))
    assert workshop.failure_messages() == []


def lag_of_one_more(stack: Applied) -> float:
    """The lag that the function reports with a change made now."""
    name = f"after-{time.time_ns()}"
    stack.put(key(name))
    line = stack.until("the log line", lambda: stack.log_line(name))
    return float(line["OldestRecordAge"])


@pytest.mark.parametrize("fault", [REFUSED_ALONE, UNFIT_ANSWER], ids=["refused-alone", "unfit-answer"])
def test_a_record_that_the_function_fails_on_is_isolated_and_its_range_reaches_the_failure_queue(
    workshop: Applied, fault: Fault
) -> None:
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    workshop.failure_messages()
    others = [f"other-{number}" for number in range(20)]
    began = time.time()
    try:
        with retries(workshop, 1):
            gate.inject(fault)
            for name in [*others[:10], "crash", *others[10:]]:
                workshop.put({**key(name), "began": {"S": str(began)}})
            (message,) = workshop.until("the range", workshop.failure_messages)
            workshop.until("the rest", lambda: workshop.comparison().missing == ("crash",))
            assert not workshop.comparison().different
    finally:
        gate.clear()
    lines = workshop.log_lines(began)
    (number,) = {r["sequence_number"] for line in lines for r in line["records"] if r["document"] == "crash"}
    ends = message["DDBStreamBatchInfo"]
    assert (ends["startSequenceNumber"], ends["endSequenceNumber"], ends["batchSize"]) == (number, number, 1)
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    failed = [line for line in lines if line.get("error")]
    assert all(any(r["document"] == "crash" for r in line["records"]) for line in failed)
    # Halved down to the one record, which is then tried once more: that is all that the trigger may do.
    assert [line["RecordsReceived"] for line in failed][-2:] == [1, 1]
    assert workshop.failure_messages() == []
    workshop.put({**key("crash"), "again": {"BOOL": True}})
    workshop.until("the item's next change", lambda: workshop.document("crash"))
    workshop.delete(key("crash"))
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)
