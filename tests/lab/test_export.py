"""Existing data from an export, on a stack that has a table: loaded by the command line with the trigger off, and
brought up to date by the trigger, which then reads the stream from its beginning."""

from __future__ import annotations

import json
import time
from typing import Any

import requests

from lab.applied import Applied
from lab.export import Exporter, WrittenExport
from lab.stack import Lab
from lab.terraform import Terraform
from searchsync.limits import MOST_PARTS
from tests.lab.test_reconcile import without
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import settling_soon

NAME = "orders-search"
BUCKET = f"{NAME}-runs"
ITEMS = 30
FILES = 4 * MOST_PARTS
MOST_SECONDS = 400.0
"""Of writing so many data files and loading them."""


def key(number: int) -> dict[str, Any]:
    return {"customer": {"S": "c"}, "order": {"N": str(number)}}


def order(number: int, state: str = "put") -> dict[str, Any]:
    return {**key(number), "total": {"N": f"{number}.5"}, "state": {"S": state}}


def table_arn(stack: Applied) -> str:
    return str(stack.outputs["stream_arn"]).partition("/stream/")[0]


def exporter(stack: Applied) -> Exporter:
    lab = stack.lab
    return Exporter(lab.boto3_client("dynamodb"), lab.boto3_client("s3"), BUCKET, table_arn(stack))


def export(stack: Applied, items: list[dict[str, Any]], at: float) -> WrittenExport:
    return exporter(stack).write(items, at)


def test_an_export_is_loaded_and_the_stream_brings_what_has_changed_since(lab: Lab) -> None:
    with Terraform("existing-table", lab) as terraform:
        terraform.apply({"trigger_enabled": False})
        assert terraform.plan_is_empty(), terraform.plan()
        load(terraform, Applied(lab, terraform.output(), ("customer", "order")))
        terraform.destroy()


def load(terraform: Terraform, stack: Applied) -> None:
    """The whole of it: refused, broken, loaded, the trigger turned on."""
    cli = AppliedCli(stack)
    check_refused(cli)
    for number in range(ITEMS):
        stack.put(order(number))
    at = time.time()
    exported = export(stack, [order(number) for number in range(ITEMS)], at)
    # What changes since: an item is deleted, one edited, one comes. None of it is in the export.
    stack.delete(key(7))
    stack.put(order(8, "edited"))
    stack.put(order(ITEMS, "new"))
    check_broken_file(cli, exported)
    check_many_files(cli)
    check_resumed_too_late(cli, export(stack, [order(99)], at))
    exported = export(stack, [order(number) for number in range(ITEMS)], at)
    loaded = cli.run("backfill", "--from-export", exported.url)
    assert (loaded.code, f"{ITEMS} items" in loaded.out) == (0, True), loaded
    assert "trigger.enabled = true" in loaded.out
    assert stack.document("c|7")["state"] == stack.document("c|8")["state"] == "put"
    status = cli.run("status", "--json")
    assert (status.code, status.json["verdict"], status.json["trigger"]["state"]) == (1, "unverified", "Disabled")
    terraform.apply({"trigger_enabled": True})
    stack.until("the deletion", lambda: stack.document("c|7") is None)
    stack.until("what is in step", lambda: stack.comparison().in_step)
    assert stack.document("c|8")["state"] == "edited"
    refused = cli.run("backfill", "--from-export", exported.url)
    assert (refused.code, "The trigger is Enabled" in refused.err) == (2, True), refused
    assert f"--from-export {exported.arn}" in refused.err
    check_report(cli)


def check_broken_file(cli: AppliedCli, exported: WrittenExport) -> None:
    """One file that is cut off, one that is gone: both are named, and what can be loaded is."""
    s3 = cli.stack.lab.boto3_client("s3")
    whole = s3.get_object(Bucket=BUCKET, Key=exported.files[0])["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=exported.files[0], Body=whole[: len(whole) // 2])
    s3.delete_object(Bucket=BUCKET, Key=exported.files[1])
    ran = cli.run("backfill", "--from-export", exported.url, "--json")
    assert (ran.code, ran.json["status"], ran.json["not_written"]["broken_files"]) == (1, "SUCCEEDED", 2), ran
    broken = " ".join(ran.json["totals"]["broken"])
    assert [name for name in exported.files if name.rpartition("/")[2] in broken] == list(exported.files[:2])
    assert all(cli.stack.document(f"c|{number}") for number in range(2, ITEMS, 3))


def check_resumed_too_late(cli: AppliedCli, exported: WrittenExport) -> None:
    """A load that failed goes on when changes since the export are lost: here after a minute, of AWS's day."""
    stack, functions = cli.stack, cli.stack.lab.boto3_client("lambda")
    with without(stack, f"{NAME}-reconcile-machine-role", "states:StartExecution"):
        failed = cli.run("backfill", "--from-export", exported.url)
    assert (failed.code, "states:StartExecution" in failed.err) == (2, True), failed
    (trigger,) = functions.list_event_source_mappings(FunctionName=stack.outputs["function_name"])[
        "EventSourceMappings"
    ]
    before = trigger["MaximumRecordAgeInSeconds"]
    functions.update_event_source_mapping(UUID=trigger["UUID"], MaximumRecordAgeInSeconds=60)
    try:
        resumed = cli.run("backfill", "--resume")
    finally:
        functions.update_event_source_mapping(UUID=trigger["UUID"], MaximumRecordAgeInSeconds=before)
    assert (resumed.code, "There is not time enough" in resumed.err) == (2, True), resumed
    command = f"aws dynamodb export-table-to-point-in-time --table-arn {table_arn(stack)} --s3-bucket {BUCKET}"
    assert command in resumed.err
    assert exported.arn not in resumed.err
    assert stack.document("c|99") is None


def check_many_files(cli: AppliedCli) -> None:
    """An export of very many files, which are loaded in no more parts than one state has room for the results of."""
    began = time.monotonic()
    items = [{**key(number), "customer": {"S": "many"}} for number in range(FILES)]
    exported = exporter(cli.stack).write(items, time.time(), files=FILES)
    written = time.monotonic() - began
    ran = cli.run("backfill", "--from-export", exported.url, "--json")
    took = time.monotonic() - began
    print(f"{FILES:,} files: written in {written:.1f} s, loaded in {took - written:.1f} s")
    assert (ran.code, ran.json["totals"]["items"], ran.json["totals"]["written"]) == (0, FILES, FILES), ran
    assert FILES / 10 < parts(cli.stack, ran.json["execution"]) <= MOST_PARTS
    url = f"{cli.stack.lab.engine_url}/{cli.stack.outputs['index_name']}"
    gone = "".join(json.dumps({"delete": {"_id": f"many|{number}"}}) + "\n" for number in range(FILES))
    headers = {"content-type": "application/x-ndjson"}
    answer = requests.post(f"{url}/_bulk", gone, headers=headers, timeout=60).json()
    assert [each["delete"]["result"] for each in answer["items"]] == ["deleted"] * FILES
    assert took < MOST_SECONDS


def parts(stack: Applied, execution: str) -> int:
    """The parts of a run: each is a child of its Map Run, and has a result in the run's state."""
    states = stack.lab.boto3_client("stepfunctions")
    (found,) = states.list_map_runs(executionArn=execution)["mapRuns"]
    return int(states.describe_map_run(mapRunArn=found["mapRunArn"])["itemCounts"]["total"])


def check_report(cli: AppliedCli) -> None:
    """A verification's differences are read from its report in S3."""
    stack = cli.stack
    url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_doc/c%7C3"
    requests.delete(url, timeout=10).raise_for_status()
    stack.lab.age(4 * 60)  # the trigger was late when it was turned on, and a verification waits for that to be past
    with settling_soon(stack):
        found = cli.run("verify", "--json")
    assert found.code == 1, found
    assert (found.code, found.json["first"]) == (1, [{"id": "c|3", "kind": "missing", "attributes": []}]), found
    assert found.json["report"].startswith(f"s3://{BUCKET}/verify-")


def check_not_whole(cli: AppliedCli) -> None:
    """What is not every item of the table, whole, by what DescribeExport says."""
    make = exporter(cli.stack)
    narrowed = {"FilterExpression": "#s = :s", "ProjectionExpression": "#s"}
    specified = {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {"ExportFromTime": 1}}
    for asked, said in (
        ({"FilterSpecification": narrowed}, "FilterSpecification ['FilterExpression', 'ProjectionExpression']"),
        (specified, "incremental"),
        ({"ExportFormat": "ION"}, "only DYNAMODB_JSON"),
    ):
        refused = cli.run("backfill", "--from-export", make.write([order(1)], time.time(), **asked).url)
        assert (refused.code, said in refused.err) == (2, True), refused
    writing = cli.run("backfill", "--from-export", make.begin(time.time()))
    assert (writing.code, "still being written" in writing.err) == (2, True), writing


def check_refused(cli: AppliedCli) -> None:
    """Nothing is loaded that would lose changes: the run says so, and the command how to begin anew."""
    old = cli.run("backfill", "--from-export", export(cli.stack, [order(1)], time.time() - 3600).url)
    assert (old.code, "older than the table's stream" in old.err) == (2, True), old
    check_not_whole(cli)
    now = export(cli.stack, [order(1)], time.time())
    slow = cli.run("backfill", "--from-export", now.url, "--rate", "0.00001")
    assert (slow.code, "There is not time enough" in slow.err) == (2, True), slow
    assert cli.stack.document("c|1") is None
