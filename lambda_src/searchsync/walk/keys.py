"""From a document back to the key of its item. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from searchsync.document import DIGEST_PREFIX, document_id
from searchsync.records import AttributeMap

KeyTypes = Mapping[str, str]
"""The key attributes, hash key first, with their types S, N or B."""

LONGEST_HASH_KEY, LONGEST_RANGE_KEY = 2048, 1024
"""Bytes ("Quotas and limits", DynamoDB developer guide: partition keys and sort keys)."""
DIGITS, SMALLEST, LARGEST = 38, Decimal("1E-130"), Decimal("1E+126")
"""Of a number ("Supported data types", DynamoDB developer guide)."""


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
        return format(value, "f") if isinstance(value, Decimal) else None
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
            return 0 < len(base64.b64decode(text, validate=True)) <= longest
        except binascii.Error:
            return False
    try:
        return 0 < len(text.encode()) <= longest
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _is_number(text: str) -> bool:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    if not value.is_finite():
        return False
    return value == 0 or (SMALLEST <= abs(value) < LARGEST and len(value.normalize().as_tuple().digits) <= DIGITS)
