"""Policies that ask for TLS.

AWS: its endpoints are reached by TLS, so aws:SecureTransport is true.
ministack: says false, as the lab's loopback endpoint is plain HTTP, and a queue whose policy denies
insecure transport, as it should, is closed to everyone.
"""

from __future__ import annotations

from ministack import app
from ministack.core import iam_evaluator

from lab.cloud.patching import private, replace


def apply() -> None:
    """Let requests over the loopback count as secure."""

    def pin(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001
        original(source_ip, True)

    original = replace(iam_evaluator, "pin_request_origin", pin)
    if private(app, "pin_request_origin") is original:
        replace(app, "pin_request_origin", pin)
