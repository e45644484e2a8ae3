"""A stack with several views: which one a command is of, and a verdict of each."""

from __future__ import annotations

import base64
import gzip
import json
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.errors import CliError
from searchsync_cli.executions import addressed, advised
from searchsync_cli.stack import further_views, stack_of
from searchsync_cli.verdict import Verdict
from tests.support.cli_cloud import ACCOUNT, BUCKET, NAME, REGION, Cloud, Run, machine_arn
from tests.support.fakes import FakeClock

VIEWS = {"products": {"index": "orders-products", "mapping": "{}"}, "lines": {"index": "other"}}
COMPRESSED = base64.b64encode(gzip.compress(json.dumps(VIEWS).encode(), mtime=0)).decode()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        made = Cloud(FakeClock(float(int(time.time()))))
        made.add_view("products")
        yield made


def found(cloud: Cloud) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(cloud.out)
    return told


# Which view


@pytest.mark.parametrize(
    "text", [json.dumps(VIEWS), f" {json.dumps(VIEWS)}", COMPRESSED], ids=["plain", "space", "gzip"]
)
def test_the_views_and_their_indexes_are_read_from_the_environment(text: str) -> None:
    assert further_views(NAME, text) == {"products": "orders-products", "lines": "other"}
    assert further_views(NAME, "") == {}


NOT_GZIP = base64.b64encode(b"{}").decode()
CUT_OFF = base64.b64encode(gzip.compress(b"{}", mtime=0)[:-4]).decode()
SPOILT = base64.b64encode(gzip.compress(b"{}", mtime=0)[:10] + b"\xff\xff\xff\xff").decode()


@pytest.mark.parametrize(
    "text", ["{", "[]", "é", "AAAA", NOT_GZIP, CUT_OFF, SPOILT, '{"a": {}}', '{"a": "b"}', "{" + '"a":{' * 99_999]
)
def test_views_that_cannot_be_read_are_one_error(text: str) -> None:
    with pytest.raises(CliError, match=f"The views of {NAME} cannot be read: VIEWS") as raised:
        further_views(NAME, text)
    assert "terraform apply" in raised.value.remedy


def test_names_follow_from_the_view(cloud: Cloud) -> None:
    configuration = cloud.session.client("lambda").get_function_configuration(FunctionName=NAME)
    first = stack_of(configuration)
    view = first.of_view("products")
    assert (view.index, view.reconcile_name) == ("orders-products", f"{NAME}-products-reconcile")
    assert view.machine_arn == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}-products-reconcile"
    assert (view.name, view.redrive_name, view.queue_name) == (first.name, first.redrive_name, first.queue_name)
    assert [each.view for each in first.every] == ["", "products"]
    assert view.reconcile_names == first.reconcile_names == (f"{NAME}-reconcile", f"{NAME}-products-reconcile")


@pytest.mark.parametrize("wrong", ["product", "", "all"])
def test_a_view_that_is_not_there_is_told_with_those_there_are(cloud: Cloud, wrong: str) -> None:
    cloud.add_view("lines")
    assert cloud.run("verify", "--view", wrong, width=400) == 2
    assert f'has no view "{wrong}"' in cloud.err
    assert "Those there are: lines, products." in cloud.err
    assert not cloud.runs


def test_a_stack_without_views_says_that_it_has_none(cloud: Cloud) -> None:
    del cloud.variables["VIEWS"]
    assert cloud.run("status", "--view", "products", width=400) == 2
    assert "It has no further views." in cloud.err


@pytest.mark.parametrize("view", ["products", "a-b"])
def test_a_views_reconcile_function_says_whose_it_is(view: str) -> None:
    configuration = {
        "FunctionName": f"{NAME}-{view}-reconcile",
        "Handler": "searchsync.reconcile_handler.handle",
        "Environment": {"Variables": {"VIEW": view}},
    }
    with pytest.raises(CliError, match=rf"function of a stack's view {view}\. .*: --name {NAME} --view {view}\."):
        stack_of(configuration)


def test_what_can_be_pasted_is_of_the_same_view() -> None:
    of = Namespace(name=NAME, view="products", terraform=None, region=None, profile=None)
    of_it, of_all = f"--name {NAME} --view products", f"--name {NAME}"
    told = (
        "`searchsync repair`, `searchsync redrive`, `searchsync logs --errors`, `searchsync logs --function reconcile`"
    )
    assert addressed(told, of) == (
        f"`searchsync repair {of_it}`, `searchsync redrive {of_all}`, `searchsync logs {of_all} --errors`, "
        f"`searchsync logs {of_it} --function reconcile`"
    )
    assert addressed("`searchsync verify --view lines`", of) == f"`searchsync verify {of_all} --view lines`"
    told = 'set index.adopt = "nobody" or document.exclude, not my.index.name, index.number or document.names'
    assert advised(told, of) == told.replace("index.adopt", 'views["products"].index.adopt').replace(
        "document.exclude", 'views["products"].document.exclude'
    )
    assert advised(told, Namespace(view=None)) == told


# Commands of one view


@pytest.mark.parametrize("command", ["verify", "repair", "backfill"])
def test_a_run_is_of_the_view_that_is_named(cloud: Cloud, command: str) -> None:
    cloud.next_run = {"output": {"in_step": True, "totals": {}}}
    assert cloud.run(command, "--view", "products") == 0
    assert [each.machine for each in cloud.runs] == [machine_arn("products")]
    assert "Of the others" not in cloud.err


@pytest.mark.parametrize("command", ["verify", "repair", "backfill", "runs"])
def test_a_command_of_the_first_view_alone_names_the_others(cloud: Cloud, command: str) -> None:
    cloud.add_view("lines")
    cloud.next_run = {"output": {"in_step": True, "totals": {}}}
    assert cloud.run(command, "--json", width=400) == 0
    assert {each.machine for each in cloud.runs} <= {machine_arn()}
    told = [f"`searchsync {command} --name {NAME} --view {each}`" for each in ("lines", "products")]
    assert f"Of the first view, orders. Of the others: {', '.join(told)}." in cloud.err
    found(cloud)


def test_nothing_is_said_of_others_where_there_are_none(cloud: Cloud) -> None:
    del cloud.variables["VIEWS"]
    assert cloud.run("runs") == 0
    assert cloud.err == ""


def test_runs_of_a_view_are_its_own(cloud: Cloud) -> None:
    cloud.finished("verify")
    ours = cloud.finished("repair", view="products")
    assert cloud.run("runs", "--view", "products", "--json") == 0
    assert [each["execution"] for each in found(cloud)["runs"]] == [ours.arn]
    assert cloud.run("runs", "last", "--view", "products", "--json") == 0


def test_a_run_of_one_view_does_not_keep_another_from_running(cloud: Cloud) -> None:
    cloud.runs.append(Run("repair-now", "repair", cloud.clock.now() - 300, looks=99))
    cloud.next_run = {"output": {"in_step": True, "totals": {}}}
    assert cloud.run("verify", "--view", "products") == 0


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["preview", "--key", "a"], {"id": "a", "document": None, "poison": "no", "item": True, "read_version": 1,
                                     "index": "orders-products"}),
        (["mapping", "check"], {"own": "no", "given": False}),
        (["doctor"], {"seen": {}, "left": []}),
    ],
)  # fmt: skip
def test_what_asks_the_reconcile_function_asks_the_views(cloud: Cloud, words: list[str], answer: Any) -> None:
    told: list[Any] = []

    def sync(event: Any) -> Any:
        told.append(event)
        return {}

    cloud.functions[NAME] = sync
    cloud.functions[f"{NAME}-products-reconcile"] = lambda _: answer
    assert cloud.run(*words, "--view", "products") in (0, 1)
    asked = {call["FunctionName"] for name, call in cloud.calls if name == "Invoke"}
    assert asked - {NAME} == {f"{NAME}-products-reconcile"}
    assert all(each == {"searchsync": "doctor", "view": "products"} for each in told)


def test_the_log_of_a_views_reconcile_function_is_shown(cloud: Cloud) -> None:
    cloud.log("of the first")
    cloud.log("of the view", function=f"{NAME}-products-reconcile")
    assert cloud.run("logs", "--function", "reconcile", "--view", "products") == 0
    assert "of the view" in cloud.out
    assert "of the first" not in cloud.out


@pytest.mark.parametrize("words", [["logs"], ["logs", "--function", "redrive"], ["redrive"]])
def test_what_is_of_all_views_takes_none(cloud: Cloud, words: list[str]) -> None:
    assert cloud.run(*words, "--view", "products", width=400) == 2
    assert "of all views" in cloud.err
    assert "Leave --view out" in cloud.err
    assert "Invoke" not in {name for name, _ in cloud.calls}


@pytest.mark.parametrize(
    ("repaired", "since"),
    [({"": 60.0}, None), ({"": 60.0, "products": 900.0}, 900.0), ({"": 900.0, "products": 60.0}, 900.0)],
)
def test_dropped_ranges_are_settled_by_a_repair_of_every_view(
    cloud: Cloud, repaired: dict[str, float], since: float | None
) -> None:
    events: list[Any] = []
    left = {"taken": 1, "stayed": 1, "reasons": {"trimmed": 1}, "more": False}

    def redrive(event: Any) -> Any:
        events.append(event)
        return left

    cloud.functions[f"{NAME}-redrive"] = redrive
    for view, before in repaired.items():
        cloud.finished("repair", before=before, view=view)
    assert cloud.run("redrive", width=400) == 1
    assert events == ([{"repaired_since": int(cloud.clock.now() - since)}] if since else [{}])
    assert (
        f"Run `searchsync repair --name {NAME}`, `searchsync repair --name {NAME} --view products`, then" in cloud.out
    )


# The verdict of each view, and of all


def test_all_views_in_step_are_in_step(cloud: Cloud) -> None:
    cloud.index["documents"] = 9
    cloud.finished("verify", items=9, documents=9)
    cloud.finished("repair", view="products", items=9, documents=3)
    assert cloud.run("status", width=200) == 0
    head, *lines = [line for line in cloud.out.splitlines() if line.strip()]
    assert head.startswith("✓ In step ")
    assert "orders → 2 views" in head
    rows = {name: rest for name, _, rest in (line.partition("  ") for line in lines)}
    assert rows["First view"].strip().startswith("✓ in step · orders · verify of ")
    assert rows["View products"].strip().startswith("✓ in step · orders-products · repair of ")
    assert rows["View products"].endswith("9 items, 3 documents")
    assert "→ run" not in cloud.out


VERDICTS = {
    "clean": Verdict.IN_STEP, "signalled": Verdict.IN_DOUBT, "none": Verdict.UNVERIFIED, "bad": Verdict.DIFFERENCES,
}  # fmt: skip


@pytest.mark.parametrize("first", VERDICTS)
@pytest.mark.parametrize("further", VERDICTS)
def test_the_worst_verdict_is_that_of_all(cloud: Cloud, first: str, further: str) -> None:
    for view, what in (("", first), ("products", further)):
        if what != "none":
            cloud.finished("verify", in_step=what != "bad", view=view, missing=int(what == "bad"))
        if what == "signalled":
            cloud.metric("searchsync", "RepairNeeded", 1, before=60, view=view)
    code = cloud.run("status", "--json")
    told = found(cloud)
    assert [each["verdict"] for each in told["views"]] == [VERDICTS[first], VERDICTS[further]]
    order = list(VERDICTS)
    assert told["verdict"] == VERDICTS[max(first, further, key=order.index)]
    assert (code, told["in_step"]) == ((0, True) if first == further == "clean" else (1, False))
    assert cloud.run("status", "--view", "products") == int(further != "clean")


def test_a_view_alone_has_todays_shape_and_its_own_facts(cloud: Cloud) -> None:
    cloud.index["documents"] = 3
    cloud.finished("verify", in_step=False, missing=1)
    cloud.finished("verify", view="products", documents=3)
    assert cloud.run("status", "--view", "products", "--json") == 0
    of_one = found(cloud)
    assert (of_one.pop("view"), of_one["verification"]["totals"]) == ("products", {"documents": 3})
    assert of_one["verification"]["saw"]["index"] == "orders-products"
    views = cloud.variables.pop("VIEWS")
    assert cloud.run("status", "--json") == 1
    without = found(cloud)
    assert list(without) == list(of_one)
    cloud.variables["VIEWS"] = views
    assert cloud.run("status", "--json") == 1
    together = found(cloud)
    assert together.keys() - without.keys() == {"views"}
    assert [(each["view"], each["index_name"]) for each in together["views"]] == [
        (None, "orders"), ("products", "orders-products")
    ]  # fmt: skip
    assert [each.pop("view") for each in together["troubles"]] == [None]
    assert {name: together[name] for name in without} == without


@pytest.mark.parametrize("function", [NAME, f"{NAME}-redrive"])
def test_a_signal_is_that_of_its_view_alone(cloud: Cloud, function: str) -> None:
    for view in ("", "products"):
        cloud.finished("verify", view=view)
    cloud.metric("searchsync", "RepairNeeded", 1, of=function, view="products")
    assert cloud.run("status", "--json", width=400) == 1
    assert [each["repair_needed"] for each in found(cloud)["views"]] == [False, True]
    assert found(cloud)["repair_needed"] is True
    assert cloud.run("status", width=400) == 1
    (advice,) = [line for line in cloud.out.splitlines() if line.startswith("→")]
    assert advice.startswith("→ View products: changes may be missing")
    assert f"`searchsync repair --name {NAME} --view products`, then `searchsync redrive --name {NAME}`" in advice


def test_what_is_wrong_with_the_stack_is_told_once(cloud: Cloud) -> None:
    for view in ("", "products"):
        cloud.finished("verify", view=view)
    cloud.send({"error_type": "x"})
    assert cloud.run("status", width=400) == 1
    assert cloud.out.count("records wait in the failure queue") == 1
    assert "→ records wait" in cloud.out
    cloud.run("status", "--json")
    assert [each["view"] for each in found(cloud)["troubles"]] == [None, "products"]


def test_a_view_without_an_index_is_refilled_alone(cloud: Cloud) -> None:
    for view in ("", "products"):
        cloud.finished("verify", view=view)
    look = cloud.functions[f"{NAME}-products-reconcile"]
    cloud.functions[f"{NAME}-products-reconcile"] = lambda event: {**look(event), "index": {
        "state": "unowned", "created": None, "documents": None, "owner": "nobody"}}  # fmt: skip
    assert cloud.run("status", width=400) == 1
    (advice,) = [line for line in cloud.out.splitlines() if line.startswith("→")]
    assert 'set views["products"].index.adopt = "nobody"' in advice
    assert f"`searchsync backfill --name {NAME} --view products --again`" in advice


def test_a_view_that_its_own_functions_have_another_index_for_is_in_doubt(cloud: Cloud) -> None:
    for view in ("", "products"):
        cloud.finished("verify", view=view)
    cloud.variables["VIEWS"] = json.dumps({"products": {"index": "moved"}})
    assert cloud.run("status", width=400) == 1
    assert "View products: the sync and the reconcile function have another index each" in cloud.out


def test_a_run_under_way_is_named_with_its_view(cloud: Cloud) -> None:
    cloud.runs.append(Run("verify-now", "verify", cloud.clock.now() - 9, looks=99, machine=machine_arn("products")))
    cloud.run("status", width=200)
    (row,) = [line for line in cloud.out.splitlines() if line.startswith("View products ")]
    assert row.endswith("never compared · verify runs")


def test_messages_that_any_views_run_sent_count_for_each(cloud: Cloud) -> None:
    for view in ("", "products"):
        cloud.finished("verify", view=view)
    cloud.metric("searchsync", "RunPoison", 2, before=900, of=f"{NAME}-products-reconcile")
    cloud.metric("searchsync", "RunPoison", 1, before=900, of=f"{NAME}-reconcile")
    for words in ((), ("--view", "products")):
        cloud.run("status", *words, "--json")
        assert all(each["what"].startswith("3 messages of the failure queue went") for each in found(cloud)["troubles"])
        assert found(cloud)["troubles"]


def test_what_is_of_the_stack_is_asked_once_however_many_views_there_are(cloud: Cloud) -> None:
    assert cloud.trigger is not None
    cloud.trigger["DestinationConfig"] = {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}}
    where = {"LocationConstraint": REGION}
    cloud.session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    asked: list[Any] = []
    cloud.session.events.register(
        "provide-client-params",
        lambda params, model, **_: asked.append((model.name, json.dumps(params, default=str, sort_keys=True))),
    )
    for number, view in enumerate(("", "products", "lines", "stock")):
        if number > 1:
            cloud.add_view(view)
        cloud.finished("verify", view=view)
    assert cloud.run("status", "--view", "products") == 0
    alone = Counter(name for name, _ in asked)
    asked.clear()
    assert cloud.run("status") == 0
    together = Counter(name for name, _ in asked)
    more = {name: together[name] - alone[name] for name in together if together[name] != alone[name]}
    assert more.pop("Invoke") == 3
    assert {name for name in more if name not in ("ListExecutions", "DescribeExecution")} == {"GetMetricData"}
    assert more["GetMetricData"] == 3  # its own signal, by the hour; none is looked at more closely
    assert max(Counter(each for each in asked if each[0] == "GetMetricData").values()) == 1


def test_it_fits_where_the_terminal_is_narrow(cloud: Cloud) -> None:
    cloud.finished("verify")
    cloud.run("status", width=40)
    assert max(map(len, cloud.out.splitlines())) <= 40
