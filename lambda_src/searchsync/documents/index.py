"""The index: its default mapping, the mark that says whose it is, and the guard. Pure.

The mark. It stands in the mapping's `_meta`, names the table and the stack, and tells the index from one that a stray
write made. An index whose mark names others is never written: two tables in one index delete each other's documents.
Who creates the index marks it in the same request, so of two stacks one is there first. The operator hands an index
over by naming the owner that it has (`index.adopt`), which is not done by accident, and holds for that one owner.

The guard. A bulk makes a missing index by itself, with a guessed mapping, unless one of its items asks for an alias:
then no item of that index makes it, and each is answered 404 (OpenSearch, TransportBulkAction: one item's
`require_alias` is the index's). So every bulk ends with an update that asks for one. It changes nothing: where the
name is an index it is refused, where it is an alias there is no document of its id. OpenSearch parses the flag
of a deletion and forgets it (OpenSearch#1604), an index action would write through an alias.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from searchsync.documents.document import KEY_FIELD, OWN_PREFIX
from searchsync.documents.mapping import lost
from searchsync.limits import LONGEST_KEYWORD

GUARD = b'{"update":{"_id":"%bguard","require_alias":true}}\n{"doc":{}}\n' % OWN_PREFIX.encode()
"""The last item of a bulk body."""
GUARD_OF = GUARD.replace(b'"_id"', b'"_index":"%b","_id"')
"""The same for one of several indexes."""
NO_INDEX_TYPE = "index_not_found_exception"

MARK = "searchsync"
"""The member of the mapping's `_meta` that holds our mark:
{"searchsync": {"mark": "<unique text>", "created": <Unix seconds>, "stack": "<sync function>", "table": "<ARN>"}}."""
NOBODY = "nobody"
"""The owner of an index without a mark of ours, or with one of an older version, which named none."""
OWNER = re.compile(
    r"(?P<stack>[A-Za-z0-9_-]{1,64}) "
    r"(?P<table>arn:[a-z-]+:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255})"
)
"""An owner as text: what a mark says beyond this is somebody else's."""

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
class Owner:
    """Whose an index is: the stack, by its sync function's name, and the table that it follows, by its ARN."""

    stack: str
    table: str

    def __str__(self) -> str:
        return f"{self.stack} {self.table}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The owner that a text names; None where it names none."""
        found = OWNER.fullmatch(text)
        return cls(found["stack"], found["table"]) if found else None


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells our index: a text of its own, when it was created (Unix seconds; 0.0 where it does not say), and
    whose it is."""

    text: str
    created: float
    owner: Owner | None

    def as_member(self) -> dict[str, Any]:
        """The mark as `_meta` holds it."""
        owner = {} if self.owner is None else {"stack": self.owner.stack, "table": self.owner.table}
        return {"mark": self.text, "created": self.created, **owner}


def creation_body(
    mapping: Mapping[str, Any] | None, mark: Mark, settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body that creates the index with a user's mapping and settings, or the default, our mark, the key's field.

    The field stands in the mapping also where `dynamic` maps or takes no name that it does not know.
    """
    chosen = dict(DEFAULT_MAPPING if mapping is None else mapping)
    chosen["properties"] = {**chosen.get("properties", {}), KEY_FIELD: dict(KEY_MAPPING)}
    chosen["_meta"] = {**chosen.get("_meta", {}), MARK: mark.as_member()}
    return {"mappings": chosen} | ({} if settings is None else {"settings": dict(settings)})


def adoption_body(described: Any, mark: Mark) -> dict[str, Any]:
    """The body that puts our mark and the key's field into the mapping in the answer of GET /<index>/_mapping.

    What else is in `_meta` stays: the engine replaces all of it.
    """
    found = _mappings(described)
    return {
        "properties": {KEY_FIELD: dict(KEY_MAPPING)},
        "_meta": {**found.get("_meta", {}), MARK: mark.as_member()},
    }


def unfit(described: Any) -> str:
    """Why the index in the answer of GET /<index>/_mapping cannot be kept in step, empty where it can."""
    field = _mappings(described).get("properties", {}).get(KEY_FIELD)
    if field is not None and field.get("type") != KEY_MAPPING["type"]:
        return (
            f"its field {KEY_FIELD} is not of the type {KEY_MAPPING['type']}, and each document has a field of that "
            "name. Make the index anew without it"
        )
    return lost(_mappings(described))


def _mappings(described: Any) -> Mapping[str, Any]:
    """What stands below `mappings` in the answer of GET /<index>/_mapping, or of GET /<index>.

    The answer's one member is named by the index, which is not the name asked for where that is an alias.
    """
    try:
        (found,) = described.values()
        mappings = found["mappings"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return mappings if isinstance(mappings, Mapping) else {}


def guard_of(indexes: Collection[str]) -> bytes:
    """The last items of a bulk body: one for each index that its items name, or for the request's."""
    return b"".join(GUARD_OF % each.encode() for each in sorted(indexes)) if indexes else GUARD


def take_guard(body: Any, indexes: Collection[str] = ()) -> bool | None:
    """Take the guard's answers out of a bulk's; whether the collection heeds it, None where they do not say it.

    An answer that names a missing index beside other items that miss it too says nothing: an index that is new may
    be missing to all of them.
    """
    try:
        items = body["items"]
        answers = [each["update"] for each in items[-max(1, len(indexes)) :]]
        del items[-len(answers) :]
        others = [next(iter(each.values())) for each in items]
        said = [_says(each, others if indexes else others[:1]) for each in answers]
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError):
        return None
    heard = [each for each in said if each is not None]
    return all(heard) if heard else None


def _says(answer: Any, others: Sequence[Any]) -> bool | None:
    beside = next(each for each in others if len(others) == 1 or each["_index"] == answer["_index"])
    return None if _misses_index(beside) or answer["status"] != 404 else _misses_index(answer)


def _misses_index(answer: Any) -> bool:
    error = answer.get("error")
    return isinstance(error, Mapping) and error.get("type") == NO_INDEX_TYPE


def mark_in(body: Any) -> Mark | None:
    """Our mark in the answer of GET /<index>/_mapping; None where there is none."""
    try:
        mark = _mappings(body)["_meta"][MARK]
        names = [mark.get(name) for name in ("stack", "table")]
        owner = Owner.read(" ".join(names)) if all(isinstance(each, str) for each in names) else None
        return Mark(str(mark["mark"]), float(mark.get("created", 0.0)), owner)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def holder(mark: Mark | None) -> str:
    """Whose an index with this mark is, as `index.adopt` names it."""
    return NOBODY if mark is None or mark.owner is None else str(mark.owner)


def refusal(index: str, mark: Mark | None, own: Owner) -> str:
    """Why an index that is not ours is not touched, and what to do."""
    hand_over = f'set index.adopt = "{holder(mark)}", apply, and run a backfill and a verification'
    if mark is None:
        return (
            f"The index {index} was not made by searchsync, so its mapping is somebody's guess. "
            f"Delete it (DELETE /{index}) or set another index name; the function makes it anew, "
            f"and a backfill fills it. If it was made by hand for this stack, {hand_over}."
        )
    if mark.owner is None:
        return (
            f"The index {index} was made by an older version of searchsync, whose mark names no owner. If it is this "
            f"stack's, {hand_over}; else delete it (DELETE /{index}) or set another index name, and run a backfill."
        )
    return (
        f"The index {index} belongs to the stack {mark.owner.stack}, which follows {mark.owner.table}; this is the "
        f"stack {own.stack}, which follows {own.table}. Nothing was written. Set another index.name for one of the "
        f"two. If the other is no more (its function was renamed, its table restored under another name), {hand_over}."
    )


def has_key(body: Any) -> bool:
    """Whether the mapping in that answer has the key's field."""
    try:
        return bool(_mappings(body)["properties"][KEY_FIELD]["type"] == KEY_MAPPING["type"])
    except (KeyError, TypeError):
        return False


def is_bare(body: Any) -> bool:
    """Whether the answer of GET /<index>/_mapping shows no mapping at all, as it may just after the creation."""
    if not isinstance(body, Mapping):
        return True
    return not any(isinstance(each, Mapping) and each.get("mappings") for each in body.values())
