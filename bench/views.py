"""Several views of a table, the engine stubbed: the handler beside the same with one view. The conditions of the views
ask of keys alone, and each record has a document in one of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench import stub
from bench.handler import Fresh
from bench.items import Image, images
from bench.measure import Figure, at_most, in_turns

RECORDS = (50, 500, 5_000)
VIEWS = (1, 3, 10)
"""All of a table: the first one, and further ones."""
MOST = {(500, 10): 1.2}
"""Records of a batch and views to the largest ratio to one view without a condition."""
RECORDS_A_SIZE = 20_000
"""Measured at each size, in as many rounds as that takes."""
OPERATION = re.compile(rb'^\{"(index|delete|update)":\{"_index":"([^"]+)"', re.MULTILINE)


def figures() -> list[Figure]:
    """Each size of a batch, with each number of views."""
    answer_each_index()
    found: list[Figure] = []
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for count in RECORDS:
            seconds = taken(count, max(2, RECORDS_A_SIZE // count))
            found.append(Figure(f"handler, {count:,} records, one view", f"{seconds[1] / count * 1e6:.1f} µs a record"))
            for views in VIEWS[1:]:
                what, ratio = f"  {views} views whose conditions ask of keys, against one", seconds[views] / seconds[1]
                most = MOST.get((count, views))
                found.append(Figure(what, f"{ratio:.2f} x") if most is None else at_most(what, ratio, most))
    return found


def taken(count: int, rounds: int) -> dict[int, float]:
    """Median seconds of a batch of so many records, by the number of views."""
    batch = Fresh(kinds(count))
    seconds = in_turns({str(views): invoking(views, batch) for views in VIEWS}, rounds, batch.renew)
    return {int(views): each for views, each in seconds.items()}


def kinds(count: int) -> list[Image]:
    """Items of as many kinds as there are views at most, told by their keys: `0#order#…`, `1#order#…`."""
    return [
        {**image, "id": {"S": f"{number % max(VIEWS)}#{image['id']['S']}"}}
        for number, image in enumerate(images(count))
    ]


def when(view: int, views: int) -> str:
    """The condition of a view of so many: each kind of item is in one of them."""
    return json.dumps({"id": [{"prefix": f"{kind}#"} for kind in range(view, max(VIEWS), views)]})


def invoking(views: int, batch: Fresh) -> Callable[[], None]:
    """An invocation of the function with so many views. RuntimeError where it does not write the batch."""
    from searchsync import handler  # noqa: PLC0415 - it reads the environment when imported
    from searchsync.config import read_environment  # noqa: PLC0415

    variables = dict(stub.ENVIRONMENT)
    if views > 1:
        variables["DOCUMENT_SHAPE"] = json.dumps({"when": when(0, views)})
        further = {
            f"v{each}": {"index": f"bench-{each}", "document": {"when": when(each, views)}} for each in range(1, views)
        }
        variables["VIEWS"] = json.dumps(further)
    pipeline = handler.build(read_environment(variables), os.environ)

    def invoke() -> None:
        answer = handler.invoke(pipeline, batch.event, stub.Context())
        if answer != {"batchItemFailures": []}:
            raise RuntimeError(f"the handler did not write the batch: {answer}")

    return invoke


def answer_each_index() -> None:
    """Let every request of this process be answered from here on, those to several indexes too."""
    stub.answer_with(_respond)


def _respond(method: str, path: str, body: bytes, timeout: float) -> tuple[int, bytes]:
    names_indexes = path.endswith("/_bulk") and OPERATION.match(body)
    return (200, _taken(_Body(body))) if names_indexes else stub.take(method, path, body, timeout)


class _Body(bytes):
    """A body by its length and its last bytes: batches here differ in them, and no answer is worked out twice."""

    def __hash__(self) -> int:
        return len(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and len(self) == len(other)


@lru_cache
def _taken(body: bytes) -> bytes:
    items: list[dict[str, Any]] = []
    for operation, index in OPERATION.findall(body):
        guard = {**stub.GUARDED, "_index": index.decode()}
        written = {"_index": index.decode(), "_id": "x", "_version": 1, "result": "created", "status": 201}
        items.append({operation.decode(): guard if operation == b"update" else written})
    return json.dumps({"took": 1, "errors": True, "items": items}).encode()
