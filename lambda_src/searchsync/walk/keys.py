"""From a document back to the key of its item. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from searchsync.document import DIGEST_PREFIX, document_id
from searchsync.records import AttributeMap

KeyTypes = Mapping[str, str]
"""The key attributes, hash key first, with their types S, N or B."""

LONGEST_HASH_KEY, LONGEST_RANGE_KEY = 2048, 1024
"""Bytes ("Quotas and limits", DynamoDB developer guide: partition keys and sort keys)."""
DIGITS, SMALLEST, LARGEST = 38, Decimal("1E-130"), Decimal("1E+126")
"""Of a number ("Supported data types", DynamoDB developer guide)."""
FURTHEST = 130
"""Digits before the point or zeros behind it. A foreign document may hold 1E+999999999."""
NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?(E[+-][0-9]{1,3})?", re.ASCII)
EXACT = Context(prec=1_000)
"""Decimal's own default would round to 28 digits."""


def key_of(name: str, source: Any, types: KeyTypes) -> AttributeMap | None:
    """The key of the item that the document with this id belongs to, None where it belongs to none.

    The document says its own key, and the key must lead to its id. Where its source was spoilt the id
    itself says it, unless it is a digest. A key that DynamoDB would refuse belongs to no item.
    """
    for texts in (_from_source(source, types), _from_id(name, types)):
        keys = None if texts is None else _possible_key(texts, types)
        if keys is not None and document_id(keys, tuple(types)) == name:
            return keys
    return None


def _possible_key(texts: list[str], types: KeyTypes) -> AttributeMap | None:
    """The key with these values, None where DynamoDB would refuse one of them."""
    longest = (LONGEST_HASH_KEY, LONGEST_RANGE_KEY)
    if not all(map(_possible, texts, types.values(), longest)):
        return None
    return {name: {kind: text} for text, (name, kind) in zip(texts, types.items(), strict=True)}


def _from_source(source: Any, types: KeyTypes) -> list[str] | None:
    if not isinstance(source, Mapping):
        return None
    texts = [_text(source.get(name), kind) for name, kind in types.items()]
    return [text for text in texts if text is not None] if None not in texts else None


def _text(value: Any, kind: str) -> str | None:
    if kind == "N":
        return _texts(value)[0] if isinstance(value, Decimal) and abs(value.adjusted()) <= FURTHEST else None
    return value if isinstance(value, str) else None


def _from_id(name: str, types: KeyTypes) -> list[str] | None:
    if name.startswith(DIGEST_PREFIX):
        return None
    values = [name] if len(types) == 1 else split_id(name)
    return values if len(values) == len(types) else None


def split_id(name: str) -> list[str]:
    """The parts of a document id that has several, their escapes undone."""
    parts, part = [], ""
    characters = iter(name)
    for character in characters:
        if character == "\\":
            part += next(characters, "")
        elif character == "|":
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part]


def _possible(text: str, kind: str, longest: int) -> bool:
    if kind == "N":
        return _is_number(text)
    if kind == "B":
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return False
        return 0 < len(data) <= longest and base64.b64encode(data).decode() == text
    try:
        return 0 < len(text.encode()) <= longest
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _is_number(text: str) -> bool:
    """Whether the text is a number as DynamoDB gives it: another way to write one would be no other key."""
    if NUMBER.fullmatch(text) is None:
        return False
    value = Decimal(text)
    small = value == 0 or SMALLEST <= abs(value) < LARGEST
    return small and len(value.normalize(EXACT).as_tuple().digits) <= DIGITS and text in _texts(value)


def _texts(value: Decimal) -> tuple[str, ...]:
    """How a number may stand in a key: its digits; one with many zeros also by its exponent."""
    shortest = value.normalize(EXACT)
    plain = format(shortest, "f") if value else "0"
    return (plain, str(shortest)) if len(plain) > DIGITS else (plain,)
