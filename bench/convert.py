"""AttributeValue to JSON text: our converter, boto3's TypeDeserializer with json.dumps, and the floor."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer

from bench.before import SHAPELESS, encoder_of
from bench.items import images
from bench.measure import Figure, at_least, at_most, in_turns
from searchsync.documents.condition import Condition
from searchsync.documents.document import KEY_FIELD, document_text, encode, index_key
from searchsync.documents.shape import Rules, Shape
from searchsync.edges.wire import sdk_form

ITEMS = 200
ROUNDS = 41
FASTER_THAN_BOTO3 = 2.4
WITHIN_OF_FLOOR = 1.25
WITHOUT_SHAPE, WITH_SHAPE, WITH_CONDITION = 1.05, 1.25, 1.9
"""Of a document's time: of a whole one against one that knows no shape; with ten paths excluded, and with a condition,
against that. A condition asks eight questions in some 8 µs."""
EXCLUDED = ("lines.count", "cancelled", *(f"not_there_{number}" for number in range(8)))
"""Little of an item, so that it is the looking that is measured."""
RENAMED = (
    ("lines.count", "quantity"),
    ("cancelled", "void"),
    *((f"not_there_{number}", f"new_{number}") for number in range(8)),
)
"""As many, of the same places."""
CONDITION = {
    "id": [{"prefix": "order#"}],
    "deleted": [{"exists": False}],
    "number": [{"numeric": [">=", 0]}],
    "lines": {"sku": [{"exists": True}], "price": [{"numeric": [">", 0, "<", 1_000_000]}]},
    "$or": [{"cancelled": [False]}, {"active": [True]}],
}
"""Each item matches it, so that all of it is asked."""


def figures(before: Path | None = None) -> list[Figure]:
    """Our ratios to boto3, to the floor, C json.dumps over the raw image, and to the sources of `before`."""
    items = images(ITEMS)
    sdk = [sdk_form(item) for item in items]
    renamed = Rules(Shape(rename=RENAMED, constants=(("tenant", {"S": "eu"}),)))
    shaped, chosen = Rules(Shape(exclude=EXCLUDED)), Rules(condition=Condition(json.dumps(CONDITION)))
    deserialize: Callable[[Any], Any] = TypeDeserializer().deserialize

    was = None if before is None else encoder_of(before)

    def with_boto3() -> None:
        for item in sdk:
            json.dumps({name: deserialize(value) for name, value in item.items()}, default=_default)

    seconds = in_turns(
        {
            "ours": lambda: [document_text(item) for item in items],
            "boto3": with_boto3,
            "floor": lambda: [json.dumps(item) for item in items],
            "unshaped": lambda: [
                document_text({**item, KEY_FIELD: {"N": str(index_key("a"))}}).encode() for item in items
            ],
            **({} if was is None else {"before": lambda: [was("a", item) for item in items]}),
            "whole": lambda: [encode("a", item) for item in items],
            "ten excluded": lambda: [encode("a", item, shaped) for item in items],
            "ten renamed": lambda: [encode("a", item, renamed) for item in items],
            "by a condition": lambda: [encode("a", item, chosen) for item in items],
        },
        ROUNDS,
    )
    size = sum(len(json.dumps(item)) for item in items) // ITEMS
    return [
        Figure(f"item of {size} bytes to JSON text", f"{seconds['ours'] / ITEMS * 1e6:.1f} µs"),
        at_least(
            "  faster than TypeDeserializer and json.dumps", seconds["boto3"] / seconds["ours"], FASTER_THAN_BOTO3
        ),
        at_most("  time against C json.dumps of the raw image", seconds["ours"] / seconds["floor"], WITHIN_OF_FLOOR),
        at_most(
            "a whole document, against one that knows no shape", seconds["whole"] / seconds["unshaped"], WITHOUT_SHAPE
        ),
        *(
            []
            if was is None
            else [at_most(f"  against {SHAPELESS}'s converter", seconds["whole"] / seconds["before"], WITHOUT_SHAPE)]
        ),
        at_most("  with ten paths excluded, against whole", seconds["ten excluded"] / seconds["whole"], WITH_SHAPE),
        Figure(
            "  with ten paths renamed and a constant, against whole",
            f"{seconds['ten renamed'] / seconds['whole']:.2f} x",
        ),
        at_most(
            "  by a condition of six names, against whole", seconds["by a condition"] / seconds["whole"], WITH_CONDITION
        ),
    ]


def _default(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, set):
        return list(value)
    if isinstance(value, Binary):
        return base64.b64encode(value.value).decode()  # type: ignore[attr-defined]
    raise TypeError(type(value).__name__)
