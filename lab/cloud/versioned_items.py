"""What AppSync writes for a mutation of a versioned DynamoDB source. Pure.

Sources, AWS AppSync developer guide: "Versioning DynamoDB data sources" (the metadata, the delta table's keys, the two
times to live), "Conflict detection and resolution" (a mutation of another version is refused, with the item that is
there; errors), "Using Delta Sync operations on versioned data sources" (items of both tables, written out; the base
table's first), "Resolver mapping template reference for DynamoDB" (`_version` of PutItem, UpdateItem and DeleteItem).

  PutItem      the item, with `_version` one more and `_lastChangedAt`. A tombstone in its place is gone, and its `_ttl`
  UpdateItem   the item that is there, changed, with both too
  DeleteItem   a tombstone: the item that is there with both, `_deleted` true and `_ttl`. With a BaseTableTTL of 0 none

The guide does not say what UpdateItem or DeleteItem make of a tombstone: the lab refuses both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

METADATA = frozenset({"_version", "_lastChangedAt", "_deleted", "_ttl"})
MUTATIONS = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
CONFLICT = ("ConflictUnhandled", "Conflict resolver rejects mutation.")
SECONDS_A_MINUTE = 60
_SET = re.compile(r"^\s*SET\s+", re.IGNORECASE)

Item = Mapping[str, Any]
"""Attribute values by name."""


class Refused(Exception):
    """A request that AppSync refuses. `kind`: the `errorType` of its answer; `item`: the one that is there."""

    def __init__(self, kind: str, message: str, item: Item | None = None) -> None:
        super().__init__(message)
        self.kind, self.item = kind, item


@dataclass(frozen=True)
class Call:
    """A call of DynamoDB's: the client's method and its arguments. `stamp`: metadata that the item has afterwards."""

    method: str
    arguments: dict[str, Any]
    stamp: Item


def mutation(request: Mapping[str, Any], there: Item | None, config: Mapping[str, Any], now: datetime) -> Call:
    """The call on the base table for a resolver's request, over the item that is there. Raises Refused.

    `config`: the source's `dynamodbConfig`.
    """
    _refuse(request, there)
    operation, known = request["operation"], version_of(there)
    stamp: dict[str, Any] = {"_version": _number(known + 1), "_lastChangedAt": _number(int(now.timestamp() * 1000))}
    names, values = {"#known": "_version"}, {":known": _number(known)} if known else {}
    arguments: dict[str, Any] = {
        "TableName": config["tableName"],
        "ConditionExpression": "#known = :known" if known else "attribute_not_exists(#known)",
        "ExpressionAttributeNames": names,
    }
    if operation == "PutItem":
        arguments["Item"] = {**request["key"], **request["attributeValues"], **stamp}
        return _call("put_item", arguments, values, stamp)
    arguments["Key"] = request["key"]
    if operation == "DeleteItem":
        minutes = int(config["deltaSyncConfig"]["baseTableTTL"])
        stamp["_deleted"] = {"BOOL": True}
        if minutes == 0:
            return _call("delete_item", arguments | {"ReturnValues": "ALL_OLD"}, values, stamp)
        stamp["_ttl"] = _expiry(now, minutes)
    update = request.get("update") or {}
    names |= (update.get("expressionNames") or {}) | {f"#{name}": name for name in stamp}
    values |= (update.get("expressionValues") or {}) | {f":{name}": value for name, value in stamp.items()}
    stamping, expression = ", ".join(f"#{name} = :{name}" for name in stamp), update.get("expression", "")
    joined = f", {_SET.sub('', expression)}" if _SET.match(expression) else f" {expression}"
    arguments |= {"UpdateExpression": f"SET {stamping}{joined}", "ReturnValues": "ALL_NEW"}
    return _call("update_item", arguments, values, stamp)


def delta_record(item: Item, key: Item, config: Mapping[str, Any], now: datetime) -> Call:
    """The call that records an item, as it is after a mutation, in the delta table.

    Its partition is the base table's name and the day, as in the guide's own items: a source's name has no hyphens.
    """
    delta = config["deltaSyncConfig"]
    day, _, time = now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds").partition("T")
    keys = "#".join(str(next(iter(value.values()))) for value in key.values())
    keyed = {"ds_pk": f"{config['tableName']}:{day}", "ds_sk": f"{time}:{keys}:{version_of(item)}"}
    stamp = {"_ttl": _expiry(now, int(delta["deltaSyncTableTTL"]))}
    record = {**item, **{name: {"S": text} for name, text in keyed.items()}, **stamp}
    return Call("put_item", {"TableName": delta["deltaSyncTableName"], "Item": record}, stamp)


def version_of(item: Item | None) -> int:
    """The version of an item; 0 of none, and of one that AppSync has not written."""
    return int(item["_version"]["N"]) if item and "_version" in item else 0


def _refuse(request: Mapping[str, Any], there: Item | None) -> None:
    operation, update = request["operation"], request.get("update") or {}
    if operation not in MUTATIONS:
        raise Refused("UnsupportedOperation", f"Unsupported operation '{operation}'.")
    bare = re.findall(r"(?<![#:\w])\w+", update.get("expression", ""))
    named = {*(request.get("attributeValues") or {}), *(update.get("expressionNames") or {}).values(), *bare}
    if found := sorted(METADATA & named):
        raise Refused("BadRequest", f"AppSync alone writes {', '.join(found)}")
    if int(request.get("_version") or 0) != version_of(there):
        raise Refused(*CONFLICT, there)
    if there and "_deleted" in there and operation != "PutItem":
        raise Refused("Lab", f"AWS does not say what {operation} does with a deleted item: the lab does not either")


def _call(method: str, arguments: dict[str, Any], values: dict[str, Any], stamp: Item) -> Call:
    """DynamoDB refuses values that are there and empty."""
    return Call(method, arguments | ({"ExpressionAttributeValues": values} if values else {}), stamp)


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _expiry(now: datetime, minutes: int) -> dict[str, str]:
    """Unix seconds."""
    return _number(int(now.timestamp()) + minutes * SECONDS_A_MINUTE)
