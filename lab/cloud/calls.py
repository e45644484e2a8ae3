"""Which IAM actions each principal has called, and what of its policies allowed each role something, since the start.

Calls are only requests that were sent: what a service asks of a role by itself (`lab.cloud.identity.allows`) is none.
What allowed something is noted in both cases, of a collection's data access policies too.
"""

from __future__ import annotations

import threading
from collections import defaultdict

_lock = threading.Lock()
_seen: dict[str, set[str]] = defaultdict(set)
_granted: dict[str, set[tuple[str, str]]] = defaultdict(set)


def record(principal_arn: str, action: str) -> None:
    """Note one request, refused ones too."""
    with _lock:
        _seen[_name(principal_arn)].add(action)


def grant(principal_arn: str, action: str, resource: str) -> None:
    """Note by which action and resource of a policy something was allowed; roles' sessions alone."""
    kind, _, rest = principal_arn.rpartition(":")[2].partition("/")  # a service has no ARN
    if kind == "assumed-role":
        with _lock:
            _granted[rest.partition("/")[0]].add((action, resource))


def granted() -> dict[str, list[tuple[str, str]]]:
    """The pairs of action and resource by role, as its policies have them."""
    with _lock:
        return {role: sorted(found) for role, found in sorted(_granted.items())}


def state() -> dict[str, list[str]]:
    """The actions by principal: `root`, `user/<name>` or `assumed-role/<role>/<session>`.

    A function's own session has the function's name, the one in which Lambda reads its stream another.
    """
    with _lock:
        return {principal: sorted(actions) for principal, actions in sorted(_seen.items())}


def _name(principal_arn: str) -> str:
    return principal_arn.split(":", 5)[5]
