"""Alarms read back through the Query protocol.

AWS: DescribeAlarms answers every setting of an alarm, in each of its protocols.
ministack: its XML leaves out description, dimensions, period, statistic and others, so that
Terraform, which reads XML, plans every alarm anew. And it forgets the metrics of an alarm over an
expression (PutMetricAlarm, `Metrics`), for which it makes up a statistic and a period. Kept as the service model has
them (MetricDataQueries), they are answered in each protocol: boto3 reads JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import cloudwatch

from lab.cloud.patching import private, replace

PLAIN = ("AlarmDescription", "Statistic", "ExtendedStatistic", "Period", "Unit", "TreatMissingData")
LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")
TYPES: Mapping[str, Callable[[str], Any]] = {"Period": int, "ReturnData": lambda text: text == "true"}
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Complete the XML of DescribeAlarms."""

    def describe(*arguments: Any, **keywords: Any) -> Answer:
        status, headers, body = original(*arguments, **keywords)
        if body.lstrip().startswith(b"<") and status == 200:
            text = re.sub(r"<member><AlarmName>(.*?)</AlarmName>", _completed, body.decode())
            body = re.sub(r"<(MetricName|Namespace)>None</\1>", "", text).encode()
        return status, headers, body

    def put(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        answer: Answer = kept(params, data, is_cbor, is_json)
        name, metrics = data.get("AlarmName"), data.get("Metrics")
        if not is_cbor and not is_json:
            name, metrics = params["AlarmName"][0], _metrics(params)
        alarm = private(cloudwatch, "_alarms").get(name) if metrics else None
        if alarm is not None:
            alarm["Metrics"] = metrics
            alarm.update(dict.fromkeys(("MetricName", "Namespace", "Period", "Statistic")))
        return answer

    original = replace(cloudwatch, "_describe_alarms", describe)
    kept = replace(cloudwatch, "_put_metric_alarm", put)


def _metrics(params: Mapping[str, Sequence[str]]) -> list[Any]:
    """The parameters `Metrics.member.1.Id` and so on of the Query protocol, as a list with the model's types."""
    root: dict[str, Any] = {}
    for name, (value, *_) in params.items():
        if name.startswith("Metrics.member."):
            *path, last = name.split(".")
            node = root
            for step in path:
                node = node.setdefault(step, {})
            node[last] = TYPES.get(last, str)(value)
    return list(_listed(root.get("Metrics", [])))


def _listed(tree: Any) -> Any:
    """The members `member.1`, `member.2`, … of a tree as lists."""
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {"member"}:
        return [_listed(tree["member"][number]) for number in sorted(tree["member"], key=int)]
    return {name: _listed(value) for name, value in tree.items()}


def _xml(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<member>{_xml(each)}</member>" for each in value)
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(each)}</{name}>" for name, each in value.items())
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


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
    return "".join(parts) + f"<Dimensions>{dimensions}</Dimensions><Metrics>{_xml(alarm.get('Metrics', []))}</Metrics>"
