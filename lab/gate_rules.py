"""What an OpenSearch Serverless collection lets through: the pure rules of the collection gate.

A collection is not an OpenSearch domain. The rules stand here as tables and functions of one
request, without sockets; `lab.gate` asks them. Sources:

- operations and their permissions: "Supported operations and plugins in Amazon OpenSearch
  Serverless" (developer guide, serverless-genref). What is not listed answers 404. The page lists
  GET, not POST, for `_mget`. Points in time: "Using Pit with Amazon OpenSearch Serverless" (serverless-pit).
- header `x-amz-content-sha256`, and `content-length` that must not be signed: "Signing HTTP
  requests with other clients" (serverless-clients).
- `refresh`, `refresh_interval`: "Considerations" (serverless-overview): refresh is every 10 s and
  not for the user to change. `gc_deletes` is not among what a collection takes either.
- Bodies over 10 MiB: `{"Message":"Request size exceeded 10485760 bytes"}`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote

from lab.gate_pit import indices_of

JsonObject = dict[str, Any]

DEFAULT_BODY_LIMIT = 10 * 1024 * 1024  # bytes
DEFAULT_REFRESH_INTERVAL = "10s"
FORBIDDEN_SETTINGS = ("refresh_interval", "gc_deletes")
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class GateRequest:
    """One request of a client; `target` is the path with its query as sent, header names lower."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as sent, without query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, decoded, empty values kept."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @cached_property
    def operation(self) -> Operation | None:
        """What the request does; None when a collection does not support it."""
        return _operation(self)

    @cached_property
    def items(self) -> tuple[BulkItem, ...]:
        """The items of a `_bulk`; none for anything else and for a malformed body."""
        parts = self.path.strip("/").split("/")
        if parts[-1] != "_bulk":
            return ()
        try:
            return tuple(split_bulk(self.body, unquote(parts[0]) if len(parts) > 1 else ""))
        except MalformedBulkError:
            return ()


@dataclass(frozen=True)
class GateDenied:
    """The gate's own answer to a request that the engine never sees."""

    status: int
    body: JsonObject
    rule: str

    @classmethod
    def error(cls, rule: str, status: int, kind: str, reason: str) -> GateDenied:
        """An answer in OpenSearch's own shape."""
        cause = {"type": kind, "reason": reason}
        return cls(status, {"error": {"root_cause": [cause], **cause}, "status": status}, rule)

    @classmethod
    def forbidden(cls, rule: str, reason: str = "403 Forbidden") -> GateDenied:
        """An answer as a collection gives to a caller it does not know or trust."""
        return cls(403, {"status": 403, "error": {"reason": reason, "type": "Forbidden"}}, rule)


Authorize = Callable[[GateRequest], GateDenied | None]

_INDEX = r"(?P<index>[^/_][^/]*)"
_SETTINGS = r"_settings?(?:/[^/]+)?"

# permission of the data access policy, methods, path
_OPERATIONS: tuple[tuple[str, str, str], ...] = (
    ("aoss:CreateIndex", "PUT", _INDEX),
    ("aoss:DescribeIndex", "GET HEAD", _INDEX),
    ("aoss:DescribeIndex", "GET", rf"{_INDEX}/(?:_mappings?|{_SETTINGS})"),
    ("aoss:DescribeIndex", "GET", r"_mappings?|_cat/indices"),
    ("aoss:DescribeIndex", "GET", rf"_resolve/index/{_INDEX}"),
    ("aoss:WriteDocument", "POST", rf"(?:{_INDEX}/)?_bulk"),
    ("aoss:WriteDocument", "POST", rf"{_INDEX}/_doc"),
    ("aoss:WriteDocument", "PUT DELETE", rf"{_INDEX}/_doc/[^/]+"),
    ("aoss:WriteDocument", "PUT POST", rf"{_INDEX}/_create/[^/]+"),
    ("aoss:WriteDocument", "POST", rf"{_INDEX}/_update/[^/]+"),
    ("aoss:ReadDocument", "GET HEAD", rf"{_INDEX}/_(?:doc|source)/[^/]+"),
    ("aoss:ReadDocument", "GET", rf"(?:{_INDEX}/)?_mget"),
    ("aoss:ReadDocument", "GET POST", rf"(?:{_INDEX}/)?_(?:analyze|count|field_caps|search)"),
    ("aoss:ReadDocument", "POST", rf"{_INDEX}/_search/point_in_time"),
    ("aoss:ReadDocument", "DELETE", r"_search/point_in_time"),
    ("aoss:ReadDocument", "GET DELETE", r"_search/point_in_time/_all"),
    ("aoss:ReadDocument", "GET POST", rf"{_INDEX}/_explain/[^/]+"),
    ("aoss:ReadDocument", "GET POST", rf"{_INDEX}/_rank_eval"),
    ("aoss:ReadDocument", "GET", rf"{_INDEX}/(?:_msearch|_validate/query)"),
    ("aoss:DeleteIndex", "DELETE", _INDEX),
    ("aoss:UpdateIndex", "POST PUT", rf"(?:{_INDEX}/)?_(?:mapping|setting)s?"),
    ("aoss:CreateCollectionItems", "POST", r"_aliases"),
    ("aoss:DescribeCollectionItems", "GET HEAD", rf"(?:{_INDEX}/)?_alias(?:/[^/]+)?"),
    ("aoss:DescribeCollectionItems", "GET", r"_cat/(?:aliases|templates)"),
    ("aoss:DescribeCollectionItems", "GET HEAD", r"_(?:component|index)_template(?:/[^/]+)?"),
    ("aoss:UpdateCollectionItems", "POST PUT", rf"{_INDEX}/_alias/[^/]+"),
    ("aoss:UpdateCollectionItems", "POST PUT", r"_(?:component|index)_template/[^/]+"),
    ("aoss:DeleteCollectionItems", "DELETE", rf"{_INDEX}/_alias/[^/]+"),
    ("aoss:DeleteCollectionItems", "DELETE", r"_(?:component|index)_template/[^/]+"),
)
PERMISSIONS = frozenset(permission for permission, _, _ in _OPERATIONS)
"""Those of a data access policy."""
_ROUTES = tuple(
    (permission, frozenset(methods.split()), re.compile(pattern)) for permission, methods, pattern in _OPERATIONS
)


@dataclass(frozen=True)
class Operation:
    """What a request does: the data access permission it needs, and on which indices.

    No indices: the whole collection. `name` is the API, e.g. "_bulk" or "index".
    """

    name: str
    permission: str
    indices: tuple[str, ...]


def _operation(request: GateRequest) -> Operation | None:
    path = request.path.strip("/")
    for permission, methods, pattern in _ROUTES:
        match = pattern.fullmatch(path) if request.method in methods else None
        if match is None:
            continue
        named = unquote(match.groupdict().get("index") or "")
        api = next((part for part in path.split("/") if part.startswith("_")), "index")
        indices = set(named.split(",")) if named else set()
        if request.items:
            indices = {item.index for item in request.items if item.index}
        elif api == "_search" and not named:
            indices = indices_of(request.body)
        return Operation(api, permission, tuple(sorted(indices)))
    return None


@dataclass(frozen=True)
class BulkItem:
    """One item of a `_bulk` body: its action, where it goes, and its lines as sent."""

    action: str
    index: str
    document_id: str | None
    lines: bytes
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def asks_for_alias(self) -> bool:
        """Whether the item is to be refused where its index is no alias; such an item lets no index be made."""
        return self.metadata.get("require_alias") is True and self.action != "delete"

    def without_alias(self) -> BulkItem:
        """The item without that demand."""
        metadata = {name: value for name, value in self.metadata.items() if name != "require_alias"}
        _, _, source = self.lines.partition(b"\n")
        return replace(self, metadata=metadata, lines=json.dumps({self.action: metadata}).encode() + b"\n" + source)


class MalformedBulkError(ValueError):
    """A `_bulk` body that the gate cannot split; the engine says what is wrong with it."""


def split_bulk(body: bytes, default_index: str = "") -> Iterator[BulkItem]:
    """The items of a `_bulk` body, in order. MalformedBulkError when a line is not what it should be."""
    lines = iter(body.split(b"\n"))
    for line in lines:
        if not line.strip():
            continue
        try:
            ((action, metadata),) = json.loads(line).items()
            index = metadata.get("_index", default_index)
            document_id = metadata.get("_id")
        except (ValueError, AttributeError) as error:
            raise MalformedBulkError(f"not an action line: {line[:80]!r}") from error
        raw = line + b"\n"
        if action != "delete":
            source = next(lines, None)
            if source is None:
                raise MalformedBulkError(f"no document after {line[:80]!r}")
            raw += source + b"\n"
        yield BulkItem(action, index, document_id, raw, metadata)


@dataclass(frozen=True)
class Rules:
    """A collection's rules; the settings exist so that a test need not wait 10 s for a search."""

    body_limit: int = DEFAULT_BODY_LIMIT  # bytes
    refresh_interval: str = DEFAULT_REFRESH_INTERVAL
    gc_deletes: str | None = None  # None: the engine's own (60 s), as in a collection

    def check(self, request: GateRequest) -> GateDenied | None:
        """The first rule that the request breaks, or None."""
        for rule in _RULES:
            denied = rule(self, request)
            if denied is not None:
                return denied
        return None

    def index_body(self, body: bytes) -> bytes:
        """The body of an index creation with the settings that the collection decides."""
        created = json.loads(body) if body.strip() else {}
        settings = flat_settings(created.pop("settings", {}))
        settings["refresh_interval"] = self.refresh_interval
        # One node: a replica would only make the index yellow.
        settings["number_of_replicas"] = 0
        if self.gc_deletes is not None:
            settings["gc_deletes"] = self.gc_deletes
        return json.dumps({**created, "settings": settings}).encode()


def flat_settings(settings: JsonObject, prefix: str = "") -> JsonObject:
    """Settings by their dotted names without the leading `index.`, however they are nested."""
    flat: JsonObject = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(flat_settings(value, f"{name}."))
        else:
            flat[name.removeprefix("index.")] = value
    return flat


def _body_in_limit(rules: Rules, request: GateRequest) -> GateDenied | None:
    if len(request.body) <= rules.body_limit:
        return None
    message = {"Message": f"Request size exceeded {rules.body_limit} bytes"}
    return GateDenied(413, message, "body limit")


def _content_hash(_: Rules, request: GateRequest) -> GateDenied | None:
    rule = "x-amz-content-sha256"
    sent = request.headers.get(rule)
    if sent is None:
        return GateDenied.forbidden(rule)
    if sent not in (UNSIGNED_PAYLOAD, hashlib.sha256(request.body).hexdigest()):
        return GateDenied.forbidden(rule)
    return None


def _content_length_unsigned(_: Rules, request: GateRequest) -> GateDenied | None:
    signed = re.search(r"SignedHeaders=([^,\s]+)", request.headers.get("authorization", ""))
    if signed is None or "content-length" not in signed[1].lower().split(";"):
        return None
    return GateDenied.forbidden("signed content-length")


def _body_plain(_: Rules, request: GateRequest) -> GateDenied | None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return None
    reason = f"request body with content-encoding [{encoding}]: send it plain"
    return GateDenied.error("content-encoding", 400, "illegal_argument_exception", reason)


def _supported(_: Rules, request: GateRequest) -> GateDenied | None:
    if request.operation is not None and "scroll" not in request.query:
        return None
    reason = f"a collection does not support {request.method} {request.path}"
    return GateDenied.error("unsupported API", 404, "not_found", reason)


def _no_refresh(_: Rules, request: GateRequest) -> GateDenied | None:
    if "refresh" not in request.query:
        return None
    reason = "a collection does not take the parameter [refresh]"
    return GateDenied.error("refresh", 400, "illegal_argument_exception", reason)


def _no_forbidden_setting(_: Rules, request: GateRequest) -> GateDenied | None:
    settings = _settings_of(request)
    for name in FORBIDDEN_SETTINGS:
        if name in settings:
            reason = f"a collection does not take the setting [index.{name}]"
            return GateDenied.error("index setting", 400, "illegal_argument_exception", reason)
    return None


def _settings_of(request: GateRequest) -> JsonObject:
    """The index settings that a request sends; none when it is not about settings."""
    what = request.operation
    if what is None or request.method not in {"PUT", "POST"}:
        return {}
    try:
        body = json.loads(request.body or b"{}")
        if what.permission == "aoss:CreateIndex":
            return flat_settings(body.get("settings", {}))
        if what.name == "_index_template":
            return flat_settings(body.get("template", {}).get("settings", {}))
        if what.name in {"_settings", "_setting"}:
            return flat_settings(body.get("settings", body))
    except (ValueError, AttributeError):
        return {}  # Not JSON, or not an object: the engine says so.
    return {}


# In the order in which a collection asks: the front door first, the engine's rules last.
_RULES: tuple[Callable[[Rules, GateRequest], GateDenied | None], ...] = (
    _body_in_limit,
    _content_hash,
    _content_length_unsigned,
    _body_plain,
    _supported,
    _no_refresh,
    _no_forbidden_setting,
)
