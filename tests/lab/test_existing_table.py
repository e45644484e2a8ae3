"""The module on what a stack has already: applied, planned again, used, destroyed."""

from __future__ import annotations

import pytest
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
        stack.put({**key, "total": {"N": "12345678901234567.89"}})
        document = stack.until("the document", lambda: stack.document("a\\|b|7"))
        assert document["customer"] == "a|b"
        assert stack.comparison().in_step
        stack.delete(key)
        stack.until("the deletion", lambda: stack.document("a\\|b|7") is None)
        terraform.destroy()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.boto3_client("lambda").get_function(FunctionName=stack.outputs["function_name"])
    assert (
        lab.boto3_client("lambda").list_event_source_mappings(FunctionName=stack.outputs["function_name"])[
            "EventSourceMappings"
        ]
        == []
    )
