"""Dashboards that CloudWatch refuses, whose they are, and their bodies in XML.

AWS: PutDashboard answers InvalidParameterInput with what is wrong and where (API reference,
DashboardInvalidInputError). What is refused says lab/cloud/dashboards.py, with its sources. GetDashboard escapes the
body, as XML must. "All dashboards in your account are global, not region-specific" (API reference, PutDashboard).
ministack: takes any name and any body, puts the body into the XML as it is, and has other dashboards in each region.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import AccountScopedDict
from ministack.services import cloudwatch

from lab.cloud.dashboards import NAME, Fault, diagnose
from lab.cloud.patching import private, replace

Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Refuse them, keep them by account alone, and escape what is read back."""

    def put(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        def member(name: str) -> str:
            return str(data.get(name, "") if is_cbor or is_json else private(cloudwatch, "_p")(params, name))

        name, wrong = member("DashboardName"), diagnose(member("DashboardBody"))
        if not NAME.fullmatch(name):
            wrong.append(Fault("/", f"the name {name!r} is not {NAME.pattern}"))
        if not wrong:
            answer: Answer = original_put(params, data, is_cbor, is_json)
            return answer
        said = f"The dashboard is invalid, there are {len(wrong)} validation errors: {'; '.join(map(str, wrong))}"
        refused: Answer = private(cloudwatch, "_error")(
            "InvalidParameterInput", said, 400, use_json=is_json, use_cbor=is_cbor
        )
        return refused

    def get(*arguments: Any, **keywords: Any) -> Answer:
        status, headers, body = original_get(*arguments, **keywords)
        begin, end = b"<DashboardBody>", b"</DashboardBody>"
        if status == 200 and begin in body:
            before, _, rest = body.partition(begin)
            text, _, after = rest.rpartition(end)
            body = before + begin + escape(text.decode()).encode() + end + after
        return status, headers, body

    replace(cloudwatch, "_dashboards", AccountScopedDict())
    original_put = replace(cloudwatch, "_put_dashboard", put)
    original_get = replace(cloudwatch, "_get_dashboard", get)
