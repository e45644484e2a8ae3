"""What a cold start imports, and what the garbage collector still looks at."""

from __future__ import annotations

import subprocess
import sys

import pytest

from searchsync.lean import absent
from searchsync.limits import COLLECT_AFTER


def said(code: str) -> str:
    """What a new process prints, whose handlers have the environment of the bench."""
    start = "import os, sys, bench.stub; os.environ.update(bench.stub.ENVIRONMENT)\n"
    paths = {"PYTHONPATH": "lambda_src:.", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", start + code], env=paths, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_start_imports_no_client_for_every_api_no_asyncio_and_no_guess_of_encodings() -> None:
    found = said("import searchsync.handler; print(*sys.modules)").split()
    assert "opensearchpy.transport" in found
    unwanted = ["opensearchpy.client.cat", "opensearchpy.helpers.aggs", "opensearchpy.plugins", "asyncio"]
    unwanted += ["charset_normalizer", "chardet"]
    assert [name for name in unwanted if name in found] == []


def test_the_whole_package_is_there_for_who_asks_for_it() -> None:
    code = "import searchsync; from opensearchpy import OpenSearch, helpers; print(OpenSearch().cat, helpers.bulk)"
    assert "CatClient" in said(code)


def test_a_name_that_a_package_does_not_have_is_an_import_error() -> None:
    code = "import searchsync\ntry:\n    from opensearchpy import nothing\nexcept ImportError:\n    print('none')"
    assert said(code) == "none"


def test_an_absent_module_is_back_behind_the_block() -> None:
    sys.modules.pop("this", None)
    with absent("this"), pytest.raises(ImportError):
        __import__("this")
    assert "this" not in sys.modules


def test_a_module_that_is_there_stays_within_the_block() -> None:
    with absent("json"):
        assert __import__("json").dumps(1) == "1"


@pytest.mark.parametrize("entry", ["handler", "redrive_handler"])
def test_what_an_entry_has_loaded_is_not_looked_at_for_garbage_again(entry: str) -> None:
    code = f"import gc, searchsync.{entry}; print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000)"
    assert said(code) == f"{COLLECT_AFTER} True"
