"""Whether an item and its document agree, and when a disagreement is a difference. Pure.

Item and document are looked at one after the other, and changes are under way all the time. So a
disagreement is looked at again, a recheck delay later: by then the pipeline has brought whatever was
under way, and what it writes has another version.

    now they agree                                         AGREES
    the document is there at both looks, version unchanged DIFFERS     nothing was written in between
    the document is missing at both looks                  MISSING     a difference if no closer look sees it
    else                                                   MOVING      look again

Each look reads the document first and its item then. That order is what makes DIFFERS a proof: the document
was there before the item was read, so it is not the trace of a later change, and it was still there a
recheck delay after, when whatever the read saw must have come. The other way round an item that changes
between the two, and again just before the second look, would be a difference that is none.

A missing document has no version that would tell an untouched place from an item that is deleted and put
again and again. Only samples over one more recheck delay, in none of which the document is seen or the
item gone, make it a difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from searchsync.documents.attributes import AttributeMap


class Verdict(Enum):
    """What the second look at a disagreement says."""

    AGREES = "agrees"
    DIFFERS = "differs"
    MISSING = "missing"
    MOVING = "moving"


class Kind(Enum):
    """What is wrong with a document."""

    MISSING = "missing"
    ORPHAN = "orphan"
    DIFFERENT = "different"
    UNMAPPABLE = "unmappable"
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


def look(image: AttributeMap | None, document: Document | None) -> Look:
    """Compare an item (its image in the event's form, None: there is none) with the document that is there."""
    if document is None:
        return Look(None, None if image is None else Kind.MISSING)
    if image is None:
        return Look(document.version, Kind.ORPHAN)
    attributes = differing(image, document.source)
    return Look(document.version, Kind.DIFFERENT if attributes else None, attributes)


def differing(image: AttributeMap, source: Any) -> tuple[str, ...]:
    """The names of the attributes that differ, sorted."""
    if not isinstance(source, Mapping):
        return tuple(sorted(image))
    unlike = {name for name in image.keys() & source.keys() if not same(image[name], source[name])}
    return tuple(sorted((image.keys() ^ source.keys()) | unlike))


def same(attribute: Mapping[str, Any], value: Any) -> bool:
    """Whether a JSON value (numbers as Decimal) is what the converter makes of an attribute value.

    True is not 1. A set has no order: DynamoDB may give its members in another one each time it is read.
    """
    ((kind, inner),) = attribute.items()
    compare = SAME.get(kind)
    return compare is not None and compare(inner, value)


def _same_text(inner: Any, value: Any) -> bool:
    return isinstance(value, str) and value == inner


def _same_number(inner: Any, value: Any) -> bool:
    return isinstance(value, Decimal) and value == Decimal(inner)


def _same_boolean(inner: Any, value: Any) -> bool:
    return isinstance(value, bool) and value == bool(inner)


def _same_null(_inner: Any, value: Any) -> bool:
    return value is None


def _same_map(inner: AttributeMap, value: Any) -> bool:
    return isinstance(value, Mapping) and not differing(inner, value)


def _same_list(inner: Sequence[Mapping[str, Any]], value: Any) -> bool:
    return isinstance(value, list) and len(value) == len(inner) and all(map(same, inner, value))


def _same_texts(inner: Sequence[str], value: Any) -> bool:
    return _same_members(str, inner, value)


def _same_numbers(inner: Sequence[str], value: Any) -> bool:
    return _same_members(Decimal, map(Decimal, inner), value)


def _same_members(kind: type, inner: Iterable[Any], value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) for each in value) and sorted(inner) == sorted(value)


SAME: Mapping[str, Callable[[Any, Any], bool]] = {
    "S": _same_text,
    "N": _same_number,
    "M": _same_map,
    "L": _same_list,
    "BOOL": _same_boolean,
    "NULL": _same_null,
    "B": _same_text,
    "SS": _same_texts,
    "NS": _same_numbers,
    "BS": _same_texts,
}
"""By attribute type; what the converter cannot write is the same as nothing."""


def judge(before: Look, now: Look) -> Verdict:
    """What the second of two looks, a recheck delay apart, says of the disagreement that the first saw."""
    if now.kind is None:
        return Verdict.AGREES
    if now.version != before.version:
        return Verdict.MOVING
    return Verdict.MISSING if now.version is None else Verdict.DIFFERS
