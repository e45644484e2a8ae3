"""Further views, applied: each has its function, machine, schedules and alarms; unset, it is as if none ever was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.applied import Applied, config_of
from lab.stack import Lab
from lab.terraform import Terraform
from searchsync.limits import ENSURED_FOR, NEW_INDEX_S
from tests.lab.test_index_deleted import delete_index
from tests.lab.test_unset import differences
from tests.support.alarms import ALARM
from tests.support.applied_alarms import Watched
from tests.support.applied_cli import AppliedCli, Ran
from tests.support.applied_run import damage, settling_soon
from tests.support.snapshot import Snapshot, snapshot

NAME = "views"
MAPPING = '{"properties":{"kind":{"type":"keyword"}}}'
VIEWS: dict[str, Any] = {
    "products": {
        "index": {"mapping": MAPPING, "settings": '{"analysis":{}}', "adopt": "nobody"},
        "document": {"when": '{"kind":["product"]}', "constants": '{"live":true,"rank":1.5,"tenant":"eu"}'},
    },
    "a-longer-one": {"index": {"name": "people"}, "document": {"keep_expired": "expires"}},
}
REAPED_EVERY_S = 60
"""Between two looks of ministack for what has expired."""
OF_A_VIEW = ("drift", "reconciliation-failed", "redrive-repair-needed", "repair-needed", "rolling-late")


@pytest.fixture(scope="module")
def terraform(lab: Lab) -> Iterator[Terraform]:
    with Terraform(Path(__file__).parent / NAME, lab) as made:
        yield made
        made.destroy()


def dimensions(found: Snapshot, alarm: str) -> dict[str, str]:
    """Of an alarm of one metric."""
    return {each["Name"]: each["Value"] for each in found["alarms"][alarm]["alarm"]["Dimensions"]}


def test_views_come_and_go_and_the_first_is_as_it_was(lab: Lab, terraform: Terraform) -> None:
    def applied(views: dict[str, Any]) -> Snapshot:
        terraform.apply({"views": views})
        assert terraform.plan_is_empty(), terraform.plan()
        return snapshot(lab.boto3_client, NAME)

    never = applied({})
    planned = terraform.planned({"views": VIEWS})
    first_ones = {each: way for each, way in planned.items() if "module.view_reconciliation" not in each}
    assert {way for each, way in planned.items() if each not in first_ones} == {"create"}
    assert not [each for each in first_ones if each.startswith("module.searchsync.module.reconciliation.")]
    assert set(first_ones.values()) == {"create", "update"}

    given = applied(VIEWS)
    sync, redrive = config_of(lab, NAME), config_of(lab, f"{NAME}-redrive")
    constants = {"live": {"BOOL": True}, "rank": {"N": "1.5"}, "tenant": {"S": "eu"}}
    assert dict(sync.views[1].shape.constants) == constants, "each with its own type"
    assert [(each.view, each.index) for each in sync.every] == [
        ("", "views"),
        ("a-longer-one", "people"),
        ("products", "views-products"),
    ]
    assert [each.index for each in redrive.every] == [each.index for each in sync.every]
    for name, view in zip(("a-longer-one", "products"), sync.views, strict=True):
        own = config_of(lab, f"{NAME}-{name}-reconcile")
        assert (own.view, own.index, own.views) == (name, view.index, ())
        assert (own.mapping, own.settings, own.adopt, own.shape, own.when) == (
            *(view.mapping, view.settings, view.adopt, view.shape, view.when),
        )
        assert f"{NAME}-{name}-reconcile" in given["machines"]
        assert {f"{NAME}-{name}-reconcile-verify", f"{NAME}-{name}-rolling"} <= given["rules"].keys()
        assert {f"{NAME}-{each}-{name}" for each in OF_A_VIEW} <= given["alarms"].keys()
        assert dimensions(given, f"{NAME}-drift-{name}") == {"FunctionName": f"{NAME}-{name}-reconcile"}
        assert dimensions(given, f"{NAME}-repair-needed-{name}") == {"FunctionName": NAME, "View": name}
    assert not config_of(lab, f"{NAME}-reconcile").views

    assert not differences(never, applied({}))


PUT = {"a": "product", "b": "person"}


def item(name: str, kind: str) -> dict[str, Any]:
    return {"id": {"S": name}, "kind": {"S": kind}, "secret": {"S": "s"}}


def test_items_are_in_the_views_that_they_belong_to_and_each_view_has_its_verdict(
    lab: Lab, terraform: Terraform
) -> None:
    terraform.apply({"views": VIEWS})
    outputs = terraform.output()
    first = Applied(lab, outputs)
    products, people = (first.view(name) for name in ("products", "a-longer-one"))
    for name, kind in PUT.items():
        first.put(item(name, kind))
    first.until("the documents", lambda: products.document("a") and first.document("b") and people.document("b"))
    constants = {"live": True, "rank": 1.5, "tenant": "eu"}
    assert products.document("b") is None
    assert {**constants, "secret": "s"}.items() <= products.document("a").items()
    assert "secret" not in first.document("a")
    first.put(item("b", "product"))
    first.put(item("a", "person"))
    first.until("the change of places", lambda: products.document("b") and products.document("a") is None)
    first.delete({"id": {"S": "a"}})
    first.until("the deletion", lambda: people.document("a") is None and first.document("a") is None)
    lab.age(2 * NEW_INDEX_S)
    first.put(item("c", "person"))
    first.until("what is in time", lambda: people.document("c") and first.document("c"))
    judge(first, products)
    lose(first, products)


def test_what_expires_is_gone_from_one_view_and_stays_in_the_view_that_keeps_it(lab: Lab, terraform: Terraform) -> None:
    first = Applied(lab, terraform.output())
    people = first.view("a-longer-one")
    for name, seconds in (("expires", 5), ("deleted", 10_000)):
        first.put({**item(name, "person"), "expires": {"N": str(int(time.time()) + seconds)}})
    first.until("the documents", lambda: people.document("expires") and people.document("deleted"))
    first.delete({"id": {"S": "deleted"}})
    first.until("the deletion", lambda: people.document("deleted") is None)
    first.until("the expiry", lambda: first.document("expires") is None, 2 * REAPED_EVERY_S)
    assert people.document("expires")["kind"] == "person"
    lab.age(2 * NEW_INDEX_S)
    with settling_soon(first), settling_soon(people):
        found = AppliedCli(first).run("verify", "--view", "a-longer-one", "--json")
        assert (found.code, found.json["totals"]["kept"]) == (0, 1), found
        assert AppliedCli(first).run("repair", "--view", "a-longer-one").code == 0
    assert people.document("expires")["kind"] == "person"


def judge(first: Applied, products: Applied) -> None:
    """Each view is verified, damaged and repaired by itself, and rings by itself; `status` tells of all."""
    cli, drift = AppliedCli(first), Watched(first, "drift-products", NAME)
    damage(products, "b", {"kind": "damaged"})
    with settling_soon(first), settling_soon(products):
        assert cli.run("verify").code == 0
        found = cli.run("verify", "--view", "products", "--json")
        assert (found.code, [each["id"] for each in found.json["first"]]) == (1, ["b"]), found
        status = cli.run("status", "--json")
        assert (status.code, status.json["verdict"]) == (1, "differences"), status
        assert troubles(status) == {
            ("products", "table and index differ"),
            ("a-longer-one", "nothing has compared table and index yet"),
        }
        drift.fires()
        Watched(first, "drift", NAME)  # does not ring
        assert cli.run("repair", "--view", "products").code == 0
        drift.ends()
        assert products.document("b")["kind"] == "product"
        assert cli.run("verify", "--view", "a-longer-one").code == 0
    assert troubles(cli.run("status", "--json")) == set()


def lose(first: Applied, products: Applied) -> None:
    """A view's index that is deleted is made anew, and a repair of that view alone is called for."""
    cli, needed = AppliedCli(first), Watched(first, "repair-needed-products", NAME)
    delete_index(products)
    first.lab.age(2 * ENSURED_FOR)
    since = time.time()

    def signalled() -> bool:
        first.put(item("d", "product"))
        return any(line.get("RepairNeeded") for line in first.log_lines(since))

    first.until("the signal", signalled, 120)
    needed.fires()
    Watched(first, "repair-needed", NAME)  # does not ring
    with settling_soon(first), settling_soon(products):
        assert cli.run("repair").code == 0
        assert needed.state() == ALARM
        assert cli.run("repair", "--view", "products").code == 0
    needed.ends()
    assert products.document("b")["kind"] == "product"


def troubles(status: Ran) -> set[tuple[str | None, str]]:
    """What is wrong, by its view; no rolling verification begins in a test's time."""
    told = {(each["view"], each["what"]) for each in status.json["troubles"]}
    return {each for each in told if each[1] != "the rolling verification has not begun"}
