"""What must hold in every history, and the run that checks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from searchsync.documents.document import KEY_FIELD, index_key
from searchsync.limits import LOAD_AGE, LONE_TRIES, SLOW_AGE
from searchsync.sync.delivery import NO_ANSWER, REFUSED_UNDER_LOAD
from searchsync.sync.metrics import RedriveReport
from tests.support.history.mend import redrive, redrive_under_faults, repair
from tests.support.history.pool import Pool
from tests.support.history.steps import KEYS, Change, History
from tests.support.history.truth import Recorded
from tests.support.history.world import Violation, World

CLOCKS_APART = 3.0
"""Seconds between the world's clock and a sandbox's, floored."""
MOST_INVOCATIONS, FOR_EACH_RECORD = 40, 12
"""Invocations within which a calm world is drained: no document blocks a shard, no resync goes on for ever."""


def run(pool: Pool, history: History) -> None:
    """Run a history. AssertionError where an invariant does not hold."""
    world = World(pool, history.setup)
    sound = False
    try:
        Judge(world).run(history)
        sound = not world.index_lost
    except Violation as violation:
        raise AssertionError(str(violation)) from None
    finally:
        pool.network.moment = pool.network.landed = lambda _: None  # type: ignore[assignment]
        pool.network.calm()
        if not sound:
            pool.direct.call("DELETE", f"/{pool.index}")


class Judge:
    """A world, and what must be true of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.judge_message = self.message_is_due
        world.judge_state = self.checkpoint_passed_nothing_undone

    def run(self, history: History) -> None:
        """The history, then peace, then everything must be right."""
        world = self.world
        for step in history.steps:
            world.do(step)
        world.calm()
        self.drain()
        self.index_is_the_table()
        if world.index_lost or world.dropped:
            self.repair_was_asked_for()
        if world.index_lost:
            repair(world)
        if world.index_lost or world.queue.messages:
            redrive_under_faults(world)
            report = redrive(world)
            self.mended = True
            self.redriven_queue_holds_only_what_cannot_be_written(report)
            self.index_is_the_table()
        world.pool.totals["changes"] += len(world.truth.by_sequence)
        world.pool.totals["invocations"] += world.invocations

    # While it runs

    def message_is_due(self, message: dict[str, Any]) -> None:
        """No record goes to the failure queue that could have been written."""
        world = self.world
        key = world.truth.named(message["key"]["id"]["S"])
        record = world.truth.by_sequence.get(message["sequence_number"]) or world.truth.records[key][-1]
        later = [each for each in world.truth.records[key] if each.position >= record.position]
        if any(each.poison for each in later):
            return
        if message["error_type"] == "version_from_the_future" and key in world.met_future:
            return
        if self.was_refused_alone(message["error_type"], record):
            world.injected[f"poison {message['error_type']}"] += 1
            return
        raise Violation(f"a record in the failure queue that can be written: {record}: {message}")

    def was_refused_alone(self, error_type: str, record: Recorded) -> bool:
        """Whether the collection did to the record's document what the table of `delivery` calls poison."""
        name, network = self.world.truth.ids[record.key], self.world.network
        by_item, alone = network.item_faults[name], network.alone[name]
        age = self.world.clock.time - record.second + CLOCKS_APART
        if error_type == REFUSED_UNDER_LOAD:
            return age >= LOAD_AGE and by_item + alone > 0
        if error_type == NO_ANSWER:
            return age >= SLOW_AGE and alone > 0
        known = error_type.startswith(("injected_", "service_quota", "resync_poison", "http_"))
        return known and (by_item >= LONE_TRIES or (age >= SLOW_AGE and by_item + alone > 0))

    def checkpoint_passed_nothing_undone(self) -> None:
        """Each record at or below the checkpoint is in the index, superseded there, or in the queue."""
        world = self.world
        if world.index_lost:
            return  # What it held is lost until the repair.
        passed = world.truth.passed(world.trigger.checkpoints)
        last = {
            key: [each for each in records if each.sequence not in world.dropped] for key, records in passed.items()
        }
        for view in world.truth.views:
            found = self.documents(view)
            for key, taken in last.items():
                if taken and not self.settled(view, key, taken[-1], found.get(key)):
                    raise Violation(f"the checkpoint passed {taken[-1]}, and the view {view!r} holds {found.get(key)}")

    def settled(self, view: str, key: str, record: Recorded, document: dict[str, Any] | None) -> bool:
        """Whether the record, or a later one of its key, is in the index or in the failure queue, or comes again.

        A future write of later time lies above it, and is not ours to judge.
        """
        future = 0 if view else self.world.future.get(key, 0)
        if record.sequence in self.world.superseded or record.position <= future:
            return True
        later = [each for each in self.world.truth.records[key] if each.position >= record.position]
        if any(not (seen := each.seen[view]).poison and seen.document == document for each in later):
            return True
        if any(view in each.kept for each in later[1:]):
            return True  # a read may have found no item: the expiry that follows brings the document
        return self.world.queue.holds(each.sequence for each in later)

    # At the end

    def drain(self) -> None:
        """Let the trigger come to rest; an operator does what an error tells him to do."""
        world = self.world
        most = world.invocations + MOST_INVOCATIONS + FOR_EACH_RECORD * len(world.truth.by_sequence)
        if world.index_lost:
            self._drain(most)  # an invocation of poison alone does not look at the index
            # Every sandbox looks at it once more.
            world.clock.advance(61.0)
            for _ in world.sandboxes:
                world.truth.change(Change("a"), world.clock.time)
                self._drain(most)
        self._drain(most)

    def _drain(self, most: int) -> None:
        world = self.world
        while not world.truth.drained(world.trigger.checkpoints):
            if not world.deliver(1):
                world.clock.advance(1.0)
            if world.stack_errors and "was not made by searchsync" in world.stack_errors[-1]:
                world.pool.direct.call("DELETE", f"/{world.pool.index}")
                world.pool.tombstones[world.pool.index].forget()
                world.repair_said.append(world.stack_errors.pop())
                world.index_lost = True
            if world.invocations > most:
                raise Violation(f"the stream is not drained after {most} invocations: {world.stack_errors[-1:]}")

    def index_is_the_table(self) -> None:
        """Every document and nothing more; or the key's last record in the failure queue."""
        for view in self.world.truth.views:
            self.view_is_the_table(view)

    def view_is_the_table(self, view: str) -> None:
        """The same of one view."""
        world = self.world
        found = self.documents(view, by_search=True)
        future = found.keys() - set(KEYS)
        if future:
            raise Violation(f"documents of no key: {sorted(future)}")
        for key in KEYS:
            records = world.truth.records[key]
            last = records[-1] if records else None
            document = found.get(key)
            if last is None or (not (seen := last.seen[view]).poison and seen.document == document):
                if last is None and document is not None:
                    raise Violation(f"a document that the table never had: {document}")
                continue
            name = world.truth.key_of(key)["id"]["S"]
            if world.queue.holds([last.sequence]) or world.queue.holds_item(name):
                continue
            if not self.mended and (world.index_lost or last.sequence in world.dropped):
                continue
            nowhere_else = view in last.kept and (seen.poison or self.was_nowhere_else(records))
            # Behind a put without a time nothing says how much of before a deletion would take.
            if nowhere_else and (document is None or not records[-2].timed):
                continue
            raise Violation(
                f"the table holds {last}, the view {view!r} {document}, and the queue does not hold its record"
            )

    def was_nowhere_else(self, records: Sequence[Recorded]) -> bool:
        """Whether what the last of these records is to keep was in a lost index, or in records that were given up or
        refused."""
        world = self.world
        gone = world.dropped | world.refused
        return world.index_lost or any(each.sequence in gone for each in records[-2:])

    mended = False

    def repair_was_asked_for(self) -> None:
        """Where records or documents were lost, somebody says so; a new sandbox cannot know that the index was."""
        world = self.world
        aware = any(each in world.witnesses for each in world.sandboxes)
        if (aware or world.dropped) and not world.repair_said:
            raise Violation("the index was lost or records were dropped, and nobody says that a repair is needed")

    def redriven_queue_holds_only_what_cannot_be_written(self, report: RedriveReport) -> None:
        """After a redrive only poison, and documents of a version from the future, are in the queue."""
        world = self.world
        for message in world.queue.messages:
            key = world.truth.named(message["key"]["id"]["S"]) if "key" in message else ""
            if key and (world.truth.records[key][-1].poison or key in world.future):
                continue
            raise Violation(f"after a redrive the queue still holds {message}: {report}")

    def documents(self, view: str, by_search: bool = False) -> dict[str, dict[str, Any]]:
        """A view's documents of the history by key; by search what is under no key's id is found too, by its id."""
        world = self.world
        index, direct = world.pool.indexes[view], world.pool.direct
        if by_search:
            direct.call("POST", f"/{index}/_refresh")
            query = {"size": 100, "query": {"term": {"h": world.name}}}
            hits = direct.call("POST", f"/{index}/_search", query).json().get("hits", {}).get("hits", [])
        else:
            docs = [{"_id": name} for name in world.truth.ids.values()]
            answer = direct.call("POST", f"/{index}/_mget", {"docs": docs}).json()
            hits = [doc for doc in answer.get("docs", []) if doc.get("found")]
        names = {name: key for key, name in world.truth.ids.items()}
        return {names.get(hit["_id"], hit["_id"]): attributes(hit) for hit in hits}


def attributes(hit: Mapping[str, Any]) -> dict[str, Any]:
    """A document without its key, which must be its id's where it has one."""
    source = dict(hit["_source"])
    if source.pop(KEY_FIELD, key := index_key(hit["_id"])) != key:
        raise Violation(f"a document with another's key: {hit}")
    return source
