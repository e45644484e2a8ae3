"""What writes to a table consume.

AWS ("DynamoDB Metrics and dimensions"): ConsumedWriteCapacityUnits by TableName, for each minute in which something was
written. A unit is a write of 1 KB ("DynamoDB read and write operations"); one that changes nothing takes its units too,
and a deletion by time to live none ("Using time to live").
ministack: counts units for who asks for ReturnConsumedCapacity alone. Here what transactions write is not counted.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch, dynamodb

from lab.cloud.patching import private, replace

MINUTE = 60  # seconds
Item = dict[str, Any] | None


def apply() -> None:
    """Count each write, as the one point of its minute."""

    def single(result: Any, data: Any, table_name: str, **named: Any) -> None:
        if named.get("write"):
            _count(table_name, named.get("old_item"), named.get("new_item"))
        one(result, data, table_name, **named)

    def batched(capacity: Any, table: dict[str, Any], old_item: Item, new_item: Item) -> None:
        _count(table["TableName"], old_item, new_item)
        several(capacity, table, old_item, new_item)

    one = replace(dynamodb, "_add_consumed_capacity", single)
    several = replace(dynamodb, "_accumulate_write_capacity", batched)


def _count(table_name: str, old_item: Item, new_item: Item) -> None:
    size = max(private(dynamodb, "_item_size_bytes")(each) if each else 0 for each in (old_item, new_item))
    units, minute = private(dynamodb, "_capacity_kb")(size), time.time() // MINUTE * MINUTE
    dimensions = {"TableName": table_name}
    key = ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", private(cloudwatch, "_dims_key")(dimensions))
    points = private(cloudwatch, "_metric_bucket")(key)
    if points and points[-1]["Timestamp"] == minute:
        points[-1]["Value"] += units
    else:
        points.append({"Timestamp": minute, "Value": units, "Unit": "Count", "Dimensions": dimensions})
