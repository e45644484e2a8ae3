"""What the doctor's findings mean: pure. The table of probes stands once, at the end of the file.

The functions say what they saw (`lambda_src/searchsync/reconcile/doctor.py`); here stands what searchsync relies
on, and what follows where a collection does otherwise. docs/doctor.md shows this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from searchsync_cli.exits import Exit
from searchsync_cli.text import duration

Seen = Mapping[str, Any]
AT_ONCE_S, READ_S = 2.0, 0.5
"""A request that is answered by then, a write that the first look shows: at once."""
AWAKE_S = 25.0
"""A request is begun within so many seconds of its read, and waits 30 for its answer (the write protocol, rule 6)."""
REFRESHED_S = 45.0
"""Searches show a write after some 10 s ("Considerations", serverless-overview), and with a wide skew bound by then."""
TOMBSTONE_S = 55.0
"""Within so many seconds of its read a write is answered; a tombstone must outlive it."""
FIRST = "new-index-writable"
"""Without it no other row of the probe index can be asked."""
PARTS = ("indexing", "search")
UNAVAILABLE = ("no answer", "429", "5")
"""How an answer begins that says nothing but that the collection is not there yet."""
WHY = {
    "refused": "the role may not: see permissions",
    "busy": "the collection was busy: see capacity",
    "time": "the time was over: give more --seconds",
    "no index": "the probe index did not take it: see new-index-writable",
    "not seen": "no search showed the write: see reads-late",
    "not asked": "what comes before it was not answered",
}


class Outcome(StrEnum):
    """What a row comes to."""

    RELIED = "as relied on"
    HARMLESS = "differs, harmless"
    ACT = "differs, to do"
    UNASKED = "not asked"


@dataclass(frozen=True)
class Probe:
    """One probe: what is asked, relied on, and follows where that differs. `judge` takes what was seen."""

    name: str
    asked: str
    relied: str
    follows: str
    judge: Callable[[Seen], Outcome]


@dataclass(frozen=True)
class Row:
    """A probe with what was seen."""

    probe: Probe
    outcome: Outcome
    seen: str

    def as_json(self) -> dict[str, str]:
        """For machines. It holds no names, account ids or contents: what was seen are answers, counts and times."""
        probe = self.probe
        row = {"name": probe.name, "outcome": self.outcome.value, "asked": probe.asked, "seen": self.seen}
        return {**row, "relied_on": probe.relied, "if_it_differs": probe.follows}


def diagnose(seen: Mapping[str, Any], stopped: str = "") -> list[Row]:
    """A row for every probe; those that were not asked say why. `stopped`: why, where nothing is known of a probe."""
    return [_row(probe, seen.get(probe.name) or {"unasked": stopped or "not asked"}) for probe in PROBES]


def exit_code(rows: list[Row], left: list[str]) -> Exit:
    """1 where something needs doing, or where nothing was found out for want of a probe index; else 0."""
    blind = any(row.probe.name == FIRST and row.outcome is Outcome.UNASKED for row in rows)
    return Exit.of(not (left or blind or any(row.outcome is Outcome.ACT for row in rows)))


def _row(probe: Probe, seen: Seen) -> Row:
    if "unasked" in seen:
        why = str(seen["unasked"])
        return Row(probe, Outcome.UNASKED, WHY.get(why, why))
    return Row(probe, probe.judge(seen), ", ".join(f"{_words(name)} {_value(value)}" for name, value in seen.items()))


def _words(name: str) -> str:
    return name.removesuffix("_s").replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return "never"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return duration(value)
    if isinstance(value, Mapping):
        return " ".join(f"{each}x {name}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return " / ".join(map(str, value)) or "none"
    return str(value)


def _equal(**expected: Any) -> Callable[[Seen], Outcome]:
    """To do where anything else was seen."""
    return lambda seen: Outcome.RELIED if dict(seen) == expected else Outcome.ACT


def _harmless(**expected: Any) -> Callable[[Seen], Outcome]:
    """Harmless where anything else was seen."""
    return lambda seen: Outcome.RELIED if dict(seen) == expected else Outcome.HARMLESS


def _wake_up(seen: Seen) -> Outcome:
    longest = max(float(seen[f"{part}_first_s"]) for part in PARTS)
    if longest > AWAKE_S or any(str(seen[f"{part}_answer"]).startswith(UNAVAILABLE) for part in PARTS):
        return Outcome.ACT
    return Outcome.RELIED if longest <= AT_ONCE_S else Outcome.HARMLESS


def _new_index(seen: Seen) -> Outcome:
    others = set(seen["answers"]) - {"404 index_not_found_exception"}
    return Outcome.ACT if others or None in seen.values() else _some(seen["answers"])


def _conflict(seen: Seen) -> Outcome:
    others = set(seen["answers"]) - {"ok"}
    return Outcome.ACT if others - {"400 resource_already_exists_exception"} else _some(others)


def _some(others: object) -> Outcome:
    return Outcome.HARMLESS if others else Outcome.RELIED


def _reads(seen: Seen) -> Outcome:
    if None in seen.values():
        return Outcome.ACT
    return Outcome.RELIED if seen["mget_s"] < READ_S and seen["search_s"] <= REFRESHED_S else Outcome.HARMLESS


def _tombstone(seen: Seen) -> Outcome:
    if seen["refused_after_s"] >= TOMBSTONE_S:
        return Outcome.RELIED
    return Outcome.UNASKED if seen["taken_after_s"] is None else Outcome.ACT


def _identity(seen: Seen) -> Outcome:
    if not seen["mark"]:
        return Outcome.ACT
    return Outcome.RELIED if seen["uuid"] else Outcome.HARMLESS


def _body(seen: Seen) -> Outcome:
    if seen["ours"] != "ok":
        return Outcome.ACT
    return Outcome.RELIED if seen["below"] == "ok" and seen["above"].startswith("413") else Outcome.HARMLESS


def _id_512(seen: Seen) -> Outcome:
    return Outcome.RELIED if seen["answer"] == "ok" else Outcome.ACT


def _id_513(seen: Seen) -> Outcome:
    return Outcome.RELIED if seen["answer"].startswith("400") else Outcome.HARMLESS


def _capacity(seen: Seen) -> Outcome:
    return Outcome.ACT if "402" in seen["busy"] else _some(seen["busy"])


def _unneeded(seen: Seen) -> Outcome:
    """Of what searchsync does not call: allowed, or forbidden to this role as the module leaves it."""
    return Outcome.RELIED if set(seen.values()) <= {"ok"} or "403" in str(seen) else Outcome.HARMLESS


PROBES = (
    Probe(
        "signature",
        "the first signed request of the reconcile function's role, for the mapping of the index",
        "it is answered",
        "look at aoss:APIAccessAll, the network policy, the data access policy, and at the function's clock; a missing "
        "index is made by the first change or a backfill",
        lambda seen: Outcome.RELIED if seen["answer"] in ("ok", "404 index_not_found_exception") else Outcome.ACT,
    ),
    Probe(
        "wake-up",
        "how long the first and the second request to indexing and to search take",
        "under 25 s: a request waits 30 s for its answer",
        "up to 25 s is harmless: it was asleep. Longer: writes are given up and read again until it is awake",
        _wake_up,
    ),
    Probe(
        "permissions",
        "every call of the reconcile function's role, in the probe index",
        "none is refused",
        "grant the call to the reconcile function's role in the data access policy; a change takes up to a minute",
        _equal(refused=[]),
    ),
    Probe(
        "sync-role",
        "the sync function's own calls: mapping, `_mget`, a deletion of an id that no item can have, a read of the "
        "table; whose the index is. The redrive has its role",
        "none is refused, and the index is this stack's",
        "add the call's permission to the role, or to the data access policy for it; 404: run a backfill, which makes "
        "the index; another owner: set another index.name, or index.adopt to that owner (docs/operations.md)",
        _equal(describe="ok", owner="ok", read="ok", write="ok", table="ok"),
    ),
    Probe(
        "capacity",
        "which answers said that the collection is busy",
        "none; 402 is the account's OCU limit",
        "402: raise the limit (`aws opensearchserverless update-account-settings`). Others are harmless: tried again",
        _capacity,
    ),
    Probe(
        "new-index-writable",
        "a write, the mapping and a search of an index from its acknowledged creation on, until all are answered",
        "the first of each is",
        "404 for a while is harmless: it is tried again. More than 60 s, or another answer: tell us",
        _new_index,
    ),
    Probe(
        "index-identity",
        "whether the description of an index shows its `index.uuid`, and the `_meta` of its mapping",
        "both are shown: `status` knows by them an index that was deleted and made anew",
        "without the UUID harmless: our mark in `_meta` tells too. Without `_meta` no index is known as ours: tell us",
        _identity,
    ),
    Probe(
        "external-versions",
        "writes with version 10, 10, 9 and 11, and a deletion with 11",
        "what is not newer is a conflict",
        "the index cannot be kept in step: stop the trigger, and tell us",
        _equal(answers=["ok", "conflict", "conflict", "ok", "conflict"]),
    ),
    Probe(
        "tombstone",
        "a deletion with version 12, then writes with 11 and 13",
        "a deletion's version refuses older writes",
        "a deleted item can come back: stop the trigger, and tell us",
        _equal(answers=["ok", "conflict", "ok"]),
    ),
    Probe(
        "conflict-wording",
        "the version that a conflict's reason names",
        "`current version [n]`",
        "every conflict is settled by a read of the table: slower. Tell us",
        _harmless(current=[10, 10, 11, 12]),
    ),
    Probe(
        "tombstone-time",
        "a write older than a deletion, 10, 30 and 59 s after it",
        "it is refused for 55 s at least",
        "a late request can bring a deleted item back: stop the trigger, and tell us",
        _tombstone,
    ),
    Probe(
        "custom-ids",
        "ids with slashes, spaces, signs and other scripts",
        "each document keeps its id",
        "the collection is not of type SEARCH: take one that is",
        _equal(kept=True),
    ),
    Probe("id-512", "an id of 512 bytes", "it is taken", "keys that long become poison: tell us", _id_512),
    Probe("id-513", "an id of 513 bytes", "it is refused with 400", "harmless: none is sent", _id_513),
    Probe(
        "reads-late",
        "how long after its answer `_mget` and search show a write",
        "`_mget` at once, searches within 45 s",
        "later is harmless: what was read is compared with what was written, and a verification waits. Not within "
        "120 s: verifications wait or refuse; look at the capacity",
        _reads,
    ),
    Probe(
        "versions-told",
        "whether `_mget` and hits say `_version`",
        "both do",
        "verifications and conflicts end with an error: tell us",
        _equal(mget=True, search=True),
    ),
    Probe(
        "mapping-update",
        "a field added to the mapping, and the type of one changed",
        "added in place; changing is refused with 400",
        "documents with new attributes become poison: tell us",
        lambda seen: Outcome.RELIED if seen["added"] == "ok" and seen["changed"].startswith("400") else Outcome.ACT,
    ),
    Probe(
        "mapping-conflict",
        "four bulks at once that each add twenty fields",
        "all are taken",
        "400 resource_already_exists_exception is harmless: it is tried again. Another answer: tell us",
        _conflict,
    ),
    Probe(
        "body-limit",
        "bodies of 5 MB, just below and just above 10 MiB",
        "5 MB are taken",
        "5 MB refused: tell us. The others are harmless: no larger body than 5 MB is sent",
        _body,
    ),
    Probe(
        "index-by-write",
        "whether `require_alias` of one item keeps a bulk from making a missing index",
        "it is heeded",
        "the index is looked at before nearly every write instead, at the price of a request. Stop the trigger before "
        "you delete the index: a write in that moment makes one with a guessed mapping, and the function says so until "
        "it is deleted too",
        _harmless(guard="ok"),
    ),
    Probe(
        "filter-path",
        "a search with `filter_path`",
        "nothing",
        "harmless: a later version may ask for less",
        _harmless(members=["hits"]),
    ),
    Probe("aliases", "an alias of the probe index", "nothing", "harmless: it is not used", _unneeded),
    Probe("index-templates", "an index template", "nothing", "harmless: it is not used", _unneeded),
    Probe(
        "key-ranges",
        "a range of a number answered from its column, documents by `terms`, those without the field",
        "all are right",
        "verifications of the index need it: tell us",
        _equal(range=True, terms=True, missing=True),
    ),
    Probe(
        "histogram-sum",
        "a histogram with a sum in each bucket",
        "nothing",
        "harmless: a later reconciliation would do without",
        _harmless(right=True),
    ),
)  # fmt: skip
