"""The reconcile function's own settings."""

from __future__ import annotations

import pytest

from searchsync.errors import ConfigurationError
from searchsync.reconcile.settings import RollingSettings, Settings, read_settings

COMPLETE = {
    "SYNC_FUNCTION_NAME": "sync",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile",
}


def test_settings_have_defaults() -> None:
    assert read_settings(COMPLETE) == Settings(30.0, None, 4, None, None, "sync", COMPLETE["STATE_MACHINE_ARN"])


def test_the_read_rate_is_shared_by_the_lanes() -> None:
    found = read_settings({**COMPLETE, "READ_UNITS_PER_SECOND": "100", "RECONCILE_CONCURRENCY": "8"})
    assert (found.units, found.lanes) == (12.5, 8)
    assert read_settings({**COMPLETE, "REPORT_BUCKET": "b"}).report_bucket == "b"
    assert read_settings({**COMPLETE, "WINDOW_SECONDS": "150"}).window == 150.0
    assert read_settings({**COMPLETE, "SEEN_BUCKET": "b"}).seen_bucket == "b"


ROLLS = {"ROLLING_PERIOD_SECONDS": "3600", "ROLLING_EVERY_SECONDS": "60", "SEEN_BUCKET": "b"}


def test_the_rolling_verification_is_off_without_a_period() -> None:
    assert read_settings({**COMPLETE, "ROLLING_EVERY_SECONDS": "60"}).rolling is None
    assert read_settings({**COMPLETE, **ROLLS}).rolling == RollingSettings(3600.0, 60.0, None)
    given = read_settings({**COMPLETE, **ROLLS, "ROLLING_READ_UNITS_PER_SECOND": "25"})
    assert given.rolling == RollingSettings(3600.0, 60.0, 25.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLING_PERIOD_SECONDS", "0"),
        ("ROLLING_PERIOD_SECONDS", "inf"),
        ("ROLLING_EVERY_SECONDS", "3600"),
        ("ROLLING_EVERY_SECONDS", ""),
        ("ROLLING_READ_UNITS_PER_SECOND", "-1"),
        ("SEEN_BUCKET", ""),
    ],
)
def test_a_bad_value_of_the_rolling_verification_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({**COMPLETE, **ROLLS, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECONCILE_CONCURRENCY", "0"),
        ("RECONCILE_CONCURRENCY", "1.5"),
        ("RECONCILE_CONCURRENCY", "inf"),
        ("RECONCILE_CONCURRENCY", "nan"),
        ("RECONCILE_CONCURRENCY", "many"),
        ("READ_UNITS_PER_SECOND", "-1"),
        ("READ_UNITS_PER_SECOND", "inf"),
        ("READ_UNITS_PER_SECOND", "nan"),
        ("READ_UNITS_PER_SECOND", "fast"),
        ("RECHECK_DELAY_SECONDS", "4.9"),
        ("RECHECK_DELAY_SECONDS", "121"),
        ("RECHECK_DELAY_SECONDS", "nan"),
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
    bad = {"RECONCILE_CONCURRENCY": "x", "READ_UNITS_PER_SECOND": "y", "RECHECK_DELAY_SECONDS": "z"}
    with pytest.raises(ConfigurationError) as raised:
        read_settings(bad)
    for name in (*bad, *COMPLETE):
        assert name in str(raised.value)
