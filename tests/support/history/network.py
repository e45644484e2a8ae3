"""What lies between the function and the engine: the collection gate, one fault for each request, and requests
whose answer nobody waits for any more.

All time is the world's. What a slow peer takes passes before the request is sent, or behind its answer. Where it
outlasts the client, the gate says so, and the client is really cut off there and then, by its own bound; what it has
sent whole is held in the gate until the world's time says that it lands.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.behaviours import Behaviours
from lab.faults import Fault as GateFault
from lab.faults import FaultKind
from lab.gate import Gate
from lab.gate_rules import GateRequest, Rules
from searchsync.edges.bound import Seconds
from searchsync.edges.collection import Connection, OpenSearchCollection
from searchsync.limits import ADDRESS_TIMEOUT
from searchsync.protocol.bulk import Response
from searchsync.sync.delivery import PROBE_PREFIX
from tests.support.history.clock import WorldClock
from tests.support.history.steps import BEHAVIOURS, SILENT, Behave, Fault, Sleep

PATIENCE = 60.0
"""Seconds of the machine for anything that is sure to come."""
LANDS_WITHIN = 34.9
"""Seconds of the world: a request lands so long after it was begun, or never. With the 25 s from a read to its
last request this stays below a tombstone's 60 s: the protocol's own assumption."""
BODY_LIMIT = 4_000
SLOW, TRICKLE, ENDLESS = 20.0, 100.0, 1_000.0
"""Seconds of the world: in the client's time; over it, though some pieces come; over it before the first piece."""
TIMED = {
    "slow": (FaultKind.DELAY, SLOW),
    "slow reader": (FaultKind.SLOW_READER, SLOW),
    "slow reader cut": (FaultKind.SLOW_READER, TRICKLE),
    "slow writer": (FaultKind.SLOW_WRITER, SLOW),
    "slow writer cut": (FaultKind.SLOW_WRITER, TRICKLE),
    "late answer": (FaultKind.DELAY, ENDLESS),
    "late": (FaultKind.DROP, ENDLESS),
    "lost": (FaultKind.DROP, ENDLESS),
    "black hole": (FaultKind.BLACK_HOLE, ENDLESS),
}
LANDING = (FaultKind.DROP, FaultKind.DELAY, FaultKind.ITEM)
"""What holds a request that was sent whole."""
DEAD = {"dead address": ADDRESS_TIMEOUT, "dead addresses": ENDLESS}
"""Seconds until an address is reached: nothing comes to the gate before."""
TYPES = {
    402: "service_quota_exceeded_exception",
    404: "index_not_found_exception",
    409: "version_conflict_engine_exception",
}
ITEM_TYPES = TYPES | {400: "resource_already_exists_exception"}


def gate_fault(fault: Fault, document_id: str) -> GateFault | None:
    """The gate's form of a fault; None where the gate does not see it."""
    if fault.name in DEAD:
        return None
    if fault.name == SILENT:
        return GateFault(FaultKind.DROP, seconds=ENDLESS, ids=(document_id,))
    if fault.name in TIMED:
        kind, seconds = TIMED[fault.name]
        return GateFault(kind, seconds=seconds)
    words = fault.name.split()
    applied, seconds = words[-1] == "applied", SLOW if words[-1] == "late" else 0.0
    if words[0] in ("reset", "cut"):
        return GateFault(FaultKind(words[0]), applied=applied)
    if words[0] == "html":
        return GateFault(FaultKind.STATUS, status=502, body="<html>bad gateway</html>")
    status = int(words[1] if words[0] == "item" else words[0])
    types = ITEM_TYPES if words[0] == "item" else TYPES
    error_type = types.get(status, f"injected_{status}_exception")
    kind = FaultKind.ITEM if words[0] == "item" else FaultKind.STATUS
    ids = (document_id,) if words[0] == "item" else ()
    return GateFault(kind, status=status, error_type=error_type, applied=applied, ids=ids, seconds=seconds)


@dataclass
class Held:
    """A request that its client gave up."""

    network: Network
    body: bytes = b""
    latest: float = 0.0
    release: threading.Event = field(default_factory=threading.Event)
    forgotten: bool = False

    def come(self) -> None:
        """Arrive at the engine."""
        self.network.let_go(self)


@dataclass(frozen=True)
class Meeting:
    """What a request meets: a fault by its name, in the gate's form unless it is met before; `lands_in`: seconds until
    it is at the engine, if its client gives it up."""

    name: str = ""
    fault: GateFault | None = None
    lands_in: float = LANDS_WITHIN

    @property
    def seconds(self) -> float:
        """That it takes at the gate."""
        return self.fault.seconds if self.fault is not None else 0.0

    @property
    def lands(self) -> bool:
        """Whether what is held was sent whole, and is not lost."""
        return self.fault is not None and self.fault.kind in LANDING and self.name != "lost"


class WorldGate(Gate):
    """A gate that says when it lets a request wait for ever."""

    swallows: Callable[[], None]

    def arrives(self, head: GateRequest, size: int) -> GateFault | None:
        """As the base class."""
        fault = super().arrives(head, size)
        if fault is not None and fault.kind is FaultKind.BLACK_HOLE:
            self.swallows()
        return fault


class Network:
    """A gate whose faults are told one request at a time."""

    line: Connection
    """The client's."""

    def __init__(self, engine_url: str, clock: WorldClock) -> None:
        self.clock = clock
        self.gate = WorldGate(
            engine_url,
            rules=Rules(body_limit=BODY_LIMIT, refresh_interval="1h", gc_deletes="1h"),
            clock=lambda: clock.time,
            pause=self._pause,
        )
        self.gate.swallows = self._cut_off
        self.injected: Counter[str] = Counter()
        self.moment: Callable[[str], None] = lambda _: None
        self.landed: Callable[[bytes], None] = lambda _: None
        self.latency = 0.0
        self.item_faults: Counter[str] = Counter()
        self.alone: Counter[str] = Counter()
        """Requests by their only document's id that met a fault as a whole."""
        self.held: list[Held] = []
        self._behaves = ""
        self._asleep: dict[str, float] = {}
        self._awake_at: dict[str, float] = {}
        self._waking_status: int | None = None
        self._script: dict[str, deque[Meeting]] = {"bulk": deque(), "look": deque()}
        self._patience = math.inf
        """Seconds that the gate may still let the request under way wait."""
        self._begun: queue.SimpleQueue[Held] = queue.SimpleQueue()

    def plan(self, fault: Fault, document_id: str) -> None:
        """The next `times` requests of its sort meet the fault."""
        self._script[fault.where] += [Meeting(fault.name, gate_fault(fault, document_id))] * fault.times

    def behave(self, step: Behave) -> None:
        """The collection behaves so."""
        self._behaves = step.name
        self.gate.behave(BEHAVIOURS[step.name])

    def sleep(self, step: Sleep) -> None:
        """Indexing and search are asleep."""
        self._asleep = dict.fromkeys(self._script, step.wakes_in)
        self._waking_status = step.status

    def calm(self) -> None:
        """No more faults, nothing out of the ordinary; what is held comes at once."""
        for each in self._script.values():
            each.clear()
        self._asleep.clear()
        self._awake_at.clear()
        self.gate.behave(Behaviours())
        self.land()

    def land(self) -> None:
        """What is held comes now."""
        for held in list(self.held):
            self.clock.due.remove(held)
            held.come()

    def let_go(self, held: Held) -> None:
        """Let a held request go on, and wait until the engine has it."""
        self.held.remove(held)
        held.release.set()
        self._settle()
        self.injected["landed late"] += 1
        self.landed(held.body)

    def close(self) -> None:
        """Stop the gate."""
        self.calm()
        self.gate.close()

    def carry(self, where: str, body: bytes, timeout: float, send: Callable[[float], Response]) -> Response:
        """One request of the function, with what it meets on its way; `timeout` in the world's seconds."""
        asked = self.clock.time
        self.moment("request")  # the process may be held up before its request begins
        until = self.clock.time + timeout
        meeting = self._meeting(where, body)
        if meeting.name in DEAD:
            self._met(meeting, where, body)
            self._hang_up()
            self.clock.advance(max(0.0, min(DEAD[meeting.name], timeout)))
        if meeting.name in DEAD and self.clock.time >= until:
            response = Response(None, detail="no address answered")
        else:
            may_begin = self.clock.time - asked <= getattr(timeout, "begin_within", math.inf)
            begin_within = math.inf if may_begin else -1.0
            response = self._exchange(where, body, until, meeting, lambda: send(Seconds(PATIENCE, begin_within)))
        self.moment("answer")
        return response

    def _exchange(
        self, where: str, body: bytes, until: float, meeting: Meeting, send: Callable[[], Response]
    ) -> Response:
        """What the gate answers, until the world's time `until`."""
        fault, seconds = meeting.fault, meeting.seconds
        holds = seconds > 0.0 and self.clock.time + self.latency + seconds >= until
        behind = 0.0 if fault is None or fault.kind is not FaultKind.SLOW_WRITER else seconds
        # Before the fault is there: what lands meanwhile must not meet it.
        self.clock.advance(self.latency if holds else self.latency + seconds - behind)
        before = self.gate.counts.faults
        if fault is not None:
            self.gate.inject(fault)
            if fault.kind is FaultKind.ITEM and seconds:
                self.gate.inject(GateFault(FaultKind.DELAY, seconds=seconds))
        self._patience = until - self.clock.time if holds else math.inf
        response = send()
        held = None if self._begun.empty() else self._begun.get()
        if held is not None and meeting.lands:
            held.body, held.latest = body, self.clock.time + meeting.lands_in
            self.held.append(held)
            self.clock.due.append(held)
        elif held is not None:
            held.forgotten = True
            held.release.set()
        self._settle()
        self.gate.clear()
        if self.gate.counts.faults != before:
            self._met(meeting, where, body)
        if held is None or not meeting.lands:
            self.landed(body)
        self._note_behaviour(meeting, body, response)
        self.clock.advance(max(0.0, until - self.clock.time) if holds else behind)
        return response

    def _meeting(self, where: str, body: bytes) -> Meeting:
        if where in self._asleep:  # the first one wakes it
            self._awake_at[where] = self.clock.time + self._asleep.pop(where)
        wakes_in = max(0.0, self._awake_at.get(where, 0.0) - self.clock.time)
        if wakes_in and self._waking_status is not None:
            fault = GateFault(FaultKind.STATUS, status=self._waking_status, error_type="injected_waking_exception")
            return Meeting("asleep", fault)
        if wakes_in:
            return Meeting("asleep", GateFault(FaultKind.DELAY, seconds=wakes_in), wakes_in)
        script = self._script[where]
        if not script or len(body) > BODY_LIMIT:  # The gate's own rules come first.
            return Meeting()
        fault_now = script[0].fault
        if fault_now is not None and not _hits(fault_now, body):
            return Meeting()
        return script.popleft()

    def _met(self, meeting: Meeting, where: str, body: bytes) -> None:
        self.injected[meeting.name if where == "bulk" else f"look: {meeting.name}"] += 1
        if meeting.fault is not None:
            self.item_faults.update(meeting.fault.ids)
        if where == "bulk" and documents_in(body) == 1:
            ((_, head),) = json.loads(body.partition(b"\n")[0]).items()
            self.alone[head["_id"]] += 1

    def _note_behaviour(self, meeting: Meeting, body: bytes, response: Response) -> None:
        now = self.gate.behaviours
        late = now.reads_late_s > 0.0 and body.startswith(b'{"docs"')
        missing = now.new_index_unwritable_s > 0.0 and TYPES[404] in str(response.body)
        if meeting.fault is None and (late or missing):
            self.injected[f"behaves: {self._behaves}"] += 1

    def _hang_up(self) -> None:
        """The next request connects anew."""
        self.line.session.close()
        self.line._bound.drop_all()

    def _cut_off(self) -> None:
        """The client's time is over: in the gate's thread."""
        bound = self.line._bound
        with bound._changed:
            bound._cut_at = time.monotonic()
            bound._changed.notify()

    def _pause(self, seconds: float) -> bool:
        """The gate's time, in the gate's thread. Whether the request shall be forgotten."""
        self._patience -= seconds
        if self._patience > 0.0:
            return False
        held = Held(self)
        self._begun.put(held)
        self._cut_off()
        held.release.wait(PATIENCE)
        return held.forgotten

    def _settle(self) -> None:
        """Wait until the gate has answered all that it does not hold."""
        end = time.monotonic() + PATIENCE
        while True:
            counts = self.gate.counts
            if counts.total - sum(counts.statuses.values()) <= len(self.held):
                return
            if time.monotonic() > end:
                raise TimeoutError("the gate did not answer")
            time.sleep(0.000_5)


class HistoryCollection(OpenSearchCollection):
    """The real collection edge, its requests carried by the network."""

    network: Network

    def _request(
        self, method: str, path: str, body: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Response:
        where = "bulk" if path.endswith("/_bulk") else "look"
        send = super()._request
        return self.network.carry(where, body or b"", timeout, lambda real: send(method, path, body, real, headers))


def _hits(fault: GateFault, body: bytes) -> bool:
    """Whether a request can meet the fault now. Alone a refusal makes poison of a good document, and rightly."""
    if fault.ids:
        return any(json.dumps(each).encode() in body for each in fault.ids)
    return fault.status not in (400, 413) or documents_in(body) > 1


def documents_in(body: bytes) -> int:
    """How many documents a bulk body writes or deletes, without the probe that travels with a lonely one."""
    return body.count(b'"version_type"') - body.count(PROBE_PREFIX.encode())


def deleted_ids(body: bytes, index: str) -> dict[str, list[str]]:
    """The ids that a bulk body deletes, by index: this one where it names none."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in body.splitlines():
        if line.startswith(b'{"delete"'):
            target = json.loads(line)["delete"]
            found[target.get("_index", index)].append(target["_id"])
    return found
