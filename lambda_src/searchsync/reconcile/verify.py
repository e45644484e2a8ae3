"""Verification: items against documents, with a second look at whatever disagrees.

The rules stand at the head of `agreement`. A page of the table is read before its documents, so an item
whose document is another is read once more behind it: that is the first look. Disagreements are kept until
`recheck`, which waits until each is a recheck delay old and looks again; a run's call ends with it, so that
nothing is carried between calls.

What `recheck` gives lasted for a recheck delay, and that is long enough only where the pipeline is no later. CloudWatch
says how late it was some minutes after. So `confirmed`, at a call's end, waits that long, looks once more, and asks
how late the pipeline has been since the first looks: where that is more than was allowed for, all is settled anew.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from searchsync.clock import Clock, Deadline
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_fields, with_key
from searchsync.documents.shape import Rules
from searchsync.edges.table import Item
from searchsync.errors import PipelineLateError
from searchsync.limits import ITEM_EVERY, LARGEST_READ, LOOKS, MOST_DISAGREEMENTS, SAMPLES
from searchsync.protocol.ports import Table
from searchsync.reconcile.agreement import Document, Kind, Look, Verdict, judge, look
from searchsync.reconcile.keys import KeyTypes, key_of
from searchsync.reconcile.prepare import recheck_delay
from searchsync.reconcile.reader import Hit
from searchsync.reconcile.visibility import Visibility


class Index(Protocol):
    """The index as the verification sees it."""

    def documents(self, ids: Sequence[str], deadline: Deadline) -> Iterator[dict[str, Document | None]]:
        """Documents by id in pages, None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item and its document that did not agree when looked at. `keys` None: the document has no item's key."""

    id: str
    keys: AttributeMap | None
    seen: Look


@dataclass(frozen=True, slots=True)
class Difference:
    """A disagreement that lasted. `version`: the document's, None where there is none."""

    id: str
    keys: AttributeMap | None
    kind: Kind
    attributes: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the pipeline is: `behind` gives the seconds since a Unix time, and knows them `watch` seconds later."""

    behind: Callable[[float], float]
    watch: float


@dataclass
class Verification:
    """Compares pages, and settles what they showed. `recheck_delay` in seconds. One for each call of a run.

    `lateness` is asked before anything is a difference. With `most` disagreements it is full: they must be settled
    before it goes on.
    """

    table: Table
    index: Index
    clock: Clock
    rng: random.Random
    types: KeyTypes
    rules: Rules
    recheck_delay: float
    visibility: Visibility
    lateness: Lateness
    most: int = MOST_DISAGREEMENTS
    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    _first: float | None = None
    """The first look at something that is not confirmed yet, in Unix seconds."""
    _latest: float = 0.0
    """The latest first look at one of the differences, in monotonic seconds."""

    @property
    def longest(self) -> float:
        """Seconds that `recheck` and `confirmed` may take without their requests, while the pipeline gets no later."""
        look, watch = self.recheck_delay + self.visibility.late, self.lateness.watch
        return (2 * (LOOKS - 1) - 1) * look + max(look, watch) + (self.visibility.late if watch else 0.0)

    @property
    def full(self) -> bool:
        """Whether it must settle before it goes on."""
        return len(self.disagreements) >= self.most

    def compare(self, items: Sequence[Item], deadline: Deadline) -> Iterable[str]:
        """Compare a page of items, just read, with their documents; the ids of those that were compared.

        Of an item that is to have none nothing is asked: where there is one, the index's part looks up its item.
        """
        given = {item.id: (item.keys, wanted) for item in items if (wanted := self.rules.of(item.image)) is not None}
        self.counts += Counter(items=len(items), filtered=len(items) - len(given))
        for documents in self.index.documents(list(given), deadline):
            doubtful: dict[str, AttributeMap] = {}
            for name, document in documents.items():
                keys, wanted = given[name]
                seen = look(with_key(name, wanted), document)
                if document is None:
                    self._note(name, keys, seen)
                elif seen.kind is not None:
                    doubtful[name] = keys
            for page in self.table.read(doubtful, deadline):
                for name, image in page.images.items():
                    self._note(name, doubtful[name], self._compared(name, image, documents[name]))
        return given

    def look_up(self, hits: Sequence[Hit], deadline: Deadline) -> None:
        """Look up the items of documents: those without one are orphans, and those whose item is to have none."""
        documents = {hit.id: hit.document for hit in hits}
        keys = self._keys(documents)
        # A digest says no key; its document does, with all digits of its numbers.
        for strange in self.index.documents([name for name in documents if name not in keys], deadline):
            whole = {name: document for name, document in strange.items() if document is not None}
            documents |= {name: Document(document.version, None) for name, document in whole.items()}
            keys |= self._keys(whole)
            for name in whole:
                if name not in keys:
                    self._note(name, None, Look(documents[name].version, Kind.UNMAPPABLE))
        gone: list[str] = []
        for page in self.table.read(keys, deadline):
            for name, image in page.images.items():
                if image is None and self.rules.keep_expired:
                    gone.append(name)
                elif self.rules.of(image) is None:
                    self._note(name, keys[name], Look(documents[name].version, Kind.ORPHAN))
        if gone:
            self._look_at_what_stayed({name: keys[name] for name in gone}, deadline)

    def _look_at_what_stayed(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> None:
        """Documents without an item, where those of expired ones are kept: they say themselves whether they may stay,
        and a search shows no sources."""
        for documents in self.index.documents(list(keys), deadline):
            for name, document in documents.items():
                seen = self._compared(name, None, document)
                self._note(name, keys[name], seen)
                self.counts["kept"] += document is not None and seen.kind is None

    def recheck(self, deadline: Deadline) -> list[Difference]:
        """Look again at everything that disagreed; what is a difference once it is `confirmed`.

        Raises PipelineLateError where the collection does not show in time what the pipeline has written.
        """
        moving, self.disagreements = self.disagreements, []
        differences: list[Difference] = []
        for _ in range(LOOKS - 1):
            if not moving:
                break
            looked, found = self.clock.monotonic(), len(differences)
            self.clock.sleep(self.recheck_delay)
            self.visibility.wait(deadline)
            moving, missing, lasting = _sorted(moving, self._looks(moving, deadline))
            differences += lasting
            if missing:
                seen, absent = self._sampled(missing, deadline)
                moving += seen
                differences += absent
            if len(differences) > found:
                self._latest = looked
        self.counts["unstable"] += len(moving)
        return differences

    def confirmed(self, differences: list[Difference], deadline: Deadline) -> list[Difference]:
        """Those that last until it is known how late the pipeline was, and that it was no later than they were given.

        Raises PipelineLateError, with the figure, where it is too late, or there is no time to settle them anew.
        """
        while differences:
            differences = self._watched(differences, deadline)
            late = self.lateness.behind(self.clock.now() if self._first is None else self._first)
            needed = recheck_delay(self.recheck_delay, late)
            if needed <= self.recheck_delay or not differences:
                break
            if deadline.remaining() < 2 * (needed + self.visibility.late):
                raise PipelineLateError(
                    f"The pipeline fell {late:.0f} s behind while the run looked: what is on its way would be taken "
                    "for a difference, and the call has no time to wait for it. It is tried again."
                )
            self.recheck_delay, self._first = needed, self.clock.now()
            self.disagreements = [
                Disagreement(each.id, each.keys, Look(each.version, each.kind, each.attributes)) for each in differences
            ]
            differences = self.recheck(deadline)
        self._first = None
        self.counts.update(each.kind.value for each in differences)
        return differences

    def _watched(self, differences: list[Difference], deadline: Deadline) -> list[Difference]:
        """Those that are still there when the pipeline's lag is known."""
        if not self.lateness.watch:
            return differences
        known = self._latest + self.recheck_delay + self.lateness.watch
        self.clock.sleep(max(0.0, known - self.clock.monotonic()))
        self.visibility.wait(deadline)
        looks = self._looks((Disagreement(each.id, each.keys, Look(None, None)) for each in differences), deadline)
        still: list[Difference] = []
        for each in differences:
            now = looks[each.id]
            if now.kind is not None and now.version == each.version:
                still.append(Difference(each.id, each.keys, now.kind, now.attributes, now.version))
            elif now.kind is not None:
                self.counts["unstable"] += 1
        return still

    def _note(self, name: str, keys: AttributeMap | None, seen: Look) -> None:
        if seen.kind is not None:
            self._first = self.clock.now() if self._first is None else self._first
            self.disagreements.append(Disagreement(name, keys, seen))

    def _keys(self, documents: Mapping[str, Document]) -> dict[str, AttributeMap]:
        """The keys of those documents that an item can have."""
        found = {name: key_of(name, document.source, self.types) for name, document in documents.items()}
        return {name: keys for name, keys in found.items() if keys is not None}

    def _looks(self, disagreements: Iterable[Disagreement], deadline: Deadline) -> dict[str, Look]:
        """A new look at each, by document id: the document first, then its item."""
        looks: dict[str, Look] = {}
        unmappable: list[str] = []
        leading: list[tuple[str, AttributeMap]] = []
        for each in disagreements:
            if each.keys is None:
                unmappable.append(each.id)
            else:
                leading.append((each.id, each.keys))
        for start in range(0, len(leading), LARGEST_READ):
            keys = dict(leading[start : start + LARGEST_READ])
            for documents in self.index.documents(list(keys), deadline):
                for page in self.table.read({name: keys[name] for name in documents}, deadline):
                    looks |= {name: self._compared(name, image, documents[name]) for name, image in page.images.items()}
        for documents in self.index.documents(unmappable, deadline):
            looks |= {name: self._unmappable(name, document) for name, document in documents.items()}
        return looks

    def _unmappable(self, name: str, document: Document | None) -> Look:
        if document is None:
            return Look(None, None)
        strange = key_of(name, document.source, self.types) is None
        return Look(document.version, Kind.UNMAPPABLE if strange else None)

    def _sampled(
        self, missing: Sequence[Disagreement], deadline: Deadline
    ) -> tuple[list[Disagreement], list[Difference]]:
        """Watch missing documents for one recheck delay; a difference is one that never came, of an item never gone."""
        keys = {each.id: each.keys for each in missing if each.keys is not None}
        still = set(keys)

        def watch() -> None:
            for documents in self.index.documents(sorted(still), deadline):
                still.difference_update(name for name, document in documents.items() if document is not None)

        for sample in range(SAMPLES):
            # Uneven: a key that changes in even steps could else be caught at the same point each time.
            self.clock.sleep(self.recheck_delay / SAMPLES * self.rng.uniform(0.5, 1.5))
            watch()
            if sample % ITEM_EVERY == 0:
                still -= self._gone({name: keys[name] for name in sorted(still)}, deadline)
        # What late reads show now is what was there while the items were looked at: it is watched, too.
        self.visibility.wait(deadline, watch)
        looks = self._looks(missing, deadline)
        moving: list[Disagreement] = []
        absent: list[Difference] = []
        for each in missing:
            now = looks[each.id]
            if each.id in still and now.kind is Kind.MISSING:
                absent.append(Difference(each.id, each.keys, Kind.MISSING))
            elif now.kind is not None:
                moving.append(Disagreement(each.id, each.keys, now))
        return moving, absent

    def _compared(self, name: str, image: AttributeMap | None, document: Document | None) -> Look:
        return compared(name, image, document, self.rules, now=self.clock.now())

    def _gone(self, keys: Mapping[str, AttributeMap], deadline: Deadline) -> set[str]:
        """Those of them whose items are not there now."""
        pages = self.table.read(keys, deadline)
        return {name for page in pages for name, image in page.images.items() if image is None}


def compared(
    name: str, image: AttributeMap | None, document: Document | None, rules: Rules, *, now: float = 0.0
) -> Look:
    """A look at an item and the document of its id, at the Unix time `now`, by the rule that wrote it."""
    if image is None and document is not None and rules.is_kept(document.source, now):
        return Look(document.version, None)
    return look(document_fields(name, image, rules), document)


def _sorted(
    before: Sequence[Disagreement], looks: Mapping[str, Look]
) -> tuple[list[Disagreement], list[Disagreement], list[Difference]]:
    """Disagreements by what the new look says: moving, missing, and lasting as differences."""
    moving: list[Disagreement] = []
    missing: list[Disagreement] = []
    lasting: list[Difference] = []
    for each in before:
        now = looks[each.id]
        found = judge(each.seen, now)
        if found is Verdict.MOVING:
            moving.append(Disagreement(each.id, each.keys, now))
        elif found is Verdict.MISSING:
            missing.append(each)
        elif found is Verdict.DIFFERS and now.kind is not None:
            lasting.append(Difference(each.id, each.keys, now.kind, now.attributes, now.version))
    return moving, missing, lasting
