"""What lies between the function and the engine: the collection gate, one fault for each request, and requests
whose answer nobody waits for any more.

A request that outlasts its client is held in the gate until the world's time says that it lands. The client
really times out, after a moment of the machine's time; the world's clock moves on by the time it was given.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.behaviours import Behaviours
from lab.faults import Fault as GateFault
from lab.faults import FaultKind
from lab.gate import Gate
from lab.gate_rules import Rules
from searchsync.edges.collection import OpenSearchCollection
from searchsync.protocol.bulk import Response
from searchsync.sync.delivery import PROBE_PREFIX
from tests.support.history.clock import WorldClock
from tests.support.history.steps import BEHAVIOURS, Behave, Fault, Sleep

HELD_TIMEOUT = 0.05
"""Seconds of the machine after which a client gives up what the gate holds."""
PATIENCE = 60.0
"""Seconds of the machine for anything that is sure to come."""
LANDS_WITHIN = 34.9
"""Seconds of the world: a request lands so long after it was begun, or never. With the 25 s from a read to its
last request this stays below a tombstone's 60 s: the protocol's own assumption."""
BODY_LIMIT = 4_000
SLOW = 20.0
TYPES = {
    402: "service_quota_exceeded_exception",
    404: "index_not_found_exception",
    409: "version_conflict_engine_exception",
}
ITEM_TYPES = TYPES | {400: "resource_already_exists_exception"}


def gate_fault(fault: Fault, document_id: str) -> GateFault:
    """The gate's form of a fault."""
    words = fault.name.split()
    applied = words[-1] == "applied"
    if words[0] in ("reset", "cut"):
        return GateFault(FaultKind(words[0]), applied=applied)
    if words[0] == "html":
        return GateFault(FaultKind.STATUS, status=502, body="<html>bad gateway</html>")
    if fault.name in ("slow", "late answer"):
        return GateFault(FaultKind.DELAY, seconds=SLOW if fault.name == "slow" else 1_000.0)
    if words[0] in ("late", "lost"):
        return GateFault(FaultKind.DROP, seconds=1_000.0)
    status = int(words[1] if words[0] == "item" else words[0])
    types = ITEM_TYPES if words[0] == "item" else TYPES
    error_type = types.get(status, f"injected_{status}_exception")
    kind = FaultKind.ITEM if words[0] == "item" else FaultKind.STATUS
    ids = (document_id,) if words[0] == "item" else ()
    return GateFault(kind, status=status, error_type=error_type, applied=applied, ids=ids)


@dataclass
class Held:
    """A request that its client gave up."""

    network: Network
    lands: bool
    body: bytes = b""
    latest: float = 0.0
    release: threading.Event = field(default_factory=threading.Event)
    forgotten: bool = False

    def come(self) -> None:
        """Arrive at the engine, or never."""
        self.network.let_go(self)


class Network:
    """A gate whose faults are told one request at a time."""

    def __init__(self, engine_url: str, clock: WorldClock) -> None:
        self.clock = clock
        self.gate = Gate(
            engine_url,
            rules=Rules(body_limit=BODY_LIMIT, refresh_interval="1h", gc_deletes="1h"),
            clock=lambda: clock.time,
            pause=self._pause,
        )
        self.injected: Counter[str] = Counter()
        self.moment: Callable[[str], None] = lambda _: None
        self.landed: Callable[[bytes], None] = lambda _: None
        self.latency = 0.0
        self.item_faults: Counter[str] = Counter()
        self.held: list[Held] = []
        self._asleep: dict[str, float] = {}
        self._awake_at: dict[str, float] = {}
        self._waking_status: int | None = None
        self._script: dict[str, deque[tuple[str, GateFault]]] = {"bulk": deque(), "look": deque()}
        self._holding = True
        self._begun: queue.Queue[Held] = queue.Queue()

    def plan(self, fault: Fault, document_id: str) -> None:
        """The next `times` requests of its sort meet the fault."""
        self._script[fault.where] += [(fault.name, gate_fault(fault, document_id))] * fault.times

    def behave(self, step: Behave) -> None:
        """The collection behaves so."""
        self.injected[f"behaves: {step.name or 'as ever'}"] += 1
        self.gate.behave(BEHAVIOURS[step.name])

    def sleep(self, step: Sleep) -> None:
        """Indexing and search are asleep."""
        self.injected["asleep"] += 1
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
        held.forgotten = not held.lands
        held.release.set()
        self._settle()
        if held.lands:
            self.landed(held.body)

    def close(self) -> None:
        """Stop the gate."""
        self.calm()
        self.gate.close()

    def carry(self, where: str, body: bytes, timeout: float, send: Callable[[float], Response]) -> Response:
        """One request of the function, with what it meets on its way."""
        self.moment("request")
        self.gate.clear()
        wakes_in = self._wake(where)
        name, fault = ("asleep", self._waking(wakes_in)) if wakes_in else self._next_fault(where, body)
        holds = False
        delay = self.latency
        if fault is not None:
            self.injected[name] += 1
            self.item_faults.update(fault.ids)
            holds = fault.kind is FaultKind.DROP or fault.seconds >= timeout
            if fault.kind is FaultKind.DELAY and not holds:
                delay += fault.seconds
            else:
                self.gate.inject(fault)
        self.clock.advance(delay)
        self._holding = name != "lost"
        response = send(HELD_TIMEOUT if holds else PATIENCE)
        if holds:
            held = self._begun.get(timeout=PATIENCE)
            held.body = body
            held.latest = self.clock.time + (wakes_in or LANDS_WITHIN)
            self.held.append(held)
            self.clock.due.append(held)
            self.clock.advance(timeout)
        else:
            self._settle()
            self.landed(body)
        self.moment("answer")
        return response

    def _wake(self, where: str) -> float:
        """Seconds until the part is awake that this request goes to: the first one wakes it."""
        if where in self._asleep:
            self._awake_at[where] = self.clock.time + self._asleep.pop(where)
        return max(0.0, self._awake_at.get(where, 0.0) - self.clock.time)

    def _waking(self, seconds: float) -> GateFault:
        if self._waking_status is not None:
            return GateFault(FaultKind.STATUS, status=self._waking_status, error_type="injected_waking_exception")
        return GateFault(FaultKind.DELAY, seconds=seconds)

    def _next_fault(self, where: str, body: bytes) -> tuple[str, GateFault | None]:
        script = self._script[where]
        if not script or len(body) > BODY_LIMIT:  # The gate's own rules come first.
            return "", None
        name, fault = script[0]
        if fault.kind is FaultKind.ITEM and not any(json.dumps(each).encode() in body for each in fault.ids):
            return "", None
        if where == "look" and fault.kind is FaultKind.ITEM:
            script.popleft()
            return "", None
        # Alone such an answer makes poison of a good document, and rightly.
        if fault.status in (400, 413) and fault.kind is FaultKind.STATUS and documents_in(body) < 2:
            return "", None
        script.popleft()
        return name, replace(fault, path="", method="")

    def _pause(self, _seconds: float) -> bool:
        """The gate's time, in the gate's thread. Whether the request shall be forgotten."""
        held = Held(self, self._holding)
        self._begun.put(held)
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


def documents_in(body: bytes) -> int:
    """How many documents a bulk body writes or deletes, without the probe that travels with a lonely one."""
    return body.count(b'"version_type"') - body.count(PROBE_PREFIX.encode())


def deleted_ids(body: bytes) -> Sequence[str]:
    """The ids that a bulk body deletes."""
    heads = [json.loads(line) for line in body.splitlines() if line.startswith(b'{"delete"')]
    return [head["delete"]["_id"] for head in heads]
