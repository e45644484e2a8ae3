"""Collections in the lab: control plane as Terraform reads it, data plane as AOSS guards it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from lab.behaviours import Behaviours
from tests.support.small_stack import SmallStack, wait_until

BULK = '{"index":{"_index":"i","_id":"1"}}\n{"a":1}\n'
WRITE = ["POST", "/_bulk", BULK]
READ = ["GET", "/i/_mget", '{"ids":["1"]}']
CREATE = ["PUT", "/i", "{}"]
DESCRIBE = ["GET", "/i/_mapping"]


def test_a_role_with_policy_and_permission_may_do_what_the_policy_says(stack: SmallStack) -> None:
    stack.permit("aoss:CreateIndex", "aoss:WriteDocument")
    stack.permit("aoss:ReadDocument", "aoss:DescribeIndex")
    stack.lab.gate_of(stack.endpoint).behave(Behaviours())  # the new index may be written at once
    assert stack.invoke({"calls": [CREATE, WRITE, READ, DESCRIBE]}) == [200, 200, 200, 200]


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("aoss:CreateIndex", CREATE),
        ("aoss:WriteDocument", WRITE),
        ("aoss:ReadDocument", READ),
        ("aoss:DescribeIndex", DESCRIBE),
    ],
)
def test_each_call_needs_its_permission(stack: SmallStack, missing: str, call: list[str]) -> None:
    every = ["aoss:CreateIndex", "aoss:WriteDocument", "aoss:ReadDocument", "aoss:DescribeIndex"]
    stack.permit(*(each for each in every if each != missing))
    assert stack.invoke({"calls": [call]}) == [403]


def test_the_policy_is_for_its_index_and_its_principal(stack: SmallStack) -> None:
    stack.permit("aoss:WriteDocument", index="other")
    stack.permit("aoss:WriteDocument", principal="arn:aws:iam::000000000000:role/other")
    assert stack.invoke({"calls": [WRITE]}) == [403]


def test_iam_must_allow_it_too(stack: SmallStack) -> None:
    stack.permit("aoss:*")
    assert stack.invoke({"calls": [CREATE]}) == [200]
    stack.forbid("aoss:APIAccessAll")
    assert stack.invoke({"calls": [WRITE]}) == [403]


@pytest.mark.parametrize(
    ("service", "hashed"),
    [("", True), ("es", True), ("aoss", False)],
    ids=["unsigned", "signed for es", "without content hash"],
)
def test_a_request_must_be_signed_for_aoss(stack: SmallStack, service: str, hashed: bool) -> None:
    stack.permit("aoss:*")
    assert stack.invoke({"calls": [[*CREATE, service, hashed]]}) == [403]


def test_a_deleted_collection_is_gone_with_its_data(stack: SmallStack) -> None:
    stack.permit("aoss:*")
    assert stack.invoke({"calls": [CREATE]}) == [200]
    stack.api("opensearchserverless").delete_collection(id=stack.collection_id)
    wait_until("the end of the gate", lambda: not answers(stack.endpoint))
    wait_until("the end of the index", lambda: not answers(f"{stack.lab.engine_url}/i"))


def test_dashboards_are_named_by_their_collection(stack: SmallStack) -> None:
    aoss = stack.api("opensearchserverless")
    rule = {"ResourceType": "dashboard", "Resource": [f"collection/{stack.name}"]}
    policy = [{"Rules": [rule], "AllowFromPublic": True}]
    made = aoss.create_security_policy(name=stack.name, type="network", policy=json.dumps(policy))
    assert made["securityPolicyDetail"]["policy"] == policy
    wrong = [{**policy[0], "Rules": [{**rule, "Resource": [f"dashboard/{stack.name}"]}]}]
    with pytest.raises(aoss.exceptions.ValidationException):
        aoss.create_security_policy(name="wrong", type="network", policy=json.dumps(wrong))


def test_a_description_that_was_never_given_is_absent(stack: SmallStack) -> None:
    aoss = stack.api("opensearchserverless")
    (collection,) = aoss.batch_get_collection(names=[stack.name])["collectionDetails"]
    policy = aoss.get_security_policy(name=stack.name, type="encryption")["securityPolicyDetail"]
    assert "description" not in collection
    assert "description" not in policy


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code != 404
    except OSError:
        return False
    return True


def test_a_creation_that_is_sent_again_with_its_token_is_answered_as_before(stack: SmallStack) -> None:
    aoss = stack.lab.boto3_client("opensearchserverless")
    rules = [{"ResourceType": "index", "Resource": ["index/a/b"], "Permission": ["aoss:ReadDocument"]}]
    policy = json.dumps([{"Rules": rules, "Principal": ["arn:aws:iam::000000000000:role/a"]}])
    asked = {"name": "sent-again", "type": "data", "policy": policy, "clientToken": "one"}
    made = aoss.create_access_policy(**asked)["accessPolicyDetail"]
    assert aoss.create_access_policy(**asked)["accessPolicyDetail"] == made
    with pytest.raises(aoss.exceptions.ConflictException):
        aoss.create_access_policy(**{**asked, "clientToken": "another"})
    gone = {"name": "sent-again", "type": "data", "clientToken": "gone"}
    aoss.delete_access_policy(**gone)
    aoss.delete_access_policy(**gone)
