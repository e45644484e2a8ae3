"""Whether an item and its document agree, and when a disagreement is a difference. Pure.

Item and index are looked at at slightly different moments, and changes are under way all the time. So
a disagreement is looked at again, a settling time later: by then the pipeline has brought whatever was
under way, and what it writes has another version.

    now they agree                                         AGREES
    the document is there at both looks, version unchanged DIFFERS     nothing was written in between
    the document is missing at both looks                  MISSING     a difference if no closer look sees it
    else                                                   MOVING      look again

A missing document has no version that would tell an untouched place from an item that is deleted and put
again and again: only samples over one more settling time, in none of which the document is seen, make it
a difference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What the second look at a disagreement says."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"
    MOVING = "moving"


class Kind(Enum):
    """What is wrong with a document."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    FOREIGN = "foreign"
    """It carries no key that leads to its own id, so no item of the table can be its source."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as the index holds it: external version, and source with every digit of its numbers."""

    version: int
    source: Any


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an item and its document.

    `version`: the document's, None where there is none. `kind` None: they agree. `attributes`: the
    names of those that differ, at the top level.
    """

    version: int | None
    kind: Kind | None
    attributes: tuple[str, ...] = ()


def exact(text: str | bytes) -> Any:
    """JSON with every digit of its numbers. Raises ValueError on anything else."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def look(expected: str | None, document: Document | None) -> Look:
    """Compare the document that an item should be (its JSON text, None: no item) with the one that is there."""
    if document is None:
        return Look(None, None if expected is None else Kind.MISSING)
    if expected is None:
        return Look(document.version, Kind.EXTRA)
    wanted = exact(expected)
    if not isinstance(wanted, Mapping):  # an item that can never become a document
        return Look(document.version, Kind.DIFFERENT)
    attributes = differing(wanted, document.source)
    return Look(document.version, Kind.DIFFERENT if attributes else None, attributes)


def differing(expected: Mapping[str, Any], source: Any) -> tuple[str, ...]:
    """The names of the attributes that differ, sorted."""
    if not isinstance(source, Mapping):
        return tuple(sorted(expected))
    missing = object()
    names = expected.keys() | source.keys()
    return tuple(sorted(name for name in names if not same(expected.get(name, missing), source.get(name, missing))))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def judge(before: Look, now: Look) -> Verdict:
    """What the second of two looks, a settling time apart, says of the disagreement that the first saw."""
    if now.kind is None:
        return Verdict.AGREES
    if now.version != before.version:
        return Verdict.MOVING
    return Verdict.MISSING if now.version is None else Verdict.DIFFERS
