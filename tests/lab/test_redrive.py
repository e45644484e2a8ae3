"""The redrive function, applied: what a person mends leaves the queue, what is not mended stays."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from tests.lab.test_permissions import without
from tests.support.fakes import whole

SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2026-01-01T00:00:00Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:events:eu-central-1:000000000000:rule/redrive"],
    "detail": {},
}


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def function_name(stack: Applied) -> str:
    return f"{stack.outputs['function_name']}-redrive"


def invoke(stack: Applied, event: object = None) -> dict[str, Any]:
    """One redrive, by hand; its answer, or what Lambda tells of its error."""
    functions = stack.lab.boto3_client("lambda")
    payload = json.dumps({} if event is None else event).encode()
    done = functions.invoke(FunctionName=function_name(stack), Payload=payload)
    answer: dict[str, Any] = json.loads(done["Payload"].read())
    return answer


def redrive_line(stack: Applied) -> dict[str, Any]:
    """The redrive function's latest log line."""
    found = stack.logs.filter_log_events(logGroupName=f"/aws/lambda/{function_name(stack)}")["events"]
    lines = [each["message"] for each in found if each["message"].startswith('{"_aws"')]
    line: dict[str, Any] = json.loads(lines[-1])
    return line


def send(stack: Applied, body: dict[str, Any]) -> None:
    stack.sqs.send_message(QueueUrl=stack.outputs["failure_queue_url"], MessageBody=json.dumps(body))


def old_poison(stack: Applied, name: str) -> dict[str, Any]:
    """A message of a record that was long ago, so that no skew bound is waited for."""
    table_arn = stack.outputs["stream_arn"].partition("/stream/")[0]
    return {"kind": "searchsync.poison", "table_arn": table_arn, "key": key(name), "version": 1 << 31}


def waiting(stack: Applied) -> list[dict[str, Any]]:
    """The messages that can be seen, given back at once."""
    url = stack.outputs["failure_queue_url"]
    found: list[dict[str, Any]] = []
    for each in stack.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
    ).get("Messages", []):
        found.append(json.loads(each["Body"]) | {"received": int(each["Attributes"]["ApproximateReceiveCount"])})
        stack.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
    return found


def set_trigger(stack: Applied, **settings: Any) -> None:
    functions = stack.lab.boto3_client("lambda")
    functions.update_event_source_mapping(UUID=stack.outputs["trigger_uuid"], **settings)


@contextmanager
def trigger_off(stack: Applied) -> Iterator[None]:
    """Only a redrive brings what changes now."""
    set_trigger(stack, Enabled=False)
    time.sleep(0.5)
    try:
        yield
    finally:
        set_trigger(stack, Enabled=True)


@pytest.fixture
def clean(workshop: Applied) -> Iterator[Applied]:
    """The applied walk-through with a number's mapping and an empty queue, left so."""
    workshop.put({**key("good"), "number": {"N": "1"}})
    workshop.until("the number's mapping", lambda: workshop.document("good"))
    workshop.failure_messages()
    yield workshop
    for item in workshop.dynamodb.scan(TableName=workshop.outputs["table_name"])["Items"]:
        if item["id"]["S"].startswith("redrive-"):
            workshop.delete({"id": item["id"]})
    workshop.sqs.purge_queue(QueueUrl=workshop.outputs["failure_queue_url"])
    workshop.until("table and index in step", lambda: workshop.comparison().in_step)


def test_a_mended_item_is_written_and_one_that_is_not_stays_with_its_receive_count(clean: Applied) -> None:
    for name in ("redrive-mended", "redrive-not"):
        clean.put({**key(name), "number": {"S": "no number"}})
    clean.until("both messages", lambda: len(waiting(clean)) == 2)
    with trigger_off(clean):
        clean.put({**key("redrive-mended"), "number": {"N": "5"}})
        answer = invoke(clean)
        assert answer == {
            "taken": 2,
            "redriven": 1,
            "stayed": 1,
            "unreadable": 0,
            "keys": 2,
            "reasons": {"mapper_parsing_exception": 1},
            "more": False,
        }
        assert clean.document("redrive-mended") == whole(id="redrive-mended", number=5)
        (left,) = waiting(clean)
        assert left["key"] == key("redrive-not")
        again = invoke(clean, SCHEDULED)
        assert (again["taken"], again["stayed"]) == (1, 1)
        assert waiting(clean)[0]["received"] == left["received"] + 2, "the redrive's receive and this test's"
    line = redrive_line(clean)
    assert (line["Redriven"], line["RedriveStayed"], line["FunctionName"]) == (0, 1, function_name(clean))
    assert line["stayed_documents"] == [{"document": "redrive-not", "error_type": "mapper_parsing_exception"}]
    assert "no number" not in json.dumps(line)


def test_the_range_that_the_trigger_gave_up_is_read_from_the_stream_and_brought_in_step(clean: Applied) -> None:
    names = ["redrive-range-a", "redrive-range-b"]
    gate = clean.lab.gate_of(clean.outputs["collection_endpoint"])
    clean.put({**key(names[1]), "number": {"N": "1"}})
    clean.until("the document", lambda: clean.document(names[1]))
    set_trigger(clean, MaximumRetryAttempts=0)
    try:
        gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=405, count=None))
        clean.put({**key(names[0]), "number": {"N": "7"}})
        clean.delete(key(names[1]))
        clean.until("the ranges", lambda: sum(each["DDBStreamBatchInfo"]["batchSize"] for each in waiting(clean)) == 2)
    finally:
        gate.clear()
        set_trigger(clean, MaximumRetryAttempts=-1)
    ranges = len(waiting(clean))
    assert clean.document(names[0]) is None
    answer = invoke(clean)
    assert (answer["taken"], answer["redriven"], answer["keys"]) == (ranges, ranges, 2), answer
    assert clean.document(names[0]) == whole(id=names[0], number=7)
    assert clean.document(names[1]) is None
    assert waiting(clean) == []


def test_a_message_from_before_the_keys_type_was_changed_holds_up_no_other(clean: Applied) -> None:
    send(clean, {**old_poison(clean, "redrive-number"), "key": {"id": {"N": "7"}}})
    send(clean, old_poison(clean, "redrive-gone"))
    answer = invoke(clean)
    assert (answer["redriven"], answer["reasons"]) == (1, {"another_key_schema": 1})


def some_range(stack: Applied) -> dict[str, Any]:
    """The trigger's message of one record that the stream still has."""
    streams, arn = stack.lab.boto3_client("dynamodbstreams"), stack.outputs["stream_arn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][-1]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    number = streams.get_records(ShardIterator=start["ShardIterator"])["Records"][0]["dynamodb"]["SequenceNumber"]
    batch = {"shardId": shard, "startSequenceNumber": number, "endSequenceNumber": number, "streamArn": arn}
    return {"DDBStreamBatchInfo": {**batch, "batchSize": 1, "approximateArrivalOfLastRecord": "2026-01-01T00:00:00Z"}}


def test_a_range_of_an_earlier_stream_stays_until_a_repair_has_covered_it(clean: Applied) -> None:
    message = some_range(clean)
    message["DDBStreamBatchInfo"]["streamArn"] = clean.outputs["stream_arn"].rpartition("/")[0] + "/2020-01-01"
    send(clean, message)
    assert invoke(clean)["reasons"] == {"another_stream": 1}
    assert len(waiting(clean)) == 1
    answer = invoke(clean, {"repaired_since": int(time.time())})
    assert (answer["redriven"], answer["stayed"]) == (1, 0)


@pytest.mark.parametrize("action", ["dynamodb:GetShardIterator", "dynamodb:GetRecords", "dynamodb:BatchGetItem"])
def test_without_this_permission_the_redrive_names_it_and_loses_nothing(clean: Applied, action: str) -> None:
    send(clean, some_range(clean) if "BatchGet" not in action else old_poison(clean, "redrive-gone"))
    with without(clean, action):
        assert action in invoke(clean)["errorMessage"]
    assert len(waiting(clean)) == 1


def test_without_receive_message_the_redrive_names_it(clean: Applied) -> None:
    send(clean, old_poison(clean, "redrive-gone"))
    with without(clean, "sqs:ReceiveMessage"):
        assert "sqs:ReceiveMessage" in invoke(clean)["errorMessage"]
    assert invoke(clean)["redriven"] == 1


def test_without_delete_message_the_messages_stay(clean: Applied) -> None:
    send(clean, old_poison(clean, "redrive-gone"))
    with without(clean, "sqs:DeleteMessage"):
        assert invoke(clean)["reasons"] == {"not_deleted": 1}
    assert "sqs:DeleteMessage" in redrive_line(clean)["error"]
    assert invoke(clean)["redriven"] == 1


def test_without_change_message_visibility_what_stays_is_hidden(clean: Applied) -> None:
    send(clean, {"kind": "nothing that we know"})
    with without(clean, "sqs:ChangeMessageVisibility"):
        assert invoke(clean)["reasons"] == {"unreadable": 1}
    assert "sqs:ChangeMessageVisibility" in redrive_line(clean)["error"]
    assert waiting(clean) == []
