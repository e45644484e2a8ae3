"""Expired items in the stream.

AWS: a deletion by time to live is a REMOVE record whose `userIdentity` says so, with the names that GetRecords gives it
(botocore's service model of DynamoDB Streams, shape `Identity`: `Type`, `PrincipalId`). Lambda's event writes them
small.
ministack: its reaper removes the item and the stream never hears of it.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import dynamodb

from lab.cloud.patching import private, replace

REAPER_THREAD = "dynamodb-ttl-reaper"
SERVICE_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def apply() -> None:
    """Write a stream record when the reaper removes an item."""

    def remove(table: dict[str, Any], hash_key: str, range_key: str) -> Any:
        if threading.current_thread().name != REAPER_THREAD:
            return remove_item(table, hash_key, range_key)
        item = table["items"].get(hash_key, {}).get(range_key)
        done = remove_item(table, hash_key, range_key)
        if item is not None:
            _, _, _, region, account, _ = table["TableArn"].split(":", 5)
            with request_scope(account, region):
                private(dynamodb, "_emit_stream_event")(table["TableName"], "REMOVE", item, None)
        return done

    def build(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        record: dict[str, Any] = build_record(*arguments, **keywords)
        if threading.current_thread().name == REAPER_THREAD:
            record["userIdentity"] = dict(SERVICE_IDENTITY)
        return record

    remove_item = replace(dynamodb, "_remove_item", remove)
    build_record = replace(dynamodb, "_build_change_record", build)
