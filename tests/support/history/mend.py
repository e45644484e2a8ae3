"""What puts right what was lost: a repair of every key, and the redrive of the failure queue."""

from __future__ import annotations

from searchsync.clock import Deadline
from searchsync.delivery import Delivery
from searchsync.errors import StackError
from searchsync.metrics import RedriveReport
from searchsync.redrive import Redrive
from searchsync.resync import Resync, Target
from searchsync.stream import DynamoStream
from tests.support.history.aws import StreamClient
from tests.support.history.steps import KEYS
from tests.support.history.world import World

TIME = 900.0
"""Seconds of one invocation."""


def repair(world: World) -> None:
    """Bring every key in step by the function's own resync, as a walk over table and index does.

    A late request may have made the index anew after it was deleted: then the operator does what the error says.
    """
    try:
        _resync_all(world)
    except StackError as error:
        if "was not made by searchsync" not in str(error):
            raise
        world.pool.direct.call("DELETE", f"/{world.pool.index}")
        world.pool.tombstones.forget()
        _resync_all(world)


def _resync_all(world: World) -> None:
    pipeline = world.sandboxes[0].pipeline
    delivery = Delivery(pipeline.collection, pipeline.backoff, pipeline.largest_body)
    now = int(pipeline.clock.now())
    targets = [Target(world.truth.ids[key], world.truth.key_of(key), now, now) for key in KEYS]
    resync = Resync(pipeline.table, delivery.deliver, pipeline.clock, world.pool.config.margin)
    resync.run(targets, Deadline.after(pipeline.clock, TIME))


def redrive(world: World) -> RedriveReport:
    """One redrive of the failure queue by the function's own."""
    pipeline, report = world.sandboxes[0].pipeline, RedriveReport()
    stream = DynamoStream(StreamClient(world.truth), pipeline.backoff)
    Redrive(
        world.pool.config,
        pipeline.collection,
        pipeline.table,
        stream,
        world.failures,
        pipeline.clock,
        pipeline.backoff,
    ).run({}, TIME, report)
    return report
