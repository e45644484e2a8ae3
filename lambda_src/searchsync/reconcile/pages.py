"""A segment's pages, the next one read while this one is written or compared.

The rules:

1. A page's age counts from its read. One that has waited too long is dropped and read again, so that each page has
   the time that the write protocol gives it. Where pages wait so long, reading ahead only costs reads: it rests for
   two pages then, for four the next time, and so on.
2. One page is read ahead, never more: memory holds two.
3. Reading ahead asks the table for a few seconds and begins when what was read is paid for. What it did not get is
   read in its turn, and with its time. Any other error is raised where the page is asked for.
4. Where the run is, it knows by the pages that it was given: one that was read ahead and not given was never read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from searchsync.clock import Clock, Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.errors import TableBusyError
from searchsync.limits import AHEAD_AGE, AHEAD_READ
from searchsync.reconcile.ahead import Ahead, Begun


class Page(Protocol):
    """A page as it is handed through: when it was read, where the next one begins, and its read units."""

    @property
    def read_monotonic(self) -> float: ...  # noqa: D102 - see the class

    @property
    def position(self) -> AttributeMap | None: ...  # noqa: D102

    @property
    def units(self) -> float: ...  # noqa: D102


P = TypeVar("P", bound=Page)


class Pace(Protocol):
    """A lane's rate as its pages see it."""

    @property
    def pause(self) -> float:
        """Seconds until the units taken so far are paid for."""
        ...

    def wait(self, deadline: Deadline) -> None:
        """Wait until they are, or the time is over."""
        ...

    def took(self, units: float) -> None:
        """Take note of read units."""
        ...


@dataclass
class Pages(Generic[P]):
    """The pages of one call's segment. `is_late`: no further page will be begun.

    `read` gives the page that begins at a position, within a time. It runs in a thread.
    """

    read: Callable[[Any, Deadline], P]
    ahead: Ahead
    pace: Pace
    clock: Clock
    deadline: Deadline
    is_late: Callable[[], bool]

    def __post_init__(self) -> None:
        self._begun: Begun[P] | None = None
        self._resting = self._dropped = 0

    def at(self, position: Any) -> P:
        """The page that begins at a position; behind it the next one is begun. Raises as the table's scan does."""
        page = self._read_ahead() or self._in_turn(position)
        if page.position is not None and not self._rests() and not self.is_late():
            self._begin(page.position)
        return page

    def close(self) -> None:
        """Stop what was begun: nothing of it runs on."""
        begun, self._begun = self._begun, None
        page = None if begun is None else begun.stop()
        if page is not None:
            self.pace.took(page.units)

    def _in_turn(self, position: Any) -> P:
        self.pace.wait(self.deadline)
        page = self.read(position, self.deadline)
        self.pace.took(page.units)
        return page

    def _begin(self, position: Any) -> None:
        def work() -> P:
            return self.read(position, self.deadline.at_most(self.clock.monotonic() + AHEAD_READ))

        self._begun = self.ahead.begin(work, self.pace.pause)

    def _read_ahead(self) -> P | None:
        """The page that was begun, None where there is none to be used."""
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        try:
            page = begun.result()
        except TableBusyError:
            return None
        self.pace.took(page.units)
        if self.clock.monotonic() - page.read_monotonic <= AHEAD_AGE:
            return page
        self._dropped += 1
        self._resting = 2**self._dropped
        return None

    def _rests(self) -> bool:
        self._resting = max(0, self._resting - 1)
        return self._resting > 0
