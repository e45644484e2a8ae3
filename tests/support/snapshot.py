"""What the cloud holds of a stack: every resource whose name has a word in it, as its own APIs tell it.

What is another one each time (ids, times, tokens of a change) is left out: two looks at the same stack are equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

Record = dict[str, Any]
Snapshot = dict[str, Record]
"""By kind and name."""
CHANGING = re.compile(
    r".*(Date|DateTime|Time|Timestamp|Modified|Token|[rR]evisionId|Version)|.*Date.*|Approximate.*|ResponseMetadata|UUID"
    r"|RoleId|TableId|ItemCount|.*SizeBytes|storedBytes|LastProcessingResult|State(Value|Reason|ReasonData|TransitionReason)|Location"
    r"|LatestStreamLabel"
)
"""Members that are left out, wherever they stand."""
MADE_ANEW = (
    (re.compile(r"(?<=:event-source-mapping:)[-0-9a-f]{36}"), "<uuid>"),
    (re.compile(r"(?<=/stream/)[-0-9T:.]+"), "<label>"),
    (re.compile(r"(?<=-reconcile-)[0-9a-f]{26}"), "<bucket>"),
)


DEFAULTS = {"Ipv6AllowedForDualStack": False, "KmsDataKeyReusePeriodSeconds": "300"}
"""Members with the value that holds where they were never given; the lab tells them once they were."""


def snapshot(client: Callable[[str], Any], word: str) -> Snapshot:
    """Everything with a word in its name. `client`: of a service, by its name."""
    found = {kind: dict(look(client, word)) for kind, look in KINDS.items()}
    text = json.dumps(_kept(found), sort_keys=True, default=str)
    for pattern, stand_in in MADE_ANEW:
        text = pattern.sub(stand_in, text)
    return dict(json.loads(text))


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        told = {name: each for name, each in value.items() if each not in ("", None) and DEFAULTS.get(name) != each}
        return {name: _kept(each) for name, each in told.items() if not CHANGING.fullmatch(name)}
    if isinstance(value, list):
        return sorted(map(_kept, value), key=_tag_key) if all(map(_tag_key, value)) else list(map(_kept, value))
    if isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError):
            return _kept(json.loads(value))
    return value


def _tag_key(value: Any) -> str:
    """What tags are ordered by: AWS lists them as it likes."""
    return str(value.get("Key") or value.get("key") or "") if isinstance(value, dict) else ""


def _there(call: Callable[..., Any], **named: Any) -> Any:
    """The answer, None where there is no such thing."""
    try:
        return call(**named)
    except ClientError as error:
        if not re.search(r"NotFound|NoSuch|DoesNotExist", error.response["Error"]["Code"]):
            raise
        return None


Found = Iterator[tuple[str, Record]]
Client = Callable[[str], Any]


def _tables(client: Client, word: str) -> Found:
    dynamodb = client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        if word in name:
            table = dynamodb.describe_table(TableName=name)["Table"]
            table["AttributeDefinitions"].sort(key=lambda each: each["AttributeName"])
            yield (
                name,
                {
                    "table": table,
                    "backups": dynamodb.describe_continuous_backups(TableName=name),
                    "expiry": _expiry(dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]),
                    "tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
                },
            )


def _expiry(told: Record) -> Record:
    """Of an expiry that has ended the lab still tells the attribute."""
    return told if told["TimeToLiveStatus"] != "DISABLED" else {"TimeToLiveStatus": "DISABLED"}


def _functions(client: Client, word: str) -> Found:
    functions = client("lambda")
    for each in functions.list_functions()["Functions"]:
        if word in (name := each["FunctionName"]):
            yield (
                name,
                {
                    "function": functions.get_function(FunctionName=name),
                    "policy": _statements(_there(functions.get_policy, FunctionName=name)),
                },
            )


def _statements(policy: Any) -> Any:
    """A function's policy. AWS knows none where it has no statement, the lab has an empty one."""
    return json.loads(policy["Policy"])["Statement"] if policy else []


def _triggers(client: Client, word: str) -> Found:
    functions = client("lambda")
    for each in functions.list_event_source_mappings()["EventSourceMappings"]:
        if word in (name := each["FunctionArn"].rpartition(":")[2]):
            arn = each.get("EventSourceMappingArn")
            yield name, {"trigger": each, "tags": _there(functions.list_tags, Resource=arn)["Tags"] if arn else None}


def _log_groups(client: Client, word: str) -> Found:
    logs = client("logs")
    for each in logs.describe_log_groups()["logGroups"]:
        if word in (name := each["logGroupName"]):
            arn = each["arn"].removesuffix(":*")
            yield name, {"group": each, "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"]}


def _queues(client: Client, word: str) -> Found:
    sqs = client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        if word in (name := url.rpartition("/")[2]):
            yield (
                name,
                {
                    "queue": sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"],
                    "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
                },
            )


def _roles(client: Client, word: str) -> Found:
    iam = client("iam")
    for each in iam.list_roles()["Roles"]:
        if word in (name := each["RoleName"]):
            yield (
                name,
                {
                    "role": iam.get_role(RoleName=name)["Role"],
                    "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
                    "policies": {
                        policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
                    },
                },
            )


def _alarms(client: Client, word: str) -> Found:
    cloudwatch = client("cloudwatch")
    for each in cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]:
        if word in (name := each["AlarmName"]):
            yield name, {"alarm": each, "tags": cloudwatch.list_tags_for_resource(ResourceARN=each["AlarmArn"])["Tags"]}


def _dashboards(client: Client, word: str) -> Found:
    cloudwatch = client("cloudwatch")
    for each in cloudwatch.list_dashboards()["DashboardEntries"]:
        if word in (name := each["DashboardName"]):
            yield name, cloudwatch.get_dashboard(DashboardName=name)


def _rules(client: Client, word: str) -> Found:
    events = client("events")
    for each in events.list_rules()["Rules"]:
        if word in (name := each["Name"]):
            yield (
                name,
                {
                    "rule": each,
                    "targets": events.list_targets_by_rule(Rule=name)["Targets"],
                    "tags": events.list_tags_for_resource(ResourceARN=each["Arn"])["Tags"],
                },
            )


def _machines(client: Client, word: str) -> Found:
    states = client("stepfunctions")
    for each in states.list_state_machines()["stateMachines"]:
        if word in (name := each["name"]):
            arn = each["stateMachineArn"]
            yield (
                name,
                {
                    "machine": states.describe_state_machine(stateMachineArn=arn),
                    "tags": states.list_tags_for_resource(resourceArn=arn)["tags"],
                },
            )


def _collections(client: Client, word: str) -> Found:
    aoss = client("opensearchserverless")
    for each in aoss.list_collections()["collectionSummaries"]:
        if word in (name := each["name"]):
            (found,) = aoss.batch_get_collection(ids=[each["id"]])["collectionDetails"]
            yield name, {"collection": found, "tags": aoss.list_tags_for_resource(resourceArn=each["arn"])["tags"]}


def _collection_policies(client: Client, word: str) -> Found:
    aoss = client("opensearchserverless")
    for kind in ("encryption", "network"):
        for each in aoss.list_security_policies(type=kind)["securityPolicySummaries"]:
            if word in each["name"]:
                found = aoss.get_security_policy(type=kind, name=each["name"])["securityPolicyDetail"]
                yield f"{kind} {each['name']}", found
    for each in aoss.list_access_policies(type="data")["accessPolicySummaries"]:
        if word in each["name"]:
            yield f"data {each['name']}", aoss.get_access_policy(type="data", name=each["name"])["accessPolicyDetail"]


def _buckets(client: Client, word: str) -> Found:
    s3 = client("s3")
    for each in s3.list_buckets()["Buckets"]:
        if word in (name := each["Name"]):
            looks: Mapping[str, Any] = {
                "life": s3.get_bucket_lifecycle_configuration,
                "policy": s3.get_bucket_policy,
                "access": s3.get_public_access_block,
                "tags": s3.get_bucket_tagging,
            }
            yield re.sub(r"[0-9a-f]{26}$", "", name), {kind: _there(look, Bucket=name) for kind, look in looks.items()}


KINDS: Mapping[str, Callable[[Client, str], Found]] = {
    "tables": _tables,
    "functions": _functions,
    "triggers": _triggers,
    "log groups": _log_groups,
    "queues": _queues,
    "roles": _roles,
    "alarms": _alarms,
    "dashboards": _dashboards,
    "rules": _rules,
    "machines": _machines,
    "collections": _collections,
    "collection policies": _collection_policies,
    "buckets": _buckets,
}
