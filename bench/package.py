"""The package: its size, the import of the handler from it with byte code and without, and the cold start beside the
way it was."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.before import COMMIT
from bench.measure import Figure, at_least, at_most, in_turns

LARGEST = 2_800_000
"""Bytes of the zip, which are its files' own: nothing in it is compressed (`build.pack`), so that it is 2.7 times what
zlib would make of it. tests/unit/test_build.py holds it, too."""
OF_BEFORE = 0.65
FASTER_WITH_BYTECODE = 2.0
ROUNDS = 15
BOOTSTRAP = "import concurrent.futures.thread, decimal, json, logging, traceback"
"""What Lambda's own bootstrap has imported before the handler (awslambdaric: bootstrap.py, lambda_runtime_client.py,
lambda_runtime_marshaller.py)."""
IMPORT = f"""
{BOOTSTRAP}
import os, time, bench.stub
os.environ.update(bench.stub.ENVIRONMENT)
started = time.perf_counter()
import searchsync.handler
print(time.perf_counter() - started)
"""
FIRST_ANSWER = """
import bench.items, bench.stub
bench.stub.install()
from searchsync import handler
answer = handler.handle(bench.items.event(bench.items.images(1)), bench.stub.Context())
assert answer == {"batchItemFailures": []}
"""


def figures(package: Path, unpacked: Path, root: Path) -> list[Figure]:
    """Measured in new processes of this interpreter, which is the runtime's. `unpacked` holds byte code;
    beside it may stand `before`, the package that is compared with."""
    sources = unpacked.with_name("sources")
    shutil.copytree(unpacked, sources, ignore=shutil.ignore_patterns("__pycache__"))
    imports: dict[Path, list[float]] = {unpacked: [], sources: []}

    def importing(task: Path) -> Callable[[], object]:
        return lambda: imports[task].append(float(_python(IMPORT, task, root)))

    def answering(task: Path) -> Callable[[], object]:
        return lambda: _python(FIRST_ANSWER, task, root)

    subjects = {
        "import": importing(unpacked),
        "import of sources": importing(sources),
        "with byte code": answering(unpacked),
        "without": answering(sources),
    }
    before = unpacked.with_name("before")
    if before.is_dir():
        subjects["before"] = answering(before)
    cold = in_turns(subjects, ROUNDS)
    size = package.stat().st_size
    compiled, uncompiled = (statistics.median(imports[task]) for task in (unpacked, sources))
    return [
        Figure("zip with byte code", f"{size / 1e6:.2f} MB", f"at most {LARGEST / 1e6:g} MB", size <= LARGEST),
        Figure("import of the handler, with byte code", f"{compiled * 1e3:.0f} ms"),
        at_least("  faster than without byte code", uncompiled / compiled, FASTER_WITH_BYTECODE),
        Figure("cold start, process start to first answer", f"{cold['with byte code'] * 1e3:.0f} ms"),
        Figure("  without byte code", f"{cold['without'] * 1e3:.0f} ms"),
        *(
            []
            if "before" not in cold
            else [at_most(f"  of {COMMIT}'s", cold["with byte code"] / cold["before"], OF_BEFORE)]
        ),
    ]


def _python(code: str, task: Path, root: Path) -> str:
    """What the code prints last."""
    # -B stands in for Lambda's read-only code folder, which root could write to here.
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join([str(task), str(root)])}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, cwd=task)
    return done.stdout.strip().rpartition("\n")[2]
