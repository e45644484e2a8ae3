"""A stage without access log.

AWS: the stage's answer has no `accessLogSettings`.
ministack: answers `{}`, which Terraform plans to remove for ever.
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from lab.cloud.patching import replace

FIELD = "accessLogSettings"


def apply() -> None:
    """Leave empty access log settings out of the answers."""

    def respond(data: Any, *rest: Any, **keywords: Any) -> Any:
        if isinstance(data, dict) and data.get(FIELD) == {}:
            data = {name: value for name, value in data.items() if name != FIELD}
        return original(data, *rest, **keywords)

    original = replace(apigateway_v1, "_v1_response", respond)
