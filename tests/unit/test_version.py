"""The numbers and verdicts of the write protocol."""

from __future__ import annotations

import pytest

from searchsync.protocol.version import (
    LATEST_SECOND,
    Verdict,
    is_table_read,
    read_version,
    second_of,
    sequence_order,
    stream_version,
    verdict,
    verdict_on_read,
    wait_until_past,
)

NOW = 1_800_000_000.0
SECOND = int(NOW)
MAX_SKEW = 10.0


def ours(second: int = SECOND, counter: int = 100) -> int:
    return stream_version(second, counter * 10**20 + 7)


def judge(
    current: int | None, *, deletion: bool = False, version: int | None = None, shown: int | None = None
) -> Verdict:
    return verdict(ours=version or ours(), deletion=deletion, current=current, shown=shown, now=NOW, max_skew=MAX_SKEW)


def test_a_later_second_always_outweighs_the_sequence_number() -> None:
    assert stream_version(SECOND, 2**30 * 10**20 - 10**20) < stream_version(SECOND + 1, 0)


def test_within_a_second_the_sequence_number_orders() -> None:
    assert ours(counter=100) < ours(counter=101)


def test_stream_versions_are_even_and_read_versions_odd() -> None:
    assert not is_table_read(ours())
    assert is_table_read(read_version(NOW, MAX_SKEW))


def test_versions_fit_into_the_engines_signed_64_bits() -> None:
    assert stream_version(LATEST_SECOND, 2**30 * 10**20 - 10**20) < 2**63


def test_a_change_in_the_second_after_a_read_wins_over_the_read() -> None:
    read = read_version(NOW, MAX_SKEW)
    assert second_of(read) == SECOND - 10
    assert stream_version(SECOND - 9, 0) > read


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("100000000000000000001", 10**20 + 1),
        ("0007", 7),
        ("49590338271490256608559692538361571095921575989136588898", None),
    ],
)
def test_sequence_numbers_are_compared_as_integers(text: str, order: int | None) -> None:
    assert sequence_order(text) == (int(text) if order is None else order)


@pytest.mark.parametrize("text", ["", "12a", "-5", "１２", "1.5", " 12"])
def test_a_sequence_number_of_an_unknown_shape_has_no_order(text: str) -> None:
    assert sequence_order(text) is None


def test_the_same_version_is_a_duplicate() -> None:
    assert judge(ours()) is Verdict.DUPLICATE


def test_a_later_table_read_has_passed_the_record() -> None:
    later = read_version(NOW + MAX_SKEW + 1, MAX_SKEW)
    assert judge(later, shown=later) is Verdict.PASSED


@pytest.mark.parametrize(
    "shown", [None, ours(), read_version(NOW + MAX_SKEW, MAX_SKEW), read_version(NOW + 15, MAX_SKEW)]
)
def test_a_table_reads_version_that_no_document_shows_may_be_a_tombstone(shown: int | None) -> None:
    """It may be gone too early to be trusted; and what is shown may be from before it, or after."""
    assert judge(read_version(NOW + MAX_SKEW + 1, MAX_SKEW), shown=shown) is Verdict.RESYNC
    assert judge(ours(), version=ours(second=SECOND - 11), shown=shown) is Verdict.STALE


def test_a_version_over_a_margin_later_makes_the_record_stale() -> None:
    early = ours(second=SECOND - 11)
    assert judge(ours(), version=early) is Verdict.STALE


def test_a_version_just_a_margin_later_leaves_the_order_open() -> None:
    early = ours(second=SECOND - 10)
    assert judge(ours(), version=early) is Verdict.RESYNC


def test_low_bits_never_decide() -> None:
    assert judge(ours(counter=200)) is Verdict.RESYNC


def test_a_conflict_on_a_deletion_is_never_done() -> None:
    for current in (ours(), ours(second=SECOND + 5), read_version(NOW + 15, MAX_SKEW)):
        assert judge(current, deletion=True) is Verdict.RESYNC
    early = ours(second=SECOND - 11)
    assert judge(ours(), version=early, deletion=True) is Verdict.RESYNC


def test_a_version_beyond_now_and_margin_is_from_no_pipeline_of_ours() -> None:
    assert judge(ours(second=SECOND + 11)) is Verdict.FUTURE
    assert judge(ours(second=SECOND + 11), deletion=True) is Verdict.FUTURE
    assert judge(ours(second=SECOND + 10)) is not Verdict.FUTURE


def test_a_conflict_without_a_version_asks_the_table() -> None:
    assert judge(None) is Verdict.RESYNC


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (read_version(NOW, MAX_SKEW), Verdict.PASSED),
        (ours(second=SECOND - 9), Verdict.STALE),
        (ours(second=SECOND - 10), Verdict.RESYNC),
        (ours(second=SECOND + 11), Verdict.FUTURE),
        (None, Verdict.RESYNC),
    ],
)
def test_a_resyncs_conflict_is_judged_against_the_record(current: int | None, expected: Verdict) -> None:
    found = verdict_on_read(ours=1, record_second=SECOND - 20, current=current, now=NOW, max_skew=MAX_SKEW)
    assert found is expected


def test_a_current_version_below_ours_is_not_what_refused_it() -> None:
    late_look = read_version(NOW - 1_000, MAX_SKEW)
    assert judge(late_look) is Verdict.RESYNC
    found = verdict_on_read(ours=ours(), record_second=SECOND, current=late_look, now=NOW, max_skew=MAX_SKEW)
    assert found is Verdict.RESYNC


def test_our_own_version_is_a_duplicate_even_at_the_edge_of_the_future() -> None:
    edge = ours(second=SECOND + 11)
    assert judge(edge, version=edge) is Verdict.DUPLICATE


def test_a_resync_waits_until_its_version_lies_above_every_second_involved() -> None:
    wait = wait_until_past(SECOND, NOW + 0.25, MAX_SKEW)
    assert wait == pytest.approx(10.75)
    assert second_of(read_version(NOW + 0.25 + wait, MAX_SKEW)) > SECOND
    assert wait_until_past(SECOND - 20, NOW, MAX_SKEW) == 0.0
