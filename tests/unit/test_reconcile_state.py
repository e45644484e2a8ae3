"""A run's state between two calls."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.errors import RunRefusedError
from searchsync.limits import KEYS, LARGEST_STATE, LONGEST_BROKEN, MOST_BROKEN, MOST_PARTS, MOST_RANGES, MOST_SEGMENTS
from searchsync.reconcile.state import COSTS, Range, ranges_of, read_state, summed, totals, written_state

SEGMENT = {"segment": 3, "of": 8}
RANGE = {"range": 2, "of": 4, "since": "2026-01-01T00:00:00.500Z"}
FILES = {"bucket": "b", "manifest": "AWSDynamoDB/01/manifest-files.json", "etag": '"e"', "lines": "2230-4459"}


def event(**changes: Any) -> dict[str, Any]:
    return {
        "step": "part",
        "task": "verify",
        "run": "run-1",
        "recheck_delay": 30,
        "export": None,
        "part": SEGMENT,
        "position": None,
        "call": 0,
        "totals": {},
        **changes,
    }


LOADING = {"task": "backfill", "part": FILES, "export": {"exported_at": 1_700_000_000, "bucket": "b", "manifest": "m"}}


@pytest.mark.parametrize(
    ("part", "position"),
    [
        ({"part": SEGMENT}, {"id": {"S": "a"}}),
        ({"part": SEGMENT}, {"id": {"B": "YQ=="}, "r": {"N": "1"}}),
        ({"part": RANGE}, f"{2**62:016x}"),
        (LOADING, [3, 4_000]),
    ],
)
def test_a_state_goes_through_json_and_comes_back(part: dict[str, Any], position: Any) -> None:
    first = read_state(event(**part))
    after = first.after(position, Counter(items=5, written=0), ("x is broken",))
    answer = json.loads(json.dumps(written_state(event(**part), after)))
    assert "step" not in answer
    assert (answer["position"], answer["call"], answer["done"]) == (position, 1, False)
    assert answer["totals"] == {"items": 5, "broken": ["x is broken"]}
    again = read_state(answer)
    assert (again.part, again.position, again.call) == (first.part, position, 1)
    done = again.after(None, Counter(items=2))
    assert written_state(answer, done)["totals"] == {"items": 7, "broken": ["x is broken"]}
    assert written_state(answer, done)["done"] is True


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"part": SEGMENT}, "segment-0003-0012"),
        ({"part": RANGE}, "range-0002-0012"),
        (LOADING, "files-2230-4459-0012"),
    ],
)
def test_a_call_that_is_repeated_has_the_same_name(changes: dict[str, Any], name: str) -> None:
    assert read_state(event(call=12, **changes)).name == name


@pytest.mark.parametrize(
    "changes",
    [
        {"part": {}},
        {"part": {"segment": 0}},
        {"part": {"range": 0, "of": 1}},
        {"part": {"range": 0, "of": 1, "since": "yesterday"}},
        {"part": {"bucket": "b", "lines": "0-9"}, "export": {"exported_at": 1}},
        {"part": FILES},
        {"part": FILES, "export": {"bucket": "b"}},
        {"part": None},
        {"call": "x"},
        {"recheck_delay": None},
        {"totals": None},
        {"totals": []},
        {"export": "text"},
    ],
)
def test_a_state_that_is_none_is_refused_with_what_to_do(changes: dict[str, Any]) -> None:
    with pytest.raises(RunRefusedError, match="apply the module again, and start anew"):
        read_state(event(**changes))


@pytest.mark.parametrize("name", ["task", "run", "recheck_delay", "part", "position", "call", "totals"])
def test_every_member_is_needed(name: str) -> None:
    with pytest.raises(RunRefusedError, match=name):
        read_state({key: value for key, value in event().items() if key != name})


@given(st.lists(st.dictionaries(st.sampled_from(["items", "written", "poison"]), st.integers(0, 10**12), max_size=3)))
def test_totals_are_the_sum_of_all_parts(results: list[dict[str, int]]) -> None:
    found = summed(results)
    for name in ("items", "written", "poison"):
        expected = sum(each.get(name, 0) for each in results)
        assert found.get(name, 0) == expected
        assert (name in found) == (expected > 0)


def test_a_part_names_its_first_broken_file_and_cuts_what_is_long() -> None:
    state = read_state(event(**LOADING))
    after = state.after([2, 0], Counter(), ("x" * 1_000, "b")).after(None, Counter(), ("c",))
    assert after.broken == ("x" * LONGEST_BROKEN,)
    assert MOST_BROKEN == 1


def test_broken_files_are_named_together_in_order() -> None:
    assert summed([{"broken": ["b"], "items": 1}, {}, {"broken": ["a"]}]) == {"items": 1, "broken": ["a", "b"]}
    assert totals({}) == {}


@pytest.mark.parametrize("segments", [1, 7, MOST_RANGES, MOST_SEGMENTS])
def test_the_ranges_of_an_index_follow_each_other_from_the_first_key_to_the_last(segments: int) -> None:
    of = ranges_of(segments)
    parts = [Range(number, of, 0.0) for number in range(of)]
    assert (parts[0].low, parts[-1].high) == (0, KEYS)
    assert [part.high for part in parts[:-1]] == [part.low for part in parts[1:]]


def test_the_time_of_a_run_is_the_same_in_each_of_its_calls() -> None:
    first = read_state(event(part=RANGE))
    again = read_state(json.loads(json.dumps(written_state(event(part=RANGE), first))))
    assert first.part == again.part == Range(2, 4, 1_767_225_600.5)


def size(state: dict[str, Any]) -> int:
    return len(json.dumps(state, separators=(",", ":"), ensure_ascii=False).encode())


def result(*names: str) -> dict[str, Any]:
    return dict.fromkeys((*COSTS, *names, "poison"), 10**10 - 1)


def test_the_results_of_the_most_parts_of_an_export_fit_into_one_state() -> None:
    counted = result("items", "written", "passed", "broken_files")
    broken = {"broken": ['"' * (LONGEST_BROKEN // 2) + "x" * (LONGEST_BROKEN // 2)] * MOST_BROKEN}
    export = {"bucket": "b" * 63, "manifest": "m" * 1_024, "etag": "e" * 34, "exported_at": 1.7e9, "items": 10**15}
    state: dict[str, Any] = {
        "task": "backfill",
        "run": "r" * 80,
        "recheck_delay": 120.0,
        "export": export | {"rate": 1234.5678901234567},
        "started": "2026-01-01T00:00:00.000Z",
        "of": MOST_PARTS,
        "segments": [f"{10**9}-{10**9}"] * MOST_PARTS,
        "table": [counted | broken] * MOST_PARTS,
        "documents": [],
    }
    assert size(state) <= LARGEST_STATE
    totals = {"result": {"totals": summed(state["table"])}, "stream_arn": "a" * 400}
    assert size(totals) <= LARGEST_STATE


def test_the_results_of_the_most_parts_fit_into_one_state() -> None:
    compared = ("repaired", "unstable")
    state = {
        **{
            name: value
            for name, value in event(run="r" * 80).items()
            if name in ("task", "run", "recheck_delay", "export")
        },
        "started": "2026-01-01T00:00:00.000Z",
        "of": MOST_SEGMENTS,
        "segments": list(range(MOST_SEGMENTS)),
        "table": [result("items", "missing", "different", *compared)] * MOST_SEGMENTS,
        "index": {"of": MOST_RANGES, "ranges": list(range(MOST_RANGES))},
        "documents": [result("documents", "orphan", "unmappable", *compared)] * MOST_RANGES,
    }
    assert size(state) <= LARGEST_STATE
