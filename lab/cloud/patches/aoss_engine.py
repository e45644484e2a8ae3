"""A collection's data plane without containers, and its end.

AWS: a collection is ACTIVE when its endpoint serves it; the endpoint goes away with it. A deleted one is DELETING for
a while (service model opensearchserverless 2021-11-01, `DeleteCollectionDetail.status`): it is still listed, and its
name is taken (`ConflictException`: "a resource with the same name already exists"; a second deletion "when the
resource is not in the ACTIVE, FAILED, or UPDATE_FAILED state").
ministack: starts an OpenSearch container, and its endpoint `<id>.<region>.aoss.localhost` does not
resolve everywhere; a deletion is over before it is answered. Here: the lab's engine behind a gate of its own,
`http://127.0.0.1:<port>`, and a deletion takes `DELETING_SECONDS`.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import opensearchserverless

from lab.cloud.collections import Collections
from lab.cloud.patching import private, replace

DELETING_SECONDS = 1.0
"""AWS's own time is not documented."""


def apply(collections: Collections) -> None:
    """Serve collections through `collections`."""

    def provision(record: dict[str, Any]) -> None:
        # ministack hands this id to _remove_container when the collection is deleted.
        record["_ContainerId"] = record["id"]
        record["status"] = "ACTIVE"

    def no_docker() -> None:
        return None

    def delete(data: dict[str, Any]) -> Any:
        known = private(opensearchserverless, "_collections")
        record = known.get(data.get("id"))
        answer = delete_at_once(data)
        record["status"] = "DELETING"
        known[record["id"]] = record
        threading.Timer(DELETING_SECONDS, _forget, (record,)).start()
        return answer

    replace(opensearchserverless, "_collection_endpoint", collections.open)
    replace(opensearchserverless, "_provision", provision)
    replace(opensearchserverless, "_remove_container", collections.close)
    replace(opensearchserverless, "_get_docker", no_docker)
    delete_at_once = replace(opensearchserverless, "_delete_collection", delete)
    # The table of actions has the function itself.
    private(opensearchserverless, "_HANDLERS")["DeleteCollection"] = delete


def _forget(record: dict[str, Any]) -> None:
    _, _, _, region, account, _ = record["arn"].split(":", 5)
    with request_scope(account, region):
        private(opensearchserverless, "_collections").pop(record["id"], None)
