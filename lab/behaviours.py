"""What AOSS does beyond its rules: later, stricter or asleep. Named behaviours, each with its public source.

The rules of `lab.gate_rules` hold for every collection; these hold for some, at some times, or are not known.
`TABLE` says of each what it does, where that was said in public, which profile has it and which probe of
`searchsync doctor` finds it out on a user's own account; docs/aws.md shows it. What is "unknown" is harsh in
one profile and kind in the other, so that the product is run both ways. `lab.conduct` carries them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

UNKNOWN = "unknown"
LAB_SCALE = 0.1
"""Seconds of the lab for one of AWS's, where nobody asks for another scale."""


@dataclass(frozen=True)
class Behaviours:
    """What a collection does; by default nothing out of the ordinary. Names that end with `_s` are seconds."""

    reads_late_s: float = 0.0  # `_mget`, search and PIT show a write only after so many seconds
    new_index_unwritable_s: float = 0.0  # writes and `_mget` answer 404 so long after an acknowledged PUT
    new_index_hidden_s: float = 0.0  # all else about it (mapping, search, PIT) does, too
    new_index_by_item: bool = False  # that 404 stands on the items of a 200, not on the request
    mapping_conflicts: bool = False  # a change of the mapping beside another one: 400 on the item, or on PUT _mapping
    pit_needs_collection: bool = False  # PIT search/delete: no index is seen in the id, a policy must grant all
    close_refused: bool = False  # DELETE of a PIT answers 403
    versions_left_out: bool = False  # no `_version` in `_mget` answers and hits
    at_capacity: bool = False  # writes answer 402, by item
    sleeps_after_s: float | None = None  # idle so long: asleep; indexing and search apart
    wakes_in_s: float = 20.0  # the first request after sleep is held this long
    waking_status: int | None = None  # None: requests are held while it wakes; else they are answered so

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name.endswith("_s") and value is not None and value < 0:
                raise ValueError(f"{name} = {value}: give seconds of 0 or more")

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Behaviours:
        """The behaviours that `as_json` wrote. TypeError or ValueError on anything else."""
        return cls(**members)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object, for the gate's admin port."""
        return asdict(self)

    def scaled(self, factor: float) -> Behaviours:
        """The same with every time multiplied."""
        times = {each.name: getattr(self, each.name) for each in fields(self) if each.name.endswith("_s")}
        return replace(self, **{name: value * factor for name, value in times.items() if value is not None})
