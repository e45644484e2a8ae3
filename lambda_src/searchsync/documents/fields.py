"""What the index would have to map by itself in a document, and what it cannot do in a useful time. Pure.

The engine makes a field of each path of names that it does not know: `a.b` and a map `a` with a member `b` are one
path, a list adds nothing to it. It says itself what is too deep (index.mapping.depth.limit) or too much
(index.mapping.total_fields.limit), by the settings that the index has. But it says so after it has made all of it: of
30,000 texts in 4 s, of a path of some 1,000 names never, for its thread's stack ends, and nothing of the request is
answered. And it keeps names of so many characters that together they are more than its memory. So the bounds here lie
above what the engine takes by default and below what it does not survive: what lies between is the engine's to answer,
and its settings need not be asked for.

What a mapping keeps from being mapped (`dynamic`, `enabled`, a field with a type of its own) is free of all that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from searchsync.errors import ConversionError
from searchsync.limits import FIELD_COST, LONGEST_FIELD, LONGEST_NUMBER, LONGEST_PATH, MAPPED_DEPTH, MOST_MAPPED

OFF = frozenset({False, "false", "strict"})
"""Values of `dynamic` with which the engine maps no name that it does not know: it skips or refuses it at once."""
OBJECTS = frozenset({None, "object", "nested"})
WHOLE_NUMBERS = frozenset({"long", "unsigned_long", "long_range"})
"""Types whose parser makes a number of any digits first: 5 to 10 s for 390,000 of them. No other type does that."""
NUMBER = re.compile(r"\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*", re.ASCII)


@dataclass(slots=True)
class _Place:
    """A path in a document: its part of the mapping, whether names below are mapped, how many names lead here, and of
    how many characters with the dots between them."""

    node: Mapping[str, Any]
    dynamic: bool
    depth: int = 0
    length: int = -1
    seen: dict[str, _Place] = field(default_factory=dict)
    has_values: bool = False


@dataclass(frozen=True)
class Fields:
    """The fields of an index by a user's mapping; None is the default one, which maps everything."""

    mapping: Mapping[str, Any] | None = None

    def check(self, text: str) -> None:
        """Raises ConversionError where the engine would not answer for this document, or not in a useful time."""
        root = _Place(self._nodes, self._nodes.get("dynamic", True) not in OFF)
        if self._nodes.get("enabled") not in (False, "false"):
            _Look(self._unmapped).into(json.loads(text), root)

    @cached_property
    def have_whole_numbers(self) -> bool:
        """Whether the mapping has a field whose parser takes any number of digits."""
        return _has_whole_numbers(self._nodes)

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        return _by_part(self.mapping or {})

    @cached_property
    def _unmapped(self) -> Mapping[str, Any]:
        """The mapping of a name that the mapping does not have. A template may end maps: then none is looked into."""
        templates = (self.mapping or {}).get("dynamic_templates", [])
        made = [rule.get("mapping", {}) for template in templates for rule in template.values()]
        ends = any(each.keys() & {"enabled", "dynamic"} or each.get("type") == "flat_object" for each in made)
        return {"dynamic": False} if ends else {}


@dataclass
class _Look:
    """One document's look: what it has cost so far, and how unknown names are mapped."""

    unmapped: Mapping[str, Any]
    cost: int = 0

    def into(self, value: Any, place: _Place) -> None:
        """Look at a value at its place: the members of maps, and of maps in lists."""
        if isinstance(value, list):
            for each in value:
                self.into(each, place)
        elif place.node.get("type") not in OBJECTS:
            _check_number(value, place)
        elif isinstance(value, dict):
            for name, member in value.items():
                if member is not None and (found := self._at(name, place)):
                    self.into(member, found)
        elif value is not None and not place.has_values:
            place.has_values = True
            self._add(FIELD_COST - 1)

    def _at(self, name: str, place: _Place) -> _Place | None:
        """Where a name leads; None where the engine does not go."""
        for part in name.split("."):
            found = place.seen.get(part)
            if found is None:
                node = place.node.get("properties", {}).get(part)
                if node is None and not place.dynamic:
                    return None
                node = self.unmapped if node is None else node
                if node.get("enabled") in (False, "false"):
                    return None
                dynamic = node["dynamic"] not in OFF if "dynamic" in node else place.dynamic
                found = _Place(node, dynamic, place.depth + 1, place.length + 1 + len(part))
                place.seen[part] = found
                self._add(1)
                _check_path(found)
            place = found
        if place.depth > MAPPED_DEPTH:  # refused each time, so made again for each element of a list
            self._add(place.depth)
        return place

    def _add(self, cost: int) -> None:
        self.cost += cost
        if self.cost > MOST_MAPPED:
            raise ConversionError(
                f"The item has names for over {MOST_MAPPED // FIELD_COST} fields, or so many dots in them: the index "
                "cannot map them in a useful time. Use fewer names in the table, or map what they are in with "
                "`enabled` or `dynamic` false."
            )


def _check_path(place: _Place) -> None:
    if place.depth > LONGEST_PATH:
        much = f"{LONGEST_PATH} names, maps and dots in names counted together"
    elif place.length > LONGEST_FIELD:
        much = f"{LONGEST_FIELD} characters in its names"
    else:
        return
    raise ConversionError(
        f"A path of the item has over {much}: the index cannot map it. Rename the attribute, or the member of a map, "
        "in the table; or map what it is in with `enabled` or `dynamic` false."
    )


def _check_number(value: Any, place: _Place) -> None:
    if place.node["type"] not in WHOLE_NUMBERS:
        return
    for each in value.values() if isinstance(value, dict) else (value,):
        if isinstance(each, str) and len(each) > LONGEST_NUMBER and NUMBER.fullmatch(each):
            raise ConversionError(
                f"A text of the item has over {LONGEST_NUMBER} digits, and its field is a {place.node['type']}: the "
                "index cannot read it in a useful time. Correct the item in the table, or the field's type."
            )


def _has_whole_numbers(node: Mapping[str, Any]) -> bool:
    return node.get("type") in WHOLE_NUMBERS or any(map(_has_whole_numbers, node.get("properties", {}).values()))


def _by_part(node: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with a property for each part of a name: `{"a.b": …}` says the same as b in the properties of a."""
    properties: dict[str, Any] = {}
    for name, child in node.get("properties", {}).items():
        *parents, last = name.split(".")
        at = properties
        for parent in parents:
            at = at.setdefault(parent, {}).setdefault("properties", {})
        at[last] = {**at.get(last, {}), **_by_part(child)}
    return {**node, "properties": properties}
