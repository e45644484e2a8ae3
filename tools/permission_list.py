"""Who applies the module, and what its functions reach: the rows of docs/permissions.md.

tests/lab/test_callers.py holds them against what the lab sees called, tests/unit/test_permission_list.py against
AWS's Service Authorization Reference. NAME, ACCOUNT and REGION stand for the module's `name` and where it is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANYWHERE = ("*",)
TABLE = ("arn:aws:dynamodb:REGION:ACCOUNT:table/NAME",)
COLLECTIONS = ("arn:aws:aoss:REGION:ACCOUNT:collection/*",)
FUNCTIONS = ("arn:aws:lambda:REGION:ACCOUNT:function:NAME", "arn:aws:lambda:REGION:ACCOUNT:function:NAME-*")
MAPPINGS = ("arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:*",)
LOG_GROUPS = ("arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/NAME*",)
QUEUE = ("arn:aws:sqs:REGION:ACCOUNT:NAME-failures",)
ROLES = ("arn:aws:iam::ACCOUNT:role/NAME-*",)
MACHINE = ("arn:aws:states:REGION:ACCOUNT:stateMachine:NAME-*",)
RULES = ("arn:aws:events:REGION:ACCOUNT:rule/NAME-*",)
BUCKET = ("arn:aws:s3:::NAME-*",)
OBJECTS = ("arn:aws:s3:::NAME-*/*",)
ALARMS = ("arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME-*",)
DASHBOARD = ("arn:aws:cloudwatch::ACCOUNT:dashboard/NAME",)
YOURS: tuple[str, ...] = ()
"""A key or an object of the user's: not in the policy document, since only the user knows its ARN."""


@dataclass(frozen=True)
class Grant:
    """What the deployer needs for one thing. `unseen`: why the lab does not see it called."""

    thing: str
    when: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str | list[str]]] | None = None
    unseen: str = ""


@dataclass(frozen=True)
class Endpoint:
    """What a function (`sync`, `redrive` or `reconcile`) calls at one endpoint. `kind`: what a VPC needs for it."""

    function: str
    service: str
    kind: str
    when: str
    actions: tuple[str, ...]


def _of(service: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names)


KMS_ASKED = "AWS asks it of the caller when the key is used; the lab has no keys"

GRANTS = (
    Grant("the provider", "always", _of("sts", "GetCallerIdentity"), ANYWHERE),
    Grant(
        "`aws_dynamodb_table`",
        "`table`",
        _of(
            "dynamodb",
            *("CreateTable", "DeleteTable", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive"),
            *("ListTagsOfResource", "TagResource", "UntagResource"),
            *("UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"),
        ),
        TABLE,
    ),
    Grant(
        "the same",
        "`table`: the provider looks up DynamoDB's own key",
        _of("kms", "DescribeKey"),
        ("arn:aws:kms:REGION:ACCOUNT:key/*",),
        {"StringEquals": {"kms:RequestAlias": "alias/aws/dynamodb"}},
    ),
    Grant(
        "the same",
        "`table.kms_key_arn`",
        _of("kms", "CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"),
        YOURS,
        unseen=KMS_ASKED,
    ),
    Grant(
        "`aws_opensearchserverless_collection`",
        "`collection`",
        _of("aoss", "BatchGetCollection", "CreateCollection", "ListTagsForResource", "TagResource", "UntagResource"),
        ANYWHERE,
    ),
    Grant("the same", "`collection`", _of("aoss", "DeleteCollection", "UpdateCollection"), COLLECTIONS),
    Grant(
        "the same",
        "`collection`, the account's first",
        _of("iam", "CreateServiceLinkedRole"),
        ("arn:aws:iam::ACCOUNT:role/aws-service-role/observability.aoss.amazonaws.com/*",),
        {"StringEquals": {"iam:AWSServiceName": "observability.aoss.amazonaws.com"}},
        unseen="AOSS makes its role with the caller's permission; the lab has no service-linked roles",
    ),
    Grant("the same", "`collection.kms_key_arn`", _of("kms", "CreateGrant"), YOURS, unseen=KMS_ASKED),
    Grant(
        "`aws_opensearchserverless_security_policy`",
        "`collection`",
        _of("aoss", "CreateSecurityPolicy", "DeleteSecurityPolicy", "GetSecurityPolicy", "UpdateSecurityPolicy"),
        ANYWHERE,
    ),
    Grant(
        "`aws_opensearchserverless_access_policy`",
        "always, but for `existing_collection.create_data_access_policy = false`",
        _of("aoss", "CreateAccessPolicy", "DeleteAccessPolicy", "GetAccessPolicy", "UpdateAccessPolicy"),
        ANYWHERE,
    ),
    Grant(
        "`aws_iam_role`, `aws_iam_role_policy`",
        "always",
        _of(
            "iam",
            *("CreateRole", "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies"),
            *("ListInstanceProfilesForRole", "ListRolePolicies", "PutRolePolicy", "TagRole", "UntagRole"),
        ),
        ROLES,
    ),
    Grant(
        "the same",
        "`role.permissions_boundary_arn`, given or taken away later",
        _of("iam", "DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary"),
        ROLES,
    ),
    Grant(
        "the same",
        "`function.name` changed under a `role.name` that stays",
        _of("iam", "UpdateRoleDescription"),
        ROLES,
        unseen="a role's description names its function; in the test the role is replaced with its function",
    ),
    Grant(
        "the same",
        "always",
        _of("iam", "PassRole"),
        ROLES,
        {
            "StringEquals": {
                "iam:PassedToService": ["events.amazonaws.com", "lambda.amazonaws.com", "states.amazonaws.com"]
            }
        },
        unseen="no call of its own: asked where a role is handed over (CreateFunction, CreateStateMachine, PutTargets)",
    ),
    Grant(
        "`aws_lambda_function`",
        "always",
        _of(
            "lambda",
            *("CreateFunction", "DeleteFunction", "GetFunction", "GetFunctionCodeSigningConfig", "ListTags"),
            *("ListVersionsByFunction", "TagResource", "UntagResource", "UpdateFunctionCode"),
            "UpdateFunctionConfiguration",
        ),
        FUNCTIONS,
    ),
    Grant(
        "the same",
        "`function.reserved_concurrency`",
        _of("lambda", "DeleteFunctionConcurrency", "PutFunctionConcurrency"),
        FUNCTIONS,
    ),
    Grant(
        "the same",
        "`function.vpc`",
        _of("ec2", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
        ANYWHERE,
        unseen="Lambda looks at the network with the caller's permissions; the lab has no VPC",
    ),
    Grant(
        "the same",
        "`function.environment_kms_key_arn`",
        _of("kms", "CreateGrant", "Decrypt", "Encrypt"),
        YOURS,
        unseen=KMS_ASKED,
    ),
    Grant(
        "the same",
        "`package.s3_bucket`",
        _of("s3", "GetObject", "GetObjectVersion"),
        YOURS,
        unseen="Lambda reads the package with the caller's permissions; the lab's reads it with none",
    ),
    Grant(
        "`aws_lambda_permission`",
        "`redrive.schedule_expression`, `reconciliation.rolling`",
        _of("lambda", "AddPermission", "GetPolicy", "RemovePermission"),
        FUNCTIONS,
    ),
    Grant("`aws_lambda_event_source_mapping`", "always", _of("lambda", "CreateEventSourceMapping"), ANYWHERE),
    Grant(
        "the same",
        "always",
        _of(
            "lambda",
            *("DeleteEventSourceMapping", "GetEventSourceMapping", "ListTags", "TagResource", "UntagResource"),
            "UpdateEventSourceMapping",
        ),
        MAPPINGS,
    ),
    Grant(
        "`aws_cloudwatch_log_group`",
        "always",
        _of(
            "logs",
            *("CreateLogGroup", "DeleteLogGroup", "ListTagsForResource", "PutRetentionPolicy"),
            *("TagResource", "UntagResource"),
        ),
        LOG_GROUPS,
    ),
    Grant("the same", "always", _of("logs", "DescribeLogGroups"), ANYWHERE),
    Grant(
        "the same",
        "`log_group.kms_key_arn`, given or taken away later",
        _of("logs", "AssociateKmsKey", "DisassociateKmsKey"),
        LOG_GROUPS,
        unseen="the lab has no keys",
    ),
    Grant(
        "`aws_sqs_queue`",
        "always",
        _of(
            "sqs",
            *("CreateQueue", "DeleteQueue", "GetQueueAttributes", "ListQueueTags", "SetQueueAttributes"),
            *("TagQueue", "UntagQueue"),
        ),
        QUEUE,
    ),
    Grant(
        "`aws_sfn_state_machine`",
        "always",
        _of(
            "states",
            *("CreateStateMachine", "DeleteStateMachine", "DescribeStateMachine", "ListStateMachineVersions"),
            *("ListTagsForResource", "TagResource", "UntagResource", "UpdateStateMachine"),
        ),
        MACHINE,
    ),
    Grant(
        "the same",
        "always; **at plan**, by provider 5.67 and later, where a definition that is known is new or changed",
        _of("states", "ValidateStateMachineDefinition"),
        ANYWHERE,
    ),
    Grant(
        "`aws_cloudwatch_event_rule`, `aws_cloudwatch_event_target`",
        "`redrive.schedule_expression`, `reconciliation.verify_schedule_expression`, `reconciliation.rolling`",
        _of(
            "events",
            *("DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule", "PutTargets"),
            *("RemoveTargets", "TagResource", "UntagResource"),
        ),
        RULES,
    ),
    Grant(
        "`aws_s3_bucket` and its access block, lifecycle and policy",
        "always",
        _of(
            "s3",
            *("CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetAccelerateConfiguration", "GetBucketAcl"),
            *("GetBucketCORS", "GetBucketLogging", "GetBucketObjectLockConfiguration", "GetBucketPolicy"),
            *("GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning"),
            *("GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration"),
            *("GetReplicationConfiguration", "ListBucket", "ListBucketVersions", "PutBucketPolicy"),
            *("PutBucketPublicAccessBlock", "PutBucketTagging", "PutLifecycleConfiguration"),
        ),
        BUCKET,
    ),
    Grant("the same", "always", _of("s3", "DeleteObject", "DeleteObjectVersion"), OBJECTS),
    Grant(
        "`aws_cloudwatch_metric_alarm`",
        "`alarms.enabled`",
        _of("cloudwatch", "DeleteAlarms", "ListTagsForResource", "PutMetricAlarm", "TagResource", "UntagResource"),
        ALARMS,
    ),
    Grant("the same", "`alarms.enabled`", _of("cloudwatch", "DescribeAlarms"), ANYWHERE),
    Grant(
        "`aws_cloudwatch_dashboard`",
        "`dashboard.enabled`",
        _of("cloudwatch", "DeleteDashboards", "GetDashboard", "PutDashboard"),
        DASHBOARD,
    ),
)

AOSS_ENDPOINT = 'AOSS\'s own VPC endpoint (`collection.network = "vpc"`)'
DYNAMODB_ENDPOINT = "gateway or interface endpoint `dynamodb`"
QUEUE_ENDPOINT = "interface endpoint `sqs`"
STREAMS_ENDPOINT = "a NAT gateway: the interface endpoint `dynamodb-streams` has no private DNS name"
S3_ENDPOINT = "gateway or interface endpoint `s3`"
LOAD = "backfill from an export"
COMPARISON = "verify and repair, `reconciliation.rolling`"

ENDPOINTS = (
    Endpoint("sync", "collection", AOSS_ENDPOINT, "always", _of("aoss", "APIAccessAll")),
    Endpoint("sync", "DynamoDB", DYNAMODB_ENDPOINT, "always", _of("dynamodb", "BatchGetItem")),
    Endpoint("sync", "SQS", QUEUE_ENDPOINT, "always", _of("sqs", "SendMessage")),
    Endpoint("redrive", "collection", AOSS_ENDPOINT, "always", _of("aoss", "APIAccessAll")),
    Endpoint("redrive", "DynamoDB", DYNAMODB_ENDPOINT, "always", _of("dynamodb", "BatchGetItem")),
    Endpoint(
        "redrive",
        "SQS",
        QUEUE_ENDPOINT,
        "always",
        _of("sqs", "ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage"),
    ),
    Endpoint(
        "redrive",
        "DynamoDB Streams",
        STREAMS_ENDPOINT,
        "ranges that the trigger gave up",
        _of("dynamodb", "GetRecords", "GetShardIterator"),
    ),
    Endpoint("reconcile", "collection", AOSS_ENDPOINT, "always", _of("aoss", "APIAccessAll")),
    Endpoint(
        "reconcile", "DynamoDB", DYNAMODB_ENDPOINT, "always", _of("dynamodb", "BatchGetItem", "DescribeTable", "Scan")
    ),
    Endpoint("reconcile", "DynamoDB", DYNAMODB_ENDPOINT, LOAD, _of("dynamodb", "DescribeExport")),
    Endpoint("reconcile", "SQS", QUEUE_ENDPOINT, "always", _of("sqs", "SendMessage")),
    Endpoint("reconcile", "Step Functions", "interface endpoint `states`", "always", _of("states", "ListExecutions")),
    Endpoint("reconcile", "Lambda", "interface endpoint `lambda`", "always", _of("lambda", "GetAccountSettings")),
    Endpoint("reconcile", "Lambda", "interface endpoint `lambda`", LOAD, _of("lambda", "ListEventSourceMappings")),
    Endpoint(
        "reconcile",
        "CloudWatch",
        "interface endpoint `monitoring`",
        "verify and repair",
        _of("cloudwatch", "GetMetricStatistics"),
    ),
    Endpoint("reconcile", "S3", S3_ENDPOINT, "`reconciliation.report_bucket`", _of("s3", "PutObject")),
    Endpoint("reconcile", "S3", S3_ENDPOINT, COMPARISON, _of("s3", "GetObject", "ListBucket", "PutObject")),
    Endpoint("reconcile", "S3", S3_ENDPOINT, LOAD, _of("s3", "GetObject")),
)
