"""Items to documents: AttributeValue to JSON text, document ids, and the key beside the attributes. Pure.

One converter serves the stream, the resync and the backfill. It writes text straight from DynamoDB's
JSON, without a tree in between: a number is its own digits (DynamoDB keeps 38, a float 17), a set is
an array, binary is the base64 text that the event already carries. Images that come from the AWS SDK
are brought to this form at the edge (`wire`), never here.

A document holds its item's attributes and one field more, KEY_FIELD: a number that its id alone decides, evenly spread.
Ranges of it are the parts and pages in which a run reads the index. It stands in the source, so that whoever copies
documents into another index copies it with them. `keyed` is the one place that says what a document holds: what
writes and what compares both ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b, sha256
from json.encoder import encode_basestring as quote
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.fields import Fields
from searchsync.errors import ConversionError, StackError
from searchsync.limits import FIELD_COST, LONGEST_ID, LONGEST_NUMBER, MANY_DOTS, MOST_MAPPED, MOST_NAMES
from searchsync.sanitize import shown, shown_list

DIGEST_PREFIX = "sha256:"
OWN_PREFIX = f"{DIGEST_PREFIX}searchsync-"
"""Of ids that no item can have: what `document_id` begins with `sha256:` goes on with 64 hex digits."""
assert OWN_PREFIX[len(DIGEST_PREFIX)] not in "0123456789abcdef"  # noqa: S101 - else an item's id could be one of ours
KEY_FIELD = "searchsync_key"
"""Of every document: no attribute may have this name, nor any property of a user's mapping."""
KEY_TYPES = ("S", "N", "B")
MAPS_ALL = Fields()
"""The fields of the default mapping: the index maps whatever comes."""


class _Names(dict[str, str]):
    """Names as JSON text: nearly all items have the same few, so that each is looked at once. Those of many dots are
    not kept, but counted."""

    many_dots = 0

    def __missing__(self, name: str) -> str:
        if name.count(".") > MANY_DOTS:
            self.many_dots += 1
            return quote(name)
        if len(self) >= MOST_NAMES:
            self.clear()
        text = self[name] = quote(name)
        return text


_NAMES = _Names()


def _map(members: Mapping[str, Mapping[str, Any]]) -> str:
    # Strings, numbers and maps are most of what items hold: answered here, without the table, a fifth quicker.
    names = _NAMES
    parts = [
        f"{names[name]}:{quote(value['S'])}"
        if "S" in value
        else f"{names[name]}:{value['N']}"
        if "N" in value
        else f"{names[name]}:{_map(value['M'])}"
        if "M" in value
        else f"{names[name]}:{_value(value)}"
        for name, value in members.items()
    ]
    return "{" + ",".join(parts) + "}"


def _value(attribute: Mapping[str, Any]) -> str:
    ((kind, value),) = attribute.items()
    return CONVERTERS[kind](value)


def _list(elements: Iterable[Mapping[str, Any]]) -> str:
    return "[" + ",".join([_map(each["M"]) if "M" in each else _value(each) for each in elements]) + "]"


def _strings(values: Iterable[str]) -> str:
    return "[" + ",".join(map(quote, values)) + "]"


def _numbers(values: Iterable[str]) -> str:
    return "[" + ",".join(values) + "]"


def _null(_value: object) -> str:
    return "null"


def _boolean(value: object) -> str:
    return "true" if value else "false"


CONVERTERS: dict[str, Callable[[Any], str]] = {
    "S": quote,
    "N": str,
    "M": _map,
    "L": _list,
    "BOOL": _boolean,
    "NULL": _null,
    "B": quote,
    "SS": _strings,
    "NS": _numbers,
    "BS": _strings,
}


def document_text(image: AttributeMap, fields: Fields = MAPS_ALL) -> str:
    """Attributes as one line of JSON text.

    Raises ConversionError where an attribute value has a type that DynamoDB does not know, or `fields` finds what the
    engine does not answer. They are asked where that is possible at all, by what costs next to nothing to know.
    """
    many_dots = _NAMES.many_dots
    try:
        text = _map(image)
    except KeyError as error:
        raise ConversionError(
            f"An attribute value of type {shown(error.args[0])} is none of {', '.join(CONVERTERS)}; "
            "correct the item in the table."
        ) from error
    if _NAMES.many_dots > many_dots or (len(text) > MOST_MAPPED and _may_be_much(text, fields)):
        fields.check(text)
    return text


def _may_be_much(text: str, fields: Fields) -> bool:
    """Whether a text might hold more than the index can map; `":` stands behind each name."""
    if fields.have_whole_numbers and len(text) > LONGEST_NUMBER:
        return True
    return FIELD_COST * text.count('":') + text.count(".") > MOST_MAPPED


def index_key(name: str) -> int:
    """The key of a document id, from 0 to KEYS: 63 bits of its BLAKE2b digest, which a `long` of the engine holds.

    Two of a billion ids have the same key with a chance of one in twenty.
    """
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def keyed(name: str, image: AttributeMap) -> dict[str, Any]:
    """What the document of this id holds: its item's attributes, and its key."""
    return {**image, KEY_FIELD: {"N": str(index_key(name))}}


def encode(name: str, image: AttributeMap, fields: Fields = MAPS_ALL) -> bytes:
    """The document of this id as it stands in a bulk body. A line break would end it early; JSON text has none.

    Raises ConversionError as `document_text` does, and where an attribute has the name of the key.
    """
    if KEY_FIELD in image:
        raise ConversionError(
            f"The item has an attribute {KEY_FIELD}: each document has a field of that name, by which the index is "
            "scanned. Rename the attribute in the table."
        )
    return document_text(keyed(name, image), fields).encode()


def document_id(keys: AttributeMap, key_attributes: tuple[str, ...]) -> str:
    """The document id of an item's key, at most 512 UTF-8 bytes.

    One key attribute: its value. Two: both, hash key first, with `|` between them and `\\` before each
    `\\` and `|` inside, so that no two keys meet. What would be over 512 bytes, or begins with
    `sha256:` itself, is `sha256:` and the hex digest of that text.

    Raises StackError when the keys are not the configured ones: then no record can be placed.
    """
    try:
        values = [_key_text(keys[name]) for name in key_attributes]
    except KeyError as error:
        raise _wrong_keys(keys, key_attributes) from error
    if len(keys) != len(values):
        raise _wrong_keys(keys, key_attributes)
    text = values[0] if len(values) == 1 else "|".join(map(_escape, values))
    if text.startswith(DIGEST_PREFIX) or len(text) > LONGEST_ID or len(text.encode()) > LONGEST_ID:
        return DIGEST_PREFIX + sha256(text.encode()).hexdigest()
    return text


def _wrong_keys(keys: AttributeMap, key_attributes: tuple[str, ...]) -> StackError:
    return StackError(
        f"The table's key attributes are {shown_list(sorted(keys))}, KEY_ATTRIBUTES says {list(key_attributes)}. "
        "Set key_attributes to the table's key, hash key first, and apply again."
    )


def _key_text(value: Mapping[str, Any]) -> str:
    for kind in KEY_TYPES:
        if kind in value:
            return str(value[kind])
    raise ConversionError(f"A key attribute has types {shown_list(sorted(value))}, none of {', '.join(KEY_TYPES)}.")


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|")
