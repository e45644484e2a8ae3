"""Mappings and settings with which no item is kept in step: refused at start, once, and not item by item. Pure.

The module refuses the same at plan (variables.tf, patterns.tf), as far as a plan can look into JSON. What the engine
alone knows it says when the index is made; its reason is in that error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from searchsync.documents.document import KEY_FIELD
from searchsync.sanitize import shown

MEMBERS = frozenset(
    {
        "_field_names",
        "_meta",
        "_routing",
        "_size",
        "_source",
        "date_detection",
        "derived",
        "dynamic",
        "dynamic_date_formats",
        "dynamic_templates",
        "enabled",
        "numeric_detection",
        "properties",
    }
)
"""What may stand at the top of a mapping: of OpenSearch's RootObjectMapper, and metadata fields with parameters."""

FIELD_TYPES = frozenset(
    {
        "alias",
        "annotated_text",
        "binary",
        "boolean",
        "byte",
        "completion",
        "constant_keyword",
        "date",
        "date_nanos",
        "date_range",
        "double",
        "double_range",
        "flat_object",
        "float",
        "float_range",
        "geo_point",
        "geo_shape",
        "half_float",
        "icu_collation_keyword",
        "integer",
        "integer_range",
        "ip",
        "ip_range",
        "join",
        "keyword",
        "knn_vector",
        "long",
        "long_range",
        "match_only_text",
        "murmur3",
        "nested",
        "object",
        "percolator",
        "rank_feature",
        "rank_features",
        "scaled_float",
        "search_as_you_type",
        "semantic",
        "short",
        "sparse_vector",
        "star_tree",
        "text",
        "token_count",
        "unsigned_long",
        "version",
        "wildcard",
        "xy_point",
        "xy_shape",
    }
)
"""Of OpenSearch 2 and 3 (documentation, "Supported field types"), with the mapper and ICU plugins that AOSS has
("Supported operations and plugins in Amazon OpenSearch Serverless")."""
DYNAMIC_TYPE = "{dynamic_type}"
"""In a dynamic template: the type that was found."""
DYNAMIC = (True, False, "true", "false", "strict", "strict_allow_templates", "false_allow_templates")
NO = (False, "false")
SETTINGS = frozenset(
    {
        "append_only",
        "blocks",
        "default_pipeline",
        "derived_source",
        "final_pipeline",
        "gc_deletes",
        "max_result_window",
        "routing_partition_size",
    }
)
"""Index settings that would break ours: writes or deletions refused, documents changed or rebuilt from their columns,
tombstones of another age, shorter pages, a routing. Others are between the user and the collection: AOSS decides the
numbers of shards and replicas itself and says nothing (opensearch-go#374, terraform-aws-bedrock#109), and takes
`derived_source` ("Save Storage by Using Derived Source")."""


def problem(mapping: Mapping[str, Any]) -> str:
    """Why no index can be made with this mapping, or no item be kept in step with it; empty where nothing is known."""
    if strange := sorted(mapping.keys() - MEMBERS):
        return (
            f"no mapping has a member {shown(strange[0])}: the index mapping is what stands below `mappings`, with its "
            "fields below `properties`"
        )
    if any(name.partition(".")[0] == KEY_FIELD for name in _object(mapping.get("properties"))):
        return f"take the property {KEY_FIELD} out of the index mapping: each document has a field of that name"
    if mapping.get("dynamic", True) not in DYNAMIC:
        return f"`dynamic` is {shown(mapping['dynamic'])}: give true, false or strict"
    for place, kind in _types(mapping):
        if kind not in FIELD_TYPES:
            return f"the type of {shown(place)} is {shown(kind)}, which no field has"
    return lost(mapping)


def lost(mapping: Mapping[str, Any]) -> str:
    """Why items would be refused or kept in part by an index of this mapping, empty where they would not."""
    if mapping.get("enabled") in NO:
        return "take `enabled` out of the top of the index mapping: the index is scanned by a field of its own"
    source = _object(mapping.get("_source"))
    if source.get("enabled") in NO or source.get("includes") or source.get("excludes"):
        return "take `_source` out of the index mapping: what is not kept whole cannot be compared with its item"
    if _object(mapping.get("_routing")).get("required") in (True, "true"):
        return "take `_routing` out of the index mapping: documents are written without a routing, and all refused"
    return ""


def settings_problem(settings: Mapping[str, Any]) -> str:
    """Why no item is kept in step in an index of these settings, empty where nothing is known."""
    if {"settings", "mappings", "aliases"} & settings.keys():
        return "give what stands below `settings`, such as `analysis`"
    if broken := sorted(SETTINGS & {name.partition(".")[0] for name in _setting_names(settings)}):
        return f"take `{broken[0]}` out of the index settings: with it items could not be kept in step"
    return ""


def _setting_names(settings: Mapping[str, Any]) -> Iterator[str]:
    """The settings' names without their leading `index.`, however they are nested."""
    for name, value in settings.items():
        if name == "index":
            yield from _setting_names(_object(value))
        else:
            yield name.removeprefix("index.")


def _types(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields' names with their types, sub-fields and dynamic templates too."""
    for template in mapping.get("dynamic_templates") or ():
        for name, rule in _object(template).items():
            yield from _fields({name: _object(rule).get("mapping")}, (DYNAMIC_TYPE,))
    yield from _fields(mapping.get("properties"), ())


def _fields(fields: Any, also: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, field in _object(fields).items():
        kind = _object(field).get("type", "object")
        if kind not in also:
            yield str(name), kind
        for members in ("properties", "fields"):
            yield from _fields(_object(field).get(members), also)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
