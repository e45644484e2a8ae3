"""The limits of time and size: their relations, and what AWS says of them.

The module is run here as a file: where a relation is broken, nothing of the function can be imported.
"""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tools.mutants.limits import BOUNDS, LIMITS, moved

ROOT = Path(__file__).parents[2]
FILE = ROOT / LIMITS
NUMBER = r"^([A-Z][A-Z_]+)(?:, [A-Z_]+)*(?:: \w+)? = \(?-?[0-9]"
"""A constant whose value begins with a number."""
SOURCE = FILE.read_text()
OUTSIDE = {
    "TOMBSTONE_LIFE",
    "LARGEST_TAKEN",
    "LARGEST_ITEM",
    "LARGEST_STATE",
    "LARGEST_ESCAPE",
    "LARGEST_RESULT_WINDOW",
    "LARGEST_READ",
    "LARGEST_TERM",
    "MAPPED_DEPTH",
    "MAPPED_FIELDS",
    "DEADLY_DEPTH",
    "NESTING",
    "LONGEST_CALL",
    "KEYS",
    "STREAM_KEEPS",
    "LONGEST_BATCHING",
    "LONGEST_KEYS",
    "MOST_DIGITS",
    "STILL_CONNECTION",
}
"""Limits of AWS, JSON or the engine, to which ours are held."""
FREE = {
    "ROUNDS",
    "LONE_TRIES",
    "FIRST_WINDOW",
    "ADDRESS_TIMEOUT",
    "CONNECT_TIMEOUT",
    "REFUSED_READS",
    "QUICK_TRIES",
    "LARGEST_SCAN",
    "MESSAGES_AT_ONCE",
    "LONGEST_ID",
    "LONGEST_CONDITION",
    "GRANTED_WITHIN",
    "GUARD_REFUSALS",
    "MOST_VIEWS",
    "FIRST_READ",
    "COLLECT_AFTER",
    "MOST_PLACES_SHOWN",
    "RECORDS_SHOWN",
    "TOLD_EVERY",
    "MOST_DATAPOINTS",
    "LINES_AT_ONCE",
    "SEGMENT_BYTES",
    "MOST_SEGMENTS",
    "ITEMS_A_SECOND",
    "DRAIN_SPEED",
    "MOST_BROKEN",
    "LONGEST_BROKEN",
    "FILES_AT_ONCE",
    "MOST_PARTS",
    "MOST_FILES",
    "MOST_DISAGREEMENTS",
    "PROBES_AT_ONCE",
    "LONGEST_NAME",
    "MANY_TRIES",
    "SAMPLE_SEGMENTS",
    "SAMPLE_UNITS",
    "LONG_LIST",
}
"""Limits that rest on no other: what they keep is shown where they are used."""


def limits() -> dict[str, Any]:
    return {name: value for name, value in runpy.run_path(str(FILE)).items() if name.isupper()}


def test_the_relations_between_the_limits_hold() -> None:
    limits()


@pytest.mark.parametrize(("name", "value"), BOUNDS.items())
def test_a_limit_over_its_bound_is_not_even_imported(name: str, value: str) -> None:
    old, new = moved(SOURCE, name, value)
    assert SOURCE.count(old) == 1
    with pytest.raises(AssertionError):
        exec(compile(SOURCE.replace(old, new), LIMITS, "exec"), {})  # noqa: S102 - the module itself, changed


def test_each_limit_has_a_bound_or_needs_none() -> None:
    assert sorted(limits()) == sorted([*BOUNDS, *OUTSIDE, *FREE])


def test_each_relation_gives_its_reason() -> None:
    asserted = [line for line in SOURCE.splitlines() if line.startswith("assert ")]
    assert len(asserted) == sum(isinstance(each, ast.Assert) for each in ast.parse(SOURCE).body)
    assert all(re.search(r"(  # |, \")\w", line) for line in asserted)


def test_what_is_sent_at_once_is_what_aws_takes() -> None:
    model = botocore.session.get_session().get_service_model("dynamodb")
    assert limits()["LARGEST_READ"] <= model.shape_for("KeyList").metadata["max"]


def test_no_other_module_has_a_limit_of_its_own() -> None:
    """What is left are codes, bits and a format's own."""
    allowed = {"QUOTA_STATUS", "UNLIMITED", "LOW_BITS", "SEQUENCE_LOG", "SEQUENCE_MODULUS", "LATEST_SECOND"}
    allowed |= {"SERVER_ERROR"}
    allowed |= {"PIECE_BYTES", "UNITS_TO_SETTLE"}  # how a file is read; what follows from limits
    files = set((ROOT / "lambda_src/searchsync").rglob("*.py")) - {FILE}
    found = [name for path in files for name in re.findall(NUMBER, path.read_text(), re.MULTILINE)]
    assert set(found) <= allowed
