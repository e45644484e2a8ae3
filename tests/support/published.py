"""What a graph may show: the metrics that AWS publishes, each with its dimensions and the page that says so."""

from __future__ import annotations

from collections.abc import Mapping

_LAMBDA = "Lambda developer guide, Types of metrics for Lambda functions"
_TABLE = "DynamoDB developer guide, DynamoDB metrics and dimensions"
_QUEUE = "SQS developer guide, Available CloudWatch metrics for Amazon SQS"
_COLLECTION = "OpenSearch Service developer guide, Monitoring OpenSearch Serverless with Amazon CloudWatch"
_MACHINE = "Step Functions developer guide, Monitoring Step Functions metrics using Amazon CloudWatch"

PUBLISHED: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("AWS/AOSS", "IndexingOCU"): (("ClientId",), _COLLECTION),
    ("AWS/AOSS", "SearchOCU"): (("ClientId",), _COLLECTION),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): (("TableName",), _TABLE),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): (("TableName",), _TABLE),
    ("AWS/Lambda", "Duration"): (("FunctionName",), _LAMBDA),
    ("AWS/Lambda", "Errors"): (("FunctionName",), _LAMBDA),
    ("AWS/Lambda", "Invocations"): (("FunctionName",), _LAMBDA),
    ("AWS/Lambda", "IteratorAge"): (("FunctionName",), _LAMBDA),
    ("AWS/Lambda", "Throttles"): (("FunctionName",), _LAMBDA),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): (("QueueName",), _QUEUE),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): (("QueueName",), _QUEUE),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): (("QueueName",), _QUEUE),
    ("AWS/States", "ExecutionsFailed"): (("StateMachineArn",), _MACHINE),
}
