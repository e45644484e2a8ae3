"""Hypothesis draws the same examples in every run, and no example is timed: the machines are noisy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("searchsync", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("searchsync")
