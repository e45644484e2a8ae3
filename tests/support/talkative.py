"""Answers of the collection, the table and the queue that quote what they were sent, each as talkative as it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from searchsync.protocol.version import read_version, stream_version
from searchsync.sync.delivery import PROBE_PREFIX
from tests.support.events import NOW, TABLE_ARN
from tests.support.stub_services import INDEX_MADE_BY_US, Answer, Reply

KEY, VALUE, NAME = "KEYMARK", "VALUEMARK", "NAMEMARK"
"""What a key, another attribute's value and an attribute's name hold in every example."""


def quoting(status: int, error_type: str, body: str) -> dict[str, Any]:
    return {"status": status, "error": {"type": error_type, "reason": f"failed: {body}", "caused_by": {"reason": body}}}


def items(body: str, answer: Callable[[str], dict[str, Any]]) -> Reply:
    """A bulk answer with `answer` for each write."""
    operations = [next(iter(line)) for line in map(json.loads, body.split("\n")[:-1]) if is_action(line)]
    return Reply(200, {"errors": True, "items": [{operation: answer(operation)} for operation in operations]})


def is_action(line: Any) -> bool:
    return isinstance(line, dict) and any("version_type" in value for value in line.values() if isinstance(value, dict))


def bulk(answer: Callable[[str], Reply]) -> Answer:
    """A collection that gives this answer to bulk requests, a table and a queue that work."""

    def respond(asked: str, body: str) -> Reply:
        if asked == "_bulk":
            return answer(body)
        return working(asked, body)

    return respond


def working(asked: str, body: str) -> Reply:
    if asked == "_mapping":
        return Reply(200, INDEX_MADE_BY_US)
    if asked == "BatchGetItem":
        keys = json.loads(body)["RequestItems"][TABLE_ARN]["Keys"]
        return Reply(200, {"Responses": {TABLE_ARN: [{**key, NAME: {"S": VALUE}} for key in keys]}})
    if asked == "SendMessageBatch":
        entries = json.loads(body)["Entries"]
        return Reply(200, {"Successful": [{"Id": each["Id"], "MessageId": "m"} for each in entries], "Failed": []})
    if asked == "_bulk":
        return items(body, lambda _operation: {"status": 201})
    return Reply(200, {"docs": [{"_id": each["_id"], "found": False} for each in json.loads(body)["docs"]]})


def conflict(version: int | None) -> Callable[[str], Reply]:
    said = "" if version is None else f", current version [{version}] is higher"

    def respond(body: str) -> Reply:
        return items(body, lambda _: quoting(409, "version_conflict_engine_exception", f"[{body}]{said}"))

    return respond


def table_that(reply: Callable[[str], Reply]) -> Answer:
    """Conflicts, so that the table is asked, and what it says then."""

    def respond(asked: str, body: str) -> Reply:
        if asked == "BatchGetItem":
            return reply(body)
        return conflict(stream_version(NOW, 1))(body) if asked == "_bulk" else working(asked, body)

    return respond


def queue_that(reply: Callable[[str], Reply]) -> Answer:
    """Poison, so that the queue is needed, and what it says then."""

    def respond(asked: str, body: str) -> Reply:
        if asked == "SendMessageBatch":
            return reply(body)
        poison = items(body, lambda _: quoting(400, "mapper_parsing_exception", body)) if asked == "_bulk" else None
        return poison or working(asked, body)

    return respond


def index_that(reply: Callable[[str], Reply]) -> Answer:
    def respond(asked: str, body: str) -> Reply:
        return reply(body) if asked == "_mapping" else working(asked, body)

    return respond


ANSWERS: dict[str, Answer] = {
    "done": working,
    "done with a warning": bulk(
        lambda body: Reply(
            200,
            items(body, lambda _: {"status": 200}).body,
            {"warning": f'299 OpenSearch-2.19 "{VALUE}, {KEY}"'},
        )
    ),
    "poison": bulk(lambda body: items(body, lambda _: quoting(400, "mapper_parsing_exception", body))),
    "poison of a type that quotes": bulk(lambda body: items(body, lambda _: quoting(400, f"{VALUE}\n{KEY}", body))),
    "too large": bulk(
        lambda body: (
            items(body, lambda _: {"status": 200}) if PROBE_PREFIX in body else Reply(413, quoting(413, "", body))
        )
    ),
    "every request too large": bulk(lambda body: Reply(413, quoting(413, "", body))),
    "refused": bulk(lambda body: Reply(400, quoting(400, "parse_exception", body))),
    "busy": bulk(lambda body: Reply(429, quoting(429, "circuit_breaking_exception", body))),
    "busy in a type that quotes": bulk(lambda body: Reply(503, quoting(503, f"{VALUE} {KEY}", body))),
    "busy with our own type": bulk(lambda body: items(body, lambda _: quoting(503, "resync_failed", body))),
    "not JSON": bulk(lambda body: Reply(200, body.encode("utf-8", "surrogatepass"))),
    "an error that is not JSON": bulk(lambda body: Reply(502, body.encode("utf-8", "surrogatepass"))),
    "stack": bulk(lambda body: Reply(403, quoting(403, "security_exception", body))),
    "stack in a type that quotes": bulk(lambda body: Reply(403, quoting(403, f"\x1b[0m\n{VALUE}{KEY}", body))),
    "a redirection": bulk(lambda body: Reply(307, quoting(307, "", body), {"location": f"/{VALUE}?{KEY}"})),
    "items that do not fit": bulk(lambda body: Reply(200, {"items": [body]})),
    "conflict with an older one": bulk(conflict(stream_version(NOW, 1))),
    "conflict with a table read": bulk(conflict(read_version(NOW + 15, 10))),
    "conflict from the future": bulk(conflict(stream_version(NOW + 3_600, 1))),
    "conflict without a version": bulk(conflict(None)),
    "no index": bulk(lambda body: Reply(404, quoting(404, "index_not_found_exception", body))),
    "an index of somebody else": index_that(lambda _: Reply(200, {KEY: {"mappings": {VALUE: 1}}})),
    "an index that is refused": index_that(lambda body: Reply(405, quoting(405, f"{VALUE}\n", body + VALUE))),
    "a table that refuses": table_that(
        lambda body: Reply(400, {"__type": f"x#{VALUE}\n{KEY}", "message": f"not this: {body}"})
    ),
    "a table that is busy": table_that(lambda body: Reply(200, {"UnprocessedKeys": json.loads(body)["RequestItems"]})),
    "a table without the key": table_that(
        lambda body: Reply(200, {"Responses": {TABLE_ARN: [{NAME: {"S": f"{VALUE} {body}"}}]}})
    ),
    "a table whose answer is not JSON": table_that(lambda body: Reply(200, body.encode())),
    "a queue that refuses all": queue_that(
        lambda body: Reply(400, {"__type": f"x#{VALUE}\n{KEY}", "message": f"not this: {body}"})
    ),
    "a queue that refuses each": queue_that(
        lambda body: Reply(
            200,
            {
                "Failed": [
                    {"Id": each["Id"], "Code": f"{VALUE} {KEY}", "Message": body, "SenderFault": True}
                    for each in json.loads(body)["Entries"]
                ]
            },
        )
    ),
}
"""Every kind of answer, each as talkative as it can be."""
