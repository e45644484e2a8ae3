"""The walk over the whole table: backfill, verify, repair."""
