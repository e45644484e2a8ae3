"""Each gap of ministack closed by one module here, named after it.

A module's docstring says what AWS does and what ministack did. None touches a file of ministack:
they replace functions in the running process.
"""

from __future__ import annotations

from lab.cloud.collections import Collections
from lab.cloud.patches import (
    aoss_descriptions,
    aoss_engine,
    aoss_network_policies,
    aoss_tokens,
    aoss_vpc_endpoints,
    apigateway_dynamodb,
    apigateway_stages,
    appsync_versioned,
    cloudwatch_alarms,
    cloudwatch_dashboards,
    cloudwatch_embedded_metrics,
    cloudwatch_queue_metrics,
    cloudwatch_retention,
    customer_keys,
    dynamodb_accounts,
    dynamodb_expiry,
    dynamodb_exports,
    dynamodb_metrics,
    dynamodb_sequence_numbers,
    dynamodb_stream_permissions,
    ec2_prefix_lists,
    ec2_vpc_endpoints,
    lambda_actions,
    lambda_log_permissions,
    lambda_mapping_permissions,
    lambda_memory,
    lambda_metrics,
    lambda_stream_poller,
    lambda_worker,
    logs_keys,
    named_resources,
    recorded_calls,
    secure_transport,
    sqs_batch_permissions,
    stepfunctions_definitions,
    stepfunctions_executions,
    stepfunctions_metrics,
    stepfunctions_payloads,
    stepfunctions_permissions,
    stepfunctions_redrive,
    stepfunctions_retries,
    sts_sessions,
)
from lab.cloud.settings import Settings


def apply_all(settings: Settings, collections: Collections) -> None:
    """Apply every patch; LabError when ministack is not the version they were written for."""
    secure_transport.apply()
    named_resources.apply()
    recorded_calls.apply()
    aoss_engine.apply(collections)
    aoss_network_policies.apply()
    aoss_vpc_endpoints.apply()
    ec2_prefix_lists.apply()
    ec2_vpc_endpoints.apply()
    customer_keys.apply()
    aoss_descriptions.apply()
    aoss_tokens.apply()
    if settings.sequence_numbers == "dynamodb":
        dynamodb_sequence_numbers.apply()
    dynamodb_expiry.apply()
    dynamodb_exports.apply()
    dynamodb_metrics.apply()
    dynamodb_stream_permissions.apply()
    dynamodb_accounts.apply()
    sqs_batch_permissions.apply()
    lambda_actions.apply()
    lambda_worker.apply()
    lambda_log_permissions.apply()
    lambda_mapping_permissions.apply()
    lambda_stream_poller.apply()
    lambda_memory.apply()
    lambda_metrics.apply()
    logs_keys.apply()
    cloudwatch_alarms.apply()
    cloudwatch_dashboards.apply()
    cloudwatch_embedded_metrics.apply()
    cloudwatch_queue_metrics.apply()
    cloudwatch_retention.apply()
    stepfunctions_definitions.apply()
    stepfunctions_executions.apply()
    stepfunctions_metrics.apply()
    stepfunctions_payloads.apply()
    stepfunctions_retries.apply()
    stepfunctions_permissions.apply()
    stepfunctions_redrive.apply()
    sts_sessions.apply()
    apigateway_stages.apply()
    apigateway_dynamodb.apply(settings.endpoint)
    appsync_versioned.apply(settings.endpoint)
