"""The function's entry: what a start needs, and the log line that every invocation leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from searchsync.config import read_environment
from searchsync.edges.collection import OpenSearchCollection
from searchsync.entry import describe
from searchsync.errors import MalformedEventError, UnforeseenError
from searchsync.reconcile.settings import read_settings
from searchsync.sync.pipeline import Pipeline
from tests.support.events import environment

SOURCE = Path(__file__).parents[2] / "lambda_src"
START = """
import sys
from searchsync import handler
print("boto3" in sys.modules, type(handler.pipeline.table).__name__)
"""


def start(program: str, **changes: str) -> subprocess.CompletedProcess[str]:
    variables = {**environment(**changes), "PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]}
    return subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)


def test_a_start_with_the_roles_credentials_needs_no_boto3() -> None:
    done = start(START, AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
    assert done.stdout.split() == ["False", "DynamoTable"], done.stderr


def test_a_wrong_environment_fails_the_start_with_every_problem() -> None:
    done = start(START, OPENSEARCH_HOST="http://example.com", KEY_ATTRIBUTES="id")
    assert done.returncode != 0
    assert "ConfigurationError" in done.stderr
    assert "OPENSEARCH_HOST is" in done.stderr
    assert "KEY_ATTRIBUTES is" in done.stderr


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_a_failed_invocation_leaves_its_log_line_and_raises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret").items():
        monkeypatch.setenv(name, value)
    from searchsync import handler  # noqa: PLC0415 - it starts when it is imported

    with pytest.raises(MalformedEventError):
        handler.handle({"no": "records"}, Context())
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "ERROR"
    assert "Records" in line["error"]
    assert line["request_id"] == "request-1"


def test_an_unforeseen_error_is_logged_and_raised_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret").items():
        monkeypatch.setenv(name, value)
    from searchsync import handler  # noqa: PLC0415 - it starts when it is imported

    def fail(*_: object) -> None:
        raise ValueError("an item's contents")

    monkeypatch.setattr(Pipeline, "run", fail)
    with pytest.raises(UnforeseenError, match=r"ValueError at .*test_handler\.py") as caught:
        handler.handle({"Records": []}, Context())
    assert "contents" not in str(caught.value)
    assert "contents" not in capsys.readouterr().out


def test_an_error_that_was_never_raised_is_its_type_alone() -> None:
    assert describe(ValueError("an item's secret")) == "ValueError"


def test_a_run_that_sees_the_index_replaced_rings_the_sync_functions_alarm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = environment(
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_LAMBDA_FUNCTION_NAME="sync-reconcile",
        STATE_MACHINE_ARN="arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile",
        RECONCILE_CONCURRENCY="4",
    )
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    run = reconcile_handler.build(read_environment(given), read_settings(given), given)
    assert isinstance(run.collection, OpenSearchCollection)
    assert run.collection._signal is not None
    run.collection._signal()
    line = json.loads(capsys.readouterr().out)
    assert (line["FunctionName"], line["RepairNeeded"]) == ("sync", 1)
