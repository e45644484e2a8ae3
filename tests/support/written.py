"""What the module's Terraform files say: their blocks, and the arguments that they write, by resource type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2

META = frozenset({"count", "for_each", "provider", "depends_on", "lifecycle"})
"""Members of a resource that are Terraform's own ("Meta-Arguments")."""
BUILT_IN = "terraform_data"
"""Terraform's own resource: nothing of AWS."""


def blocks(path: Path) -> dict[str, Any]:
    """A file's blocks, without hcl2's own members and quotes."""
    found: dict[str, Any] = _unquoted(hcl2.loads(path.read_text("utf-8")))
    return found


def named(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Blocks of one kind, by name."""
    return {name: body for block in found for name, body in block.items()}


def _unquoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _unquoted(each) for key, each in value.items() if not key.startswith("__")}
    return [_unquoted(each) for each in value] if isinstance(value, list) else value


def arguments(folders: Iterator[Path]) -> dict[str, set[str]]:
    """What a plan sets, as against what AWS answers: dotted paths by resource type. Those of a nested block stand
    behind its name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for folder in folders:
        for path in sorted(folder.glob("*.tf")):
            for block in hcl2.loads(path.read_text("utf-8")).get("resource", []):
                for kind, named in block.items():
                    if _plain(kind) == BUILT_IN:
                        continue
                    for body in named.values():
                        found[_plain(kind)].update(_written(body, ""))
    return dict(found)


def _written(body: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for raw, value in body.items():
        name = _plain(raw)
        if name.startswith("__") or (not prefix and name in META):
            continue
        if name == "dynamic":
            for each in value:
                for block, content in each.items():
                    for inner in content["content"]:
                        yield from _written(inner, f"{prefix}{_plain(block)}.")
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for each in value:
                yield from _written(each, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _plain(name: str) -> str:
    return name.strip('"')
