"""`make prove`, the histories' part: ten thousand generated histories on one real engine, every core at work.

python -m tests.support.prove_histories --histories 10000 --seed 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lab.engine import Engine
from tests.support.history.explore import Outcome, explore

PART = 250
"""Histories of one seed: a failure's seed is drawn again in a minute or two."""
SHOWN_EVERY = 10.0
"""Seconds between two lines of progress."""

ran: Any = None


def main() -> int:
    """Run the histories; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.prove_histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="of the first part; the next parts' follow it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    first = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    print(f"{chosen.histories} histories, seeds from {first}", flush=True)
    parts = list(_parts(first, chosen.histories))
    with Engine.open(partial(print, flush=True)) as engine:
        total = _run(engine.url, parts, chosen.processes, chosen.histories)
    print(total.lines())
    if total.wrong:
        print(total.wrong)
    return 1 if total.wrong else 0


def _parts(seed: int, histories: int) -> Iterator[tuple[int, int]]:
    """Seed and number of histories of each part."""
    while histories > 0:
        yield seed, min(PART, histories)
        seed, histories = seed + 1, histories - PART


def _run(engine_url: str, parts: list[tuple[int, int]], processes: int, histories: int) -> Outcome:
    total, began = Outcome(), time.monotonic()
    context = multiprocessing.get_context("spawn")
    counter = context.Value("i", 0)
    with context.Pool(processes, initializer=_share, initargs=(counter,)) as pool:
        results = [pool.apply_async(_explore, (engine_url, *part)) for part in parts]
        while results and not total.failure:
            results[0].wait(SHOWN_EVERY)
            for result in [each for each in results if each.ready()]:
                total.add(result.get())
                results.remove(result)
            spent = time.monotonic() - began
            print(f"{counter.value:6} of {histories} histories in {spent:5.0f} s", flush=True)
    return total


def _share(counter: Any) -> None:
    global ran  # noqa: PLW0603 - how a pool's process gets what all share
    ran = counter


def _explore(engine_url: str, seed: int, count: int, run: Callable[..., Outcome] = explore) -> Outcome:
    return run(engine_url, seed, count, _count)


def _count() -> None:
    with ran.get_lock():
        ran.value += 1


if __name__ == "__main__":
    sys.exit(main())
