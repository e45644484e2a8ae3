"""Packages beside the built one, with facts that a plan takes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from lab.maven import ROOT

BUILT = ROOT / "dist/searchsync.zip"


def copied(path: Path, *, more: bytes = b"", **facts: str) -> str:
    """The path of a copy of the built package with bytes behind it; its facts, with some changed, lie beside it."""
    path.write_bytes(BUILT.read_bytes() + more)
    known = json.loads(BUILT.with_suffix(".json").read_text("utf-8"))
    mine = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **facts}
    path.with_suffix(".json").write_text(json.dumps(known | mine))
    return str(path)
