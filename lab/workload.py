"""Mixed changes to a table: insertions, edits and deletions on hot and cold keys, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

HOT_SHARE = 0.3
"""Share of the changes that fall on the hot keys."""
HOT_KEYS = 50
DELETIONS = 0.2
BATCH = 25
"""Changes of one BatchWriteItem (API reference, BatchWriteItem); its keys must differ."""


@dataclass(frozen=True)
class Change:
    """One change: `item` is None for a deletion."""

    key: str
    item: dict[str, Any] | None


def changes(count: int, keys: int, seed: int) -> Iterator[Change]:
    """`count` changes on `keys` keys."""
    rng = random.Random(seed)
    for number in range(count):
        hot = rng.random() < HOT_SHARE
        key = f"item-{rng.randrange(HOT_KEYS if hot else keys):06d}"
        yield Change(key, None if rng.random() < DELETIONS else item(key, number, rng))


def item(key: str, number: int, rng: random.Random) -> dict[str, Any]:
    """An item with every kind of attribute value but the rare ones; `number` tells one change from another."""
    return {
        "id": {"S": key},
        "name": {"S": f"change {number} of «{key}»"},
        "type": {"S": rng.choice(["Test", "Sample", "Trial"])},
        "number": {"N": str(number)},
        "price": {"N": f"{rng.randrange(10**18)}.{rng.randrange(10**9):09d}"},
        "active": {"BOOL": rng.random() < 0.5},
        "raw": {"B": rng.randbytes(24)},
        "tags": {"SS": sorted({f"tag-{rng.randrange(9)}" for _ in range(3)})},
        "where": {
            "M": {"city": {"S": rng.choice(["Graz", "Ålesund", "東京"])}, "zip": {"N": str(rng.randrange(99_999))}}
        },
        "history": {"L": [{"S": f"change {number}"}, {"NULL": True}, {"S": 'line\nbreak "quoted"'}]},
    }


def write(dynamodb: Any, table: str, planned: Iterator[Change], done: Callable[[int], None]) -> None:
    """Write the changes in order; `done` is told how many each request took."""
    batch: dict[str, Change] = {}
    for change in planned:
        if change.key in batch or len(batch) == BATCH:
            _write_batch(dynamodb, table, batch)
            done(len(batch))
            batch = {}
        batch[change.key] = change
    if batch:
        _write_batch(dynamodb, table, batch)
        done(len(batch))


def _write_batch(dynamodb: Any, table: str, batch: dict[str, Change]) -> None:
    requests = [
        {"DeleteRequest": {"Key": {"id": {"S": change.key}}}}
        if change.item is None
        else {"PutRequest": {"Item": change.item}}
        for change in batch.values()
    ]
    while requests:
        answer = dynamodb.batch_write_item(RequestItems={table: requests})
        requests = answer.get("UnprocessedItems", {}).get(table, [])
