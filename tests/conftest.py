"""Hypothesis draws the same examples in every run, and no example is timed: the machines are noisy."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import settings

from tests.support.spread import Spread

settings.register_profile("searchsync", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("searchsync")


@pytest.fixture(autouse=True)
def no_invocation_runs() -> None:
    """An invocation that a test before began here has ended: its time would bound this one's calls."""
    from searchsync.edges.calls import INVOCATION  # noqa: PLC0415 - what ends an import is then a test's error

    INVOCATION.begin(math.inf)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of `make test` alone, by `--dist loadfile`."""
    if config.getoption("dist") != "loadfile":
        return None
    return Spread(config, log)
