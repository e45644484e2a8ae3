"""The package: the same bytes each time, nothing that is not used, and everything that is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from bench.package import LARGEST
from bench.stub import ENVIRONMENT
from tools.toolchain import ToolError, find_python

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = "3.12"
LAB_PACKAGES = ROOT / ".lab" / "venv" / "lib" / f"python{RUNTIME}" / "site-packages"
UNCHECKED_HASH = 0b01
REDRIVEN = {
    "taken": 1,
    "redriven": 1,
    "stayed": 0,
    "unreadable": 0,
    "keys": 1,
    "reasons": {},
    "more": False,
}
RECONCILE_ARN = "arn:aws:states:eu-west-1:000000000000:stateMachine:bench"
ERRORS = {
    "status 400": "RequestError",
    "status 401": "AuthenticationException",
    "status 402": "TransportError",
    "status 403": "AuthorizationException",
    "status 404": "NotFoundError",
    "status 409": "ConflictError",
    "status 413": "TransportError",
    "status 429": "TransportError",
    "status 500": "TransportError",
    "status 502": "TransportError",
    "status 503": "TransportError",
    "status 504": "TransportError",
    "status without JSON": "AuthorizationException",
    "not JSON": "SerializationError",
    "reset": "ConnectionError",
    "timeout": "ConnectionTimeout",
    "refused": "ConnectionError",
    "plain text where TLS is due": "SSLError",
}


def run_build(output: Path, scratch: Path, *options: str) -> Path:
    """A build in a process of its own, its temporary folder named differently each time."""
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONHASHSEED": "random"}
    command = [sys.executable, str(ROOT / "build.py"), "--output", str(output), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(scratch.iterdir()) == [], "the build left something in the temporary folder"
    return output / "searchsync.zip"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    return run_build(folder / "dist", folder / "one")


@pytest.fixture(scope="module")
def names(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def task(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip unpacked, as Lambda's /var/task."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def old_runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a runtime with urllib3 1.26 brings."""
    folder = tmp_path_factory.mktemp("runtime")
    build.install(build.SOURCES / "runtime.txt", folder, RUNTIME, find_python(RUNTIME))
    return folder


def drive(task: Path, runtime: Path) -> dict[str, str]:
    python = find_python(RUNTIME)
    command = [str(python), "-I", "-S", "-B", str(build.DRIVER), "--task", str(task), "--runtime", str(runtime)]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, str] = json.loads(done.stdout)["outcomes"]
    return outcomes


def test_same_sources_make_the_same_bytes(package: Path, tmp_path: Path) -> None:
    again = run_build(tmp_path / "dist", tmp_path / "another-name")
    assert again.read_bytes() == package.read_bytes()


def test_package_is_small(package: Path) -> None:
    assert package.stat().st_size <= LARGEST


def test_json_beside_the_zip_says_what_the_module_compares(package: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert json.loads(package.with_suffix(".json").read_text()) == {
        "package": "searchsync",
        "version": version,
        "runtime": "python3.12",
        "bytecode": True,
        "sources": build.sources_digest(build.SOURCES),
        "sha256": hashlib.sha256(package.read_bytes()).hexdigest(),
    }


def test_function_and_command_line_and_package_say_the_same_version() -> None:
    from searchsync import VERSION  # noqa: PLC0415
    from searchsync_cli import __version__  # noqa: PLC0415

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION == __version__


def test_packed_function_names_what_it_was_built_from(package: Path, task: Path) -> None:
    from searchsync import PACKAGE, VERSION, package_in  # noqa: PLC0415

    facts = json.loads(package.with_suffix(".json").read_text())
    assert package_in(task / "searchsync") == f"{VERSION}+{facts['sources'][:12]}"
    assert f"{VERSION}+unbuilt" == PACKAGE  # beside the sources there is no digest


def test_every_source_of_the_function_is_packed(names: set[str]) -> None:
    sources = {path.relative_to(build.SOURCES).as_posix() for path in (build.SOURCES / "searchsync").rglob("*.py")}
    assert sources <= names


def test_nothing_of_the_runtime_and_nothing_unused_is_packed(names: set[str]) -> None:
    folders = {name.partition("/")[0] for name in names}
    unwanted = {"boto3", "botocore", "urllib3", "dateutil", "six.py", "jmespath", "s3transfer", "grpc", "google"}
    unwanted |= {"charset_normalizer", "chardet"}
    assert not folders & unwanted
    assert "certifi/__main__.py" not in names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".proto"))]


def test_certificates_and_licences_are_packed(names: set[str]) -> None:
    assert "certifi/cacert.pem" in names
    packages = {name.partition("/")[0] for name in names} - {"searchsync"}
    distributions = {name for name in packages if name.endswith(".dist-info")}
    assert len(distributions) == len(packages - distributions)
    assert {name.partition("/")[0] for name in names if "LICENSE" in name} == distributions


def test_entries_have_fixed_order_date_and_mode(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {(build.DATE, 0o100644)}


def test_no_zlib_decides_the_bytes_of_the_package(package: Path) -> None:
    """F55: zlib and zlib-ng compress the same text to other bytes."""
    with zipfile.ZipFile(package) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_every_source_has_byte_code_that_is_never_checked_against_its_time(task: Path) -> None:
    sources = sorted(task.rglob("*.py"))
    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-312.pyc"
        flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
        assert flags == UNCHECKED_HASH, compiled


def test_byte_code_names_lambdas_folder(task: Path) -> None:
    """Read by the runtime's interpreter: byte code is for its own version only."""
    question = (
        "import json, marshal, pathlib, sys; task = pathlib.Path(sys.argv[1]); "
        "print(json.dumps({str(path.relative_to(task)): marshal.loads(path.read_bytes()[16:]).co_filename "
        "for path in task.rglob('*.pyc')}))"
    )
    answer = subprocess.run(
        [str(find_python(RUNTIME)), "-I", "-c", question, str(task)], capture_output=True, text=True, check=True
    )
    shown: dict[str, str] = json.loads(answer.stdout)
    wanted = {
        path: f"/var/task/{path.replace('__pycache__/', '').replace('.cpython-312.pyc', '.py')}" for path in shown
    }
    assert shown
    assert shown == wanted


def test_no_path_of_the_build_goes_into_the_package(task: Path) -> None:
    marks = [b"searchsync-build-", tempfile.gettempdir().encode() + b"/searchsync", str(ROOT).encode()]
    for path in task.rglob("*.pyc"):
        data = path.read_bytes()
        assert not [mark for mark in marks if mark in data], path
        assert b"/var/task/" in data


def test_unpacked_package_runs_on_urllib3_1_26(task: Path, old_runtime: Path) -> None:
    outcomes = drive(task, old_runtime)
    assert json.loads(outcomes.pop("invocation")) == {"batchItemFailures": []}
    assert json.loads(outcomes.pop("redrive")) == REDRIVEN
    assert outcomes == ERRORS | {"cut short": "ConnectionError"}


def test_unpacked_package_runs_on_urllib3_2(task: Path) -> None:
    outcomes = drive(task, LAB_PACKAGES)
    assert json.loads(outcomes.pop("invocation")) == {"batchItemFailures": []}
    assert json.loads(outcomes.pop("redrive")) == REDRIVEN
    assert outcomes.pop("cut short") == "ConnectionError"
    assert outcomes == ERRORS


def test_every_module_that_is_packed_can_be_imported(task: Path) -> None:
    """Without the files that were left out; from the zip and the runtime alone."""
    sources = sorted(path.relative_to(task).with_suffix("") for path in task.rglob("*.py"))
    modules = [".".join(path.parts).removesuffix(".__init__") for path in sources]
    script = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)"
    run = {"SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": RECONCILE_ARN, "RECONCILE_CONCURRENCY": "1"}
    done = subprocess.run(
        [str(find_python(RUNTIME)), "-s", "-S", "-P", "-B", "-c", script, "searchsync", *modules],
        env={**ENVIRONMENT, **run, "PYTHONPATH": os.pathsep.join([str(task), str(LAB_PACKAGES)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"opensearchpy.transport", "searchsync.reconcile_handler"} <= set(modules)


def test_a_module_that_is_missing_from_the_package_is_noticed(task: Path, tmp_path: Path) -> None:
    hobbled = tmp_path / "task"
    shutil.copytree(task, hobbled, ignore=shutil.ignore_patterns("status_codes*"))
    with pytest.raises(AssertionError, match="status_codes"):
        drive(hobbled, LAB_PACKAGES)


def test_package_without_byte_code_says_so(tmp_path: Path) -> None:
    package = run_build(tmp_path / "dist", tmp_path / "scratch", "--no-bytecode")
    assert json.loads(package.with_suffix(".json").read_text())["bytecode"] is False
    with zipfile.ZipFile(package) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]


def test_missing_interpreter_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def nowhere(version: str) -> Path:
        raise ToolError(f"No Python {version} was found. Get one with `uv python install {version}`.")

    monkeypatch.setattr(build, "find_python", nowhere)
    assert build.main(["--runtime", "python3.13", "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "uv python install 3.13" in said
    assert "--no-bytecode" in said
    assert list(tmp_path.iterdir()) == []


def test_changed_dependency_is_refused_by_its_hash(tmp_path: Path) -> None:
    lock = tmp_path / "wrong.txt"
    lock.write_text(f"events==0.5 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ToolError, match=r"(?s)pip could not install wrong.txt.*network.*HASHES"):
        build.install(lock, tmp_path / "packages", RUNTIME, find_python(RUNTIME))


def test_output_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match="--output"):
        build.write(tmp_path / "stage", build.Options("python3.12", True, tmp_path / "file" / "dist"))


def test_function_that_does_not_start_stops_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "searchsync").mkdir(parents=True)
    (sources / "searchsync" / "handler.py").write_text("import not_there\n")
    monkeypatch.setattr(build, "SOURCES", sources)
    with pytest.raises(ToolError, match=r"(?s)stub collection.*not_there"):
        build.collect(find_python(RUNTIME), tmp_path / "packages", LAB_PACKAGES, tmp_path / "stage")


def test_help_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        build.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("--runtime", "--no-bytecode", "--output", "dist/searchsync.zip"))


TRANSFORM = """
import boto3
def transform(document, item, view):
    return {"view": view, "double": 2 * document["n"], "id": document["id"]}
"""
RUN_IT = """
import os, sys
from searchsync import PACKAGE
from searchsync.config import read_environment
from searchsync.documents.document import encode
print(PACKAGE, encode("1", {"id": {"S": "1"}, "n": {"N": "21"}}, read_environment(os.environ).rules).decode())
"""


def test_a_transform_is_packed_as_it_is_and_named_and_run_by_the_function(package: Path, tmp_path: Path) -> None:
    """Byte by byte the same, and the module's own check of the sources stays as it was."""
    code = tmp_path / "mine.py"
    code.write_text(TRANSFORM)
    with_it = run_build(tmp_path / "dist", tmp_path / "one", "--transform", str(code))
    again = run_build(tmp_path / "again", tmp_path / "two", "--transform", str(code))
    assert with_it.read_bytes() == again.read_bytes()
    facts, plain = (json.loads(each.with_suffix(".json").read_text()) for each in (with_it, package))
    assert facts == plain | {"transform": hashlib.sha256(TRANSFORM.encode()).hexdigest(), "sha256": facts["sha256"]}
    with zipfile.ZipFile(with_it) as archive:
        archive.extractall(tmp_path / "task")
        assert "__pycache__/searchsync_transform.cpython-312.pyc" in archive.namelist()
    done = subprocess.run(
        [str(find_python(RUNTIME)), "-s", "-S", "-P", "-B", "-c", RUN_IT],
        env={
            **ENVIRONMENT,
            "SYNC_FUNCTION_NAME": "sync",
            "PYTHONPATH": f"{tmp_path / 'task'}{os.pathsep}{LAB_PACKAGES}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name, document = done.stdout.split(" ", 1)
    assert name.endswith(f"+{facts['sources'][:12]}.transform-{facts['transform'][:12]}")
    assert {"view": "", "double": 42, "id": "1"}.items() <= json.loads(document).items()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def transform(:", "is no Python"),
        ("x = 1", "has no function `transform`"),
        ("def transform(document): ...", "is to take three arguments"),
        ("def transform(a, b, c, d): ...", "is to take three arguments"),
        ("def transform(a, b, c, *, d): ...", "is to take three arguments"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_transform_is_refused_by_what_it_says(tmp_path: Path, code: str | None, said: str) -> None:
    if code is not None:
        (tmp_path / "mine.py").write_text(code)
    with pytest.raises(ToolError, match=said):
        build.read_transform(tmp_path / "mine.py")


@pytest.mark.parametrize(
    "code",
    ["def transform(a, b, c, d=1): ...", "def transform(*a): ...", "transform = print", "from m import transform"],
)
def test_what_may_be_a_transform_is_left_to_its_import(tmp_path: Path, code: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    assert build.read_transform(tmp_path / "mine.py") == code.encode()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import not_there\ndef transform(a, b, c): ...", "No module named 'not_there'"),
        ("transform = 1", "it has no function `transform`"),
        ("async def transform(a, b, c): ...", "is async or yields"),
    ],
)
def test_a_transform_that_the_function_could_not_start_with_stops_the_build(
    task: Path, tmp_path: Path, code: str, said: str
) -> None:
    stage = tmp_path / "stage"
    shutil.copytree(task, stage)
    build.add_transform(code.encode(), stage)
    with pytest.raises(ToolError, match=f"(?s)cannot be used by the function.*{said}"):
        build.import_transform(Path("mine.py"), find_python(RUNTIME), stage, LAB_PACKAGES)
