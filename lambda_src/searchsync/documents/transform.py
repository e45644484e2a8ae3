"""A user's `transform`: the attributes of a document, as their own code makes them of what the shape has left. Pure.

It is handed the document as JSON values (numbers as Decimal), to be changed or not, the item as DynamoDB has it, and
the view's name; it gives a document, or None where the item is to have none. `packed` finds it and minds its time.

What it gives is made attribute values again: from here on nobody knows the difference, and what is written and what is
compared have one owner (`Rules.of`). So it is held to what an item could be, which the rest relies on: NESTING levels,
numbers that DynamoDB could hold, LARGEST_TRANSFORMED bytes. Else the item is poison, with the path and the type. Poison
is, too:

  what is no JSON        NaN, Infinity, bytes, a set, a name that is no text, half of a surrogate pair
  a name that is taken   `searchsync_key`, and what the engine keeps for itself
  another key            a key attribute that is left out is put back; one with another value is not replaced, since one
                         of the two would be lost
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from searchsync.documents.attributes import AttributeMap, AttributeValue
from searchsync.documents.key_values import possible_number
from searchsync.documents.values import FAILED, map_tree, same, tree
from searchsync.errors import TransformError
from searchsync.limits import LARGEST_TRANSFORMED, MEMBER_SIZE, NESTING
from searchsync.sanitize import code, shown

REMEDY = "Correct the transform, build the package with it, apply, and redrive."
ORDERED = ("SS", "BS")
UNCHANGING = (str, Decimal, bool, type(None))
NUMBERS = (int, float, Decimal)
Call = Callable[[dict[str, Any], Mapping[str, Any], str], object]
"""Document, item and view to a document or None. Raises TransformError where the user's code failed."""


@dataclass(frozen=True)
class Transform:
    """A user's code, and the digest of its file (SHA-256)."""

    call: Call
    digest: str

    def of(
        self, fields: AttributeMap, image: AttributeMap, taken: Mapping[str, str], view: str = ""
    ) -> AttributeMap | None:
        """The attributes of an item's document; None where it has none.

        `fields`: those by the shape; `taken`: names at the top that a transform gives nothing, each with the key
        attribute that has it, else empty. Where it fails no document holds what is given instead (FAILED).
        """
        try:
            document = map_tree(fields)
        except KeyError:  # of an item that is poison without it
            return fields
        given = dict(document)
        try:
            found = self.call(document, Item(image), view)
            return None if found is None else _attributes(found, given, fields, image, taken)
        except TransformError as error:
            return {name: {FAILED: str(error)} for name in fields}


class Item(Mapping[str, Any]):
    """An item as a transform sees it: each attribute value is a copy, made when it is asked for, so that no user's code
    changes what others are handed. Names and the members of sets are in order, as in `map_tree`."""

    def __init__(self, image: AttributeMap) -> None:
        self._image = image

    def __getitem__(self, name: str) -> Any:
        return _copied(self._image[name])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._image))

    def __len__(self) -> int:
        return len(self._image)


def _copied(attribute: AttributeValue) -> dict[str, Any]:
    ((kind, inner),) = attribute.items()
    if kind == "M":
        return {kind: {name: _copied(inner[name]) for name in sorted(inner)}}
    if kind == "L":
        return {kind: [_copied(each) for each in inner]}
    if kind == "NS":
        return {kind: sorted(inner, key=Decimal)}
    return {kind: sorted(inner) if kind in ORDERED else inner}


def _attributes(
    found: object, given: Mapping[str, Any], fields: AttributeMap, image: AttributeMap, taken: Mapping[str, str]
) -> AttributeMap:
    """What a transform gave. Raises TransformError where no document can be of it."""
    if not isinstance(found, dict):
        raise TransformError(f"The transform returned {_type(found)}: a document is a dict, and None is none. {REMEDY}")
    try:
        made = _Reading(given, fields).members(found, 0)
    except _OddError as odd:
        place = f"At {shown('.'.join(reversed(odd.path)))} the" if odd.path else "The"
        raise TransformError(f"{place} document of the transform {odd.why}. {REMEDY}") from None
    for name, key in taken.items():
        if name in made and (name not in given if not key else not same(image[key], tree(made[name]))):
            what = f"the key attribute {shown(key)} another value" if key else f"a value to {shown(name)}"
            why = "nothing would lead back to its item" if key else "the engine, or searchsync, keeps that name"
            raise TransformError(f"The transform gives {what}: {why}. Take another name. {REMEDY}")
        if key and key in image:
            made[name] = image[key]
    return made


def _type(value: object) -> str:
    return code(type(value).__name__) or "a type without a name"


class _OddError(Exception):
    """A value that no document of an item's could hold; `path`: the names that lead to it, the last one first."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.path: list[str] = []


@dataclass(slots=True)
class _Reading:
    """One document's reading: how many bytes it has so far. What was handed out and is left alone is not made anew."""

    given: Mapping[str, Any]
    fields: AttributeMap
    size: int = 0

    def members(self, found: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """A map's attribute values. Raises _OddError."""
        made = {}
        for name, value in found.items():
            if not isinstance(name, str):
                raise _OddError(f"has a name that is {_type(name)}, and names are texts")
            try:
                self._text(name)
                is_left = not depth and value is self.given.get(name, self) and isinstance(value, UNCHANGING)
                read = self._left if is_left else self._attribute
                made[str(name)] = read(name, value, depth)
            except _OddError as odd:
                odd.path.append(name)
                raise
        return made

    def _left(self, name: str, value: object, _depth: int) -> AttributeValue:
        if isinstance(value, str):
            self._text(value)
        return self.fields[name]

    def _attribute(self, _name: str, value: object, depth: int) -> AttributeValue:
        self._take(MEMBER_SIZE)
        if isinstance(value, str):
            return {"S": self._text(value)}
        if value is None or isinstance(value, bool):
            return {"NULL": True} if value is None else {"BOOL": value}
        if isinstance(value, NUMBERS):
            return {"N": self._number(value)}
        if not isinstance(value, dict | list | tuple):
            raise _OddError(f"has {_type(value)}, which is none of dict, list, str, int, float, Decimal, bool and None")
        if depth == NESTING:
            raise _OddError(f"has over {NESTING} levels of dicts and lists, and no item has so many")
        return {"M": self.members(value, depth + 1)} if isinstance(value, dict) else {"L": self._list(value, depth + 1)}

    def _list(self, found: list[Any] | tuple[Any, ...], depth: int) -> list[AttributeValue]:
        made = []
        for number, value in enumerate(found):
            try:
                made.append(self._attribute("", value, depth))
            except _OddError as odd:
                odd.path.append(str(number))
                raise
        return made

    def _text(self, value: str) -> str:
        try:
            self._take(len(value) if value.isascii() else len(value.encode()))
        except UnicodeEncodeError:
            raise _OddError("has a text with half of a surrogate pair") from None
        return str(value)

    def _number(self, value: float | Decimal) -> str:
        try:
            text = str(value)
        except ValueError:  # Python makes no text of so many digits
            text = ""
        if not possible_number(text):
            raise _OddError(
                f"has {_type(value)} that no number of DynamoDB is: NaN, infinite, of over 38 digits, or out of range"
            )
        self._take(len(text))
        return text

    def _take(self, size: int) -> None:
        self.size += size
        if self.size > LARGEST_TRANSFORMED:
            raise _OddError(f"has over {LARGEST_TRANSFORMED} bytes, twice what an item has")
