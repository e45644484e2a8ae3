"""The whole handler on 1,000 records against one written as the AWS samples do, the engine stubbed for both."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bench import stub
from bench.items import event, images, plain
from bench.measure import Figure, at_least, in_turns

RECORDS = 1_000
ROUNDS = 15


def figures() -> list[Figure]:
    """Our time and ratio to the samples' handler."""
    stub.install()
    from bench import sample_handler as theirs  # noqa: PLC0415
    from searchsync import handler as ours  # noqa: PLC0415 - both read the environment when imported

    batch = event([plain(image) for image in images(RECORDS)])
    context = stub.Context()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        answer = ours.handle(batch, context)
        if answer != {"batchItemFailures": []}:
            raise RuntimeError(f"the handler did not write the batch: {answer}")
        seconds = in_turns(
            {"ours": lambda: ours.handle(batch, context), "theirs": lambda: theirs.handle(batch, context)}, ROUNDS
        )
    return [
        Figure(f"handler, {RECORDS:,} records, engine stubbed", f"{seconds['ours'] * 1e3:.1f} ms"),
        at_least("  faster than a handler as the AWS samples", seconds["theirs"] / seconds["ours"], 1),
    ]
