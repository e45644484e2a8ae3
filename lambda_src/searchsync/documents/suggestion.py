"""A mapping for a sample of documents: what each field holds, which type takes all of it, and why. Pure.

`Sample.add` takes documents as attribute values (`document_fields`), `Sample.suggestion` decides. The rules, in order;
each field has the type of the first that fits all of its values (a list or a set is its elements, nulls fit anywhere):

    maps beside other values                 not mapped      no type takes both
    a list of LONG_LIST numbers or more      not mapped      an embedding; `knn_vector` is of vector search collections
    maps of latitude and longitude           geo_point
    maps whose names are data, or too many   flat_object     one field, whatever the names; not mapped where a text is
                                                             too long for one of its terms
    maps or lists, deeper than the engine goes   not mapped
    maps                                     object          `nested` is not guessed
    texts, all ISO dates                     date            full dates, as `strict_date_optional_time` reads them
    texts, all "latitude,longitude"          geo_point
    pairs of numbers by a name that hints    geo_point       [longitude, latitude]
    whole numbers by a name that hints       date            seconds or milliseconds since 1970, from 2001 to 2100
    whole numbers                            long
    numbers                                  double          keyword where a double would lose digits
    booleans, or binary                      boolean, binary
    other values                             keyword         text with a keyword sub-field where words or long texts are

Not mapped is `{"type": "object", "enabled": false}`: the engine keeps whatever comes, and searches none of it. Only
where that is no help (names that the engine refuses, a name with dots beside a value of its first part, over
MAPPED_DEPTH lists in one another) is an attribute to be excluded. What the sample does not have is mapped as by the
default mapping. `flat_object` and the other types are those of OpenSearch 2.7 and later; AWS moves `flattened` fields
to it in collections, too ("Transform flattened fields to flat_object", Migration Assistant for Amazon OpenSearch
Service).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import KEY_FIELD
from searchsync.documents.fields import NUMBER
from searchsync.documents.index import DEFAULT_MAPPING
from searchsync.documents.shape import attribute_name, path_of
from searchsync.limits import (
    FIRST_TIME,
    LAST_TIME,
    LONG_LIST,
    LONGEST_CODE,
    LONGEST_FLAT,
    LONGEST_FLAT_NAME,
    LONGEST_KEYWORD,
    MANY_NAMES,
    MAPPED_DEPTH,
    MOST_PLACES,
    SOME_NAMES,
    SUGGESTED_DEPTH,
    SUGGESTED_FIELDS,
)

SCALARS = ("S", "N", "BOOL", "B")
DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(T([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?(Z|[+-](0\d|1[0-7]):[0-5]\d)?)?",
    re.ASCII,
)
"""What strict_date_optional_time reads ("Date field type", OpenSearch), from a full date on."""
POINT = re.compile(r"(-?\d{1,2}\.\d+), ?(-?\d{1,3}\.\d+)", re.ASCII)
OF_TIME = re.compile(r".*((?i:time|date|epoch|expir|ttl|_at$)|[a-z]At$)", re.ASCII)
OF_PLACE = re.compile(r".*(geo|coord|location|position|point|lonlat|lnglat)", re.IGNORECASE | re.ASCII)
EPOCHS = (("epoch_second", 1), ("epoch_millis", 1_000))
UNMAPPED: Mapping[str, Any] = {"type": "object", "enabled": False}
KEYWORD: Mapping[str, Any] = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
TEXT: Mapping[str, Any] = {"type": "text", "fields": {"keyword": KEYWORD}}
DATES = "strict_date_optional_time"
OFF, STRICT = (False, "false"), ("strict",)
NUMERIC = frozenset(
    {"long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long"}
)


@dataclass
class Place:
    """What a path of names holds in the sample: how many values of each type, and what they have in common."""

    seen: Counter[str] = field(default_factory=Counter)
    members: dict[str, Place] = field(default_factory=dict)
    rest: Place | None = None
    """Of all names beyond the most that are told apart."""
    names: int = 0
    """Names of all its maps together."""
    dotted: bool = False
    """Whether a name with dots leads through here: then the engine takes nothing but an object."""
    odd: bool = False
    """Whether one of its members has a name that the engine refuses."""
    lists: int = 0
    maps_in_lists: int = 0
    nulls_in_lists: int = 0
    lists_in_lists: int = 0
    deepest: int = 0
    """Lists that lead to one of its values, through maps too."""
    longest_list: int = 0
    pairs: int = 0
    points: int = 0
    longest: int = 0
    longest_name: int = 0
    words: bool = False
    dates: int = 0
    numeric: int = 0
    texts_of_points: int = 0
    wholes: int = 0
    longs: int = 0
    inexact: int = 0
    epochs: Counter[str] = field(default_factory=Counter)

    def add(self, attribute: Mapping[str, Any], sample: Sample, lists: int, in_list: bool = False) -> None:
        """Take note of an attribute value; `lists`: how many lead to it, `in_list`: the last of them at once."""
        ((kind, value),) = attribute.items()
        if kind in ("L", "SS", "NS", "BS"):
            self.lists_in_lists += in_list
            self.deepest = max(self.deepest, lists + 1)
            self._list([{kind[0]: each} for each in value] if kind != "L" else value, sample, kind, lists + 1)
            return
        self.seen[kind] += 1
        if kind == "M":
            self.maps_in_lists += in_list
            self.points += _is_point(value)
            self.into(value, sample, lists)
        elif kind == "S":
            self._text(value)
        elif kind == "N":
            self._number(value)
        elif kind == "B":
            self.longest = max(self.longest, len(value))
        elif kind == "NULL":
            self.nulls_in_lists += in_list

    def into(self, members: AttributeMap, sample: Sample, lists: int = 0) -> None:
        """Take note of a map's members; `lists` lead to it."""
        self.names += len(members)
        for name, value in members.items():
            self.longest_name = max(self.longest_name, len(name))
            *parents, last = name.split(".")
            if not all(part.strip() for part in (*parents, last)):
                self.odd = True
                sample.odd.add(name)
                continue
            place = self
            for parent in parents:
                place = place.member(parent, sample)
                place.dotted = True
                place.seen["M"] += 1
                place.names += 1
            place.member(last, sample).add(value, sample, lists)

    def member(self, name: str, sample: Sample) -> Place:
        """The place of a member."""
        found = self.members.get(name)
        if found is None and len(self.members) < sample.most(self) and sample.places < MOST_PLACES:
            sample.places += 1
            found = self.members[name] = Place()
        elif found is None:
            found = self.rest = self.rest or Place()
        return found

    def _list(self, elements: list[Mapping[str, Any]], sample: Sample, kind: str, lists: int) -> None:
        self.lists += 1
        if elements and all("N" in each for each in elements):
            self.longest_list = max(self.longest_list, len(elements))
            self.pairs += kind == "L" and _is_pair([each["N"] for each in elements])
            if len(elements) >= LONG_LIST:  # thousands, and the decision stands
                self.seen["N"] += len(elements)
                return
        for each in elements:
            self.add(each, sample, lists, in_list=True)

    def _text(self, text: str) -> None:
        self.longest = max(self.longest, len(text))
        self.words = self.words or any(map(str.isspace, text))
        self.dates += _is_date(text)
        self.numeric += NUMBER.fullmatch(text) is not None
        found = POINT.fullmatch(text)
        self.texts_of_points += found is not None and _is_on_earth(found[1], found[2])

    def _number(self, text: str) -> None:
        value = Decimal(text)
        whole = value == value.to_integral_value()
        self.longest = max(self.longest, len(text))
        self.wholes += whole
        self.longs += whole and -(2**63) <= value < 2**63
        kept = float(text)
        self.inexact += value not in (Decimal(repr(kept)), Decimal(kept))
        for name, in_a_second in EPOCHS:
            self.epochs[name] += whole and FIRST_TIME * in_a_second <= value < LAST_TIME * in_a_second

    @property
    def scalars(self) -> int:
        """Values that are no maps, and no nulls."""
        return sum(self.seen[kind] for kind in SCALARS)

    @property
    def is_loose(self) -> bool:
        """Whether no list of it holds a list or a null, at which a geo_point's parser stops."""
        return not self.lists_in_lists and not self.nulls_in_lists

    @property
    def is_points(self) -> bool:
        """Whether all of it are maps of latitude and longitude."""
        return self.points == self.seen["M"] and not self.scalars and not self.dotted and self.is_loose

    @property
    def is_wide(self) -> bool:
        """Whether the names of its maps are too many, or data: each map has only a few of them."""
        few = self.names / max(1, self.seen["M"]) < len(self.members) / 5
        return self.rest is not None or (len(self.members) >= SOME_NAMES and few)

    def below(self) -> Iterator[Place]:
        """All places below this one."""
        for each in (*self.members.values(), *([self.rest] if self.rest else [])):
            yield each
            yield from each.below()


@dataclass(frozen=True)
class Choice:
    """A field: its mapping, None where nothing takes all of it, and why."""

    path: tuple[str, ...]
    place: Place
    mapping: Mapping[str, Any] | None
    why: str
    below: tuple[Choice, ...] = ()

    @property
    def size(self) -> int:
        """How many fields the engine makes of it."""
        mapping = self.mapping or {}
        own = 3 if mapping.get("type") == "flat_object" else 1 + len(mapping.get("fields", ()))
        return own + sum(each.size for each in self.below)

    def all(self) -> Iterator[Choice]:
        """This one, and those below it."""
        yield self
        for each in self.below:
            yield from each.all()


@dataclass(frozen=True)
class Suggestion:
    """A mapping, as `index.mapping` takes it; paths that `document.exclude` must have beside it, since no mapping takes
    them; and each field's choice."""

    mapping: Mapping[str, Any]
    exclude: tuple[str, ...]
    fields: tuple[Choice, ...]


@dataclass
class Sample:
    """Documents of a table, as far as a mapping needs to know them."""

    root: Place = field(default_factory=Place)
    documents: int = 0
    places: int = 0
    odd: set[str] = field(default_factory=set)
    """Names that the engine refuses wherever they are."""
    attributes: dict[str, set[str]] = field(default_factory=dict)
    """The attributes that lead to a name at the top: more than one where there are dots in them."""

    def add(self, document: AttributeMap) -> None:
        """Take note of a document."""
        members = {name: value for name, value in document.items() if name != KEY_FIELD}
        self.documents += 1
        self.root.seen["M"] += 1
        for name in members:
            self.attributes.setdefault(name.partition(".")[0], set()).add(name)
        self.root.into(members, self)

    def most(self, place: Place) -> int:
        """How many names are told apart in a place: at the top all, since which are common is known at the end."""
        return MOST_PLACES if place is self.root else MANY_NAMES

    def suggestion(
        self, keys: tuple[str, ...] = (), attribute: Callable[[str], str | None] = attribute_name
    ) -> Suggestion:
        """The mapping that takes every document of the sample. `keys`: attributes that cannot be excluded; `attribute`:
        which one is behind a name at the top of a document, None where none is."""
        choices = [_choose(each, (name,)) for name, each in self.root.members.items()]
        known = [each for each in choices if each is not None]
        known.sort(key=lambda each: -sum(each.place.seen.values()))
        kept, fields = [], 0
        for each in known:
            fields += each.size
            if each.mapping is not None and fields <= SUGGESTED_FIELDS:
                kept.append(each)
        mapping = {**DEFAULT_MAPPING, "properties": {each.path[0]: each.mapping for each in kept}}
        if fields > SUGGESTED_FIELDS or self.root.rest is not None:
            mapping = {"dynamic": False, "properties": mapping["properties"]}
        refused = {name for each in known if each.mapping is None for name in self.attributes[each.path[0]]}
        refused |= {name for name in self.odd if name in self.attributes.get(name.partition(".")[0], ())}
        behind = {found for name in refused if (found := attribute(name)) is not None}
        exclude = tuple(sorted(map(path_of, behind - {*keys})))
        return Suggestion(mapping, exclude, tuple(each for top in known for each in top.all()))


def _choose(place: Place, path: tuple[str, ...]) -> Choice | None:
    """The choice for a place; None where it holds nothing but nulls and empty lists."""
    if place.deepest > MAPPED_DEPTH:  # it counts them before it asks what is mapped, but not in a map that it skips
        return Choice(path, place, None, "lists in lists, deeper than the engine reads: no mapping takes that")
    if place.deepest > SUGGESTED_DEPTH:
        return _unmapped(place, path, "lists in lists, nearly deeper than the engine reads")
    if not place.seen["M"] and not place.scalars:
        return None
    if place.seen["M"]:
        return _choose_for_maps(place, path)
    mapping, why = _choose_for_scalars(place, path[-1])
    return Choice(path, place, mapping, why)


def _choose_for_maps(place: Place, path: tuple[str, ...]) -> Choice:
    if place.is_points:
        return Choice(path, place, {"type": "geo_point"}, "each is a latitude and a longitude")
    if place.is_wide and _fits_flat(place) and len(path) < SUGGESTED_DEPTH:
        told = f"{len(place.members)} names" if place.rest is None else f"over {MANY_NAMES} names"
        return Choice(path, place, {"type": "flat_object"}, f"{told}, which look like data: one field for all of them")
    is_deep = len(path) >= SUGGESTED_DEPTH
    inner = {} if is_deep or place.is_wide else place.members
    below = [each for name, member in inner.items() if (each := _choose(member, (*path, name)))]
    if why := "deeper than the engine maps" if is_deep else _trouble(place, below):
        return _unmapped(place, path, why)
    mapping: dict[str, Any] = {"type": "object"}
    if below:
        mapping["properties"] = {each.path[-1]: each.mapping for each in below}
    why = "maps"
    if place.maps_in_lists:
        why = "maps in a list; make it `nested` where members of one map are searched for together"
    return Choice(path, place, mapping, why, tuple(below))


def _trouble(place: Place, below: list[Choice]) -> str:
    """Why maps cannot be an object's fields; empty where they can."""
    if place.scalars:
        return "maps beside other values, which no type takes together"
    if place.odd:
        return "a name in it is empty between dots, which the engine refuses"
    if place.is_wide:
        return "many names, and not all of it fits a flat_object"
    return "something in it is taken by no mapping" if any(each.mapping is None for each in below) else ""


def _unmapped(place: Place, path: tuple[str, ...], why: str) -> Choice:
    """What the engine keeps and does not look into; where a name with dots leads here, it always looks."""
    if not place.dotted:
        return Choice(path, place, UNMAPPED, f"{why}: kept, not searched")
    if place.scalars or place.odd or place.deepest > SUGGESTED_DEPTH:
        return Choice(path, place, None, f"{why}, and a name with dots leads here: no mapping takes that")
    return Choice(path, place, {"type": "object", "dynamic": False}, f"{why}: kept, not searched")


def _fits_flat(place: Place) -> bool:
    """Whether a flat_object takes all that is in these maps."""
    inner = (place, *place.below())
    return not place.scalars and not place.dotted and not any(map(_is_unfit_for_flat, inner))


def _is_unfit_for_flat(place: Place) -> bool:
    too_long = place.longest > LONGEST_FLAT or place.longest_name > LONGEST_FLAT_NAME
    return place.odd or too_long or bool(place.seen["NULL"] or place.lists_in_lists)


def _choose_for_scalars(place: Place, name: str) -> tuple[Mapping[str, Any], str]:
    kinds = {kind for kind in SCALARS if place.seen[kind]}
    if place.longest_list >= LONG_LIST:
        why = f"lists of up to {place.longest_list} numbers, as of an embedding: kept, not searched; better exclude it"
        return UNMAPPED, f"{why} (`document.exclude`). knn_vector is for vector search collections"
    if kinds == {"N"}:
        return _choose_for_numbers(place, name)
    if kinds == {"S"}:
        return _choose_for_texts(place)
    if kinds in ({"BOOL"}, {"B"}):
        kind = "boolean" if "BOOL" in kinds else "binary"
        return {"type": kind}, f"all of it {kind}"
    return _as_text(place, f"mixed types ({', '.join(sorted(kinds))}), each taken as text")


def _choose_for_texts(place: Place) -> tuple[Mapping[str, Any], str]:
    texts, why = place.seen["S"], "texts"
    if place.dates == texts:
        return {"type": "date", "format": DATES}, "each is an ISO date"
    if place.texts_of_points == texts and place.is_loose:
        return {"type": "geo_point"}, "each is a latitude and a longitude"
    if place.dates:
        why = f"texts, of which {place.dates} of {texts} are dates: a date field would refuse the others"
    return _as_text(place, why)


def _as_text(place: Place, why: str) -> tuple[Mapping[str, Any], str]:
    if place.words or place.longest > LONGEST_CODE:
        return TEXT, f"{why}; with spaces or long: searched word by word, and whole by `.keyword`"
    return KEYWORD, f"{why}; without spaces, up to {place.longest} characters: searched whole"


def _choose_for_numbers(place: Place, name: str) -> tuple[Mapping[str, Any], str]:
    numbers = place.seen["N"]
    all_pairs = place.pairs == place.lists and numbers == 2 * place.pairs and place.is_loose
    if place.pairs and all_pairs and OF_PLACE.match(name):
        return {"type": "geo_point"}, "by its name and values pairs of longitude and latitude"
    for form, _ in EPOCHS:
        if place.epochs[form] == numbers and OF_TIME.match(name):
            return {"type": "date", "format": form}, f"by its name and values times ({form}); `long` if they are none"
    if place.longs == numbers:
        return {"type": "long"}, "whole numbers; a later 1.5 is found as 1, so make it a double if one may come"
    if place.inexact:
        why = f"{place.inexact} of {numbers} have more digits than a double keeps: searched whole, not by size"
        return KEYWORD, why
    return {"type": "double"}, "numbers, each kept exactly by a double"


def refused_by(place: Place, path: tuple[str, ...], mapping: Mapping[str, Any]) -> tuple[int, str]:
    """How many values a mapping refuses in a place, as far as its field's type tells, and why.

    An estimate: analyzers, formats and what the index has mapped by itself are the engine's to know.
    """
    node, dynamic = mapping, mapping.get("dynamic", True)
    for name in path:
        if node.get("enabled") in OFF or node.get("type") == "flat_object":
            return 0, ""
        found = node.get("properties", {}).get(name)
        if found is None:
            return _refused_unmapped(place, dynamic)
        node, dynamic = found, found.get("dynamic", dynamic)
    return _refused_by_type(place, node)


def _refused_unmapped(place: Place, dynamic: Any) -> tuple[int, str]:
    """Of a field that has no mapping: what its commonest type refuses, though the first that comes may be another."""
    if dynamic in OFF:
        return 0, ""
    if dynamic in STRICT:
        return sum(place.seen.values()), f"`dynamic` is {dynamic}, and the mapping has no such field"
    words, numbers = place.seen["S"] - place.numeric, place.seen["N"]
    others = words + place.seen["BOOL"] + place.seen["B"]
    groups = [count for count in (place.seen["M"], numbers, others) if count]
    return (sum(groups) - max(groups), "mixed types, of which the first that comes decides") if groups[1:] else (0, "")


def _refused_by_type(place: Place, node: Mapping[str, Any]) -> tuple[int, str]:
    seen, maps, kind = place.seen, place.seen["M"], str(node.get("type", "object"))
    if node.get("enabled") in OFF or node.get("ignore_malformed") in (True, "true"):
        return 0, ""
    others = seen["BOOL"] + seen["B"] + maps
    refused = dict.fromkeys(NUMERIC, seen["S"] - place.numeric + others)
    refused |= {"text": maps, "keyword": maps, "boolean": seen["S"] + seen["N"] + seen["B"] + maps}
    refused |= dict.fromkeys(("object", "nested", "flat_object"), place.scalars)
    if node.get("format", DATES) == DATES:
        refused["date"] = seen["S"] - place.dates + others
    return refused.get(kind, 0), f"the field is of the type {kind}"


def _is_date(text: str) -> bool:
    found = DATE.fullmatch(text)
    if found is None:
        return False
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True


def _is_on_earth(latitude: str, longitude: str) -> bool:
    return abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180


def _is_point(members: AttributeMap) -> bool:
    """Whether a map is a point, as geo_point takes it."""
    if members.keys() != {"lat", "lon"} or not all("N" in each for each in members.values()):
        return False
    return _is_on_earth(members["lat"]["N"], members["lon"]["N"])


def _is_pair(numbers: list[str]) -> bool:
    return len(numbers) == 2 and _is_on_earth(numbers[1], numbers[0])
