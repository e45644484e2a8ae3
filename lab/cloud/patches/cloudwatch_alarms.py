"""Alarms read back through the Query protocol.

AWS: DescribeAlarms answers every setting of an alarm, in each of its protocols.
ministack: its XML leaves out description, dimensions, period, statistic and others, so that
Terraform, which reads XML, plans every alarm anew.
"""

from __future__ import annotations

import re
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
            body = text.encode()
        return status, headers, body

    original = replace(cloudwatch, "_describe_alarms", describe)


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
    return "".join(parts) + f"<Dimensions>{dimensions}</Dimensions>"
