"""What DynamoDB takes for the value of a key. Pure.

One that it refuses fails the read of all the keys beside it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from decimal import Context, Decimal

from searchsync.limits import LONGEST_KEYS, MOST_DIGITS

SMALLEST, LARGEST = Decimal("1E-130"), Decimal("1E+126")
"""Of a number ("Supported data types", DynamoDB developer guide)."""
NUMBER = re.compile(r"-?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
PLAIN = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS // 2}}}(\.[0-9]{{1,{MOST_DIGITS // 2}}})?", re.ASCII)
"""Of nearly all numbers: with so few digits each is possible, and nothing of it need be worked out."""
EXACT = Context(prec=1_000)
"""Decimal's own default would round to 28 digits."""


def possible_key(values: Sequence[tuple[str, str]]) -> bool:
    """Whether a key may have these values, each a type and its text in the event's form, the hash key first."""
    return all(_possible(kind, text, longest) for (kind, text), longest in zip(values, LONGEST_KEYS, strict=False))


def _possible(kind: str, text: str, longest: int) -> bool:
    if kind == "N":
        return possible_number(text)
    if kind == "B":
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return False
        return 0 < len(data) <= longest and base64.b64encode(data).decode() == text
    try:
        return kind == "S" and 0 < len(text.encode()) <= longest
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def possible_number(text: str) -> bool:
    """Whether a number of this text may be in an item."""
    if PLAIN.fullmatch(text):
        return True
    if NUMBER.fullmatch(text) is None:
        return False
    value = Decimal(text)
    small = value == 0 or SMALLEST <= abs(value) < LARGEST
    return small and len(value.normalize(EXACT).as_tuple().digits) <= MOST_DIGITS


def number_texts(value: Decimal) -> tuple[str, ...]:
    """How DynamoDB may give a number: its digits; one with many zeros also by its exponent."""
    shortest = value.normalize(EXACT)
    plain = format(shortest, "f") if value else "0"
    return (plain, str(shortest)) if len(plain) > MOST_DIGITS else (plain,)
