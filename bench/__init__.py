"""Measurements, run by `make bench`. Ratios of one run on one machine, never part of the tests."""
