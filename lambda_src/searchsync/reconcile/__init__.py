"""Reconciliation of the whole table: backfill, verify, repair."""
