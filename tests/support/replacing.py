"""Every setting of the module and its parts, changed once: what a plan of each replaces (docs/settings.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.settings_table import read_variables

ROOT = Path(__file__).parents[2]
COPIES = tuple(f'own["{number}"]' for number in range(3))
"""Of the module with the most settings: a plan shows a change of each."""
PARTS = {
    **dict.fromkeys(COPIES, "."),
    "existing": ".",
    "collection": "modules/collection",
    "policies": "modules/collection_policies",
}
"""The module calls of tests/lab/replaced, and the folder of each one's variables."""
ACCOUNT = "000000000000"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-4333-8444-555555555555"
READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
ANOTHER = "another-one"
BUCKET = {"arn": "arn:aws:s3:::another-bucket"}
VPC = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
CLOSED = {"network": "vpc", "vpc_endpoint_ids": ["vpce-0123456789abcdef0"]}

Arguments = dict[str, Any]
Changes = Mapping[str, tuple[Arguments, ...]]
"""By setting: what is merged into the arguments, each a change of its own."""


def one(setting: str, *values: Any) -> dict[str, tuple[Arguments, ...]]:
    """Changes of one setting to values, each for itself."""
    variable, _, attribute = setting.partition(".")
    return {setting: tuple({variable: {attribute: each} if attribute else each} for each in values)}


def of(variable: str, **values: Any) -> dict[str, tuple[Arguments, ...]]:
    """Changes of a variable's attributes, each by itself."""
    return {name: found for key, value in values.items() for name, found in one(f"{variable}.{key}", value).items()}


def together(variable: str, values: Arguments, **beside: Any) -> dict[str, tuple[Arguments, ...]]:
    """Attributes that change only with one another."""
    return {f"{variable}.{key}": ({variable: values, **beside},) for key in values}


OWN: Arguments = {
    "tags": {"a": "1"},
    "table": {
        "hash_key": {"name": "id"},
        "stream_view_type": "NEW_AND_OLD_IMAGES",
        "billing_mode": "PROVISIONED",
        "read_capacity": 5,
        "write_capacity": 5,
        "deletion_protection": False,
        "ttl": {"attribute": "expires"},
    },
    "collection": {"network": "public", "data_access_principals": [READER]},
    "trigger": {"enabled": False},
    "views": {"products": {}},
    "redrive": {"schedule_expression": "rate(1 hour)"},
    "dashboard": {"enabled": True},
    "reconciliation": {
        "verify_schedule_expression": "rate(1 day)",
        "rolling": {"period_hours": 24, "every_minutes": 60},
    },
}


def own(name: str) -> Arguments:
    """A copy's arguments, by its name."""
    return merged(OWN, {"name": name, "table": {"name": name}, "collection": {"name": name}})


POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"


def own_changes(packages: Mapping[str, str]) -> Changes:
    """Of the module with a table, a collection and a role of its own. `packages`: zips by what they are."""
    mapping = '{"properties": {"a": {"type": "keyword"}}}'
    s3 = {"s3_bucket": "packages", "s3_key": "a.zip", "s3_object_version": "1", "facts": packages["facts"]}
    return {
        **one("name", ANOTHER),
        **one("tags", {"a": "2"}),
        **of("table", name=ANOTHER, stream_view_type="NEW_IMAGE", read_capacity=6, write_capacity=6),
        **one("table.hash_key", {"name": "key"}, {"name": "id", "type": "N"}),
        **one("table.range_key", {"name": "sort"}),
        "table.billing_mode": (
            {"table": {"billing_mode": "PAY_PER_REQUEST", "read_capacity": None, "write_capacity": None}},
        ),
        **of("table", point_in_time_recovery=False, deletion_protection=True, kms_key_arn=KEY),
        **of("table", ttl={"attribute": "expires", "enabled": False}, index_attributes={"status": "S"}),
        **of("collection", name=ANOTHER, description="Another", standby_replicas=False),
        **of("collection", kms_key_arn=KEY, data_access_principals=[f"{READER}-too"]),
        **together("collection", CLOSED, function={"vpc": VPC}),
        **of("index", name=ANOTHER, adopt="nobody", mapping=mapping, settings='{"analysis": {}}'),
        **of("document", when='{"kind":["book"]}', include=["name", "address"], exclude=["address.city"]),
        **of("document", rename={"name": "title"}, constants={"tenant": "eu", "rank": 1}, keep_expired="expires"),
        "views.index": ({"views": {"products": {"index": {"name": f"{ANOTHER}-too", "mapping": mapping}}}},),
        "views.document": ({"views": {"products": {"document": {"constants": '{"rank": 1}'}}}},),
        **of("function", name=ANOTHER, architecture="x86_64", memory_size=1024, timeout=600, log_keys="hashed"),
        "function.runtime": ({"function": {"runtime": "python3.13"}, "package": {"file": packages["python3.13"]}},),
        **of("function", max_clock_skew_seconds=20, metric_namespace=ANOTHER, reserved_concurrency=5),
        **of("function", environment_kms_key_arn=KEY, vpc=VPC),
        **of("package", file=packages["more"]),
        **together("package", s3),
        **of("log_group", name=ANOTHER, retention_days=7, kms_key_arn=KEY),
        **of("trigger", enabled=True, starting_position="LATEST", batch_size=100, parallelization_factor=2),
        **of("trigger", maximum_batching_window_seconds=2, maximum_record_age_seconds=3600, maximum_retry_attempts=5),
        **of("trigger", bisect_batch_on_function_error=False, on_failure_bucket=BUCKET),
        **of("failure_queue", name=ANOTHER, visibility_timeout_seconds=1000, kms_key_arn=KEY),
        **of("redrive", schedule_expression="rate(2 hours)"),
        **of("role", name=ANOTHER, path="/another/", permissions_boundary_arn=POLICY),
        **one(
            "role.policy_names", *({key: ANOTHER} for key in ("stream", "collection", "table", "failures", "function"))
        ),
        **of("alarms", enabled=False, name_prefix=ANOTHER, actions=[f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"]),
        **of("alarms", failure_age_seconds=600, iterator_age_seconds=7200),
        **of("dashboard", enabled=False, name=ANOTHER),
        **of("reconciliation", concurrency=8, read_units_per_second=100, recheck_delay_seconds=60, memory_size=2048),
        **of("reconciliation", report_bucket=BUCKET, export_bucket=BUCKET, verify_schedule_expression="rate(2 days)"),
        **one("reconciliation.rolling", {"period_hours": 48, "every_minutes": 120}, None),
    }


def existing(stream_arn: str, role_arn: str) -> Arguments:
    """The module's arguments on what is there."""
    return {
        "name": "existing",
        "existing_table": {"stream_arn": stream_arn, "key_attributes": ["id"]},
        "existing_collection": {
            "name": "shop",
            "arn": f"arn:aws:aoss:us-east-1:{ACCOUNT}:collection/abc123",
            "endpoint": "http://127.0.0.1:9",
        },
        "existing_role": {"arn": role_arn},
        "trigger": {"enabled": False},
    }


def existing_changes(stream_arn: str) -> Changes:
    """Of what the module alone is given there."""
    return {
        **one("existing_table.stream_arn", f"{stream_arn.partition('/stream/')[0]}/stream/2030-01-01T00:00:00.000"),
        **of("existing_table", key_attributes=["id", "sort"], kms_key_arn=KEY, cross_account=True),
        **of("existing_collection", name=ANOTHER, arn=f"arn:aws:aoss:us-east-1:{ACCOUNT}:collection/abc124"),
        **of("existing_collection", endpoint="http://127.0.0.1:8", dashboard_endpoint="http://127.0.0.1:7"),
        **of("existing_collection", create_data_access_policy=False),
        **one("existing_role.arn", f"arn:aws:iam::{ACCOUNT}:role/{ANOTHER}"),
    }


COLLECTION: Arguments = {"name": "alone", "network": "public", "data_access_principals": [READER]}
POLICIES: Arguments = {"collection_name": "policies", "network": "public", "data_access_principals": [READER]}
POLICIES_CHANGES: Changes = {
    **one("description", "Another"),
    **one("kms_key_arn", KEY),
    **one("encryption_policy_name", ANOTHER),
    **one("network_policy_name", ANOTHER),
    **one("data_access_policy_name", ANOTHER),
    **one("data_access_principals", [f"{READER}-too"]),
    "network": (CLOSED,),
    "vpc_endpoint_ids": (CLOSED,),
}
COLLECTION_CHANGES: Changes = {
    **POLICIES_CHANGES,
    **one("name", ANOTHER),
    **one("standby_replicas", False),
    **one("tags", {"a": "2"}),
}
POLICIES_ALONE: Changes = {**POLICIES_CHANGES, **one("collection_name", ANOTHER)}
REFUSED: Mapping[tuple[str, str], str] = {
    (".", "collection.kms_key_arn"): "for good",
    ("modules/collection", "kms_key_arn"): "for good",
    (".", "table.index_attributes"): "all attributes must be indexed",
    (".", "existing_table.cross_account"): "set it to false",
}
"""Changes that a plan refuses, by module and setting, and what it says: nothing is replaced."""
APART = re.compile(r"package\..*|function\.runtime|.*\.enabled|reconciliation\.rolling|.*\.create_data_access_policy")
"""Settings that are changed each by itself: they exclude one another, or take away what another change is seen in."""


def dealt(changes: Changes, hands: int) -> list[Changes]:
    """The same changes in turn to so many."""
    found: list[dict[str, tuple[Arguments, ...]]] = [{} for _ in range(hands)]
    pairs = [(name, change) for name, values in changes.items() for change in values]
    for place, (name, change) in enumerate(pairs):
        hand = found[place % hands]
        hand[name] = (*hand.get(name, ()), change)
    return [*found]


def crowds(changes: Changes) -> list[list[Arguments]]:
    """Changes that one plan shows: what one of them replaces, no other of its crowd takes back."""
    all_at_once = [change for name, found in changes.items() if not APART.fullmatch(name) for change in found]
    apart = [change for name, found in changes.items() if APART.fullmatch(name) for change in found]
    return [each for each in [all_at_once, *([change] for change in unlike(apart))] if each]


def unlike(changes: list[Arguments]) -> list[Arguments]:
    """Each change once."""
    return [each for place, each in enumerate(changes) if each not in changes[:place]]


def merged(arguments: Arguments, change: Arguments) -> Arguments:
    """Arguments with a change, an object's members one by one."""
    both = {
        name: merged(arguments[name], value) for name, value in change.items() if _are_objects(arguments, name, value)
    }
    return {**arguments, **change, **both}


def _are_objects(arguments: Arguments, name: str, value: Any) -> bool:
    return isinstance(value, dict) and isinstance(arguments.get(name), dict) and name != "tags"


def settings(folder: str) -> set[str]:
    """The settings of a module: its variables, and the attributes of those that are objects."""
    found = read_variables((ROOT / folder / "variables.tf").read_text("utf-8"))
    plain = {each.name for each in found if not each.settings}
    return plain | {f"{each.name}.{attribute.name}" for each in found for attribute in each.settings}


ROW = re.compile(r"^\| (?P<settings>`.+?) \| (?P<replaced>`.+?) \| (?P<lost>.+?) \| (?P<then>.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z_.]+)`(?: of `(modules/[a-z_]+)`)?")


def rows(page: str) -> dict[tuple[str, str], set[str]]:
    """The types that a change replaces, by module and setting, as the table of docs/settings.md has them."""
    table = page.partition("\n## What a setting replaces\n")[2].partition("\n## ")[0]
    return {
        (module or ".", setting): set(re.findall(r"`([a-z0-9_]+)`", row["replaced"]))
        for row in ROW.finditer(table)
        for setting, module in NAMED.findall(row["settings"])
    }
