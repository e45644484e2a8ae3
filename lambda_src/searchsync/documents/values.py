"""Attribute values: what each type is in a document, written and compared, and what a condition asks of it. Pure.

The table TYPES, at the end, is the one place that says so: a value's JSON text, whether a JSON value is what that text
says, its plain values, and its JSON value for a user's `transform`. Without one, text is written straight from
DynamoDB's JSON, with no tree in between: a number is its own digits (DynamoDB keeps 38, a float 17), a set is an array,
binary is the base64 text that the event already carries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring as quote
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.errors import ConversionError, TransformError
from searchsync.limits import LONGEST_KEPT, MANY_DOTS, MOST_NAMES


class _Names(dict[str, str]):
    """Names as JSON text: nearly all items have the same few, so that each is looked at once. Those of many dots or
    characters are not kept, but counted."""

    strange = 0

    def __missing__(self, name: str) -> str:
        if len(name) > LONGEST_KEPT or name.count(".") > MANY_DOTS:
            self.strange += 1
            return quote(name)
        if len(self) >= MOST_NAMES:
            self.clear()
        text = self[name] = quote(name)
        return text


NAMES = _Names()


def map_text(members: Mapping[str, Mapping[str, Any]]) -> str:
    """A map's attribute values as JSON text. Raises KeyError with the name of a type that DynamoDB does not know, and
    ConversionError where two values have one name."""
    # Strings, numbers and maps are most of what items hold: answered here, without the table, a fifth quicker.
    names = NAMES
    parts = [
        f"{names[name]}:{quote(value['S'])}"
        if "S" in value
        else f"{names[name]}:{value['N']}"
        if "N" in value
        else f"{names[name]}:{map_text(value['M'])}"
        if "M" in value
        else f"{names[name]}:{_value(value)}"
        for name, value in members.items()
    ]
    return "{" + ",".join(parts) + "}"


def _value(attribute: Mapping[str, Any]) -> str:
    ((kind, value),) = attribute.items()
    return CONVERTERS[kind](value)


def _list(elements: Iterable[Mapping[str, Any]]) -> str:
    return "[" + ",".join([map_text(each["M"]) if "M" in each else _value(each) for each in elements]) + "]"


def _strings(values: Iterable[str]) -> str:
    return "[" + ",".join(map(quote, values)) + "]"


def _numbers(values: Iterable[str]) -> str:
    return "[" + ",".join(values) + "]"


def _null(_value: object) -> str:
    return "null"


def _boolean(value: object) -> str:
    return "true" if value else "false"


def exact(text: str | bytes) -> Any:
    """JSON with every digit of its numbers. Raises ValueError on anything else."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def differing(image: AttributeMap, source: Any) -> tuple[str, ...]:
    """The names of the attributes that differ, sorted."""
    if not isinstance(source, Mapping):
        return tuple(sorted(image))
    unlike = {name for name in image.keys() & source.keys() if not same(image[name], source[name])}
    return tuple(sorted((image.keys() ^ source.keys()) | unlike))


def same(attribute: Mapping[str, Any], value: Any) -> bool:
    """Whether a JSON value (numbers as Decimal) is what is written for an attribute value; no text is, for a type that
    DynamoDB does not know.

    True is not 1. A set has no order: DynamoDB may give its members in another one each time it is read.
    """
    ((kind, inner),) = attribute.items()
    found = TYPES.get(kind)
    return found is not None and found.same(inner, value)


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


Plain = str | Decimal | bool | None
"""A value that a condition asks of."""


def plain(attribute: Mapping[str, Any]) -> Iterable[Plain]:
    """The values of an attribute value: its own, or those of its elements, in lists of lists too. A map has none, and a
    type that DynamoDB does not know.
    """
    ((kind, inner),) = attribute.items()
    found = TYPES.get(kind)
    return () if found is None else found.plain(inner)


def _plain_itself(value: str) -> Iterable[Plain]:
    return (value,)


def _plain_number(value: str) -> Iterable[Plain]:
    return (Decimal(value),)


def _plain_boolean(value: object) -> Iterable[Plain]:
    return (bool(value),)


def _plain_null(_value: object) -> Iterable[Plain]:
    return (None,)


def _plain_members(_value: object) -> Iterable[Plain]:
    return ()


def _plain_elements(elements: Iterable[Mapping[str, Any]]) -> Iterator[Plain]:
    for each in elements:
        yield from plain(each)


def _plain_texts(values: Iterable[str]) -> Iterable[Plain]:
    return values


def _plain_numbers(values: Iterable[str]) -> Iterable[Plain]:
    return map(Decimal, values)


def map_tree(members: AttributeMap) -> dict[str, Any]:
    """A map's attribute values as JSON values, numbers as Decimal: what `exact` reads of their text, as a copy of its
    own. DynamoDB gives names and the members of sets in no order: here they have one, so that two reads of an item are
    the same to whoever goes through them. Raises KeyError with the name of a type that DynamoDB does not know.
    """
    # Texts and numbers without the table, as in `map_text`.
    return {
        name: value["S"] if "S" in value else Decimal(value["N"]) if "N" in value else tree(value)
        for name, value in sorted(members.items())
    }


def tree(attribute: Mapping[str, Any]) -> Any:
    """An attribute value as a JSON value, as `map_tree` does."""
    ((kind, inner),) = attribute.items()
    return TYPES[kind].tree(inner)


def _tree_of_list(elements: Iterable[Mapping[str, Any]]) -> list[Any]:
    return list(map(tree, elements))


def _tree_of_numbers(values: Iterable[str]) -> list[Decimal]:
    return sorted(map(Decimal, values))


def _tree_of_null(_value: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class AttributeType:
    """What a value of one type is in a document: its JSON text, and whether a JSON value (numbers as Decimal) is it;
    the plain values that a condition asks of; and its JSON value."""

    text: Callable[[Any], str]
    same: Callable[[Any, Any], bool]
    plain: Callable[[Any], Iterable[Plain]]
    tree: Callable[[Any], Any]


TYPES: Mapping[str, AttributeType] = {
    "S": AttributeType(quote, _same_text, _plain_itself, str),
    "N": AttributeType(str, _same_number, _plain_number, Decimal),
    "M": AttributeType(map_text, _same_map, _plain_members, map_tree),
    "L": AttributeType(_list, _same_list, _plain_elements, _tree_of_list),
    "BOOL": AttributeType(_boolean, _same_boolean, _plain_boolean, bool),
    "NULL": AttributeType(_null, _same_null, _plain_null, _tree_of_null),
    "B": AttributeType(quote, _same_text, _plain_itself, str),
    "SS": AttributeType(_strings, _same_texts, _plain_texts, sorted),
    "NS": AttributeType(_numbers, _same_numbers, _plain_numbers, _tree_of_numbers),
    "BS": AttributeType(_strings, _same_texts, _plain_texts, sorted),
}
CLASH = "two of one name"
"""The type of what stands where two values would have one name (`shape`): no document holds it, and it is the same as
nothing. Its value says why."""


FAILED = "a transform that failed"
"""The type of what stands where a user's transform gave no document (`transform`), as CLASH does."""


def _refused(why: str) -> str:
    raise ConversionError(why)


def _failed(why: str) -> str:
    raise TransformError(why)


CONVERTERS = {**{name: each.text for name, each in TYPES.items()}, CLASH: _refused, FAILED: _failed}
"""By type, without a look at the rest: a value in a document is converted a million times."""
