"""What a collection really does, asked in an index of its own: the edge of `searchsync doctor`.

It says what it saw, by the probe's name, in words that hold no name and no item; what that means is decided
by the command line. It runs in the reconcile function, since only there role, network and signature are the real
ones; it is loaded only when it is asked. The user's index is never touched, but for a look at its mapping.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opensearchpy.client.client import Client

from searchsync.clock import Clock, Deadline
from searchsync.config import Config
from searchsync.doctor import SEEN, item_answers, said
from searchsync.documents.index import GUARD, MARK, take_guard
from searchsync.edges.collection import NDJSON, perform
from searchsync.limits import (
    CLEAN_UP,
    LARGEST_BODY,
    LARGEST_TAKEN,
    MANY_TRIES,
    PATIENCE,
    PROBE_TIMEOUT,
    SEEN_WITHIN,
    TOMBSTONE_AGES,
)
from searchsync.protocol.bulk import DONE, QUOTA_STATUS, Answer, Kind, Write, classify_request, lines
from searchsync.reconcile.asker import Asker, UnaskedError, claim, clean_up

SOURCE = b'{"n":7}'
MAPPING = {"properties": {"n": {"type": "double"}, "blob": {"type": "object", "enabled": False}}}
QUERY = {"ids": {"values": ["late"]}}

Facts = dict[str, Any]


def wake_up(at: Asker) -> Facts:
    """How long the first requests to indexing and to search take, and the second ones."""
    seen: Facts = {}
    calls = {"indexing": (f"/{at.config.index}/_mapping", None), "search": (f"/{at.probe}/_mget", {"ids": ["a"]})}
    for part, (path, body) in calls.items():
        for name in (f"{part}_first_s", f"{part}_again_s"):
            began = at.clock.monotonic()
            answer = at.ask("GET", path, body, tries=20, patience=PATIENCE, optional=True)
            seen[name] = round(at.clock.monotonic() - began, 2)
            seen[f"{part}_answer"] = said(classify_request(answer))
    seen["busy"] = dict(at.busy)
    at.busy.clear()  # of its own row
    return {"signature": {"answer": seen["indexing_answer"]}, "wake-up": seen}


def new_index(at: Asker) -> Facts:
    """Make the probe index; how long it takes until it can be written, described and searched."""
    body = {"mappings": {**MAPPING, "_meta": {MARK: {"doctor": at.mark, "since": int(at.clock.now())}}}}
    at.made = None
    made = classify_request(at.ask("PUT", f"/{at.probe}", body, tries=1))
    if made.kind is not Kind.DONE:
        raise UnaskedError(said(made), for_all=True)
    at.made = True
    looks: dict[str, Callable[[], Answer]] = {
        "write_s": lambda: at.items(Write("first", 1, SOURCE), tries=1)[0],
        "mapping_s": lambda: classify_request(at.ask("GET", f"/{at.probe}/_mapping")),
        "search_s": lambda: classify_request(at.ask("POST", f"/{at.probe}/_search", {"size": 0})),
    }
    began, answers = at.clock.monotonic(), Counter[str]()
    seen: Facts = dict.fromkeys(looks)
    for name, look in looks.items():
        while seen[name] is None and (waited := at.clock.monotonic() - began) < PATIENCE:
            answer = look()
            if answer.kind in (Kind.DONE, Kind.CONFLICT):
                seen[name] = round(at.clock.monotonic() - began, 1)
            elif answer.status == QUOTA_STATUS and waited > MANY_TRIES:
                raise UnaskedError(Kind.BUSY.value, for_all=True)
            else:
                answers[said(answer)] += 1
                at.sleep(0.5)
    return {"new-index-writable": {**seen, "answers": dict(answers)}}


def versions(at: Asker) -> Facts:
    """External versions: higher, equal, lower; of a deletion too; and what its tombstone refuses."""
    tries = [(10, SOURCE), (10, SOURCE), (9, SOURCE), (11, SOURCE), (11, None), (12, None), (11, SOURCE), (13, SOURCE)]
    answers = [at.write(Write("versioned", version, source))[0] for version, source in tries]
    words = [said(each) for each in answers]
    return {
        "external-versions": {"answers": words[:5]},
        "tombstone": {"answers": words[5:]},
        "conflict-wording": {"current": [each.current for each in answers if each.kind is Kind.CONFLICT]},
    }


def bury(at: Asker) -> Facts:
    """Leave a tombstone for the end."""
    at.write(Write("buried", 1, SOURCE))
    at.buried = at.clock.monotonic()
    at.write(Write("buried", 3, None))
    return {}


def ids(at: Asker) -> Facts:
    """Ids of any characters, and the longest."""
    names = ["a/b?c#d%20e", "é|✓ \\", "sha256:0", "_under"]
    at.write(*(Write(name, 1, SOURCE) for name in names))
    docs = at.body_of("GET", "/_mget", {"docs": [{"_id": name} for name in names]})["docs"]
    # One that no refresh has shown yet comes with its id all the same.
    lengths = {f"id-{size}": {"answer": said(at.write(Write("i" * size, 1, SOURCE))[0])} for size in (512, 513)}
    return {"custom-ids": {"kept": [each.get("_id") for each in docs] == names}, **lengths}


def mapping_update(at: Asker) -> Facts:
    """A field added in place, and one changed, which no engine may take."""
    seen = {}
    for name, field_ in (("added", "more"), ("changed", "n")):
        for _ in range(MANY_TRIES):
            body = {"properties": {field_: {"type": "keyword"}}}
            seen[name] = at.told("PUT", f"/{at.probe}/_mapping", body)
            if "resource_already_exists" not in seen[name]:
                break
            at.sleep(1.5)  # in conflict with the making of the index: that is another row's
    return {"mapping-update": seen}


def mapping_conflict(at: Asker) -> Facts:
    """Four bulks at once that each add twenty fields."""

    def load(number: int) -> list[Answer]:
        source = json.dumps({f"wide_{number}_{each}": 1.5 for each in range(20)}).encode()
        write = Write(f"wide-{number}", 1, source)
        body = lines(write)
        client = at.connect()
        path = f"/{at.probe}/_bulk"
        answer = perform(client, "POST", path, body=body, timeout=min(PROBE_TIMEOUT, at.time(1.0)), headers=NDJSON)
        return item_answers((write,), answer)

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for each in pool.map(load, range(4)) for answer in each]
    return {"mapping-conflict": {"answers": dict(Counter(map(said, answers)))}}


def body_limit(at: Asker) -> Facts:
    """The largest body that we send, the largest that is taken, and one above."""
    seen = {}
    for name, size in (("ours", LARGEST_BODY), ("below", LARGEST_TAKEN - 1024), ("above", LARGEST_TAKEN + 1024)):
        source = b'{"blob":{"x":"%b"}}' % (b"x" * (size - 100))
        seen[name] = said(at.items(Write(f"body-{name}", 1, source), tries=1, optional=True)[0])
    return {"body-limit": seen}


def index_by_write(at: Asker) -> Facts:
    """Whether the guard of a bulk is heeded: then no write makes a missing index. Asked where the index is there."""
    body = lines(Write("guarded", 1, SOURCE)) + GUARD
    answer = at.ask("POST", f"/{at.probe}/_bulk", body)
    heeded = False if answer.status == 400 else take_guard(answer.body)
    if heeded is None:
        raise UnaskedError("not said")
    return {"index-by-write": {"guard": SEEN if heeded else "not heeded"}}


def filter_path(at: Asker) -> Facts:
    """An answer without what was not asked for."""
    return {"filter-path": {"members": sorted(at.body_of("POST", "/_search", {"size": 0}, filter_path="hits.total"))}}


def names_of_the_collection(at: Asker) -> Facts:
    """An alias and an index template, which the role needs not be allowed."""
    alias = f"{at.probe[:200]}-alias"
    actions = {"actions": [{"add": {"index": at.probe, "alias": alias}}]}
    aliases = {"add": at.told("POST", "/_aliases", actions, optional=True)}
    at.template = f"/_index_template/{alias}"
    made = at.told("PUT", at.template, {"index_patterns": [f"{alias}-*"]}, optional=True)
    if made != SEEN:
        at.template = None
    return {"aliases": aliases, "index-templates": {"put": made}}


def reads_late(at: Asker) -> Facts:
    """How long after its answer a write is seen by `_mget` and by search."""
    at.write(Write("late", 1, SOURCE))
    began = at.clock.monotonic()
    looks: dict[str, Callable[[], bool]] = {
        "mget_s": lambda: bool(at.body_of("GET", "/_mget", {"ids": ["late"]})["docs"][0].get("found")),
        "search_s": lambda: bool(at.hits({"query": QUERY})),
    }
    seen: Facts = dict.fromkeys(looks)
    for name, look in looks.items():
        while seen[name] is None and at.clock.monotonic() - began < SEEN_WITHIN:
            if look():
                seen[name] = round(at.clock.monotonic() - began, 1)
            else:
                at.sleep(0.5)
    return {"reads-late": seen}


def versions_told(at: Asker) -> Facts:
    """Whether documents and hits come with their versions."""
    (doc,) = at.body_of("GET", "/_mget", {"ids": ["late"]})["docs"]
    hits = at.hits({"query": QUERY, "version": True})
    if not hits or not doc.get("found"):
        raise UnaskedError("not seen")
    return {"versions-told": {"mget": "_version" in doc, "search": "_version" in hits[0]}}


def range_query(at: Asker) -> Facts:
    """What a run asks of the index, as it asks it; and what a reconciliation by sums would ask."""
    condition = {"bool": {"filter": [QUERY, {"range": {"n": {"gte": 1, "lt": 10}}}]}}
    if not at.hits({"query": QUERY}):
        raise UnaskedError("not seen")
    asked = {"_source": False, "sort": ["_doc"], "track_total_hits": True}
    hits = at.hits({**asked, "query": condition, "docvalue_fields": ["n"], "stored_fields": "_none_"})
    held = at.hits({**asked, "query": {"terms": {"n": [7]}}, "version": True})
    without = at.hits({**asked, "query": {"bool": {"filter": QUERY, "must_not": {"exists": {"field": "n"}}}}})
    histogram = {"field": "n", "interval": 5}
    buckets = {"h": {"histogram": histogram, "aggs": {"s": {"sum": {"field": "n"}}}}}
    body = at.body_of("POST", "/_search", {"query": condition, "size": 0, "aggs": buckets})
    sums = [each["s"]["value"] for each in body["aggregations"]["h"]["buckets"]]
    return {
        "key-ranges": {
            "range": [each.get("fields") for each in hits] == [{"n": [7.0]}],
            "terms": bool(held),
            "missing": not without,
        },
        "histogram-sum": {"right": sums == [7.0]},
    }


def tombstone_time(at: Asker) -> Facts:
    """How long the tombstone refuses an older write."""
    if not at.buried:
        raise UnaskedError("busy")
    seen: Facts = {"refused_after_s": 0.0, "taken_after_s": None}
    try:
        for age in TOMBSTONE_AGES:
            at.sleep(max(0.0, at.buried + age - at.clock.monotonic()))
            if at.write(Write("buried", 2, SOURCE))[0] == DONE:
                seen["taken_after_s"] = round(at.clock.monotonic() - at.buried, 1)
                break
            seen["refused_after_s"] = age
    except UnaskedError:  # no more time: what was seen so far
        pass
    return {"tombstone-time": seen}


PROBES: tuple[tuple[tuple[str, ...], Callable[[Asker], Facts]], ...] = (
    (("signature", "wake-up"), wake_up),
    (("new-index-writable",), new_index),
    ((), bury),
    (("external-versions", "tombstone", "conflict-wording"), versions),
    (("custom-ids", "id-512", "id-513"), ids),
    (("mapping-update",), mapping_update),
    (("mapping-conflict",), mapping_conflict),
    (("body-limit",), body_limit),
    (("index-by-write",), index_by_write),
    (("filter-path",), filter_path),
    (("aliases", "index-templates"), names_of_the_collection),
    (("reads-late",), reads_late),
    (("versions-told",), versions_told),
    (("key-ranges", "histogram-sum"), range_query),
    (("tombstone-time",), tombstone_time),
)
"""In this order: what follows needs what stands above it."""


def examine(config: Config, connect: Callable[[], Client], clock: Clock, seconds: float) -> dict[str, Any]:
    """Ask every probe within so many seconds, and clean up. Raises RunRefusedError where the probe index is another's.

    Answers with `seen`: facts by probe, or {"unasked": why}; and `left`: what could not be deleted.
    """
    at = Asker(config, connect, clock, Deadline.after(clock, seconds - CLEAN_UP))
    seen: dict[str, Any] = {}
    why = ""
    try:
        for names, probe in PROBES:
            try:
                if why:
                    raise UnaskedError(why, for_all=True)
                if probe is new_index:
                    claim(at)
                seen |= probe(at)
            except UnaskedError as error:
                seen |= {name: {"unasked": error.why} for name in names if name not in seen}
                why = error.why if error.for_all or probe in (wake_up, new_index) else ""
    finally:
        left = clean_up(at)
    seen["permissions"] = {"refused": sorted(at.refused)}
    seen["capacity"] = {"busy": dict(at.busy)}
    return {"seen": seen, "left": left}
