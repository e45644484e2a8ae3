"""What puts right what was lost: a repair of every key, and the redrive of the failure queue."""

from __future__ import annotations

from searchsync.clock import Deadline
from searchsync.edges.failures import failure_message
from searchsync.edges.stream import DynamoStream
from searchsync.errors import StackError
from searchsync.reconcile.agreement import Kind
from searchsync.reconcile.repair import Repair
from searchsync.reconcile.verify import Difference
from searchsync.sync.delivery import Delivery
from searchsync.sync.metrics import RedriveReport
from searchsync.sync.redrive import Redrive
from tests.support.history.steps import KEYS
from tests.support.history.world import Violation, World

TIME = 900.0
"""Seconds of one invocation."""
VISIBILITY = 1_800.0
"""Seconds after which the queue shows again what was received."""


def repair(world: World) -> None:
    """Bring every key in step by a run's own repair: what it cannot write goes to the failure queue.

    A late request may have made the index anew after it was deleted: then the operator does what the error says.
    Another index name, which it says of an index without a mapping, is an empty index here.
    """
    try:
        _resync_all(world)
    except StackError as error:
        bare = "without its mapping" in str(error)
        if not (bare or "was not made by searchsync" in str(error)):
            raise
        if bare and world.pool.direct.call("GET", f"/{world.pool.index}/_count").json()["count"]:
            raise Violation("an index without a mapping holds documents") from error
        world.pool.direct.call("DELETE", f"/{world.pool.index}")
        world.pool.tombstones[world.pool.index].forget()
        _resync_all(world)


def _resync_all(world: World) -> None:
    pipeline, config = world.sandboxes[0].pipeline, world.config
    delivery = Delivery(pipeline.collection, pipeline.backoff, pipeline.largest_body)
    differences = [Difference(world.truth.ids[key], world.truth.key_of(key), Kind.DIFFERENT) for key in KEYS]
    mending = Repair(pipeline.table, delivery.deliver, pipeline.clock, config.max_skew, config.rules)
    later = Deadline.after(pipeline.clock, TIME)
    repaired = mending.mend(differences, later)
    now = pipeline.clock.now()
    untaken, why = world.failures.send([failure_message(each, config, now) for each in repaired.poison], later)
    if untaken:
        raise Violation(f"a calm queue refused a repair's poison: {why}")


def redrive_under_faults(world: World) -> None:
    """A redrive that meets what no invocation has met; it may settle nothing, but it ends in its time."""
    for name, faults in world.left.items():
        world.edges[name].faults = faults
    try:
        redrive(world, world.setup.timeout)
    except StackError as error:
        world.stack_errors.append(str(error))
    if world.clock.time > world.redrive_ends and not world.redrive_robbed:
        raise Violation(f"a redrive took {world.clock.time - world.redrive_ends:.1f} s more than it had")
    world.calm()
    world.clock.advance(VISIBILITY)
    world.queue.show_all()


def redrive(world: World, seconds: float = TIME) -> RedriveReport:
    """One redrive of the failure queue by the function's own."""
    world.redrive_ends, world.redrive_robbed = world.clock.time + seconds, False
    pipeline, report = world.sandboxes[0].pipeline, RedriveReport()
    stream = DynamoStream(world.stream, pipeline.backoff)
    Redrive(
        world.config,
        pipeline.collection,
        pipeline.table,
        stream,
        world.failures,
        pipeline.clock,
        pipeline.backoff,
    ).run({}, seconds, report)
    return report
