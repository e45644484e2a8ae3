"""Whether table and index agree, from what is known: pure.

The verdict comes from the last verification, never from counts: DynamoDB's ItemCount is hours old (AWS
page "DescribeTable"). It names what it compared; what has happened since its *beginning*, or is another now, can only
put it in doubt. docs/verdict.md has every fact.

  the last verification            since then       verdict       exit code
  found no difference              nothing wrong    in step       0
  found no difference              trouble          in doubt      1
  found differences                                 differences   1
  anything                         rolling: some    differences   1
  there is none                                     unverified    1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from searchsync_cli.exits import Exit
from searchsync_cli.machine import Execution
from searchsync_cli.rolling import Rolling
from searchsync_cli.stack import Trigger
from searchsync_cli.text import ago, duration, many, moment

LATE_SECONDS = 3600.0
"""A lag beyond this is trouble where no alarm says otherwise; the module's alarm has the same default."""
OLD_SECONDS = 35 * 86400.0
"""A verification from before this is trouble, unless told otherwise: one a month is not."""
UNREAD_SECONDS = 600.0
"""Writes that nothing has followed for so long are not read: two periods, as the alarm `stream-unread` has them. A
batching window is half of that at most."""
STREAM_KEEPS_SECONDS = 86400.0
"""DynamoDB Streams keep a record for 24 hours (developer guide, "Change data capture for DynamoDB Streams")."""
SHRUNK = 0.5
"""Of the documents that the verification saw: an index with fewer is trouble."""
UNASKED = "unasked"
INDEX_NAMES = frozenset({"collection", "index", "index_uuid", "index_mark"})
"""The names in `saw` that tell one index from another."""
NOBODY = "nobody"
"""Whose an index without a mark of searchsync's is, or with one that names no owner."""
VERIFY = "run `searchsync verify`"
REPAIR = "run `searchsync repair`"
ROLL = "`searchsync logs --function reconcile` says what holds it up; run `searchsync verify` meanwhile"
APPLY = "an apply ended half-way or a function was changed by hand: run terraform apply, then `searchsync verify`"
REFILL = "run `searchsync backfill --again`, then `searchsync verify`"
GOOD_RESULTS = ("", "OK", "No records processed")
"""LastProcessingResult of a trigger that is well; anything else begins with PROBLEM (AWS page
"GetEventSourceMapping")."""


Value = tuple[float, float]
"""A metric's period, by its beginning (Unix seconds), and its value there."""


class Verdict(StrEnum):
    """What `status` says."""

    IN_STEP = "in step"
    IN_DOUBT = "in doubt"
    DIFFERENCES = "differences"
    UNVERIFIED = "unverified"

    @property
    def exit_code(self) -> Exit:
        """DONE when in step."""
        return Exit.of(self is Verdict.IN_STEP)

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """Of several views: that of all of them."""
        return max(verdicts, key=(cls.IN_STEP, cls.IN_DOUBT, cls.UNVERIFIED, cls.DIFFERENCES).index)


@dataclass(frozen=True)
class Lag:
    """Seconds, None when there was no record lately. read: how late the trigger reads; written: the oldest
    record's age at the end of its invocation; unread: since when (Unix seconds) the table is written and the function
    is not invoked, which leaves neither of them."""

    read: float | None = None
    written: float | None = None
    unread: float | None = None


@dataclass(frozen=True)
class Queue:
    """The failure queue: its depth, and the age of its oldest message in seconds."""

    visible: int = 0
    in_flight: int = 0
    oldest: float | None = None

    @property
    def messages(self) -> int:
        """All that wait."""
        return self.visible + self.in_flight


@dataclass(frozen=True)
class Index:
    """What the reconcile function says of now. saw: by the names of a verification's own `saw`; state: there, missing,
    unowned, unasked, or failed with its reason; created and table_created: Unix seconds; owner: whose an unowned one
    is, as `index.adopt` names it; rolling: None where the stack has no rolling verification. written: what the sync
    function writes and reads, by the same names."""

    saw: Mapping[str, object] = field(default_factory=dict)
    state: str = UNASKED
    why: str = ""
    created: float | None = None
    documents: int | None = None
    table_created: float | None = None
    rolling: Rolling | None = None
    owner: str | None = None
    written: Mapping[str, object] = field(default_factory=dict)

    @property
    def package(self) -> str | None:
        """The version that runs and, behind a plus, what its package was built from. None where it did not say."""
        told = self.saw.get("package")
        return None if told is None else str(told)


@dataclass(frozen=True)
class Handed:
    """Messages of the failure queue since the verification began, from metrics. before: those that waited then."""

    sent: int = 0
    redriven: int = 0
    before: int = 0

    def gone(self, waiting: int) -> int:
        """How many went without a redrive: SQS deletes them after 14 days, a purge at once. None where none was sent:
        what waited before is what the verification has compared."""
        return max(0, self.before + self.sent - self.redriven - waiting) if self.sent else 0


def waited(first: float, depths: Sequence[Value], sent: Sequence[Value], redriven: Sequence[Value]) -> float:
    """How many messages waited at `first` (Unix seconds), at least, from values before it.

    A depth is of some moment in its period, and a queue that was idle has none for up to 15 minutes (AWS page
    "Available CloudWatch metrics for Amazon SQS"): the newest one alone misses what came since. So each is carried
    on, with what was sent in later periods, less what was redriven in its own and later; and so is an empty queue. None
    of these says more than waited, and one whose period had neither says how many; but for messages that were purged
    shortly before, which nobody tells of: then there is a doubt too many, and a repair settles it.
    """
    starts = [(0.0, 0.0), *(each for each in depths if each[0] < first)]
    least = max(
        depth
        + sum(value for at, value in sent if begin < at < first)
        - sum(value for at, value in redriven if begin <= at < first)
        for begin, depth in starts
    )
    return max(0.0, least)  # one that was sent before all values may have been redriven among them


@dataclass(frozen=True)
class Since:
    """Signals since the verification began, in Unix seconds; None: there was none.

    repair_needed: the latest; gap: when the trigger was changed, with nothing read on the day before; missed: when the
    table was written, with nothing read on the day after; dropped: the trigger wrote a batch to its on_failure_bucket;
    undelivered: it gave one up and could not say so.
    """

    repair_needed: float | None = None
    gap: float | None = None
    missed: float | None = None
    dropped: float | None = None
    undelivered: float | None = None
    handed: Handed = Handed()


@dataclass(frozen=True)
class Limits:
    """What is still well, in seconds: lag, as the alarm has it; age of the verification."""

    lag: float = LATE_SECONDS
    age: float = OLD_SECONDS


@dataclass(frozen=True)
class Facts:
    """All that the verdict looks at. now: Unix seconds; verification: the last that succeeded; failed: the last
    verification or repair that did not; index: None where the stack has no run to ask."""

    now: float
    trigger: Trigger | None
    lag: Lag
    queue: Queue
    verification: Execution | None
    running: Execution | None
    has_machine: bool
    failed: Execution | None = None
    index: Index | None = None
    since: Since = Since()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Trouble:
    """Something wrong, since when (Unix seconds, None: not known), and what settles it."""

    what: str
    remedy: str
    at: float | None = None

    def told(self, now: float) -> str:
        """The trouble with its age, at `now` (Unix seconds)."""
        return self.what if self.at is None else f"{self.what} (since {moment(self.at)}, {ago(self.at, now)})"


def judge(facts: Facts) -> tuple[Verdict, list[Trouble]]:
    """The verdict, and what is wrong."""
    troubles = [
        *_apart(facts),
        *_identity(facts),
        *_index(facts),
        *_trigger(facts),
        *_lag(facts),
        *_queue(facts),
        *_since(facts),
        *_failed(facts),
        *_age(facts),
        *_rolling(facts),
    ]
    if not facts.has_machine:
        troubles.append(
            Trouble("the stack has no reconciliation", "run terraform apply with this version of the module")
        )
    elif facts.verification is None:
        troubles.append(Trouble("nothing has compared table and index yet", VERIFY))
    found = _found_rolling(facts)
    if found:
        return Verdict.DIFFERENCES, [*found, *troubles]
    if facts.verification is None:
        return Verdict.UNVERIFIED, troubles
    if facts.verification.output.get("in_step") is not True:
        return Verdict.DIFFERENCES, [Trouble("table and index differ", REPAIR), *troubles]
    return (Verdict.IN_DOUBT if troubles else Verdict.IN_STEP), troubles


def _apart(facts: Facts) -> list[Trouble]:
    """What the sync function writes elsewhere than the reconcile function looks: no verification is about it."""
    others = sorted(_others(facts.index.written, facts.index)) if facts.index else []
    if not others:
        return []
    names = ", ".join(others).replace("_arn", "")
    return [Trouble(f"the sync and the reconcile function have another {names} each", APPLY)]


def _identity(facts: Facts) -> list[Trouble]:
    """What the verification compared and is another now."""
    verification, index = facts.verification, facts.index
    if verification is None or index is None:
        return []
    before = verification.output.get("saw")
    if not isinstance(before, Mapping):
        return [Trouble("the verification does not name what it compared: its module was older", VERIFY)]
    others = _others(before, index)
    found = []
    if others & {"collection", "index"}:
        what = "the collection was replaced" if "collection" in others else "the function writes another index"
        found.append(Trouble(what, REFILL))
    elif others & {"index_uuid", "index_mark"}:
        found.append(Trouble("the index was deleted and made anew", REFILL, _after(facts, index.created)))
    if others & {"table_id", "stream_arn"}:
        what = "the table was replaced" if "table_id" in others else "the table has another stream"
        found.append(Trouble(what, REPAIR, _after(facts, index.table_created)))
    if "mapping" in others:
        found.append(Trouble("the configuration has another index mapping", VERIFY))
    if "shape" in others:
        found.append(Trouble("the configuration has another shape of documents", REFILL))
    if "conversion" in others:
        found.append(Trouble("the package converts items by other rules", VERIFY))
    return found


def _others(before: Mapping[str, object], index: Index) -> set[str]:
    """The names of what is another now than before, where both are known."""
    return {name for name, value in before.items() if None not in (value, now := index.saw.get(name)) and value != now}


def _after(facts: Facts, at: float | None) -> float | None:
    """The time, where it lies after the verification's beginning: else it is not that of the change."""
    return at if at is not None and facts.verification and at > facts.verification.started else None


def _index(facts: Facts) -> list[Trouble]:
    """What a look at the index shows."""
    index, verification = facts.index, facts.verification
    if index is None or index.state == UNASKED:
        return []
    if index.state == "failed":
        remedy = "read `searchsync logs --function reconcile`"
        return [Trouble(f"the index could not be looked at: {index.why}", remedy)]
    if index.state == "missing":
        return [Trouble("the index is missing", REFILL)]
    if index.state != "there":
        return [_anothers(index)]
    return _emptied(index, verification) if verification else []


def _emptied(index: Index, verification: Execution) -> list[Trouble]:
    if _others(verification.output.get("saw") or {}, index) & INDEX_NAMES:
        return []  # of another index the verification has counted nothing
    seen = verification.totals.get("documents", 0)
    if index.documents is not None and index.documents < seen * SHRUNK:
        now = many(index.documents, "document")
        return [Trouble(f"the index has {now}, and the verification saw {seen:,}", REPAIR)]
    return []


def _anothers(index: Index) -> Trouble:
    """An index that is not the stack's."""
    if index.owner in (None, NOBODY):
        return Trouble(
            "the index was not made by searchsync",
            f'delete it (or set index.adopt = "nobody" where it is meant), {REFILL}',
        )
    return Trouble(
        f"the index belongs to another stack and table, {index.owner}",
        f"set another index.name, or index.adopt to that owner where it is no more; then {REFILL}",
    )


def _trigger(facts: Facts) -> list[Trouble]:
    trigger = facts.trigger
    if trigger is None:
        return [Trouble("there is no trigger on the table's stream", "run terraform apply")]
    found = []
    if trigger.state != "Enabled":
        off = facts.now - trigger.changed if trigger.changed is not None else 0.0
        on = "set trigger.enabled = true and run terraform apply"
        lost = off > STREAM_KEEPS_SECONDS
        then = f"; then {REPAIR}: changes are lost" if lost else "; the stream keeps changes for 24 hours"
        found.append(Trouble(f"the trigger is {trigger.state}", on + then, trigger.changed))
    if trigger.last_result not in GOOD_RESULTS:
        found.append(
            Trouble(f"the trigger's last result is {trigger.last_result!r}", "read `searchsync logs --errors`")
        )
    return found


def _lag(facts: Facts) -> list[Trouble]:
    found, worst, unread = [], max(facts.lag.read or 0.0, facts.lag.written or 0.0), facts.lag.unread
    if worst > facts.limits.lag:
        what = f"the index is {duration(worst)} late, over the alarm's {duration(facts.limits.lag)}"
        found.append(Trouble(what, "`searchsync logs --errors` shows what holds it up"))
    if unread is not None and facts.trigger and facts.trigger.state == "Enabled":
        remedy = "look at the function's concurrency (reserved, and the account's) and at what the trigger says"
        found.append(Trouble("the table is written, and the function is not invoked", remedy, unread))
    return found


def _queue(facts: Facts) -> list[Trouble]:
    queue = facts.queue
    if not queue.messages:
        return []
    at = None if queue.oldest is None else facts.now - queue.oldest
    return [Trouble("records wait in the failure queue", "mend their reason, then `searchsync redrive`", at)]


def _since(facts: Facts) -> list[Trouble]:
    """Signals since the verification began, which it cannot have settled."""
    since, gone = facts.since, facts.since.handed.gone(facts.queue.messages)
    found = []
    if since.repair_needed is not None:
        remedy = f"{REPAIR}, then `searchsync redrive`"
        found.append(Trouble("changes may be missing in the index", remedy, since.repair_needed))
    if gone:
        what = f"{many(gone, 'message')} of the failure queue went without a redrive (it keeps them for 14 days)"
        found.append(Trouble(what, REPAIR))
    if since.dropped is not None:
        found.append(Trouble("the trigger gave records up to its on_failure_bucket", REPAIR, since.dropped))
    if since.undelivered is not None:
        found.append(Trouble("the trigger gave records up, and no message says which", REPAIR, since.undelivered))
    if since.gap is not None:
        what = "the trigger was changed after a day in which it read nothing: changes may have been lost"
        found.append(Trouble(what, VERIFY, since.gap))
    if since.missed is not None:
        what = "the table was written, and nothing read on the day after: changes may have been lost"
        found.append(Trouble(what, VERIFY, since.missed))
    return found


def _failed(facts: Facts) -> list[Trouble]:
    failed, verification = facts.failed, facts.verification
    if failed is None or (verification and _end(failed) <= _end(verification)):
        return []
    remedy = f"`searchsync logs --function reconcile --errors` says why; then `searchsync {failed.task}`"
    return [Trouble(f"the last {failed.task} failed", remedy, _end(failed))]


def _found_rolling(facts: Facts) -> list[Trouble]:
    """Differences that the rolling verification has found since the last whole comparison began."""
    rolling = facts.index.rolling if facts.index else None
    left = rolling.left(facts.verification.started if facts.verification else None) if rolling else []
    if not left:
        return []
    what = f"the rolling verification found {many(sum(each.differences for each in left), 'difference')}"
    return [Trouble(f"{what} in {', '.join(each.part for each in left)}", REPAIR, min(each.ended for each in left))]


def _rolling(facts: Facts) -> list[Trouble]:
    rolling = facts.index.rolling if facts.index else None
    return [Trouble(what, ROLL, at) for what, at in rolling.doubts(facts.now)] if rolling else []


def _age(facts: Facts) -> list[Trouble]:
    """Each part of a rolling verification is younger than its period: that of everything may be as old as it likes."""
    if facts.verification is None or facts.now - facts.verification.started <= facts.limits.age:
        return []
    if facts.index and facts.index.rolling and facts.index.rolling.is_fresh(facts.now):
        return []
    what = f"the verification is older than {duration(facts.limits.age)}"
    return [Trouble(what, VERIFY, facts.verification.started)]


def _end(execution: Execution) -> float:
    return execution.stopped or execution.started
