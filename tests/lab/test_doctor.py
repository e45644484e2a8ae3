"""`searchsync doctor` on the applied walk-through: by its own roles, in both profiles, and with a permission less."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.applied import Applied
from lab.behaviours import DEFAULT_PROFILE, Behaviours, in_the_lab
from lab.gate_admin import GateClient
from searchsync.reconcile.asker import probe_index
from searchsync_cli.diagnosis import PROBES, Outcome
from tests.lab.test_permissions import put_policy, without
from tests.lab.test_reconcile import key
from tests.support.applied_cli import AppliedCli, Ran

SECONDS = ("--seconds", "60")
"""Enough for all but the tombstone's minute."""
RECONCILE_ROLE = "dynamodb-to-opensearch-reconcile-role"
RECONCILE_POLICY = "dynamodb-to-opensearch-runs"


@pytest.fixture(scope="module")
def gate(workshop: Applied) -> Iterator[GateClient]:
    """The kind collection's gate, and an index there; the lab's own profile comes back at the end."""
    gate = workshop.lab.gate_of(workshop.outputs["collection_endpoint"])
    gate.behave(Behaviours())
    workshop.put(key("doctor"))
    workshop.until("the index", lambda: workshop.document("doctor"))
    yield gate
    gate.behave(in_the_lab(DEFAULT_PROFILE))
    workshop.delete(key("doctor"))
    workshop.until("what is in step", lambda: workshop.comparison().in_step)


@pytest.fixture
def cli(workshop: Applied, gate: GateClient) -> Iterator[AppliedCli]:
    """The command. Whatever a test did, no probe index is left, and the user's is as it was."""
    url = f"{workshop.lab.engine_url}/{workshop.outputs['index_name']}"
    before = [requests.get(f"{url}{what}", timeout=30).json() for what in ("/_mapping", "/_alias")]
    yield AppliedCli(workshop)
    gate.behave(Behaviours())
    assert [requests.get(f"{url}{what}", timeout=30).json() for what in ("/_mapping", "/_alias")] == before
    probe = f"{workshop.lab.engine_url}/{probe_index(workshop.outputs['index_name'])}"
    assert requests.head(probe, timeout=30).status_code == 404


def outcomes(ran: Ran) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in ran.json["rows"]}


def differing(ran: Ran) -> set[str]:
    return {name for name, outcome in outcomes(ran).items() if outcome in (Outcome.HARMLESS, Outcome.ACT)}


def test_a_kind_collection_is_as_relied_on_in_every_row(cli: AppliedCli, tmp_path: Path) -> None:
    report = tmp_path / "findings.json"
    ran = cli.run("doctor", "--report", str(report))
    assert (ran.code, "✓ As relied on" in ran.out) == (0, True), ran
    text = report.read_text()
    assert {row["name"]: row["outcome"] for row in json.loads(text)["rows"]} == {
        probe.name: Outcome.RELIED.value for probe in PROBES
    }
    outputs = cli.stack.outputs
    secrets = [str(outputs[name]) for name in ("function_name", "table_name", "index_name", "collection_endpoint")]
    assert not [name for name in secrets if name in text]
    assert not re.search(r"\d{12}", text)


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        ("classic", {"reads-late", "new-index-writable", "mapping-conflict"}),
        ("nextgen", {"reads-late", "new-index-writable", "index-by-write", "index-identity"}),
    ],
)
def test_a_profile_is_found_out_row_by_row(cli: AppliedCli, gate: GateClient, profile: str, found: set[str]) -> None:
    gate.behave(in_the_lab(profile))
    ran = cli.run("doctor", "--json", *SECONDS)
    assert (ran.code, differing(ran)) == (0, found), ran


@contextmanager
def run_without(stack: Applied, permission: str, name: str = RECONCILE_POLICY) -> Iterator[None]:
    """The data access policy without one permission on the probe index."""
    aoss = stack.lab.boto3_client("opensearchserverless")
    before = aoss.get_access_policy(type="data", name=name)["accessPolicyDetail"]["policy"]
    changed: Any = json.loads(json.dumps(before))
    rule = changed[0]["Rules"][-1]
    assert rule["Resource"][0].endswith("-doctor")
    rule["Permission"].remove(permission)
    put_policy(aoss, name, changed)
    try:
        yield
    finally:
        put_policy(aoss, name, before)


@pytest.mark.parametrize(
    ("permission", "refused"),
    [
        ("aoss:CreateIndex", "PUT /<probe>"),
        ("aoss:DescribeIndex", "GET /<probe>/_mapping"),
        ("aoss:UpdateIndex", "PUT /<probe>/_mapping"),
        ("aoss:WriteDocument", "POST /<probe>/_bulk"),
        ("aoss:ReadDocument", "POST /<probe>/_search"),
    ],
)
def test_each_permission_of_the_runs_role_is_missed(cli: AppliedCli, permission: str, refused: str) -> None:
    with run_without(cli.stack, permission):
        ran = cli.run("doctor", "--json", *SECONDS)
    assert (ran.code, differing(ran)) == (1, {"permissions"}), ran
    (row,) = [each for each in ran.json["rows"] if each["name"] == "permissions"]
    assert refused in row["seen"]


def test_a_probe_index_that_may_not_be_deleted_is_said(cli: AppliedCli) -> None:
    with run_without(cli.stack, "aoss:DeleteIndex"):
        ran = cli.run("doctor", "--json", *SECONDS)
    probe = probe_index(cli.stack.outputs["index_name"])
    requests.delete(f"{cli.stack.lab.engine_url}/{probe}", timeout=30).raise_for_status()
    assert (ran.code, ran.json["left"]) == (1, [f"DELETE /{probe}"]), ran


def test_a_refused_read_of_the_table_is_the_sync_roles_row(cli: AppliedCli) -> None:
    with without(cli.stack, "dynamodb:BatchGetItem"):
        ran = cli.run("doctor", "--json", *SECONDS)
    assert (ran.code, differing(ran)) == (1, {"sync-role"}), ran


def test_a_signature_that_is_refused_is_found(cli: AppliedCli) -> None:
    iam = cli.stack.lab.boto3_client("iam")
    statement = {"Effect": "Deny", "Action": "aoss:APIAccessAll", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=RECONCILE_ROLE, PolicyName="taken-away", PolicyDocument=document)
    try:
        ran = cli.run("doctor", "--json", *SECONDS)
    finally:
        iam.delete_role_policy(RoleName=RECONCILE_ROLE, PolicyName="taken-away")
    assert (ran.code, differing(ran)) == (1, {"signature", "permissions"}), ran
