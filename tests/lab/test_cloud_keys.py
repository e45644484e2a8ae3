"""KMS keys of customers in the lab: who may use one is said by its policy and by the caller's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.cloud.settings import ACCOUNT, REGION
from lab.stack import Lab

ACCOUNT_USES = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
LOGS_USE = {
    "Effect": "Allow",
    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
    "Resource": "*",
    "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:*:/ours/*"}},
}


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def name() -> str:
    return f"k{uuid.uuid4().hex[:12]}"


@pytest.fixture
def key(lab: Lab) -> str:
    return str(lab.boto3_client("kms").create_key(Policy=policy(ACCOUNT_USES, LOGS_USE))["KeyMetadata"]["Arn"])


@pytest.fixture
def permit(lab: Lab, key: str) -> Callable[..., None]:
    def put(*statements: Any) -> None:
        lab.boto3_client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy(*statements))

    return put


@pytest.fixture
def queue(lab: Lab, key: str, name: str) -> Iterator[str]:
    sqs = lab.boto3_client("sqs")
    url = str(sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key})["QueueUrl"])
    yield url
    sqs.delete_queue(QueueUrl=url)


def test_a_queues_messages_are_sent_and_received_by_who_may_use_its_key(
    lab: Lab, queue: str, permit: Callable[..., None]
) -> None:
    sqs = lab.boto3_client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    permit({**ACCOUNT_USES, "Action": "kms:Decrypt"})
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    permit(LOGS_USE)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        sqs.receive_message(QueueUrl=queue)


def test_a_log_group_has_a_key_that_admits_cloudwatch_logs_for_it(
    lab: Lab, key: str, name: str, permit: Callable[..., None]
) -> None:
    logs = lab.boto3_client("logs")
    logs.create_log_group(logGroupName=f"/ours/{name}", kmsKeyId=key)
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.create_log_group(logGroupName=f"/others/{name}", kmsKeyId=key)
    permit(ACCOUNT_USES)
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.create_log_group(logGroupName=f"/ours/{name}-2", kmsKeyId=key)
    logs.create_log_group(logGroupName=f"/ours/{name}-3")
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.associate_kms_key(logGroupName=f"/ours/{name}-3", kmsKeyId=key)


def test_a_table_is_read_by_who_may_decrypt_with_its_key(
    lab: Lab, key: str, name: str, permit: Callable[..., None]
) -> None:
    tables = lab.boto3_client("dynamodb")
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    assert tables.scan(TableName=name)["Items"] == []
    permit(LOGS_USE)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        tables.scan(TableName=name)
    tables.delete_table(TableName=name)


def test_a_collection_is_made_by_who_may_grant_its_key(
    lab: Lab, key: str, name: str, permit: Callable[..., None]
) -> None:
    aoss = lab.boto3_client("opensearchserverless")
    rules = [{"ResourceType": "collection", "Resource": [f"collection/{name}"]}]
    document = json.dumps({"Rules": rules, "AWSOwnedKey": False, "KmsARN": key})
    aoss.create_security_policy(name=name, type="encryption", policy=document)
    permit({**ACCOUNT_USES, "Action": "kms:DescribeKey"})
    with pytest.raises(ClientError, match="kms:CreateGrant"):
        aoss.create_collection(name=name, type="SEARCH")
    permit(ACCOUNT_USES)
    aoss.delete_collection(id=aoss.create_collection(name=name, type="SEARCH")["createCollectionDetail"]["id"])
    aoss.delete_security_policy(name=name, type="encryption")
