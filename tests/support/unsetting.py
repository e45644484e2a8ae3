"""Every setting of the module given once, where it is then seen in the cloud, and taken away again.

Two courses: what makes something anew or switches it off hides what is changed in place beside it. The module calls are
those of tests/lab/replaced. A third course has what the lab's stack cannot change. Where each setting of all three
arrives in a plan is in `reaching`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.replacing import ACCOUNT, CLOSED, KEY, POLICY, READER, VPC, Arguments, merged

WORD = "unset"
"""In the name of all that is made."""
ANOTHER = f"{WORD}-another"
BUCKET = {"arn": "arn:aws:s3:::the-bucket"}
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:the-topic"
THEIR_KEY = KEY
A_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"
"""The beginning of a key's ARN. Theirs is in policies alone."""
PATH = "/the/path/"
MAPPING = json.dumps({"properties": {"a": {"type": "keyword"}}})
OF_THE_DOCUMENT = {
    "when": '{"kind":["book"]}',
    "include": ["address"],
    "exclude": ["address.city"],
    "rename": {"address.town": "city"},
    "constants": {"tenant": "eu", "rank": 1},
}
VIEWS = {
    "products": {
        "index": {
            "name": "the-products",
            "adopt": "nobody",
            "mapping": '{"dynamic": false}',
            "settings": '{"analysis": {"analyzer": {}}}',
        },
        "document": {
            "when": '{"kind":["product"]}',
            "include": ["maker", "price"],
            "exclude": ["maker.tax_number"],
            "rename": {"maker.n": "name"},
            "constants": '{"rank": 2}',
        },
    }
}
POLICY_KEYS = ("stream", "collection", "table", "failures", "function")

FILE, S3 = ("file",), ("s3_bucket", "s3_key", "s3_object_version")
"""Settings of the package, which exclude each other."""

Place = tuple[str, str, str]
"""A setting, the kind of resource where it is seen, and text that its JSON has then and had not before."""


def plain(stream_arn: str) -> dict[str, Arguments]:
    """The arguments of each module call with no setting but those that have no default."""
    return {
        "own": {
            "name": WORD,
            "table": {"name": f"{WORD}-table", "hash_key": {"name": "id"}},
            "collection": {"name": WORD, "network": "public"},
        },
        "existing": {
            "name": f"{WORD}-there",
            "existing_table": {"stream_arn": stream_arn, "key_attributes": ["id"]},
            "existing_collection": {
                "name": "shop",
                "arn": f"arn:aws:aoss:us-east-1:{ACCOUNT}:collection/abc123",
                "endpoint": "http://127.0.0.1:9",
            },
        },
        "collection": {"name": f"{WORD}-alone", "network": "public"},
        "policies": {"collection_name": f"{WORD}-policies", "network": "public"},
    }


def anew(role_arn: str, s3_package: Mapping[str, str]) -> dict[str, Arguments]:
    """Settings that make something anew, or switch it off."""
    return {
        "own": {
            "table": {
                "stream_view_type": "NEW_AND_OLD_IMAGES",
                "deletion_protection": False,
                "ttl": {"attribute": "expires"},
            },
            "function": {"name": f"{ANOTHER}-function"},
            "package": dict(s3_package),
            "log_group": {"name": f"{ANOTHER}-log"},
            "trigger": {"starting_position": "LATEST", "bisect_batch_on_function_error": False},
            "failure_queue": {"name": f"{ANOTHER}-queue"},
            "role": {
                "name": f"{ANOTHER}-role",
                "path": PATH,
                "policy_names": {key: f"{ANOTHER}-{key}" for key in POLICY_KEYS},
            },
            "alarms": {"name_prefix": ANOTHER},
            "dashboard": {"enabled": True, "name": f"{ANOTHER}-dashboard"},
            "document": {"keep_expired": "expires"},
            "views": {"products": {"document": {"keep_expired": "expires"}}},
        },
        "existing": {
            "existing_collection": {"create_data_access_policy": False},
            "existing_role": {"arn": role_arn},
            "alarms": {"enabled": False},
        },
        "collection": {},
        "policies": {},
    }


ANEW_PLACES: tuple[Place, ...] = (
    ("table.stream_view_type", "tables", '"StreamViewType": "NEW_AND_OLD_IMAGES"'),
    ("document.keep_expired", "functions", '"DOCUMENT_SHAPE"'),
    ("table.ttl", "tables", '"AttributeName": "expires", "TimeToLiveStatus": "ENABLED"'),
    ("function.name", "functions", f'"{ANOTHER}-function"'),
    ("log_group.name", "log groups", f'"{ANOTHER}-log"'),
    ("failure_queue.name", "queues", f'"{ANOTHER}-queue"'),
    ("role.name", "roles", f'"{ANOTHER}-role"'),
    ("role.path", "roles", PATH),
    ("role.policy_names", "roles", f'"{ANOTHER}-stream"'),
    ("trigger.starting_position", "triggers", '"StartingPosition": "LATEST"'),
    ("alarms.name_prefix", "alarms", f'"{ANOTHER}-failures"'),
    ("dashboard.enabled", "dashboards", f'"{ANOTHER}-dashboard"'),
    ("dashboard.name", "dashboards", f'"{ANOTHER}-dashboard"'),
)
GONE: tuple[Place, ...] = (
    ("existing_role.arn", "roles", f'"{WORD}-there-role"'),
    ("alarms.enabled", "alarms", f'"{WORD}-there-failures"'),
    ("existing_collection.create_data_access_policy", "collection policies", f'"data {WORD}-there-writer"'),
)
"""What is there before, and not with the settings that make something anew."""


def in_place(file: str, key: Callable[[str], str]) -> dict[str, Arguments]:
    """Settings that change what is there. `file`: a package for Python 3.13; `key`: the ARN of a setting's KMS key."""
    mine: Arguments = {
        "tags": {"mine": "1"},
        "table": {
            "billing_mode": "PROVISIONED",
            "read_capacity": 5,
            "write_capacity": 6,
            "point_in_time_recovery": False,
            "deletion_protection": False,
            "kms_key_arn": key("table"),
            "ttl": {"attribute": "expires", "enabled": False},
        },
        "collection": {"description": "The description", "data_access_principals": [READER], **CLOSED},
        "index": {"name": "the-index", "adopt": "nobody", "mapping": MAPPING, "settings": '{"analysis": {}}'},
        "document": OF_THE_DOCUMENT,
        "views": VIEWS,
        "function": {
            "runtime": "python3.13",
            "architecture": "x86_64",
            "memory_size": 1111,
            "timeout": 666,
            "max_clock_skew_seconds": 22,
            "log_keys": "hashed",
            "metric_namespace": "the-namespace",
            "reserved_concurrency": 7,
            "environment_kms_key_arn": key("function"),
            "vpc": VPC,
        },
        "package": {"file": file},
        "log_group": {"retention_days": 7, "kms_key_arn": key("log_group")},
        "trigger": {
            "enabled": False,
            "batch_size": 99,
            "maximum_batching_window_seconds": 9,
            "parallelization_factor": 3,
            "maximum_record_age_seconds": 3600,
            "maximum_retry_attempts": 8,
            "bisect_batch_on_function_error": False,
            "on_failure_bucket": {**BUCKET, "kms_key_arn": key("on_failure_bucket")},
        },
        "failure_queue": {"visibility_timeout_seconds": 1001, "kms_key_arn": key("failure_queue")},
        "redrive": {"schedule_expression": "rate(2 hours)"},
        "role": {"permissions_boundary_arn": POLICY},
        "alarms": {"actions": [TOPIC], "failure_age_seconds": 600, "iterator_age_seconds": 7200},
        "reconciliation": {
            "concurrency": 9,
            "read_units_per_second": 123,
            "recheck_delay_seconds": 61,
            "memory_size": 2222,
            "report_bucket": {"arn": "arn:aws:s3:::the-reports", "kms_key_arn": key("report_bucket")},
            "export_bucket": {"arn": "arn:aws:s3:::the-exports", "kms_key_arn": key("export_bucket")},
            "verify_schedule_expression": "cron(0 3 * * ? *)",
            "rolling": {"period_hours": 480, "every_minutes": 120, "read_units_per_second": 77},
        },
    }
    named = {f"{part}_policy_name": f"{ANOTHER}-{part[0]}" for part in ("encryption", "network", "data_access")}
    return {
        "own": mine,
        "existing": {
            "existing_table": {"kms_key_arn": THEIR_KEY},
            "existing_collection": {"dashboard_endpoint": "http://127.0.0.1:7"},
        },
        "collection": {"data_access_principals": [READER], "tags": {"alone": "1"}, **named},
        "policies": {"description": "Another", "data_access_principals": [READER], **CLOSED},
    }


IN_PLACE_PLACES: tuple[Place, ...] = (
    *(
        ("tags", kind, '"mine"')
        for kind in (
            *("tables", "functions", "triggers", "log groups", "queues", "roles", "alarms", "rules", "machines"),
            *("collections", "buckets"),
        )
    ),
    ("table.billing_mode", "tables", '"BillingMode": "PROVISIONED"'),
    ("table.read_capacity", "tables", '"ReadCapacityUnits": 5'),
    ("table.write_capacity", "tables", '"WriteCapacityUnits": 6'),
    ("table.point_in_time_recovery", "tables", '"PointInTimeRecoveryStatus": "DISABLED"'),
    ("table.deletion_protection", "tables", '"DeletionProtectionEnabled": false'),
    ("table.kms_key_arn", "tables", A_KEY),
    ("collection.description", "collections", '"The description"'),
    ("collection.description", "collection policies", '"The description"'),
    ("collection.network", "collection policies", '"AllowFromPublic": false'),
    ("collection.vpc_endpoint_ids", "collection policies", str(CLOSED["vpc_endpoint_ids"][0])),
    ("collection.data_access_principals", "collection policies", READER),
    ("index.name", "functions", '"OPENSEARCH_INDEX": "the-index"'),
    ("index.name", "collection policies", "the-index"),
    ("index.adopt", "functions", '"INDEX_ADOPT": "nobody"'),
    ("index.mapping", "functions", '"INDEX_MAPPING"'),
    ("index.settings", "functions", '"INDEX_SETTINGS"'),
    ("document.when", "functions", '"DOCUMENT_SHAPE"'),
    ("document.include", "functions", '"DOCUMENT_SHAPE"'),
    ("document.exclude", "functions", '"DOCUMENT_SHAPE"'),
    ("document.rename", "functions", '"DOCUMENT_SHAPE"'),
    ("document.constants", "functions", '"DOCUMENT_SHAPE"'),
    *(("views.index", kind, f"{WORD}-products-reconcile") for kind in ("functions", "machines", "log groups", "roles")),
    ("views.index", "functions", '"VIEW": "products"'),
    ("views.index", "collection policies", "/the-products"),
    ("views.index", "alarms", f'"{WORD}-drift-products"'),
    ("views.document", "functions", '"VIEWS"'),
    ("function.runtime", "functions", '"Runtime": "python3.13"'),
    ("function.architecture", "functions", '"x86_64"'),
    ("function.memory_size", "functions", '"MemorySize": 1111'),
    ("function.timeout", "functions", '"Timeout": 666'),
    ("function.max_clock_skew_seconds", "functions", '"MAX_CLOCK_SKEW_SECONDS": "22"'),
    ("function.log_keys", "functions", '"LOG_KEYS": "hashed"'),
    ("function.metric_namespace", "functions", '"METRIC_NAMESPACE": "the-namespace"'),
    ("function.metric_namespace", "alarms", '"the-namespace"'),
    ("function.reserved_concurrency", "functions", '"ReservedConcurrentExecutions": 7'),
    ("function.environment_kms_key_arn", "functions", A_KEY),
    ("function.vpc", "functions", '"subnet-1"'),
    ("function.vpc", "roles", "ec2:CreateNetworkInterface"),
    ("log_group.retention_days", "log groups", '"retentionInDays": 7'),
    ("log_group.kms_key_arn", "log groups", A_KEY),
    ("trigger.enabled", "triggers", '"State": "Disabled"'),
    ("trigger.batch_size", "triggers", '"BatchSize": 99'),
    ("trigger.maximum_batching_window_seconds", "triggers", '"MaximumBatchingWindowInSeconds": 9'),
    ("trigger.parallelization_factor", "triggers", '"ParallelizationFactor": 3'),
    ("trigger.maximum_record_age_seconds", "triggers", '"MaximumRecordAgeInSeconds": 3600'),
    ("trigger.maximum_retry_attempts", "triggers", '"MaximumRetryAttempts": 8'),
    ("trigger.bisect_batch_on_function_error", "triggers", '"BisectBatchOnFunctionError": false'),
    ("trigger.on_failure_bucket", "triggers", '"arn:aws:s3:::the-bucket"'),
    ("trigger.on_failure_bucket", "roles", "arn:aws:s3:::the-bucket/*"),
    ("failure_queue.visibility_timeout_seconds", "queues", '"VisibilityTimeout": "1001"'),
    ("failure_queue.kms_key_arn", "queues", A_KEY),
    ("redrive.schedule_expression", "rules", '"rate(2 hours)"'),
    ("role.permissions_boundary_arn", "roles", POLICY),
    ("alarms.actions", "alarms", TOPIC),
    ("alarms.failure_age_seconds", "alarms", '"EvaluationPeriods": 6'),
    ("alarms.iterator_age_seconds", "alarms", '"Threshold": 7200000.0'),
    ("reconciliation.concurrency", "machines", '"MaxConcurrency": 9'),
    ("reconciliation.read_units_per_second", "functions", '"READ_UNITS_PER_SECOND": "123"'),
    ("reconciliation.recheck_delay_seconds", "functions", '"RECHECK_DELAY_SECONDS": "61"'),
    ("reconciliation.memory_size", "functions", '"MemorySize": 2222'),
    ("reconciliation.report_bucket", "functions", '"REPORT_BUCKET": "the-reports"'),
    ("reconciliation.report_bucket", "roles", "arn:aws:s3:::the-reports/*"),
    ("reconciliation.export_bucket", "roles", "arn:aws:s3:::the-exports/*"),
    ("reconciliation.verify_schedule_expression", "rules", '"cron(0 3 * * ? *)"'),
    ("reconciliation.rolling", "rules", '"rate(120 minutes)"'),
    ("reconciliation.rolling", "functions", '"ROLLING_PERIOD_SECONDS": "1728000"'),
    ("reconciliation.rolling", "buckets", '"Days": 21'),
    ("existing_table.kms_key_arn", "roles", THEIR_KEY),
)
NOT_SEEN: Mapping[str, str] = {
    "name": "has no default",
    "table.name": "has no default",
    "table.hash_key": "has no default",
    "table.range_key": "replaces the table, with every item",
    "table.index_attributes": "the plan refuses it where no index uses them",
    "collection.name": "has no default",
    "collection.standby_replicas": "replaces the collection, with every document",
    "collection.kms_key_arn": "the plan refuses it: the collection has its key for good",
    "existing_table.stream_arn": "has no default",
    "existing_table.key_attributes": "has no default",
    "existing_table.cross_account": "the plan refuses it of a table of the function's own account",
    "existing_collection.name": "has no default",
    "existing_collection.arn": "has no default",
    "existing_collection.endpoint": "has no default",
    "existing_collection.dashboard_endpoint": "is given out again, and is nowhere in the cloud",
    "package.facts": "is read by the plan alone",
}
"""Settings that are not seen to come and go, each with its reason."""


def unlike(key: Callable[[str], str]) -> dict[str, Arguments]:
    """What the lab's stack cannot change: settings without a default, and what is refused or loses too much there."""
    network = {"network": "vpc", "vpc_endpoint_ids": ["vpce-1"]}
    return {
        "own": {
            "name": f"{WORD}-unlike",
            "table": {
                "name": f"{ANOTHER}-table",
                "hash_key": {"name": "key", "type": "N"},
                "range_key": {"name": "sort", "type": "B"},
                "index_attributes": {"status": "S"},
                "ttl": {"attribute": "ends", "enabled": False},
            },
            "collection": {
                "name": ANOTHER,
                "standby_replicas": False,
                "kms_key_arn": key("collection"),
                **network,
            },
            "function": {"vpc": VPC},
            "trigger": {"enabled": False, "bisect_batch_on_function_error": False},
        },
        "existing": {
            "name": f"{WORD}-elsewhere",
            "existing_table": {
                "stream_arn": "arn:aws:dynamodb:eu-central-1:444455556666:table/theirs/stream/2025-01-01T00:00:00.000",
                "key_attributes": ["customer", "order"],
                "cross_account": True,
            },
            "existing_collection": {
                "name": "another_shop",
                "arn": f"arn:aws:aoss:eu-central-1:{ACCOUNT}:collection/abc124",
                "endpoint": "http://127.0.0.1:8",
            },
        },
        "collection": {
            "name": f"{ANOTHER}-alone",
            "description": "The description",
            "standby_replicas": False,
            "kms_key_arn": key("collection"),
            **network,
        },
        "policies": {
            "collection_name": f"{ANOTHER}-policies",
            "kms_key_arn": key("policies"),
            "data_access_principals": [READER],
            **{f"{part}_policy_name": f"{ANOTHER}-{part[0]}" for part in ("encryption", "network", "data_access")},
        },
    }


def of_a_package(package: str, *settings: str) -> tuple[Place, ...]:
    """Where the settings that name a package are seen: in the digest of the functions' code."""
    digest = base64.b64encode(hashlib.sha256(Path(package).read_bytes()).digest()).decode()
    return tuple((f"package.{each}", "functions", digest) for each in settings)


def with_settings(base: Mapping[str, Arguments], given: Mapping[str, Arguments]) -> dict[str, Any]:
    """The arguments of each call with settings."""
    return {call: merged(arguments, given[call]) for call, arguments in base.items()}
