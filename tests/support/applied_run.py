"""The run of an applied stack, made quick enough for a test; and damage for it to find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import requests

from lab.applied import Applied
from searchsync.documents.document import KEY_FIELD, index_key

REFRESH_SECONDS = 11
"""After so long a search shows what was written: the engine's refresh is 10 s, as AOSS's is."""
RECHECK_DELAY_SECONDS = "12"
"""What a search shows must be settled too."""


def settling_soon(stack: Applied) -> AbstractContextManager[None]:
    """The run with a short recheck delay, so that a test need not wait."""
    return with_environment(stack, RECHECK_DELAY_SECONDS=RECHECK_DELAY_SECONDS)


@contextmanager
def with_environment(stack: Applied, **changed: str) -> Iterator[None]:
    """The reconcile function with other variables."""
    functions, name = stack.lab.boto3_client("lambda"), stack.outputs["reconciliation_function_name"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | changed})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def damage(stack: Applied, name: str, document: dict[str, Any] | None, *, with_key: bool = True) -> None:
    """Write or delete a document past the pipeline, so that any later write of its wins."""
    url = f"{stack.lab.engine_url}/{stack.outputs['index_name']}/_doc/{name}"
    if document is None:
        requests.delete(url, timeout=10).raise_for_status()
    else:
        current = requests.get(url, timeout=10).json().get("_version", 0)
        version = {"version": current + 1, "version_type": "external"}
        document = {**document, KEY_FIELD: index_key(name)} if with_key else document
        requests.put(url, json=document, params=version, timeout=10).raise_for_status()
