"""Metrics in the lab: out of log lines, of functions and of queues, as CloudWatch has them."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.stack import Lab
from tests.support.small_machine import SmallMachine
from tests.support.small_stack import SmallStack, wait_until


def values(lab: Lab, namespace: str, metric: str, statistic: str, **dimensions: str) -> list[float]:
    now = datetime.now(UTC)
    found = lab.boto3_client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(seconds=1),
        Period=3600,
        Statistics=[statistic],
    )
    return [point[statistic] for point in found["Datapoints"]]


def line(directive: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, **members}


def test_a_functions_log_line_becomes_metrics(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        directive = {
            "Namespace": machine.name,
            "Dimensions": [["FunctionName"], []],
            "Metrics": [{"Name": "Good", "Unit": "Count"}, {"Name": "Bad"}],
        }
        metric = line(directive, FunctionName="f", Good=[2, 3], Bad="no number")
        invoke = lab.boto3_client("lambda").invoke
        invoke(FunctionName=machine.name, Payload=json.dumps({"part": "a", "metric": metric}))
        good = wait_until("the metric", lambda: values(lab, machine.name, "Good", "Sum", FunctionName="f"))
        assert good == [5.0]
        assert values(lab, machine.name, "Bad", "Sum", FunctionName="f") == []
        listed = lab.boto3_client("cloudwatch").list_metrics(Namespace=machine.name)["Metrics"]
    assert sorted(len(each["Dimensions"]) for each in listed) == [0, 1]


def test_log_events_that_are_put_become_metrics_too(lab: Lab) -> None:
    logs, name = lab.boto3_client("logs"), f"embedded-{time.monotonic_ns()}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    directive = {"Namespace": name, "Dimensions": [["A"]], "Metrics": [{"Name": "N", "Unit": "Count"}]}
    without_dimension, prefixed = line(directive, N=100), line(directive, A="a", N=100)
    messages = [json.dumps(line(directive, A="a", N=7)), json.dumps(without_dimension), f"x {json.dumps(prefixed)}"]
    events = [{"timestamp": int(time.time() * 1000), "message": each} for each in messages]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    assert values(lab, name, "N", "Sum", A="a") == [7.0]


def test_every_invocation_counts_and_the_triggers_have_an_iterator_age(stack: SmallStack) -> None:
    stack.put("a")
    stack.put("b", "raise")
    stack.map(BatchSize=1, MaximumRetryAttempts=0, BisectBatchOnFunctionError=False)
    wait_until("the discarded record", stack.messages)

    def of(metric: str, statistic: str) -> list[float]:
        return values(stack.lab, "AWS/Lambda", metric, statistic, FunctionName=stack.name)

    assert of("Invocations", "Sum") == [2.0]
    assert of("Errors", "Sum") == [1.0]
    (age,) = of("IteratorAge", "Maximum")
    assert 0 <= age < 60_000


def test_a_queue_says_how_many_messages_wait_and_how_long(stack: SmallStack) -> None:
    sqs = stack.api("sqs")

    def now(metric: str) -> float:
        return values(stack.lab, "AWS/SQS", metric, "Maximum", QueueName=stack.name)[-1]

    assert now("ApproximateNumberOfMessagesVisible") == 0
    for _ in range(3):
        sqs.send_message(QueueUrl=stack.queue_url, MessageBody="x")
    wait_until("a second", lambda: now("ApproximateAgeOfOldestMessage") >= 1)
    assert now("ApproximateNumberOfMessagesVisible") == 3
    sqs.receive_message(QueueUrl=stack.queue_url, MaxNumberOfMessages=1, VisibilityTimeout=60)
    assert now("ApproximateNumberOfMessagesVisible") >= 2
    assert now("ApproximateNumberOfMessagesNotVisible") == 1


def test_every_write_consumes_units_of_its_table_one_that_changes_nothing_too(stack: SmallStack) -> None:
    dynamodb, item = stack.api("dynamodb"), {"id": {"S": "a"}, "text": {"S": "x" * 1_500}}
    for _ in range(2):
        dynamodb.put_item(TableName=stack.name, Item=item)
    dynamodb.batch_write_item(RequestItems={stack.name: [{"PutRequest": {"Item": {"id": {"S": "b"}}}}]})
    dynamodb.delete_item(TableName=stack.name, Key={"id": {"S": "a"}})
    consumed = values(stack.lab, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", TableName=stack.name)
    assert consumed == [2.0 + 2.0 + 1.0 + 2.0]


def test_an_execution_counts_at_each_of_its_ends_and_its_children_do_not(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        machine.behave(REFUSE="a")
        machine.end(execution := machine.start(["a"]))
        assert machine.redrive(execution)["status"] == "FAILED"
        machine.behave()
        assert machine.redrive(execution)["status"] == "SUCCEEDED"
        counted = {
            name: values(lab, "AWS/States", f"Executions{name}", "Sum", StateMachineArn=machine.arn)
            for name in ("Started", "Failed", "Succeeded", "Aborted")
        }
    assert counted == {"Started": [1.0], "Failed": [2.0], "Succeeded": [1.0], "Aborted": [0.0]}


@pytest.mark.parametrize(("days", "periods"), [(14, [60, 300, 3600]), (16, [300, 3600]), (64, [3600]), (456, [])])
def test_values_are_kept_by_the_minute_for_15_days_by_five_minutes_for_63_and_by_the_hour_for_455(
    lab: Lab, days: int, periods: list[int]
) -> None:
    metrics, name = lab.boto3_client("cloudwatch"), f"kept-{days}"
    metrics.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 1.0}])
    lab.age(days * 86_400)
    now = datetime.now(UTC)
    within = {"StartTime": now - timedelta(days=days, hours=1), "EndTime": now}
    answered = []
    for period in (60, 300, 3600):
        metric = {"Namespace": name, "MetricName": "m"}
        query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}
        (data,) = metrics.get_metric_data(MetricDataQueries=[query], **within)["MetricDataResults"]
        statistics = metrics.get_metric_statistics(**metric, Period=period, Statistics=["Sum"], **within)
        assert len(data["Values"]) == len(statistics["Datapoints"])
        answered += [period] * len(data["Values"])
    assert answered == periods


def test_an_alarm_over_an_expression_is_read_back_as_it_was_put(lab: Lab) -> None:
    cloudwatch, name = lab.boto3_client("cloudwatch"), f"over-{time.monotonic_ns()}"
    dimensions = [{"Name": "FunctionName", "Value": "a & b"}, {"Name": "Resource", "Value": "a:1"}]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions}
    metrics = [
        {"Id": "state", "Expression": "IF(errors > 0, 1)", "ReturnData": True},
        {"Id": "errors", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}, "ReturnData": False},
    ]
    settings = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 3, "Threshold": 0.5}
    cloudwatch.put_metric_alarm(AlarmName=name, Metrics=metrics, **settings)
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert {"Metrics": found["Metrics"], **{each: found[each] for each in settings}} == {"Metrics": metrics, **settings}
    assert not found.keys() & {"MetricName", "Namespace", "Period", "Statistic"}


def test_the_report_line_tells_the_environments_peak_memory(lab: Lab) -> None:
    with SmallMachine(lab) as machine:
        invoke = lab.boto3_client("lambda").invoke
        for megabytes in (0, 100):
            invoke(FunctionName=machine.name, Payload=json.dumps({"part": "a", "keep": megabytes}))
        lines = wait_until("two reports", lambda: [each for each in machine.log() if "Max Memory Used" in each][1:])
        assert lines
        first, second = (
            int(re.findall(r"Max Memory Used: (\d+) MB", each)[0])
            for each in machine.log()
            if each.startswith("REPORT")
        )
    assert 5 < first < 100
    assert 100 <= second - first < 130
