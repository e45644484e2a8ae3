"""What a run compares, by names that no other has: a verdict holds for these, and falls when one changes.

An index has two: the engine's own UUID, in its settings, and the mark that we put into its mapping. One that is
made anew has others, and whichever of the two a collection shows tells. Pure, but for `Looker`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opensearchpy.client.client import Client

from searchsync import PACKAGE
from searchsync.clock import Backoff, Deadline
from searchsync.config import Config
from searchsync.documents.index import Owner, holder, mark_in
from searchsync.edges.collection import perform
from searchsync.errors import CollectionBusyError, StackError
from searchsync.limits import REQUEST_TIMEOUT, SHORTEST_REQUEST
from searchsync.protocol.bulk import Kind, classify_request
from searchsync.reconcile.prepare import TableFacts
from searchsync.reconcile.reader import lacks_shards

SOURCES = Path(__file__).parents[1]
DOCUMENTS = ("condition", "document", "fields", "index", "operators", "shape", "transform", "values")
CONVERSION = (*(f"documents/{name}.py" for name in DOCUMENTS), "edges/wire.py", "packed.py")
"""The modules that decide what an item's document is, and when the two agree."""


@dataclass(frozen=True, slots=True)
class Index:
    """The index as a look found it. state: there, missing, unowned (not this stack's) or unasked.

    owner: whose an unowned one is, as `index.adopt` names it; created: Unix seconds; documents: as a search counts
    them. None: unknown, or not asked.
    """

    state: str
    uuid: str | None = None
    mark: str | None = None
    created: float | None = None
    documents: int | None = None
    owner: str | None = None


UNASKED = Index("unasked")


def saw(config: Config, table: TableFacts, index: Index) -> dict[str, Any]:
    """What a run's result names. collection: its endpoint's host, which begins with the collection's id (developer
    guide, "Collection endpoints for Amazon OpenSearch Serverless")."""
    return {
        "collection": urlsplit(config.host).netloc,
        "index": config.index,
        "index_uuid": index.uuid,
        "index_mark": index.mark,
        "table_id": table.id,
        "stream_arn": config.stream_arn,
        "mapping": _digest(json.dumps(config.mapping, sort_keys=True).encode()),
        "shape": _digest(repr((config.shape, config.when, *_of_its_own(config))).encode()),
        "conversion": conversion(),
        "package": PACKAGE,
    }


def _of_its_own(config: Config) -> tuple[object, ...]:
    """The transform's digest, and by which attribute what expired is kept; nothing where there is neither."""
    made = () if config.transform is None else (config.transform.digest,)
    return (*made, {"keep_expired": config.keep_expired}) if config.keep_expired else made


def conversion() -> str:
    """A digest of the rules by which items become documents, from their sources in the package."""
    return _digest(b"".join((SOURCES / name).read_bytes() for name in CONVERSION))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of what is another now, where both are known. A package of the same rules is no other."""
    known = ((name, value, now.get(name)) for name, value in before.items() if name != "package")
    return [name for name, value, other in known if None not in (value, other) and value != other]


def index_in(described: Any, counted: Any, own: Owner) -> Index:
    """The index in the answers of GET /<index> and its _count. The first's one member is named by the index, also
    where an alias was asked."""
    mark = mark_in(described)
    uuid = _member(described, "settings", "index", "uuid")
    documents = counted.get("count") if isinstance(counted, Mapping) else None
    ours = mark is not None and mark.owner == own
    return Index(
        state="there" if ours else "unowned",
        uuid=str(uuid) if uuid else None,
        mark=mark.text if mark else None,
        created=(mark.created if mark else 0.0) or None,
        documents=None if documents is None else int(documents),
        owner=None if ours else holder(mark),
    )


def _member(described: Any, *names: str) -> Any:
    try:
        (found,) = described.values()
        for name in names:
            found = found[name]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return found


@dataclass(frozen=True)
class Looker:
    """Asks the collection for its index: an edge."""

    client: Client
    index: str
    owner: Owner
    backoff: Backoff

    def look(self, deadline: Deadline) -> Index:
        """The index now. Raises CollectionBusyError when the time does not suffice, StackError where it is refused."""
        described = self._ask(f"/{self.index}", deadline)
        if described is None:
            return Index("missing")
        counted = self._ask(f"/{self.index}/_count", deadline)
        return Index("missing") if counted is None else index_in(described, counted, self.owner)

    def _ask(self, path: str, deadline: Deadline) -> Any:
        """The body of the answer, None where there is no index."""
        attempt = 0
        while True:
            timeout = min(REQUEST_TIMEOUT, deadline.remaining())
            response = perform(self.client, "GET", path, body=None, timeout=timeout, headers={})
            answer = classify_request(response)
            if answer.kind is Kind.NO_INDEX:
                return None
            partial = isinstance(response.body, Mapping) and lacks_shards(response.body)
            if answer.kind is Kind.DONE and not partial:
                return response.body
            if answer.kind not in (Kind.DONE, Kind.BUSY):
                raise StackError(
                    f"The collection refused to describe the index: {answer.status} {answer.error_type}. Check the "
                    "data access policy (aoss:DescribeIndex and aoss:ReadDocument on this index for the run "
                    "function's role)."
                )
            if not self.backoff.pause(attempt, deadline, SHORTEST_REQUEST):
                raise CollectionBusyError("The collection was too busy to say what its index is.")
            attempt += 1


def looked(config: Config, table: TableFacts, index: Index) -> dict[str, Any]:
    """The answer to a look: what a run begun now would see."""
    return {"saw": saw(config, table, index), "index": asdict(index), "table_created": table.created}
