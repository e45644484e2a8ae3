"""`searchsync mapping`: a suggestion with its reasons, a check with the engine's own words, and exit codes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from searchsync.limits import MOST_SAMPLED as LIMIT
from searchsync.limits import USUAL_SAMPLE as USUAL
from searchsync_cli.commands.mapping import MOST_SAMPLED, USUAL_SAMPLE
from searchsync_cli.exits import Exit
from tests.support.cli_cloud import NAME, Cloud
from tests.support.fakes import FakeClock

MAPPING = {"properties": {"n": {"type": "long"}, "é": {"type": "object", "enabled": False}}}
FIELDS: list[dict[str, Any]] = [
    {"path": "n", "seen": {"N": 1200, "S": 1}, "field": {"type": "long"}, "why": "whole numbers", "refused": 1,
     "refused_why": "mixed types"},
    {"path": "t", "seen": {"S": 2}, "field": {"type": "text", "fields": {}}, "why": "texts", "refused": 0,
     "refused_why": ""},
    {"path": "d", "seen": {"S": 2}, "field": {"type": "date", "format": "epoch_second"}, "why": "times", "refused": 0,
     "refused_why": ""},
    {"path": "é\u202e" + "x" * 400, "seen": {"M": 2}, "field": {"type": "object", "enabled": False}, "why": "mixed",
     "refused": 0, "refused_why": ""},
    {"path": "a.b", "seen": {"M": 2}, "field": None, "why": "no mapping takes that", "refused": 0, "refused_why": ""},
]  # fmt: skip
SUGGESTED: Mapping[str, Any] = {
    "mapping": MAPPING, "exclude": ["a\\.b"], "fields": FIELDS, "poison": {"It is too wide.": 2},
    "read": {"items": 1201, "units": 40, "segments": 16, "ended": "as many as asked"},
}  # fmt: skip
TAKEN = {"taken": True, "type": "", "reason": ""}
REFUSED = {"taken": False, "type": "mapper_parsing_exception", "reason": "analyzer [x]\x1b[0m not found"}
CHECKED: Mapping[str, Any] = {"index": "orders", "given": True, "own": "", "made": TAKEN, "put": TAKEN, "left": []}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def answers(cloud: Cloud, answer: Mapping[str, Any]) -> list[Any]:
    """What the function answers. Returns the events that it gets."""
    events: list[Any] = []

    def run(event: Any) -> Any:
        events.append(event)
        return dict(answer)

    cloud.functions[f"{NAME}-reconcile"] = run
    return events


def test_the_bounds_of_a_sample_are_the_functions() -> None:
    assert (MOST_SAMPLED, USUAL_SAMPLE) == (LIMIT, USUAL)


def test_a_suggestion_is_the_output_and_its_reasons_stand_beside_it(cloud: Cloud) -> None:
    events = answers(cloud, SUGGESTED)
    assert cloud.run("mapping", "suggest", width=300) == Exit.DONE
    assert json.loads(cloud.out) == MAPPING
    assert events == [{"step": "suggest_mapping", "items": USUAL}]
    for said in (
        "Read 1,201 items from 16 segments, 40 read units; it ended with as many as asked.",
        "n  long  (N 1,200, S 1)\n  whole numbers\n  ! The present mapping: 1 value likely refused: mixed types",
        "t  text + keyword  (S 2)",
        "d  date (epoch_second)",
        "not mapped",
        "a.b  to be excluded",
        "! 2 items poison whatever the mapping: It is too wide.",
        'document.exclude = ["a\\\\.b"]',
        f"searchsync mapping --name {NAME} check FILE",
    ):
        assert said in cloud.err, said
    assert "\u202e" not in cloud.err
    assert "x" * 300 not in cloud.err


def test_a_suggestion_is_written_as_a_file_that_the_setting_takes(cloud: Cloud, tmp_path: Path) -> None:
    events = answers(cloud, SUGGESTED)
    path = tmp_path / "mapping.json"
    assert cloud.run("mapping", "suggest", "--sample", "5", "--out", str(path), width=400) == Exit.DONE
    assert json.loads(path.read_text(encoding="utf-8")) == MAPPING
    assert cloud.out == ""
    assert f'index.mapping = file("{path}")' in cloud.err
    assert events[0]["items"] == 5


def test_machines_get_the_reasons_too(cloud: Cloud) -> None:
    answers(cloud, SUGGESTED)
    assert cloud.run("mapping", "suggest", "--json") == Exit.DONE
    assert json.loads(cloud.out) == SUGGESTED
    assert cloud.err == ""


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({}, Exit.DONE, "✓ The index orders can take it as it is"),
        ({"given": False, "put": None}, Exit.DONE, "✓ The stack's mapping: an index can be made with it"),
        ({"put": REFUSED}, Exit.LEFT, "mapper_parsing_exception: analyzer [x]\\u001b[0m not found"),
        ({"put": REFUSED}, Exit.LEFT, f"run `searchsync backfill --name {NAME}`"),
        ({"made": REFUSED, "put": REFUSED}, Exit.LEFT, "✗ The mapping: no index can be made with it"),
        ({"left": ["DELETE /orders-doctor"]}, Exit.LEFT, "send `DELETE /orders-doctor`"),
        ({"own": "no mapping has a member 'x'", "made": None}, Exit.LEFT, "refused by searchsync itself"),
    ],
)  # fmt: skip
def test_a_check_shows_the_engines_words_and_is_the_exit_code(
    cloud: Cloud, changed: dict[str, Any], code: Exit, said: str
) -> None:
    events = answers(cloud, {**CHECKED, **changed})
    assert cloud.run("mapping", "check", width=300) == code
    assert said in cloud.out
    assert events == [{"step": "check_mapping"}]


def test_a_file_is_checked_instead_of_the_stacks_mapping(cloud: Cloud, tmp_path: Path) -> None:
    events = answers(cloud, CHECKED)
    (tmp_path / "m.json").write_text("\ufeff" + json.dumps(MAPPING), encoding="utf-8")
    assert cloud.run("mapping", "check", str(tmp_path / "m.json"), "--json") == Exit.DONE
    assert events == [{"step": "check_mapping", "mapping": MAPPING}]
    assert json.loads(cloud.out) == CHECKED


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, None], ids=str)
def test_a_file_that_is_no_mapping_is_an_error(cloud: Cloud, tmp_path: Path, content: bytes | None) -> None:
    events = answers(cloud, CHECKED)
    if content is not None:
        (tmp_path / "m.json").write_bytes(content)
    assert cloud.run("mapping", "check", str(tmp_path / "m.json"), width=400) == Exit.ERROR
    assert "is no mapping" in cloud.err
    assert not events


@pytest.mark.parametrize(
    "words",
    [
        (), ("guess",), ("suggest", "m.json"), ("check", "--sample", "5"), ("check", "--out", "m.json"),
        ("suggest", "--sample", "0"), ("suggest", "--sample", str(LIMIT + 1)), ("suggest", "--sample", "all"),
        ("suggest", "--out", "no/folder/m.json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_words_that_say_nothing_are_an_error_before_anything_is_asked(cloud: Cloud, words: tuple[str, ...]) -> None:
    events = answers(cloud, SUGGESTED)
    assert cloud.run("mapping", *words) == Exit.ERROR
    assert not events


def test_a_file_that_cannot_be_written_is_an_error(cloud: Cloud, tmp_path: Path) -> None:
    answers(cloud, SUGGESTED)
    assert cloud.run("mapping", "suggest", "--out", str(tmp_path), width=400) == Exit.ERROR
    assert "cannot be written" in cloud.err


@pytest.mark.parametrize("action", ["suggest", "check"])
def test_an_older_module_is_told(cloud: Cloud, action: str) -> None:
    answers(cloud, {})
    assert cloud.run("mapping", action, width=400) == Exit.ERROR
    assert "older module" in cloud.err


@pytest.mark.parametrize("action", ["suggest", "check"])
def test_a_narrow_terminal_shows_all_of_it(cloud: Cloud, action: str) -> None:
    answers(cloud, {**SUGGESTED, **CHECKED})
    assert cloud.run("mapping", action, width=40) == Exit.DONE
    assert not [line for line in cloud.err.splitlines() if len(line) > 40]
