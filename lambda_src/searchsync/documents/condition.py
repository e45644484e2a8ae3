"""Which items have a document: a condition in the pattern language of EventBridge and of Lambda's event filters. Pure.

A pattern is asked of an item's own values ({"status": ["open"]} of {"status": {"S": "open"}}): numbers with all their
digits, sets as lists, binary values as base64 text. The rules are those of the EventBridge user guide ("Comparison
operators for use in event patterns") and of its matcher (github.com/aws/event-ruler, README):

  {"a": [x, y], "b": [z]}   `a` is x or y, and `b` is z. `$or` takes a list of two or more patterns: one must match
  {"a": {"b": [x]}}         the member `b` of the map `a`, or of one of the maps in the list `a`, in lists of lists too.
                            What one nested pattern asks must be so of one and the same map of a list
  "text", 1, true, null     equal; 1.0 is 1, "1" is not, and true is not 1. Of a list or a set one element is enough
  {"prefix": "x"}           of texts; suffix, equals-ignore-case and wildcard (`\\*` is a star, `\\\\` a backslash) too;
                            {"prefix": {"equals-ignore-case": "x"}}, and of a suffix
  {"numeric": [">", 0, "<=", 5]}   of numbers: =, <, <=, >, >=, or a range from low to high
  {"anything-but": x}       a value that is not x: a text, a number, a list of either, or one of the four for texts with
                            a text or a list of them. A value of another type is not x. None at all is no value
  {"exists": true}          a value is there; false: none is anywhere in the item. No map is a value, nor an empty list

It differs where AWS's rule is of no use here: numbers are not cut to a double's 17 digits, and go as far as DynamoDB's;
a text that looks like an IP address is a text, and there is no `cidr`; case is ignored as Unicode says (casefold); a
path that stands beside `$or` and in it must match both times (event-ruler takes the later one), in two maps perhaps; a
name that is twice in one object is refused; `$or` is never an attribute's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from typing import Any

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.operators import OPERATORS, Test, equal, test_of
from searchsync.documents.values import plain
from searchsync.limits import DEEPEST_CONDITION, LONGEST_CONDITION

OR = "$or"
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a value must be: one of the tests holds; `or_absent`: or there is none at this path in the whole item."""

    path: Path
    tests: tuple[Test, ...]
    or_absent: bool


@dataclass(frozen=True, slots=True)
class _All:
    """What a map must be: every leaf and every nested pattern by its name, and of each `$or` one."""

    leaves: tuple[tuple[str, _Leaf], ...]
    nested: tuple[tuple[str, _All], ...]
    ors: tuple[tuple[_All, ...], ...]


@dataclass(frozen=True)
class Condition:
    """A condition by its JSON text, read once. `problem` is asked before anything else."""

    text: str

    def problem(self, keys: Sequence[str] = ()) -> str:
        """Why it is none, or no item can match it; empty where all is well. `keys`: the table's key attributes."""
        try:
            pattern = self._pattern
        except ValueError as error:
            return f"`when`: {error}"
        for name, leaf in pattern.leaves:
            if name in keys and not leaf.tests:
                return f"`when` matches no item: each has its key attribute {name!r}"
        for name, _ in pattern.nested:
            if name in keys:
                return f"`when` asks for members of the key attribute {name!r}, which is no map"
        return ""

    def matches(self, image: AttributeMap) -> bool:
        """Whether an item has a document."""
        return self.asked(image)

    @cached_property
    def asked(self) -> Callable[[AttributeMap], bool]:
        """`matches`, put together once: each view's is asked of every record's keys."""
        pattern = self._pattern
        if len(pattern.leaves) == 1 and not (pattern.nested or pattern.ors):
            ((name, leaf),) = pattern.leaves
            if not leaf.or_absent:
                several = partial(_has_one, name, leaf.tests)
                return _one_question(name, leaf.tests[0]) if len(leaf.tests) == 1 else several
        return lambda image: _matches(pattern, image, image, {})

    def asks_of(self, names: Container[str]) -> bool:
        """Whether it asks of no other attributes than these."""
        return all(name in names for name in self._asked)

    @cached_property
    def _asked(self) -> frozenset[str]:
        return frozenset(_names(self._pattern))

    @cached_property
    def _pattern(self) -> _All:
        if len(self.text) > LONGEST_CONDITION:
            raise ValueError(f"it has {len(self.text)} characters, shorten it to {LONGEST_CONDITION}")
        try:
            pattern = json.loads(
                self.text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number, object_pairs_hook=_once
            )
        except RecursionError:
            raise _too_deep() from None
        except json.JSONDecodeError:
            raise ValueError("it is no JSON, write the pattern with jsonencode({…})") from None
        return _compiled(pattern, (), 1)


def _one_question(name: str, test: Test) -> Callable[[AttributeMap], bool]:
    """The condition on one attribute with one test, such as a prefix of the key."""

    def asked(image: AttributeMap) -> bool:
        attribute = image.get(name)
        if attribute is None:
            return False
        return test(attribute["S"]) if "S" in attribute else any(map(test, plain(attribute)))

    return asked


def _matches(pattern: _All, members: AttributeMap, image: AttributeMap, known: dict[Path, bool]) -> bool:
    """Whether a map of an item is what a pattern says; `known`: at which paths the item has no value, so that each is
    looked for once."""
    for name, leaf in pattern.leaves:
        if not _leaf_matches(leaf, name, members, image, known):
            return False
    for name, inner in pattern.nested:
        for each in _maps(members.get(name)) or [{}]:
            if _matches(inner, each, image, known):
                break
        else:
            return False
    return not pattern.ors or all(
        any(_matches(each, members, image, known) for each in branches) for branches in pattern.ors
    )


def _leaf_matches(leaf: _Leaf, name: str, members: AttributeMap, image: AttributeMap, known: dict[Path, bool]) -> bool:
    return _has_one(name, leaf.tests, members) or (leaf.or_absent and _lacks(image, leaf.path, known))


def _has_one(name: str, tests: Sequence[Test], members: AttributeMap) -> bool:
    """Whether a value of that name passes one of the tests."""
    if (attribute := members.get(name)) is None:
        return False
    # Texts are most of what is asked, and nearly all keys: answered here, without the table of types.
    for value in (attribute["S"],) if "S" in attribute else plain(attribute):
        for test in tests:
            if test(value):
                return True
    return False


def _lacks(image: AttributeMap, path: Path, known: dict[Path, bool]) -> bool:
    """Whether an item has no value at a path."""
    if path not in known:
        known[path] = not _has_value(image, path)
    return known[path]


def _maps(attribute: Mapping[str, Any] | None) -> list[AttributeMap]:
    """The map that an attribute value is, or the maps in a list."""
    if attribute is None:
        return []
    if "M" in attribute:
        return [attribute["M"]]
    return [each for inner in attribute.get("L", ()) for each in _maps(inner)]


def _has_value(members: AttributeMap, path: Path) -> bool:
    attribute = members.get(path[0])
    if attribute is None:
        return False
    if len(path) == 1:
        return next(iter(plain(attribute)), plain) is not plain
    return any(_has_value(each, path[1:]) for each in _maps(attribute))


def _names(pattern: _All) -> Iterator[str]:
    """The attributes that a pattern asks of."""
    yield from (name for name, _ in (*pattern.leaves, *pattern.nested))
    for branches in pattern.ors:
        for each in branches:
            yield from _names(each)


def _compiled(pattern: Any, path: Path, depth: int) -> _All:
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f'{_at(path)} is to be an object with names in it, like {{"status": ["open"]}}')
    if depth > DEEPEST_CONDITION:
        raise _too_deep()
    leaves: list[tuple[str, _Leaf]] = []
    nested: list[tuple[str, _All]] = []
    ors: list[tuple[_All, ...]] = []
    for name, below in pattern.items():
        if name == OR:
            if not isinstance(below, list) or len(below) < 2:
                raise ValueError(f"{_at((*path, OR))} is to be a list of two or more patterns")
            ors.append(tuple(_compiled(each, path, depth + 1) for each in below))
        elif isinstance(below, dict):
            nested.append((name, _compiled(below, (*path, name), depth + 1)))
        elif isinstance(below, list) and below:
            leaves.append((name, _leaf(below, (*path, name))))
        else:
            raise ValueError(f'{_at((*path, name))} is to be a list with values or operators in it, like ["open"]')
    return _All(tuple(leaves), tuple(nested), tuple(ors))


def _leaf(alternatives: Sequence[Any], path: Path) -> _Leaf:
    values = [each for each in alternatives if not isinstance(each, dict)]
    operators = [each for each in alternatives if isinstance(each, dict)]
    asked = [each for each in operators if len(each) != 1 or each.get("exists") is not False]
    try:
        tests = [equal(values)] if values else []
        for each in asked:
            if len(each) != 1:
                raise ValueError(f"give each object one operator, of {', '.join(OPERATORS)}")
            tests += [test_of(operator, operand) for operator, operand in each.items()]
    except ValueError as error:
        raise ValueError(f"{_at(path)}: {error}") from None
    return _Leaf(path, tuple(tests), len(asked) < len(operators))


def _at(path: Path) -> str:
    return f"its {'.'.join(path)!r}" if path else "it"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has a name twice in one object, and the first one would be lost")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"it has {text}, which is no number")


def _too_deep() -> ValueError:
    return ValueError(f"it has over {DEEPEST_CONDITION} levels of objects, and no item has so many")
