"""What `searchsync mapping suggest` shows: a mapping for a sample of the table, and what the present one would refuse.

It runs in the reconcile function, which may read the table and has the settings and the code that makes documents. An
answer holds names, counts and types, and no value of an item. It is loaded only when it is asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from searchsync.clock import Deadline
from searchsync.config import Config
from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_fields, document_text
from searchsync.documents.index import DEFAULT_MAPPING
from searchsync.documents.suggestion import Choice, Sample, refused_by
from searchsync.edges.table import DynamoTable, Item
from searchsync.errors import ConversionError, RunRefusedError, TableBusyError, TransformError
from searchsync.limits import MOST_SAMPLED, SAMPLE_SEGMENTS, SAMPLE_UNITS, SHORTEST_READ, USUAL_SAMPLE
from searchsync.reconcile.parts import Pace
from searchsync.sanitize import shown

ALL, ENOUGH, UNITS, TIME = "all items", "as many as asked", "the read units of a sample", "the time of a call"


@dataclass
class Reading:
    """A sample's reading, as it goes along. ended: what it ended at; units: read units."""

    items: int = 0
    units: float = 0.0
    ended: str = ALL
    places: dict[int, AttributeMap | None] = field(default_factory=lambda: dict.fromkeys(range(SAMPLE_SEGMENTS)))
    """Where each segment that is not at its end goes on."""


@dataclass(frozen=True)
class Suggester:
    """The edges of a suggestion. `pace`: of the reads, so that users find their share."""

    config: Config
    table: DynamoTable
    pace: Pace

    def answer(self, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """The suggestion from the event's `items` many items. Raises RunRefusedError where there are none."""
        wanted = event.get("items", USUAL_SAMPLE)
        if not isinstance(wanted, int) or not 0 < wanted <= MOST_SAMPLED:
            raise RunRefusedError(f"A sample of {shown(wanted)} items cannot be: give 1 to {MOST_SAMPLED}.")
        sample, reading, poison = Sample(), Reading(), Counter[str]()
        for item in self._items(wanted, reading, deadline):
            fields = document_fields(item.id, item.image, self.config.rules)
            if fields is None:
                continue
            try:
                document_text(fields, self.config.rules.fields)
            except ConversionError as error:
                poison[str(error)] += 1
                if isinstance(error, TransformError):
                    continue
            sample.add(fields)
        if not reading.items:
            raise RunRefusedError(f"The table {self.config.table_name} has no items to suggest a mapping from.")
        if not sample.documents:
            raise RunRefusedError(
                f"None of the {reading.items} items that were read has a document by `document.when` or the "
                "transform: correct it, or sample more items."
            )
        found = sample.suggestion(self.config.key_attributes, self.config.shape.attribute)
        return {
            "mapping": found.mapping,
            "exclude": found.exclude,
            "fields": [self._field(each) for each in found.fields],
            "poison": dict(poison),
            "read": {
                "items": reading.items, "units": math.ceil(reading.units), "segments": SAMPLE_SEGMENTS,
                "ended": reading.ended,
            },
        }  # fmt: skip

    def _field(self, choice: Choice) -> dict[str, Any]:
        mapping = DEFAULT_MAPPING if self.config.mapping is None else self.config.mapping
        refused, why = refused_by(choice.place, choice.path, mapping)
        return {
            "path": ".".join(choice.path),
            "seen": {kind: count for kind, count in choice.place.seen.most_common() if count},
            "field": None
            if choice.mapping is None
            else {name: value for name, value in choice.mapping.items() if name != "properties"},
            "why": choice.why,
            "refused": refused,
            "refused_why": why if refused else "",
        }

    def _items(self, wanted: int, reading: Reading, deadline: Deadline) -> Iterator[Item]:
        """Items of all segments in turn, each of which gives the same share."""
        share = math.ceil(wanted / SAMPLE_SEGMENTS)
        try:
            while reading.places:
                for segment in list(reading.places):
                    if ended := self._ended(wanted, reading, deadline):
                        reading.ended = ended
                        return
                    yield from self._page(segment, min(share, wanted - reading.items), reading, deadline)
        except TableBusyError:
            if not reading.items:
                raise
            reading.ended = TIME

    def _ended(self, wanted: int, reading: Reading, deadline: Deadline) -> str:
        if reading.items >= wanted:
            return ENOUGH
        if reading.units >= SAMPLE_UNITS:
            return UNITS
        self.pace.wait(deadline)
        return TIME if deadline.remaining() < SHORTEST_READ else ""

    def _page(self, segment: int, most: int, reading: Reading, deadline: Deadline) -> list[Item]:
        page = self.table.scan(segment, SAMPLE_SEGMENTS, reading.places[segment], deadline, most)
        self.pace.took(page.units)
        reading.items += len(page.items)
        reading.units += page.units
        reading.places[segment] = page.position
        if page.position is None:
            del reading.places[segment]
        return page.items
