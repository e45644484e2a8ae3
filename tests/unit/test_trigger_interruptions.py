"""The event source mapping through changes, deaths, lost iterators and random failures."""

from __future__ import annotations

import random

import pytest

from lab.trigger_core import Answer
from lab.trigger_edges import PositionLost
from tests.support.trigger_harness import FAILED, Bench, Later, failures, four, number, settings, stream_record, succeed


def test_a_disabled_mapping_stops_and_goes_on_from_its_checkpoint() -> None:
    bench = Bench(settings())
    bench.stream.put(*four())
    bench.run()
    bench.trigger.update(settings(enabled=False))
    bench.stream.put(stream_record(4))
    bench.run(60)
    assert bench.positions == [[0, 1, 2, 3]]
    bench.trigger.update(settings())
    bench.run()
    assert bench.positions == [[0, 1, 2, 3], [4]]


def test_new_settings_wait_for_the_invocation_under_way() -> None:
    later = Later()
    bench = Bench(settings(batch_size=2), submit=later)
    bench.stream.put(*four())
    bench.run()
    bench.trigger.update(settings(batch_size=1))
    bench.run()
    assert bench.trigger.settings.batch_size == 2
    later.answer(0)
    bench.run()
    assert bench.trigger.settings.batch_size == 1
    later.answer(0)
    assert bench.positions == [[0, 1], [2]]


def test_a_new_parallelization_factor_begins_anew_from_the_checkpoint() -> None:
    later = Later()
    bench = Bench(settings(batch_size=2), submit=later)
    bench.stream.put(*(stream_record(position) for position in range(12)))
    bench.run()
    later.answer(0)
    bench.trigger.update(settings(batch_size=2, parallelization_factor=4))
    bench.run()
    assert len(later.calls) > 1
    while later.calls:
        later.answer(0)
        bench.run()
    assert sorted(p for batch in bench.positions for p in batch) == list(range(12))


def test_a_trigger_that_died_delivers_again_from_its_checkpoint() -> None:
    later = Later()
    bench = Bench(settings(batch_size=2), submit=later)
    bench.stream.put(*four())
    bench.run()
    later.answer(0)
    bench.run()  # The second batch is under way: applied perhaps, but not checkpointed.
    again = Bench(settings(batch_size=2), stream=bench.stream, checkpoints=bench.trigger.checkpoints)
    again.run()
    assert bench.positions == [[0, 1]]
    assert again.positions == [[2, 3]]


def test_an_expired_iterator_is_replaced_without_loss_or_repetition() -> None:
    bench = Bench(settings(batch_size=2))
    bench.stream.put(*four())
    bench.run()
    bench.stream.lost.append(PositionLost())
    bench.stream.put(stream_record(4))
    bench.run()
    assert bench.positions == [[0, 1], [2, 3], [4]]
    assert bench.stream.opened[-1] == ("s", "AFTER_SEQUENCE_NUMBER", number(3))


def test_after_trimmed_records_it_goes_on_with_what_the_stream_still_has() -> None:
    bench = Bench(settings())
    bench.stream.put(*four())
    bench.run()
    bench.stream.records["s"] = [stream_record(7)]
    bench.stream.lost.append(PositionLost(trimmed=True))
    bench.run()
    assert bench.positions == [[0, 1, 2, 3], [7]]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_each_item_keeps_its_order_under_random_failures(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    applied: dict[str, list[int]] = {}

    def respond(batch: list[str]) -> Answer:
        records = bench.events[-1]["Records"]
        fate = chance.random()
        cut = chance.randrange(len(batch)) if fate < 0.3 else len(batch)
        for record in records[:cut] if fate < 0.9 else []:
            position = int(record["dynamodb"]["SequenceNumber"]) % 10**20
            applied.setdefault(record["dynamodb"]["Keys"]["id"]["S"], []).append(position)
        if fate >= 0.9:
            return FAILED
        return failures(batch[cut]) if cut < len(batch) else succeed(batch)

    bench = Bench(
        settings(
            batch_size=chance.randint(1, 7),
            bisect=chance.random() < 0.5,
            parallelization_factor=chance.randint(1, 4),
        ),
        respond=respond,
    )
    bench.stream.put(*(stream_record(n, key=f"k{chance.randrange(9)}") for n in range(60)))
    bench.run(500, most_steps=5000)
    expected: dict[str, list[int]] = {}
    for position, record in enumerate(bench.stream.records["s"]):
        expected.setdefault(record["dynamodb"]["Keys"]["id"]["S"], []).append(position)
    assert applied == expected
    assert bench.trigger.checkpoints == {"s": number(59)}
