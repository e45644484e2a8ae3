"""The reconcile function's own settings: environment variables beyond those of `config`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from searchsync.errors import ConfigurationError
from searchsync.limits import LONGEST_RECHECK_DELAY, SHORTEST_RECHECK_DELAY


@dataclass(frozen=True)
class Settings:
    """What a run is asked to keep to.

    recheck_delay: seconds between two looks at least; units: read units a second for each lane, None for no
    limit; lanes: parts scanned at once; report_bucket: of the differences, None for the log; seen_bucket: of
    the keys that a run has read, None: every document is looked up.
    """

    recheck_delay: float
    units: float | None
    lanes: int
    report_bucket: str | None
    seen_bucket: str | None
    sync_function: str
    state_machine_arn: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises ConfigurationError that names all that is wrong."""
    problems: list[str] = []

    def number(name: str, default: str, good: Callable[[float], bool], what: str) -> float:
        text = environment.get(name) or default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not good(value):
            problems.append(f"{name} is {text[:200]!r}: give {what}")
        return value

    def text(name: str) -> str:
        if not environment.get(name):
            problems.append(f"{name} is not set")
        return environment.get(name, "")

    lanes = number(
        "RECONCILE_CONCURRENCY", "4", lambda value: value >= 1 and value.is_integer(), "a whole number from 1"
    )
    units = number(
        "READ_UNITS_PER_SECOND",
        "0",
        lambda value: 0 <= value < math.inf,
        "read units a second, or nothing for no limit",
    )
    recheck_delay = number(
        "RECHECK_DELAY_SECONDS",
        "30",
        lambda value: SHORTEST_RECHECK_DELAY <= value <= LONGEST_RECHECK_DELAY,
        f"seconds from {SHORTEST_RECHECK_DELAY:g} to {LONGEST_RECHECK_DELAY:g}",
    )
    sync_function, machine = text("SYNC_FUNCTION_NAME"), text("STATE_MACHINE_ARN")
    if problems:
        raise ConfigurationError(
            "The reconcile function's environment is wrong: "
            + "; ".join(problems)
            + ". The Terraform module sets all of these; run `terraform apply`, or correct them by hand."
        )
    return Settings(
        recheck_delay=recheck_delay,
        units=units / lanes if units else None,
        lanes=int(lanes),
        report_bucket=environment.get("REPORT_BUCKET") or None,
        seen_bucket=environment.get("SEEN_BUCKET") or None,
        sync_function=sync_function,
        state_machine_arn=machine,
    )
