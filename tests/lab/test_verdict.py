"""What puts "in step" in doubt, on the applied walk-through: named with the command that settles it, which settles it.

Every row of docs/verdict.md that a lab can show. Nothing is planted: the lab lets time pass (`Lab.age`), and what AWS
would have dropped by then is gone.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lab.applied import Applied
from lab.faults import Fault, FaultKind
from lab.maven import ROOT
from lab.terraform import Terraform
from searchsync.documents.document import KEY_FIELD
from searchsync_cli.facts import MESSAGES_KEPT
from tests.lab.test_index_deleted import delete_index, mark
from tests.lab.test_reconcile import key
from tests.lab.test_redrive import function_name as redrive_name
from tests.lab.test_redrive import invoke, old_poison, send, set_trigger
from tests.support.alarms import ALARM
from tests.support.applied_alarms import Watched
from tests.support.applied_cli import AppliedCli
from tests.support.applied_run import settling_soon

ITEMS = [f"verdict-{number}" for number in range(10)]
MINUTE, HOUR, DAY = 60, 3_600, 86_400
OVERRIDE = "verdict_override.tf"
COMMAND = re.compile(r"`searchsync (\w+)(?: --name \S+)?([^`]*)`")
KEPT = MESSAGES_KEPT
GONE = "1 message of the failure queue went without a redrive (it keeps them for 14 days)"
BUCKET = "verdict-dropped"
NUMBER = "verdict-number"
"""Its mapping is a number's, so that a text in its attribute is poison."""


class Judged:
    """The applied stack, and what `searchsync status` says of it."""

    def __init__(self, stack: Applied) -> None:
        self.stack = stack
        self.cli = AppliedCli(stack)

    def put(self, *names: str) -> None:
        """Put an item of each name, and wait for its document."""
        for name in names:
            self.stack.put({**key(name), "state": {"S": "put"}})
        self.stack.until("the documents", lambda: all(map(self.stack.document, names)))

    def verdict(self, *options: str) -> str:
        """The verdict alone, which its exit code follows."""
        ran = self.cli.run("status", "--json", *options)
        assert ran.code == (0 if ran.json["in_step"] else 1), ran
        return str(ran.json["verdict"])

    def in_step(self) -> None:
        """A clean verification, and nothing against it. What was before lies minutes back."""
        self.stack.lab.age(3 * MINUTE)
        self.carried_out("verify")
        ran = self.cli.run("status")
        assert (ran.code, "✓ In step" in ran.out) == (0, True), ran

    def doubts(self, *options: str) -> dict[str, str]:
        """Each doubt with its remedy; the verdict is in doubt."""
        ran = self.cli.run("status", "--json", *options)
        assert (ran.code, ran.json["verdict"]) == (1, "in doubt"), ran
        return {each["what"]: each["remedy"] for each in ran.json["troubles"]}

    def settled_by(self, what: str, *commands: str) -> None:
        """The doubt is named with these commands, and they settle it and whatever else there was."""
        remedy = self.named(what)
        named = [f"{name}{options}" for name, options in COMMAND.findall(remedy)]
        assert named == list(commands), remedy
        self.stack.lab.age(3 * MINUTE)
        for command in named:
            self.carried_out(*command.split())
        assert self.verdict() == "in step"

    def named(self, what: str) -> str:
        """The remedy of the doubt whose text holds this."""
        found = self.doubts()
        remedies = [each for told, each in found.items() if what in told]
        assert len(remedies) == 1, found
        return remedies[0]

    def carried_out(self, *words: str) -> None:
        with settling_soon(self.stack):
            ran = self.cli.run(*words)
        assert ran.code == 0, ran


@pytest.fixture
def judged(workshop: Applied) -> Iterator[Judged]:
    """The stack with items that are in step, verified so."""
    found = Judged(workshop)
    workshop.failure_messages()
    workshop.lab.age(HOUR)  # longer than status looks back for what waited: whatever ran before, none of it counts
    cool(workshop, redrive_name(workshop))  # one that knows an index of before would tell of a repair
    workshop.put({**key(NUMBER), "number": {"N": "1"}})
    found.put(*ITEMS)
    workshop.until("what is in step", lambda: workshop.comparison().in_step)
    found.in_step()
    yield found
    for item in workshop.dynamodb.scan(TableName=workshop.outputs["table_name"])["Items"]:
        if item["id"]["S"].startswith("verdict-"):
            workshop.delete({"id": item["id"]})
    workshop.until("the deletions", lambda: workshop.comparison().in_step)


@contextmanager
def overridden(terraform: Terraform, stack: Applied, body: str) -> Iterator[None]:
    """The module with other arguments, applied; and as it was, applied again."""
    file = terraform.directory / OVERRIDE
    file.write_text(f'module "searchsync" {{\n{body}\n}}\n')
    try:
        terraform.apply()
        stack.outputs.update(terraform.output())
        yield
    finally:
        file.unlink()
        terraform.apply()
        stack.outputs.update(terraform.output())


def function_names(stack: Applied) -> tuple[str, str]:
    return stack.outputs["function_name"], stack.outputs["reconciliation_function_name"]


def cool(stack: Applied, name: str) -> None:
    """Leave no warm sandbox of a function: a new configuration begins with new ones."""
    functions = stack.lab.boto3_client("lambda")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for extra in ({"COOL": "1"}, {}):
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | extra})


def depth(stack: Applied) -> int:
    asked = ["ApproximateNumberOfMessages"]
    url = stack.outputs["failure_queue_url"]
    return int(stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"][asked[0]])


def poison(stack: Applied, name: str) -> None:
    """A record that cannot be written, and its message; then its item is gone, so that index and table agree."""
    before = depth(stack)
    stack.put({**key(name), "number": {"S": "no number"}})
    stack.until("the message", lambda: depth(stack) == before + 1)
    stack.delete(key(name))
    behind = {"S": f"behind {name}"}  # the deletion leaves no document that tells of it
    stack.put({**key(ITEMS[0]), "state": behind})
    stack.until("what comes behind the deletion", lambda: (stack.document(ITEMS[0]) or {}).get("state") == behind["S"])


def lost(stack: Applied, item: str) -> None:
    """Put an item that no trigger brings: it is off, and the stream keeps its record for 24 hours."""
    set_trigger(stack, Enabled=False)
    stack.put({**key(item), "state": {"S": "lost"}})
    stack.lab.age(25 * HOUR)


# The collection, the index.


def test_a_collection_that_was_replaced_is_filled_and_verified(judged: Judged, workshop_terraform: Terraform) -> None:
    before = judged.stack.outputs["collection_id"]
    workshop_terraform.apply({"standby_replicas": True})
    judged.stack.outputs.update(workshop_terraform.output())
    assert judged.stack.outputs["collection_id"] != before
    judged.put("verdict-after")
    judged.settled_by("the collection was replaced", "backfill --again", "verify")
    assert judged.stack.comparison().in_step


@pytest.mark.parametrize("hidden", [False, True], ids=["uuid shown", "uuid hidden"])
def test_an_index_deleted_while_no_sandbox_is_warm_is_filled_and_verified(judged: Judged, hidden: bool) -> None:
    stack = judged.stack
    gate = stack.lab.gate_of(stack.outputs["collection_endpoint"])
    behaviours = gate.behaviours
    gate.behave(replace(behaviours, index_uuid_hidden=hidden))
    try:
        judged.in_step()
        before, seen = mark(stack), len(stack.log_lines())
        cool(stack, stack.outputs["function_name"])
        delete_index(stack)
        assert COMMAND.findall(judged.named("the index is missing")) == [("backfill", " --again"), ("verify", "")]
        judged.put("verdict-after")
        assert mark(stack) not in (None, before)
        assert not any(line.get("RepairNeeded") for line in stack.log_lines()[seen:]), "a sandbox that knew the index"
        judged.settled_by("the index was deleted and made anew", "backfill --again", "verify")
    finally:
        gate.behave(behaviours)
    assert stack.comparison().in_step


def test_backfill_and_a_clean_verification_settle_repair_needed(judged: Judged) -> None:
    stack = judged.stack
    stack.lab.age(Watched.LOOKED_AT_SECONDS)
    changes, redrives = Watched(stack, "repair-needed"), Watched(stack, "redrive-repair-needed")
    judged.put("verdict-warm")
    redriven(stack)
    delete_index(stack)
    redriven(stack)  # makes it anew
    delete_index(stack)
    stack.lab.age(2 * MINUTE)
    since = time.time()
    stack.until("the warm sandbox's signal", lambda: signalled(stack, since), 120)
    assert "`searchsync repair" in judged.named("changes may be missing in the index")
    changes.fires()
    redrives.fires()
    judged.carried_out("backfill", "--again")
    assert (judged.verdict(), changes.state(), redrives.state()) == ("in doubt", ALARM, ALARM)
    judged.carried_out("verify")
    assert judged.verdict() == "in step"
    changes.ends()
    redrives.ends()


def redriven(stack: Applied) -> None:
    """A message of an item that is gone, redriven: its deletion is written to the index."""
    send(stack, old_poison(stack, "verdict-gone"))
    assert invoke(stack)["redriven"] == 1


def signalled(stack: Applied, since: float) -> bool:
    """Whether the function has signalled since then (Unix seconds); a change makes it look."""
    stack.put({**key("verdict-warm"), "state": {"S": str(time.monotonic())}})
    return any(line.get("RepairNeeded") for line in stack.log_lines(since))


# The failure queue.


def test_a_message_that_went_without_a_redrive_is_repaired(judged: Judged) -> None:
    stack = judged.stack
    poison(stack, "verdict-poison")
    assert "`searchsync redrive" in judged.named("records wait in the failure queue")
    stack.sqs.purge_queue(QueueUrl=stack.outputs["failure_queue_url"])
    assert depth(stack) == 0
    judged.settled_by("1 message of the failure queue went without a redrive", "repair")


def test_a_redrive_of_an_older_message_does_not_stand_for_one_that_went(judged: Judged) -> None:
    stack = judged.stack
    poison(stack, "verdict-older")
    stack.lab.age(2 * MINUTE)
    judged.carried_out("verify")
    judged.carried_out("redrive")
    assert judged.verdict() == "in step"
    poison(stack, "verdict-poison")
    stack.sqs.purge_queue(QueueUrl=stack.outputs["failure_queue_url"])
    judged.settled_by("1 message of the failure queue went without a redrive", "repair")


@pytest.mark.parametrize("rest", [3 * MINUTE, 30 * DAY], ids=["at once", "a month later"])
def test_a_message_that_its_queue_kept_no_longer_is_repaired(judged: Judged, rest: int) -> None:
    stack = judged.stack
    stack.lab.age(HOUR)
    poison(stack, "verdict-poison")
    stack.lab.age(KEPT - HOUR)
    assert depth(stack) == 1
    assert COMMAND.findall(judged.named("records wait in the failure queue")) == [("redrive", "")]
    stack.lab.age(HOUR + rest)
    assert depth(stack) == 0
    old = "--max-age", f"{2 * KEPT + rest}s"
    assert list(judged.doubts(*old)) == [GONE]
    judged.settled_by(GONE, "repair")


def test_a_message_redriven_after_the_verification_leaves_it_in_step_and_stands_for_itself_alone(
    judged: Judged,
) -> None:
    stack = judged.stack
    for name in ("verdict-poison", "verdict-more"):
        poison(stack, name)
    assert judged.verdict() == "in doubt"
    judged.carried_out("redrive")
    assert (depth(stack), judged.verdict()) == (0, "in step")
    stack.lab.age(KEPT - DAY)
    poison(stack, "verdict-poison")
    stack.lab.age(DAY)
    assert list(judged.doubts()) == ["records wait in the failure queue"]
    stack.lab.age(KEPT)
    assert list(judged.doubts()) == [GONE]
    judged.settled_by(GONE, "repair")


# The trigger.


def test_records_given_up_to_the_bucket_are_repaired(judged: Judged, workshop_terraform: Terraform) -> None:
    stack, s3 = judged.stack, judged.stack.lab.boto3_client("s3")
    gate = stack.lab.gate_of(stack.outputs["collection_endpoint"])
    s3.create_bucket(Bucket=BUCKET)
    given = f'maximum_retry_attempts = 0, on_failure_bucket = {{ arn = "arn:aws:s3:::{BUCKET}" }}'
    with overridden(workshop_terraform, stack, f"  trigger = {{ {given} }}"):
        assert judged.verdict() == "in step"
        gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=405, count=None))
        try:
            stack.put({**key("verdict-dropped"), "state": {"S": "put"}})
            stack.until("the bucket's object", lambda: s3.list_objects_v2(Bucket=BUCKET).get("Contents"))
        finally:
            gate.clear()
        judged.put(ITEMS[0])
        stack.put({**key(ITEMS[0]), "state": {"S": "again"}})
        stack.until("a batch that went well", lambda: "PROBLEM" not in trigger_result(stack))
        assert stack.document("verdict-dropped") is None
        judged.settled_by("the trigger gave records up to its on_failure_bucket", "repair")
        assert stack.document("verdict-dropped")
    for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def trigger_result(stack: Applied) -> str:
    functions = stack.lab.boto3_client("lambda")
    found = functions.get_event_source_mapping(UUID=stack.outputs["trigger_uuid"])
    return str(found["LastProcessingResult"])


def test_a_trigger_that_is_off_is_told_with_what_it_may_have_lost(judged: Judged) -> None:
    stack = judged.stack
    set_trigger(stack, Enabled=False)
    assert "the stream keeps changes for 24 hours" in judged.named("the trigger is Disabled")
    lost(stack, "verdict-lost")
    remedy = judged.named("the trigger is Disabled")
    assert "terraform apply" in remedy
    assert COMMAND.findall(remedy) == [("repair", "")]
    set_trigger(stack, Enabled=True)
    stack.lab.age(3 * MINUTE)
    judged.carried_out("repair")
    assert judged.verdict() == "in step"
    assert stack.document("verdict-lost")


def test_a_trigger_that_was_off_over_a_burst_is_verified_and_what_it_lost_found(judged: Judged) -> None:
    stack = judged.stack
    lost(stack, "verdict-lost")
    set_trigger(stack, Enabled=True)
    remedy = judged.named("the trigger was changed after a day in which it read nothing")
    assert COMMAND.findall(remedy) == [("verify", "")]
    stack.lab.age(3 * MINUTE)
    with settling_soon(stack):
        found = judged.cli.run("verify", "--json")
    assert (found.code, [each["id"] for each in found.json["first"]]) == (1, ["verdict-lost"]), found
    assert judged.verdict() == "differences"
    judged.carried_out("repair")
    assert judged.verdict() == "in step"


def test_a_short_gap_loses_nothing_and_leaves_no_doubt(judged: Judged) -> None:
    stack = judged.stack
    set_trigger(stack, Enabled=False)
    stack.put({**key("verdict-late"), "state": {"S": "late"}})
    set_trigger(stack, Enabled=True)
    stack.until("the document", lambda: stack.document("verdict-late"))
    assert judged.verdict() == "in step"


# The verification itself.


def test_an_old_verification_is_verified_anew(judged: Judged) -> None:
    judged.stack.lab.age(3 * DAY)
    assert judged.verdict("--max-age", "4d") == "in step"
    (told,) = judged.doubts("--max-age", "2d")
    assert "older than 2 d" in told
    judged.stack.lab.age(33 * DAY)
    judged.settled_by("the verification is older than 35 d", "verify")


def test_another_mapping_is_not_verified(judged: Judged, workshop_terraform: Terraform) -> None:
    mapping = json.dumps({"properties": {"state": {"type": "keyword"}}})
    with overridden(workshop_terraform, judged.stack, f"  index = {{ mapping = {json.dumps(mapping)} }}"):
        judged.settled_by("the configuration has another index mapping", "verify")
    judged.settled_by("the configuration has another index mapping", "verify")


def test_another_shape_of_documents_is_written_and_verified(judged: Judged, workshop_terraform: Terraform) -> None:
    stack = judged.stack
    told, refill = "the configuration has another shape of documents", ("backfill --again", "verify")
    shape = '{ exclude = ["state"], rename = { name = "title" }, constants = { live = true } }'
    with overridden(workshop_terraform, stack, f"  document = {shape}"):
        stack.put({**key("verdict-shaped"), "state": {"S": "put"}, "name": {"S": "shown"}})
        stack.until("the stream's document", lambda: stack.document("verdict-shaped"))
        assert stack.document("verdict-shaped").keys() == {*key("a"), "title", "live", KEY_FIELD}
        assert "state" in stack.document(ITEMS[0])  # written before
        judged.settled_by(told, *refill)
        assert stack.document(ITEMS[0])["live"] is True
        assert "state" not in stack.document(ITEMS[0])
    judged.settled_by(told, *refill)
    assert "state" in stack.document("verdict-shaped")


def test_a_package_of_other_rules_is_not_verified(judged: Judged) -> None:
    stack = judged.stack
    package = (ROOT / "dist/searchsync.zip").read_bytes()
    with with_package(stack, with_line(package, "searchsync/protocol/records.py")):
        assert judged.verdict() == "in step"
    with with_package(stack, with_line(package, "searchsync/documents/document.py")):
        judged.settled_by("the package converts items by other rules", "verify")
    judged.settled_by("the package converts items by other rules", "verify")


@contextmanager
def with_package(stack: Applied, package: bytes) -> Iterator[None]:
    """Both functions with another package, as an apply of it leaves them; and with the first one again."""
    functions, first = stack.lab.boto3_client("lambda"), (ROOT / "dist/searchsync.zip").read_bytes()
    for name in function_names(stack):
        functions.update_function_code(FunctionName=name, ZipFile=package)
    try:
        yield
    finally:
        for name in function_names(stack):
            functions.update_function_code(FunctionName=name, ZipFile=first)


def with_line(package: bytes, module: str) -> bytes:
    """The package with a line more in one module."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(made, "w") as new:
        assert module in old.namelist()
        for each in old.infolist():
            content = old.read(each)
            new.writestr(each, content + b"# another rule\n" if each.filename == module else content)
    return made.getvalue()
