"""One call of the rolling verification: the parts that are due, as a run's calls. An edge: what a run asks.

The rules are those of `rolling`. A call does nothing but read its own state where no part is due: neither is the
table asked, nor a collection woken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from searchsync.clock import Clock, Deadline
from searchsync.config import Config
from searchsync.errors import CollectionBusyError, PipelineLateError, RunRefusedError, StackError, TableBusyError
from searchsync.limits import LOOKS, ONE_PAGE, REFRESH, SHORT_STEP
from searchsync.reconcile.account import Account
from searchsync.reconcile.bucket import Bucket
from searchsync.reconcile.identity import Looker, changed, saw
from searchsync.reconcile.prepare import check_table, segments
from searchsync.reconcile.rolling import (
    Rolled,
    Schedule,
    after,
    begun,
    held,
    next_round,
    part,
    read_rolled,
    taken_up,
    told,
    written_rolled,
)
from searchsync.sanitize import shown

KEY = "rolling/state.json"
Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A run's call: the state of a part, to the state behind it."""


@dataclass
class Slice:
    """What a call did. `differences`: of the parts that it ended; 0 says that nothing is left, None says nothing.

    `age`: seconds since the oldest part was compared, None of a call that failed; `parts`: names of those that it
    ended; `gave_way`: why it did not go on, though more was due.
    """

    age: float | None = None
    differences: int | None = None
    parts: list[str] = field(default_factory=list)
    gave_way: str = ""


@dataclass(frozen=True)
class RollingStore:
    """Where it lies between two calls: one object in the run's bucket."""

    bucket: Bucket

    def read(self) -> Rolled | None:
        """None where there is none yet. Raises StackError where S3 refuses it."""
        body = self.bucket.find(KEY)
        try:
            return None if body is None else read_rolled(json.loads(body))
        except ValueError:
            return None

    def write(self, rolled: Rolled) -> None:
        """Raises StackError where S3 refuses it."""
        self.bucket.put(KEY, json.dumps(written_rolled(rolled), separators=(",", ":")).encode())


@dataclass(frozen=True)
class Rolling:
    """The rolling verification with its edges. `recheck_delay`: seconds between two looks; `lanes`: of a run."""

    store: RollingStore
    schedule: Schedule
    recheck_delay: float
    lanes: int
    config: Config
    account: Account
    looker: Looker
    clock: Clock

    def look(self, now_seen: Mapping[str, Any]) -> dict[str, Any]:
        """What `searchsync status` is told; `now_seen`: what a run begun now would see."""
        rolled = self.store.read()
        return told(rolled, [] if rolled is None else changed(rolled.saw, now_seen), self.schedule)

    def call(self, run: Run, deadline: Deadline, done: Slice) -> None:
        """Compare what is due, and tell `done`. Raises SearchsyncError where that cannot be: another call will come."""
        now, rolled = self.clock.now(), self.store.read()
        done.age = 0.0 if rolled is None else now - rolled.oldest()
        if rolled is not None and (rolled.due > now or rolled.busy_until > now):
            return
        try:
            if self._gives_way(done):
                return
            rolled, of = self._identified(rolled, deadline)
            self._go(rolled, of, run, deadline, done)
        except (CollectionBusyError, PipelineLateError, TableBusyError) as error:
            if rolled is None:  # then no age tells that it never begins
                raise
            done.gave_way = str(error)

    def _gives_way(self, done: Slice) -> bool:
        """To a run over everything, which has the same lanes, and says more."""
        names = [str(each["name"]) for each in self.account.running()]
        if names:
            done.gave_way = f"A run is running, {shown(min(names))}."
        return bool(names)

    def _identified(self, rolled: Rolled | None, deadline: Deadline) -> tuple[Rolled, int]:
        """What stands of what is compared now, and how many segments the table has."""
        facts = self.account.table()
        check_table(facts, self.config)
        index = self.looker.look(deadline.at_most(self.clock.monotonic() + SHORT_STEP))
        if index.state != "there":
            raise RunRefusedError(
                f"The index {self.config.index} is {index.state}: run a backfill, and delete an index of others before."
            )
        seen, of = saw(self.config, facts, index), segments(facts.size, self.lanes)
        if rolled is None or changed(rolled.saw, seen):
            rolled = begun(seen, self.clock.now(), of)
        return rolled, of

    def _go(self, rolled: Rolled, of: int, run: Run, deadline: Deadline, done: Slice) -> None:
        """Part after part, as long as one is due and a call has time for it."""
        rolled = held(rolled, self.clock.now())
        self.store.write(rolled)
        try:
            while True:
                rolled = taken_up(rolled, self.clock.now(), self.recheck_delay)
                assert rolled.under_way is not None  # noqa: S101 - for the type
                try:
                    answer = run(rolled.under_way)
                except RunRefusedError:  # it may be where the part stood, left by another version, that is refused
                    rolled = replace(rolled, under_way=None)
                    raise
                name, rolled = part(rolled)[0], after(rolled, answer, self.clock.now(), self.schedule)
                if answer["done"]:
                    self._tell(name, rolled, done)
                if rolled.ended:
                    rolled = next_round(rolled, of)
                late = deadline.remaining() < 2 * ONE_PAGE + 2 * (LOOKS - 1) * (self.recheck_delay + REFRESH)
                if late or rolled.due > self.clock.now() or self._gives_way(done):
                    break
                self.store.write(rolled)
        finally:
            self.store.write(replace(rolled, busy_until=0.0))
            done.age = self.clock.now() - rolled.oldest()

    def _tell(self, name: str, rolled: Rolled, done: Slice) -> None:
        """Take note of a part that is compared, and of a round that is clean."""
        done.parts.append(name)
        found = rolled.parts[name].differences
        if found:
            done.differences = found + (done.differences or 0)
        elif rolled.ended and done.differences is None and self._is_clean(rolled):
            done.differences = 0

    def _is_clean(self, rolled: Rolled) -> bool:
        if not next_round(rolled, rolled.of).clean:
            return False
        try:
            return not self.account.ended_since(rolled.round_began)
        except StackError:  # nobody knows: the alarm stays
            return False
