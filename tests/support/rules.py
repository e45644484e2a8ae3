"""A rule's calls, as EventBridge makes them: the lab's own never calls at their times."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from lab.stack import Lab

LOOK_SECONDS = 10.0
"""A look is a process of the command line, which takes half a second of CPU."""


def fire(lab: Lab, name: str) -> None:
    """Let the targets of a schedule's rule be called once: by a rule of the same targets that an event matches."""
    events, now = lab.boto3_client("events"), f"{name}-now"
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.put_rule(Name=now, EventPattern=json.dumps({"source": [now]}))
    events.put_targets(Rule=now, Targets=targets)
    events.put_events(Entries=[{"Source": now, "DetailType": "now", "Detail": "{}"}])
    events.remove_targets(Rule=now, Ids=[each["Id"] for each in targets])
    events.delete_rule(Name=now)


class Rule:
    """A rule with one function for its target, called at its rate while somebody waits for something."""

    def __init__(self, lab: Lab, name: str) -> None:
        """Look at the rule, its target, and whether that may be called by it."""
        events, self._functions = lab.boto3_client("events"), lab.boto3_client("lambda")
        rule = events.describe_rule(Name=name)
        number, unit = rule["ScheduleExpression"].removeprefix("rate(").rstrip(")").split()
        self.seconds = float(number) * {"minute": 60.0, "minutes": 60.0}[unit]
        (self._target,) = events.list_targets_by_rule(Rule=name)["Targets"]
        (statement,) = json.loads(self._functions.get_policy(FunctionName=self._target["Arn"])["Policy"])["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == rule["Arn"]
        assert rule["State"] == "ENABLED"
        self._next = time.monotonic()

    def until(self, what: str, look: Callable[[], Any], seconds: float) -> Any:
        """The first truth that `look` finds, while the rule calls. AssertionError after `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if time.monotonic() >= self._next:
                self._next += self.seconds
                # "Event" (asynchronous): Lambda guide, "Invoke a Lambda function on a schedule".
                self._functions.invoke(
                    FunctionName=self._target["Arn"], InvocationType="Event", Payload=self._target["Input"]
                )
            if found := look():
                return found
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{what} did not come within {seconds:.0f} s of a rule's calls")
