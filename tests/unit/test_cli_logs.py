"""`searchsync logs`: the functions' lines, as a person reads them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from searchsync.config import read_environment
from searchsync.protocol.plan import Poison
from searchsync.sync.metrics import Report, log_line
from searchsync.sync.resync import Result
from searchsync_cli.commands.logs import wanted
from searchsync_cli.loglines import Follower, Line, line_of, seconds
from tests.support.cli_cloud import NAME, Cloud
from tests.support.events import environment
from tests.support.fakes import FakeClock


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def report(**changed: Any) -> dict[str, Any]:
    """A line as the function itself writes it."""
    made = Report(received=12, duration=0.0421, **changed)
    made.results[Result.WRITTEN] = 10
    line: dict[str, Any] = json.loads(log_line(made, read_environment(environment()), time.time(), "request"))
    return line


def test_the_functions_own_line_is_read(cloud: Cloud) -> None:
    cloud.log(report())
    assert cloud.run("logs", width=400) == 0
    assert "INFO  12 records · DocumentsWritten 10 · 42 ms" in cloud.out
    assert "_aws" not in cloud.out
    assert "Stale" not in cloud.out


def test_what_went_wrong_stands_below_its_line(cloud: Cloud) -> None:
    poison = Poison({"id": {"S": "a"}}, "17", 99, "mapper_parsing_exception", "because", "trace")
    cloud.log(report(poison=[poison], error="The role may not write", failed="18"))
    cloud.run("logs", width=400)
    assert "ERROR 12 records" in cloud.out
    assert "error: The role may not write" in cloud.out
    assert "mapper_parsing_exception" in cloud.out
    assert "lowest_failed: 18" in cloud.out


def test_a_runs_line_says_of_what_it_is(cloud: Cloud) -> None:
    directive = {"CloudWatchMetrics": [{"Metrics": [{"Name": "RunItems"}, {"Name": "RunPoison"}]}]}
    line = {
        "_aws": directive,
        "RunItems": 12,
        "RunPoison": 0,
        "step": "part",
        "task": "verify",
        "part": "segment-0001-0000",
    }
    cloud.log(line, 60.0, f"{NAME}-reconcile")
    cloud.log({"run": "r", "id": "a", "kind": "missing"}, 30.0, f"{NAME}-reconcile")
    cloud.run("logs", "--function", "reconcile", width=400)
    call, difference = cloud.out.splitlines()
    assert call.endswith("part verify segment-0001-0000 RunItems 12")
    assert '"kind": "missing"' in difference


def test_lines_of_several_streams_come_by_their_time() -> None:
    events = [{"eventId": str(at), "timestamp": at, "message": str(at)} for at in (30, 10, 20)]
    client = SimpleNamespace(filter_log_events=lambda **_: {"events": events})
    aws = SimpleNamespace(client=lambda _: client)
    assert [line.text for line in Follower(aws, "group", 0.0).new()] == ["10", "20", "30"]  # type: ignore[arg-type]


def test_a_step_without_counts_is_no_more_than_its_name(cloud: Cloud) -> None:
    cloud.log({"_aws": {}, "step": "close", "task": "verify", "level": "INFO"}, 60.0, f"{NAME}-reconcile")
    cloud.run("logs", "--function", "reconcile")
    assert cloud.out.rstrip().endswith("INFO  close verify")


@pytest.mark.parametrize(
    "text", ["START RequestId: 1 Version: $LATEST", "END RequestId: 1", "REPORT RequestId: 1 Duration: 1 ms"]
)
def test_what_lambda_says_of_itself_is_left_out(cloud: Cloud, text: str) -> None:
    cloud.log(text)
    cloud.run("logs")
    assert cloud.out == ""
    assert "no lines" in cloud.err


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("2026-11-25T03:00:00Z 1 Task timed out after 300.00 seconds", True),
        ("REPORT RequestId: 1 Duration: 300000 ms Status: timeout", True),
        ("RequestId: 1 Error: Runtime exited with error: signal: killed", True),
        ("[ERROR] StackError: no", True),
        ("START RequestId: 1", False),
        ("something else", False),
    ],
)
def test_lambdas_own_trouble_counts_as_an_error(text: str, trouble: bool) -> None:
    line = Line("1", 0.0, text, {})
    assert wanted(line, errors=True, raw=False) is trouble
    assert not (trouble and line.is_platform)


def test_errors_alone(cloud: Cloud) -> None:
    cloud.log(report())
    cloud.log(report(failed="18"))
    cloud.log("Task timed out after 300.00 seconds")
    cloud.run("logs", "--errors", width=400)
    assert cloud.out.count("\n") == 3
    assert "WARN" in cloud.out
    assert "INFO" not in cloud.out


@pytest.mark.parametrize(("since", "shown"), [("10m", 1), ("1h", 2), ("1d", 3)])
def test_since_says_how_far_back(cloud: Cloud, since: str, shown: int) -> None:
    for before in (60.0, 1200.0, 7200.0):
        cloud.log("a line", before)
    cloud.run("logs", "--since", since)
    assert cloud.out.count("a line") == shown


@pytest.mark.parametrize("function", ["redrive", "reconcile"])
def test_the_other_functions_have_their_own_lines(cloud: Cloud, function: str) -> None:
    cloud.log("of the other", function=f"{NAME}-{function}")
    cloud.run("logs")
    assert cloud.out == ""
    cloud.run("logs", "--function", function)
    assert "of the other" in cloud.out


def test_machines_get_the_lines_as_they_are(cloud: Cloud) -> None:
    line = report(error="so\nit is")
    cloud.log(line)
    cloud.log("START RequestId: 1")
    cloud.run("logs", "--json")
    assert [json.loads(each) for each in cloud.out.splitlines()] == [line]


def test_follow_gives_each_line_once_until_it_is_interrupted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.log("one", 30.0)
    rounds = iter(["two", "late", None])

    def sleep(pause: float) -> None:
        cloud.clock.time += pause
        text = next(rounds)
        if text is None:
            raise KeyboardInterrupt
        cloud.log(text, 40.0 if text == "late" else 1.0)

    monkeypatch.setattr(cloud.clock, "sleep", sleep)
    assert cloud.run("logs", "--follow") == 0
    assert [line.split()[-1] for line in cloud.out.splitlines()] == ["one", "two", "late"]


def test_a_line_cannot_steer_the_terminal(cloud: Cloud) -> None:
    cloud.log("a\x1b[2Jb")
    cloud.log(report(error="[bold]x\x1b[31m"))
    cloud.run("logs", width=400)
    assert "\x1b" not in cloud.out
    assert "[bold]x" in cloud.out


def test_a_line_that_only_looks_like_json_is_text() -> None:
    for text in ("{not json", "[1]", '"text"'):
        assert line_of({"timestamp": 0, "message": text}).fields == {}


def test_a_group_that_is_not_there_yet_has_no_lines(cloud: Cloud) -> None:
    cloud.session.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{NAME}")
    assert cloud.run("logs") == 0
    assert "no lines" in cloud.err


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1.5h", "1w"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="give a number with s, m, h or d"):
        seconds(text)
