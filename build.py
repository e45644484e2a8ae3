#!/usr/bin/env python3
"""Builds the package: dist/searchsync.zip, and dist/searchsync.json which the Terraform module compares.

The same sources make the same bytes: dependencies are locked by hash, order, dates and modes are fixed,
and nothing of this machine goes in. Only what the function really uses is packed: the build runs it
against a stub collection and packs the files it opened. All of it is pure Python, so one zip serves
both architectures. A user's transform is packed as it is. Byte code of the runtime's version goes in beside the
sources, since Lambda's code folder is read-only and every cold start would compile again.

Needs pip, the network (or pip's cache), and a Python of the runtime's version.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.toolchain import ToolError, answering, find_python, run

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "lambda_src"
DRIVER = ROOT / "tools" / "drive_function.py"
COMPILER = ROOT / "tools" / "compile_bytecode.py"

NAME = "searchsync"
RUNTIMES = ("python3.12", "python3.13", "python3.14")
TASK_FOLDER = "/var/task"
"""Where Lambda unpacks the zip (Lambda guide, "Python handler"): tracebacks name it."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip can hold."""
FILE_MODE = 0o100644
UNIX = 3
DATA = ("certifi/cacert.pem",)
"""Read by OpenSSL itself, which Python does not see."""
LICENCES = ("LICEN", "NOTICE", "COPYING")
SOURCE_FILES = ("*.txt", "searchsync/**/*.py")
DIGEST, TRANSFORM_DIGEST = "sources.sha256", "transform.sha256"
"""Beside the function's sources, which name them in every log line; the second one where there is a transform."""
TRANSFORM = "searchsync_transform.py"
"""A user's transform in the zip, beside our package; `searchsync.packed` looks for it there."""
PARAMETERS = 3
HASH_SEED = "0"


@dataclass(frozen=True)
class Options:
    """What to build. `runtime` as in RUNTIMES."""

    runtime: str
    bytecode: bool
    output: Path
    transform: Path | None = None

    @property
    def version(self) -> str:
        """The Python of the runtime, such as 3.12."""
        return self.runtime.removeprefix("python")


def build(options: Options, report: Callable[[str], None]) -> Path:
    """Build the package and return the zip's path. Raises ToolError."""
    python = _interpreter(options)
    transform = None if options.transform is None else read_transform(options.transform)
    with tempfile.TemporaryDirectory(prefix="searchsync-build-") as scratch:
        folder = Path(scratch)
        packages, runtime, stage = folder / "packages", folder / "runtime", folder / "stage"
        report(f"installing the locked dependencies for Python {options.version}")
        install(SOURCES / "requirements.txt", packages, options.version, python)
        install(SOURCES / "runtime.txt", runtime, options.version, python)
        report("running the function against a stub collection, to see what it uses")
        collect(python, packages, runtime, stage)
        if transform is not None and options.transform is not None:
            report(f"looking at the transform {options.transform}")
            add_transform(transform, stage)
            if answering(python, options.version):
                import_transform(options.transform, python, stage, runtime)
        if options.bytecode:
            report(f"compiling byte code with {python}")
            compile_bytecode(python, stage)
        (stage / NAME / DIGEST).write_text(sources_digest(SOURCES))
        return write(stage, options)


def _interpreter(options: Options) -> Path:
    """The interpreter that runs the function here, and compiles it."""
    try:
        return find_python(options.version)
    except ToolError as error:
        if options.bytecode:
            raise ToolError(
                f"{error} Or build with --no-bytecode: the package works, its cold starts are slower."
            ) from error
        return Path(sys.executable)


def install(lock: Path, target: Path, version: str, python: Path) -> None:
    """Install a lock's packages into a folder: hashes checked, pure Python wheels only. Raises ToolError."""
    run(
        [
            str(_pip(python)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
            "--root-user-action", "ignore", "--require-hashes", "--no-deps", "--no-compile",
            "--only-binary", ":all:", "--implementation", "py", "--abi", "none", "--platform", "any",
            "--python-version", version, "--target", str(target), "-r", str(lock),
        ],
        f"pip could not install {lock.name}; check the network and pip's index settings",
    )  # fmt: skip


def _pip(preferred: Path) -> Path:
    for python in (preferred, Path(sys.executable)):
        probe = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return python
    raise ToolError(
        f"Neither {preferred} nor {sys.executable} has pip. "
        f"Get it with `{preferred} -m ensurepip` or `apt install python3-pip`, and build again."
    )


def collect(python: Path, packages: Path, runtime: Path, stage: Path) -> None:
    """Copy into `stage` our sources, the files of `packages` that the function uses, and their licences."""
    shutil.copytree(SOURCES / NAME, stage / NAME, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    answer = run_apart(
        [
            str(python), "-I", "-S", "-B", str(DRIVER),
            "--task", str(stage), "--task", str(packages), "--runtime", str(runtime),
        ],
        "The function did not get through its run against the stub collection",
    )  # fmt: skip
    used = [packages / path for path in (*json.loads(answer)["used"], *DATA)]
    dependencies = [path for path in used if path.is_file()]
    for path in (*dependencies, *licences(packages, dependencies)):
        target = stage / path.relative_to(packages)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def licences(packages: Path, used: Iterable[Path]) -> list[Path]:
    """The licence files of the distributions that those files came from."""
    names = {path.relative_to(packages).as_posix() for path in used}
    found: list[Path] = []
    for record in packages.glob("*.dist-info/RECORD"):
        if any(line.partition(",")[0] in names for line in record.read_text("utf-8").splitlines()):
            files = (path for path in record.parent.rglob("*") if path.is_file())
            found.extend(path for path in files if path.name.upper().startswith(LICENCES))
    return found


def read_transform(path: Path) -> bytes:
    """A transform's file. Raises ToolError where it can be read that it is none."""
    try:
        content = path.read_bytes()
        tree = ast.parse(content, path.name)
    except OSError as error:
        raise ToolError(f"--transform {path} cannot be read ({error.strerror}): give a Python file.") from error
    except (SyntaxError, ValueError) as error:
        raise ToolError(f"--transform {path} is no Python: {error}.") from error
    names = {each.id for node in tree.body for each in ast.walk(node) if isinstance(each, ast.Name)}
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    imported = {each.asname or each.name for each in ast.walk(tree) if isinstance(each, ast.alias)}
    found = [each for each in functions if each.name == "transform"]
    if not found and "transform" not in names | imported:
        raise ToolError(f"--transform {path} has no function `transform`: write transform(document, item, view).")
    if found and not _takes_three(found[-1]):
        raise ToolError(f"--transform {path}: `transform` is to take three arguments: transform(document, item, view).")
    return content


def _takes_three(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function may be called with three positional arguments, if nothing decorates it."""
    given = function.args
    count = len(given.posonlyargs) + len(given.args)
    needed = any(default is None for default in given.kw_defaults)
    most = PARAMETERS if given.vararg else count
    return bool(function.decorator_list) or (count - len(given.defaults) <= PARAMETERS <= most and not needed)


def add_transform(content: bytes, stage: Path) -> None:
    """Put a transform into `stage`, where the function looks for it."""
    (stage / TRANSFORM).write_bytes(content)
    (stage / NAME / TRANSFORM_DIGEST).write_text(hashlib.sha256(content).hexdigest())


def import_transform(path: Path, python: Path, stage: Path, runtime: Path) -> None:
    """Import a transform as the function does when it starts. Raises ToolError with what the import says."""
    # Their own import first: here its message may be shown.
    look = (
        "import sys; sys.path[:0] = sys.argv[1:]; import searchsync, searchsync_transform\n"
        "from searchsync.errors import ConfigurationError; from searchsync.packed import transform_in\n"
        "try: transform_in()\nexcept ConfigurationError as error: sys.exit(str(error))"
    )
    command = [str(python), "-I", "-S", "-B", "-c", look, str(stage), str(runtime)]
    run_apart(command, f"--transform {path} cannot be used by the function")


def compile_bytecode(python: Path, stage: Path) -> None:
    """Byte code beside every source of `stage`. Raises ToolError."""
    run_apart([str(python), "-s", "-S", "-P", str(COMPILER), str(stage), TASK_FOLDER], "The sources do not compile")


def run_apart(command: list[str], failed: str) -> str:
    """Standard output of a command that sees nothing of this process's environment. Raises ToolError."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": HASH_SEED}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{failed}:\n{done.stderr.strip()}")
    return done.stdout


def write(stage: Path, options: Options) -> Path:
    """Write the zip of `stage` and the JSON beside it; returns the zip's path. Raises ToolError."""
    target = options.output / f"{NAME}.zip"
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".searchsync-", dir=options.output) as scratch:
            package, facts = Path(scratch) / target.name, Path(scratch) / f"{NAME}.json"
            pack(stage, package)
            facts.write_text(json.dumps(_facts(package, stage, options), indent=2) + "\n")
            # The zip first: a build that is cut off here is seen by the module, the sums differ.
            package.replace(target)
            facts.replace(target.with_suffix(".json"))
    except OSError as error:
        raise ToolError(
            f"{options.output} cannot be written ({error.strerror}). Give a folder that can: --output FOLDER."
        ) from error
    return target


def pack(stage: Path, target: Path) -> None:
    """A zip whose bytes depend on the files' paths and contents alone.

    Nothing is compressed: zlib and zlib-ng make other bytes of the same files, so that two machines would replace each
    other's code at each plan.
    """
    with zipfile.ZipFile(target, "w") as package:
        for path in sorted(stage.rglob("*"), key=lambda path: path.relative_to(stage).as_posix()):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), DATE)
                entry.create_system = UNIX
                entry.external_attr = FILE_MODE << 16
                package.writestr(entry, path.read_bytes(), zipfile.ZIP_STORED)


def sources_digest(folder: Path) -> str:
    """SHA-256 of what the package is made from: the function's sources and its locks, each by its path and SHA-256.

    main.tf makes the same from the module's own files, and refuses a package of other ones.
    """
    files = sorted(path.relative_to(folder).as_posix() for kind in SOURCE_FILES for path in folder.glob(kind))
    lines = [f"{file} {hashlib.sha256((folder / file).read_bytes()).hexdigest()}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _facts(package: Path, stage: Path, options: Options) -> dict[str, object]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        "package": NAME,
        "version": project["version"],
        "runtime": options.runtime,
        "bytecode": options.bytecode,
        "sources": sources_digest(SOURCES),
        **({} if options.transform is None else {"transform": (stage / NAME / TRANSFORM_DIGEST).read_text()}),
        "sha256": hashlib.sha256(package.read_bytes()).hexdigest(),
    }


def parse(arguments: list[str] | None) -> Options:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="build.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0], help="as the module's function.runtime")
    parser.add_argument(
        "--no-bytecode", action="store_true", help="sources only: needs no interpreter of the runtime's version"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for the zip and its JSON (dist)")
    parser.add_argument(
        "--transform",
        type=Path,
        metavar="FILE",
        help="your Python file whose transform(document, item, view) makes documents",
    )
    given = parser.parse_args(arguments)
    return Options(given.runtime, not given.no_bytecode, given.output, given.transform)


def main(arguments: list[str] | None = None) -> int:
    """Entry of the command line. Returns the exit code."""
    options = parse(arguments)
    try:
        target = build(options, report=lambda line: print(f"  {line}", flush=True))
    except ToolError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build.py: stopped, nothing was written", file=sys.stderr)
        return 130
    facts = json.loads(target.with_suffix(".json").read_text())
    print(f"{target}: {target.stat().st_size:,} bytes, {options.runtime}, sha256 {facts['sha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
