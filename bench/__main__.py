"""`python -m bench`: every measurement on the built package, by the function's runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from bench.before import SHAPELESS, checked_out, package_unpacked
from bench.measure import Figure, table

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dist" / "searchsync.zip"
RUNTIME = ROOT / ".lab" / "venv" / "bin" / "python"
"""The runtime's Python with what the Lambda runtime brings."""
PARTS = {
    "convert": "from bench.convert import figures; found = figures(Path(shapeless) if shapeless else None)",
    "transform": "from bench.transformed import figures; found = figures()",
    "views": "from bench.views import figures; found = figures()",
    "handler": "from bench.handler import figures; found = figures()",
    "resync": "from bench.resync import figures; found = figures()",
    "package": "from bench.package import figures; found = figures(Path(package), Path(task), Path(root))",
}
MEASURE = """
import json, sys
from pathlib import Path
package, task, root, shapeless = sys.argv[1:]
{part}
print(json.dumps([figure.as_json() for figure in found]))
"""


def measure(part: str, task: Path) -> list[Figure]:
    """One part's figures, measured in a process of its own on the unpacked package."""
    print(f"  measuring: {part} …", file=sys.stderr, flush=True)
    paths = os.pathsep.join([str(task), str(ROOT), *([str(_whole_client(task))] if part == "handler" else [])])
    tree = task.with_name("shapeless") / "lambda_src"
    given = [str(PACKAGE), str(task), str(ROOT), str(tree) if tree.is_dir() else ""]
    done = subprocess.run(
        [str(RUNTIME), "-B", "-c", MEASURE.format(part=PARTS[part]), *given],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Figure(**figure) for figure in json.loads(done.stdout)]


def _whole_client(task: Path) -> Path:
    """A folder with all of opensearch-py, which the samples' handler needs; the package has a part of it."""
    folder, found = task.with_name("whole"), find_spec("opensearchpy")
    if found is None or found.origin is None:
        raise RuntimeError("opensearch-py is not installed: run `make bench`")
    folder.mkdir()
    (folder / "opensearchpy").symlink_to(Path(found.origin).parent)
    return folder


def main() -> int:
    """Print the table. Returns 1 when a target was missed."""
    if not PACKAGE.is_file() or not RUNTIME.exists():
        print("bench: the package or the runtime's environment is missing: run `make bench`", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="searchsync-bench-") as scratch:
        task = Path(scratch) / "task"
        with zipfile.ZipFile(PACKAGE) as package:
            package.extractall(task)
        package_unpacked(task.with_name("before"))
        checked_out(task.with_name("shapeless"), SHAPELESS)
        found = [figure for part in PARTS for figure in measure(part, task)]
    print(table(found))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
