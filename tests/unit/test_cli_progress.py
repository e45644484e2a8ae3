"""How far a run is, and how that is shown."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from searchsync_cli.machine import MapRun, execution_name
from searchsync_cli.progress import ALMOST, Seen, Tally, seen_in, snapshot
from searchsync_cli.screen import Screen, in_words
from searchsync_cli.text import ago, duration, iso, many, unix

NOW = 1_000_100.0
BEGUN = 1_000_000.0


def run(done: int = 1, total: int = 4, redriven: bool = False) -> MapRun:
    return MapRun(BEGUN, redriven, total, done, total - done, 0)


def test_before_its_first_map_a_run_gets_ready() -> None:
    now = snapshot([], None, 100, NOW)
    assert (now.phase, now.fraction, now.left, in_words(now)) == ("prepare", 0.0, None, "getting ready")


def test_segments_alone_tell_the_way_and_the_time_left() -> None:
    now = snapshot([run(done=1)], None, None, NOW)
    assert (now.fraction, now.left, now.rate) == (0.25, 300.0, None)


def test_items_tell_more_than_segments_that_are_not_done() -> None:
    now = snapshot([run(done=0)], Seen(500), 1000, NOW)
    assert (now.fraction, now.rate, now.left) == (0.5, 5.0, 100.0)
    assert in_words(now) == "table: 0 of 4 segments · ~500 items of ~1,000 · ~5/s · ~1 min 40 s left"


def test_segments_that_are_done_tell_more_than_an_estimate() -> None:
    assert snapshot([run(done=3)], Seen(10), 1_000_000, NOW).fraction == 0.75


def test_an_estimate_never_says_that_all_is_done() -> None:
    assert snapshot([run(done=0)], Seen(5000), 1000, NOW).fraction == ALMOST


def test_at_the_end_no_estimate_contradicts_the_segments() -> None:
    assert in_words(snapshot([run(done=4)], Seen(500), 1000, NOW)) == "table: 4 of 4 segments"


def test_without_a_pace_no_time_is_promised() -> None:
    assert snapshot([run(done=0)], None, None, NOW).left is None
    assert snapshot([run(done=0)], Seen(), 1000, NOW).left is None


def test_a_resumed_run_has_no_pace_from_its_beginning() -> None:
    now = snapshot([run(done=3, redriven=True)], Seen(900), 1000, NOW)
    assert (now.left, now.rate, now.fraction) == (None, None, 0.9)


def test_the_index_is_counted_in_documents() -> None:
    now = snapshot([run(done=4), run(done=0, total=2)], Seen(1000, 500), 1000, NOW)
    assert (now.phase, now.fraction, now.items) == ("index", 0.5, 500)
    assert in_words(now).startswith("index: 0 of 2 ranges · ~500 documents of ~1,000")


def test_a_map_without_children_is_no_division_by_zero() -> None:
    assert snapshot([run(done=0, total=0)], None, None, NOW).fraction == 0.0


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ({"run": "r", "counts": {"items": 25}}, Seen(25, 0)),
        ({"run": "r", "counts": {"documents": 7, "calls": 1}}, Seen(0, 7)),
        ({"run": "another", "counts": {"items": 25}}, Seen()),
        ({"counts": {"items": 25}}, Seen()),
        ({"run": "r", "counts": {"items": "25", "documents": True}}, Seen()),
        ({"run": "r", "kind": "missing", "id": "a"}, Seen()),
    ],
    ids=["items", "documents", "another run", "no run", "no numbers", "a difference"],
)
def test_what_was_seen_is_counted_from_the_runs_own_lines(line: dict[str, object], seen: Seen) -> None:
    assert seen_in(line, "r") == seen


def test_an_executions_name_has_only_what_a_name_may_have() -> None:
    assert execution_name("verify", 0.0) == "verify-19700101T000000Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (-3, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (60, "1 min"), (599, "9 min 59 s"),
     (600, "10 min"), (3599, "59 min"), (3600, "1 h"), (86_399, "23 h 59 min"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times_and_counts_read_well() -> None:
    assert (ago(0, 59), ago(0, 120)) == ("just now", "2 min ago")
    assert (many(1, "key"), many(1234, "key"), many(0, "story", "stories")) == ("1 key", "1,234 keys", "0 stories")
    assert unix("1970-01-01T00:00:10.5") == unix("1970-01-01T01:00:10.5+01:00") == 10.5
    assert iso(10.0) == "1970-01-01T00:00:10Z"


def test_a_terminal_gets_a_bar_a_pipe_gets_lines_and_a_machine_nothing() -> None:
    shown = []
    for terminal, as_json in ((True, False), (False, False), (False, True)):
        err = io.StringIO()
        screen = Screen(as_json, err=Console(file=err, force_terminal=terminal, width=120))
        with screen.bar("reconcile") as bar:
            for done in (1, 1, 4):
                now = snapshot([run(done=done)], None, None, NOW)
                bar.show(now.fraction, in_words(now), now.as_json())
        shown.append(err.getvalue())
    assert "100%" in shown[0]
    assert "\x1b[" in shown[0]
    assert [line.split(" ")[1] for line in shown[1].splitlines()] == ["25%", "100%"]
    assert shown[2] == ""


def test_progress_for_machines_is_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen(as_json=True, progress=True).bar("reconcile") as bar:
        now = snapshot([run(done=1)], Seen(10), 40, NOW)
        bar.show(now.fraction, in_words(now), now.as_json())
    told = json.loads(capsys.readouterr().err)
    assert (told["phase"], told["segments"], told["done"], told["fraction"], told["left"]) == (
        "table",
        4,
        1,
        0.25,
        300.0,
    )


def under_way(part: str, items: int, run: str = "r") -> dict[str, object]:
    return {"run": run, "under_way": {"part": part, "items": items, "documents": 0}}


def over(part: str, items: int, **more: object) -> dict[str, object]:
    return {"run": "r", "part": part, "counts": {"items": items}, **more}


@pytest.mark.parametrize(
    ("lines", "items"),
    [
        ([under_way("0-0", 10), under_way("0-0", 25), under_way("1-0", 5)], 30),
        ([under_way("0-0", 25), over("0-0", 40)], 40),
        ([over("0-0", 40), under_way("0-0", 25)], 40),
        ([over("0-0", 40), under_way("0-1", 3)], 43),
        ([over("0-0", 0, error="busy"), under_way("0-0", 7)], 7),
        ([under_way("0-0", 9, run="another")], 0),
    ],
    ids=["the newest of each", "its end counts", "a late line", "its next call", "a call again", "another run"],
)
def test_calls_under_way_move_the_count_and_are_counted_once(lines: list[dict[str, object]], items: int) -> None:
    tally = Tally("r")
    for line in lines:
        tally.add(line)
    assert tally.seen.items == items
