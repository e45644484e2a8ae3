"""Who applies and from where: docs/permissions.md is what the deployer and each function really call.

One stack with everything that the module creates, applied by a user who has the documented policy and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.applied import Applied
from lab.cloud.settings import ACCOUNT, REGION
from lab.export import Exporter
from lab.maven import ROOT
from lab.stack import Credentials, Lab
from lab.terraform import Terraform
from tests.lab.test_permissions import dispute, key, put, written
from tests.lab.test_redrive import invoke, set_trigger, some_range
from tests.support.applied_run import REFRESH_SECONDS, Run, damage, settling_soon
from tests.support.called import FUNCTIONS, documented, function_calls
from tests.support.granted import Permission, unused
from tests.support.rules import fire
from tools.permission_list import GRANTS
from tools.permissions import policy

NAME = "deployed"
USER = "deployer"
REPORTS, EXPORTS = "reports", "exports"
BAD = {**key("bad"), "number": {"S": "no number"}}
"""Not what the stack's mapping takes: poison in every way that it can come."""


SYNC, RECONCILE, MACHINE = (f"{NAME}-{each}role" for each in ("", "reconcile-", "reconcile-machine-"))
CHILDREN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{NAME}-reconcile:*"
PROBES = [f"aoss:{each}Index" for each in ("Create", "Delete", "Describe", "Update")]
PROBES += ["aoss:ReadDocument", "aoss:WriteDocument"]
NOT_NEEDED: Mapping[Permission, str] = {
    (MACHINE, "states:DescribeExecution", CHILDREN): "AWS's page names the children so, and here they have their label",
    (MACHINE, "states:StopExecution", CHILDREN): "the same",
    (MACHINE, "states:StopExecution", f"{CHILDREN[:-2]}/*"): "a part fails beside others: test_cloud_state_machines.py",
    (RECONCILE, "s3:ListBucket", f"arn:aws:s3:::{EXPORTS}"): "S3 tells a missing file by it; the lab does without",
    (SYNC, "aoss:CreateIndex", f"index/{NAME}/{NAME}"): "a run made the index: test_permissions.py",
    (
        SYNC,
        "aoss:ReadDocument",
        f"index/{NAME}/{NAME}",
    ): "a conflict that does not say its version: test_permissions.py",
    **{(RECONCILE, each, f"index/{NAME}/{NAME}-doctor"): "test_doctor.py" for each in PROBES},
}
"""What a role may do and nothing here needs, each with its reason or the tests that take it away."""


@pytest.fixture(scope="module")
def deployer(lab: Lab) -> Credentials:
    """A user with the documented policy alone."""
    iam = lab.boto3_client("iam")
    document = json.dumps(policy()).replace("NAME", NAME).replace("ACCOUNT", ACCOUNT).replace("REGION", REGION)
    iam.create_user(UserName=USER)
    made = iam.create_policy(PolicyName=USER, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=USER, PolicyArn=made)
    access_key = iam.create_access_key(UserName=USER)["AccessKey"]
    return Credentials(access_key["AccessKeyId"], access_key["SecretAccessKey"])


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The built package, and the same with one file more."""
    folder = tmp_path_factory.mktemp("packages")
    built, more = folder / "built.zip", folder / "more.zip"
    facts = json.loads((ROOT / "dist/searchsync.json").read_text())
    for path in (built, more):
        shutil.copy(ROOT / "dist/searchsync.zip", path)
    with zipfile.ZipFile(more, "a") as archive:
        archive.writestr("more.txt", "more")
    for path in (built, more):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_suffix(".json").write_text(json.dumps(facts | {"sha256": digest}))
    return str(built), str(more)


@pytest.fixture(scope="module")
def terraform(lab: Lab, deployer: Credentials, packages: tuple[str, str]) -> Iterator[Terraform]:
    """The stack, applied by the deployer."""
    for bucket in (REPORTS, EXPORTS):
        lab.boto3_client("s3").create_bucket(Bucket=bucket)
    with Terraform(Path(__file__).parent / NAME, lab, deployer) as made:
        made.apply({"changed": False, "package": packages[0]})
        yield made


@pytest.fixture(scope="module")
def exercised(lab: Lab, terraform: Terraform) -> Applied:
    """The stack, when all that it is for was done once."""
    stack = Applied(lab, terraform.output())
    run = Run(stack)
    stack.put(BAD)
    exercise_load(run)
    set_trigger(stack, Enabled=True)
    exercise_sync(stack)
    set_trigger(stack, Enabled=False)
    exercise_redrive(stack)
    exercise_verify(run)
    return stack


def test_each_function_calls_what_its_rows_say_and_all_of_it(exercised: Applied) -> None:
    assert function_calls(exercised.lab, NAME) == {function: documented(function) for function in FUNCTIONS}


def test_each_role_has_needed_all_that_it_may(exercised: Applied) -> None:
    assert unused(exercised.lab, NAME) == NOT_NEEDED.keys()


def exercise_load(run: Run) -> None:
    """An export of an item that is written, and of one that never can be."""
    stack, loaded = run.stack, {**key("loaded"), "state": {"S": "put"}}
    stack.put(loaded)
    table_arn = str(stack.outputs["stream_arn"]).partition("/stream/")[0]
    at = int(time.time())
    dynamodb, s3 = (stack.lab.boto3_client(service) for service in ("dynamodb", "s3"))
    exported = Exporter(dynamodb, s3, EXPORTS, table_arn).write([loaded, BAD], at)
    ended = run.end(run.start("backfill", export={"arn": exported.arn}))
    assert ended["status"] == "SUCCEEDED", run.causes(ended)
    assert json.loads(ended["output"])["totals"].get("poison") == 1, ended["output"]


def exercise_sync(stack: Applied) -> None:
    """A record that is written, one that is poison, a conflict that the table must settle."""
    put(stack, "plain")
    dispute(stack, "disputed")
    stack.until("the document", lambda: written(stack, "plain"))
    stack.until("the resync", lambda: written(stack, "disputed"))


def exercise_redrive(stack: Applied) -> None:
    """The load's and the trigger's message stay; a range goes for a message of its own, which stays too."""
    url = stack.outputs["failure_queue_url"]
    stack.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(some_range(stack)))
    answer = invoke(stack)
    assert (answer["taken"], answer["redriven"], answer["stayed"]) == (4, 1, 3), answer


def exercise_verify(run: Run) -> None:
    """A verification by its schedule that is stopped, goes on, finds a difference and reports it."""
    before = executions(run)
    damage(run.stack, "plain", {"id": "plain", "state": "damaged"})
    time.sleep(REFRESH_SECONDS)
    with settling_soon(run.stack):
        fire(run.stack.lab, f"{run.stack.outputs['reconciliation_function_name']}-verify")
        (execution,) = run.stack.until("the scheduled run", lambda: executions(run) - before)
        run.stack.until("a part under way", lambda: parts_under_way(run, execution))
        run.states.stop_execution(executionArn=execution)
        assert run.end(execution)["status"] == "ABORTED"
        ended = run.redrive(execution)
    assert ended["status"] == "SUCCEEDED", run.causes(ended)
    assert json.loads(ended["output"])["in_step"] is False


def executions(run: Run) -> set[str]:
    return {each["executionArn"] for each in run.states.list_executions(stateMachineArn=run.machine)["executions"]}


def parts_under_way(run: Run, execution: str) -> int:
    found = run.states.list_map_runs(executionArn=execution)["mapRuns"]
    described = [run.states.describe_map_run(mapRunArn=each["mapRunArn"]) for each in found]
    return sum(each["executionCounts"]["running"] for each in described)


def test_the_deployer_needs_all_of_the_table_and_no_more(
    lab: Lab, terraform: Terraform, packages: tuple[str, str]
) -> None:
    assert terraform.plan_is_empty(), terraform.plan()
    for changed in (True, False):
        terraform.apply({"changed": changed, "package": packages[int(changed)]})
        assert terraform.plan_is_empty(), terraform.plan()
    terraform.destroy()
    called = lab.calls(f"user/{USER}")
    seen = {action for grant in GRANTS if not grant.unseen for action in grant.actions}
    unseen = {action for grant in GRANTS if grant.unseen for action in grant.actions}
    assert called == seen
    assert not called & unseen
