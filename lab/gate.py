"""The collection gate: an OpenSearch Serverless collection's manners in front of a real engine.

    client ──HTTP──▶ arrival ▶ rules ▶ authorize ▶ asleep? ▶ faults ▶ behaviours ──HTTP──▶ search engine

Rules, faults and behaviours are decided in `lab.gate_rules`, `lab.faults` and `lab.conduct`, the sockets are in
`lab.gate_server`; here they come together. Standard library only: it runs in the tests' process
and in the lab's cloud process.
"""

from __future__ import annotations

import email.utils
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from urllib.parse import quote

from lab.behaviours import Behaviours
from lab.closing import Closing
from lab.conduct import Conduct, Mappings
from lab.faults import Fault, FaultBook, FaultKind, Plan, split_request
from lab.gate_rules import Authorize, GateDenied, GateRequest, JsonObject, Rules
from lab.gate_server import Ending, GateServer, Reply, Upstream

TICK_SECONDS = 0.25
_FORWARDED_HEADERS = ("content-type", "accept", "x-opaque-id")


@dataclass(frozen=True)
class GateCounts:
    """What went through a gate since it began or `reset_counts`."""

    requests: dict[str, int] = field(default_factory=dict)  # by "POST _bulk"; denied ones too
    statuses: dict[str, int] = field(default_factory=dict)  # by "200"; "reset", "closed", "cut", "gone"
    denied: dict[str, int] = field(default_factory=dict)  # by rule
    faults: dict[str, int] = field(default_factory=dict)  # by kind
    bulk_items: int = 0  # items that clients sent in _bulk requests

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())

    def as_json(self) -> JsonObject:
        """As a JSON object, for the admin port."""
        return asdict(self)


class Gate(Closing):
    """A collection's endpoint at `url`, in front of the engine at `upstream_url`.

    A context manager. `authorize` is asked after the rules and may deny a request (signature,
    data access policy). `port` 0 takes a free one. `pause` waits for a fault's seconds, and says
    whether the request shall be forgotten: a test whose time is not the machine's brings its own. `behaviours`
    are AOSS's beyond its rules; what they depend on is timed by `clock`.
    """

    def __init__(
        self,
        upstream_url: str,
        authorize: Authorize | None = None,
        rules: Rules | None = None,
        port: int = 0,
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], bool] | None = None,
        behaviours: Behaviours | None = None,
    ) -> None:
        self.upstream_url = upstream_url
        self.clock_offset = 0.0  # seconds that its Date header is ahead of `clock`
        self._authorize = authorize
        self._rules = rules or Rules()
        self._clock = clock
        self._faults = FaultBook()
        self._conduct = Conduct(behaviours or Behaviours(), clock())
        self._stopping = threading.Event()
        self.pause = pause or self._stopping.wait
        self._lock = threading.Lock()
        self._counters: dict[str, Counter[str]] = {}
        self._server = GateServer(port, upstream_url, self)
        self._server.start()
        self.url = self._server.url
        if clock is time.time:
            threading.Thread(target=self._keep_refreshing, name="gate-refresh", daemon=True).start()

    def inject(self, *faults: Fault) -> None:
        """Ask for faults; each hits the requests that it describes until it is used up."""
        self._faults.inject(*faults)

    def clear(self) -> None:
        """Forget all faults that are not used up."""
        self._faults.clear()

    def set_clock_offset(self, seconds: float) -> None:
        """Let the Date header run ahead (or, negative, behind)."""
        self.clock_offset = seconds

    def behave(self, behaviours: Behaviours) -> None:
        """Behave so from now on."""
        self._conduct.behave(behaviours, self._clock())

    @property
    def behaviours(self) -> Behaviours:
        """The behaviours now."""
        return self._conduct.behaviours

    @property
    def counts(self) -> GateCounts:
        """The counts now."""
        with self._lock:
            counters = {name: dict(counter) for name, counter in self._counters.items()}
        items = counters.pop("bulk_items", {}).get("", 0)
        return GateCounts(**counters, faults=self._faults.injected(), bulk_items=items)

    def reset_counts(self) -> None:
        """Begin to count again at zero."""
        with self._lock:
            self._counters.clear()
        self._faults.reset_counts()

    def close(self) -> None:
        """Stop, and close what clients keep open. Idempotent."""
        self._stopping.set()
        self._server.stop()

    def date(self) -> str:
        """The value of the Date header now."""
        return email.utils.formatdate(self._clock() + self.clock_offset, usegmt=True)

    def arrives(self, head: GateRequest, size: int) -> Fault | None:
        """A request begins to come in; the fault that it meets there."""
        operation = head.operation
        self._count("requests", f"{head.method} {operation.name if operation else head.path}")
        return self._faults.arrival(head, size)

    def leaves(self) -> None:
        """A request's client went away before there was anything to answer."""
        self._count("statuses", "gone")

    def answer(self, request: GateRequest, upstream: Upstream) -> Reply:
        """What a request gets: rules, authorization, sleep, faults, behaviours, engine, in this order."""
        self._count("bulk_items", "", len(request.items))
        denied = self._deny(request)
        if denied is not None:
            self._count("denied", denied.rule)
            reply = Reply.json(denied.status, denied.body)
        elif (asleep := self._wake(request)) is not None:
            reply = asleep
        else:
            items = request.items if self._faults.item_faults else ()
            plan = self._faults.plan(request, items)
            reply = replace(self._carry_out(request, plan, upstream), seconds=plan.trickle)
        whole = reply.ending is Ending.WHOLE
        self._count("statuses", str(reply.status) if whole else reply.ending.value)
        return reply

    def _deny(self, request: GateRequest) -> GateDenied | None:
        denied = self._rules.check(request)
        if denied is None and self._authorize is not None:
            denied = self._authorize(request)
        return denied

    def _wake(self, request: GateRequest) -> Reply | None:
        """Hold the request until the collection is awake, or what it is answered meanwhile."""
        seconds = self._conduct.hold(request, self._clock())
        waking = self._conduct.waking()
        if seconds and waking is not None:
            return Reply(waking.status, waking.answer())
        if seconds:
            self.pause(seconds)
        return None

    def _carry_out(self, request: GateRequest, plan: Plan, upstream: Upstream) -> Reply:
        if plan.delay:
            self.pause(plan.delay)
        fault = plan.whole
        if fault is None:
            return self._forward(request, plan, upstream)
        if fault.kind is FaultKind.DROP:
            if not self.pause(fault.seconds):
                self._forward(request, plan, upstream)
            return Reply(ending=Ending.CLOSED)
        real = Reply()
        if fault.applied or fault.kind is FaultKind.CUT:
            real = self._forward(request, plan, upstream)
        if fault.kind is FaultKind.CUT:
            return replace(real, ending=Ending.CUT)
        if fault.kind is FaultKind.RESET:
            return Reply(ending=Ending.RESET)
        return Reply(fault.status, fault.answer())

    def _forward(self, request: GateRequest, plan: Plan, upstream: Upstream) -> Reply:
        """What the engine answers, as far as the collection lets it see the request."""
        refused = self._conduct.refusal(request, self._clock())
        if refused is not None:
            return Reply(refused.status, refused.answer())
        if request.method != "DELETE":
            self._create_written_indices(request, upstream)
        faults = plan.items + self._conduct.item_faults(request, self._clock(), self._mappings(request, upstream))
        self._refresh(request, upstream)
        self._conduct.sends(request, self._clock())
        reply = self._send(self._conduct.shaped(request), faults, upstream)
        self._conduct.sent(request, reply.status, self._clock())
        return reply

    def _send(self, request: GateRequest, faults: tuple[Fault, ...], upstream: Upstream) -> Reply:
        headers = {name: request.headers[name] for name in _FORWARDED_HEADERS if name in request.headers}
        body = request.body
        operation = request.operation
        if operation is not None and operation.permission == "aoss:CreateIndex":
            headers["content-type"] = "application/json"
            body = self._creation_body(body)
        if not faults:
            return upstream.send(request.method, request.target, body, headers)
        split = split_request(request.items, faults)
        if not split.forwarded:
            return Reply.json(200, split.merge(None))
        reply = upstream.send(request.method, request.target, split.body, headers)
        return Reply.json(200, split.merge(json.loads(reply.body))) if reply.status == 200 else reply

    def _mappings(self, request: GateRequest, upstream: Upstream) -> Mappings:
        """The mappings of the indices that a `_bulk` writes to, where its fields may be in conflict."""
        if not self.behaviours.mapping_conflicts or not request.items or request.operation is None:
            return {}
        found: dict[str, JsonObject] = {}
        for index in request.operation.indices:
            reply = upstream.send("GET", f"/{quote(index, safe='')}/_mapping")
            if reply.status == 200:
                ((_, about),) = json.loads(reply.body).items()
                found[index] = about["mappings"]
        return found

    def _refresh(self, request: GateRequest, upstream: Upstream) -> None:
        """Let the engine show what is due, and nothing by itself where the behaviours say when."""
        for index, by_hand in self._conduct.unfit(request).items():
            interval = "-1" if by_hand else self._rules.refresh_interval
            body = json.dumps({"index": {"refresh_interval": interval}}).encode()
            headers = {"content-type": "application/json"}
            if upstream.send("PUT", f"/{quote(index, safe='')}/_settings", body, headers).status == 200:
                self._conduct.fitted(index)
        self._refresh_due(upstream)

    def _refresh_due(self, upstream: Upstream) -> None:
        for index in self._conduct.due(self._clock()):
            upstream.send("POST", f"/{quote(index, safe='')}/_refresh")

    def _keep_refreshing(self) -> None:
        """On the machine's time: those who ask the engine itself see what is due, too."""
        upstream = Upstream(self.upstream_url)
        while not self._stopping.wait(TICK_SECONDS):
            self._refresh_due(upstream)
        upstream.close()

    def _creation_body(self, body: bytes) -> bytes:
        try:
            return self._rules.index_body(body)
        except (ValueError, AttributeError):
            return body  # Not a JSON object: the engine says so.

    def _create_written_indices(self, request: GateRequest, upstream: Upstream) -> None:
        """A write creates its missing index; it must get the collection's settings, too."""
        operation = request.operation
        if operation is None or operation.permission != "aoss:WriteDocument":
            return
        kept = {item.index for item in request.items if item.asks_for_alias and not self.behaviours.writes_make_index}
        for index in set(operation.indices) - kept:
            target = f"/{quote(index, safe='')}"
            if upstream.send("HEAD", target).status == 404:
                headers = {"content-type": "application/json"}
                upstream.send("PUT", target, self._rules.index_body(b""), headers)

    def _count(self, name: str, key: str, by: int = 1) -> None:
        with self._lock:
            self._counters.setdefault(name, Counter())[key] += by
