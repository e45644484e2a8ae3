"""The rolling verification, applied: what is planted is found within the period; unset, nothing is left of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.applied import Applied
from lab.stack import Lab
from lab.terraform import Terraform
from tests.lab.test_reconcile import without
from tests.support.alarms import ALARMS
from tests.support.applied_alarms import Watched, alarm_keys
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import Run, damage, settling_soon
from tests.support.rules import Rule, fire

NAME = "rolling"
HOURS = 0.1
"""The shortest period."""
SHORT = {"period_hours": HOURS, "every_minutes": 1}
ITEMS = 20


@pytest.fixture(scope="module")
def terraform(lab: Lab) -> Iterator[Terraform]:
    with Terraform(Path(__file__).parent / NAME, lab) as made:
        made.apply({"rolling": SHORT})
        yield made
        made.destroy()


def differing(status: dict[str, Any]) -> dict[str, int]:
    return {each["part"]: each["differences"] for each in status["rolling"]["differing"]}


def statements(functions: Any, name: str) -> list[Any]:
    """A function's policy. AWS knows none where it has no statement, the lab has an empty one."""
    try:
        return list(json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []


def test_what_is_planted_behind_the_rolling_verification_is_found_within_its_period(
    lab: Lab, terraform: Terraform
) -> None:
    assert terraform.plan_is_empty(), terraform.plan()
    stack = Applied(lab, terraform.output())
    run, cli = Run(stack), AppliedCli(stack)
    names = [f"rolling-{number}" for number in range(ITEMS)]
    for name in names:
        stack.put({"id": {"S": name}, "state": {"S": "put"}})
    stack.until("the documents", lambda: all(map(stack.document, names)))
    assert run.run("repair")["in_step"] is True

    def status() -> dict[str, Any]:
        return dict(cli.run("status", "--json").json)

    rule = Rule(lab, f"{stack.outputs['function_name']}-rolling")
    rule.until("the table's first comparison", lambda: status()["rolling"]["compared"], 60)
    assert (status()["verdict"], differing(status())) == ("in step", {})

    damage(stack, names[1], {"id": names[1], "state": "damaged"})
    damage(stack, names[2], None)
    damage(stack, "nobody", {"id": "nobody"})
    with settling_soon(stack):
        found = rule.until("all that was planted", lambda: len(differing(now := status())) == 2 and now, 3600 * HOURS)
    assert differing(found) == {"segment 0 of 1": 2, "range 0 of 1": 1}
    assert found["verdict"] == "differences"
    assert run.drift() == 2  # the segment's is the later part
    lines = [each for each in run.log() if "attributes" in each]
    assert {each["id"]: each["kind"] for each in lines} == {
        names[1]: "different",
        names[2]: "missing",
        "nobody": "orphan",
    }
    assert {each["run"].partition("-")[0] for each in lines} == {"rolling"}
    assert run.run("repair")["totals"]["repaired"] == 3
    assert status()["verdict"] == "in step"
    assert run.drift() == 0


def test_calls_that_fail_raise_an_alarm_until_one_comes_to_its_end(lab: Lab, terraform: Terraform) -> None:
    stack = Applied(lab, terraform.output())
    assert alarm_keys(stack, NAME) == ALARMS.keys()
    run = Run(stack)
    stack.put({"id": {"S": "rolling-late"}})
    stack.until("the document", lambda: stack.document("rolling-late"))
    called(run, "RollingAge")
    alarm = Watched(stack, "rolling-late", NAME)
    with without(stack, f"{NAME}-reconcile-role", "s3:GetObject"):
        called(run, "error")
        lab.age(ALARMS["rolling-late"].evaluation_periods * alarm.period)
        alarm.fires()
    called(run, "RollingAge")
    alarm.ends()


def called(run: Run, member: str) -> None:
    """The rule calls once; the log has a new line with this member."""

    def lines() -> int:
        return sum(member in line for line in run.log())

    before = lines()
    fire(run.stack.lab, f"{NAME}-rolling")
    run.stack.until(f"a line with {member}", lambda: lines() > before)


def test_without_the_setting_nothing_of_it_is_left(lab: Lab, terraform: Terraform) -> None:
    stack = Applied(lab, terraform.output())
    function = stack.outputs["reconciliation_function_name"]
    terraform.apply({"rolling": None})
    assert terraform.plan_is_empty(), terraform.plan()
    events, functions = (lab.boto3_client(service) for service in ("events", "lambda"))
    with pytest.raises(ClientError, match="ResourceNotFound"):
        events.describe_rule(Name=f"{NAME}-rolling")
    assert statements(functions, function) == []
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    assert not [name for name in variables if name.startswith("ROLLING")]
    assert AppliedCli(stack).run("status", "--json").json["rolling"] is None
