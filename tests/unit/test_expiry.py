"""Documents of items that expired by their time to live: followed, or kept in a view that says so."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from searchsync.clock import Backoff, Deadline
from searchsync.config import Config, read_environment
from searchsync.documents.document import document_fields
from searchsync.documents.shape import Rules, Shape
from searchsync.documents.transform import Transform
from searchsync.edges.failures import failure_message
from searchsync.edges.stream import _record
from searchsync.errors import ConfigurationError, RunRefusedError
from searchsync.limits import LARGEST_BODY, READ_TO_REQUEST
from searchsync.protocol.bulk import Write
from searchsync.protocol.records import parse_event
from searchsync.protocol.version import (
    DELETED,
    EXPIRED,
    deletes_as_of,
    expires_after,
    is_table_read,
    second_of,
    version_without_item,
)
from searchsync.reconcile.agreement import Kind
from searchsync.reconcile.identity import Index, saw
from searchsync.reconcile.prepare import TableFacts, check_table
from searchsync.reconcile.repair import Repair
from searchsync.reconcile.verify import Difference
from searchsync.sync.delivery import Delivery
from searchsync.sync.resync import Result, Resync, Target
from tests.support.events import NOW, STREAM_ARN, environment, event, number, record, version
from tests.support.fakes import BUSY, POISONED, Bench, FakeClock, whole
from tests.support.reconcile_harness import World
from tests.support.redrive_harness import TRIMMED, RedriveBench, answer, poison_message, range_message
from tests.unit.test_reconcile_verify import Run

SKEW = 10.0
LATER = NOW + int(expires_after(SKEW)) + 1
"""The second of an expiry of an item that was changed at NOW."""
KEEPS = json.dumps({"keep_expired": "n"})


def keeping(**changes: str) -> Config:
    return read_environment(environment(DOCUMENT_SHAPE=KEEPS, **changes))


def bench_of(config: Config | None = None) -> Bench:
    """A pipeline that takes its batches a moment after LATER."""
    return Bench(config=keeping() if config is None else config, clock=FakeClock(LATER + 1.5))


def expiry(key: str, position: int = 2, second: int = LATER, **old: Any) -> dict[str, Any]:
    """The record of an item that expired."""
    raw = record("REMOVE", key, number=position, second=second)
    raw["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    raw["dynamodb"]["OldImage"] = {"id": {"S": key}, "n": {"N": "1"}, **old}
    return raw


def refusing(*conflicts: dict[str, Any] | None) -> Any:
    """The next writes' conflicts, then none."""
    left = list(conflicts)
    return lambda _operation, _name: left.pop(0) if left else None


UNTOLD = {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "no version here"}}


def test_a_records_identity_tells_an_expiry_from_a_deletion() -> None:
    deleted, other = record("REMOVE", "a"), expiry("a")
    other["userIdentity"] = {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}
    expired, gone, strange = parse_event(event(expiry("a"), deleted, other))
    assert (expired.removal, gone.removal, strange.removal) == (EXPIRED, DELETED, DELETED)
    assert expired.old_image == {"id": {"S": "a"}, "n": {"N": "1"}}
    assert gone.old_image is None


def test_a_range_read_from_the_stream_tells_it_too_in_its_own_words() -> None:
    raw = expiry("a") | {"userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}}
    told = _record({}, raw, STREAM_ARN)
    assert (told.removal, told.old_image) == (EXPIRED, None)


def test_without_the_setting_an_expired_items_document_is_deleted() -> None:
    bench = bench_of(read_environment(environment()))
    bench.run(event(record("INSERT", "a", number=1)))
    bench.run(event(expiry("a")))
    assert bench.index.documents == {}


def test_with_it_the_document_stays_as_the_item_was_last() -> None:
    bench = bench_of()
    bench.run(event(record("INSERT", "a", number=1), record("INSERT", "b", number=2)))
    assert bench.run(event(expiry("a", 3, name={"S": "last"}), record("REMOVE", "b", number=4, second=LATER))) == []
    assert bench.index.documents == {"a": (version(3, LATER), whole(id="a", n=1, name="last"))}


def test_one_view_keeps_what_the_other_follows() -> None:
    views = {"archive": {"index": "archive", "document": {"keep_expired": "n"}}}
    bench = bench_of(read_environment(environment(VIEWS=json.dumps(views))))
    bench.run(event(record("INSERT", "a", number=1)))
    bench.run(event(expiry("a")))
    assert [name.rpartition(":")[2] for name in bench.index.documents] == ["a"]
    assert [each.partition("archive")[1] for each in bench.index.documents] == ["archive"]


def test_a_batch_in_which_an_item_changes_and_expires_keeps_it_in_whatever_order_its_changes_are() -> None:
    bench = bench_of()
    bench.run(event(record("MODIFY", "a", number=2, second=NOW + 1), record("MODIFY", "a", number=3), expiry("a", 4)))
    assert bench.index.documents["a"][0] == version(4, LATER)
    assert bench.table.reads == []


def test_an_expiry_that_meets_something_later_is_done() -> None:
    bench = bench_of()
    bench.run(event(record("MODIFY", "a", number=9, second=LATER + 5)))
    bench.run(event(expiry("a", 3)))
    assert bench.report.results == {Result.STALE: 1}
    assert bench.index.documents["a"][1] == whole(id="a", n=9)
    assert bench.table.reads == []


def test_an_expiry_that_was_refused_without_a_version_is_written_again() -> None:
    bench = bench_of()
    bench.index.item_fault = refusing(UNTOLD)
    assert bench.run(event(expiry("a"))) == []
    assert bench.index.documents["a"] == (version(2, LATER), whole(id="a", n=1))


def test_an_expiry_without_its_old_image_is_poison_with_its_remedy() -> None:
    bench = bench_of()
    raw = expiry("a")
    del raw["dynamodb"]["OldImage"]
    bench.run(event(raw))
    (message,) = bench.queue.messages
    assert (message["error_type"], message["as_of"]) == ("NotKeptError", 0)
    assert "NEW_AND_OLD_IMAGES" in message["reason"]


def test_an_item_that_expired_by_another_attribute_is_poison_with_its_remedy() -> None:
    for told in ({"S": "soon"}, {"N": str(LATER + 100)}):
        bench = bench_of()
        bench.run(event(expiry("a", n=told)))
        (message,) = bench.queue.messages
        assert message["error_type"] == "NotKeptError"
        assert "set document.keep_expired to the attribute by which" in message["reason"]


def test_an_expiry_of_an_item_that_leaves_no_document_is_a_deletion_that_renews_its_tombstone() -> None:
    shape = json.dumps({"keep_expired": "n", "when": json.dumps({"hidden": [{"exists": False}]})})
    bench = bench_of(read_environment(environment(DOCUMENT_SHAPE=shape)))
    tombstones = []
    for _ in range(3):
        assert bench.run(event(expiry("a", hidden={"BOOL": True}))) == []
        tombstones.append(bench.index.tombstones["a"])
        bench.clock.time += 1_000
    assert version(2, LATER) == tombstones[0] < tombstones[1] < tombstones[2]
    bench.run(event(expiry("a", 5, LATER + 1_000)))
    assert bench.index.documents["a"][0] == version(5, LATER + 1_000)


def test_what_an_expiry_keeps_is_sent_as_long_as_its_batch_allows_and_no_longer() -> None:
    """The item was deleted by somebody after it came back: only the table's reads are newer than that."""
    bench = bench_of()
    taken, sent = bench.clock.time, list[float]()

    def busy(operation: str, _name: str) -> dict[str, Any]:
        sent.append(bench.clock.time - taken)
        return UNTOLD if len(sent) == 1 and operation == "index" else BUSY

    bench.index.item_fault = busy
    assert bench.run(event(expiry("a"))) == [number(2)]
    assert bench.table.reads
    assert 10.0 < max(sent) <= READ_TO_REQUEST


def test_an_expiry_that_is_too_late_to_be_written_holds_nothing_else_up() -> None:
    bench = bench_of()
    bench.table.items["b"] = {"id": {"S": "b"}}
    delivery = Delivery(bench.index, Backoff(bench.clock, random.Random(1)), LARGEST_BODY)
    over = Deadline(bench.clock, bench.clock.monotonic(), bench.clock.monotonic())
    view = bench.config.targets[0]
    late = Write("a", version(2, LATER), b"{}")
    targets = [Target(name, {"id": {"S": name}}, LATER, LATER, view) for name in "ab"]
    targets[0] = replace(targets[0], kept=late)
    resync = Resync(bench.table, delivery.deliver, bench.clock, SKEW, kept_until=over)
    outcomes = resync.run(targets, Deadline.after(bench.clock, 200.0))
    assert {name: each.result for name, each in outcomes.items()} == {"a": Result.FAILED, "b": Result.RESYNCED}
    assert bench.index.documents.keys() == {"b"}


def test_a_deletion_that_finds_no_item_does_not_undo_the_expiry_that_came_since() -> None:
    """The deletion's batch comes again, when an item put after it has expired."""
    bench = bench_of()
    deletion = record("REMOVE", "a", number=1)
    bench.run(event(deletion))
    bench.run(event(expiry("a", 3, LATER)))
    bench.clock.time += 1_000
    assert bench.run(event(deletion)) == []
    assert bench.index.documents["a"] == (version(3, LATER), whole(id="a", n=1))


def test_a_repeated_deletion_renews_its_tombstone_above_what_was_before_and_below_a_later_expiry() -> None:
    bench = bench_of()
    deletion = record("REMOVE", "a", number=1)
    bench.run(event(deletion))
    tombstones = []
    for _ in range(2):
        bench.clock.time += 1_000
        bench.run(event(deletion))
        tombstones.append(bench.index.tombstones["a"])
    assert version(1, NOW + int(SKEW)) < tombstones[0] < tombstones[1] < version(2, LATER)
    assert all(map(is_table_read, tombstones))


def test_a_put_whose_item_is_gone_leaves_nothing_of_before_to_the_expiry_that_follows() -> None:
    bench = bench_of()
    bench.index.documents["a"] = (version(5, NOW + 1), {"id": "a"})
    bench.run(event(record("MODIFY", "a", number=1)))
    assert bench.index.documents == {}
    bench.run(event(expiry("a", 9)))
    assert bench.index.documents["a"] == (version(9, LATER), whole(id="a", n=1))


@pytest.mark.parametrize(
    ("removal", "second", "as_of"),
    [("", 5, 5), (DELETED, 5, 5), (EXPIRED, 5, 0), ("", None, 0), (DELETED, None, float("inf")), (EXPIRED, None, 0)],
)
def test_what_a_deletion_stands_for_where_no_item_is_read(removal: str, second: int | None, as_of: float) -> None:
    assert deletes_as_of(removal, second) == as_of


def test_a_deletion_is_never_above_the_read_that_found_no_item() -> None:
    read = version_without_item(float("inf"), version(1) | 1, SKEW)
    assert read == version(1) | 1
    assert version_without_item(NOW, read, SKEW) == read
    assert second_of(version_without_item(NOW, version(1, LATER), SKEW)) == NOW + SKEW + 1


def test_a_redrive_of_an_expired_items_message_leaves_what_is_there() -> None:
    bench = RedriveBench(config=keeping())
    bench.index.documents["a"] = (version(1), {"id": "a"})
    bench.queue.put(poison_message("a", second=LATER, as_of=0))
    bench.run()
    assert bench.index.documents["a"] == (version(1), {"id": "a"})
    assert bench.queue.visible == {}


def test_a_redrive_of_what_came_before_does_not_undo_the_expiry() -> None:
    bench = RedriveBench(config=keeping())
    bench.index.documents |= {"a": (version(3, LATER), {"id": "a"}), "b": (version(1), {"id": "b"})}
    bench.queue.put(poison_message("a", as_of=NOW), poison_message("b", as_of=NOW))
    bench.run()
    assert bench.index.documents == {"a": (version(3, LATER), {"id": "a"})}


def test_what_came_before_a_poison_expiry_in_its_batch_is_not_left_in_its_place() -> None:
    bench = bench_of()
    bench.index.item_fault = lambda _operation, _name: POISONED
    bench.run(event(record("MODIFY", "a", number=1), expiry("a", 2)))
    (message,) = bench.queue.messages
    again = RedriveBench(config=keeping())
    again.index.documents["a"] = (version(0, NOW - 9), {"id": "a"})
    again.queue.put(json.dumps(message))
    again.run()
    assert again.index.documents == {}


@pytest.mark.parametrize(("as_of", "gone"), [(None, True), (NOW, True), (NOW + 10_000, False), ("soon", False)])
def test_a_message_says_of_when_a_deletion_is(as_of: Any, gone: bool) -> None:
    bench = RedriveBench(config=keeping())
    bench.index.documents["a"] = (version(1), {"id": "a"})
    bench.queue.put(poison_message("a", as_of=as_of))
    bench.run()
    assert (bench.index.documents == {}) is gone


def test_a_redrive_of_a_deletion_renews_its_tombstone() -> None:
    bench = RedriveBench(config=keeping())
    tombstones = []
    for _ in range(2):
        bench.queue.put(poison_message("a", as_of=NOW))
        assert bench.run()["redriven"] == 1
        tombstones.append(bench.index.tombstones["a"])
    assert tombstones[0] < tombstones[1] < version(2, LATER)


def test_a_range_that_was_given_up_leaves_what_its_expiries_keep_and_deletes_what_was_before() -> None:
    """What an item was that came and expired within the range is in the stream alone: its older document is not it."""
    bench = RedriveBench(config=keeping())
    bench.stream.raw = [record("MODIFY", "b", number=1), expiry("a", 2), expiry("b", 3)]
    bench.index.documents |= {name: (version(0, NOW - 9), {"id": name}) for name in "ab"}
    bench.queue.put(range_message("1", "3"))
    bench.run()
    assert bench.index.documents.keys() == {"a"}


def test_a_document_may_stay_without_its_item_once_it_says_that_it_has_expired() -> None:
    world = World(rules=Rules(keep_expired="expires"))
    for name in "abcde":
        world.put(name, expires={"N": str(int(world.clock.time) + (-5 if name in "ab" else 10_000))})
    world.put("f")
    world.rest()
    for name in "acdf":
        del world.client.items[name]
    run = Run(world)
    assert run.kinds().keys() == {"c", "d", "f"}
    assert run.verification.counts["kept"] == 1


def test_a_repair_does_not_settle_a_range_whose_deletions_the_stream_still_has() -> None:
    """By its time the document may stay: the repair left it."""
    bench = RedriveBench(config=keeping())
    bench.index.documents["a"] = (version(0, NOW - 9), {"id": "a", "n": 1})
    bench.stream.raw = [record("REMOVE", "a", number=1)]
    bench.queue.put(range_message("1", "3"))
    assert bench.run({"repaired_since": NOW + 50}) == answer(taken=1, redriven=1, keys=1)
    assert bench.index.documents == {}
    bench.stream.lost = TRIMMED
    bench.queue.put(range_message("1", "3"))
    assert bench.run({"repaired_since": NOW + 50}) == answer(taken=1, redriven=1)


def test_what_a_repair_could_not_delete_is_deleted_by_the_redrive() -> None:
    bench = bench_of()
    bench.index.documents["a"] = (version(1), {"id": "a"})
    bench.index.item_fault = lambda _operation, _name: POISONED
    delivery = Delivery(bench.index, Backoff(bench.clock, random.Random(1)), LARGEST_BODY)
    repair = Repair(bench.table, delivery.deliver, bench.clock, SKEW, bench.config.rules)
    seen = Difference("a", {"id": {"S": "a"}}, Kind.ORPHAN, version=version(1))
    (poison,) = repair.mend([seen], Deadline.after(bench.clock, 100.0)).poison
    again = RedriveBench(config=keeping(), index=bench.index)
    again.index.item_fault = None
    again.queue.put(failure_message(poison, again.config, NOW))
    assert again.run()["redriven"] == 1
    assert again.index.documents == {}


def test_a_repair_deletes_what_it_saw_and_not_what_an_expiry_has_kept_since() -> None:
    bench = bench_of()
    bench.index.documents |= {"a": (version(3, LATER), {"id": "a"}), "b": (version(1), {"id": "b"})}
    delivery = Delivery(bench.index, Backoff(bench.clock, random.Random(1)), LARGEST_BODY)
    repair = Repair(bench.table, delivery.deliver, bench.clock, SKEW, bench.config.rules)
    seen = [Difference(name, {"id": {"S": name}}, Kind.ORPHAN, version=version(1)) for name in "ab"]
    gone = Difference("c", {"id": {"S": "c"}}, Kind.MISSING)
    bench.index.documents["c"] = (version(4, LATER), {"id": "c"})
    assert repair.mend([*seen, gone], Deadline.after(bench.clock, 100.0)).counts == {"repaired": 3, "poison": 0}
    assert bench.index.documents.keys() == {"a", "c"}


@pytest.mark.parametrize("expires", ["soon", None, True, {"n": 1}])
def test_what_is_no_time_does_not_keep_a_document(expires: Any) -> None:
    assert not Rules(keep_expired="expires").is_kept({"expires": expires}, 1e12)
    assert not Rules(keep_expired="expires").is_kept("text", 1e12)


def without(document: dict[str, Any], item: Mapping[str, Any], view: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "expires" and item and not view}


def whole_as_it_is(document: dict[str, Any], *_: Any) -> dict[str, Any]:
    return document


def test_a_transform_must_leave_the_time_by_which_documents_are_kept() -> None:
    image = {"id": {"S": "a"}, "expires": {"N": "5"}}
    rules = Rules(keep_expired="expires", transform=Transform(without, ""))
    made = document_fields("a", image, rules)
    assert made is not None
    (why,) = made["expires"].values()
    assert "document.keep_expired" in why
    assert document_fields("a", {"id": {"S": "a"}, "expires": {"S": "never"}}, rules) is not None
    same = replace(rules, transform=Transform(whole_as_it_is, ""))
    assert (document_fields("a", image, same) or {})["expires"] == {"N": "5"}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"keep_expired": "", "exclude": []}, "give `keep_expired` as the name"),
        ({"keep_expired": 5}, "give `keep_expired` as the name"),
        ({"keep_expired": "a", "exclude": ["a.b"]}, "`exclude` leaves it out"),
        ({"keep_expired": "a", "rename": {"a": "b"}}, "`rename` gives it another name"),
        ({"keep_expired": "a", "rename": {"b": "a"}}, "`rename` gives its name to another one"),
        ({"keep_expired": "a", "include": ["a.b"]}, "`include` does not name it"),
        ({"keep_expired": "a", "constants": {"a": 1}}, "a constant has its name"),
    ],
)
def test_an_attribute_that_documents_do_not_say_is_refused_at_start(shape: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match="DOCUMENT_SHAPE is") as refusal:
        read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape)))
    assert said in str(refusal.value)


def test_a_key_attribute_or_a_name_with_a_dot_may_say_it() -> None:
    for shape in ({"keep_expired": "id", "include": ["b"]}, {"keep_expired": "a.b", "include": ["a\\.b"]}):
        assert read_environment(environment(DOCUMENT_SHAPE=json.dumps(shape))).keep_expired == shape["keep_expired"]
    assert Shape().hides("a") == ""


def test_a_verdict_falls_with_it() -> None:
    facts, there = TableFacts({"id": "S"}, 0, STREAM_ARN), Index("there", "uuid", "mark")
    assert saw(keeping(), facts, there)["shape"] != saw(read_environment(environment()), facts, there)["shape"]


def test_a_run_refuses_a_stream_without_old_images() -> None:
    facts = TableFacts({"id": "S"}, 0, STREAM_ARN, images="NEW_IMAGE")
    check_table(facts, read_environment(environment()))
    with pytest.raises(RunRefusedError, match="has the view type NEW_IMAGE, and document"):
        check_table(facts, keeping())
    check_table(replace(facts, images="NEW_AND_OLD_IMAGES"), keeping())
