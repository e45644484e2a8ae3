"""A collection's data plane without containers.

AWS: a collection is ACTIVE when its endpoint serves it; the endpoint goes away with it.
ministack: starts an OpenSearch container, and its endpoint `<id>.<region>.aoss.localhost` does not
resolve everywhere. Here: the lab's engine behind a gate of its own, `http://127.0.0.1:<port>`.
"""

from __future__ import annotations

from typing import Any

from ministack.services import opensearchserverless

from lab.cloud.collections import Collections
from lab.cloud.patching import replace


def apply(collections: Collections) -> None:
    """Serve collections through `collections`."""

    def provision(record: dict[str, Any]) -> None:
        # ministack hands this id to _remove_container when the collection is deleted.
        record["_ContainerId"] = record["id"]
        record["status"] = "ACTIVE"

    def no_docker() -> None:
        return None

    replace(opensearchserverless, "_collection_endpoint", collections.open)
    replace(opensearchserverless, "_provision", provision)
    replace(opensearchserverless, "_remove_container", collections.close)
    replace(opensearchserverless, "_get_docker", no_docker)
