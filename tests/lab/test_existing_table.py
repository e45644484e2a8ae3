"""The module on what a stack has already: applied, planned again, used, destroyed."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

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
        terraform.destroy()
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.boto3_client("lambda").get_function(FunctionName=stack.outputs["function_name"])
    assert (
        lab.boto3_client("lambda").list_event_source_mappings(FunctionName=stack.outputs["function_name"])[
            "EventSourceMappings"
        ]
        == []
    )


BUCKET = "orders-search-walks"
EXPORT = "AWSDynamoDB/0001"


def order(number: int) -> dict[str, Any]:
    return {"customer": {"S": "c"}, "order": {"N": str(number)}, "total": {"N": f"{number}.5"}}


def put_export(lab: Lab, items: list[dict[str, Any]]) -> str:
    """An export of two data files as DynamoDB writes it; the key of its manifest."""
    s3, lines = lab.boto3_client("s3"), []
    for name, part in (("a", items[::2]), ("b", items[1::2])):
        key = f"{EXPORT}/data/{name}.json.gz"
        body = gzip.compress("".join(json.dumps({"Item": item}) + "\n" for item in part).encode())
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        lines.append(json.dumps({"itemCount": len(part), "dataFileS3Key": key}))
    manifest = f"{EXPORT}/manifest-files.json"
    s3.put_object(Bucket=BUCKET, Key=manifest, Body="\n".join(lines).encode())
    return manifest


def reported(lab: Lab, run: str) -> list[dict[str, Any]]:
    s3 = lab.boto3_client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{run}/")["Contents"]
    bodies = [s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def walk(stack: Applied, task: str, **more: Any) -> dict[str, Any]:
    states = stack.lab.boto3_client("stepfunctions")
    given = json.dumps({"task": task, **more})
    started = states.start_execution(stateMachineArn=stack.outputs["walk_state_machine_arn"], input=given)

    def ended() -> Any:
        found = states.describe_execution(executionArn=started["executionArn"])
        return found if found["status"] != "RUNNING" else None

    return dict(stack.until("the walk's end", ended, 120))


def test_an_export_is_loaded_with_the_trigger_off_and_the_stream_brings_the_rest(lab: Lab) -> None:
    with Terraform("existing-table", lab) as terraform:
        terraform.apply({"trigger_enabled": False})
        assert terraform.plan_is_empty(), terraform.plan()
        stack = Applied(lab, terraform.output(), ("customer", "order"))
        for number in range(20):
            stack.put(order(number))
        exported_at = time.time()
        manifest = put_export(lab, [order(number) for number in range(20)])
        load = {"bucket": BUCKET, "manifest": manifest, "exported_at": exported_at, "items": 20}
        # Deleted after the export: it must not come back for good.
        stack.delete({"customer": {"S": "c"}, "order": {"N": "7"}})
        loaded = walk(stack, "backfill", export=load)
        assert loaded["status"] == "SUCCEEDED", loaded
        assert json.loads(loaded["output"])["totals"]["items"] == 20
        assert stack.document("c|7") is not None
        terraform.apply({"trigger_enabled": True})
        stack.until("the deletion", lambda: stack.document("c|7") is None)
        stack.until("what is in step", lambda: stack.comparison().in_step)
        refused = walk(stack, "backfill", export=load)
        assert (refused["error"], "trigger" in refused["cause"]) == ("WalkRefusedError", True)
        requests.delete(f"{lab.engine_url}/{stack.outputs['index_name']}/_doc/c%7C3", timeout=10).raise_for_status()
        found = json.loads(walk(stack, "verify")["output"])
        assert found["report"] == f"s3://{BUCKET}/{found['run']}/"
        assert [(each["id"], each["kind"]) for each in reported(lab, found["run"])] == [("c|3", "missing")]
        terraform.destroy()


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
