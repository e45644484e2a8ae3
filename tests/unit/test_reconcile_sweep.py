"""The index's ranges: what of them is looked up in the table, and that nothing is missed."""

from __future__ import annotations

import random
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from searchsync.clock import Deadline
from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.documents.shape import WHOLE
from searchsync.errors import RunRefusedError, StackError
from searchsync.limits import KEYS
from searchsync.protocol.version import LOW_BITS
from searchsync.reconcile import seen as seen_module
from searchsync.reconcile.bucket import Bucket
from searchsync.reconcile.seen import Keys, Seen, SeenStore
from searchsync.reconcile.state import Range
from searchsync.reconcile.sweep import Stride, Sweep
from searchsync.reconcile.verify import Verification
from tests.support.fakes import MemoryBucket
from tests.support.reconcile_harness import IN_TIME, MAX_SKEW, Lane, World

BUCKET = "seen"


@pytest.fixture(params=["moto", "memory"])
def s3(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        yield MemoryBucket()
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket=BUCKET)
        yield client


def filled(count: int = 60) -> World:
    world = World()
    for number in range(count):
        world.put(f"item-{number:04d}", n={"N": str(number)})
    world.rest()
    return world


def swept(world: World, seen: Seen, since: float | None = None, of: int = 1) -> Verification:
    """Every page of every range; what was looked up is in `verification.disagreements` and the table's reads."""
    verification = Verification(
        world.table,
        world.reader,
        world.clock,
        random.Random(1),
        world.types,
        WHOLE,
        10.0,
        world.visibility,
        IN_TIME,
    )
    deadline = Deadline.after(world.clock, 3_600.0)
    began = world.clock.now() if since is None else since
    for number in range(of):
        part = Range(number, of, began)
        sweep = Sweep(world.reader, world.visibility, world.clock, MAX_SKEW, part, seen, verification)
        position = sweep.page(None, deadline)
        while position is not None:
            position = sweep.page(position, deadline)
    return verification


def all_seen(world: World) -> Seen:
    keys = Keys(1)
    keys.add(world.client.items)
    return Seen([keys._ranges[0].__class__("Q", sorted(keys._ranges[0]))])


def found(verification: Verification) -> set[str]:
    return {each.id for each in verification.disagreements}


def test_items_that_the_table_has_shown_are_not_looked_up_and_an_orphan_is() -> None:
    world = filled()
    world.plant("orphan", {"id": "orphan"})
    before = world.client.reads
    assert found(swept(world, all_seen(world), of=3)) == {"orphan"}
    assert world.client.reads - before == 1


def test_an_orphan_beside_neighbours_that_change_is_found() -> None:
    """In each range documents come and go, so that no count of a range would be the same twice."""
    world = filled()
    world.plant("orphan", {"id": "orphan"})
    since = world.clock.now()
    seen = all_seen(world)
    for number in range(0, 60, 2):
        world.delete(f"item-{number:04d}")
        world.put(f"new-{number:04d}")
        world.put(f"item-{number + 1:04d}", n={"N": "-1"})
    world.rest()
    assert found(swept(world, seen, since, of=5)) == {"orphan"}


def test_an_orphan_without_a_key_is_found() -> None:
    world = filled()
    world.index.documents["orphan"] = (7, {"id": "orphan"})
    assert found(swept(world, all_seen(world), of=2)) == {"orphan"}


def test_a_document_that_came_since_the_run_began_is_not_looked_up_and_one_from_the_future_is() -> None:
    world = filled(1)
    seen, since = all_seen(world), world.clock.now()
    world.clock.sleep(100.0)
    second = int(world.clock.now())
    world.plant("new", {}, second << LOW_BITS)
    world.plant("as-old-as-the-max_skew", {}, int(since + MAX_SKEW) << LOW_BITS)
    world.plant("future", {}, int(second + MAX_SKEW + 2) << LOW_BITS)
    assert found(swept(world, seen, since)) == {"as-old-as-the-max_skew", "future"}


def test_a_copy_under_another_id_is_found_though_its_key_was_seen() -> None:
    world = filled()
    world.plant("copy", dict(world.index.documents["item-0007"][1]))
    assert world.index.documents["copy"][1][KEY_FIELD] == index_key("item-0007")
    assert found(swept(world, all_seen(world))) == {"copy"}


@pytest.mark.parametrize("key", [0, 1, KEYS - 1])
def test_ids_of_one_key_are_found_both_wherever_a_page_ends(key: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that collides: an item and an orphan, on what would be a page's border."""
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 4)
    world = World()
    for number in range(40):
        world.plant(f"spread-{number}", {KEY_FIELD: KEYS // 40 * number + 5})
    world.plant("one", {KEY_FIELD: key})
    world.plant("other", {KEY_FIELD: key})
    assert found(swept(world, Seen([all_seen(world).keys[0].__class__("Q", [key])]), of=2)) >= {"one", "other"}


def test_too_many_documents_of_one_key_end_the_run_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 4)
    world = World()
    for number in range(5):
        world.plant(f"copy-{number}", {KEY_FIELD: 77})
    with pytest.raises(RunRefusedError, match=f"5 documents of the index have the same {KEY_FIELD}, 77"):
        swept(world, Seen())


@given(st.lists(st.integers(0, KEYS - 1), max_size=60), st.integers(1, 5), st.booleans())
def test_every_document_is_shown_once_however_the_keys_lie(keys: list[int], of: int, dense: bool) -> None:
    world = World()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("searchsync.reconcile.sweep.LARGEST_RESULT_WINDOW", 6)
        spread = sorted({key % 50 if dense else key for key in keys})
        for key in spread:
            world.plant(f"d{key}", {KEY_FIELD: key})
        verification = swept(world, Seen(), of=of)
    assert [each.id for each in sorted(verification.disagreements, key=lambda each: int(each.id[1:]))] == [
        f"d{key}" for key in spread
    ]


def test_a_stride_is_as_wide_as_the_last_ranges_density_wants() -> None:
    stride = Stride(100)
    assert stride.end(5, 1_000_000) == 1_000_000
    stride.saw(1_000_000, 10_000)
    assert stride.end(5, 1_000_000) == 10_005
    assert stride.end(995_000, 1_000_000) == 1_000_000
    stride.saw(10, 10_000)
    assert stride.end(5, 1_000_000) == 6  # never nothing
    stride.saw(1_000, 0)
    assert stride.end(0, 1_000_000) == 100_000


# What the table has shown, between the two phases


def test_keys_that_a_call_has_written_are_read_by_range(s3: Any) -> None:
    store = SeenStore(Bucket(s3, BUCKET))
    names = [f"item-{number}" for number in range(500)]
    for call, read in enumerate([names[:200], names[200:], []]):
        keys = Keys(7)
        keys.add(read)
        store.write("run", f"segment-0000-{call:04d}", keys)
    for number in range(7):
        part = Range(number, 7, 0.0)
        seen = store.read("run", number, 7)
        wanted = {index_key(name) for name in names if part.low <= index_key(name) < part.high}
        assert seen.between(part.low, part.high) == wanted
        middle = (part.low + part.high) // 2
        assert seen.between(part.low, middle) | seen.between(middle, part.high) == wanted
        assert seen.between(part.low, middle) == {key for key in wanted if key < middle}
    assert store.read("another", 0, 7).between(0, KEYS) == set()


def test_a_calls_repetition_replaces_what_it_wrote_before(s3: Any) -> None:
    store = SeenStore(Bucket(s3, BUCKET))
    for names in (["a", "b"], ["a"]):
        keys = Keys(1)
        keys.add(names)
        store.write("run", "segment-0000-0000", keys)
    assert store.read("run", 0, 1).between(0, KEYS) == {index_key("a")}


def test_more_objects_than_one_list_names_are_all_read(s3: Any) -> None:
    store = SeenStore(Bucket(s3, BUCKET))
    for call in range(1_001):
        keys = Keys(1)
        keys.add([str(call)])
        store.write("run", f"segment-0000-{call:04d}", keys)
    assert len(store.read("run", 0, 1).keys) == 1_001


def test_what_does_not_fit_into_memory_is_looked_up_instead(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "MOST_SEEN_BYTES", 8 * 15)
    store = SeenStore(Bucket(s3, BUCKET))
    for call in range(2):
        keys = Keys(1)
        keys.add(f"{call}-{number}" for number in range(10))
        store.write("run", f"segment-0000-{call:04d}", keys)
    assert len(store.read("run", 0, 1).between(0, KEYS)) == 10


def test_a_bucket_that_refuses_is_said_with_what_to_check() -> None:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        with pytest.raises(StackError, match="bucket gone refused a request: NoSuchBucket"):
            SeenStore(Bucket(client, "gone")).write("run", "segment-0000-0000", Keys(1))
        with pytest.raises(StackError, match="s3:ListBucket"):
            SeenStore(Bucket(client, "gone")).read("run", 0, 1)


@pytest.mark.parametrize("call_seconds", [880.0, 40.0])
def test_a_verification_with_a_bucket_looks_up_nothing_of_what_agrees(s3: Any, call_seconds: float) -> None:
    world = filled(300)
    world.client.unit = 1.0
    world.client.page = 50
    world.plant("orphan", {"id": "orphan"})
    lane = Lane(world, s3=s3, seen_bucket=BUCKET, call_seconds=call_seconds)
    before = world.client.reads
    lane.reconcile("verify", of=3)
    assert lane.differences() == {"orphan": "orphan"}
    assert world.client.reads - before == 2  # the orphan, at both looks
    without = Lane(world)
    without.reconcile("verify", of=3)
    assert without.differences() == {"orphan": "orphan"}
    assert world.client.reads - before > 4


def test_each_call_of_a_segment_has_an_object_of_its_own(s3: Any) -> None:
    """Its repetition begins where it began, and writes the same object."""
    world = filled()
    lane = Lane(world, s3=s3, seen_bucket=BUCKET)
    lane.reconcile("verify", of=2)
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="seen/")["Contents"]
    assert [each["Key"] for each in listed] == [f"seen/run-1/segment-000{number}-0000" for number in range(2)]
    assert sum(map(len, SeenStore(Bucket(s3, BUCKET)).read("run-1", 0, 2).keys)) < 60


def test_a_call_ends_when_it_holds_as_many_keys_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searchsync.reconcile.parts.MOST_KEYS", 100)
    world, bucket = filled(300), MemoryBucket()
    world.client.page = 50
    lane = Lane(world, s3=bucket, seen_bucket=BUCKET)
    assert lane.reconcile("verify") == {"items": 300, "documents": 300}
    assert [len(body) for body in bucket.objects.values()] == [4 + 8 * 100] * 3 + [4]
    alone = Lane(world)
    alone.reconcile("verify")
    assert len(alone.states) == 2  # where nothing is kept there is nothing to hold


def test_a_repetition_that_comes_less_far_than_the_lost_answers_call_loses_nothing() -> None:
    """What its object no longer says is looked up; what it says was read."""
    world, bucket = filled(200), MemoryBucket()
    world.client.page = 50
    world.plant("orphan", {"id": "orphan"})
    lane = Lane(world, s3=bucket, seen_bucket=BUCKET)
    state = {"task": "verify", "run": "run-1", "recheck_delay": 10.0, "export": None, "part": {"segment": 0, "of": 1}}
    state |= {"position": None, "call": 0, "totals": {}, "done": False}
    lane.call_seconds = 880.0
    whole = lane.call(state)
    lane.call_seconds = 71.0
    less = lane.call(state)
    assert (whole["done"], less["done"]) == (True, False)
    while not less["done"]:
        less = lane.call(less)
    lane.call_seconds = 880.0
    before = world.client.reads
    lane.run("verify", {"range": 0, "of": 1, "since": world.clock.now()})
    assert lane.differences() == {"orphan": "orphan"}
    assert world.client.reads - before == 2
