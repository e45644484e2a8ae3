"""One tree of sources under a collection that takes so many items a second: `python -m bench.throttled`.

The package's own handler behind a faithful trigger, on a clock of the simulation's. Below the handler only the wire
is replaced: `requests` for the collection, botocore's HTTP for the table and the queue. So every tree of sources
runs that has a handler, however it is built inside. Each line on standard input is a `Case`, each line on standard
output its `Found`.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from email.utils import format_datetime
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from requests.exceptions import ReadTimeout

from bench import stub
from bench.items import STREAM_ARN
from lab.trigger import Trigger
from lab.trigger_core import Answer
from tests.support.trigger_harness import FUNCTION, START, Sent, Stream, number, settings, stream_record

REQUEST_S = 0.05
"""Round trip of a request to the collection, taken or refused."""
READ_S = 0.01
"""Round trip of a request to DynamoDB or SQS."""
TIMEOUT_S = 300.0
"""As `function.timeout`."""
BURST_S = 1.0
"""What a collection at rest saves up, in seconds of its capacity."""
STEP_S = 0.1
"""Of the clock, while the trigger waits."""
CHANCE = random.Random
OLD = 1
"""The version of what a deletion finds."""
REFUSED = {"type": "rejected_execution_exception", "reason": "over capacity"}


@dataclass(frozen=True)
class Case:
    """What is tried: `whole` refuses requests as a whole, else items are refused one by one and at random.

    `slow`: nothing is refused, and each request takes its time behind the one before it, given up or not.
    `refusals_cost`: of a refused item, where one that is taken costs 1. `age_s`: of the records when all begins.

    `halves`: whether the trigger halves a batch whose first record failed. AWS does not say; with the module's
    setting we take it that it does. Then a batch shrinks to what is taken at once, and hides what the function does.
    """

    kind: str
    changes: int
    capacity: int
    whole: bool
    halves: bool
    seed: int
    limit_s: float
    slow: bool = False
    refusals_cost: float = 0.0
    age_s: float = 0.0

    @property
    def least_s(self) -> float:
        """Seconds that the collection needs for them at least."""
        return self.changes / self.capacity


@dataclass(frozen=True)
class Found:
    """Seconds until the trigger was done with the last change (or the limit), invocations, what was handed over,
    and what was not in the index at the end."""

    seconds: float
    invocations: int
    handed_over: int
    missing: int


@dataclass
class World:
    """The simulation's clock, its collection with a token bucket and external versions, and its table."""

    case: Case
    now: float = START
    filled_at: float = START
    tokens: float = 0.0
    versions: dict[str, int] = field(default_factory=dict)
    mappings: dict[str, Any] | None = None
    handed_over: int = 0
    free_at: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.now = self.filled_at = START + self.case.age_s
        self.rng = random.Random(self.case.seed)
        if self.case.kind == "deletions":
            self.versions = {f"k{position}": OLD for position in range(self.case.changes)}

    def collection(self, method: str, url: str, body: bytes, timeout: float = math.inf) -> tuple[int, bytes]:
        """The collection's answer to a request, within so many seconds. Raises ReadTimeout, as `requests` does."""
        self.now += REQUEST_S
        if url.endswith("/_bulk"):
            return self._bulk(body, timeout - REQUEST_S)
        if url.endswith("/_mget"):
            asked = [each["_id"] for each in json.loads(body)["docs"]]
            return 200, json.dumps({"docs": [self._shown(name) for name in asked]}).encode()
        if method == "PUT":
            self.mappings = json.loads(body).get("mappings") or self.mappings
            return 200, stub.ACKNOWLEDGED
        if self.mappings is None:
            return 404, stub.NO_INDEX
        return 200, json.dumps({stub.ENVIRONMENT["OPENSEARCH_INDEX"]: {"mappings": self.mappings}}).encode()

    def _shown(self, name: str) -> dict[str, Any]:
        found = name in self.versions and not (self.case.kind == "deletions" and self.versions[name] != OLD)
        return {"_id": name, "found": found} | ({"_version": self.versions[name]} if found else {})

    def _bulk(self, body: bytes, timeout: float) -> tuple[int, bytes]:
        lines = iter(body.splitlines())
        heads = []
        for line in lines:
            heads.append(next(iter(json.loads(line).items())))
            if heads[-1][0] != "delete":
                next(lines)
        guards = [{"update": stub.GUARDED} for action, _ in heads if action == "update"]
        heads = [head for head in heads if head[0] != "update"]
        taken = set(range(len(heads))) if self.case.slow else self._taken(len(heads))
        if self.case.whole and not taken:
            return 429, json.dumps({"error": REFUSED, "status": 429}).encode()
        items = [
            {action: self._apply(head) if place in taken else {"_id": head["_id"], "status": 429, "error": REFUSED}}
            for place, (action, head) in enumerate(heads)
        ]
        if self.case.slow:
            self._work(len(heads), timeout)
        errors = any("error" in next(iter(item.values())) for item in items)
        return 200, json.dumps({"took": 1, "errors": errors or bool(guards), "items": items + guards}).encode()

    def _taken(self, count: int) -> set[int]:
        """The positions of a request's items that the collection has room for."""
        most = BURST_S * self.case.capacity
        self.tokens = min(most, self.tokens + (self.now - self.filled_at) * self.case.capacity)
        self.filled_at = self.now
        room = max(0, min(count, int(self.tokens)))
        if self.case.whole and room < count:
            room = 0
        self.tokens -= room + self.case.refusals_cost * (count - room)
        return set(self.rng.sample(range(count), room))

    def _work(self, count: int, timeout: float) -> None:
        """The time that so many items take; the client gives up before."""
        began = self.now
        self.free_at = max(began, self.free_at) + count / self.case.capacity
        self.now = min(self.free_at, began + timeout)
        if self.now < self.free_at:
            raise ReadTimeout

    def _apply(self, head: dict[str, Any]) -> dict[str, Any]:
        name, current = head["_id"], self.versions.get(head["_id"], 0)
        if head["version"] <= current:
            reason = f"[{name}]: version conflict, current version [{current}] is higher or equal to the one provided"
            error = {"type": "version_conflict_engine_exception", "reason": reason}
            return {"_id": name, "status": 409, "error": error}
        self.versions[name] = head["version"]
        return {"_id": name, "_version": head["version"], "status": 200}

    def missing(self) -> int:
        """Changes that the index does not hold."""
        return self.case.changes - sum(version > OLD for version in self.versions.values())

    def aws(self, request: Any) -> AWSResponse:
        """DynamoDB's and SQS's answer to botocore's request."""
        self.now += READ_S
        target, asked = request.headers["X-Amz-Target"], json.loads(request.body)
        if isinstance(target, bytes):
            target = target.decode()
        if target.endswith(".BatchGetItem"):
            ((table, wanted),) = asked["RequestItems"].items()
            keys = wanted["Keys"]
            items = [] if self.case.kind == "deletions" else keys
            answer: dict[str, Any] = {"Responses": {table: items}, "UnprocessedKeys": {}}
        elif target.endswith(".SendMessageBatch"):
            self.handed_over += len(asked["Entries"])
            answer = {"Successful": [{"Id": each["Id"]} for each in asked["Entries"]], "Failed": []}
        else:
            raise RuntimeError(f"nobody expected {target}")
        date = format_datetime(datetime.datetime.fromtimestamp(self.now, datetime.UTC), usegmt=True)
        headers = HTTPHeaders()
        headers["Date"] = date
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(answer).encode()))


@dataclass
class _Raw:
    """A response's body, as urllib3 gives it to botocore."""

    body: bytes

    def stream(self, *_given: object, **_named: object) -> Iterator[bytes]:
        """All at once."""
        yield self.body


@dataclass
class Context:
    """Lambda's context object on the simulation's clock."""

    world: World
    until: float
    aws_request_id: str = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return int((self.until - self.world.now) * 1000)


def records(case: Case) -> list[dict[str, Any]]:
    """The stream: one change an item, all in one second."""
    found = [stream_record(position) for position in range(case.changes)]
    for record in found:
        if case.kind == "deletions":
            record["eventName"] = "REMOVE"
        else:
            record["dynamodb"]["NewImage"] = record["dynamodb"]["Keys"]
    return found


def run(case: Case) -> Found:
    """The case, until the trigger is done with the last change or the limit is over."""
    world = World(case)
    handler = started(world)
    invocations = 0

    def invoke(event: Any) -> Answer:
        nonlocal invocations
        invocations += 1
        until = world.now + TIMEOUT_S
        try:
            return Answer(handler.handle(event, Context(world, until)))
        except Exception as error:  # noqa: BLE001 - Lambda tells the trigger of any error
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return Answer(error="Unhandled")

    stream = Stream()
    stream.put(*records(case))
    trigger = Trigger(
        settings(batch_size=500, window=1.0, bisect=case.halves, max_record_age=79_200),
        stream_arn=STREAM_ARN,
        function_arn=FUNCTION,
        source=stream,
        invoke=invoke,
        destination=Sent(),
        clock=lambda: world.now,
    )
    end = {"s": number(case.changes - 1)}
    while trigger.checkpoints != end and world.now - world.begun < case.limit_s:
        if not trigger.step():
            world.now += STEP_S
    return Found(world.now - world.begun, invocations, world.handed_over, world.missing())


def started(world: World) -> Any:
    """The handler of a new sandbox in that world; its jitter is the case's, too."""

    class Seeded(CHANCE):
        def __init__(self, seed: Any = world.case.seed) -> None:
            super().__init__(seed)

    def sleep(seconds: float) -> None:
        world.now += seconds

    stub.answer_with(world.collection)
    from searchsync.clock import SystemClock  # noqa: PLC0415 - the tree that is tried

    for owner, name, ours in (
        (random, "Random", Seeded),
        (URLLib3Session, "send", staticmethod(world.aws)),
        (SystemClock, "now", staticmethod(lambda: world.now)),
        (SystemClock, "monotonic", staticmethod(lambda: world.now)),
        (SystemClock, "sleep", staticmethod(sleep)),
    ):
        setattr(owner, name, ours)
    with contextlib.suppress(ImportError):  # of a tree whose reads have a line of their own: they go by botocore's here
        from searchsync.edges.reads import BoundedReads  # noqa: PLC0415

        setattr(BoundedReads, "attach", lambda *_: None)  # noqa: B010 - as the others
    from searchsync import handler  # noqa: PLC0415 - it makes its edges when imported

    return importlib.reload(handler)


def main() -> None:
    """Try cases until standard input ends."""
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            found = run(Case(**json.loads(line)))
        print(json.dumps(asdict(found)), flush=True)


if __name__ == "__main__":
    main()
