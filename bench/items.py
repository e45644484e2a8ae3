"""Items and events to measure with; seeded, so that two runs measure the same."""

from __future__ import annotations

import base64
import random
import string
import time
from typing import Any

SEED = 20260101
STREAM_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/bench/stream/2026-01-01T00:00:00.000"
Image = dict[str, dict[str, Any]]


def images(count: int) -> list[Image]:
    """Items of about 1 KB as an event carries them, with every type of attribute value in use."""
    chance = random.Random(SEED)
    return [_image(chance, number) for number in range(count)]


def plain(image: Image) -> Image:
    """The item without sets and binary, which the samples' handlers cannot write."""
    return {name: value for name, value in image.items() if not value.keys() & {"SS", "NS", "B"}}


def event(items: list[Image]) -> dict[str, Any]:
    """A stream's event with one INSERT an item."""
    now = int(time.time())
    return {
        "Records": [
            {
                "eventID": str(number),
                "eventName": "INSERT",
                "eventSourceARN": STREAM_ARN,
                "dynamodb": {
                    "ApproximateCreationDateTime": now,
                    "Keys": {"id": item["id"]},
                    "NewImage": item,
                    "SequenceNumber": str((1000 + number) * 10**20 + number),
                    "StreamViewType": "NEW_IMAGE",
                },
            }
            for number, item in enumerate(items)
        ]
    }


def _image(chance: random.Random, number: int) -> Image:
    def words(count: int) -> str:
        return " ".join("".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9))) for _ in range(count))

    def price() -> dict[str, str]:
        return {"N": f"{chance.randrange(100_000)}.{chance.randrange(100):02}"}

    lines = [{"M": {"sku": {"S": words(1)}, "count": {"N": str(chance.randrange(9))}, "price": price()}} for _ in "123"]
    position = {"latitude": {"N": "48.1372"}, "longitude": {"N": "11.5756"}}
    return {
        "id": {"S": f"order#{number:08}"},
        "number": {"N": str(chance.randrange(10**12))},
        "title": {"S": words(8)},
        "note": {"S": f'{words(14)} "quoted"\n é ü'},
        "price": price(),
        "active": {"BOOL": True},
        "cancelled": {"NULL": True},
        "tags": {"SS": [words(1) for _ in range(5)]},
        "sizes": {"NS": [str(size) for size in range(4)]},
        "picture": {"B": base64.b64encode(chance.randbytes(48)).decode()},
        "address": {"M": {"street": {"S": words(3)}, "zip": {"N": "12345"}, "position": {"M": position}}},
        "lines": {"L": lines},
        "created": {"S": "2026-01-02T03:04:05Z"},
    }
