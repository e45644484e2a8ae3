"""The command `searchsync` on the applied walk-through, as an operator runs it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from lab.terraform import Terraform
from tests.lab.test_reconcile import key
from tests.lab.test_redrive import trigger_off
from tests.support.applied_cli import AppliedCli, Ran
from tests.support.applied_run import REFRESH_SECONDS, damage, settling_soon
from tests.support.fakes import whole

ITEMS = 200
LANES = 4
"""As `reconciliation.concurrency`, and so the segments of a small table."""


@pytest.fixture(scope="module")
def cli(workshop: Applied) -> Iterator[AppliedCli]:
    """The command, beside items that are in step."""
    names = [f"cli-{number}" for number in range(ITEMS)]
    with settling_soon(workshop):
        for each in names:
            workshop.put({**key(each), "state": {"S": "put"}})
        workshop.failure_messages()
        workshop.until("what is in step", lambda: workshop.comparison().in_step)
        yield AppliedCli(workshop)
    for each in names:
        workshop.delete(key(each))
    workshop.until("what is in step", lambda: workshop.comparison().in_step)


def kinds(ran: Ran) -> dict[str, tuple[str, list[str]]]:
    return {each["id"]: (each["kind"], each["attributes"]) for each in ran.json["first"]}


def test_damage_is_found_shown_repaired_and_the_verdict_follows(cli: AppliedCli, workshop_terraform: Terraform) -> None:
    backfilled = cli.run("backfill", "--again", "--json")
    assert (backfilled.code, backfilled.json["status"]) == (0, "SUCCEEDED"), backfilled
    assert backfilled.json["totals"]["items"] >= ITEMS
    assert cli.run("verify").code == 0
    # By the folder of the applied configuration, as people run it.
    status = cli.run("status", "--terraform", str(workshop_terraform.directory))
    assert (status.code, "✓ In step" in status.out) == (0, True), status
    damage(cli.stack, "cli-1", {"id": "cli-1", "state": "damaged"})
    damage(cli.stack, "cli-2", None)
    damage(cli.stack, "cli-nobody", {"id": "cli-nobody"})
    time.sleep(REFRESH_SECONDS)
    found = cli.run("verify", "--json")
    assert (found.code, found.json["differences"], found.json["in_step"]) == (1, 3, False), found
    assert kinds(found) == {
        "cli-1": ("different", ["state"]),
        "cli-2": ("missing", []),
        "cli-nobody": ("orphan", []),
    }
    status = cli.run("status")
    assert (status.code, "✗ Differences" in status.out) == (1, True), status
    assert "1 missing, 1 orphan, 1 different" in status.out
    repaired = cli.run("repair")
    assert (repaired.code, "3 repaired" in repaired.out) == (0, True), repaired
    assert cli.stack.comparison().in_step
    status = cli.run("status", "--json")
    assert (status.code, status.json["verification"]["task"]) == (0, "repair"), status


def test_a_message_that_was_mended_goes_and_one_that_was_not_stays(cli: AppliedCli) -> None:
    stack = cli.stack
    stack.put({**key("cli-number"), "number": {"N": "1"}})
    stack.until("the number's mapping", lambda: stack.document("cli-number"))
    for name in ("cli-number-mended", "cli-number-not"):
        stack.put({**key(name), "number": {"S": "no number"}})
    try:
        stack.until("both messages", lambda: depth(cli) == 2)
        status = cli.run("status")
        assert (status.code, "2 messages" in status.out) == (1, True), status
        with trigger_off(stack):
            stack.put({**key("cli-number-mended"), "number": {"N": "5"}})
            ran = cli.run("redrive", "--json")
        assert ran.code == 1, ran
        assert {name: ran.json[name] for name in ("taken", "redriven", "stayed", "reasons")} == {
            "taken": 2,
            "redriven": 1,
            "stayed": 1,
            "reasons": {"mapper_parsing_exception": 1},
        }
        assert stack.document("cli-number-mended") == whole(id="cli-number-mended", number=5)
        stack.put({**key("cli-number-not"), "number": {"N": "6"}})
        ran = cli.run("redrive")
        assert (ran.code, "✓ Redriven" in ran.out) == (0, True), ran
        assert "empty" in cli.run("redrive").out
    finally:
        for name in ("cli-number", "cli-number-mended", "cli-number-not"):
            stack.delete(key(name))
        stack.sqs.purge_queue(QueueUrl=stack.outputs["failure_queue_url"])


def depth(cli: AppliedCli) -> int:
    url = cli.stack.outputs["failure_queue_url"]
    asked = ["ApproximateNumberOfMessages"]
    found = cli.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    return int(found[asked[0]])


def test_a_run_is_left_running_joined_watched_again_and_stands_in_anothers_way(cli: AppliedCli) -> None:
    gate = cli.stack.lab.gate_of(cli.stack.outputs["collection_endpoint"])
    gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=429, count=None))
    try:
        left = cli.run("backfill", "--no-watch", "--again", "--json")
        assert (left.code, left.json["status"]) == (0, "RUNNING"), left
        name = left.json["execution"].rpartition(":")[2]
        refused = cli.run("verify")
        assert refused.code == 2, refused
        assert "A backfill runs since" in refused.err
        assert name in refused.err
        watching = cli.begin("backfill", "--progress")
        assert watching.stderr is not None
        said = [watching.stderr.readline() for _ in range(2)]  # it has joined, and shows progress
        assert f"Joining {name}" in said[0]
        stopped = cli.interrupted(watching)
        assert (stopped.code, "goes on without you" in stopped.err) == (130, True), stopped
        assert cli.run("status", "--json").json["running"]["task"] == "backfill"
    finally:
        gate.clear()
    watched = cli.run("backfill", "--watch", "--json")
    assert (watched.code, watched.json["execution"]) == (0, left.json["execution"]), watched
    assert watched.json["joined"] is True
    assert cli.run("backfill", "--watch", "--json").json["execution"] == left.json["execution"]  # it has ended
    listed = cli.run("runs", "--json", "--limit", "2").json["runs"]
    assert (listed[0]["name"], listed[0]["status"]) == (name, "SUCCEEDED"), listed
    twice = cli.run("backfill")
    assert (twice.code, f"{name} has written every item" in twice.err) == (2, True), twice


def parts(cli: AppliedCli, run: str) -> list[tuple[str, bool]]:
    """The run's calls so far by their part, and whether they went well; one that was tried again is there twice."""
    lines = cli.run("logs", "--function", "reconcile", "--since", "10m", "--json").lines
    return [(line["part"], "error" not in line) for line in lines if line.get("run") == run and "part" in line]


def in_segment(cli: AppliedCli, number: int, of: int) -> list[str]:
    """The ids of a segment's items."""
    outputs = cli.stack.outputs
    page = cli.stack.dynamodb.scan(TableName=outputs["table_name"], Segment=number, TotalSegments=of)
    return [item["id"]["S"] for item in page["Items"]]


def test_a_run_that_failed_half_way_goes_on_where_it_was(cli: AppliedCli) -> None:
    gate = cli.stack.lab.gate_of(cli.stack.outputs["collection_endpoint"])
    # One part's own item: the trigger's requests are not to be counted among the run's. One alone: a call of another
    # part that is tried again would outlive the run, which ends with the first part that fails.
    refused = (in_segment(cli, LANES - 1, LANES)[0],)
    gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=405, ids=refused, count=None))
    try:
        failed = cli.run("backfill", "--again", "--json")
    finally:
        gate.clear()
    assert (failed.code, "data access policy" in failed.json["error"]) == (2, True), failed
    assert f"`searchsync backfill --name {cli.stack.outputs['function_name']} --resume`" in failed.json["remedy"]
    errors = cli.run("logs", "--function", "reconcile", "--errors", "--since", "10m")
    assert (errors.code, "data access policy" in errors.out) == (0, True), errors
    run = failed.json["error"].split(" ")[0]
    before = parts(cli, run)
    done = {part for part, well in before if well}
    left = {part for part, _ in before} - done
    assert (len(done), len(left)) == (LANES - 1, 1), before
    resumed = cli.run("backfill", "--resume", "--json")
    assert (resumed.code, resumed.json["execution"].endswith(run)) == (0, True), resumed
    assert resumed.json["totals"]["items"] >= ITEMS
    assert parts(cli, run)[len(before) :] == [(part, True) for part in left]
    assert cli.run("backfill", "--resume").code == 2


def test_an_items_document_is_shown_and_its_damage_is_a_difference(cli: AppliedCli, tmp_path: Path) -> None:
    stack, digits = cli.stack, "0.12345678901234567890123456789012345678"
    stack.put({**key("cli-seen"), "n": {"N": digits}, "tags": {"SS": ["b", "a"]}})
    try:
        stack.until("a read that shows it", lambda: cli.run("preview", "--key", "cli-seen", "--diff").code == 0)
        same = cli.run("preview", "--key", "cli-seen", "--diff")
        assert (same.code, "✓ The index holds it" in same.out) == (0, True), same
        shown = cli.run("preview", "--key", '{"id": "cli-seen"}')
        assert (shown.code, f'"n": {digits}' in shown.out) == (0, True), shown
        damage(stack, "cli-seen", {"id": "cli-seen", "n": 1, "tags": ["a", "b"]})
        stack.until("a read that shows it", lambda: cli.run("preview", "--key", "cli-seen", "--diff").code == 1)
        differs = cli.run("preview", "--key", "cli-seen", "--diff")
        changed = {line for line in differs.out.splitlines() if line.startswith(("+ ", "- "))}
        assert (differs.code, changed) == (1, {'-  "n": 1,', f'+  "n": {digits},'}), differs
    finally:
        stack.delete(key("cli-seen"))
    (tmp_path / "item.json").write_text(json.dumps({"id": "cli-file", "password": "of nobody"}))
    ran = cli.run("preview", "--item", str(tmp_path / "item.json"))
    assert (ran.code, '"password": "of nobody"' in ran.out) == (0, True), ran
    assert "of nobody" not in cli.run("logs", "--function", "reconcile", "--since", "5m", "--json").out


def test_a_mapping_is_suggested_from_the_table_and_checked_on_the_collection(cli: AppliedCli, tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    ran = cli.run("mapping", "suggest", "--sample", str(ITEMS), "--out", str(file))
    assert (ran.code, f"Read {ITEMS} items from 16 segments" in ran.err) == (0, True), ran
    assert json.loads(file.read_text())["properties"]["state"] == {"type": "keyword", "ignore_above": 8191}
    own = cli.run("mapping", "check")
    assert (own.code, "can take it as it is" in own.out) == (0, True), own
    # The index has mapped `state` by its first value.
    other = cli.run("mapping", "check", str(file))
    assert (other.code, "✓ The mapping: an index can be made with it" in other.out) == (1, True), other
    assert "cannot be changed from type [text] to [keyword]" in other.out
    file.write_text(json.dumps({"properties": {"x": {"type": "text", "analyzer": "of-nobody"}}}))
    refused = cli.run("mapping", "check", str(file))
    assert (refused.code, "analyzer [of-nobody] has not been configured" in refused.out) == (1, True), refused
    assert "of-nobody" not in cli.run("logs", "--function", "reconcile", "--since", "5m", "--json").out


def test_the_functions_lines_are_shown(cli: AppliedCli) -> None:
    scanned = cli.run("logs", "--function", "reconcile", "--since", "1h")
    assert scanned.code == 0
    assert any("backfill" in line and "RunItems" in line for line in scanned.out.splitlines()), scanned
    synced: list[dict[str, Any]] = cli.run("logs", "--since", "1h", "--json").lines
    assert sum(line.get("DocumentsWritten", 0) for line in synced) >= ITEMS


def test_a_stack_that_is_not_there_is_named(cli: AppliedCli) -> None:
    ran = cli.run("status", "--name", "nobody")
    assert (ran.code, "There is no function nobody" in ran.err) == (2, True), ran
