"""Items to documents: their ids, and the key beside the attributes. Pure.

One converter serves the stream, the resync and the backfill; what each attribute value is in a document stands in
`values`. Images that come from the AWS SDK are brought to the event's form at the edge (`wire`), never here.

A document holds its item's attributes (`shape` says which, and by what names) and one field more, KEY_FIELD: a number
that its id alone decides, evenly spread. Ranges of it are the parts and pages in which a run reads the index. It stands
in the source, so that whoever copies documents into another index copies it with them. `Rules.of` alone
says whether an item has one and what it holds: what writes (`encode`) and what compares (`document_fields`) ask it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.fields import Fields
from searchsync.documents.shape import KEY_FIELD as KEY_FIELD  # noqa: PLC0414 - where others ask for it
from searchsync.documents.shape import WHOLE, Rules
from searchsync.documents.values import CLASH, NAMES, TYPES, map_text
from searchsync.errors import ConversionError, StackError
from searchsync.limits import FIELD_COST, LONGEST_ID, LONGEST_NUMBER, MOST_MAPPED
from searchsync.sanitize import shown, shown_list

DIGEST_PREFIX = "sha256:"
OWN_PREFIX = f"{DIGEST_PREFIX}searchsync-"
"""Of ids that no item can have: what `document_id` begins with `sha256:` goes on with 64 hex digits."""
assert OWN_PREFIX[len(DIGEST_PREFIX)] not in "0123456789abcdef"  # noqa: S101 - else an item's id could be one of ours
KEY_TYPES = ("S", "N", "B")
TAKEN = {
    CLASH: f"The item has an attribute {KEY_FIELD}: each document has a field of that name, by which the index is "
    "scanned. Rename the attribute (`document.rename`), or leave it out (`document.exclude`)."
}
"""In place of the key, where an attribute has its name."""


def document_text(image: AttributeMap, fields: Fields = WHOLE.fields) -> str:
    """Attributes as one line of JSON text.

    Raises ConversionError where an attribute value has a type that DynamoDB does not know, where two values have one
    name, or `fields` finds what the engine does not answer. They are asked where that is possible at all, by what costs
    next to nothing to know.
    """
    strange = NAMES.strange
    try:
        text = map_text(image)
    except KeyError as error:
        raise ConversionError(
            f"An attribute value of type {shown(error.args[0])} is none of {', '.join(TYPES)}; "
            "correct the item in the table."
        ) from error
    if NAMES.strange > strange or (len(text) > MOST_MAPPED and _may_be_much(text, fields)):
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


def document_fields(name: str, image: AttributeMap | None, rules: Rules = WHOLE) -> dict[str, Any] | None:
    """What the document of this id holds, its key beside its item's attributes; None where there is to be none.

    Where the item has an attribute of the key's name both would have one name, and no document is the item's.
    """
    found = rules.of(image)
    return None if found is None else with_key(name, found)


def with_key(name: str, found: AttributeMap) -> dict[str, Any]:
    """What `Rules.of` gave, and the document's key beside it."""
    return {**found, KEY_FIELD: TAKEN if KEY_FIELD in found else {"N": str(index_key(name))}}


def encode(name: str, image: AttributeMap | None, rules: Rules = WHOLE) -> bytes | None:
    """The document of this id as it stands in a bulk body, None where there is to be none: a write of that is a
    deletion. A line break would end it early; JSON text has none.

    Raises ConversionError as `document_text` does.
    """
    fields = document_fields(name, image, rules)
    return None if fields is None else document_text(fields, rules.fields).encode()


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
