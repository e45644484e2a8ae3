"""Mappings that are refused at start, and the lists that the plan shares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from searchsync.documents.index import DEFAULT_MAPPING
from searchsync.documents.mapping import DYNAMIC_TYPE, FIELD_TYPES, MEMBERS, SETTINGS, lost, problem, settings_problem

PATTERNS = (Path(__file__).parents[2] / "modules/view/patterns.tf").read_text()
TEXT = {"type": "text"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown type": ({"properties": {"a": {"type": "strnig"}}}, "strnig"),
    "a type that is none": ({"properties": {"a": {"type": 1}}}, "'1'"),
    "in an object": ({"properties": {"a": {"properties": {"b": {"type": "string"}}}}}, "'b'"),
    "in a sub-field": ({"properties": {"a": {**TEXT, "fields": {"raw": {"type": "string"}}}}}, "'raw'"),
    "in a template": ({"dynamic_templates": [{"all": {"match": "*", "mapping": {"type": "string"}}}]}, "'all'"),
    "a template's type out of it": ({"properties": {"a": {"type": DYNAMIC_TYPE}}}, "dynamic_type"),
    "settings": ({"settings": {}, "properties": {"a": TEXT}}, "settings"),
    "mappings": ({"mappings": {}}, "mappings"),
    "fields at the top": ({"a": TEXT}, "'a'"),
    "the key's field": ({"properties": {"searchsync_key": {"type": "long"}}}, "searchsync_key"),
    "dynamic": ({"dynamic": "sometimes"}, "sometimes"),
    "nothing enabled": ({"enabled": False}, "enabled"),
    "no source": ({"_source": {"enabled": "false"}}, "_source"),
    "half a source": ({"_source": {"excludes": ["secret"]}}, "_source"),
    "a routing": ({"_routing": {"required": True}}, "_routing"),
}


@pytest.mark.parametrize(("mapping", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mapping_by_which_no_item_could_be_kept_is_refused_and_named(mapping: dict[str, Any], named: str) -> None:
    assert named in problem(mapping)


@pytest.mark.parametrize(
    "mapping",
    [
        DEFAULT_MAPPING,
        {},
        {"properties": {"type": {"type": "keyword"}, "o": {"properties": {"type": TEXT}}}},
        {"_meta": {"type": "ours"}, "_source": {"enabled": True}, "_routing": {"required": False}},
        {"dynamic_templates": [{"all": {"mapping": {"type": DYNAMIC_TYPE}}}], "dynamic": "strict"},
    ],
)
def test_what_the_engine_takes_is_taken(mapping: dict[str, Any]) -> None:
    assert problem(mapping) == ""
    assert lost(mapping) == ""


@pytest.mark.parametrize("kind", sorted(FIELD_TYPES))
def test_each_type_is_taken(kind: str) -> None:
    assert problem({"properties": {"a": {"type": kind}}}) == ""


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("mapping_members", MEMBERS),
        ("field_types", FIELD_TYPES | {DYNAMIC_TYPE}),
        ("no_index_settings", SETTINGS | {"settings", "mappings", "aliases"}),
    ],
)
def test_the_plan_knows_the_same(name: str, ours: frozenset[str]) -> None:
    listed = re.search(rf"{name} = \[(.*?)\]", PATTERNS, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"([^"]+)"', listed[1])) == ours


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_settings_that_would_break_the_sync_are_refused_however_they_are_nested(name: str) -> None:
    for settings in ({name: 1}, {f"index.{name}": 1}, {"index": {name: {"x": 1}}}, {f"{name}.x": 1}):
        assert name in settings_problem(settings)


def test_other_settings_are_taken() -> None:
    assert settings_problem({"analysis": {"analyzer": {"blocks": {}}}, "index": {"number_of_shards": 3}}) == ""
    assert "below `settings`" in settings_problem({"settings": {}})
