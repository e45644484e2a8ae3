"""Which IAM actions each principal has called, since the lab's start.

Only requests that were sent: what a service asks of a role by itself (`lab.cloud.identity.allows`) is no call.
"""

from __future__ import annotations

import threading
from collections import defaultdict

_lock = threading.Lock()
_seen: dict[str, set[str]] = defaultdict(set)


def record(principal_arn: str, action: str) -> None:
    """Note one request, refused ones too."""
    with _lock:
        _seen[_name(principal_arn)].add(action)


def state() -> dict[str, list[str]]:
    """The actions by principal: `root`, `user/<name>` or `assumed-role/<role>/<session>`.

    A function's own session has the function's name, the one in which Lambda reads its stream another.
    """
    with _lock:
        return {principal: sorted(actions) for principal, actions in sorted(_seen.items())}


def _name(principal_arn: str) -> str:
    return principal_arn.split(":", 5)[5]
