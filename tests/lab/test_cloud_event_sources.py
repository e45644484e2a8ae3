"""Applied event source mappings in the lab: what they deliver, and what their role must allow."""

from __future__ import annotations

import json
import re
import time

import pytest

from lab.stack import Lab
from tests.support.small_stack import FUNCTION_SECONDS, SmallStack, wait_until


def test_a_change_reaches_the_function_in_dynamodbs_shape(stack: SmallStack) -> None:
    stack.put("a")
    stack.map()
    (delivery,) = wait_until("a delivery", stack.deliveries)
    (record,) = delivery["records"]
    assert record["eventName"] == "INSERT"
    assert record["eventSourceARN"] == stack.stream_arn
    assert isinstance(record["dynamodb"]["ApproximateCreationDateTime"], float)
    assert 21 <= len(record["dynamodb"]["SequenceNumber"]) <= 40
    assert str(int(record["dynamodb"]["SequenceNumber"])) == record["dynamodb"]["SequenceNumber"]
    wait_until("OK", lambda: stack.last_result() == "OK")


def test_sequence_numbers_rise_as_numbers(stack: SmallStack) -> None:
    for key in range(20):
        stack.put(str(key))
    stack.map(BatchSize=100)
    (delivery,) = wait_until("a delivery", stack.deliveries)
    numbers = [int(r["dynamodb"]["SequenceNumber"]) for r in delivery["records"]]
    assert len(set(numbers)) == 20
    assert numbers == sorted(numbers)


def test_ministacks_own_sequence_numbers_can_be_kept() -> None:
    with Lab.start(sequence_numbers="ministack") as lab, SmallStack(lab) as stack:
        stack.put("a")
        stack.map()
        (delivery,) = wait_until("a delivery", stack.deliveries)
        (record,) = delivery["records"]
        assert re.fullmatch(r"0{7}\d{23}", record["dynamodb"]["SequenceNumber"])


def test_only_what_follows_the_lowest_failure_comes_again(stack: SmallStack) -> None:
    for key, do in (("a", ""), ("b", "fail"), ("c", "")):
        stack.put(key, do)
    stack.map(MaximumRetryAttempts=1)
    wait_until("two deliveries", lambda: len(stack.delivered()) == 2)
    assert stack.delivered() == [["a", "b", "c"], ["b", "c"]]
    (message,) = wait_until("a message", stack.messages)
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["DDBStreamBatchInfo"]["batchSize"] == 2
    assert message["DDBStreamBatchInfo"]["streamArn"] == stack.stream_arn


def test_an_exception_fails_the_batch_but_keeps_the_environment(stack: SmallStack) -> None:
    for key, do in (("a", ""), ("b", "raise")):
        stack.put(key, do)
    stack.map(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    wait_until("a message", stack.messages)
    assert stack.delivered() == [["a", "b"], ["a"], ["b"]]
    assert len({each["pid"] for each in stack.deliveries()}) == 1
    assert any("ValueError: as asked" in line for line in stack.log())


def test_a_timeout_fails_the_invocation_and_ends_the_environment(stack: SmallStack) -> None:
    stack.api("lambda").update_function_configuration(FunctionName=stack.name, Timeout=1)
    stack.put("a", "sleep")
    stack.map(MaximumRetryAttempts=1)
    wait_until("a message", stack.messages)
    assert stack.delivered() == [["a"], ["a"]]
    assert len({each["pid"] for each in stack.deliveries()}) == 2
    assert any("Task timed out after 1.00 seconds" in line for line in stack.log())


def test_lanes_are_invoked_at_once(stack: SmallStack) -> None:
    for key in range(40):
        stack.put(str(key))
    stack.map(BatchSize=1, ParallelizationFactor=4)
    wait_until("all deliveries", lambda: len(stack.delivered()) == 40)
    assert 1 < len({each["pid"] for each in stack.deliveries()}) <= 4


def test_a_disabled_mapping_stops_and_goes_on_where_it_was(stack: SmallStack) -> None:
    mapping = stack.map()
    stack.put("a")
    wait_until("a delivery", lambda: stack.delivered() == [["a"]])
    change = stack.api("lambda").update_event_source_mapping
    change(UUID=mapping, Enabled=False)
    wait_until("the change", lambda: state_of(stack, mapping)["enabled"] is False)
    stack.put("b")
    change(UUID=mapping, Enabled=True)
    wait_until("b", lambda: stack.delivered() == [["a"], ["b"]])
    stack.api("lambda").delete_event_source_mapping(UUID=mapping)
    wait_until("the end", lambda: mapping not in all_states(stack))


STREAM_PERMISSIONS = [
    "dynamodb:ListStreams",
    "dynamodb:DescribeStream",
    "dynamodb:GetShardIterator",
    "dynamodb:GetRecords",
]


@pytest.mark.parametrize("action", [*STREAM_PERMISSIONS, "sqs:SendMessage"])
def test_a_mapping_that_its_role_could_not_serve_is_refused(stack: SmallStack, action: str) -> None:
    stack.forbid(action)
    refused = stack.api("lambda").exceptions.InvalidParameterValueException
    with pytest.raises(refused, match=action):
        stack.map()


@pytest.mark.parametrize("action", STREAM_PERMISSIONS)
def test_when_this_permission_is_taken_away_nothing_is_delivered(stack: SmallStack, action: str) -> None:
    stack.map()
    stack.forbid(action)
    wait_until("a problem", lambda: action in stack.last_result())
    stack.put("a")
    time.sleep(1.5)  # Longer than the mapping takes for one look at its permissions.
    assert stack.delivered() == []
    stack.allow_again()
    wait_until("a delivery", lambda: stack.delivered() == [["a"]])


def test_without_send_message_failed_records_stay(stack: SmallStack) -> None:
    stack.map(MaximumRetryAttempts=0)
    stack.forbid("sqs:SendMessage")
    stack.put("a", "raise")
    wait_until("a problem", lambda: "on-failure destination" in stack.last_result())
    assert stack.messages() == []
    stack.allow_again()
    wait_until("a message", stack.messages)


def test_a_bucket_gets_the_failed_records_themselves(stack: SmallStack) -> None:
    stack.api("s3").create_bucket(Bucket=stack.name)
    stack.policy("bucket", ("s3:PutObject", f"arn:aws:s3:::{stack.name}/*"))
    bucket = {"OnFailure": {"Destination": f"arn:aws:s3:::{stack.name}"}}
    mapping = stack.map(MaximumRetryAttempts=0, DestinationConfig=bucket)
    stack.put("a", "raise")
    listed = wait_until("an object", lambda: stack.api("s3").list_objects_v2(Bucket=stack.name).get("Contents"))
    assert listed[0]["Key"].startswith(f"aws/lambda/{mapping}/shardId-")
    body = json.load(stack.api("s3").get_object(Bucket=stack.name, Key=listed[0]["Key"])["Body"])
    assert json.loads(body["payload"])["Records"][0]["dynamodb"]["Keys"] == {"id": {"S": "a"}}


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
def test_without_this_permission_there_is_no_log(stack: SmallStack, action: str) -> None:
    stack.forbid(action)
    stack.map()
    stack.put("a")
    wait_until("OK", lambda: stack.last_result() == "OK")
    assert stack.log() == []


def test_the_function_runs_as_in_lambda(stack: SmallStack) -> None:
    seen = stack.invoke({"environment": True})
    assert seen["python"] == [3, 12]
    assert seen["name"] == stack.name
    assert FUNCTION_SECONDS * 1000 - 1000 < seen["left"] <= FUNCTION_SECONDS * 1000
    assert seen["path"] is None
    assert seen["task"] == ["index.py"]
    assert {"AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ENDPOINT_URL"} < set(seen["environment"])
    assert stack.invoke({"environment": True})["pid"] == seen["pid"]


def all_states(stack: SmallStack) -> dict[str, dict[str, object]]:
    return {each["id"]: each for each in stack.lab.state()["event_sources"]}


def state_of(stack: SmallStack, mapping: str) -> dict[str, object]:
    return all_states(stack)[mapping]
