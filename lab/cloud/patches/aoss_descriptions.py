"""Descriptions that were never given.

AWS: the answer has no `description`.
ministack: answers `""`, which Terraform reports as an inconsistent result and plans anew for ever.
"""

from __future__ import annotations

from typing import Any

from ministack.services import opensearchserverless

from lab.cloud.patching import replace


def apply() -> None:
    """Leave empty descriptions out of the answers."""
    for name in ("_policy_detail", "_collection_detail"):
        _wrap(name)


def _wrap(name: str) -> None:
    def detail(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(*arguments, **keywords)
        if not found.get("description"):
            found.pop("description", None)
        return found

    original = replace(opensearchserverless, name, detail)
