"""What the lab's AppSync writes: the items of AWS's guide ("Using Delta Sync operations on versioned data sources").

Of a deleted item the guide says its metadata in words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.cloud.versioned_items import Call, Item, Refused, delta_record, mutation

ID = "81d36bbb-1579-4efe-92b8-2e3f679f628b"
KEY = {"id": {"S": ID}}
BASE, DELTA = "AppSync-delta-sync-post", "delta"
CREATED = datetime(2019, 11, 23, 0, 35, 56, 331_000, tzinfo=UTC)
POST = {"author": {"S": "Nadia"}, "content": {"S": "Hello World"}, "title": {"S": "My First Post"}}
THERE = {**KEY, **POST, "_version": {"N": "1"}, "_lastChangedAt": {"N": "1574469356331"}}
TOMBSTONE = {**THERE, "_deleted": {"BOOL": True}, "_ttl": {"N": "1577061356"}}
UPDATE = {"expression": "SET title = :title", "expressionValues": {":title": {"S": "Actually this is my Second Post"}}}
PUT, UPDATED, DELETED = {"attributeValues": POST}, {"update": UPDATE}, dict[str, Any]()


def config(minutes: int = 43_200) -> dict[str, Any]:
    times = {"baseTableTTL": minutes, "deltaSyncTableName": DELTA, "deltaSyncTableTTL": 60}
    return {"tableName": BASE, "versioned": True, "deltaSyncConfig": times}


def call(operation: str, version: int | None, there: Item | None, more: dict[str, Any], minutes: int = 43_200) -> Call:
    request = {"operation": operation, "key": KEY, **({} if version is None else {"_version": version}), **more}
    return mutation(request, there, config(minutes), CREATED)


def test_a_new_item_is_the_guides_item_in_both_tables() -> None:
    made = call("PutItem", None, None, PUT)
    assert (made.method, made.arguments["Item"]) == ("put_item", THERE)
    record = delta_record(made.arguments["Item"], KEY, config(), CREATED).arguments
    assert record["TableName"] == DELTA
    assert record["Item"] == THERE | {
        "_ttl": {"N": "1574472956"},
        "ds_pk": {"S": f"{BASE}:2019-11-23"},
        "ds_sk": {"S": f"00:35:56.331:{ID}:1"},
    }


def test_an_update_sets_what_is_asked_and_the_next_version() -> None:
    made = call("UpdateItem", 1, THERE, UPDATED)
    assert made.method == "update_item"
    assert made.arguments["UpdateExpression"].startswith("SET #_version = :_version, ")
    assert made.arguments["UpdateExpression"].endswith(", title = :title")
    assert made.arguments["ExpressionAttributeValues"][":_version"] == {"N": "2"}
    assert made.arguments["ConditionExpression"] == "#known = :known"


def test_what_only_removes_follows_the_metadata() -> None:
    made = call("UpdateItem", 1, THERE, {"update": {"expression": "REMOVE title"}})
    assert made.arguments["UpdateExpression"].endswith("#_lastChangedAt = :_lastChangedAt REMOVE title")


def test_a_deleted_item_stays_as_a_tombstone_for_its_time() -> None:
    made = call("DeleteItem", 1, THERE, DELETED)
    assert made.method == "update_item"
    values = made.arguments["ExpressionAttributeValues"]
    assert values[":_deleted"] == {"BOOL": True}
    assert values[":_ttl"] == {"N": str(int((CREATED + timedelta(days=30)).timestamp()))}


def test_a_deleted_item_goes_at_once_where_it_is_kept_for_no_time() -> None:
    made = call("DeleteItem", 1, THERE, DELETED, minutes=0)
    assert made.method == "delete_item"
    assert made.stamp.keys() == {"_version", "_lastChangedAt", "_deleted"}


def test_an_item_takes_the_place_of_a_tombstone_whose_version_it_names() -> None:
    made = call("PutItem", 1, TOMBSTONE, PUT)
    assert made.arguments["Item"].keys() == THERE.keys()
    assert made.arguments["Item"]["_version"] == {"N": "2"}


@pytest.mark.parametrize(
    ("operation", "version", "there", "more", "kind"),
    [
        ("UpdateItem", 2, THERE, UPDATED, "ConflictUnhandled"),
        ("DeleteItem", None, THERE, DELETED, "ConflictUnhandled"),
        ("PutItem", None, TOMBSTONE, PUT, "ConflictUnhandled"),
        ("PutItem", 1, None, PUT, "ConflictUnhandled"),
        ("PutItem", None, None, {"attributeValues": {"_version": {"N": "9"}}}, "BadRequest"),
        ("UpdateItem", 1, THERE, {"update": {"expression": "SET _deleted = :no"}}, "BadRequest"),
        (
            "UpdateItem",
            1,
            THERE,
            {"update": {"expression": "SET #d = :n", "expressionNames": {"#d": "_ttl"}}},
            "BadRequest",
        ),
        ("TransactWriteItems", 1, THERE, DELETED, "UnsupportedOperation"),
        ("UpdateItem", 1, TOMBSTONE, UPDATED, "Lab"),
        ("DeleteItem", 1, TOMBSTONE, DELETED, "Lab"),
    ],
)
def test_what_aws_refuses_is_refused_and_what_it_does_not_say_too(
    operation: str, version: int | None, there: Item | None, more: dict[str, Any], kind: str
) -> None:
    with pytest.raises(Refused) as refusal:
        call(operation, version, there, more)
    assert refusal.value.kind == kind
    assert refusal.value.item == (there if kind == "ConflictUnhandled" else None)
