"""How long metrics are kept, and how finely.

AWS (API reference of CloudWatch, GetMetricData and MetricStat.Period): values by the minute are kept for 15 days, by
five minutes for 63, by the hour for 455. A question whose StartTime lies further back must have a period that is a
multiple of the next one, "or no data points in that time range is returned".
ministack: forgets everything after two weeks, and answers any period.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch

from lab.cloud.patching import private, replace

DAY = 24 * 3600
KEPT = ((300, 15 * DAY), (3600, 63 * DAY))
"""Seconds: what a period is a multiple of, where the start lies further back than so much."""
LONGEST = 455 * DAY
Asked = dict[str, Any]


def apply() -> None:
    """Keep metrics as long as CloudWatch does, and answer no question that is too fine for its age."""
    replace(cloudwatch, "TWO_WEEKS_SECONDS", LONGEST)
    for name in ("_get_metric_statistics", "_get_metric_data"):
        _aged(name)


def _aged(name: str) -> None:
    def answer(params: Any, asked: Any, *rest: Any) -> Any:
        return original(params, {**asked, "StartTime": asked["EndTime"]} if _too_fine(asked) else asked, *rest)

    original = replace(cloudwatch, name, answer)


def _too_fine(asked: Asked | None) -> bool:
    """Of GetMetricData, where a question of several is. A Query client's members are not in `asked`: ours send CBOR."""
    start = private(cloudwatch, "_parse_ts")((asked or {}).get("StartTime"))
    if asked is None or start is None:
        return False
    queries = [each["MetricStat"] for each in asked.get("MetricDataQueries", ()) if "MetricStat" in each]
    age = time.time() - start
    return any(each["Period"] % period for each in queries or [asked] for period, kept in KEPT if age > kept)
