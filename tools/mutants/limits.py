"""Mutants of the limits: each one moved just over the bound that another limit, or a service, sets it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from tools.mutants.mutant import FUNCTION, Mutant

LIMITS = FUNCTION + "limits.py"
RELATIONS = ("tests/unit/test_limits.py", "-k", "relations_between_the_limits_hold")
BOUNDS: Mapping[str, str] = {
    "ROUND_SHARE": "1.0",
    "READ_TO_REQUEST": "28.0",
    "READ_TO_ANSWER": "60.0",
    "IN_FLIGHT": "5.1",
    "REQUEST_TIMEOUT": "35.0",
    "SHORTEST_REQUEST": "4.0",
    "SHORTEST_TRY": "0.5",
    "READ_AND_WRITE": "2.9",
    "GATHERED_S": "14.5",
    "SDK_PAUSE": "2.0",
    "READ_TIMEOUT": "11",
    "LONGEST_CALL_OUT": "24.0",
    "QUEUE_CALL": "3.6",
    "LONG_POLL": "3",
    "LAST_LINE": "1.6",
    "CLOCK_TOLERANCE": "4.0",
    "SHORTEST_MAX_SKEW": "4",
    "DEFAULT_MAX_SKEW": "4",
    "LONGEST_MAX_SKEW": "9",
    "LONE_SECONDS": "24.0",
    "SLOW_AGE": "756.0",
    "LOAD_AGE": "82_800.0",
    "SPLIT_TIMEOUT": "18.0",
    "SLOW_TRY": "12.0",
    "LASTING_REQUEST": "5.1",
    "BEHIND_AGE": "57.0",
    "BACKOFF_BASE": "10.0",
    "BACKOFF_CAP": "12.5",
    "LAST_TRY": "1.0",
    "SHORTEST_READ": "4.1",
    "LARGEST_BODY": "5_242_881",
    "BYTES_AT_ONCE": "262_144",
    "LONGEST_TEXT": "20_322",
    "TAKEN_AT_ONCE": "101",
    "IDS_AT_ONCE": "10_001",
    "LONGEST_PATH": "251",
    "MANY_DOTS": "7",
    "MOST_NAMES": "42_501",
    "LONGEST_KEPT": "121",
    "LONGEST_FIELD": "5_001",
    "LARGEST_ANSWER": "470_588",
    "MOST_MAPPED": "3_999",
    "FIELD_COST": "21",
    "LONGEST_NUMBER": "409_600",
    "LONGEST_KEYWORD": "8192",
    "USUAL_SAMPLE": "20_001",
    "MOST_SAMPLED": "999",
    "MANY_NAMES": "700",
    "FIRST_TIME": "4_102_444_800",
    "LAST_TIME": "978_307_200",
    "LONGEST_FLAT": "4_096",
    "LONGEST_FLAT_NAME": "130",
    "LONGEST_CODE": "4_001",
    "SOME_NAMES": "100",
    "SUGGESTED_FIELDS": "1_000",
    "SUGGESTED_DEPTH": "20",
    "MOST_PLACES": "699",
    "DEEPEST_CONDITION": "34",
    "LARGEST_TRANSFORMED": "819_199",
    "MEMBER_SIZE": "1",
    "LONGEST_TRANSFORM": "5.0",
    "TOLD_AGAIN": "1.0",
    "ENSURED_FOR": "300.0",
    "UNGUARDED_FOR": "60.0",
    "NEW_INDEX_S": "60.0",
    "RESERVE": "15.1",
    "SHORTEST_ROUND": "9.9",
    "MOST_SHOWN": "11",
    "LONGEST_SHOWN": "501",
    "REPAIR_AGE": "86_400.0",
    "RECONCILE_RESERVE": "10.0",
    "AHEAD_AGE": "4.0",
    "AHEAD_READ": "19.1",
    "SHORT_STEP": "123.9",
    "LONGEST_WAKING": "43.1",
    "TOGETHER": "730.0",
    "ONE_PAGE": "55.0",
    "SETTLED_IN": "760.0",
    "LANES_SHARE": "0.51",
    "READ_SHARE": "0.31",
    "MOST_RANGES": "1_001",
    "MOST_KEYS": "8_388_609",
    "MOST_SEEN_BYTES": "7_999_999",
    "LASTING_ERROR": "64.0",
    "FURTHEST": "129",
    "SHORTEST_RECHECK_DELAY": "120.0",
    "LONGEST_RECHECK_DELAY": "146.7",
    "ITEM_EVERY": "20",
    "SAMPLES": "2",
    "LOOKS": "1",
    "LAG_KNOWN_AFTER": "114.9",
    "FEW_TO_REPAIR": "5_001",
    "MOST_TO_REPAIR": "1.0",
    "CAUGHT_UP_WITHIN": "255.0",
    "ASKED_EVERY": "60.0",
    "REFRESH": "120.0",
    "TO_REMOVE": "10.0",
    "ANOTHERS": "899.0",
    "DOCTOR_SECONDS": "350.0",
    "CLEAN_UP": "121.0",
    "PATIENCE": "30.0",
    "SEEN_WITHIN": "216.0",
    "TOMBSTONE_AGES": "(10.0, 60.0)",
    "PROBE_TIMEOUT": "60.0",
}
"""A limit by its name: a value just beyond what others leave it, above or below."""


def moved(source: str, name: str, value: str) -> tuple[str, str]:
    """The statement that sets a limit, and the same with the value. Raises LookupError where there is none."""
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign):
            continue
        (target,) = statement.targets
        several = isinstance(target, ast.Tuple)
        names, values = (target.elts, statement.value.elts) if several else ([target], [statement.value])  # type: ignore[attr-defined]
        for each, was in zip(names, values, strict=True):
            if isinstance(each, ast.Name) and each.id == name:
                line = ast.get_source_segment(source, statement) or ""
                start = was.col_offset - statement.col_offset
                end = was.end_col_offset - statement.col_offset
                return line + "\n", line[:start] + value + line[end:] + "\n"
    raise LookupError(f"no limit {name}")


def _mutants() -> tuple[Mutant, ...]:
    source = (Path(__file__).resolve().parents[2] / LIMITS).read_text()
    return tuple(
        Mutant(f"F62 {name} over its bound", LIMITS, *moved(source, name, value), RELATIONS)
        for name, value in BOUNDS.items()
    )


MUTANTS = _mutants()
