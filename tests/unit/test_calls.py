"""One time bounds a whole call to an AWS service: real clients, and peers on the loopback that never come to an end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ReadTimeoutError

from searchsync import entry
from searchsync.clock import Deadline, SystemClock
from searchsync.edges import bound
from searchsync.edges.calls import INVOCATION
from searchsync.edges.failures import FailureQueue, Message
from searchsync.entry import OnFirstUse
from searchsync.limits import LAST_LINE, LONGEST_CALL_OUT, QUEUE_CALL, RESERVE, SDK_PAUSE
from tests.support.peers import (
    LONGEST_S,
    TRICKLE_S,
    Peer,
    black_hole,
    broken_answer,
    dead_address,
    half_answer,
    peer,
    slow_head,
    slow_without_length,
    slow_writer,
)

CALL_S = 0.5
CALLS: dict[str, Callable[[Any], Any]] = {
    "dynamodb": lambda client: client.describe_table(TableName="t"),
    "dynamodbstreams": lambda client: client.get_records(ShardIterator="i"),
    "s3": lambda client: client.put_object(Bucket="b", Key="k", Body=b"x"),
    "cloudwatch": lambda client: client.get_metric_statistics(
        Namespace="n", MetricName="m", StartTime=0, EndTime=1, Period=60
    ),
    "stepfunctions": lambda client: client.get_paginator("list_executions").paginate().build_full_result(),
    "lambda": lambda client: client.list_event_source_mappings(FunctionName="f"),
    "sqs": lambda client: client.receive_message(QueueUrl=f"{client.meta.endpoint_url}/1/q"),
}
"""A call of each service that the functions ask, as they make it."""
OPERATIONS = ("send", "delete", "release")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "LONGEST_CALL_OUT", CALL_S)
    monkeypatch.setattr(entry, "QUEUE_CALL", CALL_S)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "example")
    INVOCATION.begin(60.0)


def client(service: str, port: int, monkeypatch: pytest.MonkeyPatch) -> OnFirstUse:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    made = OnFirstUse(service, "eu-central-1")
    _ = made.meta  # making it takes its time
    return made


DATA = ("dynamodb", "dynamodbstreams", "s3", "sqs")
HELD = [
    *((service, slow_head) for service in CALLS),
    *((service, behave) for service in DATA for behave in (black_hole, half_answer)),
    ("dynamodb", slow_writer),
]


@pytest.mark.parametrize(("service", "behave"), HELD)
def test_a_call_ends_at_its_time_whatever_trickles(service: str, behave: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(behave) as port:
        held(service, port, monkeypatch)


def test_a_dead_address_holds_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_address() as port:
        held("dynamodb", port, monkeypatch)


def held(service: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call without an answer is over in its time."""
    asked = client(service, port, monkeypatch)
    began = time.monotonic()
    with pytest.raises(BotoCoreError):
        CALLS[service](asked)
    assert time.monotonic() - began < CALL_S + SDK_PAUSE + LAST_LINE


def hangs_up(behave: Peer) -> Peer:
    """A peer that ends the connection when it has held it for long: what waited until then sees half an answer."""

    def treat(line: socket.socket) -> None:
        line.settimeout(1.5 * LONGEST_S)
        try:
            behave(line)
        finally:
            line.shutdown(socket.SHUT_RDWR)

    return treat


@pytest.mark.parametrize(
    "read", [lambda body: body.read(), lambda body: list(body.iter_lines())], ids=["whole", "lines"]
)
@pytest.mark.parametrize("behave", [slow_writer, half_answer])
def test_a_streamed_body_ends_at_its_time(
    behave: Peer, read: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut, and not over because its peer is. Its head may take the time that a busy machine needs."""
    monkeypatch.setattr(entry, "LONGEST_CALL_OUT", LONGEST_CALL_OUT)
    with peer(hangs_up(behave)) as port:
        body = opened(client("s3", port, monkeypatch))
        INVOCATION.begin(RESERVE + CALL_S)
        with pytest.raises(ReadTimeoutError):
            read(body)


def test_a_body_ends_at_its_time_though_another_call_connected_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    behaviours = [answer_once, slow_writer]

    def in_turn(line: socket.socket) -> None:
        behaviours.pop()(line)

    with peer(in_turn) as port:
        asked = client("s3", port, monkeypatch)
        body = opened(asked)
        opened(asked).read()
        began = time.monotonic()
        with pytest.raises(BotoCoreError):
            body.read()
        assert time.monotonic() - began < LONGEST_S


def test_what_connects_behind_its_calls_time_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    dial = bound._dial

    def late(*given: Any) -> socket.socket:
        line = dial(*given)
        time.sleep(CALL_S + LAST_LINE)
        return line

    monkeypatch.setattr(bound, "_dial", late)
    with peer(slow_head) as port:
        asked = client("dynamodb", port, monkeypatch)
        began = time.monotonic()
        with pytest.raises(BotoCoreError):
            CALLS["dynamodb"](asked)
        assert time.monotonic() - began < LONGEST_S


def test_a_call_ends_at_its_time_on_whichever_connection_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one given back is the next one used: here not the last one made."""

    def once(line: socket.socket) -> None:
        answer_once(line)
        slow_head(line)

    with peer(once) as port:
        asked = client("s3", port, monkeypatch)
        body = opened(asked)
        opened(asked).read()
        body.read()
        began = time.monotonic()
        with pytest.raises(BotoCoreError):
            opened(asked)
        assert time.monotonic() - began < LONGEST_S


def opened(asked: OnFirstUse) -> Any:
    """A body on a connection of its own, if another is open."""
    return asked.get_object(Bucket="b", Key="k")["Body"]


def answer_once(line: socket.socket) -> None:
    """One request, answered at once."""
    line.recv(65_536)
    line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


HALVES = CALLS | {
    "s3": lambda client: opened(client).read(),
    "dynamodb scan": lambda client: client.scan(TableName="t"),
    "dynamodb batch": lambda client: client.batch_get_item(RequestItems={"t": {"Keys": [{"k": {"S": "1"}}]}}),
}


@pytest.mark.parametrize("call", [*DATA, "dynamodb scan", "dynamodb batch"])
def test_half_an_answer_is_an_error_and_never_an_empty_one(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that ends within the body: a queue with no messages is something else."""
    monkeypatch.setattr(entry, "QUEUE_CALL", QUEUE_CALL)
    monkeypatch.setattr(entry, "LONGEST_CALL_OUT", LONGEST_CALL_OUT)
    with peer(broken_answer) as port:
        asked = client(call.partition(" ")[0], port, monkeypatch)
        with pytest.raises(BotoCoreError) as raised:
            HALVES[call](asked)
    assert not isinstance(raised.value, ReadTimeoutError)  # it is over at once


@pytest.mark.parametrize("service", ["dynamodb", "dynamodbstreams", "sqs"])
def test_what_was_cut_is_no_answer_though_it_gives_no_length(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with peer(slow_without_length) as port:
        held(service, port, monkeypatch)


def test_nothing_is_sent_behind_a_calls_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each send is refused, whatever connection botocore's second try has."""
    heard: list[bytes] = []

    def counting(line: socket.socket) -> None:
        while asked := line.recv(65_536):
            heard.append(asked)
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    with peer(counting) as port:
        asked = client("dynamodb", port, monkeypatch)
        monkeypatch.setattr(entry, "LONGEST_CALL_OUT", LONGEST_CALL_OUT)  # a busy machine answers later
        CALLS["dynamodb"](asked)
        sent = b"".join(heard).count(b"POST /")  # head and body of one may come apart
        assert sent == 1
        monkeypatch.setattr(entry, "LONGEST_CALL_OUT", CALL_S)
        asked.meta.events.register("request-created.dynamodb", lambda **_: time.sleep(CALL_S + LAST_LINE))
        with pytest.raises(BotoCoreError):
            CALLS["dynamodb"](asked)
        assert b"".join(heard).count(b"POST /") == sent


def test_no_call_outlasts_its_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "LONGEST_CALL_OUT", 20.0)
    with peer(black_hole) as port:
        asked = client("dynamodb", port, monkeypatch)
        began = time.monotonic()
        INVOCATION.begin(RESERVE + CALL_S)
        with pytest.raises(BotoCoreError):
            CALLS["dynamodb"](asked)
        assert time.monotonic() - began < CALL_S + SDK_PAUSE + LAST_LINE


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_queue_that_hangs_is_asked_once_and_leaves_time_for_the_log_line(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment: the deadline is here, and the reserve alone is left."""
    monkeypatch.setattr(entry, "QUEUE_CALL", QUEUE_CALL)
    messages: list[Any] = [Message(str(number), "receipt", "") for number in range(30)]
    if operation == "send":
        messages = ["{}"] * 30
    with peer(black_hole) as port:
        queue = FailureQueue(client("sqs", port, monkeypatch), f"http://127.0.0.1:{port}/1/failures")
        INVOCATION.begin(RESERVE)
        began = time.monotonic()
        refused, why = getattr(queue, operation)(messages, Deadline.after(SystemClock(), 0.0))
        assert time.monotonic() - began < RESERVE - LAST_LINE
    assert (refused, why) == (list(range(30)), "ReadTimeoutError")


def test_a_queue_is_asked_in_the_reserve_and_has_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of the other services ends before it."""

    def slow(line: socket.socket) -> None:
        line.recv(65_536)
        time.sleep(TRICKLE_S)
        text = b'{"Successful":[{"Id":"0"}],"Failed":[]}'
        line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text))

    monkeypatch.setattr(entry, "QUEUE_CALL", QUEUE_CALL)
    with peer(slow) as port:
        queue = FailureQueue(client("sqs", port, monkeypatch), f"http://127.0.0.1:{port}/1/failures")
        INVOCATION.begin(RESERVE)
        assert queue.send(["{}"], Deadline.after(SystemClock(), 0.0)) == ([], "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_reserve_has_no_time_for_is_not_asked_and_counts_as_refused(operation: str) -> None:
    messages: list[Any] = [Message("1", "receipt", "")] if operation != "send" else ["{}"]
    late = Deadline.after(SystemClock(), QUEUE_CALL + SDK_PAUSE + LAST_LINE - RESERVE - 0.1)
    assert getattr(FailureQueue(None, "url"), operation)(messages, late) == ([0], "no_time")
