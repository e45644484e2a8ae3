"""A request that is sent again with its token.

AWS: `clientToken` of what creates, updates and deletes is a "unique, case-sensitive identifier to ensure idempotency of
the request" (service model opensearchserverless 2021-11-01): a retry of what was carried out, and not answered, gets
the answer of the first. Terraform's provider sends one, and its SDK repeats it.
ministack: carries the retry out, so a creation is refused for the name that it made itself (`ConflictException`).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import opensearchserverless

from lab.cloud.patching import private

Answer = tuple[int, dict[str, Any], Any]
KEPT = 1_000
"""Answers of an action. AWS's own time is not documented; a retry comes within seconds."""


def apply() -> None:
    """Answer a repeated request as it was answered."""
    handlers = private(opensearchserverless, "_HANDLERS")
    for action, handler in handlers.items():
        if action.startswith(("Create", "Update", "Delete")):
            handlers[action] = once(handler)


def once(handler: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    """The handler, called once for each token of an account in a region. What it refuses was not carried out."""
    answered: OrderedDict[tuple[str, str, str], tuple[dict[str, Any], Answer]] = OrderedDict()

    def handle(request: dict[str, Any]) -> Answer:
        key = (get_account_id(), get_region(), str(request.get("clientToken") or ""))
        if key in answered and answered[key][0] == request:
            return copy.deepcopy(answered[key][1])
        answer = handler(request)
        if key[-1] and answer[0] < 400:
            answered[key] = copy.deepcopy((request, answer))
            while len(answered) > KEPT:
                answered.popitem(last=False)
        return answer

    return handle
