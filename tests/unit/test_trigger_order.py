"""In which order the event source mapping delivers: lanes, shards, starting position."""

from __future__ import annotations

from lab.trigger_edges import Shard
from tests.support.trigger_harness import (
    Bench,
    Later,
    Stream,
    fails_with,
    four,
    number,
    settings,
    stream_record,
    succeed,
)


def test_one_invocation_at_a_time_in_a_shard() -> None:
    later = Later()
    bench = Bench(settings(batch_size=1), submit=later)
    bench.stream.put(*four())
    bench.run()
    assert len(later.calls) == 1
    later.answer(0)
    bench.run()
    assert len(later.calls) == 1
    assert bench.positions == [[0]]


def test_lanes_run_at_once_an_item_keeps_its_lane_and_the_checkpoint_its_prefix() -> None:
    later = Later()
    bench = Bench(settings(batch_size=2, parallelization_factor=4), submit=later)
    bench.stream.put(*(stream_record(position, key=f"k{position % 6}") for position in range(12)))
    bench.run()
    assert 1 < len(later.calls) <= 4
    first_lane = len(later.calls) - 1
    while later.calls:  # The lane of the stream's first record answers last of all.
        later.answer(min(first_lane, len(later.calls) - 1))
        bench.run()
        finished = {position for batch in bench.positions for position in batch}
        prefix = next(n for n in range(13) if n not in finished)
        held = bench.trigger.checkpoints.get("s")
        assert held == (number(prefix - 1) if prefix else None)
    order = [position for batch in bench.positions for position in batch]
    for key in range(6):
        assert [p for p in order if p % 6 == key] == [key, key + 6]
    assert bench.trigger.checkpoints == {"s": number(11)}


def test_a_failing_lane_does_not_hold_the_others_but_the_checkpoint() -> None:
    bench = Bench(settings(batch_size=1, parallelization_factor=4), respond=fails_with(0))
    bench.stream.put(*(stream_record(position) for position in range(8)))
    bench.run(3)
    assert len({p for batch in bench.positions for p in batch}) > 4
    assert bench.trigger.checkpoints == {}


def parent_and_child() -> Stream:
    stream = Stream([Shard("child", "parent"), Shard("parent")], {"parent": [], "child": []})
    stream.put(*(stream_record(position) for position in range(3)), shard="parent")
    stream.put(*(stream_record(position) for position in range(3, 5)), shard="child")
    return stream


def test_a_child_shard_starts_after_its_parent_is_drained() -> None:
    stream = parent_and_child()
    bench = Bench(settings(batch_size=2), respond=fails_with(2), stream=stream)
    bench.run()
    stream.closed.add("parent")
    bench.run(20)
    assert not any(p in (3, 4) for batch in bench.positions for p in batch)
    bench.respond = succeed
    bench.run(20)
    assert bench.positions[-1] == [3, 4]
    assert bench.trigger.checkpoints == {"parent": number(2), "child": number(4)}


def test_a_child_whose_parent_the_stream_has_forgotten_starts() -> None:
    stream = parent_and_child()
    stream.shards_now = [Shard("child", "parent")]
    bench = Bench(settings(), stream=stream)
    bench.run()
    assert bench.positions == [[3, 4]]


def test_trim_horizon_begins_with_the_oldest_record() -> None:
    bench = Bench(settings())
    bench.stream.put(*four())
    bench.run()
    assert bench.positions == [[0, 1, 2, 3]]


def test_latest_misses_what_was_there_and_reads_later_shards_from_their_beginning() -> None:
    bench = Bench(settings(starting_position="LATEST"))
    bench.stream.put(stream_record(0))
    bench.run()
    bench.stream.put(stream_record(1))
    bench.run()
    assert bench.positions == [[1]]
    bench.stream.closed.add("s")
    bench.stream.records["t"] = [stream_record(2)]
    bench.stream.shards_now.append(Shard("t", "s"))
    bench.run()
    assert bench.positions == [[1], [2]]
