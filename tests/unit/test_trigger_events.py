"""What the event source mapping sends: batches, events, messages about what it gave up."""

from __future__ import annotations

import datetime
import json

from lab.trigger_core import EVENT_LIMIT, Discarded, Record, event_record, full_batch
from tests.support.trigger_harness import FAILED, FUNCTION, START, STREAM, Bench, four, number, settings, stream_record


def test_a_batch_holds_at_most_batch_size_records() -> None:
    bench = Bench(settings(batch_size=3))
    bench.stream.put(*(stream_record(position) for position in range(7)))
    bench.run()
    assert bench.positions == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_batch_is_at_most_6_mb_of_event() -> None:
    bench = Bench(settings(batch_size=100))
    large = [stream_record(position) for position in range(9)]
    for record in large:
        record["dynamodb"]["NewImage"] = {"text": {"S": "é" * 390_000}}  # 780 kB of UTF-8
    bench.stream.put(*large)
    bench.run()
    assert [len(batch) for batch in bench.batches] == [8, 1]
    sizes = [len(json.dumps(e, ensure_ascii=False).encode()) for e in bench.events]
    assert max(sizes) <= EVENT_LIMIT


def test_a_record_larger_than_the_limit_still_makes_a_batch() -> None:
    record = Record(stream_record(0), number(0), START, EVENT_LIMIT + 1)
    assert full_batch([record, record], 10) == (1, True)


def test_a_window_gathers_records_until_it_ends_or_the_batch_is_full() -> None:
    bench = Bench(settings(window=5))
    bench.stream.put(stream_record(0))
    bench.run(4)
    assert bench.batches == []
    bench.stream.put(stream_record(1))
    bench.run(1)
    assert bench.positions == [[0, 1]]
    bench.stream.put(*(stream_record(position) for position in range(2, 6)))
    bench.run()
    assert bench.positions[1:] == [[2, 3, 4, 5]]


def test_the_event_is_what_lambda_sends() -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    record = stream_record(0)
    record["dynamodb"] |= {
        "ApproximateCreationDateTime": moment,
        "NewImage": {"b": {"B": b"\x00\xff"}, "s": {"BS": [b"a"]}, "m": {"M": {"n": {"N": "1.0"}}}},
    }
    record["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    event = event_record(record, STREAM)
    assert json.loads(json.dumps(event)) == event
    assert event["dynamodb"]["ApproximateCreationDateTime"] == moment.timestamp()
    assert event["dynamodb"]["NewImage"] == {
        "b": {"B": "AP8="},
        "s": {"BS": ["YQ=="]},
        "m": {"M": {"n": {"N": "1.0"}}},
    }
    assert event["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert event["eventSourceARN"] == STREAM
    assert (event["eventID"], event["eventVersion"], event["awsRegion"]) == ("e0", "1.1", "us-east-1")


def test_a_range_message_has_the_shape_that_aws_documents() -> None:
    bench = Bench(settings(retries=0), respond=lambda _: FAILED)
    bench.stream.put(stream_record(0, created=START), stream_record(1, created=START + 2))
    bench.run()
    (message,) = bench.sent.messages
    request_id = message["requestContext"].pop("requestId")
    assert len(request_id) == 36
    assert message == {
        "requestContext": {
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "DDBStreamBatchInfo": {
            "shardId": "s",
            "startSequenceNumber": number(0),
            "endSequenceNumber": number(1),
            "approximateArrivalOfFirstRecord": "2027-01-15T08:00:00Z",
            "approximateArrivalOfLastRecord": "2027-01-15T08:00:02Z",
            "batchSize": 2,
            "streamArn": STREAM,
        },
    }


def test_s3_gets_the_records_too() -> None:
    bench = Bench(settings(retries=0), respond=lambda _: FAILED)
    bench.stream.put(*four())
    bench.run()
    payload = json.loads(bench.sent.objects[0]["payload"])
    assert payload == bench.events[0]
    gone = Discarded([], "RecordAgeExceeded", "s", 0, None, START)
    assert gone.s3_key("m", "x") == "aws/lambda/m/s/2027/01/15/2027-01-15T08.00.00-x"
