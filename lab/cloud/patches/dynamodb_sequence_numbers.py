"""Stream sequence numbers in DynamoDB's shape.

AWS: `counter * 10**20 + log`, 21 to 40 digits, rising as numbers (not as text).
ministack: milliseconds with a counter behind, 30 digits for ever.
"""

from __future__ import annotations

import itertools

from ministack.services import dynamodb

from lab.cloud.patching import replace

COUNTER_UNIT = 10**20
# The number of digits grows after a few records: whoever compares them as text shows it at once.
FIRST_COUNTER = 95
COUNTER_STEP = 1
FIRST_LOG = 3_126_276_362
LOG_STEP = 7


def apply() -> None:
    """Number stream records as DynamoDB does."""
    numbers = sequence_numbers()
    replace(dynamodb, "_next_stream_seq", lambda: next(numbers))


def sequence_numbers() -> itertools.starmap[str]:
    """Rising sequence numbers as decimal text. Safe to share between threads."""
    counters = itertools.count(FIRST_COUNTER, COUNTER_STEP)
    logs = itertools.count(FIRST_LOG, LOG_STEP)
    return itertools.starmap(lambda counter, log: str(counter * COUNTER_UNIT + log), zip(counters, logs, strict=False))
