"""Where each setting arrives: the arguments of what is made that have its value, applied to the tests' mocked provider.

A place holds both ways: it has the value in each course where the setting is given, and has it in none where it is not.
So two settings of one kind, such as switches, need courses of their own to be told apart (`alike`).
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.replacing import ROOT, Arguments
from tests.support.written import blocks, named
from tools.settings_table import attributes

VIEW = "products"
"""The view that courses have in `views`."""

State = Mapping[str, Mapping[str, Any]]
"""What one module call made: the values of its resources by address, and its outputs as `output`."""


def same(value: Any) -> Any:
    """The value as it was given."""
    return value


@dataclass(frozen=True)
class Place:
    """An argument, and what it has when a setting's value is there.

    path: names and numbers with points between; `*` is each member, `json` and `gunzip` read a text. `count` alone is
    how many instances there are. `*` for the address is everything with that argument.
    """

    address: str
    path: str
    shown: Callable[[Any], Any] = same

    def has(self, state: State, value: Any) -> bool:
        """Whether the value has arrived: in all of several addresses, in one of several members."""
        if self.path == "count":
            instances = [each for each in state if each.partition("[")[0] == self.address]
            return bool(len(instances) == self.shown(value))
        if self.address == "*":
            found = [each[self.path] for name, each in state.items() if name != "output" and self.path in each]
            return bool(found) and all(each == self.shown(value) for each in found)
        return any(each == self.shown(value) for each in at(state.get(self.address), self.path.split(".")))

    def below(self, module: str) -> Place:
        """The same place where its module is called by another."""
        return Place(f"{module}.{self.address}", self.path, self.shown)


def at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The values at a path, none where there is nothing."""
    if not path:
        yield value
    elif value is None:
        return
    elif path[0] == "*":
        for each in value.values() if isinstance(value, dict) else value:
            yield from at(each, path[1:])
    elif path[0] == "json":
        yield from at(json.loads(value), path[1:])
    elif path[0] == "gunzip":
        yield from at(gzip.decompress(b64decode(value)).decode(), path[1:])
    elif isinstance(value, list):
        yield from at(value[int(path[0])] if int(path[0]) < len(value) else None, path[1:])
    else:
        yield from at(value.get(path[0]), path[1:])


def leaves(folder: str) -> dict[str, str]:
    """The types of a module's settings, down to the members of their objects."""
    found = named(blocks(ROOT / folder / "variables.tf")["variable"])
    types = {name: str(body["type"]).removeprefix("${").removesuffix("}") for name, body in found.items()}
    return dict(leaf for name, kind in types.items() for leaf in _within(name, kind))


def _within(name: str, kind: str) -> Iterator[tuple[str, str]]:
    if kind.startswith("map(object({"):
        name, kind = f"{name}.{VIEW}", kind.removeprefix("map(").removesuffix(")")
    if not kind.startswith("object({"):
        yield name, kind
        return
    for member, inner, _ in attributes(kind):
        yield from _within(f"{name}.{member}", inner)


def given(arguments: Arguments, leaf: str) -> Any:
    """The value that arguments have for a leaf, None for none."""
    value: Any = arguments
    for name in leaf.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def alike(rows: Mapping[str, tuple[Place, ...]], courses: Sequence[Arguments]) -> set[frozenset[str]]:
    """Leaves of one variable that no course tells apart: they have the same values in all of them."""
    values = {leaf: [given(each, leaf) for each in courses] for leaf in rows}
    return {
        frozenset({leaf, other})
        for leaf in rows
        for other in rows
        if leaf < other and values[leaf] == values[other] and leaf.partition(".")[0] == other.partition(".")[0]
    }


SYNC, REDRIVE = "aws_lambda_function.this", "aws_lambda_function.redrive"
RUNS = "module.reconciliation."
RUN = f"{RUNS}aws_lambda_function.this"
VIEW_RUN = f'module.view_reconciliation["{VIEW}"].aws_lambda_function.this'
TABLE, TRIGGER, QUEUE = "aws_dynamodb_table.this[0]", "aws_lambda_event_source_mapping.this", "aws_sqs_queue.failures"
ROLES = (
    "aws_iam_role.this[0]",
    *(f"{RUNS}aws_iam_role.{each}" for each in ("function", "state_machine")),
)
LOGS = (
    *(f"aws_cloudwatch_log_group.{each}" for each in ("function", "redrive")),
    f"{RUNS}aws_cloudwatch_log_group.function",
)
COLLECTION = "aws_opensearchserverless_collection.this"
OWNED = "aws_iam_role_policy."
RUN_POLICY = f"{RUNS}{OWNED}function"


def each_of(addresses: Sequence[str], path: str, shown: Callable[[Any], Any] = same) -> tuple[Place, ...]:
    """One argument of several resources."""
    return tuple(Place(address, path, shown) for address in addresses)


def variable(name: str, *functions: str, shown: Callable[[Any], Any] = str) -> tuple[Place, ...]:
    """An environment variable of functions, of sync and redrive function when none is named."""
    return each_of(functions or (SYNC, REDRIVE, RUN), f"environment.0.variables.{name}", shown)


def of_a_view(member: str, variable_of_its_run: str, shown: Callable[[Any], Any] = same) -> tuple[Place, ...]:
    """What a view has: a member of VIEWS, and a variable of its own reconcile function."""
    return (
        *variable(f"VIEWS.gunzip.json.{VIEW}.{member}", SYNC, REDRIVE, shown=shown),
        *variable(variable_of_its_run, VIEW_RUN, shown=shown),
    )


def allowed(policy: str, *actions: str, below: str = "") -> Place:
    """A statement of a role's policy that allows actions on what a setting names, or on what is below it."""
    return Place(
        policy,
        "policy.json.Statement.*",
        lambda arn: {"Effect": "Allow", "Action": [*actions], "Resource": [f"{arn}{below}"]},
    )


def alarm(name: str, path: str, shown: Callable[[Any], Any] = same) -> Place:
    """An argument of an alarm."""
    return Place(f'aws_cloudwatch_metric_alarm.this["{name}"]', path, shown)


DECRYPTS = tuple(allowed(each, "kms:Decrypt") for each in (f"{OWNED}stream", f"{OWNED}table", RUN_POLICY))

_ENCRYPTION, _NETWORK = (f"aws_opensearchserverless_security_policy.{each}" for each in ("encryption", "network"))
_READERS = "aws_opensearchserverless_access_policy.readers[0]"
POLICIES: Mapping[str, tuple[Place, ...]] = {
    "collection_name": (Place(_ENCRYPTION, "policy.json.Rules.0.Resource.0", "collection/{}".format),),
    "description": each_of((_ENCRYPTION, _NETWORK), "description"),
    "kms_key_arn": (Place(_ENCRYPTION, "policy.json.KmsARN"),),
    "encryption_policy_name": (Place(_ENCRYPTION, "name"),),
    "network": (Place(_NETWORK, "policy.json.0.AllowFromPublic", lambda network: network == "public"),),
    "vpc_endpoint_ids": (Place(_NETWORK, "policy.json.0.SourceVPCEs"),),
    "network_policy_name": (Place(_NETWORK, "name"),),
    "data_access_principals": (Place(_READERS, "policy.json.0.Principal"),),
    "data_access_policy_name": (Place(_READERS, "name"),),
}
"""Of modules/collection_policies."""

COLLECTIONS: Mapping[str, tuple[Place, ...]] = {
    **{leaf: tuple(each.below("module.policies") for each in places) for leaf, places in POLICIES.items()},
    "name": (Place(COLLECTION, "name"), *(each.below("module.policies") for each in POLICIES["collection_name"])),
    "description": (
        Place(COLLECTION, "description"),
        *(each.below("module.policies") for each in POLICIES["description"]),
    ),
    "standby_replicas": (Place(COLLECTION, "standby_replicas", lambda two: "ENABLED" if two else "DISABLED"),),
    "tags": (Place(COLLECTION, "tags"),),
}
"""Of modules/collection, and `collection_name` beside, which is its `name`."""

COLLECTION_MODULE: Mapping[str, tuple[Place, ...]] = {
    leaf: places for leaf, places in COLLECTIONS.items() if leaf != "collection_name"
}

PLACES: Mapping[str, tuple[Place, ...]] = {
    "name": (
        Place(f"{RUNS}aws_iam_role.function", "name", "{}-reconcile-role".format),
        Place(f"{RUNS}aws_s3_bucket.seen", "bucket_prefix", "{}-reconcile-".format),
    ),
    "tags": (Place("*", "tags"),),
    "table.name": (Place(TABLE, "name"),),
    "table.hash_key.name": (
        Place(TABLE, "hash_key"),
        *variable("KEY_ATTRIBUTES.json.0", shown=same),
    ),
    "table.hash_key.type": (Place(TABLE, "attribute.*.type"),),
    "table.range_key.name": (
        Place(TABLE, "range_key"),
        *variable("KEY_ATTRIBUTES.json.1", shown=same),
    ),
    "table.range_key.type": (Place(TABLE, "attribute.*.type"),),
    "table.stream_view_type": (Place(TABLE, "stream_view_type"),),
    "table.billing_mode": (Place(TABLE, "billing_mode"),),
    "table.read_capacity": (Place(TABLE, "read_capacity"),),
    "table.write_capacity": (Place(TABLE, "write_capacity"),),
    "table.point_in_time_recovery": (Place(TABLE, "point_in_time_recovery.0.enabled"),),
    "table.deletion_protection": (Place(TABLE, "deletion_protection_enabled"),),
    "table.kms_key_arn": (Place(TABLE, "server_side_encryption.0.kms_key_arn"), *DECRYPTS),
    "table.ttl.attribute": (Place(TABLE, "ttl.0.attribute_name"),),
    "table.ttl.enabled": (Place(TABLE, "ttl.0.enabled"),),
    "table.index_attributes": (
        Place(TABLE, "attribute.*", lambda types: next({"name": name, "type": kind} for name, kind in types.items())),
    ),
    "existing_table.stream_arn": (
        Place(TRIGGER, "event_source_arn"),
        *variable("STREAM_ARN"),
        allowed(f"{OWNED}stream", "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    ),
    "existing_table.key_attributes": variable("KEY_ATTRIBUTES.json", shown=same),
    "existing_table.kms_key_arn": DECRYPTS,
    "existing_table.cross_account": (
        Place("output", "table_owner_policies.stream.json.Version", lambda _: "2012-10-17"),
    ),
    **{
        f"collection.{leaf}": tuple(each.below("module.collection[0]") for each in COLLECTION_MODULE[leaf])
        for leaf in ("name", "description", "standby_replicas", "kms_key_arn", "network", "vpc_endpoint_ids")
    },
    "collection.data_access_principals": tuple(
        each.below("module.collection[0]") for each in COLLECTION_MODULE["data_access_principals"]
    ),
    "existing_collection.name": (Place("output", "collection_name"),),
    "existing_collection.arn": (
        allowed(f"{OWNED}collection", "aoss:APIAccessAll"),
        allowed(RUN_POLICY, "aoss:APIAccessAll"),
    ),
    "existing_collection.endpoint": variable("OPENSEARCH_HOST"),
    "existing_collection.dashboard_endpoint": (Place("output", "dashboard_endpoint"),),
    "existing_collection.create_data_access_policy": each_of(
        (f"{RUNS}aws_opensearchserverless_access_policy.function", "aws_opensearchserverless_access_policy.function"),
        "count",
        int,
    ),
    "index.name": variable("OPENSEARCH_INDEX"),
    "index.adopt": variable("INDEX_ADOPT"),
    "index.mapping": variable("INDEX_MAPPING.gunzip"),
    "index.settings": variable("INDEX_SETTINGS.gunzip"),
    **{
        f"document.{each}": variable(f"DOCUMENT_SHAPE.gunzip.json.{each}", shown=same)
        for each in ("when", "include", "exclude", "rename", "constants", "keep_expired")
    },
    f"views.{VIEW}.index.name": of_a_view("index", "OPENSEARCH_INDEX"),
    f"views.{VIEW}.index.adopt": of_a_view("adopt", "INDEX_ADOPT"),
    f"views.{VIEW}.index.mapping": of_a_view("mapping", "INDEX_MAPPING.gunzip"),
    f"views.{VIEW}.index.settings": of_a_view("settings", "INDEX_SETTINGS.gunzip"),
    **{
        f"views.{VIEW}.document.{each}": of_a_view(f"document.{each}", f"DOCUMENT_SHAPE.gunzip.json.{each}")
        for each in ("when", "include", "exclude", "rename", "keep_expired")
    },
    f"views.{VIEW}.document.constants": of_a_view(
        "document.constants", "DOCUMENT_SHAPE.gunzip.json.constants", json.loads
    ),
    "function.name": (
        Place(SYNC, "function_name"),
        Place(REDRIVE, "function_name", "{}-redrive".format),
        Place(RUN, "function_name", "{}-reconcile".format),
        *variable("SYNC_FUNCTION_NAME"),
    ),
    "function.runtime": each_of((SYNC, REDRIVE, RUN), "runtime"),
    "function.architecture": each_of((SYNC, REDRIVE, RUN), "architectures.0"),
    "function.memory_size": each_of((SYNC, REDRIVE), "memory_size"),
    "function.timeout": each_of((SYNC, REDRIVE), "timeout"),
    "function.max_clock_skew_seconds": variable("MAX_CLOCK_SKEW_SECONDS"),
    "function.log_keys": variable("LOG_KEYS"),
    "function.metric_namespace": (*variable("METRIC_NAMESPACE"), alarm("repair-needed", "namespace")),
    "function.reserved_concurrency": (Place(SYNC, "reserved_concurrent_executions"),),
    "function.environment_kms_key_arn": (
        *each_of((SYNC, REDRIVE, RUN), "kms_key_arn"),
        allowed(f"{OWNED}function", "kms:Decrypt"),
        allowed(RUN_POLICY, "kms:Decrypt"),
    ),
    "function.vpc.subnet_ids": each_of((SYNC, REDRIVE, RUN), "vpc_config.0.subnet_ids"),
    "function.vpc.security_group_ids": each_of((SYNC, REDRIVE, RUN), "vpc_config.0.security_group_ids"),
    "package.file": each_of((SYNC, REDRIVE, RUN), "filename"),
    "package.s3_bucket": each_of((SYNC, REDRIVE, RUN), "s3_bucket"),
    "package.s3_key": each_of((SYNC, REDRIVE, RUN), "s3_key"),
    "package.s3_object_version": each_of((SYNC, REDRIVE, RUN), "s3_object_version"),
    "log_group.name": (Place(LOGS[0], "name"), Place(SYNC, "logging_config.0.log_group")),
    "log_group.retention_days": each_of(LOGS, "retention_in_days"),
    "log_group.kms_key_arn": each_of(LOGS, "kms_key_id"),
    "trigger.enabled": (Place(TRIGGER, "enabled"),),
    "trigger.starting_position": (Place(TRIGGER, "starting_position"),),
    "trigger.batch_size": (Place(TRIGGER, "batch_size"),),
    "trigger.maximum_batching_window_seconds": (
        Place(TRIGGER, "maximum_batching_window_in_seconds"),
        *variable("WINDOW_SECONDS", RUN),
    ),
    "trigger.parallelization_factor": (Place(TRIGGER, "parallelization_factor"),),
    "trigger.maximum_record_age_seconds": (Place(TRIGGER, "maximum_record_age_in_seconds"),),
    "trigger.maximum_retry_attempts": (Place(TRIGGER, "maximum_retry_attempts"),),
    "trigger.bisect_batch_on_function_error": (Place(TRIGGER, "bisect_batch_on_function_error"),),
    "trigger.on_failure_bucket.arn": (
        Place(TRIGGER, "destination_config.0.on_failure.0.destination_arn"),
        allowed(f"{OWNED}failures", "s3:ListBucket"),
        allowed(f"{OWNED}failures", "s3:PutObject", below="/*"),
    ),
    "trigger.on_failure_bucket.kms_key_arn": (allowed(f"{OWNED}failures", "kms:GenerateDataKey"),),
    "failure_queue.name": (Place(QUEUE, "name"),),
    "failure_queue.visibility_timeout_seconds": (Place(QUEUE, "visibility_timeout_seconds"),),
    "failure_queue.kms_key_arn": (
        Place(QUEUE, "kms_master_key_id"),
        allowed(f"{OWNED}failures", "kms:Decrypt", "kms:GenerateDataKey"),
        allowed(RUN_POLICY, "kms:Decrypt", "kms:GenerateDataKey"),
    ),
    "redrive.schedule_expression": (Place("aws_cloudwatch_event_rule.redrive[0]", "schedule_expression"),),
    "role.name": (Place(ROLES[0], "name"),),
    "role.path": each_of(ROLES, "path"),
    "role.permissions_boundary_arn": (
        *each_of(ROLES, "permissions_boundary"),
        Place(f"{RUNS}aws_iam_role.schedule[0]", "permissions_boundary"),
    ),
    **{
        f"role.policy_names.{each}": (Place(f"{OWNED}{each}", "name"),)
        for each in ("stream", "collection", "table", "failures", "function")
    },
    "existing_role.arn": (
        *each_of((SYNC, REDRIVE), "role"),
        Place(f"{OWNED}stream", "role", lambda arn: arn.rpartition("/")[2]),
    ),
    "alarms.enabled": (Place("aws_cloudwatch_metric_alarm.this", "count", int),),
    "alarms.name_prefix": (alarm("failures", "alarm_name", "{}-failures".format),),
    "alarms.actions": (alarm("failures", "alarm_actions"), alarm("failures", "ok_actions")),
    "alarms.failure_age_seconds": (alarm("failures", "datapoints_to_alarm", lambda age: age / 300),),
    "alarms.iterator_age_seconds": (alarm("iterator-age", "threshold", lambda age: age * 1000),),
    "dashboard.enabled": (Place("aws_cloudwatch_dashboard.this", "count", int),),
    "dashboard.name": (Place("aws_cloudwatch_dashboard.this[0]", "dashboard_name"),),
    "reconciliation.concurrency": (
        *variable("RECONCILE_CONCURRENCY", RUN),
        Place(f"{RUNS}aws_sfn_state_machine.this", "definition.json.States.*.MaxConcurrency"),
    ),
    "reconciliation.read_units_per_second": variable("READ_UNITS_PER_SECOND", RUN),
    "reconciliation.recheck_delay_seconds": variable("RECHECK_DELAY_SECONDS", RUN),
    "reconciliation.memory_size": (Place(RUN, "memory_size"),),
    "reconciliation.report_bucket.arn": (
        *variable("REPORT_BUCKET", RUN, shown=lambda arn: arn.rpartition(":")[2]),
        allowed(RUN_POLICY, "s3:PutObject", below="/*"),
    ),
    "reconciliation.report_bucket.kms_key_arn": (allowed(RUN_POLICY, "kms:GenerateDataKey"),),
    "reconciliation.export_bucket.arn": (
        allowed(RUN_POLICY, "s3:GetObject", below="/*"),
        allowed(RUN_POLICY, "s3:ListBucket"),
    ),
    "reconciliation.export_bucket.kms_key_arn": (allowed(RUN_POLICY, "kms:Decrypt"),),
    "reconciliation.verify_schedule_expression": (
        Place(f"{RUNS}aws_cloudwatch_event_rule.verify[0]", "schedule_expression"),
    ),
    "reconciliation.rolling.period_hours": (
        *variable("ROLLING_PERIOD_SECONDS", RUN, shown=lambda hours: str(hours * 3600)),
        alarm("rolling-late", "threshold", lambda hours: hours * 3600),
        Place(
            f"{RUNS}aws_s3_bucket_lifecycle_configuration.seen",
            "rule.0.expiration.0.days",
            lambda hours: hours / 24 + 1,
        ),
    ),
    "reconciliation.rolling.every_minutes": (
        Place(f"{RUNS}aws_cloudwatch_event_rule.rolling[0]", "schedule_expression", "rate({} minutes)".format),
        *variable("ROLLING_EVERY_SECONDS", RUN, shown=lambda minutes: str(minutes * 60)),
        alarm("rolling-late", "period", lambda minutes: minutes * 60),
    ),
    "reconciliation.rolling.read_units_per_second": variable("ROLLING_READ_UNITS_PER_SECOND", RUN),
}
"""Of the module itself."""

ROWS: Mapping[str, Mapping[str, tuple[Place, ...]]] = {
    ".": PLACES,
    "modules/collection": COLLECTION_MODULE,
    "modules/collection_policies": POLICIES,
}
"""By module. What modules/reconciliation is given, the module gives it, and its places are among those above."""

NOWHERE: Mapping[str, str] = {"package.facts": "is read by the plan alone"}
"""Settings of the module that arrive in nothing, each with its reason."""
