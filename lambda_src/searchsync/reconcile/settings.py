"""The reconcile function's own settings: environment variables beyond those of `config`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from searchsync.errors import ConfigurationError
from searchsync.limits import LAG_KNOWN_AFTER, LONGEST_BATCHING, LONGEST_RECHECK_DELAY, SHORTEST_RECHECK_DELAY


@dataclass(frozen=True)
class RollingSettings:
    """Of the rolling verification, in seconds: within `period` each part is compared; a call comes each `every`.
    units: read units a second, None for a lane's."""

    period: float
    every: float
    units: float | None


@dataclass(frozen=True)
class Settings:
    """What a run is asked to keep to.

    recheck_delay: seconds between two looks at least; units: read units a second for each lane, None for a
    share of what the table has; lanes: parts scanned at once; report_bucket: of the differences, None for the log;
    seen_bucket: of the keys that a run has read, None: every document is looked up; window: seconds that the trigger
    waits for a full batch; watch: seconds until the pipeline's lag is known; rolling: None where it is off.
    """

    recheck_delay: float
    units: float | None
    lanes: int
    report_bucket: str | None
    seen_bucket: str | None
    sync_function: str
    state_machine_arn: str
    window: float = 0.0
    watch: float = LAG_KNOWN_AFTER
    rolling: RollingSettings | None = None


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
        "read units a second, or nothing for a share of what the table has",
    )
    recheck_delay = number(
        "RECHECK_DELAY_SECONDS",
        "30",
        lambda value: SHORTEST_RECHECK_DELAY <= value <= LONGEST_RECHECK_DELAY,
        f"seconds from {SHORTEST_RECHECK_DELAY:g} to {LONGEST_RECHECK_DELAY:g}",
    )
    window = number(
        "WINDOW_SECONDS",
        "0",
        lambda value: 0 <= value <= LONGEST_BATCHING,
        f"seconds from 0 to {LONGEST_BATCHING:g}, as the trigger has them",
    )
    watch = number(
        "WATCH_SECONDS",
        str(LAG_KNOWN_AFTER),
        lambda value: 0 <= value <= LAG_KNOWN_AFTER,
        f"seconds from 0 to {LAG_KNOWN_AFTER:g}",
    )
    rolling = _rolling(environment, number)
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
        window=window,
        watch=watch,
        rolling=rolling,
    )


def _rolling(environment: Mapping[str, str], number: Callable[..., float]) -> RollingSettings | None:
    """Its settings, where its period is set; `number` reads a variable and notes what is wrong with it."""
    if not environment.get("ROLLING_PERIOD_SECONDS"):
        return None
    if not environment.get("SEEN_BUCKET"):
        number("SEEN_BUCKET", "", lambda _: False, "the bucket in which the rolling verification keeps its place")
    period = number("ROLLING_PERIOD_SECONDS", "", lambda value: 0 < value < math.inf, "seconds")
    every = number("ROLLING_EVERY_SECONDS", "", lambda value: 0 < value < period, "seconds, less than the period")
    units = number("ROLLING_READ_UNITS_PER_SECOND", "0", lambda value: 0 <= value < math.inf, "read units a second")
    return RollingSettings(period, every, units or None)
