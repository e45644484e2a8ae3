"""modules/nextgen_collection held against a published schema of provider 6.

The provider in this machine's plugin folder may know no collection groups, and Terraform refuses to look at
the module without one that does. What can be read without it is checked here: `provider_6.json` holds the
arguments and attributes of its two resources, and says which version they are of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.replacing import rows
from tests.support.written import blocks, named

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "modules/nextgen_collection"
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests/support/provider_6.json").read_text())
REFERENCE = re.compile(r"\b(aws_\w+)\.this\.(\w+)")
LITERALS = {bool: "bool", int: "number", float: "number"}


def resources(main: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: body["this"] for kind, body in named(main["resource"]).items()}


ROWS = rows((ROOT / "docs/settings.md").read_text())
"""What a setting replaces, by module and setting."""
VARIABLES = named(blocks(MODULE / "variables.tf")["variable"])
RESOURCES = resources(blocks(MODULE / "main.tf"))


def type_of(value: Any) -> str:
    """The type of an argument's value: a literal's, a variable's, or of a resource's attribute."""
    if type(value) in LITERALS:
        return LITERALS[type(value)]
    text = str(value)
    if found := re.fullmatch(r"\$\{coalesce\(var\.\w+, (.+)\)\}", text):
        return type_of(f"${{{found[1]}}}")
    if found := re.fullmatch(r"\$\{var\.(\w+)(?:\.(\w+))?\}", text):
        given = str(VARIABLES[found[1]]["type"]).strip("${}")
        member = re.search(rf"\b{found[2]} = optional\((\w+)", given) if found[2] else None
        return member[1] if member else given.partition("(")[0]
    if found := REFERENCE.fullmatch(text.strip("${}")):
        known: str = SCHEMA["resources"][found[1]]["arguments"][found[2]]
        return known
    return "string" if text.startswith('"') else f"unknown: {text}"


def faults(kind: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What the provider would refuse in a resource."""
    schema = SCHEMA["resources"][kind]
    yield from (f"{kind}: {name} is required" for name in schema["required"] if name not in given)
    yield from argument_faults(kind, schema["arguments"], given)


def argument_faults(where: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name == "depends_on":
            continue
        place, wanted = f"{where}.{name}", known.get(name)
        if wanted is None:
            yield f"{place} is no argument"
        elif isinstance(wanted, dict):
            for block in value:
                yield from argument_faults(place, wanted, block)
        elif type_of(value) != wanted:
            yield f"{place} is {type_of(value)}, not {wanted}"


def test_the_module_gives_what_provider_6_takes() -> None:
    assert set(RESOURCES) == set(SCHEMA["resources"])
    assert [fault for kind, given in RESOURCES.items() for fault in faults(kind, given)] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"generations": '"NEXTGEN"'}, "generations is no argument"),
        ({"tags": '"a"'}, "tags is string, not map"),
        ({"capacity_limits": [{"min_ocu": 0}]}, "capacity_limits.min_ocu is no argument"),
        ({"capacity_limits": [{"min_search_capacity_in_ocu": "${var.name}"}]}, "in_ocu is string, not number"),
        ({"standby_replicas": None}, "standby_replicas is required"),
    ],
)
def test_what_provider_6_would_refuse_is_seen(change: dict[str, Any], fault: str) -> None:
    kind = "aws_opensearchserverless_collection_group"
    given = {name: value for name, value in {**RESOURCES[kind], **change}.items() if value is not None}
    (found,) = faults(kind, given)
    assert fault in found


def test_what_is_read_of_a_resource_is_there() -> None:
    texts = [(MODULE / f"{name}.tf").read_text() for name in ("main", "outputs")]
    read_of = {found for text in texts for found in REFERENCE.findall(text)}
    assert len(read_of) > 4
    for kind, attribute in read_of:
        schema = SCHEMA["resources"][kind]
        assert attribute in schema["attributes"] or attribute in schema["arguments"], (kind, attribute)


def test_the_group_is_nextgen_with_the_replicas_that_it_must_have() -> None:
    """The provider refuses NEXTGEN without them (its collection_group.go); the words are botocore's."""
    shapes = boto3.client("opensearchserverless", region_name="eu-central-1").meta.service_model
    group = RESOURCES["aws_opensearchserverless_collection_group"]
    collection = RESOURCES["aws_opensearchserverless_collection"]
    assert group["generation"].strip('"') == "NEXTGEN"
    assert "NEXTGEN" in shapes.shape_for("ServerlessGeneration").enum
    assert group["standby_replicas"] == collection["standby_replicas"] == '"ENABLED"'
    assert collection["type"].strip('"') in shapes.shape_for("CollectionType").enum
    limits = shapes.shape_for("CollectionGroupCapacityLimits").members
    assert len(group["capacity_limits"][0]) == len(limits), "a limit that is left out becomes AWS's own default"


def test_the_versions_that_are_taken_begin_with_the_one_that_was_looked_at() -> None:
    taken = named(blocks(MODULE / "versions.tf")["terraform"][0]["required_providers"])["aws"]["version"].strip('"')
    source, _, version = SCHEMA["provider"].partition(" ")
    assert source == "hashicorp/aws"
    assert taken.startswith(f">= {version.removesuffix('.0')}, ")


def test_policies_and_root_module_take_what_the_module_gives() -> None:
    """Terraform would say it here too, if it could load the module."""
    (call,) = named(blocks(MODULE / "main.tf")["module"]).values()
    wanted = named(blocks(ROOT / "modules/collection_policies/variables.tf")["variable"])
    assert set(call) - {"source"} <= set(wanted)
    assert {name for name, each in wanted.items() if "default" not in each} <= set(call)
    outputs = named(blocks(MODULE / "outputs.tf")["output"])
    given = set(outputs["existing_collection"]["value"])
    taken = named(blocks(ROOT / "variables.tf")["variable"])["existing_collection"]["type"]
    members = dict(re.findall(r"(\w+) = (optional\(|string)", str(taken)))
    assert given <= set(members)
    assert {name for name, kind in members.items() if kind == "string"} <= given


def test_the_page_on_collections_says_what_provider_6_was_and_was_not_run_with() -> None:
    page = (ROOT / "docs/collections.md").read_text()
    assert f"schema of provider {SCHEMA['provider'].split()[1]}" in page
    assert "Provider 6 was not run at all" in page
    folders = re.findall(r"\]\(\.\./(modules/\w+)\)", page)
    assert MODULE.relative_to(ROOT).as_posix() in folders
    assert all((ROOT / folder).is_dir() for folder in folders)


def never_updated(kind: str) -> set[str]:
    """Arguments of a resource that AWS takes when it makes one, and in no update: another value replaces it."""
    shapes = boto3.client("opensearchserverless", region_name="eu-central-1").meta.service_model
    noun = {"aws_opensearchserverless_collection": "Collection"}.get(kind, "CollectionGroup")
    made, updated = (shapes.operation_model(f"{verb}{noun}").input_shape.members for verb in ("Create", "Update"))
    kept = made.keys() - updated.keys() - {"tags"}
    return {argument for argument in RESOURCES[kind] if re.sub(r"_(\w)", lambda at: at[1].upper(), argument) in kept}


def replaced_by(variable: str) -> set[str]:
    """The types that another value of a variable replaces, by what AWS updates and the policies' module has."""
    read_there = re.compile(rf"\bvar\.{variable}\b")
    group, collection = "aws_opensearchserverless_collection_group", "aws_opensearchserverless_collection"
    found = {
        kind
        for kind, given in RESOURCES.items()
        if any(read_there.search(str(given[argument])) for argument in never_updated(kind))
    }
    if group in found:
        assert f"{group}.this.name" in str(RESOURCES[collection]["collection_group_name"])
        if "collection_group_name" in never_updated(collection):
            found.add(collection)
    (call,) = named(blocks(MODULE / "main.tf")["module"]).values()
    policies = {setting: types for (folder, setting), types in ROWS.items() if folder == "modules/collection_policies"}
    return found.union(*(types for name, types in policies.items() if read_there.search(str(call.get(name, "")))))


def test_the_table_of_what_a_setting_replaces_has_this_modules_too() -> None:
    written = {setting: types for (folder, setting), types in ROWS.items() if folder == "modules/nextgen_collection"}
    assert written == {variable: types for variable in VARIABLES if (types := replaced_by(variable))}
    assert written
