"""Verification: items against documents, with a second look at whatever disagrees.

The rules stand at the head of `agreement`. Disagreements are kept until `settle`, which waits until each is
a settling time old and looks again; a walk's call ends with it, so that nothing is carried between calls.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from searchsync.clock import Clock, Deadline
from searchsync.plan import encode
from searchsync.records import AttributeMap
from searchsync.resync import Table
from searchsync.table import Item
from searchsync.walk.agreement import Document, Kind, Look, Verdict, judge, look
from searchsync.walk.keys import KeyTypes, key_of
from searchsync.walk.reader import Hit

LOOKS = 4
"""A disagreement that keeps moving through so many looks is counted as unsettled, and is no difference."""
SAMPLES = 20
"""Looks within one settling time, in none of which a missing document may be seen."""
MOST_DISAGREEMENTS = 20_000
"""Kept at once: with more the walk settles them before it goes on."""
NO_DOCUMENT = "null"
"""What an item that can never become a document is compared as."""


class Index(Protocol):
    """The index as the verification sees it."""

    def documents(self, ids: Sequence[str], deadline: Deadline) -> dict[str, Document]:
        """The documents that are there, by id."""
        ...


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item and its document that did not agree when looked at. `keys` None: the document has no item's key."""

    id: str
    keys: AttributeMap | None
    seen: Look


@dataclass(frozen=True, slots=True)
class Difference:
    """A disagreement that lasted."""

    id: str
    keys: AttributeMap | None
    kind: Kind
    attributes: tuple[str, ...]


@dataclass
class Verification:
    """Compares pages, and settles what they showed. `settling` in seconds. One for each call of a walk."""

    table: Table
    index: Index
    clock: Clock
    rng: random.Random
    types: KeyTypes
    settling: float
    counts: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """Seconds that `settle` may take, its requests left out."""
        return 2 * (LOOKS - 1) * self.settling

    @property
    def full(self) -> bool:
        """Whether it must settle before it goes on."""
        return len(self.disagreements) >= MOST_DISAGREEMENTS

    def compare(self, items: Sequence[Item], deadline: Deadline) -> None:
        """Compare a page of items, just read, with their documents."""
        documents = self.index.documents([item.id for item in items], deadline)
        self.counts["items"] += len(items)
        for item in items:
            self._note(item.id, item.keys, look(_expected(item.image), documents.get(item.id)))

    def look_up(self, hits: Sequence[Hit], deadline: Deadline) -> None:
        """Look up the items of a page of documents: those without one are extra."""
        self.counts["documents"] += len(hits)
        keys: dict[str, AttributeMap] = {}
        versions = {hit.id: hit.document.version for hit in hits}
        for hit in hits:
            found = key_of(hit.id, hit.document.source, self.types)
            if found is None:
                self._note(hit.id, None, Look(hit.document.version, Kind.FOREIGN))
            else:
                keys[hit.id] = found
        for page in self.table.read(keys, deadline):
            for name, image in page.images.items():
                self._note(name, keys[name], Look(versions[name], None if image is not None else Kind.EXTRA))

    def settle(self, deadline: Deadline) -> list[Difference]:
        """Look again at everything that disagreed; what is a difference. Waits up to `longest`."""
        moving, self.disagreements = self.disagreements, []
        differences: list[Difference] = []
        for _ in range(LOOKS - 1):
            if not moving:
                break
            self.clock.sleep(self.settling)
            moving, missing, lasting = _sorted(moving, self._looks(moving, deadline))
            differences += lasting
            if missing:
                seen, absent = self._sampled(missing, deadline)
                moving += seen
                differences += absent
        self.counts["unsettled"] += len(moving)
        self.counts.update(each.kind.value for each in differences)
        return differences

    def _note(self, name: str, keys: AttributeMap | None, seen: Look) -> None:
        if seen.kind is not None:
            self.disagreements.append(Disagreement(name, keys, seen))

    def _looks(self, disagreements: Iterable[Disagreement], deadline: Deadline) -> dict[str, Look]:
        """A new look at each, by document id."""
        looks: dict[str, Look] = {}
        keyed = {each.id: each.keys for each in disagreements if each.keys is not None}
        for page in self.table.read(keyed, deadline):
            documents = self.index.documents(list(page.images), deadline)
            for name, image in page.images.items():
                looks[name] = look(None if image is None else _expected(image), documents.get(name))
        foreign = [each.id for each in disagreements if each.keys is None]
        documents = self.index.documents(foreign, deadline)
        looks |= {name: self._foreign(name, documents.get(name)) for name in foreign}
        return looks

    def _foreign(self, name: str, document: Document | None) -> Look:
        if document is None:
            return Look(None, None)
        strange = key_of(name, document.source, self.types) is None
        return Look(document.version, Kind.FOREIGN if strange else None)

    def _sampled(
        self, missing: Sequence[Disagreement], deadline: Deadline
    ) -> tuple[list[Disagreement], list[Difference]]:
        """Watch missing documents for one settling time: what was seen moves, what never was is a difference."""
        unseen = {each.id for each in missing}
        for _ in range(SAMPLES):
            # Uneven: a key that changes in even steps could else be caught at the same point each time.
            self.clock.sleep(self.settling / SAMPLES * self.rng.uniform(0.5, 1.5))
            unseen -= self.index.documents(sorted(unseen), deadline).keys()
        looks = self._looks(missing, deadline)
        moving: list[Disagreement] = []
        absent: list[Difference] = []
        for each in missing:
            now = looks[each.id]
            if each.id in unseen and now.kind is Kind.MISSING:
                absent.append(Difference(each.id, each.keys, Kind.MISSING, ()))
            elif now.kind is not None:
                moving.append(Disagreement(each.id, each.keys, now))
        return moving, absent


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
            lasting.append(Difference(each.id, each.keys, now.kind, now.attributes))
    return moving, missing, lasting


def _expected(image: AttributeMap) -> str:
    """The JSON text of an item's document."""
    try:
        return encode(image).decode()
    except Exception:  # noqa: BLE001 - whatever it is, the item can never become a document
        return NO_DOCUMENT
