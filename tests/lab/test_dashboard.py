"""The dashboard by its setting: applied, read back, taken away; and what the lab's CloudWatch refuses."""

from __future__ import annotations

import json
import re

import pytest
from botocore.exceptions import ClientError

from lab.applied import Applied
from lab.cloud.settings import ACCOUNT, REGION
from lab.maven import ROOT
from lab.stack import Lab
from lab.terraform import Terraform
from tests.lab.test_verdict import overridden
from tests.support.graphs import Metric, graphs

NAME = "dynamodb-to-opensearch"
TEXT = {"type": "text", "properties": {"markdown": "a < b & c"}}


def test_a_dashboard_comes_with_its_setting_and_goes_with_it(workshop: Applied, workshop_terraform: Terraform) -> None:
    cloudwatch = workshop.lab.boto3_client("cloudwatch")
    with overridden(workshop_terraform, workshop, "  dashboard = { enabled = true }"):
        assert workshop_terraform.plan_is_empty(), workshop_terraform.plan()
        found = cloudwatch.get_dashboard(DashboardName=NAME)
        assert found["DashboardArn"] == f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{NAME}"
        check_metrics(workshop, found["DashboardBody"])
        check_alarms(found["DashboardBody"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.get_dashboard(DashboardName=NAME)
    assert workshop_terraform.plan_is_empty(), workshop_terraform.plan()


def check_metrics(stack: Applied, body: str) -> None:
    """The stack's own functions, queue, table and state machine, all of the account and region."""
    widgets = json.loads(body)["widgets"]
    assert {each["properties"]["region"] for each in widgets if each["type"] == "metric"} == {REGION}
    named = {pair for graph in graphs(body) for metric in graph.metrics for pair in metric.dimensions}
    function = stack.outputs["function_name"]
    functions = {function, f"{function}-redrive", stack.outputs["reconciliation_function_name"]}
    assert named == {
        *(("FunctionName", each) for each in functions),
        ("QueueName", stack.outputs["failure_queue_url"].rpartition("/")[2]),
        ("TableName", stack.outputs["table_name"]),
        ("StateMachineArn", stack.outputs["reconciliation_state_machine_arn"]),
        ("ClientId", ACCOUNT),
    }
    age = Metric("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", function)}), "Maximum")
    assert any(age in graph.metrics and graph.lines == (3_600_000.0,) for graph in graphs(body))


def check_alarms(body: str) -> None:
    """Each alarm of the stack, and no other: all but that of the rolling verification, which is off."""
    (shown,) = (each["properties"]["alarms"] for each in json.loads(body)["widgets"] if each["type"] == "alarm")
    keys = set(re.findall(r"^    ([a-z-]+) = \{$", (ROOT / "alarms.tf").read_text(), re.MULTILINE)) - {"rolling-late"}
    assert keys
    assert sorted(shown) == sorted(f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{NAME}-{key}" for key in keys)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.b", {"widgets": [TEXT]}),
        ("a" * 256, {"widgets": [TEXT]}),
        ("ab", {}),
        ("ab", {"widgets": [{**TEXT, "width": 25}]}),
        ("ab", {"widgets": [{"type": "metric", "properties": {"metrics": [["n", "m"]]}}]}),
    ],
)
def test_the_lab_refuses_a_dashboard_as_cloudwatch_does(lab: Lab, name: str, body: object) -> None:
    cloudwatch = lab.boto3_client("cloudwatch")
    with pytest.raises(ClientError, match="InvalidParameterInput"):
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body))
    assert name not in [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]]


def test_a_dashboard_is_the_accounts_in_every_region(lab: Lab) -> None:
    here, elsewhere = lab.boto3_client("cloudwatch"), lab.boto3_client("cloudwatch", region="eu-west-1")
    for client, text in ((here, "first"), (elsewhere, "second")):
        body = {"widgets": [{"type": "text", "properties": {"markdown": text}}]}
        client.put_dashboard(DashboardName="global", DashboardBody=json.dumps(body))
    assert "second" in here.get_dashboard(DashboardName="global")["DashboardBody"]
    here.delete_dashboards(DashboardNames=["global"])
    assert "global" not in [each["DashboardName"] for each in elsewhere.list_dashboards()["DashboardEntries"]]


def test_a_body_comes_back_as_it_was_put(lab: Lab) -> None:
    cloudwatch, body = lab.boto3_client("cloudwatch"), json.dumps({"widgets": [TEXT]})
    cloudwatch.put_dashboard(DashboardName="as-it-was", DashboardBody=body)
    assert cloudwatch.get_dashboard(DashboardName="as-it-was")["DashboardBody"] == body
    cloudwatch.delete_dashboards(DashboardNames=["as-it-was"])
