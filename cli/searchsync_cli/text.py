"""Numbers, times and durations as a person reads them: pure."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float) -> str:
    """A time (Unix seconds) in UTC, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def iso(seconds: float) -> str:
    """A time (Unix seconds) for machines."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def unix(text: str) -> float:
    """The Unix seconds of an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def duration(seconds: float) -> str:
    """About how long: two units at most."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", "s") if whole < 600 else f"{whole // 60} min"
    return _two(whole // 60, 60, "h", "min") if whole < 86400 else _two(whole // 3600, 24, "d", "h")


def _two(count: int, each: int, big: str, small: str) -> str:
    return f"{count // each} {big}" + (f" {count % each} {small}" if count % each else "")


def ago(then: float, now: float) -> str:
    """How long ago."""
    return f"{duration(now - then)} ago" if now - then >= 60 else "just now"


def many(count: float, one: str, more: str = "") -> str:
    """A count with its noun: 1 item, 2 items."""
    return f"{count:,.0f} {one if count == 1 else more or one + 's'}"
