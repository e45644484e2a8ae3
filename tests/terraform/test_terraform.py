"""Every `run` block of the *.tftest.hcl files beside this one, as a test of its own; what some plan is looked through.

Terraform runs a file's blocks in one go, on a mocked provider and without credentials; their results are
kept and asked for one by one.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha512
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from lab.cloud.definitions import LONGEST_DEFINITION, diagnose
from lab.cloud.retries import THROTTLED, waits
from searchsync.reconcile.report import UNITS as RECONCILE_UNITS
from searchsync.sync.metrics import REDRIVE_UNITS, UNITS
from tests.support import limits
from tests.support.definitions import schema_faults
from tests.support.graphs import graphs, watched
from tests.support.policies import faults, policies, resources
from tests.support.published import PUBLISHED
from tests.support.written import BUILT_IN, arguments
from tools.terraform_check import TESTS, Workspace, workspace

RUN = re.compile(r'^run "([^"]+)"', re.MULTILINE)
FILES = sorted(Path(__file__).parent.glob("*.tftest.hcl"))
BLOCKS = [(path.name, name) for path in FILES for name in RUN.findall(path.read_text("utf-8"))]
POLICIES = [path.name for path in FILES if path.name.startswith("policies")]
"""Their blocks are applied, so that every policy is known to its last character."""
NEXTGEN, NEXTGEN_VARIABLES = "modules/nextgen_collection/variables.tf", "nextgen_variables"
"""A module's variables, and the folder where they stand without its resources, which need provider 6."""
MACHINE = "reconciliation.tftest.hcl"
MACHINE_TYPE = "aws_sfn_state_machine"
LIMITS = "limits.tftest.hcl"
SOMETIMES = ("INDEX_ADOPT", "INDEX_MAPPING", "INDEX_SETTINGS", "DOCUMENT_SHAPE", "REPORT_BUCKET")
"""Variables that main.tf counts where they are there."""
OF_A_VIEW = re.compile(r"-(v\d|abcdefghijklmno)$")
DASHBOARD = "aws_cloudwatch_dashboard"
EMITTED = {
    "searchsync.handler.handle": UNITS,
    "searchsync.redrive_handler.handle": REDRIVE_UNITS,
    "searchsync.reconcile_handler.handle": RECONCILE_UNITS,
}
"""The metrics of each function, by its handler."""
SPARE_BYTES = 100
"""Of the environment's allowance: for an account's odd endpoint, or a setting more."""
LOOKED_THROUGH = (*POLICIES, MACHINE, LIMITS)
"""Terraform tells what they made, and the provider's whole schema beside it, which is 70 MB and more a file."""


@dataclass(frozen=True)
class Results:
    """What a file's blocks came to.

    blocks: status and diagnostics of each by its name; whole: what was said of no block; resources: what the
    blocks made, of a file that is looked through.
    """

    blocks: dict[str, tuple[str, str]]
    whole: str
    resources: list[dict[str, Any]]


@pytest.fixture(scope="session")
def initialised() -> Iterator[Workspace]:
    with workspace() as copy:
        (alone := copy.folder / TESTS / NEXTGEN_VARIABLES).mkdir()
        shutil.copy(copy.folder / NEXTGEN, alone)
        (copy.folder / "dist").mkdir()  # where the examples look for the package
        for kind in ("zip", "json"):
            shutil.copy(copy.folder / TESTS / f"packages/good.{kind}", copy.folder / f"dist/searchsync.{kind}")
        copy.initialise(".", f"-test-directory={TESTS}")
        with copy.with_provider(".") as served:
            yield served


@pytest.fixture(scope="session")
def results(initialised: Workspace) -> Callable[[str], Results]:
    known: dict[str, Results] = {}

    def of(file: str) -> Results:
        if file not in known:
            known[file] = run_file(initialised, file)
        return known[file]

    return of


def run_file(copy: Workspace, file: str) -> Results:
    verbose = ["-verbose"] if file in LOOKED_THROUGH else []
    done = copy.terraform(".", "test", "-json", *verbose, f"-test-directory={TESTS}", f"-filter={TESTS}/{file}")
    return parse(done.stdout)


def parse(output: str) -> Results:
    statuses: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    found: list[dict[str, Any]] = []
    for line in output.splitlines():
        message: dict[str, Any] = json.loads(line) if line.startswith("{") else {"@message": line}
        block = str(message.get("@testrun", ""))
        if message.get("type") == "test_run" and "status" in message["test_run"]:
            statuses[message["test_run"]["run"]] = message["test_run"]["status"]
        elif message.get("type") == "diagnostic":
            diagnostic = message["diagnostic"]
            said.setdefault(block, []).append(f"{diagnostic['summary']}: {diagnostic.get('detail', '')}")
        elif message.get("type") == "test_state":
            found += map(dict, resources(message["test_state"]["root_module"]))
    whole = said.get("", [])
    blocks = {name: (status, "\n".join([*said.get(name, []), *whole])) for name, status in statuses.items()}
    return Results(blocks, "\n".join(whole) or output[-2000:], found)


@pytest.mark.parametrize(("file", "block"), BLOCKS)
def test_run_block_passes(file: str, block: str, results: Callable[[str], Results]) -> None:
    found = results(file)
    status, said = found.blocks.get(block, ("not run", found.whole))
    assert status == "pass", f"{file}, run {block!r}: {status}\n{said}"


def test_a_failed_block_is_seen_with_its_reason() -> None:
    lines = [
        {"type": "test_run", "test_run": {"path": "x", "run": "good", "progress": "complete", "status": "pass"}},
        {"type": "test_run", "test_run": {"path": "x", "run": "bad", "progress": "running"}},
        {"type": "diagnostic", "@testrun": "bad", "diagnostic": {"summary": "Test assertion failed", "detail": "no"}},
        {"type": "test_run", "test_run": {"path": "x", "run": "bad", "progress": "complete", "status": "fail"}},
    ]
    found = parse("\n".join(map(json.dumps, lines))).blocks
    assert found["good"][0] == "pass"
    assert found["bad"] == ("fail", "Test assertion failed: no")


def test_there_are_blocks_in_every_file() -> None:
    assert FILES
    assert {file for file, _ in BLOCKS} == {path.name for path in FILES}
    assert len(set(BLOCKS)) == len(BLOCKS), "two blocks of a file have one name"


@pytest.mark.parametrize("file", POLICIES)
def test_no_policy_has_a_wildcard_action_or_is_for_everything(file: str, results: Callable[[str], Results]) -> None:
    found = [(each["address"], policy) for each in results(file).resources for policy in policies(each)]
    assert {address.rpartition(".")[0] for address, _ in found} >= {"aws_iam_role_policy", "aws_sqs_queue"}
    wide = {f"{address}: {fault}" for address, policy in found for fault in faults(policy)}
    assert not wide, "\n".join(sorted(wide))


def test_step_functions_takes_each_rendered_state_machine(results: Callable[[str], Results]) -> None:
    definitions = {
        each["values"]["definition"] for each in results(MACHINE).resources if each["type"] == "aws_sfn_state_machine"
    }
    assert len(definitions) > 1, "the settings must have rendered more than one"
    for text in definitions:
        assert [*map(str, diagnose(text)), *schema_faults(text)] == []
        assert len(text.encode()) <= LONGEST_DEFINITION


def calls_of(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every task of a machine and of the processors in it."""
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        if "ItemProcessor" in state:
            yield from calls_of(state["ItemProcessor"])


@pytest.mark.parametrize("error", [THROTTLED, "Lambda.EC2ThrottledException"])
def test_each_call_waits_two_hours_for_room_in_lambda_and_has_its_other_retries_still(
    results: Callable[[str], Results], error: str
) -> None:
    texts = [each["values"]["definition"] for each in results(MACHINE).resources if each["type"] == MACHINE_TYPE]
    calls = [call for text in texts for call in calls_of(json.loads(text))]
    assert len(calls) >= 5 * len(texts)
    for call in calls:
        rng = random.Random(1)
        totals = [sum(waits(call["Retry"], repeat(error), rng)) for _ in range(200)]
        assert min(totals) > 1.5 * 3_600
        assert 1.8 * 3_600 < sum(totals) / len(totals) < 2.2 * 3_600
        throttled, failing = [error] * 200, ["States.TaskFailed", "States.Timeout", "Lambda.Unknown"] * 9
        alone = len(list(waits(call["Retry"], failing, rng)))
        assert alone > 5
        assert len(list(waits(call["Retry"], [*throttled, *failing], rng))) == len(throttled) + alone
        assert not list(waits(call["Retry"], ["ExportRefusedError"], rng))


def test_every_argument_has_its_limits_row_and_no_row_is_for_none(initialised: Workspace) -> None:
    """Of the module, its parts and the examples that are planned with their longest names; others are applied."""
    planned = re.findall(r'source = "\./(examples/\S+)"', (Path(__file__).parent / LIMITS).read_text("utf-8"))
    assert planned
    parts = [each for each in initialised.directories() if each in planned or not each.startswith("examples/")]
    folders = sorted(initialised.folder / each for each in parts)
    written = {(kind, name) for kind, names in arguments(iter(folders)).items() for name in names}
    assert written == {(kind, name) for kind, names in limits.MEMBERS.items() for name in names}


def test_every_row_checks_something_or_names_the_page_that_has_no_rule() -> None:
    rows = [(kind, argument) for kind, members in limits.MEMBERS.items() for argument in members]
    unchecked = {row for row in rows if not limits.is_free(*row) and not limits.checks(*row)}
    assert unchecked == limits.UNRULED.keys()
    assert {*limits.PAGES, *limits.BOUNDS, *limits.CHOICES, *limits.TEXTS, *limits.UNSET} <= set(rows)


def test_no_planned_value_passes_a_limit_of_aws(results: Callable[[str], Results]) -> None:
    planned = [each for each in results(LIMITS).resources if each.get("mode") == "managed" and each["type"] != BUILT_IN]
    kinds = {each["type"] for each in planned}
    assert kinds >= limits.MEMBERS.keys() - {"aws_opensearchserverless_collection_group"}  # of provider 6
    found = {f"{each['address']}.{fault}" for each in planned for fault in limits.faults(each["type"], each["values"])}
    assert not found, "\n".join(sorted(found))


def test_the_environments_allowance_covers_the_longest_with_room_to_spare(results: Callable[[str], Results]) -> None:
    """What the module adds to the names that it counts is taken from the longest, which counts them in full."""
    text = (Path(__file__).parents[2] / "main.tf").read_text()
    (allowance,) = map(int, re.findall(r"environment_bytes = (\d+) \+ ", text))
    functions = [each["values"] for each in results(LIMITS).resources if each["type"] == "aws_lambda_function"]
    largest = max(filter(_is_run, functions), key=_around_what_is_named)
    around = _around_what_is_named(largest)
    assert around + SPARE_BYTES <= allowance, f"{around} bytes and {SPARE_BYTES} to spare"


def _variables(function: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = function["environment"][0]["variables"]
    return found


def _is_run(function: dict[str, Any]) -> bool:
    return "STATE_MACHINE_ARN" in _variables(function)


def _around_what_is_named(function: dict[str, Any]) -> int:
    """Bytes of an environment beyond the names that main.tf counts."""
    variables = _variables(function)
    named = [
        *(variables[name] for name in ("OPENSEARCH_INDEX", "KEY_ATTRIBUTES", "METRIC_NAMESPACE")),
        *(variables.get(name, "") for name in SOMETIMES),
        *[variables["SYNC_FUNCTION_NAME"]] * 2,
        variables["STREAM_ARN"].split("/")[1],
        variables["FAILURE_QUEUE_URL"].rpartition("/")[2],
    ]
    return limits.environment_bytes(function) - sum(
        len(json.dumps(each, ensure_ascii=False).encode()) for each in named
    )


def test_the_policies_of_a_role_fit_together(results: Callable[[str], Results]) -> None:
    sizes: Counter[tuple[str, str]] = Counter()
    for each in results(LIMITS).resources:
        if each["type"] == "aws_iam_role_policy":
            text = json.dumps(json.loads(each["values"]["policy"]), separators=(",", ":"))
            sizes[each["address"].rpartition(".")[0], each["values"]["role"]] += len(text)
    assert sizes
    assert max(sizes.values()) <= limits.IAM_ROLE_POLICIES


def _of_kind(found: Results, kind: str) -> list[dict[str, Any]]:
    return [each["values"] for each in found.resources if each["type"] == kind]


def test_every_metric_on_a_dashboard_is_published_by_aws_or_emitted_by_its_function(
    results: Callable[[str], Results],
) -> None:
    functions = {each["function_name"]: each["handler"] for each in _of_kind(results(LIMITS), "aws_lambda_function")}
    shown = [graph for each in _of_kind(results(LIMITS), DASHBOARD) for graph in graphs(each["dashboard_body"])]
    assert len(shown) > 30, "two dashboards"
    assert {graph.region for graph in shown} == {"eu-central-1"}, "the stack's own"
    emitted = set()
    for metric in (metric for graph in shown for metric in graph.metrics):
        dimensions = dict(metric.dimensions)
        if metric.namespace.startswith("AWS/"):
            named, _ = PUBLISHED[metric.namespace, metric.name]
            assert set(named) == dimensions.keys()
            assert all(dimensions.values())
        else:
            handler = functions[dimensions.pop("FunctionName")]
            if metric.name == "RepairNeeded":
                dimensions.pop("View", None)
            assert metric.name in EMITTED[handler], f"{metric} is not of {handler}"
            assert not dimensions
            emitted.add((handler, metric.name))
    assert emitted == {(handler, name) for handler, names in EMITTED.items() for name in names}


def test_every_metric_that_an_alarm_watches_is_on_the_dashboard_with_its_threshold(
    results: Callable[[str], Results],
) -> None:
    shown = [graph for each in _of_kind(results(LIMITS), DASHBOARD) for graph in graphs(each["dashboard_body"])]
    seen = {metric for graph in shown for metric in graph.metrics}
    prefixes = ("abc-", sha512(b"a0").hexdigest(), sha512(b"v").hexdigest())  # of the stacks with a dashboard
    alarms = _of_kind(results(LIMITS), "aws_cloudwatch_metric_alarm")
    ours = [each for each in alarms if each["alarm_name"].startswith(prefixes)]
    assert len(ours) == 9 + 10 + (10 + 9 * 5), "without and with the rolling verification, and of nine views"
    for alarm in ours:
        assert watched(alarm) <= seen, alarm["alarm_name"]
        if alarm["metric_name"]:
            (metric,) = watched(alarm)
            assert any(metric in graph.metrics and alarm["threshold"] in graph.lines for graph in shown), alarm
    drawn = [value for graph in shown for value in graph.lines]
    first = [each for each in ours if not OF_A_VIEW.search(each["alarm_name"])]  # whose line is the other views' too
    assert len(drawn) == sum(1 for each in first if each["metric_name"])


def test_no_widget_of_a_dashboard_hides_another(results: Callable[[str], Results]) -> None:
    for each in _of_kind(results(LIMITS), DASHBOARD):
        taken: set[tuple[int, int]] = set()
        for widget in json.loads(each["dashboard_body"])["widgets"]:
            across, down = range(widget["x"], widget["x"] + widget["width"]), range(widget["y"], widget["y"] + 6)
            assert widget["height"] == 6
            places = {(x, y) for x in across for y in down}
            assert not places & taken
            taken |= places
        assert taken == {(x, y) for x in range(24) for y in range(max(y for _, y in taken) + 1)}, "a gap"


def made_before(workspace: Workspace, address: str) -> set[str]:
    """The resources that one waits for, by Terraform's own graph. A destruction goes the other way."""
    edges: dict[str, set[str]] = {}
    for later, earlier in re.findall('"(.+?)" -> "(.+?)"', workspace.terraform(".", "graph").stdout):
        edges.setdefault(later, set()).add(earlier)
    before, found = {address}, {address}
    while found:
        found = set().union(*(edges.get(each, set()) for each in found)) - before
        before |= found
    return before - {address}


@pytest.mark.parametrize(
    ("kind", "named", "refused"),
    [
        (DASHBOARD, "this", "module.reconciliation.aws_iam_role.function"),
        ("aws_cloudwatch_metric_alarm", "this", "module.reconciliation.aws_iam_role.function"),
        ("aws_sqs_queue", "failures", "aws_cloudwatch_log_group.function"),
    ],
)
def test_a_second_stack_of_one_name_stops_before_what_it_would_take(
    initialised: Workspace, kind: str, named: str, refused: str
) -> None:
    """F45: AWS answers CreateQueue with the queue that is there, and overwrites alarms and dashboards. It refuses a log
    group; and a role, in another region too: that is the account's, as a dashboard is, and no setting names it."""
    assert refused in made_before(initialised, f"{kind}.{named}")


def test_a_destruction_that_the_table_refuses_leaves_messages_and_documents(initialised: Workspace) -> None:
    """F47: queue and index were gone before `deletion_protection` was asked."""
    kept = {"aws_sqs_queue.failures", "module.collection.aws_opensearchserverless_collection.this"}
    assert kept <= made_before(initialised, "aws_dynamodb_table.this")


def test_a_dashboard_names_every_section_of_the_operations_page(results: Callable[[str], Results]) -> None:
    sections = re.findall(r"^## (.+)$", (Path(__file__).parents[2] / "docs/operations.md").read_text(), re.MULTILINE)
    for each in _of_kind(results(LIMITS), DASHBOARD):
        (text,) = [widget for widget in json.loads(each["dashboard_body"])["widgets"] if widget["type"] == "text"]
        assert sorted(re.findall(r"[|,] \*(.+?)\*", text["properties"]["markdown"])) == sorted(sections)


@pytest.mark.parametrize(
    ("kind", "values", "fault"),
    [
        ("aws_lambda_function", {"description": "x" * 257}, "Description is from 0 to 256"),
        ("aws_lambda_function", {"environment": [{"variables": {"AB": "x" * 4_096}}]}, "bytes of 4096"),
        ("aws_lambda_function", {"timeout": 0}, "Timeout"),
        ("aws_cloudwatch_event_rule", {"name": "x" * 65}, "RuleName"),
        ("aws_iam_role", {"tags": {"k" * 129: "v"}}, "tagKeyType"),
        ("aws_lambda_event_source_mapping", {"starting_position": "FIRST"}, "none of"),
        ("aws_sqs_queue", {"name": "a.b"}, "CreateQueue"),
        ("aws_sqs_queue", {"message_retention_seconds": 1_209_601}, "SetQueueAttributes"),
        ("aws_sqs_queue", {"visibility_timeout_seconds": 43_201}, "SetQueueAttributes"),
        ("aws_sqs_queue", {"kms_data_key_reuse_period_seconds": 59}, "SetQueueAttributes"),
        ("aws_sqs_queue", {"policy": "x" * 8_193}, "policy quotas"),
        ("aws_sqs_queue", {"tags": {f"k{each}": "v" for each in range(51)}}, "51 tags"),
        ("aws_cloudwatch_log_group", {"retention_in_days": 10}, "PutRetentionPolicy"),
        ("aws_cloudwatch_log_group", {"name": "aws/sync"}, "CreateLogGroup"),
        ("aws_cloudwatch_metric_alarm", {"dimensions": {f"d{each}": "x" for each in range(31)}}, "Dimensions"),
        ("aws_cloudwatch_metric_alarm", {"dimensions": {"d": "x" * 1_025}}, "DimensionValue"),
        ("aws_cloudwatch_dashboard", {"dashboard_name": "a.b"}, "PutDashboard"),
        ("aws_cloudwatch_dashboard", {"dashboard_body": '{"widgets": 1}'}, "array"),
        ("aws_lambda_function", {"reserved_concurrent_executions": -2}, "ReservedConcurrentExecutions"),
        ("aws_lambda_function", {"environment": [{"variables": {"AB": "é" * 2_049}}]}, "bytes of 4096"),
    ],
)
def test_what_passes_a_limit_is_named(kind: str, values: dict[str, Any], fault: str) -> None:
    (found,) = limits.faults(kind, values)
    assert fault in found
