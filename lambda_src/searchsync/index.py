"""The index: its default mapping, and the mark that tells it from one that a stray write made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchsync.limits import LONGEST_KEYWORD

MARK = "searchsync"
"""The member of the mapping's `_meta` that holds our mark:
{"searchsync": {"mark": "<unique text>", "created": <Unix seconds>}}."""

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
    """The body that creates the index with a user's mapping, or the default one, and our mark."""
    chosen = dict(DEFAULT_MAPPING if mapping is None else mapping)
    chosen["_meta"] = {**chosen.get("_meta", {}), MARK: {"mark": mark.text, "created": mark.created}}
    return {"mappings": chosen}


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


def is_bare(body: Any) -> bool:
    """Whether the answer of GET /<index>/_mapping shows no mapping at all, as it may just after the creation."""
    if not isinstance(body, Mapping):
        return True
    return not any(isinstance(each, Mapping) and each.get("mappings") for each in body.values())
