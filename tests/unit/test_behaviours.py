"""AOSS's behaviours beyond its rules: what each request meets, by the collection's clock."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from lab.behaviours import PROFILES, TABLE, UNKNOWN, Behaviours, in_the_lab
from lab.conduct import MAPPING_UPDATE_S, Conduct, changes_mapping
from lab.faults import Fault
from lab.gate_rules import GateRequest
from tools import behaviours_table

CREATE = GateRequest("PUT", "/i", {})
MGET = GateRequest("GET", "/i/_mget", {}, b'{"ids":["a"]}')
SEARCH = GateRequest("POST", "/i/_search", {}, b'{"version":true,"size":3}')
LOOK = GateRequest("GET", "/i/_mapping", {})


def bulk(*documents: dict[str, object], index: str = "i") -> GateRequest:
    pairs = ((b'{"index":{"_id":"%d"}}' % number, document) for number, document in enumerate(documents))
    body = b"".join(head + b"\n" + json.dumps(document).encode() + b"\n" for head, document in pairs)
    return GateRequest("POST", f"/{index}/_bulk", {}, body)


def told(fault: Fault | None) -> tuple[int, str] | None:
    return None if fault is None else (fault.status, fault.error_type)


def made(behaviours: Behaviours, at: float = 100.0) -> Conduct:
    conduct = Conduct(behaviours, 0.0)
    conduct.sent(CREATE, 200, at)
    return conduct


NOT_FOUND = (404, "index_not_found_exception")


def test_nothing_out_of_the_ordinary_happens_unless_it_is_asked_for() -> None:
    conduct = made(Behaviours())
    for request in (bulk({"n": 1}), MGET, SEARCH, LOOK):
        assert conduct.hold(request, 1e9) == 0
        assert conduct.shaped(request) is request
        assert conduct.refusal(request, 100.0) is None
        assert conduct.item_faults(request, 100.0, {}) == ()
        assert conduct.unfit(request) == {}
        conduct.sends(request, 100.0)
    assert conduct.due(1e9) == []


def test_a_time_below_zero_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="reads_late_s = -1"):
        Behaviours(reads_late_s=-1)


def test_a_scale_changes_every_time_and_nothing_else() -> None:
    scaled = Behaviours(reads_late_s=10, at_capacity=True, wakes_in_s=30).scaled(0.1)
    assert scaled == Behaviours(reads_late_s=1, at_capacity=True, wakes_in_s=3)
    assert Behaviours(sleeps_after_s=600).scaled(0.5).sleeps_after_s == 300


# Late reads


def test_a_write_is_shown_by_the_refresh_that_comes_so_long_after_it() -> None:
    conduct = Conduct(Behaviours(reads_late_s=10), 0.0)
    conduct.sends(bulk({"n": 1}), 100.0)
    conduct.sends(bulk({"n": 2}), 105.0)
    assert conduct.due(109.9) == []
    assert conduct.due(110.0) == ["i"]
    assert conduct.due(200.0) == []
    conduct.sends(bulk({"n": 3}), 300.0)
    assert conduct.due(309.9) == []


def test_what_was_written_past_the_gate_shows_at_a_read_so_long_after_the_last_refresh() -> None:
    conduct = Conduct(Behaviours(reads_late_s=10), 0.0)
    conduct.fitted("i")
    assert [conduct.due(at) for at in (100.0, 109.9, 110.0)] == [["i"], [], ["i"]]


def test_a_read_by_id_asks_the_engine_for_what_the_last_refresh_shows() -> None:
    conduct = Conduct(Behaviours(reads_late_s=10), 0.0)
    assert conduct.shaped(MGET).target == "/i/_mget?realtime=false"
    assert conduct.shaped(SEARCH) is SEARCH
    written = bulk({"n": 1})
    assert conduct.shaped(written) is written


def test_the_engine_refreshes_nothing_by_itself_while_reads_are_late_and_again_afterwards() -> None:
    conduct = Conduct(Behaviours(reads_late_s=10), 0.0)
    assert conduct.unfit(MGET) == {"i": True}
    conduct.fitted("i")
    assert conduct.unfit(MGET) == {}
    conduct.behave(Behaviours(), 0.0)
    assert conduct.unfit(MGET) == {"i": False}


# Identity


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("/i", True),
        ("/i/_settings", True),
        ("/i/_settings/index.uuid", True),
        ("/i/_mapping", False),
        ("/i/_mget", False),
    ],
)
def test_only_what_shows_the_settings_of_an_index_is_asked_without_its_uuid(path: str, hidden: bool) -> None:
    conduct = Conduct(Behaviours(index_uuid_hidden=True), 0.0)
    assert conduct.shaped(GateRequest("GET", path, {})).target.endswith("?filter_path=-*.settings.index.uuid") is hidden
    assert Conduct(Behaviours(), 0.0).shaped(GateRequest("GET", path, {})).target == path


# New indices


@pytest.mark.parametrize("request_", [bulk({"n": 1}), MGET])
def test_a_new_index_is_not_found_by_writes_for_its_time(request_: GateRequest) -> None:
    conduct = made(Behaviours(new_index_unwritable_s=15))
    assert told(conduct.refusal(request_, 114.9)) == NOT_FOUND
    assert conduct.refusal(request_, 115.0) is None
    assert conduct.refusal(LOOK, 100.0) is None
    assert conduct.refusal(CREATE, 100.0) is None


@pytest.mark.parametrize("request_", [LOOK, SEARCH])
def test_a_new_index_may_be_hidden_from_everything_else(request_: GateRequest) -> None:
    conduct = made(Behaviours(new_index_hidden_s=15))
    assert told(conduct.refusal(request_, 114.9)) == NOT_FOUND
    assert conduct.refusal(request_, 115.0) is None
    assert conduct.refusal(bulk({"n": 1}), 100.0) is None


def test_a_new_index_may_be_not_found_item_by_item() -> None:
    conduct = made(Behaviours(new_index_unwritable_s=15, new_index_by_item=True))
    written = bulk({"n": 1}, {"n": 2})
    assert conduct.refusal(written, 114.0) is None
    (fault,) = conduct.item_faults(written, 114.0, {})
    assert (told(fault), fault.positions) == (NOT_FOUND, (0, 1))
    assert conduct.item_faults(written, 115.0, {}) == ()
    answer = conduct.refusal(MGET, 114.0)
    assert answer is not None
    assert answer.status == 200
    (document,) = json.loads(answer.answer())["docs"]
    assert (document["_id"], document["error"]["type"]) == ("a", "index_not_found_exception")


def test_an_index_that_was_refused_or_is_gone_is_not_new() -> None:
    conduct = Conduct(Behaviours(new_index_unwritable_s=15), 0.0)
    conduct.sent(CREATE, 400, 100.0)
    assert conduct.refusal(MGET, 100.0) is None
    conduct.sent(CREATE, 200, 100.0)
    conduct.sent(GateRequest("DELETE", "/i", {}), 200, 101.0)
    assert conduct.refusal(MGET, 102.0) is None


def test_who_behaves_otherwise_forgets_what_was_new() -> None:
    conduct = made(Behaviours(new_index_unwritable_s=15, mapping_conflicts=True, reads_late_s=5))
    conduct.sends(bulk({"n": 1}), 100.0)
    conduct.behave(conduct.behaviours, 100.0)
    assert conduct.refusal(MGET, 100.0) is None
    assert conduct.item_faults(bulk({"new": 1}), 100.0, {"i": MAPPING}) == ()
    assert conduct.due(100.0) == ["i"]


# Mappings

MAPPING = {"properties": {"n": {"type": "long"}, "m": {"properties": {"x": {"type": "text"}}}}}


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        ({"n": 1}, False),
        ({"new": 1}, True),
        ({"new": None}, False),
        ({"new": []}, False),
        ({"new": [None, [1]]}, True),
        ({"m": {"x": "a"}}, False),
        ({"m.x": "a"}, False),
        ({"m": {"y": "a"}}, True),
        ({"m.y": "a"}, True),
        ({"m": [{"x": "a"}, {"y": 1}]}, True),
    ],
)
def test_a_document_changes_the_mapping_by_a_field_that_is_not_there(
    document: dict[str, object], changes: bool
) -> None:
    (item,) = bulk(document).items
    assert changes_mapping(MAPPING, item.lines) is changes
    assert changes_mapping({**MAPPING, "dynamic": "false"}, item.lines) is False


def test_two_changes_of_a_mapping_at_once_are_in_conflict_and_the_second_fails() -> None:
    conduct = Conduct(Behaviours(mapping_conflicts=True), 0.0)
    assert conduct.item_faults(bulk({"a": 1}), 100.0, {"i": MAPPING}) == ()
    (fault,) = conduct.item_faults(bulk({"n": 1}, {"b": 1}), 100.5, {"i": MAPPING})
    assert told(fault) == (400, "resource_already_exists_exception")
    assert fault.positions == (1,)
    assert conduct.item_faults(bulk({"n": 1}), 100.5, {"i": MAPPING}) == ()
    assert conduct.item_faults(bulk({"b": 1}), 100.0 + MAPPING_UPDATE_S, {"i": MAPPING}) == ()


def test_a_mapping_sent_while_its_index_is_made_is_in_conflict() -> None:
    conduct = made(Behaviours(mapping_conflicts=True))
    sent = GateRequest("PUT", "/i/_mapping", {}, b'{"properties":{}}')
    assert told(conduct.refusal(sent, 100.5)) == (400, "resource_already_exists_exception")
    assert conduct.refusal(sent, 100.0 + MAPPING_UPDATE_S) is None


# Versions, capacity


def test_versions_are_left_out_of_documents_and_hits() -> None:
    conduct = Conduct(Behaviours(versions_left_out=True, reads_late_s=1), 0.0)
    assert conduct.shaped(MGET).target == "/i/_mget?realtime=false&filter_path=-docs._version,-_version"
    assert json.loads(conduct.shaped(SEARCH).body) == {"version": False, "size": 3}


def test_at_capacity_every_item_is_refused_as_an_item() -> None:
    conduct = Conduct(Behaviours(at_capacity=True), 0.0)
    written = bulk({"n": 1})
    assert conduct.refusal(written, 0.0) is None
    (fault,) = conduct.item_faults(written, 0.0, {})
    assert told(fault) == (402, "service_quota_exceeded_exception")
    alone = conduct.refusal(GateRequest("PUT", "/i/_doc/a", {}, b"{}"), 0.0)
    assert told(alone) == (402, "service_quota_exceeded_exception")
    assert conduct.refusal(MGET, 0.0) is None


# Sleep


def test_a_collection_that_was_idle_holds_what_wakes_it_until_it_is_awake() -> None:
    conduct = Conduct(Behaviours(sleeps_after_s=600, wakes_in_s=20), 0.0)
    assert conduct.hold(MGET, 599.0) == 0
    assert conduct.hold(MGET, 1_199.0) == 20
    assert conduct.hold(MGET, 1_210.0) == 9
    assert conduct.hold(MGET, 1_219.0) == 0
    assert conduct.waking() is None


def test_indexing_and_search_sleep_and_wake_apart() -> None:
    conduct = Conduct(Behaviours(sleeps_after_s=600, wakes_in_s=20), 0.0)
    assert conduct.hold(bulk({"n": 1}), 700.0) == 20
    assert conduct.hold(SEARCH, 710.0) == 20
    assert conduct.hold(LOOK, 720.0) == 0


def test_what_comes_while_it_wakes_may_be_answered_instead() -> None:
    conduct = Conduct(Behaviours(sleeps_after_s=600, waking_status=503), 0.0)
    fault = conduct.waking()
    assert fault is not None
    assert fault.status == 503


# The table


def test_every_behaviour_stands_in_one_row_with_its_source_or_the_word_unknown() -> None:
    assert sorted(name for row in TABLE for name in row.fields) == sorted(each.name for each in fields(Behaviours))
    for row in TABLE:
        assert row.does
        assert UNKNOWN in row.source or "#" in row.source or "developer guide" in row.source


def test_the_document_shows_the_table() -> None:
    assert behaviours_table.main(["--check"]) == 0


def test_a_table_that_is_not_the_documents_is_refused_by_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(behaviours_table, "rendered", lambda: "| another |")
    assert behaviours_table.main(["--check"]) == 1
    assert "run `make settings`" in capsys.readouterr().err


def test_the_labs_profiles_are_awss_at_a_scale() -> None:
    for name, profile in PROFILES.items():
        assert in_the_lab(name, 1.0) == profile
        assert in_the_lab(name).reads_late_s == profile.reads_late_s * 0.1
    with pytest.raises(ValueError, match="classic, nextgen"):
        in_the_lab("old")
