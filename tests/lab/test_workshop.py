"""The walk-through, applied: what a person sees when the pipeline works, and what a record that cannot
be written leaves behind."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from lab.terraform import Terraform
from lab.workload import changes, write
from tests.support.fakes import whole
from tests.support.granted import unused

BODY = {"name": "Test DynamoDB Stream Pipeline", "type": "Test"}


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def test_a_second_plan_is_empty(workshop_terraform: Terraform, workshop: Applied) -> None:
    assert workshop.outputs["function_name"] == "sync-data-with-dynamodb-stream"
    assert workshop_terraform.plan_is_empty(), workshop_terraform.plan()


def test_the_run_through_keeps_its_own_names(workshop: Applied) -> None:
    iam, functions = workshop.lab.boto3_client("iam"), workshop.lab.boto3_client("lambda")
    policies = iam.list_role_policies(RoleName="lambda-lab-role")["PolicyNames"]
    assert {"dynamodb-stream-data", "aoss-policy"} <= set(policies)
    function = functions.get_function_configuration(FunctionName="sync-data-with-dynamodb-stream")
    assert function["Runtime"] == "python3.12"
    assert function["Environment"]["Variables"]["OPENSEARCH_HOST"] == workshop.outputs["collection_endpoint"]
    table = workshop.dynamodb.describe_table(TableName="lab-table")["Table"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    apis = workshop.lab.boto3_client("apigateway").get_rest_apis()["items"]
    assert "dynamodb-api-gw" in [api["name"] for api in apis]


def test_a_post_an_edit_and_a_deletion_reach_the_collection(workshop: Applied) -> None:
    name = workshop.post(BODY)["id"]
    assert workshop.item(key(name)) == {**key(name), "name": {"S": BODY["name"]}, "type": {"S": "Test"}}
    assert workshop.until("the document", lambda: workshop.document(name)) == whole(id=name, **BODY)
    line = workshop.until("the log line", lambda: workshop.log_line(name))
    assert [record["event"] for record in line["records"] if record["document"] == name] == ["INSERT"]
    workshop.put({**workshop.item(key(name)), "type": {"S": "Edited"}})
    workshop.until("the edit", lambda: workshop.document(name)["type"] == "Edited")
    workshop.delete(key(name))
    workshop.until("the deletion", lambda: workshop.document(name) is None)
    assert not unused(workshop.lab, "dynamodb-api-gw-role")


def test_a_posted_text_cannot_break_out_of_its_attribute(workshop: Applied) -> None:
    body = {"name": 'x"}, "admin": {"BOOL": true}, "y": {"S": "', "type": "line\nbreak \\ ' é"}
    name = workshop.post(body)["id"]
    assert workshop.until("the document", lambda: workshop.document(name)) == whole(id=name, **body)


def test_mixed_changes_leave_table_and_index_in_step(workshop: Applied) -> None:
    seed = 4
    print("seed", seed)
    write(workshop.dynamodb, workshop.outputs["table_name"], changes(600, 120, seed), lambda _done: None)
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)


def test_a_busy_collection_delays_and_loses_nothing(workshop: Applied) -> None:
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    gate.inject(
        Fault(FaultKind.STATUS, path="_bulk", status=429, count=3),
        Fault(FaultKind.RESET, path="_bulk", applied=True, count=2, skip=3),
        Fault(FaultKind.ITEM, status=503, count=None, probability=0.5, seed=9),
    )
    write(workshop.dynamodb, workshop.outputs["table_name"], changes(200, 60, 5), lambda _done: None)
    time.sleep(2.0)
    gate.clear()
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)
    assert workshop.failure_messages() == []


def test_a_record_that_can_never_be_written_is_in_the_failure_queue_and_the_rest_flows(workshop: Applied) -> None:
    workshop.put({**key("good"), "number": {"N": "1"}})
    workshop.until("the number's mapping", lambda: workshop.document("good"))
    workshop.put({**key("poison"), "number": {"S": "no number"}})
    workshop.put({**key("after"), "number": {"N": "2"}})
    workshop.until("the record after", lambda: workshop.document("after"))
    (message,) = workshop.until("the message", workshop.failure_messages)
    assert (message["key"], message["error_type"]) == (key("poison"), "mapper_parsing_exception")
    assert message["sequence_number"].isdigit()
    line = workshop.until("the log line", lambda: workshop.log_line("poison"))
    assert line["Poison"] == 1
    assert "no number" not in str(workshop.log_lines())
    workshop.delete(key("poison"))


def test_the_trigger_has_every_setting_of_the_module(workshop: Applied) -> None:
    functions = workshop.lab.boto3_client("lambda")
    mapping = functions.get_event_source_mapping(UUID=workshop.outputs["trigger_uuid"])
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["MaximumRecordAgeInSeconds"] == 79_200
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"].split(":")[2] == "sqs"
    assert "FilterCriteria" not in mapping


def test_the_index_is_closed_to_whoever_is_not_in_the_data_access_policy(workshop: Applied) -> None:
    url = f"{workshop.outputs['collection_endpoint']}/{workshop.outputs['index_name']}/_search"
    assert requests.get(url, timeout=10).status_code == 403


@pytest.mark.parametrize("changed", [{"OPENSEARCH_HOST": "", "KEY_ATTRIBUTES": "id"}])
def test_a_wrong_environment_fails_the_function_with_every_problem_named(
    workshop: Applied, changed: dict[str, str]
) -> None:
    functions = workshop.lab.boto3_client("lambda")
    name = workshop.outputs["function_name"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, **changed}})
    try:

        def refused() -> bool:
            """The sandbox that is just started may be ended by the change of the configuration itself."""
            answer = functions.invoke(FunctionName=name, Payload=b'{"Records": []}')
            text = answer["Payload"].read().decode()
            assert answer["FunctionError"]
            return "OPENSEARCH_HOST is not set" in text and "KEY_ATTRIBUTES is 'id'" in text

        workshop.until("the error that names both", refused)
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
