"""Every example that no other test applies: applied, planned again, used, destroyed.

What AWS refuses of the features that they show, the lab refuses.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.applied import Applied
from lab.cloud.settings import ACCOUNT, REGION
from lab.maven import ROOT
from lab.stack import Lab
from lab.terraform import Terraform
from tests.support.applied_run import Run, settling_soon
from tests.support.graphql import Posts
from tools.permission_list import ENDPOINTS

ELSEWHERE = {"existing-table", "workshop"}
"""Examples that have a test of their own."""
OWNER = "222222222222"
"""The account of the table in `cross-account`."""
RUN_SECONDS = 180
KEPT_SECONDS = 43_200 * 60
"""For so long `appsync` keeps what is deleted."""
LONGEST_EXPIRY_SECONDS = 90
AT_ONCE = 3
"""Of Terraform, each with a provider of half a gigabyte."""
FIRST = "test_an_example_is_applied_planned_again_without_a_change_and_used"
OWN_ENDPOINT = "collection"
NO_ENDPOINT = "DynamoDB Streams"
"""What OpenSearch Serverless has endpoints of its own for, and what has none that a function finds by name."""

Outputs = dict[str, Any]


def an_id(name: str) -> Any:
    return {"id": {"S": name}}


def arrives(stack: Applied, item: dict[str, Any], document: str) -> Any:
    """The document of an item that is put."""
    stack.put(item)
    return stack.until(f"the document {document}", lambda: stack.document(document))


def refusal(stack: Applied) -> str:
    """Why the first step of a backfill fails: asked of the reconcile function, for a run would try it seven times."""
    machine = stack.outputs["reconciliation_state_machine_arn"].replace("stateMachine", "execution")
    started = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    step = {"step": "prepare", "input": {"task": "backfill"}, "execution": f"{machine}:asked", "started": started}
    functions, name = stack.lab.boto3_client("lambda"), f"{stack.outputs['function_name']}-reconcile"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(step))
    assert answer.get("FunctionError"), answer
    return str(json.load(answer["Payload"])["errorMessage"])


def use_many_tables(lab: Lab, outputs: Outputs) -> None:
    items = {
        "customers": an_id("c"),
        "orders": {"customer": {"S": "c"}, "order": {"N": "7"}},
        "products": {"sku": {"S": "p"}},
    }
    ids = {"customers": "c", "orders": "c|7", "products": "p"}
    stacks = {table: Applied(lab, stack, tuple(items[table])) for table, stack in outputs["stacks"].items()}
    for table, stack in stacks.items():
        stack.put(items[table])
    for table, stack in stacks.items():
        stack.until(f"the document of {table}", lambda stack=stack, table=table: stack.document(ids[table]))  # type: ignore[misc]
        assert stack.comparison().in_step


def use_several_collections(lab: Lab, outputs: Outputs) -> None:
    whole, part = (
        Applied(lab, outputs["stacks"][each] | {"table_name": outputs["table_name"]}) for each in ("service", "reports")
    )
    address = {"M": {"street": {"S": "s"}, "city": {"S": "c"}}}
    found = arrives(whole, {**an_id("a"), "email": {"S": "e"}, "address": address}, "a")
    assert (found["email"], found["address"]) == ("e", {"street": "s", "city": "c"})
    found = part.until("the document without its secrets", lambda: part.document("a"))
    assert (found.get("email"), found["address"]) == (None, {"town": "c"})
    assert (found["source"], found["restricted"]) == ("accounts", True)
    assert part.outputs["collection_endpoint"] != whole.outputs["collection_endpoint"]


def use_two_regions(lab: Lab, outputs: Outputs) -> None:
    """What is written in one region is in both regions' indexes, of collections of their own."""
    stacks = [Applied(lab, stack | {"table_name": outputs["table_name"]}) for stack in outputs["stacks"].values()]
    stacks[0].put(an_id("a"))
    for stack in stacks:
        stack.until(f"the document of {stack.outputs['index_name']}", lambda stack=stack: stack.document("a"))  # type: ignore[misc]
    assert len({stack.outputs["collection_endpoint"] for stack in stacks}) == len(stacks)


def use_s3_package(lab: Lab, outputs: Outputs) -> None:
    stack = Applied(lab, outputs)
    arrives(stack, an_id("a"), "a")
    code = lab.boto3_client("lambda").get_function(FunctionName=outputs["function_name"])["Configuration"]["CodeSize"]
    assert code == (ROOT / "dist/searchsync.zip").stat().st_size


def use_private_network(lab: Lab, outputs: Outputs) -> None:
    """Each endpoint of docs/permissions.md is there and no other; a function that is not in the VPC reaches nothing,
    and one that is there nothing that has no endpoint."""
    stack, ec2 = Applied(lab, outputs), lab.boto3_client("ec2")
    there = {
        each["ServiceName"].rpartition(".")[2]: each["VpcEndpointId"]
        for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]
        if each["VpcId"] == outputs["vpc_id"] and each["ServiceName"].startswith(f"com.amazonaws.{REGION}.")
    }
    called = [each.kind for each in ENDPOINTS if each.service not in (OWN_ENDPOINT, NO_ENDPOINT)]
    assert there.keys() == {name for kind in called for name in re.findall("`(.+?)`", kind)}
    arrives(stack, an_id("a"), "a")
    Run(stack, RUN_SECONDS).run("backfill")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[there["states"]])
    assert "states:ListExecutions" in refusal(stack)
    functions = lab.boto3_client("lambda")
    outside: dict[str, list[str]] = {"SubnetIds": [], "SecurityGroupIds": []}
    functions.update_function_configuration(FunctionName=outputs["function_name"], VpcConfig=outside)
    stack.put(an_id("b"))
    stack.until(
        "the refusal", lambda: any("403" in f"{line.get('busy')} {line.get('error')}" for line in stack.log_lines())
    )
    assert stack.document("b") is None


def use_customer_keys(lab: Lab, outputs: Outputs) -> None:
    """Everything is written and read with the key; without its part of the key's policy nobody may."""
    stack, kms = Applied(lab, outputs), lab.boto3_client("kms")
    arrives(stack, {**an_id("a"), "number": {"N": "1"}}, "a")
    stack.until("the log line", lambda: stack.log_line("a"))
    stack.put({**an_id("poison"), "number": {"S": "no number"}})
    assert stack.until("the message", stack.failure_messages)[0]["key"] == an_id("poison")
    Run(stack, RUN_SECONDS).run("backfill")
    table = stack.dynamodb.describe_table(TableName=outputs["table_name"])["Table"]
    key = table["SSEDescription"]["KMSMasterKeyArn"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    account, logs = policy["Statement"]
    for statement, refused in ((logs, use_as_account), (account, use_as_logs)):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({**policy, "Statement": [statement]}))
        for use in refused(lab, key, outputs):
            with pytest.raises(ClientError, match="AccessDenied"):
                use()


def use_as_account(lab: Lab, key: str, outputs: Outputs) -> list[Callable[[], Any]]:
    """Uses of the key that the account's statement permits."""
    queue, table = outputs["failure_queue_url"], outputs["table_name"]
    aoss = lab.boto3_client("opensearchserverless")
    rule = {"Rules": [{"ResourceType": "collection", "Resource": ["collection/another"]}], "KmsARN": key}

    def make_collection() -> None:
        aoss.create_security_policy(name="another", type="encryption", policy=json.dumps(rule | {"AWSOwnedKey": False}))
        try:
            aoss.create_collection(name="another", type="SEARCH")
        finally:
            aoss.delete_security_policy(name="another", type="encryption")

    return [
        lambda: lab.boto3_client("sqs").send_message(QueueUrl=queue, MessageBody="{}"),
        lambda: lab.boto3_client("sqs").receive_message(QueueUrl=queue),
        lambda: lab.boto3_client("dynamodb").scan(TableName=table),
        make_collection,
    ]


def use_as_logs(lab: Lab, key: str, outputs: Outputs) -> list[Callable[[], Any]]:
    """The use that the statement of CloudWatch Logs permits."""
    group = f"{outputs['log_group_name']}-another"
    return [lambda: lab.boto3_client("logs").create_log_group(logGroupName=group, kmsKeyId=key)]


def use_cross_account(lab: Lab, outputs: Outputs) -> None:
    """What is written in the owner's account arrives; a table of the same name in the function's is never read."""
    stack = Applied(lab, outputs)
    stack.dynamodb.create_table(
        TableName=outputs["table_name"],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    stack.put({**an_id("a"), "whose": {"S": "the function's"}})
    stack.put({**an_id("stray"), "whose": {"S": "the function's"}})
    owned = Applied(lab, outputs)
    owned.dynamodb = lab.boto3_client("dynamodb", OWNER)
    assert arrives(owned, {**an_id("a"), "whose": {"S": "the owner's"}}, "a")["whose"] == "the owner's"
    assert Run(stack, RUN_SECONDS).run("backfill")["totals"]["items"] == 1
    assert (owned.document("a")["whose"], owned.document("stray")) == ("the owner's", None)
    stack.dynamodb.delete_table(TableName=outputs["table_name"])
    without_policies(lab, stack, owned)


def without_policies(lab: Lab, stack: Applied, owned: Applied) -> None:
    """What is applied is what the stack asks for, and without it neither table nor stream is read."""
    table = owned.dynamodb.describe_table(TableName=stack.outputs["table_name"])["Table"]
    for name, arn in (("table", table["TableArn"]), ("stream", table["LatestStreamArn"])):
        applied = owned.dynamodb.get_resource_policy(ResourceArn=arn)["Policy"]
        assert json.loads(applied) == json.loads(stack.outputs["table_owner_policies"][name])
        owned.dynamodb.delete_resource_policy(ResourceArn=arn)
    assert "dynamodb:DescribeTable" in refusal(stack)
    functions = lab.boto3_client("lambda")
    found = {"FunctionName": stack.outputs["function_name"]}

    def result() -> bool:
        (mapping,) = functions.list_event_source_mappings(**found)["EventSourceMappings"]
        return str(mapping["LastProcessingResult"]).startswith("PROBLEM")

    stack.until("the trigger's refusal", result)


def use_appsync(lab: Lab, outputs: Outputs) -> None:
    """What AppSync writes is shown; what it marks as deleted is not, until another of the mark's version takes its
    place. What DynamoDB deletes after its time has been gone for long."""
    stack, posts = Applied(lab, outputs), Posts(lab, outputs["api_id"])

    def shown(name: str, version: int) -> Any:
        document = stack.document(name)
        return document if document and document["__version"] == version else None

    for name in ("a", "expired"):
        made = posts.mutate("create", id=name, author="x", title="first")
        found = stack.until(f"the post {name}", lambda name=name: shown(name, 1))  # type: ignore[misc]
        assert (found["title"], found["_lastChangedAt"]) == ("first", made["_lastChangedAt"])
    assert found.keys().isdisjoint({"_version", "_deleted", "_ttl"})
    delete_post(stack, posts, "expired", 1)
    its_time_comes(stack, "expired")
    refused = posts.mutate("update", id="a", title="stale", _version=7)
    assert (refused["errorType"], refused["data"]["_version"]) == ("ConflictUnhandled", 1)
    posts.mutate("update", id="a", title="second", _version=1)
    assert stack.until("the change", lambda: shown("a", 2))["title"] == "second"
    delete_post(stack, posts, "a", 2)
    assert posts.mutate("create", id="a", author="x", title="third")["errorType"] == "ConflictUnhandled"
    assert verified(stack).get("documents", 0) == 0
    posts.mutate("create", id="a", author="x", title="third", _version=3)
    assert stack.until("the post in the mark's place", lambda: shown("a", 4))["title"] == "third"
    stack.until("the expiry", lambda: stack.item(an_id("expired")) is None, LONGEST_EXPIRY_SECONDS)
    # Its time and its end may come in one batch, of which the log names the last.
    stack.until("its record", lambda: [each for each in log_records(stack, "expired") if each["event"] == "REMOVE"])
    assert stack.document("expired") is None
    assert stack.comparison().in_step
    assert verified(stack)["documents"] == 1
    assert not stack.failure_messages()
    written = [each["ds_sk"]["S"] for each in stack.dynamodb.scan(TableName=outputs["delta_table_name"])["Items"]]
    assert sorted(re.sub(r"^[\d:.]+?:(?=[a-z])", "", each) for each in written) == [
        *("a:1", "a:2", "a:3", "a:4", "expired:1", "expired:2")
    ]
    lab.boto3_client("iam").delete_role_policy(RoleName="posts-api", PolicyName="tables")
    assert "not authorized" in posts.mutate("update", id="a", title="fourth", _version=4)["message"]


def delete_post(stack: Applied, posts: Posts, name: str, version: int) -> None:
    """AppSync keeps a deleted post, with its mark and the time of its end. Its document goes at once."""
    assert posts.mutate("delete", id=name, _version=version)["_deleted"] is True
    kept = stack.item(an_id(name))
    assert (kept["_deleted"], kept["_version"]) == ({"BOOL": True}, {"N": str(version + 1)})
    assert abs(int(kept["_ttl"]["N"]) - time.time() - KEPT_SECONDS) < 60
    stack.until(f"the end of {name}'s document", lambda: stack.document(name) is None)


def its_time_comes(stack: Applied, name: str) -> None:
    """As if the days of a deleted post were over. The lab's DynamoDB looks for such items once a minute."""
    stack.dynamodb.update_item(
        TableName=stack.outputs["table_name"],
        Key=an_id(name),
        UpdateExpression="SET #ttl = :now",
        ExpressionAttributeNames={"#ttl": "_ttl"},
        ExpressionAttributeValues={":now": {"N": str(int(time.time()))}},
    )


def verified(stack: Applied) -> dict[str, Any]:
    """The totals of a verification that finds no difference."""
    with settling_soon(stack):
        found = Run(stack, RUN_SECONDS).run("verify")
    assert found["in_step"], found
    return dict(found["totals"])


def log_records(stack: Applied, name: str) -> list[Any]:
    """What the function's log says of a document."""
    said = (each for line in stack.log_lines() for each in line.get("records", ()))
    return [each for each in said if each["document"] == name]


USES: dict[str, Callable[[Lab, Outputs], None]] = {
    "appsync": use_appsync,
    "cross-account": use_cross_account,
    "customer-keys": use_customer_keys,
    "many-tables": use_many_tables,
    "private-network": use_private_network,
    "s3-package": use_s3_package,
    "several-collections": use_several_collections,
    "two-regions": use_two_regions,
}


def owner_role(lab: Lab) -> str:
    """The ARN of a role in the owner's account that the lab's may assume."""
    trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    iam = lab.boto3_client("iam", OWNER)
    policies = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trusted, allowed)]
    made = iam.create_role(RoleName="tables", AssumeRolePolicyDocument=policies[0])["Role"]["Arn"]
    iam.put_role_policy(RoleName="tables", PolicyName="tables", PolicyDocument=policies[1])
    return str(made)


class Examples:
    """Examples in copies of their own, applied and destroyed side by side: most of both is waiting."""

    def __init__(self, lab: Lab, names: list[str]) -> None:
        self._lab = lab
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._open = ExitStack()
        self._applied = {name: self._pool.submit(self._apply, name) for name in names}
        self._destroyed: dict[str, Future[None]] = {}
        self.functions: dict[str, set[str]] = {}
        """The sync functions' names of each that is used."""

    def applied(self, name: str) -> Terraform:
        """An example that is applied."""
        return self._applied[name].result()

    def destroy(self, name: str) -> None:
        """Begin to destroy an example."""
        self._destroyed[name] = self._pool.submit(self.applied(name).destroy)

    def destroyed(self, name: str) -> None:
        """Wait until an example is destroyed."""
        self._destroyed[name].result()

    def close(self) -> None:
        """Remove the copies, when nothing is under way."""
        self._pool.shutdown()
        self._open.close()

    def _apply(self, name: str) -> Terraform:
        terraform = self._open.enter_context(Terraform(name, self._lab))
        terraform.apply({"owner_role_arn": owner_role(self._lab)} if name == "cross-account" else {})
        return terraform


@pytest.fixture(scope="module")
def examples(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Examples]:
    """Those that are asked for, each by its first test."""
    asked = [
        example for example in sorted(USES) if any(item.name == f"{FIRST}[{example}]" for item in request.session.items)
    ]
    made = Examples(lab, asked)
    yield made
    made.close()


@pytest.mark.parametrize("example", sorted(USES))
def test_an_example_is_applied_planned_again_without_a_change_and_used(
    lab: Lab, examples: Examples, example: str
) -> None:
    terraform = examples.applied(example)
    assert terraform.plan_is_empty(), terraform.plan()
    outputs = terraform.output()
    stacks = outputs.get("stacks", {"": outputs}).values()
    examples.functions[example] = {stack["function_name"] for stack in stacks}
    USES[example](lab, outputs)
    examples.destroy(example)


@pytest.mark.parametrize("example", sorted(USES))
def test_a_used_example_is_destroyed_whole(lab: Lab, examples: Examples, example: str) -> None:
    examples.destroyed(example)
    there = {each["FunctionName"] for each in lab.boto3_client("lambda").list_functions()["Functions"]}
    assert not there & examples.functions[example]


def test_every_example_is_applied_by_a_test() -> None:
    assert {path.parent.name for path in ROOT.glob("examples/*/main.tf")} == USES.keys() | ELSEWHERE
