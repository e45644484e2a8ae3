"""What an overloaded collection still gets done: `python -m bench.overload [--also NAME=lambda_src] [--limit 30000]`.

Changes against a collection that takes fewer items a second than come, simulated (`bench.throttled`): seconds until
the trigger is done with all of them, and invocations, beside the least possible and beside the way it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bench.before import COMMIT, ROOT, checked_out
from bench.measure import Figure, table
from bench.throttled import Case, Found

CAPACITIES = (10, 20, 50, 200)
SLOW = (5, 10, 15)
"""Items a second of a collection that refuses nothing, and takes its time."""
OLD_S = 1_200.0
"""Seconds: over ten minutes the function has other rules."""
CHANGES = 500
MORE = (100, 2_000)
"""Changes that show whether the time grows with more of them."""
AT_MOST = 3.0
"""Times the least possible."""
SEED = 20260101
LIMIT_S = 2_000.0
"""Simulated seconds after which a case is left: what does not end would take minutes of real time."""
NOW = "now"


def cases(seed: int, limit_s: float) -> Iterator[Case]:
    """The rows of the table."""
    for kind in ("puts", "deletions"):
        for whole in (False, True):
            for capacity in CAPACITIES:
                yield Case(kind, CHANGES, capacity, whole, True, seed, limit_s)
            yield Case(kind, CHANGES, 20, whole, False, seed, limit_s)
        for changes in MORE:
            yield Case(kind, changes, 50, False, True, seed, limit_s)
    for age_s in (0.0, OLD_S):
        for capacity in SLOW:
            yield Case("puts", CHANGES, capacity, False, False, seed, limit_s, slow=True, age_s=age_s)
        for whole in (False, True):
            yield Case("puts", CHANGES, 10, whole, False, seed, limit_s, refusals_cost=0.5, age_s=age_s)


def tried(sources: Path, tried_cases: Sequence[Case]) -> list[Found]:
    """What each case came to with a tree of sources, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "bench.throttled"],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join([str(sources), str(ROOT)])},
        input="".join(json.dumps(asdict(case)) + "\n" for case in tried_cases),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{sources} was not tried to the end:\n{done.stderr[-2_000:]}")
    return [Found(**json.loads(line)) for line in done.stdout.splitlines()]


def row(case: Case, found: Mapping[str, Found]) -> Figure:
    """A case's line."""
    refused = "slow, nothing refused" if case.slow else "requests refused" if case.whole else "items refused"
    refused += f" at {case.refusals_cost:g} of a write" if case.refusals_cost else ""
    old = f", records {case.age_s / 60:.0f} min old" if case.age_s else ""
    halved = "" if case.halves else ", never halved"
    what = f"{case.changes:,} {case.kind}, {case.capacity} items/s, {refused}{old}{halved}"
    now, most = found[NOW], AT_MOST * case.least_s
    met = now.seconds <= most and not (now.handed_over or now.missing)
    shown = "; ".join(f"{name} {_shown(case, each)}" for name, each in found.items())
    return Figure(what, f"least {case.least_s:,.1f} s; {shown}", f"at most {most:,.1f} s", met)


def _shown(case: Case, found: Found) -> str:
    over = "> " if found.seconds >= case.limit_s else ""
    lost = [
        f"{count} {name}" for count, name in ((found.handed_over, "handed over"), (found.missing, "missing")) if count
    ]
    return ", ".join([f"{over}{found.seconds:,.0f} s in {found.invocations}", *lost])


def main() -> int:
    """Print the table. Returns 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--also", action="append", default=[], metavar="NAME=PATH", help="another lambda_src")
    parser.add_argument("--seed", type=int, default=SEED, help="of refusals and jitter (default %(default)s)")
    parser.add_argument(
        "--limit", type=float, default=LIMIT_S, help="simulated seconds of a case (default %(default)s)"
    )
    options = parser.parse_args()
    rows = list(cases(options.seed, options.limit))
    print(f"  measuring: overload, {len(rows)} cases, seed {options.seed} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="searchsync-bench-") as scratch:
        trees = {NOW: ROOT / "lambda_src"}
        if (before := checked_out(Path(scratch))) is not None:
            trees[COMMIT] = before / "lambda_src"
        trees |= {name: Path(path).resolve() for name, _, path in (each.partition("=") for each in options.also)}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = dict(zip(trees, pool.map(lambda tree: tried(tree, rows), trees.values()), strict=True))
    print(f"seconds until all are in, and invocations (seed {options.seed})")
    figures = [row(case, {name: each[place] for name, each in found.items()}) for place, case in enumerate(rows)]
    print(table(figures))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
