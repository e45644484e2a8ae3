"""The failure queue, against moto's SQS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from searchsync.clock import Deadline
from searchsync.config import read_environment
from searchsync.edges.failures import FailureQueue, Message, failure_message
from searchsync.errors import StackError
from searchsync.limits import LARGEST_STATE
from searchsync.protocol.plan import Poison
from tests.support.events import NOW, STREAM_ARN, TABLE_ARN, environment
from tests.support.fakes import FakeClock

LATER = Deadline.after(FakeClock(), 60.0)
POISON = Poison({"id": {"S": "a"}}, "17", 99, "mapper_parsing_exception", "because", "trace")


@pytest.fixture
def queue() -> Iterator[tuple[Any, str]]:
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        yield client, client.create_queue(QueueName="failures")["QueueUrl"]


def received(client: Any, url: str) -> list[str]:
    found: list[str] = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    return found


def test_a_message_carries_all_that_a_redrive_needs() -> None:
    message = json.loads(failure_message(POISON, read_environment(environment()), NOW))
    assert message == {
        "kind": "searchsync.poison",
        "table_arn": TABLE_ARN,
        "stream_arn": STREAM_ARN,
        "index": "items",
        "key": {"id": {"S": "a"}},
        "sequence_number": "17",
        "version": 99,
        "as_of": 0.0,
        "error_type": "mapper_parsing_exception",
        "reason": "because",
        "trace": "trace",
        "time": "2027-01-15T08:00:00.000+00:00",
    }


def test_every_message_reaches_the_queue(queue: tuple[Any, str]) -> None:
    client, url = queue
    messages = [f"message {number}" for number in range(23)]
    assert FailureQueue(client, url).send(messages, LATER) == ([], "")
    assert sorted(received(client, url)) == sorted(messages)


def test_nothing_to_send_asks_for_nothing() -> None:
    assert FailureQueue(None, "").send([], LATER) == ([], "")


class Refusing:
    """A client that refuses the request or one entry of it."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
        if self.error is not None:
            raise self.error
        good = [{"Id": entry["Id"]} for entry in Entries if entry["Id"] != "3"]
        return {"Successful": good, "Failed": [{"Id": "3", "Code": "InternalError"}]}


def test_one_refused_entry_is_named_by_its_position() -> None:
    assert FailureQueue(Refusing(None), "url").send(["m"] * 5, LATER) == ([3], "InternalError")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="here"), "EndpointConnectionError"),
    ],
)
def test_a_refused_request_names_all_its_messages(error: Exception, why: str) -> None:
    assert FailureQueue(Refusing(error), "url").send(["m"] * 12, LATER) == (list(range(12)), why)


def test_messages_that_are_too_large_together_go_one_after_the_other(queue: tuple[Any, str]) -> None:
    client, url = queue
    keys = {"h": {"S": "\u0001" * 2048}, "r": {"S": "\u0001" * 1024}}
    longest = Poison(keys, "1" * 40, 2**63, "t" * 60, "😀" * 9999, "😀" * 9999)
    text = failure_message(longest, read_environment(environment()), NOW)
    assert len(text) * 10 > LARGEST_STATE
    assert FailureQueue(client, url).send([text] * 10, LATER) == ([], "")
    assert len(received(client, url)) == 10


def test_what_is_taken_is_hidden_until_it_is_released_and_gone_once_it_is_deleted(queue: tuple[Any, str]) -> None:
    client, url = queue
    failures = FailureQueue(client, url)
    failures.send([f"message {number}" for number in range(13)], LATER)
    taken = [*failures.receive(), *failures.receive()]
    assert sorted(each.body for each in taken) == sorted(f"message {number}" for number in range(13))
    assert failures.receive() == []
    assert failures.delete(taken[:11], LATER) == ([], "")
    assert failures.release(taken[11:], LATER) == ([], "")
    assert {each.id for each in failures.receive()} == {each.id for each in taken[11:]}


@pytest.mark.parametrize("operation", ["delete", "release"])
def test_a_handle_that_the_queue_does_not_take_is_named_by_its_position(operation: str) -> None:
    class Client:
        def delete_message_batch(self, **given: Any) -> Any:
            good = [{"Id": each["Id"]} for each in given["Entries"] if each["Id"] != "11"]
            return {"Successful": good, "Failed": [{"Id": "11", "Code": "ReceiptHandleIsInvalid"}][: 12 - len(good)]}

        change_message_visibility_batch = delete_message_batch

    messages = [Message(str(number), "receipt", "") for number in range(13)]
    refused, why = getattr(FailureQueue(Client(), "url"), operation)(messages, LATER)
    assert (refused, why) == ([11], "ReceiptHandleIsInvalid")


def test_a_queue_that_refuses_to_give_names_the_permission() -> None:
    class Client:
        def receive_message(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ReceiveMessage")

    with pytest.raises(StackError, match=r"AccessDenied.*sqs:ReceiveMessage"):
        FailureQueue(Client(), "url").receive()


def test_nothing_more_is_asked_of_a_queue_that_does_not_answer() -> None:
    asked: list[int] = []

    class Silent:
        def send_message_batch(self, **given: Any) -> Any:
            asked.append(len(given["Entries"]))
            raise EndpointConnectionError(endpoint_url="here")

    assert FailureQueue(Silent(), "url").send(["m"] * 30, LATER)[0] == list(range(30))
    assert asked == [10]
