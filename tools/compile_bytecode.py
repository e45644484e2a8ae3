"""Compiles every source below a folder to byte code beside it: `compile_bytecode.py FOLDER SHOWN_AS`.

Run by an interpreter of the runtime's minor version, with PYTHONHASHSEED set: one process and a fixed
order make the same bytes each time. UNCHECKED_HASH, because Lambda unpacks with its own file times: a
byte code file that is checked by time would be stale there, and this one is taken as it is. SHOWN_AS
stands in for FOLDER in tracebacks.

Standard library only.
"""

import py_compile
import sys
from pathlib import Path


def compile_all(folder: Path, shown_as: str) -> None:
    """Compile the sources in path order. Raises py_compile.PyCompileError."""
    for source in sorted(folder.rglob("*.py")):
        py_compile.compile(
            str(source),
            dfile=f"{shown_as}/{source.relative_to(folder).as_posix()}",
            doraise=True,
            optimize=0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    compile_all(Path(sys.argv[1]), sys.argv[2])
