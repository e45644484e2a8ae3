"""From a document back to the key of its item. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import DIGEST_PREFIX, document_id
from searchsync.documents.key_values import number_texts, possible_key
from searchsync.documents.shape import stored_name
from searchsync.limits import FURTHEST

KeyTypes = Mapping[str, str]
"""The key attributes, hash key first, with their types S, N or B."""


def key_of(name: str, source: Any, types: KeyTypes) -> AttributeMap | None:
    """The key of the item that the document with this id belongs to, None where it belongs to none.

    The document says its own key, and the key must lead to its id. Where its source was spoilt the id
    itself says it, unless it is a digest. A key that DynamoDB would refuse belongs to no item.
    """
    for texts in (*_from_source(source, types), *_from_id(name, types)):
        keys = {attribute: {kind: text} for text, (attribute, kind) in zip(texts, types.items(), strict=True)}
        if _is_as_given(texts, types) and document_id(keys, tuple(types)) == name:
            return keys
    return None


def _is_as_given(texts: Sequence[str], types: KeyTypes) -> bool:
    """Whether DynamoDB may give a key with these values: another way to write a number would be no other key."""
    if not possible_key(list(zip(types.values(), texts, strict=True))):
        return False
    numbers = [text for text, kind in zip(texts, types.values(), strict=True) if kind == "N"]
    return all(text in number_texts(Decimal(text)) for text in numbers)


def _from_source(source: Any, types: KeyTypes) -> Iterable[Sequence[str]]:
    """The keys that the source may say: a number may stand in the item's id in one of two forms."""
    if not isinstance(source, Mapping):
        return ()
    return product(*(_texts(source.get(stored_name(name)), kind) for name, kind in types.items()))


def _texts(value: Any, kind: str) -> Sequence[str]:
    if kind == "N":
        return number_texts(value) if isinstance(value, Decimal) and abs(value.adjusted()) <= FURTHEST else ()
    return (value,) if isinstance(value, str) else ()


def _from_id(name: str, types: KeyTypes) -> Iterable[Sequence[str]]:
    if name.startswith(DIGEST_PREFIX):
        return ()
    values = [name] if len(types) == 1 else split_id(name)
    return (values,) if len(values) == len(types) else ()


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
