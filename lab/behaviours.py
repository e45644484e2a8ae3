"""What AOSS does beyond its rules: later, stricter or asleep. Named behaviours, each with its public source.

The rules of `lab.gate_rules` hold for every collection; these hold for some, at some times, or are not known.
`TABLE` says of each what it does, where that was said in public, which profile has it and which probe of
`searchsync doctor` finds it out on a user's own account; docs/aws.md shows it. What is "unknown" is harsh in
one profile and kind in the other, so that the product is run both ways. `lab.conduct` carries them out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any

UNKNOWN = "unknown"
DEFAULT_PROFILE = "classic"
LAB_SCALE = 0.1
"""Seconds of the lab for one of AWS's, where nobody asks for another scale."""


@dataclass(frozen=True)
class Behaviours:
    """What a collection does; by default nothing out of the ordinary. Names that end with `_s` are seconds."""

    reads_late_s: float = 0.0  # `_mget`, search and PIT show a write only after so many seconds
    new_index_unwritable_s: float = 0.0  # writes and `_mget` answer 404 so long after an acknowledged PUT
    new_index_hidden_s: float = 0.0  # all else about it (mapping, search, PIT) does, too
    new_index_by_item: bool = False  # that 404 stands on the items of a 200, not on the request
    writes_make_index: bool = False  # a write makes its missing index though an item of it says `require_alias`
    mapping_conflicts: bool = False  # a change of the mapping beside another one: 400 on the item, or on PUT _mapping
    versions_left_out: bool = False  # no `_version` in `_mget` answers and hits
    index_uuid_hidden: bool = False  # no `index.uuid` in the settings of an index
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


PROFILES: Mapping[str, Behaviours] = MappingProxyType(
    {
        "classic": Behaviours(reads_late_s=10.0, new_index_unwritable_s=15.0, mapping_conflicts=True),
        "nextgen": Behaviours(
            reads_late_s=60.0,
            new_index_unwritable_s=15.0,
            new_index_hidden_s=5.0,
            new_index_by_item=True,
            writes_make_index=True,
            index_uuid_hidden=True,
            sleeps_after_s=600.0,
            wakes_in_s=30.0,
        ),
    }
)
"""The two kinds of collection, with AWS's own times; the lab's are `LAB_SCALE` of them."""


@dataclass(frozen=True)
class Row:
    """What is known of a behaviour: `fields` are those of `Behaviours` that it is made of, `probe` is doctor's."""

    name: str
    fields: tuple[str, ...]
    does: str
    source: str
    probe: str


TABLE = (
    Row(
        "late reads",
        ("reads_late_s",),
        "`_mget`, searches and points in time show a write at a later refresh: after some 10 s, under load minutes",
        '"Considerations" of the developer guide\'s serverless overview: about 10 s for searches; '
        "Sage-Bionetworks/Synapse-Repository-Services#5672: 1 of 52,802 documents after 208 s at the OCU cap. "
        "That `_mget` is late too, and how late NextGen is: unknown",
        "reads-late",
    ),
    Row(
        "new index not writable",
        ("new_index_unwritable_s",),
        "After an acknowledged PUT of an index, writes and `_mget` answer 404 `index_not_found_exception` for a while",
        "Sage-Bionetworks/Synapse-Repository-Services#5623 and #5678: still so after 10 s; apache/flink-agents#678 "
        "waits 15 s. How long at most: unknown",
        "new-index-writable",
    ),
    Row(
        "new index hidden",
        ("new_index_hidden_s",),
        "…and so do its mapping, searches and points in time, while a second PUT says that it exists",
        "apache/airflow#70649 and aws/modern-data-architecture-accelerator#33: searches fail for seconds. "
        "Whether its mapping is shown meanwhile: unknown",
        "new-index-writable",
    ),
    Row(
        "new index refused by item",
        ("new_index_by_item",),
        "That 404 stands on each item of a 200, not on the request",
        "unknown: #5678 shows it for a single document's request",
        "new-index-writable",
    ),
    Row(
        "writes make their index",
        ("writes_make_index",),
        "`require_alias` of a bulk's item is not heeded: a write makes a missing index, with a guessed mapping",
        "unknown. That AOSS makes missing indices: opensearch-project/data-prepper#4097. OpenSearch heeds it: "
        "elastic/elasticsearch#66255, of the version that it comes from",
        "index-by-write",
    ),
    Row(
        "mapping conflicts",
        ("mapping_conflicts",),
        "A change of the mapping within a second of another one, or of the index's creation, answers 400 "
        "`resource_already_exists_exception`: a PUT of the mapping as a whole, a `_bulk` on the items with new fields",
        "opensearch-project/opensearch-spark#950 and #951, for a PUT of the mapping. For a `_bulk`, and how "
        "long a change takes: unknown",
        "mapping-conflict",
    ),
    Row(
        "versions left out",
        ("versions_left_out",),
        "Documents and hits have no `_version`",
        "unknown",
        "versions-told",
    ),
    Row(
        "index UUID hidden",
        ("index_uuid_hidden",),
        "`GET /<index>` and its `_settings` show no `index.uuid`",
        "unknown: the developer guide names both calls (`aoss:DescribeIndex`), and shows no answer",
        "index-identity",
    ),
    Row(
        "at capacity",
        ("at_capacity",),
        "Writes answer 402 `service_quota_exceeded_exception`, on the items of a 200",
        "Sage-Bionetworks/Synapse-Repository-Services#5689, beside items that were taken. On deletions: unknown",
        "capacity",
    ),
    Row(
        "sleep",
        ("sleeps_after_s", "wakes_in_s"),
        "After 10 idle minutes indexing and search sleep, each on its own. The first request waits 10 to 30 s",
        '"Scale to zero for Amazon OpenSearch Serverless" of the developer guide. Which of the two answers what is '
        "neither a write nor a read of documents: unknown",
        "wake-up",
    ),
    Row(
        "answered while it wakes",
        ("waking_status",),
        "What comes while it wakes is answered with this status instead of being held",
        'unknown: the guide speaks of "latency"',
        "wake-up",
    ),
)
"""Every field of `Behaviours` stands in one row. An empty `probe`: nothing can be asked without doing harm."""


def in_the_lab(profile: str, scale: float = LAB_SCALE) -> Behaviours:
    """A profile with its times at the lab's scale. ValueError for one that is not there."""
    if profile not in PROFILES:
        raise ValueError(f"There is no profile {profile!r}: give one of {', '.join(PROFILES)}.")
    return PROFILES[profile].scaled(scale)


def add_profile(parser: argparse.ArgumentParser) -> None:
    """The options of a command line that starts a lab: `profile` and `scale`."""
    parser.add_argument(
        "--profile", choices=list(PROFILES), default=DEFAULT_PROFILE, help="what its collections are like: docs/aws.md"
    )
    parser.add_argument(
        "--scale", type=float, default=LAB_SCALE, help="seconds of the lab for one of AWS's (default %(default)s)"
    )


def rendered() -> str:
    """The table as Markdown, for docs/aws.md."""
    head = ["behaviour", "what the collection does", "source", *PROFILES, "probe"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in TABLE:
        values = [_shown(profile, row) for profile in PROFILES]
        names = ", ".join(f"`{name}`" for name in row.fields)
        lines.append(_line([f"{row.name} ({names})", row.does, row.source, *values, row.probe or "none"]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(profile: str, row: Row) -> str:
    """A profile's values: AWS's figures, and the lab's where they are others."""
    aws, lab = PROFILES[profile], in_the_lab(profile)
    if not getattr(aws, row.fields[0]):
        return "no"
    pairs = [(name, getattr(aws, name), getattr(lab, name)) for name in row.fields]
    return "<br>".join(
        f"{value:g} s (lab: {scaled:g} s)" if name.endswith("_s") else "yes" for name, value, scaled in pairs
    )
