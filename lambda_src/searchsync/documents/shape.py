"""Whether an item has a document, what of it is there, and by which names. Pure.

The engine keeps some names at the top of a document for itself (`_version`, `_id`, …): it refuses every document that
has one, whatever the mapping. AppSync's tables with conflict detection have such attributes (AWS AppSync developer
guide, "Versioned data sources"). So each of these names has one more underscore in the document, and one that could be
taken for such a name has, too: `_version` becomes `__version`, `__version` becomes `___version`. No two attributes of
an item meet, and the way back is one underscore less. Below the top these names are like any other.

A path is names with dots between them: `address.city` is the member `city` of the map `address`, in the maps of a list
too. A dot that belongs to a name is written `\\.`, and a backslash `\\\\`.

  include   no other attributes than these; None: all
  exclude   not these, of what is included
  rename    the last name of a path becomes another one, where it is
  constants attributes that each document has, whatever its item has

In this order. Paths are of the item's own names, and all renames are done at once: none sees what another one made. No
two values get one name: a setting that would do so to every item is refused, and an item to which it happens is poison,
since to keep one of the two would lose the other (OpenSearch Ingestion's `rename_keys` and `add_entries` keep the old
one silently, Logstash's `mutate` the new one).

Key attributes are always in the document, by their names: without them nothing leads back from it to its item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from searchsync.documents.attributes import AttributeMap, AttributeValue
from searchsync.documents.condition import Condition
from searchsync.documents.fields import Fields
from searchsync.documents.transform import Transform
from searchsync.documents.values import CLASH, FAILED
from searchsync.limits import LONGEST_KEPT, MOST_NAMES
from searchsync.sanitize import shown

METADATA = (
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_id",
    "_ignored",
    "_index",
    "_nested_path",
    "_primary_term",
    "_routing",
    "_seq_no",
    "_source",
    "_version",
)
"""Names that the engine refuses at the top, or takes for its own; tests/engine/test_documents.py asks it for each."""
KEY_FIELD = "searchsync_key"
"""Of every document (`document`): no attribute may have this name, nor any property of a user's mapping."""
_BARE = frozenset(name.lstrip("_") for name in METADATA)
_PLAIN: set[str] = set()
"""Names of items that are stored as they are: nearly all items have the same few, and are told by one comparison."""
_PART = re.compile(r"(?:[^.\\]|\\[.\\])+")

Tree = Mapping[str, "Tree | None"]
"""Paths by their first names; None: the path ends here."""
Way = tuple[str, ...]
"""The names of a path."""


def stored_name(name: str) -> str:
    """The name that an attribute has at the top of a document."""
    return (_renamed if len(name) > LONGEST_KEPT else _kept)(name)


def _renamed(name: str) -> str:
    bare = name.lstrip("_")
    return f"_{name}" if bare in _BARE and bare != name else name


_kept = lru_cache(maxsize=MOST_NAMES)(_renamed)


def attribute_name(stored: str) -> str:
    """The attribute's name, by the one that it has at the top of a document."""
    return stored[1:] if stored.startswith("_") and stored_name(stored[1:]) == stored else stored


def parts_of(path: str) -> list[str]:
    """The names of a path. Raises ValueError where it is none."""
    found = [match.group() for match in _PART.finditer(path)]
    if not path or ".".join(found) != path:
        raise ValueError(f"{path!r} is no path: give names with dots between them, and \\. for a dot in a name")
    return [re.sub(r"\\(.)", r"\1", each) for each in found]


@dataclass(frozen=True)
class Shape:
    """Which attributes of an item its document has, by paths; `keys`: the key attributes, which it always has.

    `rename`: paths, each with its new last name; `constants`: names, each with its attribute value.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, AttributeValue], ...] = ()

    def problem(self) -> str:
        """Why no document can have this shape, or a path that says nothing; empty where all is well."""
        if self.include == ():
            return "`include` is empty: leave it out for all attributes"
        try:
            return next(self._problems(), "")
        except ValueError as error:
            return str(error)

    def of(self, image: AttributeMap) -> AttributeMap:
        """The attributes of a document, by the names that they have there."""
        found = image
        if self.include is not None:
            found = _only(image, self._included)
        if self.exclude:
            found = _without(found, self._excluded)
        if not found.keys() <= _PLAIN:
            found = _stored(found)
        if self.rename:
            found = _rename(found, self._renames)
        return _with(found, self.constants) if self.constants else found

    def hides(self, attribute: str) -> str:
        """Why a document does not say an attribute by its name; empty where it does."""
        way = (attribute,)
        if any(_way(path)[0] == attribute for path in self.exclude):
            return "`exclude` leaves it out"
        if any(_way(path)[0] == attribute for path, _ in self.rename):
            return "`rename` gives it another name"
        if any(new == attribute and len(_way(path)) == 1 for path, new in self.rename):
            return "`rename` gives its name to another one"
        if self.include is not None and attribute not in self.keys and way not in map(_way, self.include):
            return "`include` does not name it"
        return "a constant has its name" if any(name == attribute for name, _ in self.constants) else ""

    def attribute(self, name: str) -> str | None:
        """The attribute behind a name at the top of a document; None for a constant."""
        if any(name == each for each, _ in self.constants):
            return None
        before = (_way(path)[0] for path, new in self.rename if new == name and len(_way(path)) == 1)
        return next(before, attribute_name(name))

    @cached_property
    def _included(self) -> Tree:
        return _tree((*(self.include or ()), *map(path_of, self.keys)))

    @cached_property
    def _excluded(self) -> Tree:
        return _tree(self.exclude)

    @cached_property
    def _renames(self) -> Mapping[str, _Place]:
        root = _Place()
        for path, new in self.rename:
            first, *others = _way(path)
            place = root.below.setdefault(stored_name(first), _Place())
            for name in others:
                place = place.below.setdefault(name, _Place())
            place.new, place.path = new, path
        return root.below

    def _problems(self) -> Iterator[str]:
        """What is wrong, each in one sentence. Raises ValueError where a path is none."""
        included = None if self.include is None else [_way(path) for path in self.include]
        excluded = [_way(path) for path in self.exclude]
        renamed = [_way(path) for path, _ in self.rename]
        for path, way in zip(self.exclude, excluded, strict=True):
            if why := self._absent(way, included, []):
                yield f"take {path!r} out of `exclude`: {why}"
        for (path, new), way in zip(self.rename, renamed, strict=True):
            if why := "that is its name already" if new == way[-1] else self._absent(way, included, excluded):
                yield f"take {path!r} out of `rename`: {why}"
        given = [(*way[:-1], new) for (_, new), way in zip(self.rename, renamed, strict=True)]
        given += [(name,) for name, _ in self.constants]
        for number, way in enumerate(given):
            taken = self._taken(way, given, () if way in (*renamed, *excluded) else included or ())
            if why := _no_name(way) or taken:
                setting = "rename" if number < len(renamed) else "constants"
                yield f"choose another name than {way[-1]!r} in `{setting}`: {why}"

    def _absent(self, way: Way, included: Collection[Way] | None, excluded: Collection[Way]) -> str:
        """Why no rule may be about a path; empty where one may."""
        if way[0] in self.keys:
            return "a document needs the table's key attributes, by their names"
        if any(way[: len(each)] == each for each in excluded):
            return "`exclude` leaves it out"
        if included is not None and not any(way[: len(each)] == each[: len(way)] for each in included):
            return "`include` has nothing of it"
        return ""

    def _taken(self, way: Way, given: Sequence[Way], included: Collection[Way]) -> str:
        """Who else has a new path in each document; empty where nobody is known to. `given`: all the new ones."""
        if given.count(way) > 1:
            return "`rename` and `constants` give it twice"
        if len(way) == 1 and way[0] in self.keys:
            return "a key attribute has it"
        return "`include` names it" if any(each[: len(way)] == way for each in included) else ""


def _way(path: str) -> Way:
    return tuple(parts_of(path))


def _no_name(way: Way) -> str:
    """Why no setting may give the last name of a path to a value; empty where it may."""
    name = way[-1]
    if not name.strip() or "." in name:
        return "it is empty, or has a dot in it, which the engine takes for a path"
    if len(way) == 1 and name == KEY_FIELD:
        return "each document has a field of that name"
    if len(way) == 1 and stored_name(name) != name:
        return "the engine keeps it for itself, or it stands for a name that the engine keeps"
    return ""


def _stored(attributes: AttributeMap) -> AttributeMap:
    """Attributes by the names that they have in a document."""
    found = {stored_name(name): value for name, value in attributes.items()}
    if found.keys() == attributes.keys():
        if len(_PLAIN) >= MOST_NAMES:
            _PLAIN.clear()
        _PLAIN.update(name for name in found if len(name) <= LONGEST_KEPT)
    return found


def path_of(name: str) -> str:
    """The path that is an attribute's name."""
    return re.sub(r"([.\\])", r"\\\1", name)


def _tree(paths: Iterable[str]) -> Tree:
    root: dict[str, Any] = {}
    for path in paths:
        *parents, last = parts_of(path)
        at: dict[str, Any] | None = root
        for name in parents:
            at = None if at is None else at.setdefault(name, {})
        if at is not None:
            at[last] = None
    return root


def _only(members: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """The members that the tree names. A value that has no members has none of a longer path's either."""
    found = {}
    for name, below in tree.items():
        if name in members:
            value = members[name] if below is None else _members_only(members[name], below)
            if value is not None:
                found[name] = value
    return found


def _members_only(value: Mapping[str, Any], tree: Tree) -> Mapping[str, Any] | None:
    """Of a map, or of the maps in a list, the members that the tree names; None for what has no members."""
    if "M" in value:
        return {"M": _only(value["M"], tree)}
    if "L" in value:
        inner = (_members_only(each, tree) for each in value["L"])
        return {"L": [each for each in inner if each is not None]}
    return None


def _without(members: Mapping[str, Any], tree: Tree) -> Mapping[str, Any]:
    """The members without those that the tree names. What holds none of them is not copied."""
    named = tree.keys() & members.keys()
    if not named:
        return members
    found = dict(members)
    for name in named:
        below = tree[name]
        if below is None:
            del found[name]
        else:
            found[name] = _members_without(found[name], below)
    return found


def _members_without(value: Mapping[str, Any], tree: Tree) -> Mapping[str, Any]:
    if "M" in value:
        return {"M": _without(value["M"], tree)}
    if "L" in value:
        # A list's elements are mostly maps: they go without a call for each.
        return {"L": [{"M": _without(e["M"], tree)} if "M" in e else _members_without(e, tree) for e in value["L"]]}
    return value


@dataclass(slots=True)
class _Place:
    """A name on the path of a rename: its new one, if it gets one by `path`, and the names below it."""

    new: str = ""
    path: str = ""
    below: dict[str, _Place] = field(default_factory=dict)


def _rename(members: Mapping[str, Any], places: Mapping[str, _Place]) -> Mapping[str, Any]:
    """The members by their new names. What has none of them is not copied."""
    named = [name for name in places if name in members]
    if not named:
        return members
    found = dict(members)
    for name in named:
        if places[name].below:
            found[name] = _members_rename(found[name], places[name].below)
    moved = [(places[name], found.pop(name)) for name in named if places[name].new]
    for place, value in moved:
        taken = place.new in found
        found[place.new] = _clash(place.path, "document.rename", place.new) if taken else value
    return found


def _members_rename(value: Mapping[str, Any], places: Mapping[str, _Place]) -> Mapping[str, Any]:
    if "M" in value:
        return {"M": _rename(value["M"], places)}
    if "L" in value:
        # As in `_members_without`.
        return {"L": [{"M": _rename(e["M"], places)} if "M" in e else _members_rename(e, places) for e in value["L"]]}
    return value


def _with(members: Mapping[str, Any], constants: Iterable[tuple[str, AttributeValue]]) -> dict[str, Any]:
    found = dict(members)
    for name, value in constants:
        found[name] = _clash(name, "document.constants", name) if name in found else value
    return found


def _clash(path: str, setting: str, name: str) -> AttributeValue:
    """What stands in a document for two values of one name. The names are the setting's, never an item's."""
    return {
        CLASH: f"{path!r} of `{setting}` and a value of the item itself would both be {name!r} in the document, and "
        f"one of them would be lost. Leave the item's {name!r} out (`document.exclude`), rename it too, or choose "
        "another name in the setting."
    }


@dataclass(frozen=True)
class Rules:
    """How items become documents: what they hold, what the index maps of it, which items have one (None: all), and a
    user's own code (None: none), which is told the `view` (empty: the first). `keep_expired`: the attribute with an
    item's expiry time, where documents of expired items stay; else empty.

    `of` alone says whether an item has a document and what of it is there: all that writes or compares asks it.
    """

    shape: Shape = field(default_factory=Shape)
    fields: Fields = field(default_factory=Fields)
    condition: Condition | None = None
    transform: Transform | None = None
    view: str = ""
    keep_expired: str = ""

    def of(self, image: AttributeMap | None) -> AttributeMap | None:
        """The attributes of an item's document, by the names that they have there; None where it has no document:
        there is no such item, the condition leaves it out, or the transform does."""
        if image is None or not (self.condition is None or self.condition.matches(image)):
            return None
        found = self.shape.of(image)
        if self.transform is None:
            return found
        made = self.transform.of(found, image, self._taken, self.view)
        return self._with_expiry(made, image) if self.keep_expired and made is not None else made

    def is_kept(self, source: object, second: float) -> bool:
        """Whether a document may stay without its item: by what it says itself its item had expired by a Unix second.

        An item that somebody deleted after that second, before DynamoDB came to it, cannot be told from one that
        expired: that its deletion reached the index is for the stream alone.
        """
        if not self.keep_expired or not isinstance(source, Mapping):
            return False
        expiry = source.get(stored_name(self.keep_expired))
        return isinstance(expiry, Decimal) and expiry <= second

    def _with_expiry(self, made: AttributeMap, image: AttributeMap) -> AttributeMap:
        """A transform's document, which must say as the item does when it expires."""
        name = stored_name(self.keep_expired)
        expiry = image.get(self.keep_expired)
        if expiry is None or "N" not in expiry or made.get(name) == expiry:
            return made
        why = (
            f"The transform gives no {shown(name)}, or another one than the item has: by it document.keep_expired "
            "tells the documents of expired items from those that are left over."
        )
        return {**made, name: {FAILED: why}}

    def filters(self, keys: AttributeMap) -> bool:
        """Whether no item of these keys ever has a document, so that there is none to delete: the condition asks of
        keys alone, which an item never changes."""
        takes = self.by_keys(keys)
        return takes is not None and not takes(keys)

    def by_keys(self, names: Container[str]) -> Callable[[AttributeMap], bool] | None:
        """What tells by an item's keys of these names whether it ever has a document; None where they do not say it."""
        return self.condition.asked if self.condition is not None and self.condition.asks_of(names) else None

    @cached_property
    def _taken(self) -> Mapping[str, str]:
        """Names at the top that a transform gives nothing, each with the key attribute that has it, else empty."""
        return dict.fromkeys((*METADATA, KEY_FIELD), "") | {stored_name(key): key for key in self.shape.keys}


WHOLE = Rules()
"""Documents of all attributes, in an index that maps whatever comes."""
