"""The reconcile function's entry, and its log lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from searchsync.errors import (
    RunRefusedError,
    UnforeseenError,
)
from tests.support.events import environment
from tests.support.reconcile_steps import (
    MACHINE,
    PREPARE,
    Bench,
    Context,
    filled,
)


@pytest.fixture
def bench() -> Bench:
    return filled()


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
    for name, value in {**variables, "SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": MACHINE}.items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    return reconcile_handler


def test_the_entry_starts_and_refuses_what_is_no_step(entry: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunRefusedError):
        entry.handle({"Records": []}, Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["request_id"]) == ("ERROR", "request-1")
    assert "no step" in line["error"]


def test_each_call_leaves_a_line_and_the_runs_end_its_result(
    entry: Any, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.machine("backfill")
    del bench.world.index.documents["item-3"]
    state = {"step": "part", "task": "verify", "run": "r", "recheck_delay": 30, "export": None, "position": None}
    entry.invoke(bench.steps, {**state, "part": {"segment": 1, "of": 2}, "call": 0, "totals": {}}, Context())
    line = json.loads(capsys.readouterr().out)
    assert (line["step"], line["part"], line["level"]) == ("part", "segment-0001-0000", "INFO")
    assert line["RunItems"] == line["counts"]["items"] > 0
    finish = {
        "step": "finish",
        "task": "verify",
        "run": "r",
        "started": PREPARE["started"],
        "results": [{"missing": 1}],
    }
    entry.invoke(bench.steps, finish, Context())
    _, result = map(json.loads, capsys.readouterr().out.splitlines())
    assert (result["Differences"], result["level"], result["result"]["in_step"]) == (1, "ERROR", False)


def test_what_nobody_foresaw_is_named_by_type_and_place_alone(
    entry: Any, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Any:
        raise RuntimeError("secret of an item")

    bench.account.table = broken  # type: ignore[method-assign]
    with pytest.raises(UnforeseenError):
        entry.invoke(bench.steps, {**PREPARE, "input": {"task": "verify"}}, Context())
    assert "secret" not in capsys.readouterr().out
