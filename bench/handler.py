"""The whole handler, the engine stubbed: against C json.dumps over the raw images, at several sizes of a batch, and
against a handler written as the AWS samples do. Each invocation gets an event of its own, as in Lambda: an event
that is used again is no work for the garbage collector."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import stub
from bench.items import Image, event, images, plain
from bench.measure import Figure, at_least, at_most, in_turns

AGAINST_SAMPLES = 1_000
ROUNDS = 15
WITHIN_OF_FLOOR = {500: 1.8, 2_000: 2.0, 10_000: 2.0}
"""Records of a batch to the largest ratio."""
RECORDS_A_SIZE = 30_000
"""Measured at each size, in as many rounds as that takes."""


def figures() -> list[Figure]:
    """Our ratios to the floor and to the samples' handler."""
    stub.install()
    from bench import sample_handler as theirs  # noqa: PLC0415
    from searchsync import handler as ours  # noqa: PLC0415 - both read the environment when imported

    context = stub.Context()
    found: list[Figure] = []
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for count, most in WITHIN_OF_FLOOR.items():
            items = images(count)
            batch = Fresh(items)
            seconds = _against(ours.handle, batch, partial(_dumped, items), RECORDS_A_SIZE // count)
            found += [
                Figure(
                    f"handler, {count:,} records, engine stubbed", f"{seconds['ours'] / count * 1e6:.1f} µs a record"
                ),
                at_most("  time against C json.dumps of the raw images", seconds["ours"] / seconds["other"], most),
            ]
        batch = Fresh([plain(image) for image in images(AGAINST_SAMPLES)])
        seconds = _against(ours.handle, batch, lambda: theirs.handle(batch.event, context), ROUNDS)
    return [*found, at_least("  faster than a handler as the AWS samples", seconds["other"] / seconds["ours"], 1)]


def _dumped(items: list[Image]) -> None:
    for item in items:
        json.dumps(item)


class Fresh:
    """An event that is parsed anew for each invocation."""

    def __init__(self, items: list[Image]) -> None:
        self._text = json.dumps(event(items))
        self.event: Any = None

    def renew(self) -> None:
        """Parse it; what was parsed before goes first."""
        self.event = None
        self.event = json.loads(self._text)


def _against(handle: Callable[[Any, Any], object], batch: Fresh, other: Callable[[], object], rounds: int) -> Any:
    """Median seconds of our handler and of the other, each with an event of its own."""

    def ours() -> None:
        answer = handle(batch.event, stub.Context())
        if answer != {"batchItemFailures": []}:
            raise RuntimeError(f"the handler did not write the batch: {answer}")

    return in_turns({"ours": ours, "other": other}, rounds, batch.renew)
