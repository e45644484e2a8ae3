"""The probes of `searchsync doctor` on a real engine, and each behaviour of the gate's table found by its own row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from lab.behaviours import PROFILES, TABLE, Behaviours, in_the_lab
from lab.engine import Engine
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from lab.gate_rules import GateDenied, GateRequest, Rules
from searchsync.clock import SystemClock
from searchsync.config import Config, read_environment
from searchsync.doctor import NO_ITEM, examine_role
from searchsync.documents.index import MARK, Mark
from searchsync.edges.collection import connect
from searchsync.errors import RunRefusedError
from searchsync.limits import CLEAN_UP, LONGEST_NAME
from searchsync.reconcile import doctor
from searchsync.reconcile.asker import SUFFIX, probe_index
from searchsync.reconcile.doctor import examine
from searchsync_cli.diagnosis import PROBES, Outcome, diagnose
from tests.support.events import environment
from tests.support.real_lane import AUTH

SECONDS = CLEAN_UP + 30.0
REFRESH_SECONDS = 1
SLEEPS_AFTER_S = 4.0
ROLE = {"sync-role": {"describe": "ok", "owner": "ok", "read": "ok", "write": "ok", "table": "ok"}}
"""As where all is well: a test below asks it itself."""
PLANTS = {
    "reads_late_s": Behaviours(reads_late_s=3.0),
    "new_index_unwritable_s": Behaviours(new_index_unwritable_s=2.0),
    "new_index_hidden_s": Behaviours(new_index_hidden_s=2.0),
    "new_index_by_item": Behaviours(new_index_unwritable_s=2.0, new_index_by_item=True),
    "writes_make_index": Behaviours(writes_make_index=True),
    "mapping_conflicts": Behaviours(mapping_conflicts=True),
    "versions_left_out": Behaviours(versions_left_out=True),
    "index_uuid_hidden": Behaviours(index_uuid_hidden=True),
    "at_capacity": Behaviours(at_capacity=True),
    "sleeps_after_s": Behaviours(sleeps_after_s=SLEEPS_AFTER_S, wakes_in_s=3.0),
    "waking_status": Behaviours(sleeps_after_s=SLEEPS_AFTER_S, wakes_in_s=3.0, waking_status=503),
}
"""Each row of the gate's table alone, by its first field."""
TO_DO = {"at_capacity", "versions_left_out"}


def names_an_index(request: GateRequest) -> GateDenied | None:
    """A data access policy that names indices only."""
    what = request.operation
    if what is None or what.indices or what.permission.endswith("CollectionItems"):
        return None
    return GateDenied.forbidden("data access policy")


@pytest.fixture
def config(engine: Engine, gate: Gate, index_name: str) -> Iterator[Config]:
    """A stack whose index is there."""
    made = replace(read_environment(environment()), host=gate.url, index=index_name)
    requests.put(f"{engine.url}/{index_name}", timeout=30).raise_for_status()
    yield made
    requests.delete(f"{engine.url}/{probe_index(index_name)}", timeout=30)


@pytest.fixture
def gate(engine: Engine) -> Iterator[Gate]:
    """A collection whose data access policy names indices."""
    with Gate(engine.url, names_an_index, Rules(refresh_interval=f"{REFRESH_SECONDS}s")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute is waited for a tombstone, but where a test wants it."""
    monkeypatch.setattr(doctor, "TOMBSTONE_AGES", (0.5,))


def findings(config: Config, seconds: float = SECONDS) -> tuple[dict[str, Outcome], dict[str, Any]]:
    """What every row came to, and what was answered."""
    answer = examine(config, lambda: connect(config, AUTH), SystemClock(), seconds)
    return {row.probe.name: row.outcome for row in diagnose({**answer["seen"], **ROLE})}, answer


def differing(rows: dict[str, Outcome]) -> set[str]:
    return {name for name, outcome in rows.items() if outcome in (Outcome.HARMLESS, Outcome.ACT)}


def left_behind(engine: Engine, config: Config) -> list[str]:
    """Indices, aliases and templates of the probes."""
    probe = probe_index(config.index)
    found = [requests.head(f"{engine.url}/{probe}", timeout=30).status_code]
    found.append(requests.head(f"{engine.url}/_index_template/{probe[:200]}-alias", timeout=30).status_code)
    return [str(each) for each in found if each != 404]


def test_a_kind_collection_is_as_relied_on_and_nothing_is_left(
    engine: Engine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TOMBSTONE_AGES", (10.0, 59.0))
    before = requests.get(f"{engine.url}/{config.index}", timeout=30).json()
    rows, answer = findings(config, CLEAN_UP + 100.0)
    assert rows == dict.fromkeys((probe.name for probe in PROBES), Outcome.RELIED), answer
    assert answer["left"] == left_behind(engine, config) == []
    assert requests.get(f"{engine.url}/{config.index}", timeout=30).json() == before
    assert requests.get(f"{engine.url}/{config.index}/_count", timeout=30).json()["count"] == 0


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fields[0])
def test_each_behaviour_of_the_gates_table_is_found_by_its_row_alone(
    engine: Engine, gate: Gate, config: Config, row: Any
) -> None:
    plant = row.fields[0]
    gate.behave(PLANTS[plant])
    if PLANTS[plant].sleeps_after_s:
        time.sleep(SLEEPS_AFTER_S + 0.5)
    rows, answer = findings(config)
    assert differing(rows) == {row.probe}, answer
    assert rows[row.probe] is (Outcome.ACT if plant in TO_DO else Outcome.HARMLESS), answer
    gate.behave(Behaviours())
    assert answer["left"] == left_behind(engine, config) == []


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        ("classic", {"reads-late", "new-index-writable", "mapping-conflict"}),
        ("nextgen", {"reads-late", "new-index-writable", "index-by-write", "index-identity"}),
    ],
)
def test_each_profile_is_found_out(gate: Gate, config: Config, profile: str, found: set[str]) -> None:
    assert set(PROFILES) == {"classic", "nextgen"}
    gate.behave(in_the_lab(profile))
    rows, answer = findings(config)
    assert differing(rows) == found, answer


def status(path: str, code: int, method: str = "", **more: Any) -> Fault:
    return Fault(FaultKind.STATUS, path=path, status=code, method=method, count=None, **more)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (status("_alias", 403), set()),
        (status("_index_template", 403), set()),
        (status("_index_template", 404), {"index-templates"}),
        (status("_mapping", 403, "PUT"), {"permissions"}),
        (status("_bulk", 413, over=6_000_000), {"body-limit"}),
        (status("_bulk", 413, over=4_000_000), {"body-limit"}),
        (Fault(FaultKind.ITEM, ids=("i" * 512,), status=400, count=None), {"id-512"}),
        (Fault(FaultKind.ITEM, ids=("versioned",), status=409, skip=4, count=1,
               error_type="version_conflict_engine_exception", reason="x"), {"conflict-wording"}),
    ],
    ids=lambda each: each.path + str(each.status) if isinstance(each, Fault) else "",
)  # fmt: skip
def test_each_planted_answer_is_found_by_its_row_alone(
    gate: Gate, config: Config, fault: Fault, found: set[str]
) -> None:
    gate.inject(fault)
    rows, answer = findings(config)
    assert differing(rows) == found, answer


def test_tombstones_that_go_too_early_are_found(
    engine: Engine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TOMBSTONE_AGES", (4.0,))
    with Gate(engine.url, rules=Rules(refresh_interval="1s", gc_deletes="1s")) as gate:
        rows, answer = findings(replace(config, host=gate.url))
    assert differing(rows) == {"tombstone-time"}, answer
    assert rows["tombstone-time"] is Outcome.ACT


def test_time_that_ends_leaves_rows_unasked_and_nothing_behind(engine: Engine, gate: Gate, config: Config) -> None:
    gate.behave(Behaviours(reads_late_s=30.0))
    rows, answer = findings(config, CLEAN_UP + 4.0)
    assert differing(rows) == set(), answer
    assert rows["reads-late"] is rows["tombstone-time"] is Outcome.UNASKED
    assert answer["left"] == left_behind(engine, config) == []


def test_a_collection_that_is_busy_is_not_taken_for_anothers_index(gate: Gate, config: Config) -> None:
    gate.inject(status(probe_index(config.index) + "/_mapping", 503))
    rows, answer = findings(config)
    assert rows["new-index-writable"] is Outcome.UNASKED
    assert differing(rows) == {"capacity"}, answer
    assert answer["left"] == []


def test_what_cannot_be_deleted_is_said(gate: Gate, config: Config) -> None:
    gate.inject(status(probe_index(config.index) + "$", 403, "DELETE"))
    _, answer = findings(config)
    assert answer["left"] == [f"DELETE /{probe_index(config.index)}"]


@pytest.mark.parametrize(
    ("meta", "said"),
    [({}, "no doctor has made"), ({MARK: {"mark": "m"}}, "no doctor has made"), ({MARK: {"since": 0}}, "")],
)
def test_an_index_of_anothers_is_not_touched_and_an_old_doctors_is_deleted(
    engine: Engine, config: Config, meta: dict[str, Any], said: str
) -> None:
    url = f"{engine.url}/{probe_index(config.index)}"
    requests.put(url, json={"mappings": {"_meta": meta}}, timeout=30).raise_for_status()
    if said:
        with pytest.raises(RunRefusedError, match=said):
            findings(config)
        assert requests.head(url, timeout=30).status_code == 200
    else:
        assert differing(findings(config)[0]) == set()


def test_a_doctor_that_runs_is_left_alone(engine: Engine, config: Config) -> None:
    url = f"{engine.url}/{probe_index(config.index)}"
    meta = {MARK: {"doctor": "other", "since": int(time.time())}}
    requests.put(url, json={"mappings": {"_meta": meta}}, timeout=30).raise_for_status()
    with pytest.raises(RunRefusedError, match="Another doctor"):
        findings(config)
    assert requests.head(url, timeout=30).status_code == 200


def test_the_role_is_asked_without_a_trace(
    engine: Engine, gate: Gate, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    answer = examine_role(config, keys)
    assert answer.keys() == {"describe", "owner", "table"}, "an index that is not this stack's is not written"
    assert answer["owner"] == "nobody"
    marked = {"_meta": {MARK: Mark("m", 0.0, config.owner).as_member()}}
    requests.put(f"{engine.url}/{config.index}/_mapping", json=marked, timeout=30).raise_for_status()
    asked = examine_role(config, keys)
    assert asked.pop("table") == "EndpointConnectionError"
    assert set(asked.values()) == {"ok"}
    assert examine_role(config, keys)["write"] == "ok"  # again, within a minute
    found = requests.get(f"{engine.url}/{config.index}/_doc/{NO_ITEM}", timeout=30)
    assert found.status_code == 404
    gate.inject(status("_mget", 403))
    assert examine_role(config, keys)["read"].startswith("403")
    requests.delete(f"{engine.url}/{config.index}", timeout=30).raise_for_status()
    assert examine_role(config, keys).keys() == {"describe", "table"}
    assert requests.head(f"{engine.url}/{config.index}", timeout=30).status_code == 404  # no write has made it


def test_of_several_views_each_ones_index_is_asked_as_a_batch_writes_it(
    engine: Engine, gate: Gate, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    table = replace(config, views=(replace(config, view="more", index=f"{config.index}-more"),))
    marked = {"mappings": {"_meta": {MARK: Mark("m", 0.0, config.owner).as_member()}}}
    assert examine_role(table, keys, "more").keys() == {"describe", "table"}
    requests.put(f"{engine.url}/{config.index}-more", json=marked, timeout=30).raise_for_status()
    try:
        asked = examine_role(table, keys, "more")
        assert (asked["owner"], asked["read"], asked["write"]) == ("ok", "ok", "ok")
        assert examine_role(table, keys)["owner"] == "nobody"
        gate.inject(status("^/_bulk$", 403))
        assert examine_role(table, keys, "more")["write"].startswith("403")
        assert examine_role(table, keys, "gone") == {"describe": "the function does not know this view"}
    finally:
        requests.delete(f"{engine.url}/{config.index}-more", timeout=30)


def test_an_unforeseen_error_leaves_nothing_behind(
    engine: Engine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> dict[str, Any]:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(doctor, "PROBES", (*doctor.PROBES[:-1], ((), fail)))
    with pytest.raises(ValueError, match="of ours"):
        findings(config)
    assert left_behind(engine, config) == []


def test_an_index_whose_name_is_its_probes_is_not_touched(engine: Engine, config: Config) -> None:
    name = "n" * (LONGEST_NAME - len(SUFFIX)) + SUFFIX
    requests.put(f"{engine.url}/{name}", timeout=30).raise_for_status()
    try:
        with pytest.raises(RunRefusedError, match="no doctor has made"):
            findings(replace(config, index=name))
        assert requests.head(f"{engine.url}/{name}", timeout=30).status_code == 200
    finally:
        requests.delete(f"{engine.url}/{name}", timeout=30)
