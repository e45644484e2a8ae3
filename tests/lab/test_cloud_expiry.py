"""Time to live in the lab, in ministack's own process: its reaper runs once a minute, too slow here."""

from __future__ import annotations

import json
import subprocess

from lab.maven import ROOT
from lab.stack import lab_python

PROGRAM = """
import json, threading
from ministack.services import dynamodb
from lab.cloud.patches import dynamodb_expiry
dynamodb_expiry.apply()
spec = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
keys = [{"AttributeName": "id", "KeyType": "HASH"}]
types = [{"AttributeName": "id", "AttributeType": "S"}]
dynamodb._create_table({"TableName": "table", "KeySchema": keys, "AttributeDefinitions": types,
                        "BillingMode": "PAY_PER_REQUEST", "StreamSpecification": spec})
dynamodb._put_item({"TableName": "table", "Item": {"id": {"S": "a"}}})
table = dynamodb._tables["table"]
(hash_key,) = table["items"]
(range_key,) = table["items"][hash_key]
name = "dynamodb-ttl-reaper"
reaper = threading.Thread(target=dynamodb._remove_item, args=(table, hash_key, range_key), name=name)
reaper.start()
reaper.join()
dynamodb._put_item({"TableName": "table", "Item": {"id": {"S": "b"}}})
dynamodb._delete_item({"TableName": "table", "Key": {"id": {"S": "b"}}})
print(json.dumps(dynamodb._stream_records["table"]))
"""


def test_an_expired_item_is_the_services_deletion_in_the_stream() -> None:
    done = subprocess.run(
        [lab_python(), "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    _, expired, _, deleted = json.loads(done.stdout)
    assert expired["eventName"] == deleted["eventName"] == "REMOVE"
    assert expired["dynamodb"]["Keys"] == {"id": {"S": "a"}}
    assert expired["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert "userIdentity" not in deleted
