"""AWS's limits on what a plan sets: each argument of the module's Terraform by the member of AWS's API that takes it.

The limits themselves are botocore's: lengths, patterns, bounds and enumerations of the service models. Where a model
has none and a page of AWS has, `PAGES` says it with its page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import regex
from botocore.model import Shape

from lab.cloud import dashboards

IAM_ROLE_POLICIES = 10_240
"""Characters of a role's inline policies together, without white space ("IAM and AWS STS quotas")."""
ENVIRONMENT = 4_096
"""Bytes of a function's environment variables together ("Lambda quotas")."""

_GATEWAY = "apigateway:PutIntegration."
_ALARM = "cloudwatch:PutMetricAlarm."
_TABLE = "dynamodb:CreateTable."
_MAPPING = "lambda:CreateEventSourceMapping."
_FUNCTION = "lambda:CreateFunction."
_GROUP = "opensearchserverless:CreateCollectionGroup."
_COLLECTION = "opensearchserverless:CreateCollection."
_ACCESS = "opensearchserverless:CreateAccessPolicy."
_SECURITY = "opensearchserverless:CreateSecurityPolicy."
_PUBLIC = "s3:PutPublicAccessBlock.PublicAccessBlockConfiguration."
_RULES = "s3:PutBucketLifecycleConfiguration.LifecycleConfiguration.Rules."
_ATTRIBUTES = "sqs:SetQueueAttributes.Attributes"
"""A map of texts, whose bounds are below, in `BOUNDS`."""
_TERRAFORM = "-"
"""Of Terraform or the provider alone: no member of an API takes it."""

MEMBERS: Mapping[str, Mapping[str, str]] = {
    "aws_api_gateway_deployment": {"rest_api_id": "apigateway:CreateDeployment.restApiId", "triggers": _TERRAFORM},
    "aws_api_gateway_integration": {
        "credentials": _GATEWAY + "credentials",
        "http_method": _GATEWAY + "httpMethod",
        "integration_http_method": _GATEWAY + "integrationHttpMethod",
        "passthrough_behavior": _GATEWAY + "passthroughBehavior",
        "request_templates": _GATEWAY + "requestTemplates",
        "resource_id": _GATEWAY + "resourceId",
        "rest_api_id": _GATEWAY + "restApiId",
        "type": _GATEWAY + "type",
        "uri": _GATEWAY + "uri",
    },
    "aws_api_gateway_integration_response": {
        "http_method": "apigateway:PutIntegrationResponse.httpMethod",
        "resource_id": "apigateway:PutIntegrationResponse.resourceId",
        "response_templates": "apigateway:PutIntegrationResponse.responseTemplates",
        "rest_api_id": "apigateway:PutIntegrationResponse.restApiId",
        "selection_pattern": "apigateway:PutIntegrationResponse.selectionPattern",
        "status_code": "apigateway:PutIntegrationResponse.statusCode",
    },
    "aws_api_gateway_method": {
        "authorization": "apigateway:PutMethod.authorizationType",
        "http_method": "apigateway:PutMethod.httpMethod",
        "resource_id": "apigateway:PutMethod.resourceId",
        "rest_api_id": "apigateway:PutMethod.restApiId",
    },
    "aws_api_gateway_method_response": {
        "http_method": "apigateway:PutMethodResponse.httpMethod",
        "resource_id": "apigateway:PutMethodResponse.resourceId",
        "response_models": "apigateway:PutMethodResponse.responseModels",
        "rest_api_id": "apigateway:PutMethodResponse.restApiId",
        "status_code": "apigateway:PutMethodResponse.statusCode",
    },
    "aws_api_gateway_rest_api": {
        "description": "apigateway:CreateRestApi.description",
        "name": "apigateway:CreateRestApi.name",
    },
    "aws_api_gateway_stage": {
        "deployment_id": "apigateway:CreateStage.deploymentId",
        "rest_api_id": "apigateway:CreateStage.restApiId",
        "stage_name": "apigateway:CreateStage.stageName",
    },
    "aws_cloudwatch_dashboard": {
        "dashboard_body": "cloudwatch:PutDashboard.DashboardBody",
        "dashboard_name": "cloudwatch:PutDashboard.DashboardName",
    },
    "aws_cloudwatch_event_rule": {
        "description": "events:PutRule.Description",
        "name": "events:PutRule.Name",
        "schedule_expression": "events:PutRule.ScheduleExpression",
        "tags": "events:PutRule.Tags",
    },
    "aws_cloudwatch_event_target": {
        "arn": "events:PutTargets.Targets.Arn",
        "input": "events:PutTargets.Targets.Input",
        "role_arn": "events:PutTargets.Targets.RoleArn",
        "rule": "events:PutTargets.Rule",
        "target_id": "events:PutTargets.Targets.Id",
    },
    "aws_cloudwatch_log_group": {
        "kms_key_id": "logs:CreateLogGroup.kmsKeyId",
        "name": "logs:CreateLogGroup.logGroupName",
        "retention_in_days": "logs:PutRetentionPolicy.retentionInDays",
        "tags": "logs:CreateLogGroup.tags",
    },
    "aws_cloudwatch_metric_alarm": {
        "alarm_actions": _ALARM + "AlarmActions",
        "alarm_description": _ALARM + "AlarmDescription",
        "alarm_name": _ALARM + "AlarmName",
        "comparison_operator": _ALARM + "ComparisonOperator",
        "datapoints_to_alarm": _ALARM + "DatapointsToAlarm",
        "dimensions": _ALARM + "Dimensions",
        "evaluation_periods": _ALARM + "EvaluationPeriods",
        "metric_name": _ALARM + "MetricName",
        "metric_query.expression": _ALARM + "Metrics.Expression",
        "metric_query.id": _ALARM + "Metrics.Id",
        "metric_query.label": _ALARM + "Metrics.Label",
        "metric_query.metric.dimensions": _ALARM + "Metrics.MetricStat.Metric.Dimensions",
        "metric_query.metric.metric_name": _ALARM + "Metrics.MetricStat.Metric.MetricName",
        "metric_query.metric.namespace": _ALARM + "Metrics.MetricStat.Metric.Namespace",
        "metric_query.metric.period": _ALARM + "Metrics.MetricStat.Period",
        "metric_query.metric.stat": _ALARM + "Metrics.MetricStat.Stat",
        "metric_query.return_data": _ALARM + "Metrics.ReturnData",
        "namespace": _ALARM + "Namespace",
        "ok_actions": _ALARM + "OKActions",
        "period": _ALARM + "Period",
        "statistic": _ALARM + "Statistic",
        "tags": _ALARM + "Tags",
        "threshold": _ALARM + "Threshold",
        "treat_missing_data": _ALARM + "TreatMissingData",
    },
    "aws_dynamodb_table": {
        "attribute.name": _TABLE + "AttributeDefinitions.AttributeName",
        "attribute.type": _TABLE + "AttributeDefinitions.AttributeType",
        "billing_mode": _TABLE + "BillingMode",
        "deletion_protection_enabled": _TABLE + "DeletionProtectionEnabled",
        "hash_key": _TABLE + "KeySchema.AttributeName",
        "name": _TABLE + "TableName",
        "point_in_time_recovery.enabled": (
            "dynamodb:UpdateContinuousBackups.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled"
        ),
        "range_key": _TABLE + "KeySchema.AttributeName",
        "read_capacity": _TABLE + "ProvisionedThroughput.ReadCapacityUnits",
        "server_side_encryption.enabled": _TABLE + "SSESpecification.Enabled",
        "server_side_encryption.kms_key_arn": _TABLE + "SSESpecification.KMSMasterKeyId",
        "stream_enabled": _TABLE + "StreamSpecification.StreamEnabled",
        "stream_view_type": _TABLE + "StreamSpecification.StreamViewType",
        "tags": _TABLE + "Tags",
        "ttl.attribute_name": "dynamodb:UpdateTimeToLive.TimeToLiveSpecification.AttributeName",
        "ttl.enabled": "dynamodb:UpdateTimeToLive.TimeToLiveSpecification.Enabled",
        "write_capacity": _TABLE + "ProvisionedThroughput.WriteCapacityUnits",
    },
    "aws_iam_role": {
        "assume_role_policy": "iam:CreateRole.AssumeRolePolicyDocument",
        "description": "iam:CreateRole.Description",
        "name": "iam:CreateRole.RoleName",
        "path": "iam:CreateRole.Path",
        "permissions_boundary": "iam:CreateRole.PermissionsBoundary",
        "tags": "iam:CreateRole.Tags",
    },
    "aws_iam_role_policy": {
        "name": "iam:PutRolePolicy.PolicyName",
        "policy": "iam:PutRolePolicy.PolicyDocument",
        "role": "iam:PutRolePolicy.RoleName",
    },
    "aws_lambda_event_source_mapping": {
        "batch_size": _MAPPING + "BatchSize",
        "bisect_batch_on_function_error": _MAPPING + "BisectBatchOnFunctionError",
        "destination_config.on_failure.destination_arn": _MAPPING + "DestinationConfig.OnFailure.Destination",
        "enabled": _MAPPING + "Enabled",
        "event_source_arn": _MAPPING + "EventSourceArn",
        "function_name": _MAPPING + "FunctionName",
        "function_response_types": _MAPPING + "FunctionResponseTypes",
        "maximum_batching_window_in_seconds": _MAPPING + "MaximumBatchingWindowInSeconds",
        "maximum_record_age_in_seconds": _MAPPING + "MaximumRecordAgeInSeconds",
        "maximum_retry_attempts": _MAPPING + "MaximumRetryAttempts",
        "parallelization_factor": _MAPPING + "ParallelizationFactor",
        "starting_position": _MAPPING + "StartingPosition",
        "tags": _MAPPING + "Tags",
        "tumbling_window_in_seconds": _MAPPING + "TumblingWindowInSeconds",
    },
    "aws_lambda_function": {
        "architectures": _FUNCTION + "Architectures",
        "description": _FUNCTION + "Description",
        "environment.variables": _FUNCTION + "Environment.Variables",
        "filename": _TERRAFORM,
        "function_name": _FUNCTION + "FunctionName",
        "handler": _FUNCTION + "Handler",
        "kms_key_arn": _FUNCTION + "KMSKeyArn",
        "logging_config.log_format": _FUNCTION + "LoggingConfig.LogFormat",
        "logging_config.log_group": _FUNCTION + "LoggingConfig.LogGroup",
        "memory_size": _FUNCTION + "MemorySize",
        "reserved_concurrent_executions": "lambda:PutFunctionConcurrency.ReservedConcurrentExecutions",
        "role": _FUNCTION + "Role",
        "runtime": _FUNCTION + "Runtime",
        "s3_bucket": _FUNCTION + "Code.S3Bucket",
        "s3_key": _FUNCTION + "Code.S3Key",
        "s3_object_version": _FUNCTION + "Code.S3ObjectVersion",
        "source_code_hash": _TERRAFORM,
        "tags": _FUNCTION + "Tags",
        "timeout": _FUNCTION + "Timeout",
        "vpc_config.security_group_ids": _FUNCTION + "VpcConfig.SecurityGroupIds",
        "vpc_config.subnet_ids": _FUNCTION + "VpcConfig.SubnetIds",
    },
    "aws_lambda_permission": {
        "action": "lambda:AddPermission.Action",
        "function_name": "lambda:AddPermission.FunctionName",
        "principal": "lambda:AddPermission.Principal",
        "source_arn": "lambda:AddPermission.SourceArn",
        "statement_id": "lambda:AddPermission.StatementId",
    },
    "aws_opensearchserverless_access_policy": {
        "description": _ACCESS + "description",
        "name": _ACCESS + "name",
        "policy": _ACCESS + "policy",
        "type": _ACCESS + "type",
    },
    "aws_opensearchserverless_collection": {
        "collection_group_name": _COLLECTION + "collectionGroupName",
        "description": _COLLECTION + "description",
        "name": _COLLECTION + "name",
        "standby_replicas": _COLLECTION + "standbyReplicas",
        "tags": _COLLECTION + "tags",
        "type": _COLLECTION + "type",
    },
    "aws_opensearchserverless_collection_group": {
        "capacity_limits.max_indexing_capacity_in_ocu": _GROUP + "capacityLimits.maxIndexingCapacityInOCU",
        "capacity_limits.max_search_capacity_in_ocu": _GROUP + "capacityLimits.maxSearchCapacityInOCU",
        "capacity_limits.min_indexing_capacity_in_ocu": _GROUP + "capacityLimits.minIndexingCapacityInOCU",
        "capacity_limits.min_search_capacity_in_ocu": _GROUP + "capacityLimits.minSearchCapacityInOCU",
        "description": _GROUP + "description",
        "generation": _GROUP + "generation",
        "name": _GROUP + "name",
        "standby_replicas": _GROUP + "standbyReplicas",
        "tags": _GROUP + "tags",
    },
    "aws_opensearchserverless_security_policy": {
        "description": _SECURITY + "description",
        "name": _SECURITY + "name",
        "policy": _SECURITY + "policy",
        "type": _SECURITY + "type",
    },
    "aws_s3_bucket": {
        "bucket": "s3:CreateBucket.Bucket",
        "bucket_prefix": _TERRAFORM,
        "force_destroy": _TERRAFORM,
        "tags": "s3:PutBucketTagging.Tagging.TagSet",
    },
    "aws_s3_bucket_lifecycle_configuration": {
        "bucket": "s3:PutBucketLifecycleConfiguration.Bucket",
        "rule.abort_incomplete_multipart_upload.days_after_initiation": (
            _RULES + "AbortIncompleteMultipartUpload.DaysAfterInitiation"
        ),
        "rule.expiration.days": _RULES + "Expiration.Days",
        "rule.id": _RULES + "ID",
        "rule.status": _RULES + "Status",
    },
    "aws_s3_bucket_policy": {"bucket": "s3:PutBucketPolicy.Bucket", "policy": "s3:PutBucketPolicy.Policy"},
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": _PUBLIC + "BlockPublicAcls",
        "block_public_policy": _PUBLIC + "BlockPublicPolicy",
        "bucket": "s3:PutPublicAccessBlock.Bucket",
        "ignore_public_acls": _PUBLIC + "IgnorePublicAcls",
        "restrict_public_buckets": _PUBLIC + "RestrictPublicBuckets",
    },
    "aws_sfn_state_machine": {
        "definition": "stepfunctions:CreateStateMachine.definition",
        "name": "stepfunctions:CreateStateMachine.name",
        "role_arn": "stepfunctions:CreateStateMachine.roleArn",
        "tags": "stepfunctions:CreateStateMachine.tags",
        "type": "stepfunctions:CreateStateMachine.type",
    },
    "aws_sqs_queue": {
        "kms_data_key_reuse_period_seconds": _ATTRIBUTES,
        "kms_master_key_id": _ATTRIBUTES,
        "message_retention_seconds": _ATTRIBUTES,
        "name": "sqs:CreateQueue.QueueName",
        "policy": _ATTRIBUTES,
        "sqs_managed_sse_enabled": _ATTRIBUTES,
        "tags": "sqs:CreateQueue.tags",
        "visibility_timeout_seconds": _ATTRIBUTES,
    },
}  # fmt: skip

PAGES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("aws_sqs_queue", "name"): (r"[A-Za-z0-9_-]{1,80}", "API reference, CreateQueue"),
    ("aws_s3_bucket", "bucket"): (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "General purpose bucket naming rules"),
    ("aws_sfn_state_machine", "name"): (r"[A-Za-z0-9_-]{1,80}", "API reference, CreateStateMachine"),
    ("aws_s3_bucket_public_access_block", "bucket"): (
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "General purpose bucket naming rules",
    ),
    ("aws_s3_bucket_lifecycle_configuration", "bucket"): (
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "General purpose bucket naming rules",
    ),
    ("aws_s3_bucket_lifecycle_configuration", "rule.id"): (r".{1,255}", "API reference, LifecycleRule"),
    ("aws_s3_bucket_policy", "bucket"): (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "General purpose bucket naming rules"),
    ("aws_cloudwatch_log_group", "name"): (r"(?!aws/).*", "API reference, CreateLogGroup"),
    ("aws_cloudwatch_dashboard", "dashboard_name"): (dashboards.NAME.pattern, "API reference, PutDashboard"),
    ("aws_cloudwatch_metric_alarm", "alarm_name"): (r"[ -~]{1,255}", "API reference, PutMetricAlarm"),
    ("aws_dynamodb_table", "server_side_encryption.kms_key_arn"): (r".{1,2048}", "KMS API reference, DescribeKey"),
    ("aws_sqs_queue", "kms_master_key_id"): (r".{1,2048}", "KMS API reference, DescribeKey"),
    ("aws_api_gateway_integration", "passthrough_behavior"): (
        "WHEN_NO_MATCH|WHEN_NO_TEMPLATES|NEVER",
        "API reference, PutIntegration",
    ),
    ("aws_api_gateway_method", "authorization"): (
        "NONE|AWS_IAM|CUSTOM|COGNITO_USER_POOLS|JWT",
        "API reference, PutMethod",
    ),
    ("aws_api_gateway_stage", "stage_name"): (r"[A-Za-z0-9_-]{1,128}", "API reference, CreateStage"),
}
"""Patterns of texts whose model has none: and the page that says so."""

BOUNDS: Mapping[tuple[str, str], tuple[int, int, str]] = {
    ("aws_s3_bucket_policy", "policy"): (1, 20 * 1024, "Bucket policies for Amazon S3"),
    ("aws_s3_bucket_lifecycle_configuration", "rule.abort_incomplete_multipart_upload.days_after_initiation"): (
        1,
        2**31 - 1,
        "API reference, AbortIncompleteMultipartUpload",
    ),
    ("aws_s3_bucket_lifecycle_configuration", "rule.expiration.days"): (
        1,
        2**31 - 1,
        "API reference, LifecycleExpiration",
    ),
    ("aws_sqs_queue", "kms_data_key_reuse_period_seconds"): (60, 86_400, "API reference, SetQueueAttributes"),
    ("aws_sqs_queue", "message_retention_seconds"): (60, 1_209_600, "API reference, SetQueueAttributes"),
    ("aws_sqs_queue", "policy"): (1, 8_192, "Amazon SQS policy quotas"),
    ("aws_sqs_queue", "visibility_timeout_seconds"): (0, 43_200, "API reference, SetQueueAttributes"),
}
"""Least and most of numbers, or characters of texts, whose model has none: and the page that says so."""

TEXTS: Mapping[tuple[str, str], Callable[[str], Iterable[object]]] = {
    ("aws_cloudwatch_dashboard", "dashboard_body"): dashboards.diagnose,
}
"""Texts with a language of their own, and what is wrong in one: its module has the pages."""

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
CHOICES: Mapping[tuple[str, str], tuple[tuple[int, ...], str]] = {
    ("aws_cloudwatch_log_group", "retention_in_days"): (LOG_DAYS, "API reference, PutRetentionPolicy"),
}
"""Numbers that alone are taken, and the page that says so."""

TAGS, TAGS_PAGE = 50, "Tagging AWS resources: tag naming limits and requirements"
"""Tags of any resource, whatever its own model says."""

UNRULED: Mapping[tuple[str, str], str] = {
    ("aws_api_gateway_deployment", "rest_api_id"): "API reference, CreateDeployment",
    ("aws_api_gateway_integration", "credentials"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "http_method"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "integration_http_method"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "request_templates"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "resource_id"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "rest_api_id"): "API reference, PutIntegration",
    ("aws_api_gateway_integration", "uri"): "API reference, PutIntegration",
    ("aws_api_gateway_integration_response", "http_method"): "API reference, PutIntegrationResponse",
    ("aws_api_gateway_integration_response", "resource_id"): "API reference, PutIntegrationResponse",
    ("aws_api_gateway_integration_response", "response_templates"): "API reference, PutIntegrationResponse",
    ("aws_api_gateway_integration_response", "rest_api_id"): "API reference, PutIntegrationResponse",
    ("aws_api_gateway_integration_response", "selection_pattern"): "API reference, PutIntegrationResponse",
    ("aws_api_gateway_method", "http_method"): "API reference, PutMethod",
    ("aws_api_gateway_method", "resource_id"): "API reference, PutMethod",
    ("aws_api_gateway_method", "rest_api_id"): "API reference, PutMethod",
    ("aws_api_gateway_method_response", "http_method"): "API reference, PutMethodResponse",
    ("aws_api_gateway_method_response", "resource_id"): "API reference, PutMethodResponse",
    ("aws_api_gateway_method_response", "response_models"): "API reference, PutMethodResponse",
    ("aws_api_gateway_method_response", "rest_api_id"): "API reference, PutMethodResponse",
    ("aws_api_gateway_rest_api", "description"): "API reference, CreateRestApi",
    ("aws_api_gateway_rest_api", "name"): "API reference, CreateRestApi",
    ("aws_api_gateway_stage", "deployment_id"): "API reference, CreateStage",
    ("aws_api_gateway_stage", "rest_api_id"): "API reference, CreateStage",
    ("aws_cloudwatch_metric_alarm", "metric_query.label"): "API reference, MetricDataQuery",
    ("aws_cloudwatch_metric_alarm", "metric_query.metric.stat"): "API reference, MetricStat",
    ("aws_cloudwatch_metric_alarm", "threshold"): "API reference, PutMetricAlarm",
    ("aws_sqs_queue", "sqs_managed_sse_enabled"): "API reference, SetQueueAttributes",
}
"""No public rule was found: the page that was looked at, as the service's model has it."""

UNSET: Mapping[tuple[str, str], int] = {
    ("aws_dynamodb_table", "read_capacity"): 0,
    ("aws_dynamodb_table", "write_capacity"): 0,
    ("aws_lambda_function", "reserved_concurrent_executions"): -1,
    ("aws_sqs_queue", "kms_data_key_reuse_period_seconds"): 0,
}
"""No value, so that nothing is sent: what the mocked provider answers for null, and what Terraform takes for none."""


def faults(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What AWS would refuse in the arguments of a resource of this type."""
    for argument, member in MEMBERS[kind].items():
        for value in _at(values, argument.split(".")):
            if value == UNSET.get((kind, argument)):
                continue
            if member not in (_TERRAFORM, _ATTRIBUTES):
                yield from (f"{argument}: {fault}" for fault in _against(_shape(member), value))
            yield from (f"{argument}: {fault}" for fault in _against_page((kind, argument), value))
    if (size := environment_bytes(values)) > ENVIRONMENT:
        yield f"environment.variables: {size} bytes of {ENVIRONMENT}"


def environment_bytes(values: Mapping[str, Any]) -> int:
    """Bytes of a function's environment as JSON, its characters not escaped."""
    variables: Mapping[str, str] = next(_at(values, ["environment", "variables"]), {})
    return len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())


def checks(kind: str, argument: str) -> bool:
    """Whether an argument's row says anything that a value of the right type could break."""
    member, key = MEMBERS[kind][argument], (kind, argument)
    if argument == "tags" or any(key in each for each in (PAGES, BOUNDS, CHOICES, TEXTS)):
        return True
    if member in (_TERRAFORM, _ATTRIBUTES):
        return False
    shape: Any = _shape(member)
    shapes = [shape]
    if shape.type_name == "list":
        shapes += [shape.member, *getattr(shape.member, "members", {}).values()]
    elif shape.type_name == "map":
        shapes += [shape.key, shape.value]
    return any(each.metadata.keys() & {"min", "max", "pattern", "enum"} for each in shapes)


def is_free(kind: str, argument: str) -> bool:
    """Whether an argument has nothing to be checked: it is Terraform's alone, or true or false."""
    member = MEMBERS[kind][argument]
    return member == _TERRAFORM or (member != _ATTRIBUTES and _shape(member).type_name == "boolean")


def _against_page(key: tuple[str, str], value: Any) -> Iterator[str]:
    """How a value breaks what a page of AWS says where the model says nothing."""
    pattern, page = PAGES.get(key, ("", ""))
    if pattern and not regex.fullmatch(pattern, value):
        yield f"{value!r} is not {pattern} ({page})"
    least, most, page = BOUNDS.get(key, (0, 0, ""))
    if page and not least <= (size := len(value) if isinstance(value, str) else value) <= most:
        yield f"{size} is not from {least} to {most} ({page})"
    some, page = CHOICES.get(key, ((), ""))
    if page and value not in some:
        yield f"{value} is none of {some} ({page})"
    if key in TEXTS:
        yield from map(str, TEXTS[key](value))
    if key[1] == "tags" and len(value) > TAGS:
        yield f"{len(value)} tags, of {TAGS} ({TAGS_PAGE})"


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """The values at an argument's path that are set; a nested block is a list of its values."""
    if value is None or value in ([], {}):
        return
    if not path:
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _at(each, path)
    else:
        yield from _at(value.get(path[0]), path[1:])


@cache
def _shape(member: str) -> Shape:
    """The shape of `service:Operation.Member.Member`; lists on the way are gone through."""
    service, _, rest = member.partition(":")
    operation, *path = rest.split(".")
    shape: Any = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    for name in path:
        while shape.type_name == "list":
            shape = shape.member
        shape = shape.members[name]
    return shape  # type: ignore[no-any-return]


def _against(shape: Any, value: Any) -> Iterator[str]:
    """How a value breaks a shape's limits."""
    shape = shape.member if shape.type_name == "list" and not isinstance(value, list | Mapping) else shape
    limits = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    shown = value if isinstance(value, int | float) else f"{size} long, {str(value)[:60]!r}"
    if not isinstance(value, bool) and not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{shown}: {shape.name} is from {limits.get('min', 0)} to {limits.get('max')}"
    if isinstance(value, str):
        if limits.get("pattern") and not regex.fullmatch(limits["pattern"], value):
            yield f"{value!r} is not {limits['pattern']} ({shape.name})"
        if limits.get("enum") and value not in limits["enum"]:
            yield f"{value!r} is none of {limits['enum']} ({shape.name})"
    elif isinstance(value, list):
        for each in value:
            yield from _against(shape.member, each)
    elif isinstance(value, Mapping):
        yield from _each_tag(shape, value)


def _each_tag(shape: Any, pairs: Mapping[str, Any]) -> Iterator[str]:
    """A map against a map's shape, or against a list of keys and values."""
    key, item = (shape.key, shape.value) if shape.type_name == "map" else list(shape.member.members.values())[:2]
    for name, value in pairs.items():
        yield from _against(key, name)
        yield from _against(item, value)
