"""What a run of a million, a hundred million and a billion items takes: `python -m bench.scale [--rate 500]`.

Nothing is run: parts, calls, states and read units are those of the function's own code, for items of 1 KB. How many
items a lane compares in a second is what `bench.reconcile` prints on your machine; AWS's own lanes are not measured here.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from dataclasses import dataclass

from bench.measure import Figure, table
from bench.reconcile import MEMORY_MB, PRICES, TRANSITIONS_A_CALL
from searchsync.limits import ITEMS_A_SECOND, LONGEST_CALL, MOST_KEYS, RECONCILE_RESERVE
from searchsync.reconcile.prepare import segments
from searchsync.reconcile.state import ranges_of, totals

SIZES = (1_000_000, 100_000_000, 1_000_000_000)
LANES = (4, 40, 400)
ITEM_BYTES = 1_000
UNITS_AN_ITEM = 0.25
"""Of a consistent Scan: an item of 1 KB beside others (Amazon DynamoDB developer guide, "Read consistency")."""
EVENTS_A_CALL, MOST_EVENTS = 7, 25_000
"""History events of a child's call, and of an execution ("Quotas for Step Functions")."""
LARGEST_STATE = 256 * 1024
PUT, GET = 0.005 / 1_000, 0.0004 / 1_000
"""Dollars a request ("Amazon S3 pricing", us-east-1, read in November 2026)."""


@dataclass(frozen=True)
class Taken:
    """A verification of so many items by so many lanes. `hours` at the given rates; `events` of the busiest child."""

    items: int
    lanes: int
    parts: int
    calls: int
    events: int
    state_bytes: int
    units: float
    dollars: float
    hours: float


def taken(items: int, lanes: int, rate: float, documents_rate: float) -> Taken:
    """`rate`, `documents_rate`: items compared and documents swept a second, by each lane."""
    of = segments(items * ITEM_BYTES, lanes)
    ranges = ranges_of(of)
    seconds_a_call = LONGEST_CALL - RECONCILE_RESERVE
    segment_s, range_s = items / of / rate, items / ranges / documents_rate
    calls_a_segment = max(math.ceil(segment_s / seconds_a_call), math.ceil(items / of / MOST_KEYS))
    calls_a_range = math.ceil(range_s / seconds_a_call)
    calls = of * calls_a_segment + ranges * calls_a_range
    seconds = math.ceil(of / lanes) * segment_s + math.ceil(ranges / lanes) * range_s
    busy_s = of * segment_s + ranges * range_s
    dollars = (
        items * UNITS_AN_ITEM * PRICES["read_unit"]
        + busy_s * MEMORY_MB / 1024 * PRICES["gb_second"]
        + calls * (PRICES["lambda_request"] + TRANSITIONS_A_CALL * PRICES["state_transition"])
        + of * calls_a_segment * (PUT + 2 * ranges * GET)
    )
    return Taken(
        items=items,
        lanes=lanes,
        parts=of + ranges,
        calls=calls,
        events=EVENTS_A_CALL * max(calls_a_segment, calls_a_range),
        state_bytes=_results_bytes(items, of, ranges),
        units=items * UNITS_AN_ITEM,
        dollars=dollars,
        hours=seconds / 3600,
    )


def _results_bytes(items: int, of: int, ranges: int) -> int:
    """The state behind both Maps: the totals of each part, with every count that a busy one has."""

    def part(count: int) -> str:
        names = (
            "calls",
            "milliseconds",
            "requests",
            "units",
            "items",
            "documents",
            "missing",
            "different",
            "unstable",
        )
        return json.dumps(totals(Counter(dict.fromkeys(names, count))), separators=(",", ":"))

    return of * len(part(items // of)) + ranges * len(part(items // ranges))


def figures(rate: float, documents_rate: float) -> list[Figure]:
    """A row for each size and number of lanes."""
    found = []
    for items in SIZES:
        for lanes in LANES:
            each = taken(items, lanes, rate, documents_rate)
            fits = each.state_bytes <= LARGEST_STATE and each.events <= MOST_EVENTS
            said = (
                f"{each.hours:.2f} h · ${each.dollars:,.2f} · {each.parts:,} parts · {each.calls:,} calls · "
                f"{each.events} events · {each.state_bytes / 1024:.0f} KiB · {each.units / 1e6:,.2f}M units"
            )
            found.append(Figure(f"verify {items:,} items, {lanes} lanes", said, "within limits", fits))
    hundred, billion = taken(SIZES[1], 40, rate, documents_rate), taken(SIZES[2], 40, rate, documents_rate)
    found += [
        Figure(
            "100M items, 40 lanes",
            f"{hundred.hours:.2f} h, ${hundred.dollars:.2f}",
            "at most 2 h, $15",
            hundred.hours <= 2 and hundred.dollars <= 15,
        ),
        Figure("1B items, 40 lanes", f"{billion.hours:.1f} h", "at most 24 h", billion.hours <= 24),
    ]
    return found


def main() -> int:
    """Print the table. Returns 1 where something is over its limit or goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "--rate", type=float, default=ITEMS_A_SECOND, help="items that a lane compares in a second (%(default)s)"
    )
    parser.add_argument("--documents", type=float, default=5_000, help="documents that one sweeps (%(default)s)")
    options = parser.parse_args()
    found = figures(options.rate, options.documents)
    print(table(found))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
