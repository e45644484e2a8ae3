"""The index: its default mapping, and the mark that tells it from one that a stray write made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARK = "searchsync"
"""The member of the mapping's `_meta` that holds our mark: {"searchsync": {"mark": "<unique text>"}}."""
LONGEST_KEYWORD = 8191
"""Characters: four bytes each stay below Lucene's 32,766 bytes a term. Longer values are not in `keyword`."""

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


def creation_body(mapping: Mapping[str, Any] | None, mark: str) -> dict[str, Any]:
    """The body that creates the index with a user's mapping, or the default one, and our mark."""
    chosen = dict(DEFAULT_MAPPING if mapping is None else mapping)
    chosen["_meta"] = {**chosen.get("_meta", {}), MARK: {"mark": mark}}
    return {"mappings": chosen}


def mark_in(body: Any) -> str | None:
    """Our mark in the answer of GET /<index>/_mapping; None where there is none.

    The answer's one member is named by the index, which is not the name asked for where that is an alias.
    """
    try:
        (found,) = body.values()
        mark = found["mappings"]["_meta"][MARK]["mark"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return str(mark)
