"""The module on what a stack has already: applied, planned again, used, destroyed."""

from __future__ import annotations

import json

import pytest
import requests
from botocore.exceptions import ClientError

from lab.applied import Applied
from lab.stack import Lab
from lab.terraform import Terraform


def test_the_pipeline_is_attached_to_an_existing_table_collection_and_role(lab: Lab) -> None:
    with Terraform("existing-table", lab) as terraform:
        terraform.apply()
        assert terraform.plan_is_empty(), terraform.plan()
        stack = Applied(lab, terraform.output(), ("customer", "order"))
        key = {"customer": {"S": "a|b"}, "order": {"N": "7"}}
        check_schedule(lab, f"{stack.outputs['function_name']}-redrive")
        stack.put({**key, "total": {"N": "12345678901234567.89"}})
        document = stack.until("the document", lambda: stack.document("a\\|b|7"))
        assert document["customer"] == "a|b"
        assert stack.comparison().in_step
        stack.delete(key)
        stack.until("the deletion", lambda: stack.document("a\\|b|7") is None)
        check_handing_over(terraform, stack)
        terraform.destroy()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.boto3_client("lambda").get_function(FunctionName=stack.outputs["function_name"])
    assert (
        lab.boto3_client("lambda").list_event_source_mappings(FunctionName=stack.outputs["function_name"])[
            "EventSourceMappings"
        ]
        == []
    )


def check_handing_over(terraform: Terraform, stack: Applied) -> None:
    """The index of a stack that is no more is marked by this one, with the permission that comes with the setting."""
    mapping = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_mapping"
    (before,) = requests.get(mapping, timeout=10).json().values()
    mark = before["mappings"]["_meta"]["searchsync"]
    assert mark["stack"] == stack.outputs["function_name"]
    other = {"_meta": {"searchsync": {**mark, "stack": "renamed"}}}
    requests.put(mapping, json=other, timeout=10).raise_for_status()
    main = terraform.directory / "main.tf"
    setting = f'index = {{ name = "orders", adopt = "renamed {mark["table"]}" }}'
    main.write_text(main.read_text().replace('index    = { name = "orders" }', setting))
    terraform.apply()
    stack.put({"customer": {"S": "handed"}, "order": {"N": "1"}})
    stack.until("the document", lambda: stack.document("handed|1"))
    (after,) = requests.get(mapping, timeout=10).json().values()
    assert after["mappings"]["_meta"]["searchsync"]["stack"] == stack.outputs["function_name"]


def check_schedule(lab: Lab, name: str) -> None:
    """The redrive's rule is on, means the redrive function, and may invoke it."""
    events, functions = lab.boto3_client("events"), lab.boto3_client("lambda")
    rule = events.describe_rule(Name=name)
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert [each["Arn"] for each in events.list_targets_by_rule(Rule=name)["Targets"]] == [arn]
    (statement,) = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == rule["Arn"]
