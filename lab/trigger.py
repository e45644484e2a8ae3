"""The event source mapping of a DynamoDB stream, as Lambda runs it, with every edge injected.

`Trigger.step()` is the whole of it: read what is new, start the batches that are ready, take in the
answers that have come. It never blocks but in its edges, so a test drives it step by step with a
clock of its own, and the lab drives it in a loop with real invocations in threads. The rules for
settings, records and answers stand in `lab.trigger_core`.

Order: a shard's records go through lanes (by item key; one lane unless the parallelization factor
says more), one invocation at a time in each, and the shard's checkpoint moves only over the prefix
that is done. A child shard starts when its parent is drained. A new Trigger with the old one's
checkpoints delivers again what was not checkpointed: at least once.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

from lab.trigger_core import (
    FOREVER,
    Answer,
    Backoff,
    Condition,
    Discarded,
    NotInvoked,
    Record,
    TriggerSettings,
    event_of,
    first_failed,
    full_batch,
)
from lab.trigger_edges import Destination, Invoke, PositionLost, Shard, Source, Submit, at_once

READ_LIMIT = 1000  # records; GetRecords gives no more
MOST_BUFFERED = 2  # batches a lane: reading further ahead would only cost memory
DEFAULT_BACKOFF = Backoff()


@dataclass
class _Batch:
    records: list[Record]
    failures: int = 0  # in a row, for the backoff
    retries: int = 0  # spent
    invocations: int = 0
    error: str | None = None
    not_before: float = 0.0


@dataclass
class _Lane:
    waiting: deque[Record] = field(default_factory=deque)
    since: float = 0.0  # when the oldest of `waiting` came
    pending: deque[_Batch] = field(default_factory=deque)  # split or failed: before `waiting`
    running: tuple[_Batch, Future[Answer]] | None = None


@dataclass
class _Reader:
    shard: Shard
    lanes: list[_Lane]
    iterator: str | None = None
    last_read: str | None = None
    ended: bool = False
    unfinished: dict[str, bool] = field(default_factory=dict)  # sequence: done, in stream order

    @property
    def drained(self) -> bool:
        return self.ended and not self.unfinished


class Trigger:
    """One event source mapping. Not for several threads: `step` and the rest belong to one."""

    def __init__(
        self,
        settings: TriggerSettings,
        *,
        stream_arn: str,
        function_arn: str,
        source: Source,
        invoke: Invoke,
        destination: Destination,
        clock: Callable[[], float],
        submit: Submit = at_once,
        backoff: Backoff = DEFAULT_BACKOFF,
        checkpoints: Mapping[str, str] | None = None,
    ) -> None:
        """`clock` gives seconds since the epoch; `checkpoints` are an earlier trigger's."""
        self.settings = settings
        self.checkpoints: dict[str, str] = dict(checkpoints or {})
        self.last_result = "No records processed"
        self._next_settings: TriggerSettings | None = None
        self._stream_arn, self._function_arn = stream_arn, function_arn
        self._source, self._invoke, self._destination = source, invoke, destination
        self._clock, self._submit, self._backoff = clock, submit, backoff
        self._readers: dict[str, _Reader] = {}
        self._drained: set[str] = set()
        # How each shard is opened while it has no checkpoint.
        self._kinds: dict[str, str] = dict.fromkeys(self.checkpoints, "TRIM_HORIZON")

    def update(self, settings: TriggerSettings) -> None:
        """New settings, taken once the invocations under way have answered, from the checkpoints."""
        self._next_settings = None if settings == self.settings else settings

    def in_flight(self) -> list[Future[Answer]]:
        """The invocations under way."""
        return [lane.running[1] for lane in self._lanes() if lane.running]

    def step(self) -> bool:
        """Do what can be done now; whether anything was. Errors of the source come through."""
        done = self._take_answers()
        if self._next_settings is not None:
            return self._change_settings() or done
        if not self.settings.enabled:
            return done
        self._discover()
        for reader in list(self._readers.values()):
            done |= self._read(reader)
            for lane in reader.lanes:
                done |= self._start(reader, lane)
        return done

    def _lanes(self) -> list[_Lane]:
        return [lane for reader in self._readers.values() for lane in reader.lanes]

    def _change_settings(self) -> bool:
        if self.in_flight() or self._next_settings is None:
            return False
        self.settings, self._next_settings = self._next_settings, None
        # As AWS's pollers do, everything that is not checkpointed is read again.
        self._readers.clear()
        return True

    def _discover(self) -> None:
        """Open the shards whose parents are drained; forget those that the stream has forgotten."""
        shards = self._source.shards()
        listed = {shard.id for shard in shards}
        self._drained.intersection_update(listed)
        # LATEST is the end of the stream as the mapping found it: what opens later is new.
        kind = "TRIM_HORIZON" if self._kinds else self.settings.starting_position
        for shard in shards:
            self._kinds.setdefault(shard.id, kind)
            known = shard.id in self._readers or shard.id in self._drained
            if known or (shard.parent in listed and shard.parent not in self._drained):
                continue
            lanes = [_Lane() for _ in range(self.settings.parallelization_factor)]
            reader = _Reader(shard, lanes, last_read=self.checkpoints.get(shard.id))
            self._open(reader)
            self._readers[shard.id] = reader

    def _open(self, reader: _Reader) -> None:
        shard_id, after = reader.shard.id, reader.last_read
        kind = "AFTER_SEQUENCE_NUMBER" if after else self._kinds[shard_id]
        try:
            reader.iterator = self._source.iterator(shard_id, kind, after)
        except PositionLost:  # The checkpoint was trimmed.
            reader.iterator = self._source.iterator(shard_id, "TRIM_HORIZON", None)

    def _read(self, reader: _Reader) -> bool:
        room = self.settings.batch_size * len(reader.lanes) * MOST_BUFFERED
        if reader.ended or reader.iterator is None or len(reader.unfinished) >= room:
            return False
        try:
            page = self._source.read(reader.iterator, READ_LIMIT)
        except PositionLost as lost:
            if lost.trimmed:
                reader.last_read, self._kinds[reader.shard.id] = None, "TRIM_HORIZON"
            self._open(reader)
            return True
        reader.iterator, reader.ended = page.iterator, page.iterator is None
        for each in page.records:
            self._enqueue(reader, Record.of(each, self._stream_arn))
        self._close_if_drained(reader)
        return bool(page.records) or reader.ended

    def _enqueue(self, reader: _Reader, record: Record) -> None:
        lane = reader.lanes[record.lane(len(reader.lanes))]
        if not lane.waiting:
            lane.since = self._clock()
        lane.waiting.append(record)
        reader.unfinished[record.sequence] = False
        reader.last_read = record.sequence

    def _start(self, reader: _Reader, lane: _Lane) -> bool:
        """Begin the lane's next invocation, if it is free and a batch is ready."""
        if lane.running:
            return False
        batch = self._next_batch(lane)
        if batch is None:
            return False
        expired = self._expired(batch)
        if expired:
            return self._discard(reader, lane, batch, expired, "RecordAgeExceeded")
        batch.invocations += 1
        event = event_of(batch.records)
        lane.running = (batch, self._submit(lambda: self._invoke(event)))
        return True

    def _next_batch(self, lane: _Lane) -> _Batch | None:
        now = self._clock()
        if not lane.pending and lane.waiting:
            waiting = list(islice(lane.waiting, self.settings.batch_size + 1))
            count, full = full_batch(waiting, self.settings.batch_size)
            if full or now - lane.since >= self.settings.window:
                for _ in range(count):
                    lane.waiting.popleft()
                # What stays has waited as long as what goes: it is not made to wait anew.
                lane.pending.append(_Batch(waiting[:count]))
        if lane.pending and lane.pending[0].not_before <= now:
            return lane.pending[0]
        return None

    def _expired(self, batch: _Batch) -> int:
        """How many of the batch, from its beginning, are past the maximum age."""
        if self.settings.max_record_age == FOREVER:
            return 0
        oldest = self._clock() - self.settings.max_record_age
        old = [record.created is not None and record.created < oldest for record in batch.records]
        return next((n for n, past in enumerate(old) if not past), len(old))

    def _take_answers(self) -> bool:
        done = False
        for reader in list(self._readers.values()):
            for lane in reader.lanes:
                if lane.running and lane.running[1].done():
                    batch, future = lane.running
                    lane.running = None
                    self._conclude(reader, lane, batch, future)
                    done = True
        return done

    def _conclude(self, reader: _Reader, lane: _Lane, batch: _Batch, future: Future[Answer]) -> None:
        try:
            answer = future.result()
        except NotInvoked as error:
            self.last_result = f"PROBLEM: {error}"
            self._pause(batch)
            return
        report = self.settings.report_batch_item_failures
        position = first_failed(answer, batch.records, report)
        batch.error = answer.error
        if position is None:
            self.last_result = "OK"
            lane.pending.popleft()
            self._finish(reader, batch.records)
            return
        self.last_result = "PROBLEM: Function call failed"
        self._deliver_again(reader, lane, batch, position)

    def _deliver_again(self, reader: _Reader, lane: _Lane, batch: _Batch, position: int) -> None:
        done, failed = batch.records[:position], batch.records[position:]
        batch.records = failed
        self._finish(reader, done)
        bisect = self.settings.bisect
        if bisect and not done and len(failed) > 1:
            middle = len(failed) // 2
            second = _Batch(failed[middle:], retries=batch.retries, invocations=batch.invocations)
            batch.records = failed[:middle]
            lane.pending.insert(1, second)
        elif not (bisect and done):
            if batch.retries == self.settings.retries:
                count = len(batch.records)
                self._discard(reader, lane, batch, count, "RetryAttemptsExhausted")
                return
            batch.retries += 1
        self._pause(batch)

    def _pause(self, batch: _Batch) -> None:
        batch.failures += 1
        batch.not_before = self._clock() + self._backoff.pause(batch.failures)

    def _discard(self, reader: _Reader, lane: _Lane, batch: _Batch, count: int, condition: Condition) -> bool:
        """Give up the batch's first `count` records; True when they are gone.

        Where the destination cannot be told the batch stays, and is tried again later: what AWS
        would lose here without a word must stand out in the lab.
        """
        gone, rest = batch.records[:count], batch.records[count:]
        if self.settings.on_failure is not None:
            discarded = Discarded(gone, condition, reader.shard.id, batch.invocations, batch.error, self._clock())
            message = discarded.message(self._function_arn, self._stream_arn, str(uuid.uuid4()))
            try:
                self._destination.send(self.settings.on_failure, discarded, message)
            except Exception as error:  # noqa: BLE001  Any reason keeps the batch.
                self.last_result = f"PROBLEM: on-failure destination: {error}"
                self._pause(batch)
                return False
        batch.records = rest
        if not rest:
            lane.pending.popleft()
        self._finish(reader, gone)
        return True

    def _finish(self, reader: _Reader, records: Sequence[Record]) -> None:
        """Mark records as done and move the checkpoint over the done prefix."""
        for record in records:
            reader.unfinished[record.sequence] = True
        while reader.unfinished:
            sequence, done = next(iter(reader.unfinished.items()))
            if not done:
                break
            del reader.unfinished[sequence]
            self.checkpoints[reader.shard.id] = sequence
        self._close_if_drained(reader)

    def _close_if_drained(self, reader: _Reader) -> None:
        if reader.drained:
            self._drained.add(reader.shard.id)
            self._readers.pop(reader.shard.id, None)
