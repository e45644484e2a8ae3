"""The index: its default mapping, the mark that tells it from one that a stray write made, and the guard. Pure.

The guard. A bulk makes a missing index by itself, with a guessed mapping, unless one of its items asks for an alias:
then no item of that index makes it, and each is answered 404 (OpenSearch, TransportBulkAction: one item's
`require_alias` is the index's). So every bulk ends with an update that asks for one. It changes nothing: where the
name is an index it is refused, where it is an alias there is no document of its id. OpenSearch parses the flag
of a deletion and forgets it (OpenSearch#1604), an index action would write through an alias.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync.documents.document import KEY_FIELD, OWN_PREFIX
from searchsync.limits import LONGEST_KEYWORD

GUARD = b'{"update":{"_id":"%bguard","require_alias":true}}\n{"doc":{}}\n' % OWN_PREFIX.encode()
"""The last item of a bulk body."""
NO_INDEX_TYPE = "index_not_found_exception"

MARK = "searchsync"
"""The member of the mapping's `_meta` that holds our mark:
{"searchsync": {"mark": "<unique text>", "created": <Unix seconds>}}."""

KEY_MAPPING: Mapping[str, Any] = {"type": "long"}
"""Of the key's field: a range of it is found without a look at any other document (the engine keeps a tree of points),
and shown from the field's column."""

DEFAULT_MAPPING: Mapping[str, Any] = {
    "date_detection": False,
    "dynamic_templates": [
        {"whole_numbers": {"match_mapping_type": "long", "mapping": {"type": "double"}}},
        {"numbers": {"match_mapping_type": "double", "mapping": {"type": "double"}}},
        {
            "strings": {
                "match_mapping_type": "string",
                "mapping": {
                    "type": "text",
                    "fields": {"keyword": {"type": "keyword", "ignore_above": LONGEST_KEYWORD}},
                },
            }
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells our index: a text of its own, and when it was created (Unix seconds; 0.0 where it does not say)."""

    text: str
    created: float


def creation_body(mapping: Mapping[str, Any] | None, mark: Mark) -> dict[str, Any]:
    """The body that creates the index with a user's mapping, or the default one, our mark, and the key's field.

    The field stands in the mapping also where `dynamic` maps or takes no name that it does not know.
    """
    chosen = dict(DEFAULT_MAPPING if mapping is None else mapping)
    chosen["properties"] = {**chosen.get("properties", {}), KEY_FIELD: dict(KEY_MAPPING)}
    chosen["_meta"] = {**chosen.get("_meta", {}), MARK: {"mark": mark.text, "created": mark.created}}
    return {"mappings": chosen}


def take_guard(body: Any) -> bool | None:
    """Take the guard's answer out of a bulk's; whether the collection heeds it, None where that does not say it.

    An answer that names a missing index beside other items that miss it too says nothing: an index that is new may
    be missing to all of them.
    """
    try:
        answer = body["items"][-1]["update"]
        del body["items"][-1]
        first = next(iter(body["items"][0].values()))
        return None if _misses_index(first) or answer["status"] != 404 else _misses_index(answer)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError):
        return None


def _misses_index(answer: Any) -> bool:
    error = answer.get("error")
    return isinstance(error, Mapping) and error.get("type") == NO_INDEX_TYPE


def mark_in(body: Any) -> Mark | None:
    """Our mark in the answer of GET /<index>/_mapping; None where there is none.

    The answer's one member is named by the index, which is not the name asked for where that is an alias.
    """
    try:
        (found,) = body.values()
        mark = found["mappings"]["_meta"][MARK]
        return Mark(str(mark["mark"]), float(mark.get("created", 0.0)))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def has_key(body: Any) -> bool:
    """Whether the mapping in that answer has the key's field."""
    try:
        (found,) = body.values()
        return bool(found["mappings"]["properties"][KEY_FIELD]["type"] == KEY_MAPPING["type"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def is_bare(body: Any) -> bool:
    """Whether the answer of GET /<index>/_mapping shows no mapping at all, as it may just after the creation."""
    if not isinstance(body, Mapping):
        return True
    return not any(isinstance(each, Mapping) and each.get("mappings") for each in body.values())
