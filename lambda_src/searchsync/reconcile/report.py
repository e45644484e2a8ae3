"""Where a run says what it found: differences as JSON lines to S3 or the log, counts as metrics. Edges."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync import PACKAGE
from searchsync.config import Config
from searchsync.errors import StackError
from searchsync.limits import TOLD_EVERY
from searchsync.reconcile.slices import Slice
from searchsync.reconcile.verify import Difference
from searchsync.sanitize import code_of
from searchsync.sync.metrics import embedded, signal

UNITS = {
    "RunItems": "Count",
    "RunWritten": "Count",
    "RunPoison": "Count",
    "Repaired": "Count",
    "Differences": "Count",
    "RunSucceeded": "Count",
    "RollingAge": "Seconds",
}
"""Every metric of a run, with its CloudWatch unit."""


def call_line(counts: Mapping[str, int], config: Config, now: float, facts: Mapping[str, Any]) -> str:
    """The log line of one call: what it counted, as metrics too."""
    values = {
        "RunItems": counts.get("items", 0) + counts.get("documents", 0),
        "RunWritten": counts.get("written", 0),
        "RunPoison": counts.get("poison", 0),
        "Repaired": counts.get("repaired", 0),
        "RunSucceeded": 0,
    }
    line = embedded(values, UNITS, config, now) | {"level": "INFO", "package": PACKAGE}
    return _text(line | {**facts, "counts": dict(counts)})


def result_line(differences: int | None, config: Config, now: float, result: Mapping[str, Any]) -> str:
    """The log line of a whole run. `differences`, None of a backfill, becomes the metric of the drift alarm."""
    values = {"RunSucceeded": 1} | ({} if differences is None else {"Differences": differences})
    level = "ERROR" if result.get("in_step") is False else "INFO"
    return _text(embedded(values, UNITS, config, now) | {"level": level, "result": dict(result)})


def rolling_line(done: Slice, config: Config, now: float) -> str:
    """The log line of a call of the rolling verification that came to its end, whether something was due or not, or
    that failed behind what it had found."""
    values = ({} if done.age is None else {"RollingAge": round(done.age)}) | (
        {} if done.differences is None else {"Differences": done.differences}
    )
    told = {"parts": done.parts} | ({"gave_way": done.gave_way} if done.gave_way else {})
    level = "ERROR" if done.differences else "INFO"
    return _text(embedded(values, UNITS, config, now) | {"level": level, "rolling": told})


def settled_lines(functions: Iterable[str], config: Config, now: float) -> list[str]:
    """Log lines that end the alarms `repair-needed` of functions: the functions themselves never say that none is."""
    return [_text(signal(0, config, now, each) | {"level": "INFO"}) for each in functions]


def difference_lines(differences: Iterable[Difference], run: str, hashed: bool) -> list[str]:
    """Differences as JSON text, a line each. `hashed`: ids by their SHA-256, and no keys."""
    return [
        _text(
            {
                "run": run,
                "id": sha256(each.id.encode("utf-8", "surrogatepass")).hexdigest() if hashed else each.id,
                "key": None if hashed else each.keys,
                "kind": each.kind.value,
                "attributes": list(each.attributes),
            }
        )
        for each in differences
    ]


class Reports:
    """Writes differences: to a bucket, or to the log where there is none."""

    def __init__(self, s3: Any, bucket: str | None, config: Config, emit: Callable[[str], None]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._config = config
        self._emit = emit
        self._told_at = -math.inf

    def tell(self, run: str, name: str, counts: Mapping[str, int], now: float) -> None:
        """Say how far a call is, now and then: `counts` since its beginning. `now`: seconds of a monotonic clock."""
        if now < self._told_at + TOLD_EVERY:
            return
        self._told_at = now
        seen = {each: counts.get(each, 0) for each in ("items", "documents")}
        self._emit(_text({"run": run, "under_way": {"part": name, **seen}}))

    def write(self, run: str, name: str, differences: Iterable[Difference]) -> None:
        """Write a call's differences; a repeated call writes the same object again.

        Raises StackError where S3 refuses it.
        """
        lines = difference_lines(differences, run, self._config.hash_keys_in_log and self._bucket is None)
        if not lines:
            return
        if self._bucket is None:
            for line in lines:
                self._emit(line)
            return
        try:
            body = "".join(f"{line}\n" for line in lines).encode()
            self._s3.put_object(Bucket=self._bucket, Key=f"{run}/{name}.jsonl", Body=body)
        except (ClientError, BotoCoreError) as error:
            raise StackError(
                f"The report bucket {self._bucket} refused an object: {code_of(error)}. Check "
                "`reconciliation.report_bucket` (s3:PutObject for the reconcile function's role, and its KMS key)."
            ) from error

    def place(self, run: str) -> str | None:
        """Where a run's differences lie, None for the log."""
        return None if self._bucket is None else f"s3://{self._bucket}/{run}/"


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
