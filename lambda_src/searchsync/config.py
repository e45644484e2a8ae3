"""The function's configuration: environment variables to a frozen dataclass, every problem named at once."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, partial
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from searchsync.documents.attributes import AttributeValue
from searchsync.documents.condition import Condition
from searchsync.documents.fields import Fields
from searchsync.documents.index import NOBODY, Owner
from searchsync.documents.key_values import possible_number
from searchsync.documents.mapping import problem, settings_problem
from searchsync.documents.shape import WHOLE, Rules, Shape
from searchsync.documents.transform import Transform
from searchsync.documents.values import exact
from searchsync.documents.view import View
from searchsync.errors import ConfigurationError
from searchsync.limits import DEFAULT_MAX_SKEW, LONGEST_MAX_SKEW, MOST_VIEWS, SHORTEST_MAX_SKEW
from searchsync.packed import transform_in

STREAM_ARN = re.compile(
    r"(?P<table>arn:[a-z-]+:dynamodb:(?P<region>[a-z0-9-]+):\d{12}:table/(?P<name>[A-Za-z0-9_.-]{3,255}))"
    r"/stream/[^/\s]+"
)
HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?")
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
INDEX_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}")
VIEW_NAME = re.compile(r"(?=.{1,20}$)[a-z](-?[a-z0-9])*")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Config:
    """What the function works with.

    host: the collection's endpoint as a URL without a path; region: of table, collection and queue;
    max_skew: seconds; key_attributes: hash key first; mapping, settings: a user's for the index, or None; stack: the
    sync function's name, also in the others; adopt: the owner whose index is taken over, or None; shape: of documents;
    when: which items have one, None: all; keep_expired: the attribute with an item's expiry time, where documents of
    expired items stay, else empty; transform: the package's own, or None; view: a further view's name, empty for
    the first one; views: the further ones, each with an index, mapping, settings, owner to take over, shape and
    condition of its own.
    """

    host: str
    index: str
    region: str
    stream_arn: str
    table_arn: str
    table_name: str
    key_attributes: tuple[str, ...]
    failure_queue_url: str
    max_skew: float
    hash_keys_in_log: bool
    metric_namespace: str
    function_name: str
    mapping: Mapping[str, Any] | None
    stack: str
    adopt: str | None
    settings: Mapping[str, Any] | None = None
    shape: Shape = WHOLE.shape
    when: Condition | None = None
    keep_expired: str = ""
    transform: Transform | None = None
    view: str = ""
    views: tuple[Config, ...] = ()

    @property
    def every(self) -> tuple[Config, ...]:
        """Each view's, the first one's first."""
        return (self, *self.views)

    @property
    def owner(self) -> Owner:
        """Whose the index is to be."""
        return Owner(self.stack, self.table_arn)

    @cached_property
    def rules(self) -> Rules:
        """How items become documents."""
        return Rules(self.shape, Fields(self.mapping), self.when, self.transform, self.view, self.keep_expired)

    @cached_property
    def targets(self) -> tuple[View, ...]:
        """What a record may be written to."""
        return tuple(View(each.rules, each.index if self.views else "") for each in self.every)


def read_environment(environment: Mapping[str, str]) -> Config:
    """The configuration in `environment`, and the transform of this package. Raises ConfigurationError that names all
    that is wrong."""
    problems: list[str] = []

    def take(name: str, parse: Callable[[str], Value], fallback: Value, default: str | None = None) -> Value:
        text = environment.get(name) or default
        if text is None:
            problems.append(f"{name} is not set")
            return fallback
        try:
            return parse(text)
        except ValueError as error:
            problems.append(f"{name} is {text[:200]!r}: {error}")
            return fallback

    table_arn, table_name, region, stream_arn = take("STREAM_ARN", _stream, ("", "", "", ""))
    key_attributes: tuple[str, ...] = take("KEY_ATTRIBUTES", _key_attributes, ())
    documents = take("DOCUMENT_SHAPE", partial(_shape, key_attributes), _Documents(), "{}")
    config = Config(
        host=take("OPENSEARCH_HOST", _host, ""),
        index=take("OPENSEARCH_INDEX", _index, ""),
        region=region,
        stream_arn=stream_arn,
        table_arn=table_arn,
        table_name=table_name,
        key_attributes=key_attributes,
        failure_queue_url=take("FAILURE_QUEUE_URL", _queue_url, ""),
        max_skew=take("MAX_CLOCK_SKEW_SECONDS", _max_skew, 0.0, str(DEFAULT_MAX_SKEW)),
        hash_keys_in_log=take("LOG_KEYS", _log_keys, False, "plain"),
        metric_namespace=environment.get("METRIC_NAMESPACE") or "searchsync",
        function_name=environment.get("AWS_LAMBDA_FUNCTION_NAME") or "searchsync",
        mapping=take("INDEX_MAPPING", _mapping, None) if environment.get("INDEX_MAPPING") else None,
        settings=take("INDEX_SETTINGS", _settings, None) if environment.get("INDEX_SETTINGS") else None,
        stack=take("SYNC_FUNCTION_NAME", _stack, ""),
        adopt=take("INDEX_ADOPT", _adopt, None) if environment.get("INDEX_ADOPT") else None,
        shape=documents.shape,
        when=documents.when,
        keep_expired=documents.keep_expired,
        transform=transform_in(),
        view=take("VIEW", _view, "") if environment.get("VIEW") else "",
    )
    if environment.get("VIEWS"):
        config = replace(config, views=take("VIEWS", partial(_views, config), ()))
    if problems:
        raise ConfigurationError(
            "The function's environment is wrong: "
            + "; ".join(problems)
            + ". The Terraform module sets all of these; run `terraform apply`, or correct them by hand."
        )
    return config


def _stream(text: str) -> tuple[str, str, str, str]:
    match = STREAM_ARN.fullmatch(text)
    if match is None:
        raise ValueError("give the ARN of a DynamoDB stream, arn:aws:dynamodb:…:table/…/stream/…")
    return match["table"], match["name"], match["region"], text


def _host(text: str) -> str:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if (
        not HOST.fullmatch(parts.netloc)
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or not _port(parts)
    ):
        raise ValueError(
            "give the collection's endpoint, https://<id>.<region>.aoss.amazonaws.com or https://<id>.aoss.<region>.on.aws"
        )
    if in_the_clear(text):
        raise ValueError("plain http is for a loopback address only; use https")
    if parts.scheme not in ("http", "https"):
        raise ValueError("use https")
    return f"{parts.scheme}://{parts.netloc}"


def _port(parts: SplitResult) -> bool:
    """Whether the port, if there is one, is one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def in_the_clear(url: str) -> bool:
    """Whether what goes to this URL goes in plain http over a network: a lab is on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(hostname: str) -> bool:
    try:
        return ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def _index(text: str) -> str:
    if not INDEX_NAME.fullmatch(text):
        raise ValueError(
            "an index name has lower case letters, digits, points, - and _, begins with a letter or digit, up to 255"
        )
    return text


def _key_attributes(text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except json.JSONDecodeError:
        names = None
    if (
        not isinstance(names, list)
        or not all(isinstance(name, str) and name for name in names)
        or len(names) not in (1, 2)
        or len(set(names)) != len(names)
    ):
        raise ValueError('give a JSON array of one or two names, hash key first, like ["id"]')
    return tuple(names)


def _queue_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
        raise ValueError("give the SQS queue's URL")
    if in_the_clear(text):
        raise ValueError("plain http is for a loopback address only; use https")
    return text


def _max_skew(text: str) -> float:
    try:
        max_skew = float(text)
    except ValueError:
        max_skew = 0.0
    if not SHORTEST_MAX_SKEW <= max_skew <= LONGEST_MAX_SKEW:
        raise ValueError(f"give seconds from {SHORTEST_MAX_SKEW} to {LONGEST_MAX_SKEW}")
    return max_skew


def _stack(text: str) -> str:
    if not FUNCTION_NAME.fullmatch(text):
        raise ValueError("give the sync function's name")
    return text


def _adopt(text: str) -> str:
    if text != NOBODY and Owner.read(text) is None:
        raise ValueError(f'give {NOBODY}, or the owner as the refusal names it, "<function> <table ARN>"')
    return text


def _log_keys(text: str) -> bool:
    if text not in ("plain", "hashed"):
        raise ValueError("give plain or hashed")
    return text == "hashed"


def _object(text: str, loads: Callable[[str], Any] = json.loads) -> dict[str, Any] | None:
    """The JSON object of a text, or of its base64gzip; None where it is none."""
    try:
        if not text.lstrip().startswith("{"):
            text = gzip.decompress(base64.b64decode(text, validate=True)).decode()
        found = loads(text)
    except (binascii.Error, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _mapping(text: str) -> Mapping[str, Any]:
    mapping = _object(text)
    if mapping is None or "mappings" in mapping or not isinstance(mapping.get("_meta", {}), dict):
        raise ValueError(
            "give the index mapping as a JSON object, what stands below 'mappings', or that as Terraform's base64gzip"
        )
    if why := problem(mapping):
        raise ValueError(why)
    return mapping


def _settings(text: str) -> Mapping[str, Any]:
    settings = _object(text)
    if settings is None:
        raise ValueError(
            "give the index settings as a JSON object, what stands below 'settings', or that as Terraform's base64gzip"
        )
    if why := settings_problem(settings):
        raise ValueError(why)
    return settings


@dataclass(frozen=True)
class _Documents:
    """What `document` says, as in `Config`."""

    shape: Shape = WHOLE.shape
    when: Condition | None = None
    keep_expired: str = ""


def _shape(keys: tuple[str, ...], text: str) -> _Documents:
    return _shape_of(keys, _object(text, exact))


def _shape_of(keys: tuple[str, ...], found: object) -> _Documents:
    names = {"include", "exclude", "rename", "constants", "when", "keep_expired"}
    if not isinstance(found, dict) or found.keys() - names:
        raise ValueError('give the shape of documents as a JSON object with lists of paths, {"exclude": ["a.b"]}')
    include, exclude = found.get("include"), found.get("exclude") or []
    for paths in (include or [], exclude):
        if not isinstance(paths, list) or not all(isinstance(each, str) for each in paths):
            raise ValueError("give `include` and `exclude` as lists of paths")
    rename, constants = found.get("rename") or {}, found.get("constants") or {}
    if not isinstance(rename, dict) or not all(isinstance(each, str) for each in rename.values()):
        raise ValueError('give `rename` as an object of paths with their new last names, {"a.b": "c"}')
    if not isinstance(constants, dict):
        raise ValueError("give `constants` as an object of names with their values")  # noqa: TRY004 - as all the rest
    shape = Shape(
        None if include is None else tuple(include),
        tuple(exclude),
        keys,
        tuple(rename.items()),
        tuple((name, _constant(name, value)) for name, value in constants.items()),
    )
    if why := shape.problem():
        raise ValueError(why)
    return _Documents(shape, _when(keys, found.get("when")), _keep_expired(shape, found.get("keep_expired")))


def _keep_expired(shape: Shape, attribute: object) -> str:
    if attribute is None:
        return ""
    if not isinstance(attribute, str) or not attribute:
        raise ValueError("give `keep_expired` as the name of the attribute with the expiry time")
    if why := shape.hides(attribute):
        raise ValueError(f"`keep_expired` names {attribute!r}, and documents do not say it: {why}")
    return attribute


def _view(text: str) -> str:
    if not VIEW_NAME.fullmatch(text):
        raise ValueError("a view's name has lower case letters, digits and single hyphens between them, up to 20")
    return text


def _views(table: Config, text: str) -> tuple[Config, ...]:
    """The further views of a table's configuration, by their names in the object of a text."""
    found = _object(text, exact)
    if found is None or not all(isinstance(each, dict) for each in found.values()) or len(found) > MOST_VIEWS:
        raise ValueError(f"give up to {MOST_VIEWS} views as a JSON object by their names, or that as base64gzip")
    views = tuple(_read_view(table, name, parts) for name, parts in found.items())
    names = [table.index, *(each.index for each in views)]
    if twice := {each for each in names if names.count(each) > 1}:
        raise ValueError(f"{', '.join(sorted(twice))}: each view has an index of its own")
    return views


def _read_view(table: Config, name: str, parts: Mapping[str, Any]) -> Config:
    """One further view. Raises ValueError that names it."""
    try:
        if parts.keys() - {"index", "mapping", "settings", "adopt", "document"}:
            raise ValueError("give index, mapping, settings, adopt and document")
        texts = {each: value for each, value in parts.items() if each != "document"}
        if not all(isinstance(each, str) for each in texts.values()):
            raise ValueError("give index, mapping, settings and adopt as texts")
        documents = _shape_of(table.key_attributes, parts.get("document", {}))
        return replace(
            table,
            view=_view(name),
            index=_index(texts.get("index", "")),
            mapping=_mapping(texts["mapping"]) if "mapping" in texts else None,
            settings=_settings(texts["settings"]) if "settings" in texts else None,
            adopt=_adopt(texts["adopt"]) if "adopt" in texts else None,
            shape=documents.shape,
            when=documents.when,
            keep_expired=documents.keep_expired,
        )
    except ValueError as error:
        raise ValueError(f"the view {name[:40]!r}: {error}") from error


def _constant(name: str, value: object) -> AttributeValue:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, Decimal) and possible_number(str(value)):
        return {"N": str(value)}
    raise ValueError(f"give the constant {name!r} a text, true, false, or a number that DynamoDB could hold")


def _when(keys: tuple[str, ...], text: object) -> Condition | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("give `when` as the JSON text of a pattern: jsonencode({…})")  # noqa: TRY004 - as all the rest
    condition = Condition(text)
    if why := condition.problem(keys):
        raise ValueError(why)
    return condition
