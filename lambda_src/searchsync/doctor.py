"""What the sync function's own role may do, asked for `searchsync doctor`: an edge.

Loaded only when it is asked: `{"searchsync": "doctor", "view": ""}` is no event of a trigger, which has
`Records` alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from searchsync.config import Config
from searchsync.documents.document import OWN_PREFIX
from searchsync.documents.index import holder, mark_in
from searchsync.edges.calls import INVOCATION
from searchsync.edges.collection import JSON, NDJSON, bulk_path, connect, perform
from searchsync.entry import connect_edges, sign
from searchsync.limits import PROBE_TIMEOUT, RESERVE
from searchsync.protocol.bulk import Answer, Kind, Response, Write, classify_items, classify_request, lines
from searchsync.sanitize import code_of

NO_ITEM = f"{OWN_PREFIX}doctor"
"""A document id that no item can have: what follows the prefix in an item's id are hex digits."""
SEEN = "ok"


def said(answer: Answer) -> str:
    """An answer in a word that quotes no item: ok, conflict, or status and type."""
    if answer.kind in (Kind.DONE, Kind.CONFLICT):
        return SEEN if answer.kind is Kind.DONE else answer.kind.value
    return f"{answer.status or 'no answer'} {answer.error_type}".strip()


def item_answers(writes: tuple[Write, ...], response: Response) -> list[Answer]:
    """The answer to each write: its own, or the whole request's where that was refused."""
    whole = classify_request(response)
    items = classify_items(writes, response.body) if whole.kind is Kind.DONE else None
    return items or [whole if whole.kind is not Kind.DONE else Answer(Kind.BUSY, None)] * len(writes)


def examine_role(table: Config, environment: Mapping[str, str], view: str = "") -> dict[str, Any]:
    """How the function's own calls for a view are answered, by what they need. Nothing is changed: the deletion is of
    an id that no item can have, and is not sent where the index is missing, since it would make it, or another
    stack's. Of several views the deletion goes as a batch's do, by an action that names its index."""
    config = next((each for each in table.every if each.view == view), None)
    if config is None:
        return {"describe": "the function does not know this view"}
    client = connect(config, sign(environment, config.region))
    write = Write(NO_ITEM, 1, None, config.index if table.views else "")
    at = f"/{config.index}"

    def ask(method: str, path: str, body: bytes | None, headers: Mapping[str, str] = JSON) -> Response:
        seconds = INVOCATION.at_most(PROBE_TIMEOUT, RESERVE)
        return perform(client, method, path, body=body, timeout=seconds, headers=headers)

    response = ask("GET", f"{at}/_mapping", None)
    described = classify_request(response)
    asked = {"describe": said(described)}
    if described.kind is Kind.DONE:
        mark = mark_in(response.body)
        asked["owner"] = SEEN if mark is not None and mark.owner == config.owner else holder(mark)
    if asked.get("owner") == SEEN:
        ids = json.dumps({"docs": [{"_id": NO_ITEM, "_source": False}]}).encode()
        asked["read"] = said(classify_request(ask("GET", f"{at}/_mget", ids)))
        bulk = bulk_path("" if write.index else config.index)
        (answer,) = item_answers((write,), ask("POST", bulk, lines(write), NDJSON))
        # A conflict is with the tombstone of a doctor of the last minute: the deletion was judged, and so allowed.
        asked["write"] = SEEN if answer.kind is Kind.CONFLICT else said(answer)
    keys = {name: {"S": NO_ITEM[:63]} for name in config.key_attributes}
    try:
        dynamodb = connect_edges(config, environment).client("dynamodb")
        dynamodb.batch_get_item(RequestItems={config.table_arn: {"Keys": [keys], "ConsistentRead": True}})
    except Exception as error:  # noqa: BLE001 - whatever it is, its code is the finding
        # A key of another type is refused after the permission was asked ("ValidationException").
        asked["table"] = SEEN if (found := code_of(error)) == "ValidationException" else found
    else:
        asked["table"] = SEEN
    return asked
