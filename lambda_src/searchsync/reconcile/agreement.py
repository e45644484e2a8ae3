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

from dataclasses import dataclass
from enum import Enum
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.values import differing


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


def look(image: AttributeMap | None, document: Document | None) -> Look:
    """Compare an item (its image in the event's form, None: there is none) with the document that is there."""
    if document is None:
        return Look(None, None if image is None else Kind.MISSING)
    if image is None:
        return Look(document.version, Kind.ORPHAN)
    attributes = differing(image, document.source)
    return Look(document.version, Kind.DIFFERENT if attributes else None, attributes)


def judge(before: Look, now: Look) -> Verdict:
    """What the second of two looks, a recheck delay apart, says of the disagreement that the first saw."""
    if now.kind is None:
        return Verdict.AGREES
    if now.version != before.version:
        return Verdict.MOVING
    return Verdict.MISSING if now.version is None else Verdict.DIFFERS
