"""A user's transform: what its call costs a document, beside the same document without one.

It is handed JSON values of the whole document, and what it gives is read whole: so the cost is of the document's size,
whatever the transform changes. The rows of larger documents say how it grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.items import Image, images
from bench.measure import Figure, in_turns
from searchsync.documents.document import encode
from searchsync.documents.shape import Rules
from searchsync.documents.transform import Transform
from searchsync.packed import Bounded

LINES = (3, 30, 300)
"""Of an order: documents of 0.8, 2 and 14 KB in which one attribute changes."""
ITEMS = 60
ROUNDS = 15


def change_one(document: dict[str, Any], _item: Mapping[str, Any], _view: str) -> dict[str, Any]:
    """A user's code that changes one attribute."""
    document["title"] = "changed"
    return document


def change_none(document: dict[str, Any], _item: Mapping[str, Any], _view: str) -> dict[str, Any]:
    """A user's code that changes nothing."""
    return document


def orders(lines: int, count: int = ITEMS) -> list[Image]:
    """Items with so many maps in a list, of three that each has."""
    return [{**image, "lines": {"L": image["lines"]["L"] * (lines // 3)}} for image in images(count)]


def figures() -> list[Figure]:
    """The ratio to a document without a transform, by size; and at 1 KB what a call alone and its bounds cost."""
    found: list[Figure] = []
    for lines in LINES:
        items = orders(lines)
        seconds = taken(items, ROUNDS)
        size = sum(len(encode("a", item) or b"") for item in items) // len(items)
        found.append(_against(f"a transform that changes one attribute of {size:,} bytes", seconds, "changes one"))
        if lines == LINES[0]:
            found.append(_against("  one that changes nothing", seconds, "changes none"))
            bounds = (seconds["changes one"] - seconds["without bounds"]) / len(items)
            found.append(Figure("  of it what bounds its time and its numbers", f"{bounds * 1e6:.1f} µs"))
    return found


def taken(items: list[Image], rounds: int) -> dict[str, float]:
    """Median seconds of all documents: without a transform, with each, and with one that is called without bounds."""
    rules = {
        "without": Rules(),
        "changes one": Rules(transform=Transform(Bounded(change_one), "")),
        "changes none": Rules(transform=Transform(Bounded(change_none), "")),
        "without bounds": Rules(transform=Transform(change_one, "")),
    }

    def encoding(each: Rules) -> Callable[[], object]:
        return lambda: [encode("a", item, each) for item in items]

    return in_turns({name: encoding(each) for name, each in rules.items()}, rounds)


def _against(what: str, seconds: Mapping[str, float], subject: str) -> Figure:
    return Figure(f"{what}, against none", f"{seconds[subject] / seconds['without']:.2f} x")
