"""What `searchsync preview` shows: the document that an item has by the stack's settings, from the code that writes.

It runs in the reconcile function, since only there are code, settings and a way to the collection; it is loaded only
when it is asked. What an item holds is in its answer alone, which goes to who asked, and never in the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring as quote
from typing import Any

from searchsync.clock import Clock, Deadline
from searchsync.config import Config
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_fields, document_id, encode
from searchsync.documents.key_values import possible_key
from searchsync.edges.table import DynamoTable
from searchsync.errors import ConversionError, RunRefusedError
from searchsync.protocol.version import is_table_read, read_version, second_of
from searchsync.reconcile.agreement import Document, look
from searchsync.reconcile.keys import KeyTypes, key_of
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.reader import IndexReader
from searchsync.sanitize import shown_list


@dataclass(frozen=True)
class Preview:
    """The edges of a preview: table and index are asked only where the event needs them. `facts`: of the table."""

    config: Config
    table: DynamoTable
    reader: IndexReader
    clock: Clock
    facts: Callable[[], TableFacts]

    def answer(self, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """The document of the event's `item`, or of the item with its `key` (attributes, or a document id); where it
        says `diff`, also what the index holds.

        Raises RunRefusedError where no item can have this key, and what reads of the table and the index raise.
        """
        image: AttributeMap | None = event.get("item")
        if image is not None:
            keys = _key_in(image, self.config.key_attributes)
        else:
            keys = _asked(event.get("key"), self.facts().types)
        name = document_id(keys, self.config.key_attributes)
        indexed = self._indexed(name, deadline) if event.get("diff") else None  # before its item, as each look is
        if image is None:
            image = self._item(name, keys, deadline)
        answer = {
            "id": name,
            "index": self.config.index,
            "item": image is not None,
            "read_version": read_version(self.clock.now(), self.config.max_skew),
            **self._document(name, image),
        }
        if event.get("diff"):
            wanted = document_fields(name, image, self.config.rules)
            found = look(wanted, indexed)
            answer |= {"indexed": _shown(indexed), "kind": found.kind and found.kind.value, "differs": found.attributes}
        return answer

    def _document(self, name: str, image: AttributeMap | None) -> dict[str, Any]:
        """The document's text; None where there is to be none, and why it is poison."""
        try:
            document = encode(name, image, self.config.rules)
        except ConversionError as error:
            return {"document": None, "poison": str(error)}
        return {"document": None if document is None else document.decode(), "poison": None}

    def _item(self, name: str, keys: AttributeMap, deadline: Deadline) -> AttributeMap | None:
        found: dict[str, AttributeMap | None] = {}
        for page in self.table.read({name: keys}, deadline):
            found |= page.images
        return found[name]

    def _indexed(self, name: str, deadline: Deadline) -> Document | None:
        (page,) = self.reader.documents([name], deadline)
        return page[name]


def _key_in(image: AttributeMap, key_attributes: tuple[str, ...]) -> AttributeMap:
    if missing := [name for name in key_attributes if name not in image]:
        raise RunRefusedError(f"The item has no {shown_list(missing)}: give it with the table's key attributes.")
    return {name: image[name] for name in key_attributes}


def _asked(key: Any, types: KeyTypes) -> AttributeMap:
    """The key that is asked for, by its attributes or by the document's id."""
    wanted = ", ".join(f"{name} ({kind})" for name, kind in types.items())
    if isinstance(key, str):
        if (found := key_of(key, None, types)) is None:
            raise RunRefusedError(
                f"No item's key can be read from this document id; the table's key is {wanted}. Give the key as JSON "
                "(of an id that begins with sha256: nobody can read it)."
            )
        return found
    if not isinstance(key, Mapping) or {name: next(iter(value), "") for name, value in key.items()} != dict(types):
        raise RunRefusedError(f"The table's key is {wanted}. Give these attributes, and no others.")
    if not possible_key([(kind, key[name][kind]) for name, kind in types.items()]):
        raise RunRefusedError(f"DynamoDB takes no such value in a key; the table's key is {wanted}. Correct it.")
    return key


def _shown(document: Document | None) -> dict[str, Any] | None:
    """A document of the index, and who wrote it by its version."""
    if document is None:
        return None
    return {
        "document": _text(document.source),
        "version": document.version,
        "second": second_of(document.version),
        "by_read": is_table_read(document.version),
    }


def _text(value: Any) -> str:
    """The JSON text of a value, with every digit of its numbers (Decimal)."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{quote(name)}:{_text(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, str):
        return quote(value)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
