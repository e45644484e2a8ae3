"""The lab's rules of a state's Retry: the examples of the Amazon States Language's own, and AWS's names."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lab.cloud.retries import chosen, waits

SPEC: list[dict[str, Any]] = [
    {"ErrorEquals": ["ErrorA", "ErrorB"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2},
    {"ErrorEquals": ["ErrorC"], "IntervalSeconds": 5},
]
RNG = random.Random(1)


def waited(retriers: list[dict[str, Any]], *errors: str) -> list[float]:
    return list(waits(retriers, errors, RNG))


def test_each_retrier_counts_for_itself_and_one_that_is_used_up_ends_the_state() -> None:
    """The example of "Complex retry scenarios": the fourth error is one too many for the first retrier."""
    assert waited(SPEC, "ErrorA", "ErrorB", "ErrorC", "ErrorB", "ErrorC") == [1.0, 2.0, 5.0]


@pytest.mark.parametrize(
    ("retrier", "expected"),
    [
        ({}, [1.0, 2.0, 4.0]),
        ({"IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 2.0}, [3.0, 6.0]),
        ({"IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 2.0, "MaxDelaySeconds": 4}, [3.0, 4.0]),
        ({"MaxAttempts": 0}, []),
        ({"MaxAttempts": 2, "JitterStrategy": "NONE"}, [1.0, 2.0]),
    ],
)
def test_waits_grow_up_to_their_bound_as_often_as_is_said(retrier: dict[str, Any], expected: list[float]) -> None:
    assert waited([{"ErrorEquals": ["E"], **retrier}], *["E"] * 9) == expected


def test_full_jitter_is_anything_up_to_the_computed_wait() -> None:
    retrier = {
        "ErrorEquals": ["E"],
        "IntervalSeconds": 8,
        "BackoffRate": 1,
        "MaxAttempts": 2_000,
        "JitterStrategy": "FULL",
    }
    found = waited([retrier], *["E"] * 2_000)
    assert (len(found), min(found) < 0.5, max(found) > 7.5, max(found) <= 8.0) == (2_000, True, True, True)
    assert sum(found) / len(found) == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize(
    ("names", "error", "found"),
    [
        (["Lambda.TooManyRequestsException"], "Lambda.TooManyRequestsException", 0),
        (["States.TaskFailed"], "Lambda.TooManyRequestsException", 0),
        (["States.TaskFailed"], "RunRefusedError", 0),
        (["States.TaskFailed"], "States.Timeout", None),
        (["States.TaskFailed", "States.Timeout"], "States.Timeout", 0),
        (["States.ALL"], "States.Timeout", 0),
        (["Lambda.Unknown"], "Lambda.ServiceException", None),
    ],
)
def test_a_name_or_a_wildcard_is_for_an_error(names: list[str], error: str, found: int | None) -> None:
    assert chosen([{"ErrorEquals": names}], error) == found


def test_the_first_that_fits_is_the_one() -> None:
    retriers = [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["States.TaskFailed"]}, {"ErrorEquals": ["E"]}]
    assert chosen(retriers, "E") == 1
