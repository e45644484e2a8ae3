"""The reconcile function's own settings."""

from __future__ import annotations

import pytest

from searchsync.errors import ConfigurationError
from searchsync.reconcile.settings import Settings, read_settings

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
    assert read_settings({**COMPLETE, "SEEN_BUCKET": "b"}).seen_bucket == "b"


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
