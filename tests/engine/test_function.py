"""The function's pipeline against a real engine: each row of the answer table that an engine can give."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from requests_aws4auth import AWS4Auth

from lab.behaviours import Behaviours
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from lab.gate_rules import Rules
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.errors import StackError
from searchsync.limits import GRANTED_WITHIN, LOAD_AGE, NEW_INDEX_S, SLOW_AGE, UNGUARDED_FOR
from searchsync.protocol.bulk import Kind, Response, classify_items, lines
from searchsync.sync import delivery
from searchsync.sync.delivery import NO_ANSWER, PROBE
from searchsync.sync.resync import Result
from tests.engine.client import Client
from tests.support.events import NOW, event, number, record, sequence_number
from tests.support.fakes import Bench, whole

STRICT = {"dynamic": "strict", "properties": {"id": {"type": "keyword"}, "n": {"type": "double"}}}
LONG = {"properties": {"n": {"type": "long"}}}
MOMENT_S = 1.0


class RealBench(Bench):
    """A pipeline whose collection is real; clock, table and queue are the test's."""

    def __init__(self, gate: Gate, index_name: str, mapping: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.config = replace(self.config, host=gate.url, index=index_name, mapping=mapping)
        auth = AWS4Auth("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1", "aoss")
        self.real = OpenSearchCollection(connect(self.config, auth), self.config, self.clock)
        self.index = self.real  # type: ignore[assignment]


@pytest.fixture
def bench(gate: Gate, index_name: str) -> RealBench:
    return RealBench(gate, index_name)


@pytest.fixture
def found(direct: Client, index_name: str) -> Callable[[str], Any]:
    def look(document_id: str) -> Any:
        body = {"docs": [{"_id": document_id}]}
        (doc,) = direct.call("POST", f"/{index_name}/_mget", body).json()["docs"]
        return doc.get("_source")

    return look


def mapping_of(direct: Client, index_name: str) -> Any:
    return direct.call("GET", f"/{index_name}/_mapping").json()[index_name]["mappings"]


def image(**attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": {"S": "a"}, **attributes}


def test_insert_modify_and_remove_reach_the_document(bench: RealBench, found: Callable[[str], Any]) -> None:
    assert bench.run(event(record("INSERT", "a", number=1))) == []
    assert found("a") == whole(id="a", n=1)
    assert bench.run(event(record("MODIFY", "a", number=2))) == []
    assert found("a") == whole(id="a", n=2)
    assert bench.run(event(record("REMOVE", "a", number=3))) == []
    assert found("a") is None


def test_the_index_has_our_mapping_and_mark_before_the_first_document(
    bench: RealBench, direct: Client, index_name: str
) -> None:
    big = image(n={"N": "12345678901234567890123456789012345678"}, s={"S": "x" * 40_000}, d={"S": "2026-01-01"})
    assert bench.run(event(record("INSERT", "a", number=1, image=big))) == []
    assert bench.queue.messages == []
    mapping = mapping_of(direct, index_name)
    assert mapping["_meta"]["searchsync"]["mark"]
    assert mapping["properties"]["n"] == {"type": "double"}
    assert mapping["properties"]["d"]["type"] == "text"
    assert mapping["properties"]["s"]["fields"]["keyword"]["type"] == "keyword"


def test_a_number_keeps_its_digits_in_the_document(bench: RealBench, direct: Client, index_name: str) -> None:
    bench.run(event(record("INSERT", "a", number=1, image=image(n={"N": "9007199254740993.5"}))))
    raw = direct.call("GET", f"/{index_name}/_doc/a").text
    assert '"n":9007199254740993.5' in raw


def test_a_users_mapping_replaces_the_default(gate: Gate, direct: Client, index_name: str) -> None:
    bench = RealBench(gate, index_name, LONG)
    bench.run(event(record("INSERT", "a", number=1)))
    mapping = mapping_of(direct, index_name)
    assert mapping["properties"]["n"] == {"type": "long"}
    assert "dynamic_templates" not in mapping
    assert mapping["_meta"]["searchsync"]["mark"]


def test_an_index_that_somebody_elses_write_made_fails_the_batch(
    bench: RealBench, direct: Client, index_name: str
) -> None:
    direct.call("POST", f"/{index_name}/_doc", {"n": "guessed"})
    with pytest.raises(StackError, match="was not made by searchsync"):
        bench.run(event(record("INSERT", "a", number=1)))


def test_an_index_deleted_under_a_warm_sandbox_is_made_again_and_calls_for_a_repair(
    bench: RealBench, direct: Client, index_name: str, found: Callable[[str], Any]
) -> None:
    bench.run(event(record("INSERT", "a", number=1)))
    direct.call("DELETE", f"/{index_name}")
    bench.clock.time += NEW_INDEX_S  # before that it may only not be shown yet
    assert bench.run(event(record("INSERT", "b", number=2))) == []
    assert found("b") is not None
    assert bench.report.repair_needed == ["the index was deleted and made again"]


def test_an_index_whose_first_writes_are_answered_missing_is_busy(
    bench: RealBench, gate: Gate, found: Callable[[str], Any]
) -> None:
    gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=404, error_type="index_not_found_exception", count=None))
    assert bench.run(event(record("INSERT", "a", number=1), record("INSERT", "b", number=2))) == [sequence_number(1001)]
    gate.clear()
    assert bench.run(event(record("INSERT", "a", number=1), record("INSERT", "b", number=2))) == []
    assert found("a")
    assert found("b")


def test_two_sandboxes_that_start_at_once_share_one_index(gate: Gate, index_name: str) -> None:
    first, second = RealBench(gate, index_name), RealBench(gate, index_name)
    first.run(event(record("INSERT", "a", number=1)))
    assert second.real._create(10.0).kind.value == "done"
    second.run(event(record("INSERT", "b", number=2)))
    assert second.report.repair_needed == []


def test_a_repeated_batch_is_a_duplicate(bench: RealBench) -> None:
    batch = event(record("INSERT", "a", number=1))
    bench.run(batch)
    assert bench.run(batch) == []
    assert bench.report.results == {Result.DUPLICATE: 1}


def test_an_old_record_neither_changes_nor_deletes_a_newer_document(
    bench: RealBench, found: Callable[[str], Any]
) -> None:
    bench.run(event(record("MODIFY", "a", number=5)))
    bench.run(event(record("MODIFY", "a", number=1, second=NOW - 60)))
    assert bench.report.results == {Result.STALE: 1}
    bench.table.items["a"] = image(n={"N": "5"})
    bench.run(event(record("REMOVE", "a", number=2, second=NOW - 60)))
    assert bench.report.results == {Result.RESYNCED: 1}
    assert found("a") == whole(id="a", n=5)


def test_a_deleted_document_is_not_raised_by_an_old_record(bench: RealBench, found: Callable[[str], Any]) -> None:
    bench.run(event(record("INSERT", "a", number=1)))
    bench.run(event(record("REMOVE", "a", number=5, second=NOW + 1)))
    bench.run(event(record("MODIFY", "a", number=3)))
    assert found("a") is None


@pytest.mark.parametrize(
    ("mapping", "attribute", "error_type"),
    [
        (STRICT, {"other": {"S": "x"}}, "strict_dynamic_mapping_exception"),
        (LONG, {"n": {"S": "text"}}, "mapper_parsing_exception"),
        (LONG, {"x": {"L": [{"M": {"a": {"N": "1"}}}, {"N": "2"}]}}, "illegal_argument_exception"),
        (None, {"a..b": {"S": "x"}}, "mapper_parsing_exception"),
        (None, {"n": {"N": "1E+400"}}, "mapper_parsing_exception"),
    ],
)
def test_a_document_that_the_mapping_refuses_is_poison_and_the_rest_goes_on(  # noqa: PLR0917
    gate: Gate,
    index_name: str,
    found: Callable[[str], Any],
    mapping: dict[str, Any] | None,
    attribute: dict[str, Any],
    error_type: str,
) -> None:
    bench = RealBench(gate, index_name, mapping)
    bad = record("INSERT", "bad", number=1, image={"id": {"S": "bad"}, **attribute})
    assert bench.run(event(bad, record("INSERT", "a", number=2))) == []
    assert found("a") == whole(id="a", n=2)
    (message,) = bench.queue.messages
    assert (message["key"], message["error_type"]) == ({"id": {"S": "bad"}}, error_type)
    assert message["sequence_number"] == sequence_number(1001)


@pytest.mark.parametrize("length", [511, 512, 513, 600])
def test_ids_around_512_bytes_are_all_taken(bench: RealBench, length: int) -> None:
    key = "é" * (length // 2) + "x" * (length % 2)
    assert bench.run(event(record("INSERT", key, number=1), record("INSERT", "b", number=2))) == []
    assert bench.queue.messages == []
    assert bench.run(event(record("REMOVE", key, number=3))) == []
    assert bench.report.results == {Result.DELETED: 1}


@pytest.mark.parametrize("key", ['a"b', "a\nb", "a|b", "a/b?c#d", "é\u0001\\", "_x", "{}", "_bulk"])
def test_any_key_is_an_id(bench: RealBench, found: Callable[[str], Any], key: str) -> None:
    assert bench.run(event(record("INSERT", key, number=1))) == []
    assert found(key) == whole(id=key, n=1)


@pytest.mark.parametrize("status", [402, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("kind", [FaultKind.ITEM, FaultKind.STATUS])
def test_a_busy_answer_is_tried_again(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], kind: FaultKind, status: int
) -> None:
    gate.inject(Fault(kind, path="_bulk", status=status, count=2))
    assert bench.run(event(*(record("INSERT", key, number=each) for each, key in enumerate("abc")))) == []
    assert all(found(key) for key in "abc")
    assert bench.queue.messages == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.RESET, path="_bulk"),
        Fault(FaultKind.RESET, path="_bulk", applied=True),
        Fault(FaultKind.CUT, path="_bulk"),
        Fault(FaultKind.STATUS, path="_bulk", status=503, applied=True),
        Fault(FaultKind.STATUS, path="_bulk", status=502, body="<html>bad gateway</html>"),
    ],
)
def test_a_lost_answer_neither_loses_nor_doubles(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], fault: Fault
) -> None:
    gate.inject(fault)
    assert bench.run(event(record("INSERT", "a", number=1), record("REMOVE", "b", number=2))) == []
    assert found("a") == whole(id="a", n=1)
    assert bench.queue.messages == []


def test_an_answer_beyond_the_timeout_fails_the_record_and_its_late_write_harms_nothing(
    bench: RealBench, gate: Gate, found: Callable[[str], Any]
) -> None:
    bench.run(event(record("INSERT", "a", number=1)))
    gate.inject(Fault(FaultKind.DROP, path="_bulk", seconds=2.0, count=1))
    bench.clock.sleep = lambda seconds: None  # type: ignore[method-assign]  # noqa: ARG005
    bench.remaining = 6.5
    slow = record("MODIFY", "a", number=2)
    bench.run(event(slow))
    bench.remaining = 300.0
    assert bench.run(event(record("MODIFY", "a", number=3, second=NOW + 1))) == []
    assert found("a") == whole(id="a", n=3)


@pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.DROP])
@pytest.mark.parametrize("path", ["_mapping", "_bulk"])
def test_a_request_that_is_held_too_long_is_followed_by_one_that_succeeds(  # noqa: PLR0917
    bench: RealBench,
    gate: Gate,
    found: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    kind: FaultKind,
    path: str,
) -> None:
    """A collection that sleeps holds its first request, and wakes though nobody waits any more."""
    monkeypatch.setattr(delivery, "REQUEST_TIMEOUT", 0.3)
    gate.inject(Fault(kind, path=path, seconds=0.6))
    assert bench.run(event(record("INSERT", "a", number=1), record("REMOVE", "b", number=2))) == []
    assert "no answer" in bench.report.busy
    assert found("a") == whole(id="a", n=1)
    assert bench.queue.messages == []


def answered_in_a_moment(bench: RealBench) -> None:
    """Whoever waits in vain for the engine waits for the moment below; his clock moves on by all of his time."""
    send = bench.real.bulk

    def bulk(body: bytes, timeout: float, begin_within: float = 0.0) -> Response:
        response = send(body, MOMENT_S, begin_within)
        bench.clock.time += timeout if response.status is None else 0.05
        return response

    bench.real.bulk = bulk  # type: ignore[method-assign]


def twenty(bad: dict[str, Any], second: int) -> list[dict[str, Any]]:
    """Records of that second, of which one is as given."""
    others = [record("INSERT", f"k{each}", number=each, second=second) for each in range(19)]
    return [*others[:7], record("INSERT", "bad", number=20, second=second, image=bad), *others[7:]]


def drained(bench: RealBench, records: list[dict[str, Any]], most: int) -> None:
    """Deliver as the trigger does, from the record on that failed."""
    for _ in range(most):
        failed = bench.run(event(*records))
        if not failed:
            return
        numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
        records = records[numbers.index(failed[0]) :]
    raise AssertionError(f"still failing: {records[0]}")


@pytest.mark.parametrize(
    ("fault", "error_type", "most"),
    [
        (Fault(FaultKind.STATUS, path="_bulk", status=500, ids=("bad",), count=None), "some_exception", 2),
        (Fault(FaultKind.ITEM, path="_bulk", status=500, ids=("bad",), count=None), "some_exception", 1),
        (Fault(FaultKind.RESET, path="_bulk", ids=("bad",), count=None), NO_ANSWER, 2),
        (Fault(FaultKind.DROP, path="_bulk", seconds=5.0, ids=("bad",), count=None), NO_ANSWER, 4),
    ],
    ids=["request 500", "item 500", "reset", "never answered"],
)
def test_a_document_that_the_engine_cannot_answer_leaves_its_batch_and_the_others_are_in(  # noqa: PLR0917
    bench: RealBench, gate: Gate, found: Callable[[str], Any], fault: Fault, error_type: str, most: int
) -> None:
    answered_in_a_moment(bench)
    gate.inject(replace(fault, error_type="some_exception"))
    drained(bench, twenty({"id": {"S": "bad"}}, int(NOW - SLOW_AGE)), most)
    (message,) = bench.queue.messages
    assert (message["key"], message["error_type"]) == ({"id": {"S": "bad"}}, error_type)
    assert all(found(f"k{each}") for each in range(19))
    assert found(PROBE.id) is None


@pytest.mark.parametrize("kind", [FaultKind.ITEM, FaultKind.STATUS, FaultKind.RESET])
def test_a_storm_comes_again_and_loses_nothing(
    bench: RealBench, gate: Gate, found: Callable[[str], Any], kind: FaultKind
) -> None:
    answered_in_a_moment(bench)
    gate.inject(Fault(kind, path="_bulk", status=500, count=None))
    records = twenty({"id": {"S": "bad"}}, int(NOW - 10 * LOAD_AGE))
    assert bench.run(event(*records)) == [records[0]["dynamodb"]["SequenceNumber"]]
    assert bench.queue.messages == []
    gate.clear()
    assert bench.run(event(*records)) == []
    assert all(found(f"k{each}") for each in range(19))


def test_the_probe_is_answered_however_often_it_is_sent(bench: RealBench) -> None:
    """The first leaves a tombstone, which the next one conflicts with."""
    assert bench.real.ensure_index(10.0).kind is Kind.DONE
    for expected in (Kind.DONE, Kind.CONFLICT, Kind.CONFLICT):
        answers = classify_items([PROBE], bench.real.bulk(lines(PROBE), 10.0).body)
        assert answers is not None
        assert answers[0].kind is expected


def test_a_request_over_the_collections_limit_is_halved(engine: Any, index_name: str) -> None:
    with Gate(engine.url, rules=Rules(refresh_interval="1s", body_limit=2_000)) as small:
        bench = RealBench(small, index_name)
        large = record("INSERT", "large", number=1, image={"id": {"S": "large"}, "s": {"S": "x" * 3_000}})
        others = [record("INSERT", f"k{each}", number=each) for each in range(2, 42)]
        assert bench.run(event(large, *others)) == []
        assert [message["key"]["id"]["S"] for message in bench.queue.messages] == ["large"]
        assert bench.report.results[Result.WRITTEN] == 40


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_fails_the_batch(bench: RealBench, gate: Gate, status: int) -> None:
    gate.inject(Fault(FaultKind.STATUS, path="_bulk", status=status, count=None))
    assert bench.run(event(record("INSERT", "a", number=1))) == [number(1)]
    bench.clock.time += GRANTED_WITHIN
    with pytest.raises(StackError, match="data access policy"):
        bench.run(event(record("INSERT", "a", number=1)))
    assert bench.queue.messages == []


def test_a_refused_index_check_fails_the_batch_with_what_to_grant(bench: RealBench, gate: Gate) -> None:
    gate.inject(Fault(FaultKind.STATUS, path="_mapping", status=403, count=None))
    assert bench.run(event(record("INSERT", "a", number=1))) == [number(1)]
    bench.clock.time += GRANTED_WITHIN
    with pytest.raises(StackError, match="aoss:CreateIndex"):
        bench.run(event(record("INSERT", "a", number=1)))


def test_a_write_blocked_index_is_the_stacks_fault(bench: RealBench, direct: Client, index_name: str) -> None:
    bench.run(event(record("INSERT", "a", number=1)))
    direct.call("PUT", f"/{index_name}/_settings", {"index.blocks.write": True})
    bench.clock.time += GRANTED_WITHIN
    with pytest.raises(StackError, match="403"):
        bench.run(event(record("INSERT", "b", number=2)))


def test_a_mapping_update_beside_another_one_is_tried_again(
    bench: RealBench, gate: Gate, found: Callable[[str], Any]
) -> None:
    gate.inject(Fault(FaultKind.ITEM, status=400, error_type="resource_already_exists_exception", count=2))
    assert bench.run(event(record("INSERT", "a", number=1))) == []
    assert found("a") == whole(id="a", n=1)
    assert bench.queue.messages == []


def test_a_conflict_of_another_wording_asks_the_table(bench: RealBench, gate: Gate) -> None:
    batch = event(record("INSERT", "a", number=1))
    bench.table.items["a"] = image(n={"N": "1"})
    bench.run(batch)
    gate.inject(
        Fault(FaultKind.ITEM, status=409, error_type="version_conflict_engine_exception", reason="someone was first")
    )
    assert bench.run(batch) == []
    assert bench.report.results == {Result.RESYNCED: 1}


def test_a_conflict_of_another_wording_in_a_resync_is_looked_up(bench: RealBench, gate: Gate) -> None:
    bench.run(event(record("INSERT", "a", number=1, second=NOW)))
    gate.inject(
        Fault(FaultKind.ITEM, status=409, error_type="version_conflict_engine_exception", reason="someone was first")
    )
    assert bench.run(event(record("MODIFY", "a", number=2, second=None))) == []
    assert bench.report.results == {Result.RESYNCED: 1}


def test_an_index_that_is_deleted_by_hand_between_look_and_write_is_made_by_us_alone(
    bench: RealBench, direct: Client, found: Callable[[str], Any], index_name: str
) -> None:
    """Else the write makes it with a guessed mapping, which is reported as success."""
    assert bench.run(event(record("INSERT", "a", number=1))) == []
    before = mapping_of(direct, index_name)["_meta"]
    direct.call("DELETE", f"/{index_name}")
    assert bench.run(event(record("REMOVE", "a", number=2), record("INSERT", "b", number=3))) == []
    after = mapping_of(direct, index_name)
    assert before["searchsync"]["mark"] != after["_meta"]["searchsync"]["mark"]
    assert after["date_detection"] is False
    assert (found("a"), found("b")) == (None, whole(id="b", n=3))
    assert bench.report.repair_needed == ["the index was deleted and made again"]


def test_where_a_write_makes_the_index_the_next_batch_says_so_and_another_sandbox_asks_for_the_repair(
    bench: RealBench, gate: Gate, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(writes_make_index=True))
    for second in (0.0, NEW_INDEX_S):
        bench.clock.time += second
        assert bench.run(event(record("INSERT", "a", number=1))) == []
    direct.call("DELETE", f"/{index_name}")
    assert bench.run(event(record("INSERT", "b", number=2))) == []
    bench.clock.time += UNGUARDED_FOR
    later = RealBench(gate, index_name)
    for each in (bench, later):
        with pytest.raises(StackError, match="was not made by searchsync"):
            each.run(event(record("INSERT", "c", number=3)))
    direct.call("DELETE", f"/{index_name}")
    assert later.run(event(record("INSERT", "c", number=3))) == []
    assert "searchsync" in mapping_of(direct, index_name)["_meta"]
    assert later.report.repair_needed == ["the index was deleted and made again"]


def test_an_alias_is_written_through_and_the_guard_writes_nothing(gate: Gate, direct: Client, index_name: str) -> None:
    RealBench(gate, index_name).run(event(record("INSERT", "a", number=1)))
    direct.call("PUT", f"/{index_name}/_alias/{index_name}-alias")
    assert RealBench(gate, f"{index_name}-alias").run(event(record("INSERT", "b", number=2))) == []
    direct.call("POST", f"/{index_name}/_refresh")
    assert direct.call("GET", f"/{index_name}/_count").json()["count"] == 2


def test_every_request_is_signed_for_aoss(gate: Gate, index_name: str) -> None:
    seen: list[Any] = []

    def look(request: Any) -> None:
        seen.append({name.lower(): value for name, value in request.headers.items()})

    with Gate(gate.upstream_url, authorize=look) as watching:
        RealBench(watching, index_name).run(event(record("INSERT", "a", number=1)))
    assert len(seen) >= 3
    for headers in seen:
        assert "/eu-central-1/aoss/aws4_request" in headers["authorization"]
        assert len(headers["x-amz-content-sha256"]) == 64
        assert "content-encoding" not in headers


def test_the_current_versions_of_documents_are_those_of_the_last_writes(bench: RealBench) -> None:
    bench.run(event(record("INSERT", "a", number=1), record("REMOVE", "b", number=2)))
    assert list(bench.real.current_versions(["a", "b", "c"], 10.0)) == ["a"]


def test_the_creation_body_is_what_the_engine_keeps(bench: RealBench, direct: Client, index_name: str) -> None:
    bench.run(event(record("INSERT", "a", number=1)))
    assert json.dumps(mapping_of(direct, index_name)["dynamic_templates"]).count('"double"') >= 2


def test_a_path_that_no_parser_takes_is_poison_and_its_neighbours_are_written(
    bench: RealBench, found: Callable[[str], Any]
) -> None:
    """1,500 dots end the engine's thread without an answer: the shard would stand until its records are dropped."""
    bad = record("INSERT", "bad", number=2, image={"id": {"S": "bad"}, ".".join(["a"] * 20_000): {"N": "1"}})
    assert bench.run(event(record("INSERT", "a", number=1), bad, record("INSERT", "b", number=3))) == []
    assert (found("a"), found("bad"), found("b")) == (whole(id="a", n=1), None, whole(id="b", n=3))
    (message,) = bench.queue.messages
    assert (message["error_type"], message["key"]) == ("ConversionError", {"id": {"S": "bad"}})
