"""An item's text, in DynamoDB's JSON or plain JSON, to attribute values; a document in lines, digit by digit. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

DYNAMODB, PLAIN = "DynamoDB JSON", "plain JSON"
SCALARS = ("S", "N", "B")
TYPES = (*SCALARS, "BOOL", "NULL", "M", "L", "SS", "NS", "BS")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
MOST_DIGITS = 38
"""Of a number ("Supported data types", DynamoDB developer guide)."""
INDENT = "  "


class Digits(str):
    """A number as it is written."""

    __slots__ = ()


def exact(text: str) -> Any:
    """The value of a JSON text, its numbers as they are written. Raises ValueError on anything else."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_int=Digits, parse_float=Digits, parse_constant=refuse)


def attributes_in(text: str) -> tuple[str, dict[str, Any]]:
    """In which form an item is written, and its attribute values as DynamoDB's JSON has them.

    DynamoDB's form is known by its types: each attribute is an object with one member that is a type's name. It may
    stand below `Item`, as `aws dynamodb get-item` and an export write it. Raises ValueError that says what is wrong.
    """
    found = exact(text)
    _quoted(found).encode()  # half of a surrogate pair is no text
    if not isinstance(found, dict) or not found:
        raise ValueError("it is no JSON object with attributes")
    inner = found.get("Item")
    if isinstance(inner, dict) and _is_typed(inner):
        found = inner
    if not _is_typed(found):
        return PLAIN, {name: _from_plain(value, name) for name, value in found.items()}
    return DYNAMODB, {name: _checked(value, name) for name, value in found.items()}


def _is_typed(found: Mapping[str, Any]) -> bool:
    return bool(found) and all(map(_has_type, found.values()))


def _has_type(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and value.keys() <= {*TYPES}


def _from_plain(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"M": {name: _from_plain(member, f"{path}.{name}") for name, member in value.items()}}
    if isinstance(value, list):
        return {"L": [_from_plain(each, path) for each in value]}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": _number(value, path)} if isinstance(value, Digits) else {"S": value}


def _checked(attribute: Any, path: str) -> dict[str, Any]:
    """The attribute value, looked through. Raises ValueError where it is none."""
    if not _has_type(attribute):
        raise ValueError(f"{path} is no attribute value in DynamoDB's JSON, which the others are in")
    ((kind, value),) = attribute.items()
    if kind in ("BOOL", "NULL") and isinstance(value, bool):
        return {kind: value}
    if kind == "M" and isinstance(value, dict):
        return {kind: {name: _checked(member, f"{path}.{name}") for name, member in value.items()}}
    if kind == "L" and isinstance(value, list):
        return {kind: [_checked(each, path) for each in value]}
    if kind in SCALARS:
        return {kind: _scalar(kind, value, path)}
    if kind in ("SS", "NS", "BS") and isinstance(value, list) and value:
        return {kind: [_scalar(kind[0], each, path) for each in value]}
    raise ValueError(f"{path} is no value of the type {kind}")


def _scalar(kind: str, value: Any, path: str) -> str:
    if not isinstance(value, str) or isinstance(value, Digits):
        raise ValueError(f"{path} is no value of the type {kind}: give a text, in quotes")  # noqa: TRY004
    if kind == "B":
        try:
            base64.b64decode(value, validate=True)
        except ValueError as error:
            raise ValueError(f"{path} is no base64, as the type {kind} is written") from error
    return _number(value, path) if kind == "N" else value


def _number(text: str, path: str) -> str:
    found = NUMBER.fullmatch(text)
    if found is None or len(f"{found[1]}{found[2] or ''}".replace(".", "").strip("0")) > MOST_DIGITS:
        raise ValueError(f"{path} is no number that DynamoDB takes (of {MOST_DIGITS} digits at most)")
    return str(text)


def pretty(value: Any, ordered: bool = False) -> list[str]:
    """The lines of a value that `exact` has read; `ordered`: names in their order, to be compared."""
    return "".join(_pieces(value, "\n", ordered)).split("\n")


def _pieces(value: Any, line: str, ordered: bool) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        inner = line + INDENT
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        names = [None] * len(value) if isinstance(value, list) else sorted(value) if ordered else list(value)
        yield opening
        for number, name in enumerate(names):
            yield f"{',' if number else ''}{inner}"
            if isinstance(value, dict):
                yield f"{_quoted(name)}: "
            yield from _pieces(value[number] if name is None else value[name], inner, ordered)
        yield line + closing
    else:
        yield str(value) if isinstance(value, Digits) else _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def difference(indexed: Any, wanted: Any, differs: list[str]) -> list[str]:
    """From the document in the index to the one that its item has, as a unified diff. What does not differ (a set in
    another order, 1.0 and 1) is shown as the index has it, on both sides."""
    if isinstance(indexed, dict) and isinstance(wanted, dict):
        wanted = {name: value if name in differs else indexed[name] for name, value in wanted.items()}
    before, after = (pretty(each, ordered=True) if each is not None else [] for each in (indexed, wanted))
    return list(unified_diff(before, after, "in the index", "of the item", lineterm=""))
