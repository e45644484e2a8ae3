"""How a collection with `Behaviours` takes each request: decided by the time of its clock, without sockets.

A `Conduct` remembers what the behaviours depend on: when an index was made, when its mapping changed, which
writes no refresh has shown yet, when somebody asked last. Every decision takes the time; none waits.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.behaviours import Behaviours
from lab.faults import Fault, FaultKind
from lab.gate_rules import GateRequest

MAPPING_UPDATE_S = 1.0
"""Seconds that a change of the mapping takes, or the creation of an index: another one meanwhile is in conflict."""
LONG_AGO = float("-inf")
READS_BY_ID = frozenset({"_mget", "_doc", "_source"})
MAPPING_NAMES = frozenset({"_mapping", "_mappings"})
SETTINGS_NAMES = frozenset({"index", "_setting", "_settings"})

Mappings = Mapping[str, Mapping[str, Any]]  # the `mappings` member of GET /<index>/_mapping, by index

AT_CAPACITY = Fault(
    FaultKind.ITEM, status=402, error_type="service_quota_exceeded_exception", reason="maximum OCU capacity reached"
)


@dataclass
class _Part:
    """Indexing or search: it sleeps when nothing has come for long, and wakes for what comes."""

    last: float
    awake_at: float


@dataclass
class _Index:
    """What is remembered of an index; times of the gate's clock."""

    made_at: float = LONG_AGO
    mapping_until: float = LONG_AGO
    unseen_since: float | None = None  # the oldest write through the gate that no refresh has shown
    refreshed_at: float = LONG_AGO
    refreshed_by_hand: bool = False  # by the gate, not by the engine's own interval


class Conduct:
    """The behaviours of one collection, and what they depend on. Safe for several threads."""

    def __init__(self, behaviours: Behaviours, now: float) -> None:
        self.behaviours = behaviours
        self._began = now
        self._indices: dict[str, _Index] = {}
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()

    def behave(self, behaviours: Behaviours, now: float) -> None:
        """Behave so from now on: awake, no index new, and what is written to be shown by the next refresh."""
        with self._lock:
            self.behaviours, self._began = behaviours, now
            self._parts.clear()
            for index in self._indices.values():
                index.made_at = index.mapping_until = index.refreshed_at = LONG_AGO
                index.unseen_since = LONG_AGO if index.unseen_since is not None else None

    def hold(self, request: GateRequest, now: float) -> float:
        """Seconds until the part that answers the request is awake: search for reads, indexing for all else."""
        if self.behaviours.sleeps_after_s is None:
            return 0.0
        name = "search" if _permission(request) == "aoss:ReadDocument" else "indexing"
        with self._lock:
            part = self._parts.setdefault(name, _Part(self._began, self._began))
            if now - part.last >= self.behaviours.sleeps_after_s:
                part.awake_at = now + self.behaviours.wakes_in_s
            part.last = max(now, part.awake_at)
            return max(0.0, part.awake_at - now)

    def waking(self) -> Fault | None:
        """What is answered while the collection wakes; None where requests are held."""
        status = self.behaviours.waking_status
        return None if status is None else Fault(FaultKind.STATUS, status=status, reason="the collection wakes up")

    def shaped(self, request: GateRequest) -> GateRequest:
        """The request as the engine gets it: what the last refresh shows, without versions, guard or UUID."""
        if self.behaviours.writes_make_index and any(item.asks_for_alias for item in request.items):
            lines = [(item.without_alias() if item.asks_for_alias else item).lines for item in request.items]
            request = replace(request, body=b"".join(lines))
        by_id = request.method == "GET" and _name(request) in READS_BY_ID
        parameters = []
        if by_id and self.behaviours.reads_late_s:
            parameters.append("realtime=false")
        if by_id and self.behaviours.versions_left_out:
            parameters.append("filter_path=-docs._version,-_version")
        if self.behaviours.index_uuid_hidden and _shows_settings(request):
            parameters.append("filter_path=-*.settings.index.uuid")
        if parameters:
            target = request.target + ("&" if "?" in request.target else "?") + "&".join(parameters)
            request = replace(request, target=target)
        if self.behaviours.versions_left_out and request.path.endswith("/_search"):  # no point in time's own call
            request = replace(request, body=_without_version(request.body))
        return request

    def refusal(self, request: GateRequest, now: float) -> Fault | None:
        """The answer to the whole request, where it does not reach the engine."""
        missing = self._missing(request, now)
        name = _name(request)
        if missing and self.behaviours.new_index_by_item and name == "_mget":
            return _no_documents(request, missing)
        if missing and not (self.behaviours.new_index_by_item and name == "_bulk"):
            return replace(_not_found(missing[0]), kind=FaultKind.STATUS)
        if _permission(request) == "aoss:WriteDocument" and name != "_bulk" and self.behaviours.at_capacity:
            return replace(AT_CAPACITY, kind=FaultKind.STATUS)
        if request.method in {"PUT", "POST"} and name in MAPPING_NAMES and self.behaviours.mapping_conflicts:
            lost = [index for index in _indices(request) if not self._change_mapping(index, now)]
            return replace(_conflict(lost[0]), kind=FaultKind.STATUS) if lost else None
        return None

    def item_faults(self, request: GateRequest, now: float, mappings: Mappings) -> tuple[Fault, ...]:
        """What the items of a `_bulk` are answered that do not reach the engine; `mappings` as they are now."""
        if not request.items:
            return ()
        if self.behaviours.at_capacity:
            return (AT_CAPACITY,)
        faults = []
        if self.behaviours.new_index_by_item:
            for index in self._missing(request, now):
                places = tuple(place for place, item in enumerate(request.items) if item.index == index)
                faults.append(replace(_not_found(index), positions=places))
        for index, mapping in mappings.items():
            changing = tuple(
                place
                for place, item in enumerate(request.items)
                if item.index == index and changes_mapping(mapping, item.lines)
            )
            if changing and not self._change_mapping(index, now):
                faults.append(replace(_conflict(index), positions=changing))
        return tuple(faults)

    def unfit(self, request: GateRequest) -> dict[str, bool]:
        """The request's indices whose refresh is not as the behaviours want it: True, by the gate alone."""
        by_hand = self.behaviours.reads_late_s > 0
        with self._lock:
            return {
                index: by_hand
                for index in _indices(request)
                if "*" not in index and by_hand != self._index(index).refreshed_by_hand
            }

    def fitted(self, index: str) -> None:
        """The index's refresh is as the behaviours want it."""
        with self._lock:
            self._index(index).refreshed_by_hand = self.behaviours.reads_late_s > 0

    def due(self, now: float) -> list[str]:
        """The indices that are to be refreshed now, before the next request.

        A write is shown so long after it was sent, the later ones of that time with it. What was written past the
        gate shows at a read, no more often than that.
        """
        late = self.behaviours.reads_late_s
        with self._lock:
            names = [name for name, each in self._indices.items() if _is_due(each, late, now)]
            for name in names:
                self._indices[name].unseen_since, self._indices[name].refreshed_at = None, now
            return names

    def sends(self, request: GateRequest, now: float) -> None:
        """The request goes to the engine: what it writes is not seen for a while."""
        if not self.behaviours.reads_late_s or _permission(request) != "aoss:WriteDocument":
            return
        with self._lock:
            for index in _indices(request):
                state = self._index(index)
                state.unseen_since = now if state.unseen_since is None else state.unseen_since

    def sent(self, request: GateRequest, status: int, now: float) -> None:
        """The engine has answered: an index may be new, or gone."""
        if not 200 <= status < 300 or _name(request) != "index":
            return
        with self._lock:
            for index in _indices(request):
                if request.method == "PUT":
                    self._indices[index] = _Index(made_at=now, mapping_until=now + MAPPING_UPDATE_S)
                elif request.method == "DELETE":
                    self._indices.pop(index, None)

    def _index(self, name: str) -> _Index:
        return self._indices.setdefault(name, _Index())

    def _missing(self, request: GateRequest, now: float) -> list[str]:
        """The request's indices that are too new for it."""
        if _permission(request) in {None, "aoss:CreateIndex", "aoss:DeleteIndex"}:
            return []
        writes = _permission(request) == "aoss:WriteDocument" or _name(request) == "_mget"
        seconds = self.behaviours.new_index_unwritable_s if writes else self.behaviours.new_index_hidden_s
        with self._lock:
            return [index for index in _indices(request) if now < self._index(index).made_at + seconds]

    def _change_mapping(self, index: str, now: float) -> bool:
        """Whether the index's mapping can be changed now; the change takes its time then."""
        with self._lock:
            state = self._index(index)
            if now < state.mapping_until:
                return False
            state.mapping_until = now + MAPPING_UPDATE_S
            return True


def _is_due(index: _Index, late: float, now: float) -> bool:
    if index.unseen_since is not None:
        return now >= index.unseen_since + late
    return late > 0 and index.refreshed_by_hand and now >= index.refreshed_at + late


def _name(request: GateRequest) -> str:
    return request.operation.name if request.operation else ""


def _shows_settings(request: GateRequest) -> bool:
    asked = request.method == "GET" and _permission(request) == "aoss:DescribeIndex"
    return asked and _name(request) in SETTINGS_NAMES and "filter_path" not in request.target


def _permission(request: GateRequest) -> str | None:
    return request.operation.permission if request.operation else None


def _indices(request: GateRequest) -> tuple[str, ...]:
    return request.operation.indices if request.operation else ()


def _not_found(index: str) -> Fault:
    return Fault(FaultKind.ITEM, status=404, error_type="index_not_found_exception", reason=f"no such index [{index}]")


def _conflict(index: str) -> Fault:
    reason = f"Update to the indices [{index}] failed due to either concurrent update or deletion of the indices"
    return Fault(FaultKind.ITEM, status=400, error_type="resource_already_exists_exception", reason=reason)


def _no_documents(request: GateRequest, missing: list[str]) -> Fault:
    """A 200 whose documents each say that their index is not there."""
    sent = json.loads(request.body)
    ids = sent["ids"] if "ids" in sent else [each["_id"] for each in sent["docs"]]
    error = _not_found(missing[0]).error()
    docs = [{"_index": missing[0], "_id": name, "error": {"root_cause": [error], **error}} for name in ids]
    return Fault(FaultKind.STATUS, status=200, body=json.dumps({"docs": docs}))


def _without_version(body: bytes) -> bytes:
    try:
        return json.dumps({**json.loads(body or b"{}"), "version": False}).encode()
    except (ValueError, TypeError):
        return body  # Not a JSON object: the engine says so.


def changes_mapping(mapping: Mapping[str, Any], lines: bytes) -> bool:
    """Whether an item of a `_bulk` brings a field that the index's mapping does not have."""
    document = lines.splitlines()[1:2]
    try:
        parsed = json.loads(document[0]) if document else None
    except ValueError:
        return False  # The engine says what is wrong with it.
    return isinstance(parsed, dict) and _adds(mapping, parsed)


def _adds(mapping: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    if mapping.get("dynamic", True) not in (True, "true") or mapping.get("enabled") is False:
        return False
    known = mapping.get("properties", {})
    for path, value in document.items():
        name, _, rest = path.partition(".")
        for each in _values({rest: value} if rest else value):
            if name not in known or (isinstance(each, dict) and _adds(known[name], each)):
                return True
    return False


def _values(value: Any) -> Iterator[Any]:
    """A field's values; lists and nulls add nothing of their own."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each)
    elif value is not None:
        yield value
