"""One history, run: the real function between a truth in memory and a real engine."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from lab.trigger import Trigger
from lab.trigger_core import Answer, Discarded, JsonObject, TriggerSettings
from searchsync.clock import Backoff
from searchsync.edges.collection import Guard
from searchsync.edges.failures import FailureQueue
from searchsync.edges.table import DynamoTable
from searchsync.edges.views import Indexes
from searchsync.entry import accounted
from searchsync.errors import SearchsyncError, StackError, UnforeseenError
from searchsync.limits import REPAIR_AGE
from searchsync.sync.metrics import Report
from searchsync.sync.pipeline import Pipeline
from tests.support.events import STREAM_ARN
from tests.support.history import steps
from tests.support.history.aws import Edge, QueueClient, StreamClient, TableClient
from tests.support.history.clock import SandboxClock
from tests.support.history.network import HistoryCollection, deleted_ids
from tests.support.history.pool import Pool, Sandbox
from tests.support.history.truth import Truth
from tests.support.trigger_harness import FUNCTION, QUEUE

EDGES: tuple[steps.Edge, ...] = get_args(steps.Edge)
DEEPEST = 2
"""Invocations inside one another: the inner one is a new trigger's, while the old one's still runs."""


class Violation(BaseException):
    """An invariant does not hold. No Exception: neither function nor trigger may take it for their own."""


class Killed(BaseException):
    """The sandbox is gone, in the middle of its work."""


@dataclass
class Invocation:
    """An invocation under way: its trigger and when Lambda ends it; `robbed`: of some of its time, by the world."""

    trigger: Trigger
    ends: float
    sandbox: Sandbox
    robbed: bool = False


class World:
    """The state of one history."""

    def __init__(self, pool: Pool, setup: steps.Setup) -> None:
        pool.histories += 1
        pool.begin()
        self.pool, self.setup, self.clock, self.network = pool, setup, pool.clock, pool.network
        self.name = f"h{pool.histories}"
        self.config = pool.config_of(setup)
        self.truth = Truth(self.name, setup)
        self.injected = pool.network.injected
        self.redrive_ends = 0.0
        self.redrive_robbed = False
        self.edges = {name: Edge(name, self.clock, self._ends, self.injected) for name in EDGES}
        self.table = TableClient(self.truth, self.clock, self.moment, self.edges["table"], self._rob)
        self.queue = QueueClient(self.moment, self._took, self.edges["queue"])
        self.stream = StreamClient(self.truth, self.edges["stream"])
        self.failures = FailureQueue(self.queue, "queue")
        self.network.moment, self.network.landed, self.network.latency = self.moment, self._landed, setup.latency
        for each in pool.tombstones.values():
            each.forget()
        self.armed: list[tuple[int, steps.Plain]] = []
        self.running: list[Invocation] = []
        self.sandboxes = [self._sandbox(skew) for skew in setup.skews]
        self.dropped: set[str] = set()
        self.refused: set[str] = set()
        """Records that came to the failure queue."""
        self.future: dict[str, int] = {}
        """The last change before each key's future write."""
        self.met_future: set[str] = set()
        """Keys whose future version an invocation may have met, whatever has become of the index since."""
        self.superseded: set[str] = set()
        """Records whose key has a later one in their batch that failed, and comes again for both."""
        self.index_lost = False
        self.witnesses: list[Sandbox] = []
        """Sandboxes that knew an index which was deleted under them."""
        self.repair_said: list[str] = []
        self.stack_errors: list[str] = []
        self.invocations = 0
        self.left: dict[steps.Edge, deque[str]] = {}
        """What nothing has met of each edge's faults."""
        self.sent: list[dict[str, Any]] = []
        self.judge_message: Callable[[dict[str, Any]], None] = lambda _: None
        self.judge_state: Callable[[], None] = lambda: None
        self.checkpoints: list[dict[str, str]] = [{}]
        self.trigger = self._new_trigger({})

    # What the world is made of

    def _sandbox(self, skew: float) -> Sandbox:
        clock = SandboxClock(self.clock, skew, self._wait)
        config, guard = self.config, Guard()
        indexes = {each.index: HistoryCollection(self.pool.client, each, clock, None, guard) for each in config.every}
        for each in indexes.values():
            each.network = self.network
        collection = indexes[config.index]
        backoff = Backoff(clock, random.Random(7))
        table = DynamoTable(self.table, config.table_arn, config.key_attributes, clock, backoff, reads=self.table.reads)
        several = Indexes(indexes, clock) if config.views else collection
        pipeline = Pipeline(config, several, table, self.failures, clock, backoff)
        return Sandbox(pipeline, collection)

    def _new_trigger(self, checkpoints: dict[str, str]) -> Trigger:
        setup = self.setup
        settings = TriggerSettings(
            batch_size=setup.batch_size,
            parallelization_factor=setup.lanes,
            retries=setup.retries,
            max_record_age=setup.max_age,
            bisect=setup.bisect,
            starting_position="TRIM_HORIZON",
            report_batch_item_failures=True,
            on_failure=QUEUE,
        )
        trigger = Trigger(
            settings,
            stream_arn=STREAM_ARN,
            function_arn=FUNCTION,
            source=self.truth.stream,
            invoke=lambda event: self._invoke(trigger, event),
            destination=self,
            clock=lambda: self.clock.time,
            checkpoints=checkpoints,
        )
        return trigger

    def send(self, arn: str, discarded: Discarded, message: JsonObject) -> None:
        """The trigger's on-failure destination."""
        assert arn == QUEUE
        assert message["DDBStreamBatchInfo"]["batchSize"] == len(discarded.records)
        self.dropped.update(record.sequence for record in discarded.records)
        self.repair_said.append(discarded.condition)
        self.queue.put(message)

    # Moments: where something may happen in the middle of the function's work

    def moment(self, _name: str) -> None:
        """One moment of the function's work."""
        if not self.running:
            return
        self.armed = [(left - 1, step) for left, step in self.armed]
        due = [step for left, step in self.armed if left <= 0]
        self.armed = [(left, step) for left, step in self.armed if left > 0]
        for step in due:
            before = self.clock.time
            self.do(step)
            self.running[-1].robbed |= self.clock.time > before
        if self.clock.time > self.running[-1].ends:
            self._end()

    def _rob(self) -> None:
        self.redrive_robbed = True
        for each in self.running:
            each.robbed = True

    def _ends(self) -> float:
        return self.running[-1].ends if self.running else self.redrive_ends

    def _end(self) -> None:
        """Lambda ends the invocation: one that had all its time would have ended by itself."""
        if not self.running[-1].robbed:
            raise Violation("an invocation was not over in its time")
        raise Killed

    def _wait(self, seconds: float) -> None:
        self.moment("pause")
        left = max(0.0, self.running[-1].ends - self.clock.time) if self.running else seconds
        self.clock.advance(min(seconds, left))
        if seconds > left:
            self._end()

    # The function

    def _invoke(self, trigger: Trigger, event: JsonObject) -> Answer:
        if trigger is not self.trigger or any(each.trigger is trigger for each in self.running):
            return Answer(error="Unhandled")  # An old trigger's: nobody looks at it any more.
        self.invocations += 1
        sandbox = self.sandboxes.pop(0) if self.sandboxes else self._sandbox(self.setup.skews[0])
        sequences = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.running.append(Invocation(trigger, self.clock.time + self.setup.timeout, sandbox))
        report, sent = Report(), self.sent
        self.sent = []
        before = self._queue_faults()
        try:
            if any(self.truth.by_sequence[each].crashes for each in sequences):
                self.injected["process died on a record"] += 1
                raise Killed
            with accounted(report):
                payload = sandbox.pipeline.run(event, self.setup.timeout, report)
        except Killed:
            self.sandboxes.append(self._sandbox(sandbox.pipeline.clock.now() - self.clock.time))
            return Answer(error="Unhandled")
        except SearchsyncError as error:
            self._look_at_error(error)
            self.sandboxes.append(sandbox)
            return Answer(error="Unhandled")
        finally:
            self.running.pop()
            mine, self.sent = self.sent, sent
            self.repair_said += report.repair_needed
        self.sandboxes.append(sandbox)
        self._look_at_answer(payload, sequences, [] if self._queue_faults() > before else mine, report)
        self.pool.totals.update({f"result {result.value}": count for result, count in report.results.items()})
        return Answer(payload=payload)

    def _queue_faults(self) -> int:
        return sum(count for name, count in self.injected.items() if name.startswith("queue: "))

    def _look_at_error(self, error: SearchsyncError) -> None:
        if isinstance(error, UnforeseenError):
            raise Violation(f"the function met what nobody foresaw: {error}")
        if isinstance(error, StackError):
            self.stack_errors.append(str(error))

    def _look_at_answer(
        self, payload: JsonObject, sequences: list[str], sent: list[dict[str, Any]], report: Report
    ) -> None:
        self.injected.update(filter(None, map(self.truth.passes, sequences)))
        self.injected["expired"] += sum(bool(self.truth.by_sequence[each].kept) for each in sequences)
        failed = [failure["itemIdentifier"] for failure in payload["batchItemFailures"]]
        if failed:
            self._note_superseded(sequences, sequences.index(failed[0]))
            above = [each for each in sent if sequences.index(each["sequence_number"]) >= sequences.index(failed[0])]
            if above:
                raise Violation(f"poison at or above the lowest failed record was sent: {above}")
        if report.oldest_age > REPAIR_AGE and not report.repair_needed:
            raise Violation("a record over 23 h old, and nobody says that a repair is needed")

    def _note_superseded(self, sequences: list[str], position: int) -> None:
        keys = {self.truth.by_sequence[each].key for each in sequences[position:]}
        self.superseded.update(each for each in sequences[:position] if self.truth.by_sequence[each].key in keys)

    def _took(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self.refused.add(message["sequence_number"])
        self.injected["two values of one name"] += "document.rename" in message.get("reason", "")
        self.injected["a transform that raises"] += "The transform raised" in message.get("reason", "")
        self.judge_message(message)

    def _landed(self, body: bytes) -> None:
        for index, ids in deleted_ids(body, self.pool.index).items():
            self.pool.tombstones[index].look(ids)

    # Steps

    def do(self, step: steps.Step) -> None:
        """One step of the history."""
        STEPS[type(step)](self, step)

    def deliver(self, count: int) -> bool:
        """Let the trigger take steps; whether it did anything."""
        moved = False
        for _ in range(count):
            before = dict(self.trigger.checkpoints)
            trigger = self.trigger
            stepped = trigger.step()
            moved |= stepped
            if trigger is self.trigger and before != trigger.checkpoints:
                self.judge_state()
            if not stepped:
                break
        self.checkpoints.append(dict(self.trigger.checkpoints))
        return moved

    def during(self, step: steps.During) -> None:
        """Arm a step."""
        self.armed.append((step.moment, step.step))

    def restart(self, step: steps.Restart) -> None:
        """Go on with a new trigger; inside an invocation too, which then belongs to a trigger that is no more."""
        if len(self.running) >= DEEPEST:
            return
        self.injected["restart in an invocation" if self.running else "restart"] += 1
        self.trigger = self._new_trigger(dict(self.checkpoints[max(0, len(self.checkpoints) - 1 - step.back)]))
        self.deliver(step.steps)

    def crash(self, _: steps.Crash) -> None:
        """Kill the sandbox that works, or all warm ones."""
        self.injected["crash in an invocation" if self.running else "cold start"] += 1
        if self.running:
            raise Killed
        self.sandboxes = [self._sandbox(skew) for skew in self.setup.skews]

    def fault(self, step: steps.Fault) -> None:
        """The collection's next requests meet a fault."""
        self.network.plan(step, self.truth.ids[step.key])

    def delete_index(self, _: steps.DeleteIndex) -> None:
        """Delete the index, past the gate."""
        if self.pool.direct.call("DELETE", f"/{self.pool.index}").ok:
            self.injected["index deleted"] += 1
            self.index_lost = True
            warm = self.sandboxes + [each.sandbox for each in self.running]
            self.witnesses += [each for each in warm if each.collection._mark is not None]
            self.future.clear()
            self.pool.tombstones[self.pool.index].forget()

    def collect(self, _: steps.Collect) -> None:
        """Let each index forget the tombstones that are old enough."""
        for each in self.pool.tombstones.values():
            each.collect()

    def write_future(self, step: steps.Future) -> None:
        """Leave a document with a version from the future, and put the item."""
        if self.pool.direct.call("HEAD", f"/{self.pool.index}").ok:
            self.injected["version from the future"] += 1
            version = int(self.clock.time + step.ahead) << 31
            head = {"index": {"_id": self.truth.ids[step.key], "version": version, "version_type": "external"}}
            document = {"id": self.truth.keys[step.key], "h": self.name, "n": -1}
            self.pool.direct.call("POST", f"/{self.pool.index}/_bulk", [head, document])
            self.future[step.key] = self.truth.counter
            self.met_future.add(step.key)
        self.truth.change(steps.Change(step.key), self.clock.time)

    def land(self, _: steps.Land) -> None:
        """What is held arrives."""
        self.network.land()

    def split(self, step: steps.Split) -> None:
        """Split a shard."""
        self.injected["shard split"] += 1
        self.truth.split(step.key, step.fall)

    def calm(self) -> None:
        """No more faults of any kind, but those that the redrive meets."""
        self.armed.clear()
        self.network.calm()
        for name, edge in self.edges.items():
            self.left[name], edge.faults = edge.faults, deque()


STEPS: dict[type, Callable[[World, Any], object]] = {
    steps.Change: lambda world, step: world.truth.change(step, world.clock.time),
    steps.Tick: lambda world, step: world.clock.advance(step.seconds),
    steps.Deliver: lambda world, step: world.deliver(step.steps),
    steps.Split: World.split,
    steps.Fault: World.fault,
    steps.EdgeFault: lambda world, step: world.edges[step.edge].faults.extend([step.name] * step.times),
    steps.Restart: World.restart,
    steps.Crash: World.crash,
    steps.Land: World.land,
    steps.Collect: World.collect,
    steps.DeleteIndex: World.delete_index,
    steps.Future: World.write_future,
    steps.Behave: lambda world, step: world.network.behave(step),
    steps.Sleep: lambda world, step: world.network.sleep(step),
    steps.During: World.during,
}
