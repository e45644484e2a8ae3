"""Time that passes at once: what the lab has recorded is older, and what AWS keeps no longer is gone."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta

from lab.maven import ROOT
from lab.stack import Lab, lab_python

HOUR = 3_600
PROGRAM = """
from ministack.services import dynamodb
from lab.cloud import aging
spec = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
keys = [{"AttributeName": "id", "KeyType": "HASH"}]
types = [{"AttributeName": "id", "AttributeType": "S"}]
dynamodb._create_table({"TableName": "table", "KeySchema": keys, "AttributeDefinitions": types,
                        "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": spec})
dynamodb._put_item({"TableName": "table", "Item": {"id": {"S": "a"}}})
kept = []
for hours in (23, 2):
    aging.age(hours * 3600)
    kept.append(len(dynamodb.stream_live_records("table")))
try:
    aging.age(-1)
except ValueError as error:
    print(kept, error)
"""


def test_a_message_is_gone_when_its_queue_has_kept_it_long_enough(lab: Lab) -> None:
    sqs = lab.boto3_client("sqs")
    url = sqs.create_queue(QueueName="aged", Attributes={"MessageRetentionPeriod": str(HOUR)})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    waiting = []
    for seconds in (HOUR - 60, 61):
        lab.age(seconds)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        waiting.append(found["Attributes"]["ApproximateNumberOfMessages"])
    sqs.delete_queue(QueueUrl=url)
    assert waiting == ["1", "0"]


def test_metrics_and_objects_become_older(lab: Lab) -> None:
    metrics, s3 = lab.boto3_client("cloudwatch"), lab.boto3_client("s3")
    metrics.put_metric_data(Namespace="aged", MetricData=[{"MetricName": "m", "Value": 1.0}])
    s3.create_bucket(Bucket="aged")
    s3.put_object(Bucket="aged", Key="k", Body=b"")
    now = datetime.now(UTC)
    lab.age(HOUR)
    (written,) = s3.list_objects_v2(Bucket="aged")["Contents"]
    of = {"Namespace": "aged", "MetricName": "m", "Period": 60, "Statistics": ["Sum"]}
    found = metrics.get_metric_statistics(StartTime=now - timedelta(hours=2), EndTime=now + timedelta(hours=1), **of)
    s3.delete_object(Bucket="aged", Key="k")
    s3.delete_bucket(Bucket="aged")
    ages = [time.time() - at.timestamp() for at in (written["LastModified"], found["Datapoints"][0]["Timestamp"])]
    assert all(HOUR - 1 <= age < HOUR + 120 for age in ages), ages


def test_a_streams_record_is_dropped_after_a_day_and_nothing_becomes_younger() -> None:
    done = subprocess.run(
        [lab_python(), "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.returncode) == ("[1, 0] -1 seconds cannot pass: give 0 or more\n", 0), done.stderr
