"""The permissions of docs/permissions.md are AWS's, as narrow as AWS knows them, and the document is what is listed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab.gate_rules import PERMISSIONS
from tests.support.actions import is_action, reference
from tools.permission_list import ENDPOINTS, GRANTS, Grant
from tools.permissions import DOCUMENT, MOST_CHARACTERS, main, policy, render

BROAD = {
    "cloudwatch:DescribeAlarms": "asked for several alarms by name at once",
}
"""The actions on `*` although the reference names a resource for them."""


def known(action: str) -> dict[str, Any]:
    """An action's kinds of resource with their ARNs' patterns. KeyError: there is no such action."""
    service, name = action.split(":")
    found = reference()[service]
    kinds = found["Actions"][name.lower()].get("Resources", [])
    return {kind: found["Resources"][kind.lower()]["ARNFormats"] for kind in kinds}


def pattern(arn_format: str) -> str:
    """A regular expression of the reference's ARN, for our placeholders."""
    named = arn_format.replace("${Partition}", "aws").replace("${Region}", "REGION").replace("${Account}", "ACCOUNT")
    return re.sub(r"\$\{\w+\}", ".*", named)


def each_action() -> list[Any]:
    return [pytest.param(grant, action, id=f"{action} {grant.thing}") for grant in GRANTS for action in grant.actions]


@pytest.mark.parametrize(("grant", "action"), each_action())
def test_an_action_is_aws_own_and_stands_on_the_narrowest_resource_that_aws_knows(grant: Grant, action: str) -> None:
    kinds = known(action)
    if grant.resources == ("*",):
        assert not kinds or action in BROAD
    else:
        patterns = [pattern(each) for formats in kinds.values() for each in formats]
        assert patterns, f"{action} knows no resource: it belongs on *"
        assert all(any(re.fullmatch(each, arn) for each in patterns) for arn in grant.resources)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.function} {each.service}")
def test_what_a_function_calls_is_an_action_of_aws(endpoint: Any) -> None:
    for action in endpoint.actions:
        known(action)


ROOT = Path(__file__).parents[2]
WRITTEN = ("*.tf", "modules/*/*.tf", "examples/*/*.tf", "*.md", "docs/*.md", "modules/*/*.md", "examples/*/*.md")
ACTION = re.compile(r"(?<![\w:.-])([a-z][a-z0-9-]+:[A-Z][A-Za-z]+\*?)")
"""Of all that is written so."""
CONDITION_KEYS = {
    *("aws:PrincipalArn", "aws:SecureTransport", "aws:SourceAccount", "iam:AWSServiceName", "iam:PassedToService"),
    *("iam:PermissionsBoundary", "kms:EncryptionContext", "kms:RequestAlias"),
}


def is_written_well(name: str) -> bool:
    return is_action(name) or name in PERMISSIONS or name in CONDITION_KEYS


def test_every_action_that_terraform_or_a_document_names_is_aws_own() -> None:
    found = {name: path for each in WRITTEN for path in ROOT.glob(each) for name in ACTION.findall(path.read_text())}
    assert {"aoss:WriteDocument", "dynamodb:BatchGetItem", "kms:Decrypt", "kms:Decrypt*", *CONDITION_KEYS} <= set(found)
    assert not {name: str(path) for name, path in found.items() if not is_written_well(name)}


@pytest.mark.parametrize("name", ["dynamodb:BatchGetItems", "dynamdb:Scan", "aoss:ReadDocuments", "kms:Decrypts*"])
def test_a_misspelt_action_is_seen(name: str) -> None:
    assert ACTION.fullmatch(name)
    assert not is_written_well(name)


def test_no_action_is_granted_twice_on_the_same_resource() -> None:
    named = [(action, grant.resources, grant.when) for grant in GRANTS for action in grant.actions]
    assert len(named) == len(set(named))


def test_a_kms_key_is_the_users_own_or_found_by_its_alias() -> None:
    keys = [grant for grant in GRANTS if any(action.startswith("kms:") for action in grant.actions)]
    assert any(not grant.resources for grant in keys)
    assert all("kms:RequestAlias" in json.dumps(grant.condition) for grant in keys if grant.resources)


def test_the_policy_fits_a_managed_policy() -> None:
    assert len("".join(json.dumps(policy()).split())) <= MOST_CHARACTERS


def test_the_document_is_up_to_date() -> None:
    assert render(DOCUMENT.read_text()) == DOCUMENT.read_text()
    assert main(["--check"]) == 0
