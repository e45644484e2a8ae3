"""The rolling verification: what is due, what is found and when, what stands, and what a call asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from searchsync.config import read_environment
from searchsync.errors import CollectionBusyError, PipelineLateError, RunRefusedError, StackError
from searchsync.limits import LONGEST_CALL, ROUND_SHARE, SEGMENT_BYTES
from searchsync.reconcile.bucket import Bucket
from searchsync.reconcile.report import rolling_line
from searchsync.reconcile.rolling import Rolled, Schedule, begun, read_rolled, written_rolled
from searchsync.reconcile.seen import PREFIX, SeenStore
from searchsync.reconcile.settings import RollingSettings, read_settings
from searchsync.reconcile.slices import KEY, Rolling, RollingStore
from searchsync.reconcile.verify import Lateness
from tests.support.events import environment
from tests.support.fakes import MemoryBucket
from tests.support.reconcile_steps import MACHINE, Context
from tests.support.reconcile_steps import Bench as Whole

PERIOD, EVERY = 10 * 86400.0, 3600.0
SPACING = ROUND_SHARE * (PERIOD - EVERY) / 4
"""Of two segments and two ranges."""
ITEMS = 10


class Bench(Whole):
    """The steps with a rolling verification, and a rule that calls it."""

    def __init__(self, units: float | None = None, items: int = ITEMS) -> None:
        super().__init__()
        self.bucket = MemoryBucket()
        steps, clock = self.steps, self.world.clock
        schedule = Schedule(PERIOD, EVERY)
        self.store = RollingStore(Bucket(self.bucket, "b"))
        account: Any = self.account
        self.ended = False
        account.ended_since = lambda _: self.ended
        rolling = Rolling(self.store, schedule, 30.0, 2, steps.config, account, steps.looker, clock)
        settings = replace(steps.settings, rolling=RollingSettings(PERIOD, EVERY, units))
        self.steps = replace(steps, settings=settings, rolling=rolling)
        for number in range(items):
            self.world.put(f"item-{number}", n={"N": str(number)})
        self.world.rest()

    def reconciler(self, types: Mapping[str, str], pace: Any, lateness: Lateness) -> Any:
        self.pace = pace
        return replace(super().reconciler(types, pace, lateness), seen=SeenStore(Bucket(self.bucket, "b")))

    def call(self) -> dict[str, Any]:
        return self.run({"step": "rolling"})

    def roll(self, seconds: float) -> list[dict[str, Any]]:
        """Let the rule call for so long; what the calls did that had something to do."""
        clock, found = self.world.clock, []
        end = clock.time + seconds
        while clock.time < end:
            began = clock.time
            answer = self.call()
            if answer["parts"] or answer["gave_way"]:
                found.append(answer)
            clock.sleep(max(0.0, began + EVERY - clock.time))
        return found

    def look(self) -> dict[str, Any]:
        told: dict[str, Any] = self.run({"step": "look", "index": True})["rolling"]
        return told

    @property
    def rolled(self) -> Rolled:
        found = self.store.read()
        assert found is not None
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def differing(bench: Bench) -> dict[str, int]:
    return {each["part"]: each["differences"] for each in bench.look()["differing"]}


def test_each_part_is_begun_again_within_the_period_and_evenly(bench: Bench) -> None:
    clock, began = bench.world.clock, dict[str, list[float]]()
    for _ in range(int(3 * PERIOD / EVERY)):
        at = clock.time
        for part in bench.call()["parts"]:
            began.setdefault(part, []).append(at)
        clock.sleep(max(0.0, at + EVERY - clock.time))
    assert sorted(began) == ["range 0 of 2", "range 1 of 2", "segment 0 of 2", "segment 1 of 2"]
    for times in began.values():
        apart = [later - earlier for earlier, later in pairwise(times)]
        assert len(apart) >= 2
        assert ROUND_SHARE * (PERIOD - EVERY) - EVERY <= min(apart) <= max(apart) <= PERIOD
    firsts = sorted(times[0] for times in began.values())
    assert all(abs(b - a - SPACING) <= EVERY for a, b in pairwise(firsts))


def test_a_call_with_nothing_due_asks_for_its_own_state_alone(bench: Bench) -> None:
    bench.call()

    def asked(*_: Any) -> Any:
        raise AssertionError("asked")

    bench.account.table = bench.account.running = asked  # type: ignore[method-assign]
    looker: Any = bench.steps.looker
    bucket: Any = bench.bucket
    looker.look = bucket.put_object = asked
    assert bench.call() == {"parts": [], "differences": None, "gave_way": ""}
    assert bench.report.rolling is not None


@pytest.mark.parametrize("planted", ["missing", "different"])
@pytest.mark.parametrize("name", [f"item-{number}" for number in range(0, ITEMS, 3)])
@pytest.mark.parametrize("hours", [1, 100, 200])
def test_what_the_index_lacks_or_has_otherwise_is_found_within_a_period(
    bench: Bench, planted: str, name: str, hours: int
) -> None:
    bench.roll(PERIOD + hours * 3600.0)
    assert bench.look()["differing"] == []
    if planted == "missing":
        del bench.world.index.documents[name]
    else:
        bench.world.plant(name, {"id": name, "n": 77})
    found = bench.roll(PERIOD)
    assert [each["differences"] for each in found if each["differences"]] == [1]
    assert list(differing(bench).values()) == [1]
    assert bench.lane.lines  # the report, in the log


@pytest.mark.parametrize("hours", [1, 100, 130, 200])
def test_an_orphan_is_found_within_two_periods_also_one_that_was_an_item_when_its_segment_was_read(
    bench: Bench, hours: int
) -> None:
    bench.roll(PERIOD + hours * 3600.0)
    del bench.world.client.items["item-3"]  # its deletion is lost
    found = bench.roll(2 * PERIOD)
    assert 1 in [each["differences"] for each in found]
    assert list(differing(bench)) in (["range 0 of 2"], ["range 1 of 2"])


def test_items_that_change_all_the_while_are_no_difference_and_no_look_up(bench: Bench) -> None:
    def change() -> None:
        change.turn = turn = getattr(change, "turn", 0) + 1  # type: ignore[attr-defined]
        bench.world.put(f"item-{turn % ITEMS}", n={"N": str(turn)})

    bench.world.clock.every(1_777.0, change)
    bench.roll(PERIOD)
    reads = bench.world.client.reads
    found = bench.roll(2 * PERIOD)
    assert len(found) >= 8
    assert {each["differences"] for each in found} <= {None, 0}
    assert bench.world.client.reads == reads


def test_what_agrees_costs_no_read_but_the_scan(bench: Bench) -> None:
    bench.roll(PERIOD)
    assert bench.world.client.reads == 0
    assert {name.split("/")[1] for name in bench.bucket.objects if name.startswith(PREFIX)}
    assert bench.look()["covered"]


def test_a_part_that_one_call_does_not_end_goes_on_in_the_next() -> None:
    bench = Bench(units=0.5, items=40)  # read units a second
    bench.world.client.unit, bench.world.client.page = 50.0, 4
    first = bench.call()
    assert first["parts"] == []
    assert bench.rolled.under_way is not None
    assert bench.rolled.under_way["position"] is not None
    for _ in range(30):
        if bench.call()["parts"]:
            break
    assert list(bench.rolled.parts) == ["segment 0 of 2"]
    assert bench.rolled.part_began == bench.rolled.round_began
    assert bench.rolled.parts["segment 0 of 2"].ended - bench.rolled.round_began > LONGEST_CALL


def test_its_own_rate_is_kept_to_or_a_lanes() -> None:
    for units, kept in ((3.0, 3.0), (None, None)):
        bench = Bench(units=units)
        bench.call()
        assert bench.pace._rate == kept


def test_a_run_that_runs_goes_first(bench: Bench) -> None:
    bench.roll(PERIOD)
    bench.account.runs = [{"name": "nightly", "startDate": datetime.now(UTC)}]
    compared = bench.rolled.parts
    gave_way = bench.roll(PERIOD)
    assert {each["gave_way"] for each in gave_way} == {"A run is running, 'nightly'."}
    assert bench.rolled.parts == compared
    assert bench.report.rolling is not None
    assert bench.report.rolling.age is not None
    assert bench.report.rolling.age > PERIOD  # the alarm says that parts are old
    bench.account.runs = []
    bench.roll(PERIOD)
    assert bench.world.clock.time - bench.rolled.oldest() < PERIOD


def test_one_call_works_at_a_time_and_one_that_died_holds_it_no_longer_than_it_could_live(bench: Bench) -> None:
    bench.call()
    now = bench.world.clock.time
    bench.store.write(replace(bench.rolled, due=now, busy_until=now + LONGEST_CALL))
    assert bench.call()["parts"] == []
    bench.world.clock.time += LONGEST_CALL
    assert bench.call()["parts"] == ["segment 1 of 2"]
    assert bench.rolled.busy_until == 0.0


def test_a_call_says_that_it_works_before_it_reads(bench: Bench) -> None:
    seen: list[Rolled] = []
    scan = bench.world.client.scan

    def looked(**request: Any) -> Any:
        seen.append(bench.rolled)
        return scan(**request)

    bench.world.client.scan = looked  # type: ignore[method-assign]
    bench.call()
    assert seen[0].busy_until > bench.world.clock.time


@pytest.mark.parametrize("error", [PipelineLateError("late"), CollectionBusyError("busy")])
def test_a_pipeline_or_collection_that_is_late_is_waited_for(bench: Bench, error: Exception) -> None:
    bench.roll(PERIOD)

    def late(_: float) -> float:
        raise error

    account: Any = bench.account
    account.lag = late
    bench.world.clock.time += PERIOD
    assert bench.call()["gave_way"] == str(error)
    assert bench.rolled.busy_until == 0.0
    del account.lag
    assert bench.call()["parts"]


def test_a_refusal_is_no_age_so_that_the_alarm_has_no_data(bench: Bench) -> None:
    bench.roll(PERIOD)
    bench.world.clock.time += PERIOD
    for broken in ("missing", "unowned"):
        bench.index = replace(bench.index, state=broken)
        with pytest.raises(RunRefusedError, match=broken):
            bench.call()
        assert bench.report.rolling is None


def test_differences_of_a_call_that_fails_behind_them_are_told_and_no_age(bench: Bench) -> None:
    """Their part is not compared again for a period: unless they are told now, no alarm is raised."""
    bench.roll(PERIOD)
    bench.world.clock.time += PERIOD
    bench.world.index.documents.clear()
    asked = 0

    def throttled() -> Any:
        nonlocal asked
        asked += 1
        if asked > 2:  # at the call's beginning, and the part's
            raise StackError("Throttling")
        return []

    bench.account.running = throttled  # type: ignore[method-assign]
    with pytest.raises(StackError, match="Throttling"):
        bench.call()
    found = sum(each.differences for each in bench.rolled.parts.values())
    assert found > 0
    assert bench.report.rolling is not None
    line = json.loads(rolling_line(bench.report.rolling, bench.steps.config, bench.world.clock.time))
    assert line["Differences"] == found
    assert "RollingAge" not in line
    assert [each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["Differences"]


def test_a_part_that_is_refused_is_begun_anew_and_not_refused_for_ever(bench: Bench) -> None:
    """As where another version of the package has left its state."""
    bench.call()
    rolled = replace(bench.rolled, under_way={"task": "verify", "run": "old"}, due=0.0)
    bench.store.write(rolled)
    with pytest.raises(RunRefusedError, match="no usable state"):
        bench.call()
    assert bench.rolled.next == rolled.next
    assert bench.call()["parts"]


def test_a_first_look_that_never_comes_is_an_error(bench: Bench) -> None:
    def busy(_: Any) -> Any:
        raise CollectionBusyError("busy")

    bench.steps = replace(
        bench.steps,
        rolling=replace(bench.steps.rolling, looker=SimpleNamespace(look=busy)),  # type: ignore[type-var]
    )
    with pytest.raises(CollectionBusyError):
        bench.call()


@pytest.mark.parametrize("other", ["index", "table"])
def test_nothing_stands_of_what_is_another_now(bench: Bench, other: str) -> None:
    bench.roll(PERIOD)
    assert bench.look()["changed"] == []
    if other == "index":
        bench.index = replace(bench.index, mark="mark-2")
    else:
        bench.account.facts = replace(bench.account.facts, id="table-2")
    assert bench.look()["changed"] == [{"index": "index_mark", "table": "table_id"}[other]]
    bench.world.clock.time += SPACING
    now = bench.world.clock.time
    bench.call()
    told = bench.look()
    assert (told["changed"], told["covered"], told["since"], told["oldest"]) == ([], False, now, now)
    assert told["compared"] == 1


def test_a_table_that_has_grown_has_more_parts_and_the_old_ones_stand_until_those_are_compared(bench: Bench) -> None:
    bench.roll(PERIOD)
    del bench.world.index.documents["item-3"]
    bench.roll(PERIOD)
    assert sum(differing(bench).values()) == 1
    bench.account.facts = replace(bench.account.facts, size=8 * SEGMENT_BYTES)
    bench.roll(PERIOD)
    bench.roll(PERIOD)
    assert bench.rolled.of == 8
    bench.roll(PERIOD)
    assert len(bench.rolled.parts) == 16
    assert all(name.endswith("of 8") for name in bench.rolled.parts)
    assert sum(differing(bench).values()) == 1


def test_a_part_is_clean_again_when_it_is_compared_again(bench: Bench) -> None:
    bench.roll(PERIOD)
    bench.world.plant("item-3", {"id": "item-3", "n": 77})
    bench.roll(PERIOD)
    assert differing(bench)
    bench.world.put("item-3", n={"N": "3"})
    bench.roll(PERIOD)
    assert not differing(bench)


@pytest.mark.parametrize(("ended", "told"), [(False, [0]), (True, [])])
def test_a_clean_round_ends_the_alarm_on_drift_where_no_run_has_ended_since_it_began(
    bench: Bench, ended: bool, told: list[int]
) -> None:
    bench.ended = ended
    found = [each["differences"] for each in bench.roll(0.85 * PERIOD) if each["parts"]]
    assert [each for each in found if each is not None] == told
    assert len(found) == 4


def test_a_round_with_a_difference_does_not_end_the_alarm_on_drift(bench: Bench) -> None:
    bench.world.plant("item-3", {"id": "item-3", "n": 77})
    found = [each["differences"] for each in bench.roll(0.85 * PERIOD)]
    assert sorted(found, key=str) == [1, None, None, None]


def test_nobody_knows_whether_a_run_has_ended_and_the_alarm_stays(bench: Bench) -> None:
    def refused(_: float) -> bool:
        raise StackError("throttled")

    account: Any = bench.account
    account.ended_since = refused
    assert {each["differences"] for each in bench.roll(PERIOD)} == {None}


def test_the_line_of_a_call_has_the_age_and_what_was_found(bench: Bench) -> None:
    bench.world.plant("item-3", {"id": "item-3", "n": 77})
    lines = list[dict[str, Any]]()
    for _ in range(4):
        bench.call()
        assert bench.report.rolling is not None
        lines.append(json.loads(rolling_line(bench.report.rolling, bench.steps.config, bench.world.clock.time)))
        bench.world.clock.time += SPACING
    (found,) = [line for line in lines if "Differences" in line]
    assert (found["Differences"], found["level"], found["rolling"]["parts"]) == (1, "ERROR", ["segment 0 of 2"]) or (
        found["rolling"]["parts"] == ["segment 1 of 2"]
    )
    assert lines[-1]["RollingAge"] == pytest.approx(3 * SPACING, abs=900)
    assert {"Name": "RollingAge", "Unit": "Seconds"} in lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"]


def test_a_stack_without_it_refuses_its_step_and_says_nothing_of_it() -> None:
    whole = Whole()
    assert whole.run({"step": "look"})["rolling"] is None
    with pytest.raises(RunRefusedError, match=r"reconciliation\.rolling"):
        whole.run({"step": "rolling"})


def test_before_its_first_call_it_has_begun_nothing(bench: Bench) -> None:
    assert bench.look() == {"period": PERIOD, "since": None}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"parts":{"a":{}}}', b'{"saw":{},"since":1,"of":2,"parts":{},"x":1}']
)
def test_a_state_of_another_version_is_begun_anew(bench: Bench, body: bytes) -> None:
    bench.bucket.objects[KEY] = body
    assert bench.call()["parts"] == ["segment 0 of 2"]


def test_a_state_comes_back_as_it_was_written(bench: Bench) -> None:
    bench.roll(PERIOD)
    assert read_rolled(json.loads(json.dumps(written_rolled(bench.rolled)))) == bench.rolled
    assert begun({}, 5.0, 2).oldest() == 5.0


def test_its_place_lies_in_the_bucket() -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        s3.create_bucket(Bucket="bucket")
        store, place = RollingStore(Bucket(s3, "bucket")), replace(begun({"index": "i"}, 5.0, 2), run="r")
        assert store.read() is None
        store.write(place)
        assert store.read() == place
        other = RollingStore(Bucket(s3, "other"))
        for refused in (other.read, lambda: other.write(place)):
            with pytest.raises(StackError, match=r"bucket other refused a request: NoSuchBucket.*s3:PutObject"):
                refused()


def test_the_entry_calls_it_and_says_how_old_its_parts_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variables = environment(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
    variables |= {"SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": MACHINE}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    asked = {"ROLLING_PERIOD_SECONDS": "720", "ROLLING_EVERY_SECONDS": "60", "SEEN_BUCKET": "b"}
    for given, period in ((asked, 720.0), ({}, None)):
        built = reconcile_handler.build(read_environment(variables), read_settings(variables | given), variables)
        assert (built.rolling.schedule.period if built.rolling else None) == period
    reconcile_handler.invoke(bench.steps, {"step": "rolling"}, Context())
    call, told = map(json.loads, capsys.readouterr().out.splitlines()[-2:])
    assert (call["step"], call["counts"]["items"]) == ("rolling", call["RunItems"])
    assert call["RunItems"] > 0
    assert (told["RollingAge"], told["rolling"]) == (0, {"parts": ["segment 0 of 2"]})
