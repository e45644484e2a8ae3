"""What a condition may ask of one value: equality and the operators. Pure. What they mean stands in `condition`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from searchsync.documents.key_values import possible_number
from searchsync.documents.values import Plain
from searchsync.limits import MOST_DIGITS

OF_TEXTS = ("prefix", "suffix", "equals-ignore-case", "wildcard")
OPERATORS = (*OF_TEXTS, "numeric", "anything-but", "exists")
COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "=": Decimal.__eq__,
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
}
TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": str.__eq__,
}
Test = Callable[[Plain], bool]


def equal(values: Sequence[Any]) -> Test:
    """A value is one of these. Raises ValueError where an item can have none of such a kind."""
    for each in values:
        if isinstance(each, list):
            raise _wrong("give its values as one list: none is in another")
        if isinstance(each, Decimal):
            _check_number(each)
    wanted = frozenset((type(each), each) for each in values)  # by type, too: true would be 1
    return lambda value: (type(value), value) in wanted


def test_of(operator: str, operand: Any) -> Test:
    """What an operator asks. Raises ValueError where it is none, or takes no such operand."""
    if operator in OF_TEXTS:
        return _of_text(operator, operand)
    if operator == "numeric":
        return _numeric(operand)
    if operator == "anything-but":
        return _anything_but(operand)
    if operator == "exists":
        if operand is not True:
            raise _wrong("`exists` takes true or false")
        return lambda _: True
    raise _wrong(f"{operator!r} is no operator, use {', '.join(OPERATORS)}")


def _of_text(operator: str, operand: Any) -> Test:
    ignores_case = operator == "equals-ignore-case"
    if operator in ("prefix", "suffix") and isinstance(operand, dict) and operand.keys() == {"equals-ignore-case"}:
        ignores_case, operand = True, operand["equals-ignore-case"]
    if not isinstance(operand, str):
        raise _wrong(f"`{operator}` takes a text")
    if operator == "wildcard":
        return partial(_is_like, _between_stars(operand))
    asked = TEXTS[operator]
    if ignores_case:
        folded = operand.casefold()
        return lambda value: isinstance(value, str) and asked(value.casefold(), folded)
    return lambda value: isinstance(value, str) and asked(value, operand)


def _between_stars(text: str) -> Sequence[str]:
    """The texts between a wildcard's stars."""
    parts = [""]
    characters = iter(text)
    starred = False
    for character in characters:
        if character == "*" and starred:
            raise _wrong("`wildcard` has two stars side by side: one says the same")
        starred = character == "*"
        if starred:
            parts.append("")
            continue
        if character == "\\" and (character := next(characters, "")) not in {"*", "\\"}:
            raise _wrong("`wildcard` has a backslash before something else than a star or a backslash")
        parts[-1] += character
    return parts


def _is_like(parts: Sequence[str], value: Plain) -> bool:
    """Without a regular expression: one of several stars would try a long text over and over."""
    if not isinstance(value, str):
        return False
    first, *between = parts
    if not between:
        return value == first
    last = between.pop()
    at, end = len(first), len(value) - len(last)
    if at > end or not value.startswith(first) or not value.endswith(last):
        return False
    for part in between:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        raise _wrong('`numeric` takes a list like [">", 0] or [">", 0, "<=", 5]')
    signs, bounds = operand[::2], operand[1::2]
    for sign, bound in zip(signs, bounds, strict=True):
        if not isinstance(sign, str) or sign not in COMPARISONS or not isinstance(bound, Decimal):
            raise _wrong(f"`numeric` takes {', '.join(COMPARISONS)}, each with a number behind it")
        _check_number(bound)
    if len(signs) > 1:
        if signs[0] not in {">", ">="} or signs[1] not in {"<", "<="}:
            raise _wrong("`numeric` takes the lower bound first (> or >=), then the upper one (< or <=)")
        if bounds[0] > bounds[1] or (bounds[0] == bounds[1] and signs != [">=", "<="]):
            raise _wrong(f"`numeric` matches no number: {signs[0]} {bounds[0]} and {signs[1]} {bounds[1]}")
    first, *more = [(COMPARISONS[sign], bound) for sign, bound in zip(signs, bounds, strict=True)]
    compare, bound = first
    also, limit = more[0] if more else first
    return lambda value: isinstance(value, Decimal) and compare(value, bound) and also(value, limit)


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, dict):
        return _anything_but_like(operand)
    values = operand if isinstance(operand, list) else [operand]
    if len({type(each) for each in values}) != 1 or not isinstance(values[0], str | Decimal):
        raise _wrong("`anything-but` takes a text or a number, or a list of texts or of numbers")
    is_one = equal(values)
    return lambda value: not is_one(value)


def _anything_but_like(operand: Mapping[str, Any]) -> Test:
    if len(operand) != 1 or not operand.keys() <= set(OF_TEXTS):
        raise _wrong(f"`anything-but` takes one of {', '.join(OF_TEXTS)}")
    ((operator, texts),) = operand.items()
    texts = texts if isinstance(texts, list) else [texts]
    if not texts or not all(isinstance(each, str) for each in texts):
        raise _wrong(f"`anything-but` takes `{operator}` with a text or a list of texts")
    if operator in {"prefix", "suffix"} and "" in texts:
        raise _wrong(f"`anything-but` takes no empty `{operator}`, which each text has")
    tests = [_of_text(operator, each) for each in texts]
    return lambda value: not any(test(value) for test in tests)


def _check_number(number: Decimal) -> None:
    if not possible_number(str(number)):
        raise _wrong(f"an item's number has up to {MOST_DIGITS} digits, and no item has {number:.3}")


def _wrong(what: str) -> ValueError:
    return ValueError(what)
