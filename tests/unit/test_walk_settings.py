"""The walk function's own settings."""

from __future__ import annotations

import pytest

from searchsync.errors import ConfigurationError
from searchsync.walk.settings import Settings, read_settings

COMPLETE = {
    "SYNC_FUNCTION_NAME": "sync",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-walk",
}


def test_settings_have_defaults() -> None:
    assert read_settings(COMPLETE) == Settings(30.0, None, 4, None, None, "sync", COMPLETE["STATE_MACHINE_ARN"])


def test_the_read_rate_is_shared_by_the_lanes() -> None:
    found = read_settings({**COMPLETE, "READ_UNITS_PER_SECOND": "100", "WALK_CONCURRENCY": "8"})
    assert (found.units, found.lanes) == (12.5, 8)
    assert read_settings({**COMPLETE, "REPORT_BUCKET": "b"}).report_bucket == "b"
    assert read_settings({**COMPLETE, "WINDOW_SECONDS": "150"}).window == 150.0
    assert read_settings({**COMPLETE, "SEEN_BUCKET": "b"}).seen_bucket == "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WALK_CONCURRENCY", "0"),
        ("WALK_CONCURRENCY", "1.5"),
        ("WALK_CONCURRENCY", "inf"),
        ("WALK_CONCURRENCY", "nan"),
        ("WALK_CONCURRENCY", "many"),
        ("READ_UNITS_PER_SECOND", "-1"),
        ("READ_UNITS_PER_SECOND", "inf"),
        ("READ_UNITS_PER_SECOND", "nan"),
        ("READ_UNITS_PER_SECOND", "fast"),
        ("SETTLE_SECONDS", "4.9"),
        ("SETTLE_SECONDS", "121"),
        ("SETTLE_SECONDS", "nan"),
        ("WINDOW_SECONDS", "-1"),
        ("WINDOW_SECONDS", "301"),
        ("WATCH_SECONDS", "121"),
        ("WATCH_SECONDS", "soon"),
        ("SYNC_FUNCTION_NAME", ""),
        ("STATE_MACHINE_ARN", ""),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({**COMPLETE, name: value})


def test_all_problems_are_named_at_once() -> None:
    bad = {"WALK_CONCURRENCY": "x", "READ_UNITS_PER_SECOND": "y", "SETTLE_SECONDS": "z"}
    with pytest.raises(ConfigurationError) as raised:
        read_settings(bad)
    for name in (*bad, *COMPLETE):
        assert name in str(raised.value)
