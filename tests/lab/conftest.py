"""One lab for all tests here, and no longer: it starts in seconds, and each test makes its own names in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.applied import Applied
from lab.stack import Lab
from lab.terraform import Terraform
from tests.support.called import documented, function_calls
from tests.support.small_stack import SmallStack

LONG = (
    "test_verdict.py",
    "test_reconcile.py",
    "test_examples.py",
    "test_rolling.py",
    "test_views_applied.py",
    "test_callers.py",
    "test_cli.py",
    "test_unset.py",
    "test_export.py",
    "test_replaced.py",
)
"""The files of more than three minutes, the longest first: none is begun when all others are nearly done."""
LATE = ("test_outage.py", "test_soak.py")
"""They leave a trigger that was late in the last minutes, and a run waits for longer then."""
APPLIED = (
    *("sync-data-with-dynamodb-stream", "orders-search", "deployed", "rolling", "released"),
    *("accounts-reports", "accounts-service", "orders-encrypted", "orders-packaged", "orders-private", "orders-shared"),
    *("orders-us-east-1", "orders-us-west-2", "posts-search", "shop-customers", "shop-orders", "shop-products"),
)
"""The sync functions' names of the stacks that Terraform applies here."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long comes first here, and last what makes the trigger late."""
    here = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    for place, item in zip(here, sorted((items[each] for each in here), key=turn), strict=True):
        items[place] = item


def turn(item: pytest.Item) -> int:
    """When an item's file comes: the others between the two kinds, as they were found."""
    name = item.path.name
    return LONG.index(name) if name in LONG else len(LONG) + LATE.count(name)


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    """At the end, whatever ran: no function has called what docs/permissions.md does not say."""
    with Lab.start() as running:
        yield running
        for name in APPLIED:
            for function, called in function_calls(running, name).items():
                assert called <= documented(function), f"{function} function of {name}: add to tools/permission_list.py"


@pytest.fixture
def stack(lab: Lab) -> Iterator[SmallStack]:
    """A table, a function on its stream, a queue and a collection, with the least permissions."""
    with SmallStack(lab) as made:
        yield made


@pytest.fixture(scope="package")
def workshop_terraform(lab: Lab) -> Iterator[Terraform]:
    """The walk-through, applied; destroyed at the end, whole."""
    with Terraform("workshop", lab) as terraform:
        terraform.apply()
        yield terraform
        terraform.destroy()
        functions = lab.boto3_client("lambda").list_functions()["Functions"]
        collections = lab.boto3_client("opensearchserverless").list_collections()["collectionSummaries"]
        queues = lab.boto3_client("sqs").list_queues().get("QueueUrls", [])
        assert "lab-table" not in lab.boto3_client("dynamodb").list_tables()["TableNames"]
        assert "sync-data-with-dynamodb-stream" not in [each["FunctionName"] for each in functions]
        assert "lab-collection" not in [each["name"] for each in collections]
        assert not any("dynamodb-to-opensearch" in url for url in queues)


@pytest.fixture(scope="package")
def workshop(lab: Lab, workshop_terraform: Terraform) -> Applied:
    """The applied walk-through, to use."""
    return Applied(lab, workshop_terraform.output())
