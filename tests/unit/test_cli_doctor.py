"""`searchsync doctor`: what each finding means, what is shown and written, and where it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from moto import mock_aws

from lab.behaviours import TABLE
from searchsync.limits import DOCTOR_SECONDS, READ_TO_ANSWER, READ_TO_REQUEST, REQUEST_TIMEOUT
from searchsync.reconcile.doctor import PROBES as ASKED
from searchsync_cli.commands.doctor import LONGEST_S, SHORTEST_S, USUAL_S
from searchsync_cli.diagnosis import AWAKE_S, PROBES, TOMBSTONE_S, Outcome, diagnose, exit_code
from tests.support.cli_cloud import ACCOUNT, NAME, Cloud
from tests.support.fakes import FakeClock

ROOT = Path(__file__).parents[2]
GOOD: dict[str, dict[str, Any]] = {
    "signature": {"answer": "ok"},
    "wake-up": {
        "indexing_first_s": 0.1, "indexing_again_s": 0.1, "indexing_answer": "ok",
        "search_first_s": 0.1, "search_again_s": 0.1, "search_answer": "404 index_not_found_exception", "busy": {},
    },
    "permissions": {"refused": []},
    "sync-role": {"describe": "ok", "owner": "ok", "read": "ok", "write": "ok", "table": "ok"},
    "capacity": {"busy": {}},
    "new-index-writable": {"write_s": 0.1, "mapping_s": 0.1, "search_s": 0.1, "answers": {}},
    "index-identity": {"uuid": True, "mark": True},
    "external-versions": {"answers": ["ok", "conflict", "conflict", "ok", "conflict"]},
    "tombstone": {"answers": ["ok", "conflict", "ok"]},
    "conflict-wording": {"current": [10, 10, 11, 12]},
    "tombstone-time": {"refused_after_s": 59.0, "taken_after_s": None},
    "custom-ids": {"kept": True},
    "id-512": {"answer": "ok"},
    "id-513": {"answer": "400 action_request_validation_exception"},
    "reads-late": {"mget_s": 0.1, "search_s": 10.5},
    "versions-told": {"mget": True, "search": True},
    "mapping-update": {"added": "ok", "changed": "400 illegal_argument_exception"},
    "mapping-conflict": {"answers": {"ok": 4}},
    "body-limit": {"ours": "ok", "below": "ok", "above": "413"},
    "index-by-write": {"guard": "ok"},
    "filter-path": {"members": ["hits"]},
    "aliases": {"add": "403 Forbidden"},
    "index-templates": {"put": "403 Forbidden"},
    "key-ranges": {"range": True, "terms": True, "missing": True},
    "histogram-sum": {"right": True},
}  # fmt: skip
OTHER: tuple[tuple[str, dict[str, Any], Outcome], ...] = (
    ("signature", {"answer": "404 index_not_found_exception"}, Outcome.RELIED),
    ("signature", {"answer": "403 Forbidden"}, Outcome.ACT),
    ("wake-up", {"search_first_s": 20.0}, Outcome.HARMLESS),
    ("wake-up", {"search_first_s": 26.0}, Outcome.ACT),
    ("wake-up", {"indexing_answer": "no answer"}, Outcome.ACT),
    ("wake-up", {"indexing_answer": "503 x"}, Outcome.ACT),
    ("permissions", {"refused": ["PUT /<probe>"]}, Outcome.ACT),
    ("sync-role", {"table": "AccessDeniedException"}, Outcome.ACT),
    ("sync-role", {"write": "403 Forbidden"}, Outcome.ACT),
    ("capacity", {"busy": {"429": 2}}, Outcome.HARMLESS),
    ("capacity", {"busy": {"402": 2}}, Outcome.ACT),
    ("new-index-writable", {"answers": {"404 index_not_found_exception": 3}}, Outcome.HARMLESS),
    ("new-index-writable", {"answers": {"500 x": 3}}, Outcome.ACT),
    ("new-index-writable", {"write_s": None}, Outcome.ACT),
    ("index-identity", {"uuid": False}, Outcome.HARMLESS),
    ("index-identity", {"mark": False}, Outcome.ACT),
    ("index-identity", {"uuid": False, "mark": False}, Outcome.ACT),
    ("external-versions", {"answers": ["ok", "ok", "conflict", "ok", "conflict"]}, Outcome.ACT),
    ("tombstone", {"answers": ["ok", "ok", "ok"]}, Outcome.ACT),
    ("conflict-wording", {"current": [None, None, None, None]}, Outcome.HARMLESS),
    ("tombstone-time", {"refused_after_s": 30.0}, Outcome.UNASKED),
    ("tombstone-time", {"refused_after_s": 30.0, "taken_after_s": 59.1}, Outcome.ACT),
    ("custom-ids", {"kept": False}, Outcome.ACT),
    ("id-512", {"answer": "400 x"}, Outcome.ACT),
    ("id-513", {"answer": "ok"}, Outcome.HARMLESS),
    ("reads-late", {"mget_s": 3.0}, Outcome.HARMLESS),
    ("reads-late", {"search_s": 60.0}, Outcome.HARMLESS),
    ("reads-late", {"search_s": None}, Outcome.ACT),
    ("versions-told", {"mget": False}, Outcome.ACT),
    ("key-ranges", {"missing": False}, Outcome.ACT),
    ("mapping-update", {"added": "400 x"}, Outcome.ACT),
    ("mapping-update", {"changed": "ok"}, Outcome.ACT),
    ("mapping-conflict", {"answers": {"ok": 1, "400 resource_already_exists_exception": 3}}, Outcome.HARMLESS),
    ("mapping-conflict", {"answers": {"ok": 3, "400 mapper_parsing_exception": 1}}, Outcome.ACT),
    ("body-limit", {"above": "ok"}, Outcome.HARMLESS),
    ("body-limit", {"below": "413"}, Outcome.HARMLESS),
    ("body-limit", {"ours": "413", "below": "413"}, Outcome.ACT),
    ("index-by-write", {"guard": "not heeded"}, Outcome.HARMLESS),
    ("filter-path", {"members": ["hits", "took"]}, Outcome.HARMLESS),
    ("aliases", {"add": "ok"}, Outcome.RELIED),
    ("aliases", {"add": "404 not_found"}, Outcome.HARMLESS),
    ("index-templates", {"put": "404 not_found"}, Outcome.HARMLESS),
    ("key-ranges", {"range": False}, Outcome.ACT),
    ("histogram-sum", {"right": False}, Outcome.HARMLESS),
)


def outcomes(**changed: Any) -> dict[str, Outcome]:
    return {row.probe.name: row.outcome for row in diagnose({**GOOD, **changed})}


def test_all_as_relied_on() -> None:
    assert set(outcomes().values()) == {Outcome.RELIED}
    assert set(GOOD) == set(outcomes())
    assert exit_code(diagnose(GOOD), []) == 0


@pytest.mark.parametrize(("name", "changed", "outcome"), OTHER)
def test_another_finding_is_judged_by_its_row_alone(name: str, changed: dict[str, Any], outcome: Outcome) -> None:
    seen = {**GOOD, name: {**GOOD[name], **changed}}
    assert outcomes(**seen) == {**outcomes(), name: outcome}
    assert exit_code(diagnose(seen), []) == (1 if outcome is Outcome.ACT else 0)


def test_every_row_has_a_finding_that_is_not_as_relied_on() -> None:
    assert {name for name, _, outcome in OTHER if outcome is not Outcome.RELIED} == set(GOOD)


def test_rows_that_were_not_asked_say_why() -> None:
    rows = {row.probe.name: row for row in diagnose({"tombstone": {"unasked": "busy"}})}
    assert {row.outcome for row in rows.values()} == {Outcome.UNASKED}
    assert "capacity" in rows["tombstone"].seen


def test_every_probe_that_the_function_asks_has_its_row_and_no_other() -> None:
    asked = [name for names, _ in ASKED for name in names] + ["permissions", "capacity", "sync-role"]
    assert sorted(asked) == sorted(probe.name for probe in PROBES)


def test_every_row_of_the_gates_table_names_its_probe() -> None:
    assert {row.probe for row in TABLE} <= {probe.name for probe in PROBES}


def test_docs_show_the_table_of_probes() -> None:
    table = (ROOT / "docs/doctor.md").read_text().partition("| --- | --- | --- | --- |\n")[2]
    assert table.splitlines() == [f"| `{p.name}` | {p.asked} | {p.relied} | {p.follows} |" for p in PROBES]


def test_the_bounds_are_those_of_the_write_protocol() -> None:
    assert (AWAKE_S, TOMBSTONE_S) == (READ_TO_REQUEST, READ_TO_ANSWER)
    assert USUAL_S == DOCTOR_SECONDS
    assert AWAKE_S < REQUEST_TIMEOUT


# The command


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def answers(
    cloud: Cloud, changed: Mapping[str, Any] = MappingProxyType({}), left: tuple[str, ...] = ()
) -> list[Mapping[str, Any]]:
    """What the functions answer. Returns the events that they get."""
    seen = {name: facts for name, facts in {**GOOD, **changed}.items() if name != "sync-role"}
    events: list[Mapping[str, Any]] = []

    def run(event: Mapping[str, Any]) -> Any:
        events.append(event)
        return {"seen": seen, "left": list(left)}

    def sync(event: Mapping[str, Any]) -> Any:
        events.append(event)
        return {**GOOD, **changed}["sync-role"]

    cloud.functions |= {f"{NAME}-reconcile": run, NAME: sync}
    return events


def test_findings_are_shown_and_nothing_is_to_do(cloud: Cloud) -> None:
    events = answers(cloud)
    assert cloud.run("doctor", width=200) == 0
    assert "✓ As relied on" in cloud.out
    assert "→" not in cloud.out
    assert events == [{"step": "doctor", "seconds": USUAL_S}, {"searchsync": "doctor", "view": ""}]


def test_a_finding_to_act_on_says_what_to_do(cloud: Cloud) -> None:
    answers(cloud, {"id-512": {"answer": "400 illegal_argument_exception"}})
    assert cloud.run("doctor", width=400) == 1
    assert "✗ 1 finding to act on" in cloud.out
    assert "→ id-512: relied on is: it is taken. Keys that long become poison: tell us" in cloud.out


def test_a_doctor_that_could_ask_nothing_does_not_say_that_all_is_well(cloud: Cloud) -> None:
    answers(cloud, {name: {"unasked": "time"} for name in GOOD})
    assert cloud.run("doctor", width=400) == 1
    assert "! Little was found out   25 not asked" in cloud.out
    answers(cloud, {"tombstone-time": {"unasked": "time"}})
    assert cloud.run("doctor", width=400) == 0
    assert "✓ As relied on   1 not asked" in cloud.out


def test_what_was_not_cleaned_up_is_said_with_its_request(cloud: Cloud) -> None:
    answers(cloud, left=("DELETE /orders-doctor",))
    assert cloud.run("doctor", width=400) == 1
    assert "Not cleaned up: send `DELETE /orders-doctor`" in cloud.out


def test_machines_get_every_row(cloud: Cloud) -> None:
    answers(cloud)
    assert cloud.run("doctor", "--json", "--seconds", str(LONGEST_S)) == 0
    rows = json.loads(cloud.out)["rows"]
    assert [row["name"] for row in rows] == [probe.name for probe in PROBES]
    assert rows[0] == {
        "name": "signature", "outcome": "as relied on", "seen": "answer ok", "asked": PROBES[0].asked,
        "relied_on": PROBES[0].relied, "if_it_differs": PROBES[0].follows,
    }  # fmt: skip


def test_the_report_holds_no_name_and_no_account(cloud: Cloud, tmp_path: Path) -> None:
    answers(cloud, {"permissions": {"refused": ["PUT /<probe>"]}}, ("DELETE /orders-doctor",))
    report = tmp_path / "findings.json"
    assert cloud.run("doctor", "--report", str(report)) == 1
    text = report.read_text()
    assert len(json.loads(text)["rows"]) == len(PROBES)
    assert not [name for name in (ACCOUNT, NAME, "orders", cloud.queue_url, "eu-central-1") if name in text]


@pytest.mark.parametrize("place", ["no/folder/findings.json", "."])
def test_a_report_that_cannot_be_written_is_an_error(cloud: Cloud, tmp_path: Path, place: str) -> None:
    events = answers(cloud)
    assert cloud.run("doctor", "--report", str(tmp_path / place)) == 2
    assert not events or place == "."


@pytest.mark.parametrize("seconds", ["0", "-5", str(SHORTEST_S - 1), str(LONGEST_S + 1), "soon"])
def test_seconds_that_cannot_be_are_refused(cloud: Cloud, seconds: str) -> None:
    assert cloud.run("doctor", "--seconds", seconds) == 2


def test_a_refusal_of_the_function_is_an_error(cloud: Cloud) -> None:
    answers(cloud)
    cloud.functions[f"{NAME}-reconcile"] = lambda _: RuntimeError(
        "There is an index orders-doctor that no doctor has made."
    )
    assert cloud.run("doctor", width=400) == 2
    assert "no doctor has made" in cloud.err


@pytest.mark.parametrize("answer", [{}, {"seen": 1}])
def test_an_older_module_is_told(cloud: Cloud, answer: Any) -> None:
    answers(cloud)
    cloud.functions[f"{NAME}-reconcile"] = lambda _: answer
    assert cloud.run("doctor", width=400) == 2
    assert "older module" in cloud.err


def test_a_sync_function_that_fails_is_a_finding(cloud: Cloud) -> None:
    answers(cloud)
    cloud.functions[NAME] = lambda _: RuntimeError("no")
    assert cloud.run("doctor", width=400) == 1
    assert "sync-role: relied on" in cloud.out
