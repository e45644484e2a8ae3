"""Calls one of the stack's functions and waits for its answer: an edge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from searchsync_cli.aws import Aws
from searchsync_cli.errors import AwsError, CliError
from searchsync_cli.stack import OLD_MODULE


def invoked(aws: Aws, function: str, event: Mapping[str, Any], what: str, remedy: str) -> Mapping[str, Any]:
    """The answer of a function; it is called once. Raises CliError: `what` names the function in it."""
    try:
        answer = aws.invoker().invoke(FunctionName=function, Payload=json.dumps(event).encode())
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise CliError(f"There is no function {function}.", OLD_MODULE) from error
        raise
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer or not isinstance(payload, dict):
        said = payload.get("errorMessage") if isinstance(payload, dict) else payload
        raise CliError(f"{what} failed: {str(said)[:1000]}", remedy)
    return payload
