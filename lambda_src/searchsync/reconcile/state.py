"""A run's state as Step Functions carries it between calls. Pure.

A part of a run is a segment of the table, files of an export, or a range of the index's keys. Its state goes in
and out of each call; what it holds must stay small (a state is at most 256 KiB: AWS page "Quotas for
Step Functions").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from searchsync.errors import RunRefusedError
from searchsync.limits import KEYS, LONGEST_BROKEN, MOST_BROKEN, MOST_RANGES
from searchsync.sanitize import shown

TASKS = ("backfill", "verify", "repair")
COSTS = ("calls", "milliseconds", "requests", "units")
"""Counts of what a run took, whatever came of it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of the table's parallel scan."""

    segment: int
    of: int


@dataclass(frozen=True, slots=True)
class Files:
    """Data files of an export: those that a range of its manifest's bytes lists, such as 0-2229."""

    bucket: str
    manifest: str
    etag: str
    lines: str


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the index's keys, the first is 0. `since`: Unix seconds when the run began."""

    range: int
    of: int
    since: float

    @property
    def low(self) -> int:
        """Its first key."""
        return KEYS * self.range // self.of

    @property
    def high(self) -> int:
        """The key behind its last."""
        return KEYS * (self.range + 1) // self.of


def ranges_of(segments: int) -> int:
    """In how many ranges the index of a table is scanned that has so many segments."""
    return min(segments, MOST_RANGES)


Part = Segment | Files | Range


@dataclass(frozen=True, slots=True)
class State:
    """Where one part of a run stands.

    `recheck_delay`: seconds between two looks; `read_at`: Unix seconds of an export, else 0.0; `position`:
    where the next page begins, None at the beginning; `call`: how many calls there were; `broken`: the first of
    the export's files that could not be read (MOST_BROKEN); all are counted, and in the log.
    """

    task: str
    run: str
    recheck_delay: float
    read_at: float
    part: Part
    position: Any
    call: int
    done: bool
    counts: Counter[str]
    broken: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name of this part's present call, as a file may have it; the same when the call is repeated."""
        part = self.part
        if isinstance(part, Files):
            return f"files-{part.lines}-{self.call:04d}"
        kind, number = ("segment", part.segment) if isinstance(part, Segment) else ("range", part.range)
        return f"{kind}-{number:04d}-{self.call:04d}"

    def after(self, position: Any, counts: Counter[str], broken: tuple[str, ...] = ()) -> State:
        """The state behind this call; `position` None: the part is done."""
        return replace(
            self,
            position=position,
            call=self.call + 1,
            done=position is None,
            counts=self.counts + counts,
            broken=(self.broken + tuple(each[:LONGEST_BROKEN] for each in broken))[:MOST_BROKEN],
        )


def read_state(event: Mapping[str, Any]) -> State:
    """The state that a call was given. Raises RunRefusedError when it is none."""
    try:
        totals = event["totals"]
        export = event.get("export")
        return State(
            task=event["task"],
            run=event["run"],
            recheck_delay=float(event["recheck_delay"]),
            read_at=float(export["exported_at"]) if export else 0.0,
            part=_part(event["part"], export),
            position=event["position"],
            call=int(event["call"]),
            done=False,
            counts=Counter({name: number for name, number in totals.items() if name != "broken"}),
            broken=tuple(totals.get("broken", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunRefusedError(
            f"A call of the run has no usable state ({shown(error)}). The state machine and the function are of "
            "different versions: apply the module again, and start anew."
        ) from error


def _part(raw: Mapping[str, Any], export: object) -> Part:
    if "segment" in raw:
        return Segment(int(raw["segment"]), int(raw["of"]))
    if "range" in raw:
        since = raw["since"]  # as Step Functions says it at first
        began = datetime.fromisoformat(since).timestamp() if isinstance(since, str) else float(since)
        return Range(int(raw["range"]), int(raw["of"]), began)
    if not export:
        raise ValueError("files without their export's time")
    return Files(str(raw["bucket"]), str(raw["manifest"]), str(raw["etag"]), str(raw["lines"]))


def written_state(event: Mapping[str, Any], state: State) -> dict[str, Any]:
    """The answer to a call: what it was given, with what has changed."""
    return {
        **{name: value for name, value in event.items() if name != "step"},
        "part": asdict(state.part),
        "position": state.position,
        "call": state.call,
        "done": state.done,
        "totals": totals(state.counts, state.broken),
    }


def totals(counts: Mapping[str, int], broken: tuple[str, ...] = ()) -> dict[str, Any]:
    """Counts as a run's result carries them: only those that are not zero."""
    found: dict[str, Any] = {name: number for name, number in sorted(counts.items()) if number}
    return found | {"broken": list(broken)} if broken else found


def summed(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The totals of all parts together."""
    counts: Counter[str] = Counter()
    broken: list[str] = []
    for each in results:
        counts.update({name: number for name, number in each.items() if name != "broken"})
        broken += each.get("broken", ())
    return totals(counts, tuple(sorted(broken)))
