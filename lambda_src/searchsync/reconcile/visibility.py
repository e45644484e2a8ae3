"""How late the collection shows what was written to it, measured by probe documents. An edge.

In AOSS a write goes to an indexing unit and a read to a search unit, which shows the write at its next refresh: in
some 10 s, and under load in minutes (Sage-Bionetworks/Synapse#5672: 1 of 52,802 documents after 208 s). Nothing says
how late the reads are. So probe documents are written behind what is to be seen, and nothing is concluded before a
read by id and a search both show them.

Each shard is refreshed on its own, so there are several probes. Their ids can be no item's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from searchsync.clock import Backoff, Clock, Deadline
from searchsync.errors import CollectionBusyError, PipelineLateError, SearchsyncError, StackError
from searchsync.limits import LONGEST_CALL, PROBES_AT_ONCE, REFRESH, REQUEST_TIMEOUT, SHORTEST_REQUEST, TO_REMOVE
from searchsync.protocol.bulk import Kind, Response, Write, classify_items, classify_request, lines
from searchsync.protocol.version import read_version, second_of
from searchsync.reconcile.agreement import Document
from searchsync.sync.delivery import ANSWERED, PROBE_PREFIX

EMPTY = b"{}"
TRY_AGAIN = frozenset({Kind.BUSY, Kind.NO_INDEX})
"""A new index answers writes with 404 for some minutes (Synapse#5678): that it is there was asked before."""


class Collection(Protocol):
    """The collection as the probes are written to it."""

    def bulk(self, body: bytes, timeout: float) -> Response:
        """Send a bulk body to the index; `timeout` in seconds."""
        ...


class Reader(Protocol):
    """The index as the probes are looked for in it."""

    def documents(self, ids: Sequence[str], deadline: Deadline) -> Iterator[Mapping[str, Document | None]]:
        """The documents that a read by id shows, in pages; None where there is none."""
        ...

    def found(self, ids: Sequence[str], deadline: Deadline) -> set[str]:
        """Those of the ids that a search shows."""
        ...


def is_probe(name: str) -> bool:
    """Whether a document of this id is a probe."""
    return name.startswith(PROBE_PREFIX)


@dataclass
class Visibility:
    """Waits until the collection shows what was written. `late`: seconds that it took at most so far; `max_skew` in
    seconds."""

    collection: Collection
    reader: Reader
    clock: Clock
    backoff: Backoff
    max_skew: float
    late: float = REFRESH

    def writable(self, deadline: Deadline) -> None:
        """Return when the index takes a write. Raises as `wait` does, but for its lateness."""
        with self._probes(deadline):
            pass

    def wait(self, deadline: Deadline, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Return when reads and searches show whatever was written before; `meanwhile` is called at each look.

        Raises PipelineLateError, with the figure, where they do not in time, CollectionBusyError where the collection
        takes no probe in time, StackError where it refuses one.
        """
        with self._probes(deadline) as names:
            written, attempt = self.clock.monotonic(), 0
            while not self._shown(names, deadline):
                if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                    late = self.clock.monotonic() - written
                    raise PipelineLateError(
                        f"The collection shows writes over {late:.0f} s late: what it does not show yet would be "
                        "taken for a difference. Look at its load and its capacity limit (OCU), and start again "
                        "when it has caught up."
                    )
                meanwhile()
                attempt += 1
            self.late = max(self.late, self.clock.monotonic() - written)

    def remove_left(self, versions: Mapping[str, int]) -> None:
        """Delete the probes, of these versions by id, that calls which were ended left behind."""
        oldest = self.clock.now() - LONGEST_CALL - self.max_skew
        self._remove([name for name, version in versions.items() if second_of(version) < oldest])

    def _shown(self, names: Sequence[str], deadline: Deadline) -> bool:
        if any(None in page.values() for page in self.reader.documents(names, deadline)):
            return False
        return self.reader.found(names, deadline) == set(names)

    @contextmanager
    def _probes(self, deadline: Deadline) -> Iterator[list[str]]:
        """The ids of new probes, that are there in the block."""
        run = uuid4().hex
        names = [f"{PROBE_PREFIX}{run}-{number}" for number in range(PROBES_AT_ONCE)]
        try:
            self._write(names, EMPTY, deadline)
            yield names
        finally:
            self._remove(names)

    def _remove(self, names: Sequence[str]) -> None:
        if names:
            with suppress(SearchsyncError):
                self._write(names, None, Deadline.after(self.clock, TO_REMOVE))

    def _write(self, names: Sequence[str], source: bytes | None, deadline: Deadline) -> None:
        """Write, or delete, until the collection has taken all of it."""
        # A deletion lies a second above its document, also where it follows at once.
        version = read_version(self.clock.now() + (1.0 if source is None else 0.0), self.max_skew)
        writes = [Write(name, version, source) for name in names]
        body, attempt = b"".join(map(lines, writes)), 0
        while True:
            response = self.collection.bulk(body, min(REQUEST_TIMEOUT, deadline.remaining()))
            request = classify_request(response)
            answers = classify_items(writes, response.body) if request.kind is Kind.DONE else [request]
            open_ = [each for each in answers or () if each.kind not in ANSWERED]
            if answers and not open_:
                return
            refused = next((each for each in open_ if each.kind not in TRY_AGAIN), None)
            if refused is not None:
                raise StackError(
                    f"The collection refused a probe: {refused.status} {refused.error_type}. A run writes and "
                    f"deletes empty documents ({PROBE_PREFIX}…). Check the data access policy (aoss:WriteDocument on "
                    "this index for the reconcile function's role; a change takes up to a minute), and that the mapping takes `{}`."
                )
            if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                last = open_[0] if open_ else request
                raise CollectionBusyError(
                    f"The collection took no write for the rest of the time: {last.status} {last.error_type}. "
                    "A new index may need some minutes."
                )
            attempt += 1
