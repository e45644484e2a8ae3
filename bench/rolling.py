"""What the rolling verification takes beside the sync, by counted calls: `python -m bench.rolling`, in bench.scale too.

Nothing is run: parts, pages and calls are those of the function's own code, for items of 1 KB
(tests/unit/test_rolling_costs.py counts them in a round). The sync's calls are those of 100 changes a second, one
invocation and one bulk request a batch; how long AWS takes for one is assumed below. The collection's capacity is paid
for by the hour, and left out on both sides.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bench.measure import Figure, table
from bench.reconcile import MEMORY_MB, PRICES
from searchsync.limits import IDS_AT_ONCE, ITEMS_A_SECOND, LARGEST_RESULT_WINDOW, MOST_DISAGREEMENTS, ROUND_SHARE
from searchsync.reconcile.prepare import segments
from searchsync.reconcile.rolling import Schedule
from searchsync.reconcile.state import ranges_of

DAY = 86_400.0
ITEM_BYTES, PAGE_BYTES = 1_000, 1_000_000
"""A page of a Scan has 1 MB (DynamoDB API reference, Scan)."""
UNITS_AN_ITEM = 0.25
PUT, GET = 0.005 / 1_000, 0.0004 / 1_000
LOG_BYTE, METRIC_DAY, ALARM_DAY, METRIC_CALL = 0.50 / 1e9, 0.30 / 30, 0.10 / 30, 0.01 / 1_000
"""Dollars ("Amazon CloudWatch pricing", us-east-1)."""
LANES = 4
"""Of reconciliation.concurrency, by its default."""
DEFAULT = Schedule(period=720 * 3600.0, every=3600.0)
"""Of reconciliation.rolling."""
CHANGES_A_SECOND, WINDOW_S = 100.0, 1.0
"""Of the goal; trigger.maximum_batching_window_seconds by its default."""
NEW_TABLE_SHARDS = 4
"""Of a table on demand, which takes 4,000 writes a second from the beginning ("DynamoDB on-demand capacity mode"), and
1,000 a partition ("Partitions and data distribution")."""
SYNC_CALL_S, SYNC_MB = 0.1, 512
"""Assumed: a batch's time at AWS, which is a bulk request's. With less the sync is cheaper, by its GB-seconds alone."""
SYNC_LINE_BYTES, LINE_BYTES = 2_500, 700
"""Of a log line that names 20 documents, and of one of a run's call."""
SYNC_METRICS, SYNC_ALARMS = 12, 9
START_S = 1.0
"""A cold start: a sandbox does not outlast an hour in which nothing calls it."""
CALLS_A_PART = 1 + 2 + 1 + 2 + 1
"""DescribeTable, ListExecutions, GetMetricStatistics, the index and its count, PutObject of the state."""
CALLS_A_SLICE = 1 + 2 + 1
"""DescribeTable, the index and its count, PutObject that it works."""
CALLS_A_TICK = 2
"""The invocation, GetObject of the state."""


@dataclass(frozen=True)
class Daily:
    """Calls, and dollars for them, in a day; `fixed`: dollars for metrics and alarms, whatever is called."""

    calls: float
    dollars: float
    fixed: float


def pages(items: int) -> tuple[int, int, int]:
    """Of a round: pages of the table, requests for their documents, pages of keys."""
    scans = -(-items * ITEM_BYTES // PAGE_BYTES)
    asked = -(-items // IDS_AT_ONCE)
    keys = -(-items // min(LARGEST_RESULT_WINDOW // 2, MOST_DISAGREEMENTS))
    return scans, asked, keys


def rolled(items: int, schedule: Schedule, rate: float = ITEMS_A_SECOND, documents_rate: float = 5_000.0) -> Daily:
    """A table that agrees. `rate`, `documents_rate`: items compared and documents swept a second."""
    of = segments(items * ITEM_BYTES, LANES)
    ranges = ranges_of(of)
    parts, rounds = of + ranges, DAY / (ROUND_SHARE * (schedule.period - schedule.every))
    ticks = DAY / schedule.every
    slices = min(ticks, parts * rounds)
    seen = of * (1 + 2 * ranges)
    calls = rounds * (sum(pages(items)) + seen + ranges + parts * CALLS_A_PART) + slices * CALLS_A_SLICE
    busy = rounds * (items / rate + items / documents_rate) + ticks * START_S
    dollars = (
        rounds * items * UNITS_AN_ITEM * PRICES["read_unit"]
        + busy * MEMORY_MB / 1024 * PRICES["gb_second"]
        + ticks * (PRICES["lambda_request"] + GET + 2 * LINE_BYTES * LOG_BYTE)
        + rounds * (of * PUT + (2 * of * ranges) * GET + ranges * PUT + parts * (PUT + METRIC_CALL))
        + slices * PUT
    )
    return Daily(calls + ticks * CALLS_A_TICK, dollars, METRIC_DAY + ALARM_DAY)


def synced(shards: int) -> Daily:
    """The sync at 100 changes a second, evenly over so many shards; the collection's own capacity left out."""
    batches = shards * DAY / (WINDOW_S + SYNC_CALL_S)
    a_batch = SYNC_CALL_S * SYNC_MB / 1024 * PRICES["gb_second"] + PRICES["lambda_request"] + SYNC_LINE_BYTES * LOG_BYTE
    return Daily(2 * batches, batches * a_batch, SYNC_METRICS * METRIC_DAY + SYNC_ALARMS * ALARM_DAY)


def figures() -> list[Figure]:
    """A row for each size and period; the goal is that of a million items at the default."""
    found = []
    few, many = synced(1), synced(NEW_TABLE_SHARDS)
    for days, items in ((30, 1_000_000), (7, 1_000_000), (30, 10_000_000), (90, 100_000_000)):
        schedule = Schedule(days * DAY, DEFAULT.every)
        each = rolled(items, schedule)
        said = (
            f"{each.calls:,.0f} calls a day ({each.calls / few.calls:.2%}) · ${each.dollars:.4f} a day "
            f"({each.dollars / many.dollars:.2%}, of one shard {each.dollars / few.dollars:.2%})"
        )
        goal = (days, items) == (30, 1_000_000)
        met = each.calls <= few.calls / 100 and each.dollars <= many.dollars / 100 if goal else None
        found.append(
            Figure(
                f"rolling, {items:,} items, {days} days",
                said,
                "at most 1 % of calls, of 4 shards' $" if goal else "",
                met,
            )
        )
    one, four = (f"{each.calls:,.0f} calls, ${each.dollars:.3f} a day" for each in (few, many))
    found.append(Figure("the sync at 100 changes/s", f"{one} (1 shard); {four} (4 shards)"))
    fixed = f"${rolled(1, DEFAULT).fixed:.4f} a day, the sync's ${few.fixed:.3f}"
    found.append(Figure("metric and alarm, whatever is called", fixed))
    return found


def main() -> int:
    """Print the table. Returns 1 where the goal is missed."""
    found = figures()
    print(table(found))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
