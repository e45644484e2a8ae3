"""Whether an export may be loaded, and its parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from searchsync.edges.wire import AS_SENT, keep_as_sent
from searchsync.errors import RunRefusedError, StackError, TableBusyError
from searchsync.limits import MOST_FILES, MOST_PARTS
from searchsync.reconcile import manifest
from searchsync.reconcile.manifest import DataFile, Export, Manifest, check_arn, check_export, described, part_ranges
from searchsync.reconcile.state import Files

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
WHOLE = {
    "ExportStatus": "COMPLETED",
    "ExportType": "FULL_EXPORT",
    "ExportFormat": "DYNAMODB_JSON",
    "S3Bucket": "b",
    "ExportManifest": "AWSDynamoDB/01-ab/manifest-files.json",
    "ExportTime": 1_793_777_314.928,
    "ItemCount": 8,
}


@pytest.mark.parametrize(
    ("arn", "good"),
    [
        (f"{TABLE}/export/01693685827463-2d8752fd", True),
        (f"{TABLE}-2/export/01-ab", False),
        (TABLE.replace("eu-central-1", "eu-west-1") + "/export/01-ab", False),
        (TABLE.replace("123456789012", "999999999999") + "/export/01-ab", False),
        (f"{TABLE}/export/", False),
        (f"{TABLE}/export/01/02", False),
        (TABLE, False),
        ("", False),
    ],
)
def test_only_an_export_of_the_stacks_own_table_is_loaded(arn: str, good: bool) -> None:
    if good:
        check_arn(arn, TABLE)
        return
    with pytest.raises(RunRefusedError, match=r"the stack's table is .*\. Make a new export"):
        check_arn(arn, TABLE)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ExportStatus": "IN_PROGRESS"}, "still being written: wait until"),
        ({"ExportStatus": "FAILED", "FailureCode": "S3NoSuchBucket"}, "'FAILED' .'S3NoSuchBucket'.. Make a new"),
        ({"ExportStatus": "NEW"}, "'NEW'"),
        ({"ExportStatus": None}, "None"),
        ({"ExportType": "INCREMENTAL_EXPORT"}, "incremental"),
        ({"IncrementalExportSpecification": {"ExportFromTime": 1}}, "incremental"),
        (
            {"FilterSpecification": {"FilterExpression": "a = :b"}},
            "FilterSpecification .'FilterExpression'.:",
        ),
        ({"FilterSpecification": {"ProjectionExpression": "a"}}, "'ProjectionExpression'"),
        ({"FilterSpecification": {"KeyConditionExpression": "a = :b"}}, "'KeyConditionExpression'"),
        ({"FilterSpecification": {}}, "not whole"),
        ({"ExportFormat": "ION"}, "'ION', and only DYNAMODB_JSON"),
        ({"ExportFormat": None}, "only DYNAMODB_JSON"),
    ],
)
def test_what_is_not_every_item_whole_is_refused_with_the_reason(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RunRefusedError, match=said):
        check_export({**WHOLE, **changed})


def test_a_whole_export_is_taken_an_old_one_without_a_type_too() -> None:
    check_export(WHOLE)
    check_export({name: value for name, value in WHOLE.items() if name != "ExportType"})


def test_a_filters_values_are_in_no_message() -> None:
    filtered = {"FilterExpression": "a = :b", "ExpressionAttributeValues": {":b": {"S": "secret"}}}
    with pytest.raises(RunRefusedError) as refused:
        check_export({**WHOLE, "FilterSpecification": filtered})
    assert "secret" not in str(refused.value)


def test_a_filter_is_seen_that_the_runtimes_botocore_does_not_know() -> None:
    client: Any = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    members = client.meta.service_model.shape_for("ExportDescription").members
    members.pop("FilterSpecification", None)  # as in the botocore of a year ago
    keep_as_sent(client)
    sent = {"ExportDescription": {**WHOLE, "FilterSpecification": {"FilterExpression": "a"}}}
    kept: dict[str, Any] = {}
    client.meta.events.emit(
        "before-parse.dynamodb.DescribeExport",
        response_dict={"body": json.dumps(sent).encode(), "status_code": 200},
        customized_response_dict=kept,
    )
    assert kept == {**sent, AS_SENT: True}
    with pytest.raises(RunRefusedError, match="not whole"):
        check_export(kept["ExportDescription"])


@pytest.mark.parametrize("named", ["manifest-summary.json", "manifest-files.json"])
@pytest.mark.parametrize(
    ("folder", "prefix", "key"),
    [
        ("AWSDynamoDB/01-ab", None, "AWSDynamoDB/01-ab"),
        ("AWSDynamoDB/01-ab", "daily/1", "daily/1/AWSDynamoDB/01-ab"),
        ("daily/1/AWSDynamoDB/01-ab", "daily/1", "daily/1/AWSDynamoDB/01-ab"),
        ("daily/1/AWSDynamoDB/01-ab", "daily/1/", "daily/1/AWSDynamoDB/01-ab"),
    ],
)
def test_the_manifest_lies_under_the_prefix_whether_it_is_named_with_it_or_not(
    named: str, folder: str, prefix: str | None, key: str
) -> None:
    export = described({**WHOLE, "ExportManifest": f"{folder}/{named}", "S3Prefix": prefix}, None)
    assert export == Export("b", f"{key}/manifest-files.json", 1_793_777_314.0, 8)


@pytest.mark.parametrize("member", ["S3Bucket", "ExportManifest", "ExportTime", "ItemCount"])
def test_what_describe_export_leaves_out_is_named(member: str) -> None:
    with pytest.raises(RunRefusedError, match=member):
        described({name: value for name, value in WHOLE.items() if name != member}, None)


# The manifest


def lines(count: int, items: int = 2) -> list[bytes]:
    return [json.dumps({"itemCount": items, "dataFileS3Key": f"x/data/{n}.gz"}).encode() + b"\n" for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, MOST_PARTS - 1, MOST_PARTS, MOST_PARTS + 1, 2 * MOST_PARTS + 1, 10_000])
def test_every_file_is_in_one_part_and_there_are_not_too_many(count: int) -> None:
    whole = lines(count)
    text = b"".join(whole)
    found = part_ranges(whole, 2 * count)
    assert len(found) <= MOST_PARTS
    assert len(found) == count or count > MOST_PARTS
    bounds = [tuple(map(int, each.split("-"))) for each in found]
    pieces = [text[begin : end + 1] for begin, end in bounds]
    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") for piece in pieces)
    most = max(piece.count(b"\n") for piece in pieces)
    assert most <= -(-count // MOST_PARTS)


def test_a_last_line_without_an_end_and_empty_ones_are_taken() -> None:
    whole = [*lines(2), b"\n", lines(1)[0].rstrip(b"\n")]
    assert part_ranges(whole, 6)[-1].endswith(f"-{len(b''.join(whole)) - 1}")


@pytest.mark.parametrize(
    ("given", "items", "said"),
    [
        (lines(2), 5, "2 files of 4 items, and DescribeExport says 5"),
        (lines(2)[:1], 4, "not whole"),
        ([], 0, "0 files"),
        ([b"{\n"], 0, "JSONDecodeError"),
        ([b"[]\n"], 0, "TypeError"),
        ([b'{"itemCount": 1}\n'], 1, "KeyError"),
        ([b'{"itemCount": "many", "dataFileS3Key": "x"}\n'], 1, "ValueError"),
    ],
)
def test_a_manifest_that_is_not_whole_is_refused(given: list[bytes], items: int, said: str) -> None:
    with pytest.raises(RunRefusedError, match=f"(?s){said}.*Make a new export"):
        part_ranges(given, items)


def test_more_files_than_a_load_can_take_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_FILES == 1_000_000
    monkeypatch.setattr(manifest, "MOST_FILES", 10)
    part_ranges(lines(10), 20)
    with pytest.raises(RunRefusedError, match="more than 10 data files: run a backfill without an export"):
        part_ranges(lines(11), 22)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="exports")
        yield client


EXPORT = Export("exports", "m", 1.0, 6)


def test_a_part_reads_its_own_lines_of_the_same_manifest(s3: Any) -> None:
    s3.put_object(Bucket="exports", Key="m", Body=b"".join(lines(3)))
    etag, parts = Manifest(s3).parts(EXPORT)
    found = [list(Manifest(s3).files(Files("exports", "m", etag, each))) for each in parts]
    assert found == [[DataFile(f"x/data/{number}.gz", 2)] for number in range(3)]
    s3.put_object(Bucket="exports", Key="m", Body=b"".join(reversed(lines(3))))
    with pytest.raises(RunRefusedError, match="has changed since the load began"):
        list(Manifest(s3).files(Files("exports", "m", etag, parts[0])))


def test_a_manifest_that_is_missing_is_told(s3: Any) -> None:
    with pytest.raises(RunRefusedError, match="'m' is missing"):
        Manifest(s3).parts(EXPORT)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [("AccessDenied", StackError, "s3:GetObject"), ("SlowDown", TableBusyError, "SlowDown")],
)
def test_what_is_no_fault_of_the_manifest_ends_the_call(code: str, kind: type[Exception], said: str) -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code)
        stub.add_client_error("get_object", code)
        with pytest.raises(kind, match=said):
            Manifest(client).parts(EXPORT)
        with pytest.raises(kind, match=said):
            list(Manifest(client).files(Files("exports", "m", "e", "0-9")))


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="x"), ClientError({"Error": {}}, "x")])
def test_an_s3_that_does_not_answer_is_asked_again(error: Exception) -> None:
    class Failing:
        def get_object(self, **_: Any) -> Any:
            raise error

    with pytest.raises(TableBusyError):
        Manifest(Failing()).parts(EXPORT)
