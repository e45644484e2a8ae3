"""What each setting may not be: wrong values, and the end of the message that a plan refuses them with.

Each message names the setting, or the object it is in, and the value; its remedy stands here. What a plan knows only
with the resources (a package, a region, the length of an environment) is refused in tests/terraform/*.tftest.hcl.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from typing import Any

from tests.support.reaching import VIEW
from tests.support.replacing import ROOT, VPC, Arguments, merged


@dataclass(frozen=True)
class Refused:
    """A wrong value of a setting, which may be a whole variable. beside: arguments without which it is none."""

    setting: str
    value: Any
    remedy: str
    beside: Arguments = field(default_factory=dict)

    def arguments(self, base: Arguments) -> Arguments:
        """Those of a module call with this value."""
        value = self.value
        for name in reversed(self.setting.split(".")):
            value = {name: value}
        return merged(merged(base, self.beside), value)

    def variables(self) -> set[str]:
        """The variables that it changes."""
        return {self.setting.partition(".")[0], *self.beside}

    def said_by(self, message: str) -> bool:
        """Whether a message names setting, value and remedy."""
        return any(each in message for each in self._names()) and self._shown() in message and self.remedy in message

    def _names(self) -> Iterator[str]:
        """The setting, or the object it is in."""
        parts = self.setting.split(".")
        yield from (".".join(parts[:length]) for length in range(len(parts), max(0, len(parts) - 2), -1))

    def _shown(self) -> str:
        """The value as Terraform writes it; nothing of one that is long, or of which a message tells a part."""
        text = json.dumps(self.value, separators=(",", ":"), ensure_ascii=False)
        return "" if self.setting in TOLD_IN_PART or len(text) > 100 or self.value is None else text


def refused(setting: str, remedy: str, *values: Any, **beside: Any) -> tuple[Refused, ...]:
    """Wrong values of a setting with one remedy."""
    return tuple(Refused(setting, value, remedy, beside) for value in values)


def rounds(rows: Iterable[Refused], reads: Mapping[str, set[str]]) -> list[list[Refused]]:
    """Rows that one plan shows at once: Terraform asks nothing of a variable that reads a wrong one."""

    def touched(row: Refused) -> set[str]:
        return row.variables() | {name for each in row.variables() for name in reads[each]}

    found: list[list[Refused]] = []
    for row in rows:
        for each in found:
            others = {name for other in each for name in other.variables()}
            asked = {name for other in each for name in touched(other)}
            if not touched(row) & others and not row.variables() & asked:
                each.append(row)
                break
        else:
            found.append([row])
    return found


def reads(folder: str) -> dict[str, set[str]]:
    """The other variables that each one's validations read, and those that these read."""
    text = (ROOT / folder / "variables.tf").read_text("utf-8")
    parts = re.split(r'^variable "(\w+)"', text, flags=re.MULTILINE)[1:]
    found = {name: {*re.findall(r"\bvar\.(\w+)", body)} - {name} for name, body in zip(*[iter(parts)] * 2, strict=True)}
    return {name: found[name].union(*(found[each] for each in found[name])) - {name} for name in found}


TOLD_IN_PART = {
    *("tags", "index.mapping", "index.settings", "document.when", "document.include", "description"),
    *("document.rename", "document.constants", "views"),
    *("existing_table", "existing_collection"),
}
"""Settings whose message tells what is wrong in the value instead of all of it."""
LONG = sha512(b"k").hexdigest()
"""128 characters."""
ACCOUNT = "eu-central-1:111122223333"
STREAM = f"arn:aws:dynamodb:{ACCOUNT}:table/orders/stream/2025-01-01T00:00:00.000"
THEIRS = {"stream_arn": STREAM, "key_attributes": ["id"]}
SHOP = {
    "name": "shop",
    "arn": f"arn:aws:aoss:{ACCOUNT}:collection/abc123",
    "endpoint": "https://abc123.eu-central-1.aoss.amazonaws.com",
}
KEY = "give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias"
ROLE = "give the role's ARN (arn:aws:iam::<account>:role/<path><name>), not its name."
ROLES_OF_VIEWS = "give the roles' ARNs (arn:aws:iam::<account>:role/<path><name>), not their names."
BUCKET = "give the bucket's ARN (arn:aws:s3:::<bucket>), without a key."
SCHEDULE = (
    "give rate(<number> minutes|hours|days), with the singular for 1, or cron(<minutes> <hours> <day of month> <month> "
    "<day of week> <year>) with ? for one of the two days, or null."
)
STREAM_ARN = (
    "give the stream's ARN (arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>), from the table's "
    "LatestStreamArn."
)
KEY_NAME = "give a name of 1 to 255 characters and the type S, N or B."
NO_FIELD = (
    "OpenSearch takes no field like this, so that no item could be written. It refuses an empty part between points, "
    "and a name that is the beginning of the other before a point."
)
CAPACITIES = "give both, whole numbers from 1, for PROVISIONED and neither for PAY_PER_REQUEST."
PLACES_OF_A_PACKAGE = (
    "give file alone, or s3_bucket, s3_key, s3_object_version and facts together, or nothing for dist/searchsync.zip."
)
OBJECT = {"s3_bucket": "packages", "s3_key": "a.zip", "s3_object_version": "1", "facts": "a.json"}
OBJECTS = "give the object's key in its bucket, not its URL, and its version id, each of 1 to 1024 characters."
NO_PATH = "give names with single dots between them, and write \\. for a dot in a name."
NEW_NAME = (
    "A name is not empty, and has no dot, which would be a path to the engine; at the top it is none that the engine "
    "or searchsync keeps for itself (docs/documents.md). Choose others."
)
NO_SOURCE = "so that none could be compared with its item. Take `_source` out of the mapping."
OPERATORS = (
    'write status = ["open"], and of operators prefix, suffix, equals-ignore-case, wildcard, numeric, anything-but, '
    "exists."
)
IDS = (
    "give ids, not names or ARNs, of subnets (subnet-…) in subnet_ids and of security groups (sg-…) in "
    "security_group_ids."
)
NAME = "use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
TAGS = "use letters, digits, spaces and _ . : / = + - @, in keys that do not begin with aws:, which is AWS's own."
SOME_TAGS = "give at most 50, keys of 1 to 128 characters that do not begin with aws:, and values of at most 256."

BASE: Mapping[str, Arguments] = {
    ".": {
        "name": "searchsync",
        "table": {"name": "searchsync", "hash_key": {"name": "id"}},
        "collection": {"name": "searchsync", "network": "public"},
    },
    "modules/collection": {"name": "shop", "network": "public"},
    "modules/collection_policies": {"collection_name": "shop", "description": "Documents", "network": "public"},
    "modules/nextgen_collection": {"name": "shop", "network": "public"},
    "modules/table_policies": {
        "stream_arn": STREAM,
        "function_role_arn": "arn:aws:iam::111122223333:role/searchsync-role",
        "reconcile_role_arn": "arn:aws:iam::111122223333:role/searchsync-reconcile-role",
    },
    "modules/view": {"key_attributes": ["id"]},
}
"""Arguments by module with which nothing is refused."""


def theirs(setting: str, remedy: str, *values: Any) -> tuple[Refused, ...]:
    """Wrong values of an attribute of `existing_table`."""
    return refused(f"existing_table.{setting}", remedy, *values, table=None, existing_table=THEIRS)


def shop(setting: str, remedy: str, *values: Any) -> tuple[Refused, ...]:
    """Wrong values of an attribute of `existing_collection`."""
    return refused(f"existing_collection.{setting}", remedy, *values, collection=None, existing_collection=SHOP)


COMMON = (
    *refused(
        "name", "use 3 to 24 lower case letters, digits and hyphens, beginning with a letter.", "Search", "a" * 25
    ),
    *refused(
        "tags",
        "give at most 50, keys of 1 to 128 characters and values of at most 256.",
        {f"k{number}": "v" for number in range(51)},
        {f"{LONG}x": "v"},
        {"k": f"{LONG}{LONG}x"},
    ),
    *refused("tags", TAGS, {"cost!": "v"}, {"cost": "50%"}, {"aws:cost": "v"}),
    *refused("tags", "Leave one of the two out.", {"Cost": "a", "cost": "b"}),
)

TABLES = (
    *refused("table", "give table to create one, or existing_table to follow one that exists.", None),
    *refused(
        "existing_table", "give table to create one, or existing_table to follow one that exists.", THEIRS, table={}
    ),
    *refused(
        "table.name", "use 3 to 255 letters, digits, points, hyphens and underscores.", "my table", "ab", "a" * 256
    ),
    *refused("table.hash_key.name", KEY_NAME, "", "k" * 256),
    *refused("table.hash_key.name", NO_FIELD, "user..id"),
    *refused("table.hash_key.type", KEY_NAME, "M"),
    *refused("table.range_key.name", KEY_NAME, "", table={"range_key": {"type": "N"}}),
    *refused("table.range_key.name", "name another attribute, or leave range_key out.", "id"),
    *refused("table.range_key.name", NO_FIELD, "id.part"),
    *refused("table.range_key.type", KEY_NAME, "M", table={"range_key": {"name": "sort"}}),
    *refused("table.stream_view_type", "use NEW_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY or OLD_IMAGE.", "NEW_IMAGES"),
    *refused(
        "table.stream_view_type",
        "so use NEW_AND_OLD_IMAGES, and name the attribute of table.ttl.",
        "KEYS_ONLY",
        document={"keep_expired": "expires"},
    ),
    *refused("table.billing_mode", "use PAY_PER_REQUEST or PROVISIONED.", "ON_DEMAND"),
    *refused("table.read_capacity", CAPACITIES, 5, table={"billing_mode": "PROVISIONED"}),
    *refused("table.read_capacity", CAPACITIES, 0, 1.5, table={"billing_mode": "PROVISIONED", "write_capacity": 5}),
    *refused("table.write_capacity", CAPACITIES, 5, table={"read_capacity": 5}),
    *refused("table.kms_key_arn", KEY, "alias/table"),
    *refused(
        "table.ttl.attribute", "give an attribute's name of 1 to 255 characters, or leave ttl out.", "", "k" * 256
    ),
    *refused(
        "table.index_attributes",
        "give names of 1 to 255 characters with the type S, N or B, and none of the table's own key.",
        {"status": "string"},
        {"id": "S"},
        {"": "S"},
    ),
    *theirs("stream_arn", STREAM_ARN, STREAM.partition("/stream/")[0]),
    *theirs(
        "key_attributes",
        "give the one or two names of the table's key schema, of 1 to 255 characters, hash key first.",
        [],
        ["a", "b", "c"],
        ["id", "id"],
        [""],
        ["k" * 256],
    ),
    *theirs("key_attributes", NO_FIELD, [".id"]),
    *theirs("kms_key_arn", KEY, "alias/table"),
    *refused(
        "existing_table.cross_account",
        "Leave export_bucket out, and fill the index by a backfill.",
        True,
        table=None,
        existing_table=THEIRS,
        reconciliation={"export_bucket": {"arn": "arn:aws:s3:::exports"}},
    ),
)

COLLECTIONS = (
    *refused("collection", "give collection to create one, or existing_collection to write to one that exists.", None),
    *refused(
        "existing_collection",
        "give collection to create one, or existing_collection to write to one that exists.",
        SHOP,
        collection={},
    ),
    *refused(
        "collection.vpc_endpoint_ids",
        "Give function.vpc with subnets and security groups that reach these endpoints.",
        ["vpce-0123456789abcdef0"],
        collection={"network": "vpc"},
    ),
    *shop(
        "name",
        "give the collection's name (3 to 64 lower case letters, digits, hyphens and underscores, beginning with a "
        "letter), not its id.",
        "Shop",
        "a" * 65,
    ),
    *shop("arn", "give the collection's ARN (arn:aws:aoss:<region>:<account>:collection/<id>).", "abc123"),
    *shop(
        "endpoint",
        "give the collection's OpenSearch endpoint, https://<id>.<region>.aoss.amazonaws.com or "
        "https://<id>.aoss.<region>.on.aws, without a path.",
        "abc123.eu-central-1.aoss.amazonaws.com",
        "http://abc123.eu-central-1.aoss.amazonaws.com",
        "https://abc123.eu-central-1.aoss.amazonaws.com/_dashboards",
    ),
    *shop(
        "endpoint",
        "give the collection's own, https://<id>.aoss.<region>.on.aws (its collectionEndpoint).",
        "https://111122223333.aoss.eu-central-1.on.aws",
    ),
    *shop("dashboard_endpoint", "give the dashboard's URL (https://…/_dashboards), or leave it out.", "abc123"),
)

INDEXES = (
    *refused(
        "index.name",
        "use up to 255 lower case letters, digits, points, hyphens and underscores, beginning with a letter or digit.",
        "Orders",
        "_orders",
        "a" * 256,
    ),
    *refused("index.adopt", 'the owner as the function\'s refusal names it, "<function name> <table ARN>".', "yes"),
    *refused(
        "index.mapping",
        'give it like jsonencode({ properties = { name = { type = "text" } } }).',
        "properties",
        "[]",
        '{"mappings":{}}',
    ),
    *refused(
        "index.mapping",
        "Take the property out, and rename the attribute in the table.",
        '{"properties":{"searchsync_key.x":{"type":"text"}}}',
    ),
    *refused("index.mapping", "Use `dynamic` false instead.", '{"enabled":false}'),
    *refused(
        "index.mapping",
        "What stands below `settings` goes to index.settings.",
        '{"settings":{"number_of_shards":1},"properties":{"a":{"type":"text"}}}',
        '{"a":{"type":"text"}}',
    ),
    *refused(
        "index.mapping",
        "give a type of its documentation, such as keyword, text, double or date.",
        '{"properties":{"a":{"properties":{"b":{"type":"strnig"}}}}}',
        '{"dynamic_templates":[{"all":{"match":"*","mapping":{"type":"string"}}}]}',
    ),
    *refused("index.mapping", "give true, false or strict.", '{"dynamic":"sometimes"}'),
    *refused("index.mapping", NO_SOURCE, '{"_source":{"enabled":false}}', '{"_source":{"excludes":["secret"]}}'),
    *refused("index.mapping", "Take `_routing` out of the mapping.", '{"_routing":{"required":true}}'),
    *refused(
        "index.mapping",
        "at most 3000 fit into the function's environment. Shorten the mapping with dynamic_templates, or make the "
        'index by hand and set index.adopt = "nobody".',
        json.dumps({"_meta": [sha256(str(number).encode()).hexdigest() for number in range(500)]}),
    ),
    *refused("index.settings", "give it like jsonencode({ analysis = { analyzer = { … } } }).", "analysis"),
    *refused(
        "index.settings",
        "take it out. It is what stands below `settings`.",
        '{"index.gc_deletes":"1h"}',
        '{"index":{"blocks":{"write":true}}}',
    ),
)

DOCUMENTS = (
    *refused(
        "document.when",
        'write it with jsonencode, such as jsonencode({ status = ["open"] }).',
        "status = open",
        '[{"status":["open"]}]',
        "{}",
        json.dumps({"a": ["x" * 4096]}),
    ),
    *refused(
        "document.when", "give each name values, operators or names of its own.", '{"status":[]}', '{"a":{"b":{}}}'
    ),
    *refused(
        "document.when",
        OPERATORS,
        '{"status":"open"}',
        '{"a":{"b":5}}',
        '{"status":["x",{"contains":"open"}]}',
        '{"price":[{"numeric":[">",1]},{"between":[1,2]}]}',
    ),
    *refused("document.include", "leave it out for all attributes, or give paths.", []),
    *refused("document.include", NO_PATH, ["a\\"]),
    *refused("document.exclude", NO_PATH, ["a..b"]),
    *refused("document.exclude", "take them out.", ["addresses"], document={"include": ["address"]}),
    *refused("document.rename", NO_PATH, {"a..b": "c"}),
    *refused(
        "document.rename",
        NEW_NAME,
        {"a": ""},
        {"a": " "},
        {"a": None},
        {"a.b": "c.d"},
        {"a\\.b": "_version"},
        {"a": "___source"},
        {"a": "searchsync_key"},
    ),
    *refused("document.rename", "take them out.", {"a.b": "c"}, document={"exclude": ["a"]}),
    *refused("document.rename", "take them out.", {"a": "c"}, document={"include": ["ab"]}),
    *refused(
        "document.keep_expired", "give the name of the table's TTL attribute, of 1 to 255 characters", "", "k" * 256
    ),
    *refused("document.constants", NEW_NAME, {"a.b": 1}, {"_id": 1}),
    *refused(
        "document.constants",
        "write an object of texts, numbers and booleans, such as {",
        {"a": None},
        {"a": ["b"]},
        {"a": {"b": 1}},
        ["a"],
        [],
        "a",
    ),
)

VIEWS = (
    *refused(
        "views",
        "use 1 to 20 lower case letters, digits and single hyphens, beginning with a letter.",
        *({name: {}} for name in ("", "Products", "a--b", "a-", "1a", "a_b", "a" * 21)),
    ),
    *refused("views", "and the rest to another stack on the same table.", {f"v{number}": {} for number in range(10)}),
    *refused(
        "views",
        "which have room for 39 characters of them together. Give the view a shorter name.",
        {"a" * 20: {}},
        name="abcdefghijklmnopqrst",
    ),
    *refused(
        "views",
        "which have room for 46 characters of them together. Give the view a shorter name.",
        {"a" * 7: {}},
        function={"name": "f" * 40},
    ),
)

FUNCTIONS = (
    *refused("function.name", "use 1 to 47 letters, digits, hyphens and underscores", "a" * 48, "sync.data"),
    *refused("function.runtime", "use python3.12, python3.13 or python3.14.", "python3.11"),
    *refused("function.architecture", "use arm64 or x86_64.", "amd64"),
    *refused("function.memory_size", "give whole MB from 128 to 10240.", 127, 10241, 512.5),
    *refused("function.timeout", "give whole seconds from 110 (90 + 2 * max_clock_skew_seconds", 109, 901, 300.5),
    *refused(
        "function.timeout",
        "give whole seconds from 302 (90 + 2 * max_clock_skew_seconds",
        300,
        function={"max_clock_skew_seconds": 106},
    ),
    *refused("function.max_clock_skew_seconds", "give whole seconds from 5 to 300.", 4, 5.5),
    *refused("function.max_clock_skew_seconds", "give whole seconds from 5 to 300.", 301, function={"timeout": 900}),
    *refused("function.log_keys", "use plain or hashed.", "none"),
    *refused(
        "function.metric_namespace",
        "use 1 to 255 letters, digits and . - _ / # that do not begin with AWS/.",
        "AWS/Lambda",
        "a:b",
        "",
    ),
    *refused(
        "function.reserved_concurrency",
        "give a whole number from 1, or null. To stop the pipeline set trigger.enabled = false.",
        0,
        1.5,
    ),
    *refused("function.environment_kms_key_arn", KEY, "alias/environment"),
    *refused(
        "function.vpc.subnet_ids",
        "give 1 to 16 subnets and 1 to 5 security groups, or null.",
        [],
        [f"subnet-{number}" for number in range(17)],
        function={"vpc": VPC},
    ),
    *refused("function.vpc.subnet_ids", IDS, ["sg-1"], ["my-subnet"], [""], function={"vpc": VPC}),
    *refused(
        "function.vpc.security_group_ids",
        "give 1 to 16 subnets and 1 to 5 security groups, or null.",
        [],
        [f"sg-{number}" for number in range(6)],
        function={"vpc": VPC},
    ),
    *refused("function.vpc.security_group_ids", IDS, ["subnet-1"], ["default"], function={"vpc": VPC}),
    *refused("package.file", "give the path of a .zip that `make package` made.", "dist/searchsync.jar"),
    *refused("package.s3_bucket", PLACES_OF_A_PACKAGE, "packages"),
    *refused("package.s3_key", PLACES_OF_A_PACKAGE, "a.zip", package={"s3_bucket": "packages", "facts": "a.json"}),
    *refused("package.file", PLACES_OF_A_PACKAGE, "a.zip", package=OBJECT),
    *refused(
        "package.s3_bucket",
        "give the bucket's name of 3 to 63 characters, not its ARN or URL.",
        "arn:aws:s3:::packages",
        "s3://packages",
        "packages.",
        "ab",
        package=OBJECT,
    ),
    *refused("package.s3_key", OBJECTS, "s3://packages/a.zip", "", package=OBJECT),
    *refused("package.s3_object_version", OBJECTS, "", "1" * 1025, package=OBJECT),
    *refused(
        "log_group.name",
        "use 1 to 512 letters, digits and _ - / . # that do not begin with aws/ (/aws/ is allowed).",
        "my log",
        "aws/lambda/sync",
        "a" * 513,
    ),
    *refused(
        "log_group.retention_days", "use a number of days that CloudWatch takes, like 7, 30, 90, 365 or 3653.", 10, 0
    ),
    *refused("log_group.kms_key_arn", KEY, "alias/log", f"arn:aws:kms:{ACCOUNT}:key/{LONG}"),
)

TRIGGERS = (
    *refused("trigger.starting_position", "use TRIM_HORIZON or LATEST.", "AT_TIMESTAMP"),
    *refused("trigger.batch_size", "give a whole number from 1 to 10000.", 0, 10001, 1.5),
    *refused("trigger.maximum_batching_window_seconds", "give whole seconds from 0 to 300.", -1, 301, 0.5),
    *refused("trigger.parallelization_factor", "give a whole number from 1 to 10.", 0, 11, 1.5),
    *refused(
        "trigger.maximum_record_age_seconds", "give whole seconds from 60 to 604800, or -1 for never.", 59, 604801, 60.5
    ),
    *refused(
        "trigger.maximum_retry_attempts",
        "give a whole number from 0 to 10000, or -1 for as long as the records live.",
        -2,
        10001,
        0.5,
    ),
    *refused(
        "trigger.on_failure_bucket.arn",
        "give a bucket's ARN (arn:aws:s3:::<bucket>), or leave on_failure_bucket out for the failure queue.",
        "dropped-records",
    ),
    *refused(
        "trigger.on_failure_bucket.kms_key_arn",
        KEY,
        "alias/dropped",
        trigger={"on_failure_bucket": {"arn": "arn:aws:s3:::dropped-records"}},
    ),
    *refused("failure_queue.name", "use 1 to 80 letters, digits, hyphens and underscores.", "failures.fifo", "a" * 81),
    *refused(
        "failure_queue.visibility_timeout_seconds",
        "give whole seconds from 300 (function.timeout) to 43200.",
        299,
        43201,
        900.5,
    ),
    *refused("failure_queue.kms_key_arn", KEY, "alias/queue"),
    *refused(
        "redrive.schedule_expression",
        SCHEDULE,
        "rate(1 hours)",
        "rate(5 minute)",
        "rate(0 minutes)",
        "cron(0 6 * * ?)",
        "cron(0 6 * * * *)",
        "at(2026-01-01T00:00:00)",
    ),
)

ROLES = (
    *refused("role.name", "use 1 to 64 letters, digits and _ + = , . @ -.", "team/role", "a" * 65),
    *refused(
        "role.name",
        "leave out existing_role to create a role of this name, or leave out the name.",
        "new",
        existing_role={"arn": "arn:aws:iam::111122223333:role/existing"},
    ),
    *refused(
        "role.path",
        "begin and end it with a slash, like /service/, in 512 characters at most.",
        "team",
        f"/{'a' * 511}/",
    ),
    *refused(
        "role.permissions_boundary_arn",
        "give the managed policy's ARN (arn:aws:iam::<account>:policy/<path><name>), not its name.",
        "bound",
        "arn:aws:iam::111122223333:role/bound",
    ),
    *(
        row
        for key in ("stream", "collection", "table", "failures", "function")
        for row in refused(
            f"role.policy_names.{key}",
            "use 1 to 128 letters, digits and _ + = , . @ - for each.",
            "my policy",
            "a" * 129,
        )
    ),
    *refused(
        "role.policy_names.stream",
        "give each policy a name of its own; the same name would overwrite it.",
        "searchsync-table",
    ),
    *refused(
        "role.policy_names.stream",
        "give each policy a name of its own; the same name would overwrite it.",
        "same",
        role={"policy_names": {"table": "same"}},
    ),
    *refused("existing_role.arn", ROLE, "existing"),
)

ALARMS = (
    *refused("alarms.name_prefix", "use 1 to 200 characters without spaces.", "my alarms", "a" * 201),
    *refused(
        "alarms.actions",
        "give at most five ARNs of at most 1024 characters, like that of an SNS topic.",
        ["on-call"],
        [f"arn:aws:sns:{ACCOUNT}:{'a' * 1024}"],
        [f"arn:aws:sns:{ACCOUNT}:{number}" for number in range(6)],
    ),
    *refused("alarms.failure_age_seconds", "give seconds from 300 to 84900", 299, 84901),
    *refused("alarms.iterator_age_seconds", "give seconds from 121 (120 + trigger.", 120, 86401),
    *refused(
        "alarms.iterator_age_seconds",
        "give seconds from 420 (120 + trigger.",
        400,
        trigger={"maximum_batching_window_seconds": 300},
    ),
    *refused("dashboard.name", "use 1 to 255 letters, digits, hyphens and underscores.", "orders.search", "a" * 256),
)

RECONCILIATIONS = (
    *refused("reconciliation.concurrency", "give a whole number from 1 to 100.", 0, 101, 1.5),
    *refused(
        "reconciliation.read_units_per_second", "give a number over 0, or null for a quarter of what the table has.", 0
    ),
    *refused("reconciliation.recheck_delay_seconds", "give seconds from 5 to 120.", 4, 121),
    *refused("reconciliation.memory_size", "give whole MB from 256 to 10240.", 255, 10241, 512.5),
    *refused("reconciliation.report_bucket.arn", BUCKET, "shop-reports"),
    *refused("reconciliation.export_bucket.arn", BUCKET, "arn:aws:s3:::shop-exports/AWSDynamoDB"),
    *(
        row
        for bucket in ("report_bucket", "export_bucket")
        for row in refused(
            f"reconciliation.{bucket}.kms_key_arn",
            KEY,
            f"alias/{bucket}",
            reconciliation={bucket: {"arn": "arn:aws:s3:::the-bucket"}},
        )
    ),
    *refused("reconciliation.verify_schedule_expression", SCHEDULE, "every day", "rate(5 minute)", "cron(0 3 * * * *)"),
    *refused(
        "reconciliation.rolling.period_hours",
        "give hours from 0.1 to 2160 (90 days).",
        0,
        0.09,
        2161,
        reconciliation={"rolling": {"every_minutes": 1}},
    ),
    *refused("reconciliation.rolling.every_minutes", "give whole minutes from 1 to 1440", 0, 1.5, 1441),
    *refused(
        "reconciliation.rolling.every_minutes",
        "give whole minutes from 1 to 15, a quarter of period_hours and a day at most.",
        16,
        reconciliation={"rolling": {"period_hours": 1}},
    ),
    *refused(
        "reconciliation.rolling.read_units_per_second",
        "give a number over 0, or null for the share of one of a run's parts.",
        0,
    ),
)

_OF_A_COLLECTION = (
    *refused("name", NAME.rstrip("."), "Shop", "a" * 33),
    *refused("description", "give 1 to 1000.", "", "a" * 1001),
    *refused("tags", SOME_TAGS, {f"k{number}": "v" for number in range(51)}, {"aws:cost": "v"}),
)
OCU = "give a minimum from 0, and a maximum from 1 that is not below it."
SOME_OCU = "give 0 for a minimum, or 1, 2, 4, 8, 16 or a multiple of 16."

ROWS: Mapping[str, tuple[Refused, ...]] = {
    ".": (
        *COMMON,
        *TABLES,
        *COLLECTIONS,
        *VIEWS,
        *FUNCTIONS,
        *TRIGGERS,
        *ROLES,
        *ALARMS,
        *RECONCILIATIONS,
    ),
    "modules/collection": _OF_A_COLLECTION,
    "modules/collection_policies": (
        *refused("kms_key_arn", f"{KEY}, or null for a key that AWS owns.", "alias/collection"),
        *refused("encryption_policy_name", NAME, "Key", "a" * 33),
        *refused("network", 'choose who reaches the collection, "public" or "vpc".', "internet"),
        *refused("network", 'give the endpoints with "vpc", and none with "public".', "vpc"),
        *refused("vpc_endpoint_ids", 'give the endpoints with "vpc", and none with "public".', ["vpce-1"]),
        *refused(
            "vpc_endpoint_ids",
            "give ids of OpenSearch Serverless VPC endpoints, like vpce-0123456789abcdef0.",
            ["vpc-1"],
            network="vpc",
        ),
        *refused("network_policy_name", NAME, "Net", "a" * 33),
        *refused("data_access_principals", "a wildcard is refused.", ["*"], ["reader"]),
        *refused("data_access_policy_name", NAME, "Readers", "a" * 33),
    ),
    "modules/nextgen_collection": (
        *_OF_A_COLLECTION,
        *refused("group_name", NAME, "Shop", "a" * 33),
        *refused("name", "and give it to searchsync as existing_collection.", "shop_items"),
        *refused("capacity_limits.min_indexing_ocu", OCU, 16),
        *refused("capacity_limits.min_indexing_ocu", SOME_OCU, 1.5, 3),
        *refused("capacity_limits.max_indexing_ocu", OCU, 0),
        *refused("capacity_limits.max_indexing_ocu", SOME_OCU, 20),
        *refused("capacity_limits.min_search_ocu", OCU, -1),
        *refused("capacity_limits.min_search_ocu", SOME_OCU, 5),
        *refused("capacity_limits.max_search_ocu", OCU, 0),
        *refused("capacity_limits.max_search_ocu", SOME_OCU, 24),
    ),
    "modules/table_policies": (
        *refused("stream_arn", STREAM_ARN, STREAM.partition("/stream/")[0]),
        *refused("function_role_arn", ROLE, "searchsync-role"),
        *refused("reconcile_role_arn", ROLE, "searchsync-reconcile-role"),
        *refused("view_role_arns", ROLES_OF_VIEWS, ["searchsync-products-reconcile-role"]),
    ),
    "modules/view": (*INDEXES, *DOCUMENTS),
}
"""By module. modules/reconciliation is given what the module has looked at."""

FREE: Mapping[tuple[str, str], str] = {
    ("modules/view", "label"): "is written by the module",
    ("modules/view", "key_attributes"): "looked at where the table is",
    (".", "package.facts"): "a plan with the resources looks for the file",
    ("modules/collection_policies", "collection_name"): "looked at by those that make a collection",
    ("modules/collection_policies", "description"): "looked at by those that make a collection",
}
"""Settings without a wrong value here, each with its reason. A switch needs none: Terraform's type is its rule."""


def looked_at(folder: str) -> set[str]:
    """The settings of a module with a rule: its own, and that of the module which it gives them to."""
    own = {row.setting for row in ROWS[folder]}
    if folder == ".":
        of_a_view = looked_at("modules/view")
        collection = {f"collection.{name}" for name in looked_at("modules/collection")}
        return own | collection | of_a_view | {f"views.{VIEW}.{name}" for name in of_a_view}
    if folder in ("modules/collection", "modules/nextgen_collection"):
        return own | looked_at("modules/collection_policies")
    return own
