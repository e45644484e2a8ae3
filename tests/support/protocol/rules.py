"""What a configuration turns on, and the protocol's rules, each of which a variant can take away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from searchsync.protocol.version import (
    Verdict,
    verdict,
    verdict_on_expiry,
    verdict_on_read,
    verdict_without_item,
    version_without_item,
)

Offsets = tuple[int, ...]
"""Seconds by which a clock may be off, any of them at every look."""


@dataclass(frozen=True)
class Rules:
    """The protocol; each field is one rule that a variant can take away."""

    external: bool = True
    max_skew: int = 2
    batch_order: bool = True
    wait: bool = True
    """A resync waits until its version lies above every second involved."""
    page_deadline: bool = True
    """What was read is written within the deadline, or read again."""
    cut: bool = True
    """A request under way is cut off at its time: what lands later was whole by then, and lands soon or never."""
    cut_body_is_open: bool = True
    """A request that was cut off in its body is not done: the engine does not apply it."""
    cut_answer_is_open: bool = True
    """Nor is one that was cut off behind its body: it may be applied now, later or never."""
    probe_is_another: bool = True
    """The probe beside a lone document is a constant deletion of an id that no item can have."""
    storm_is_nobodys: bool = True
    """Where the probe is not answered either, the record is not handed over."""
    on_record: Callable[..., Verdict] = verdict
    on_read: Callable[..., Verdict] = verdict_on_read
    on_expiry: Callable[..., Verdict] = verdict_on_expiry
    on_deletion: Callable[..., Verdict] = verdict_without_item
    without_item: Callable[..., int] = version_without_item
    rests: bool = True
    """An item expires only a while after its last change."""
    poison_is_queued: bool = True
    poison_passes: bool = True
    """A poison record is no failure: the batch goes on."""
    redrive_writes_first: bool = True
    """A message leaves the queue after its key is right."""
    redrive_waits: bool = True
    redrive_keeps: bool = True
    """What still cannot be written stays in the queue."""
    redrive_spares_later: bool = True
    """Only the messages that were taken leave."""
    drop_is_raised: bool = True
    repair_queues_poison: bool = True
    """What a repair cannot write gets a message, before the repair clears anything."""
    repair_clears: bool = True
    repair_begun_later: bool = True
    """A repair clears what was raised for records before it began, the skew bound between them."""
    left_out_is_deleted: bool = True
    """Where a view has no document of an item, it is written that there is none: one may have been there."""
    done_in_all: bool = True
    """A record is done when it is so in every view,"""
    settled_in_all: bool = True
    """a message settled,"""
    cleared_in_all: bool = True
    """and a signal cleared."""


@dataclass(frozen=True)
class Configuration:
    """A world: what may happen in it, and its bounds.

    `writes` by people. `poison`: some can never be written, or, `mended`, until the mapping is. `redrive`, `repair`
    and `page`: readers that may run, one at a time, any number of times. `drops` by the trigger. `lanes`: another
    lane holds the shard's checkpoint back, and what was done comes again. `split`: the shard may split; low bits rise
    within a shard and fall from the parent to its child. `rising`: low bits always rise; else they come in any order.
    `imageless`: records may lack their image. `future`: the index holds a document from the future. `tombstone`
    seconds a tombstone lives, and `late` seconds after its read or first sending a request may land; None: a
    tombstone lives as long as anything is under way, and a request for ever. `reads_late`: `_mget` shows any of the
    documents that the index had since the last refresh, which may come at any time. `silent`: conflicts do not say
    the current version, so that only `_mget` does. `alone`: at any time the collection may not take a lone write, its
    request under way or not. Is the probe beside it answered, the record is handed over, good as it is; else it is
    tried again. `views`: the table has another view. What it may do to this one is added: its poison makes a message
    of a record that is good here, it holds back what is settled here, and people put items that have no document here
    (GONE stands for these, too). So each view is in step by itself, whatever becomes of the others. `expires`: the
    item is there, long since, and may expire; its document is kept.
    """

    name: str
    writes: int
    rules: Rules = field(default_factory=Rules)
    wire: int = 1
    poison: bool = False
    mended: bool = False
    redrive: bool = False
    repair: bool = False
    page: bool = False
    drops: bool = False
    lanes: bool = False
    split: bool = False
    rising: bool = False
    imageless: bool = False
    future: bool = False
    low_bits_zero: bool = False
    tombstone: int | None = None
    late: int | None = None
    reads_late: bool = False
    silent: bool = False
    alone: bool = False
    views: bool = False
    expires: bool = False
    stream_clock: Offsets = (-1, 0)
    function_clock: Offsets = (0,)
    reader_clock: Offsets = (0,)
    live: bool = False
    """Whether it is shown too that every state can still become quiet."""
