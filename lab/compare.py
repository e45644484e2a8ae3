"""Whether a table and its index agree, item by item.

Items become documents by the function's own converter; documents are compared as JSON values with
every digit of their numbers, so order of members and spelling of strings do not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from searchsync.documents.document import document_id, encode
from searchsync.documents.shape import WHOLE, Rules
from searchsync.edges.wire import normalised

PAGE = 1_000
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Comparison:
    """Document ids by what is wrong with them; `items` and `documents` are the counts of both sides."""

    items: int
    documents: int
    missing: tuple[str, ...]
    orphan: tuple[str, ...]
    different: tuple[str, ...]

    @property
    def in_step(self) -> bool:
        """Whether the index is the table, every document and nothing more."""
        return not (self.missing or self.orphan or self.different)


def compare(items: Mapping[str, Any], documents: Mapping[str, Any]) -> Comparison:
    """Compare plain documents by id: what the table says, and what the index holds."""
    return Comparison(
        len(items),
        len(documents),
        tuple(sorted(items.keys() - documents.keys())),
        tuple(sorted(documents.keys() - items.keys())),
        tuple(sorted(name for name in items.keys() & documents.keys() if items[name] != documents[name])),
    )


def table_documents(dynamodb: Any, table: str, key_attributes: tuple[str, ...], rules: Rules = WHOLE) -> dict[str, Any]:
    """Every item of a table that has a document by the rules as what it should be, by document id."""
    found: dict[str, Any] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            image = normalised(item)
            name = document_id({key: image[key] for key in key_attributes}, key_attributes)
            if (document := encode(name, image, rules)) is not None:
                found[name] = exact(document.decode())
    return found


def index_documents(engine_url: str, index: str) -> dict[str, Any]:
    """Every document of an index by id, read from the engine itself; empty when there is no index."""
    return dict(_documents(engine_url, index))


def _documents(engine_url: str, index: str) -> Iterator[tuple[str, Any]]:
    with requests.Session() as session:
        session.trust_env = False
        if session.post(f"{engine_url}/{index}/_refresh", timeout=TIMEOUT_SECONDS).status_code == 404:
            return
        query: dict[str, Any] = {"size": PAGE, "sort": [{"_id": "asc"}], "query": {"match_all": {}}}
        while True:
            answer = session.post(f"{engine_url}/{index}/_search", json=query, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            hits = exact(answer.text)["hits"]["hits"]
            if not hits:
                return
            yield from ((hit["_id"], hit["_source"]) for hit in hits)
            query["search_after"] = hits[-1]["sort"]


def exact(text: str) -> Any:
    """JSON with every digit of its numbers."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
