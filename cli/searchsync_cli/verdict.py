"""Whether table and index agree, from what is known: pure.

The verdict comes from the last verification, never from counts: DynamoDB's ItemCount is hours old (AWS
page "DescribeTable"). What has happened since can only put it in doubt.

  the last verification            since then       verdict       exit code
  found no difference              nothing wrong    in step       0
  found no difference              trouble          in doubt      1
  found differences                                 differences   1
  there is none                                     unverified    1
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from searchsync_cli.machine import Execution
from searchsync_cli.stack import Trigger

LATE_SECONDS = 3600.0
"""A lag beyond this is trouble; the module's alarm has the same default."""
GOOD_RESULTS = ("", "OK", "No records processed")
"""LastProcessingResult of a trigger that is well; anything else begins with PROBLEM (AWS page
"GetEventSourceMapping")."""


class Verdict(StrEnum):
    """What `status` says."""

    IN_STEP = "in step"
    IN_DOUBT = "in doubt"
    DIFFERENCES = "differences"
    UNVERIFIED = "unverified"

    @property
    def exit_code(self) -> int:
        """0 in step, else 1."""
        return 0 if self is Verdict.IN_STEP else 1


@dataclass(frozen=True)
class Lag:
    """Seconds, None when there was no record lately. read: how late the trigger reads; written: the oldest
    record's age at the end of its invocation."""

    read: float | None = None
    written: float | None = None


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
class Facts:
    """All that the verdict looks at. repair_needed: Unix seconds of the latest signal not settled by a repair;
    verification: the last that succeeded; failed: the last verification or repair that did not."""

    trigger: Trigger | None
    lag: Lag
    queue: Queue
    repair_needed: float | None
    verification: Execution | None
    running: Execution | None
    has_machine: bool
    failed: Execution | None = None


@dataclass(frozen=True)
class Trouble:
    """Something wrong, and what to do."""

    what: str
    remedy: str


def judge(facts: Facts) -> tuple[Verdict, list[Trouble]]:
    """The verdict, and what is wrong."""
    troubles = [*_trigger(facts.trigger), *_lag(facts.lag), *_queue(facts.queue), *_repair(facts), *_failed(facts)]
    if not facts.has_machine:
        troubles.append(Trouble("the stack has no table walk", "run terraform apply with this version of the module"))
    elif facts.verification is None:
        troubles.append(Trouble("nothing has compared table and index yet", "run `searchsync verify`"))
    if facts.verification is None:
        return Verdict.UNVERIFIED, troubles
    if facts.verification.output.get("in_step") is not True:
        return Verdict.DIFFERENCES, [Trouble("table and index differ", "run `searchsync repair`"), *troubles]
    return (Verdict.IN_DOUBT if troubles else Verdict.IN_STEP), troubles


def _trigger(trigger: Trigger | None) -> list[Trouble]:
    if trigger is None:
        return [Trouble("there is no trigger on the table's stream", "run terraform apply")]
    found = []
    if trigger.state != "Enabled":
        found.append(
            Trouble(
                f"the trigger is {trigger.state}",
                "set trigger.enabled = true and run terraform apply; the stream keeps changes for 24 hours",
            )
        )
    if trigger.last_result not in GOOD_RESULTS:
        found.append(
            Trouble(f"the trigger's last result is {trigger.last_result!r}", "read `searchsync logs --errors`")
        )
    return found


def _lag(lag: Lag) -> list[Trouble]:
    worst = max(lag.read or 0.0, lag.written or 0.0)
    if worst <= LATE_SECONDS:
        return []
    return [Trouble("the stream is read over an hour late", "`searchsync logs --errors` shows what holds it up")]


def _queue(queue: Queue) -> list[Trouble]:
    if not queue.messages:
        return []
    return [Trouble("records wait in the failure queue", "mend their reason, then `searchsync redrive`")]


def _repair(facts: Facts) -> list[Trouble]:
    if facts.repair_needed is None:
        return []
    return [Trouble("changes may be missing in the index", "run `searchsync repair`, then `searchsync redrive`")]


def _failed(facts: Facts) -> list[Trouble]:
    failed, verification = facts.failed, facts.verification
    if failed is None or (verification and _end(failed) <= _end(verification)):
        return []
    return [
        Trouble(
            f"the last {failed.task} failed",
            f"`searchsync logs --function walk --errors` says why; then `searchsync {failed.task}`",
        )
    ]


def _end(execution: Execution) -> float:
    return execution.stopped or execution.started
