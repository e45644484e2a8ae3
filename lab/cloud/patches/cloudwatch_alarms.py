"""Alarms read back through the Query protocol.

AWS: DescribeAlarms answers every setting of an alarm, in each of its protocols.
ministack: its XML leaves out description, dimensions, period, statistic and others, so that
Terraform, which reads XML, plans every alarm anew. And it forgets the metrics of an alarm over an
expression (PutMetricAlarm, `Metrics`), for which it makes up a statistic and a period.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import cloudwatch

from lab.cloud.patching import private, replace

PLAIN = ("AlarmDescription", "Statistic", "ExtendedStatistic", "Period", "Unit", "TreatMissingData")
LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Complete the XML of DescribeAlarms."""

    def describe(*arguments: Any, **keywords: Any) -> Answer:
        status, headers, body = original(*arguments, **keywords)
        if body.lstrip().startswith(b"<") and status == 200:
            text = re.sub(r"<member><AlarmName>(.*?)</AlarmName>", _completed, body.decode())
            body = re.sub(r"<(MetricName|Namespace)>None</\1>", "", text).encode()
        return status, headers, body

    def put(params: Any, *arguments: Any) -> Answer:
        answer: Answer = kept(params, *arguments)
        metrics = _tree({name: value for name, value in params.items() if name.startswith("Metrics.member.")})
        alarm = private(cloudwatch, "_alarms").get(params["AlarmName"][0]) if metrics else None
        if alarm is not None:
            alarm["Metrics"] = metrics["Metrics"]
            alarm.update(dict.fromkeys(("MetricName", "Namespace", "Period", "Statistic")))
        return answer

    original = replace(cloudwatch, "_describe_alarms", describe)
    kept = replace(cloudwatch, "_put_metric_alarm", put)


def _tree(params: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The parameters `a.member.1.b` of the Query protocol as a tree: {a: {member.1: {b: …}}}."""
    root: dict[str, Any] = {}
    for name, (value, *_) in sorted(params.items()):
        *path, last = re.sub(r"\.member\.(\d+)", r".member-\1", name).split(".")
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node[last] = value
    return root


def _xml(tree: Any) -> str:
    if not isinstance(tree, dict):
        return escape(str(tree))
    names = ((name.partition("-")[0], value) for name, value in tree.items())
    return "".join(f"<{name}>{_xml(value)}</{name}>" for name, value in names)


def _completed(found: re.Match[str]) -> str:
    alarm = private(cloudwatch, "_alarms").get(unescape(found[1]))
    return found[0] if alarm is None else found[0] + _settings(alarm)


def _settings(alarm: dict[str, Any]) -> str:
    enabled = str(bool(alarm.get("ActionsEnabled", True))).lower()
    parts = [f"<ActionsEnabled>{enabled}</ActionsEnabled>"]
    parts += [f"<{name}>{escape(str(alarm[name]))}</{name}>" for name in PLAIN if alarm.get(name) is not None]
    for name in LISTS:
        members = "".join(f"<member>{escape(each)}</member>" for each in alarm.get(name) or [])
        parts.append(f"<{name}>{members}</{name}>")
    dimensions = "".join(
        f"<member><Name>{escape(each['Name'])}</Name><Value>{escape(each['Value'])}</Value></member>"
        for each in alarm.get("Dimensions") or []
    )
    return "".join(parts) + f"<Dimensions>{dimensions}</Dimensions><Metrics>{_xml(alarm.get('Metrics', {}))}</Metrics>"
