"""The pipeline's parts made by boto3 in the lab, small and quick: for tests of the lab itself."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

from lab.closing import Closing
from lab.process import looks
from lab.stack import Lab
from tests.support import there

ACCOUNT = "000000000000"
STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")
TIMEOUT_SECONDS = 15.0
FUNCTION_SECONDS = 10
"""The function's timeout: its first request to an engine on a busy machine takes seconds."""

# It prints each event and does what the items tell it: raise, sleep, fail a record, call a collection.
HANDLER = """
import hashlib, json, os, time, urllib.error, urllib.request, boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

def call(method, path, body="", service="aoss", hashed=True):
    data = body.encode()
    headers = {"content-type": "application/json"}
    if hashed:
        headers["x-amz-content-sha256"] = hashlib.sha256(data).hexdigest()
    request = AWSRequest(method, os.environ["COLLECTION"] + path, data=data, headers=headers)
    if service:
        credentials = boto3.Session().get_credentials()
        SigV4Auth(credentials, service, os.environ["AWS_REGION"]).add_auth(request)
    sent = urllib.request.Request(
        request.url, data=data or None, headers=dict(request.headers.items()), method=method)
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

def handle(event, context):
    if "calls" in event:
        return [call(*each) for each in event["calls"]]
    if "environment" in event:
        return {"name": context.function_name, "left": context.get_remaining_time_in_millis(),
                "pid": os.getpid(), "python": list(os.sys.version_info[:2]),
                "path": os.environ.get("PYTHONPATH"), "task": sorted(os.listdir(".")),
                "environment": sorted(os.environ)}
    print(json.dumps({"records": event["Records"], "pid": os.getpid()}))
    failures = []
    for record in event["Records"]:
        what = record["dynamodb"].get("NewImage", {}).get("do", {}).get("S", "")
        if what == "raise":
            raise ValueError("as asked")
        if what == "sleep":
            time.sleep(60)
        if what == "fail":
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failures}
"""


def wait_until(what: str, found: Callable[[], Any], timeout: float = TIMEOUT_SECONDS) -> Any:
    """What `found` returns as soon as it is true."""
    for _ in looks(timeout):
        if value := found():
            return value
    raise AssertionError(f"{what}: not within {timeout:g} s")


class SmallStack(Closing):
    """Table, stream, queue, function, mapping and collection under one random name."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.client: dict[str, Any] = {}
        self._role()
        self._sources()
        self._collection()
        self._function()

    def api(self, service: str) -> Any:
        """A client with the root's credentials."""
        if service not in self.client:
            self.client[service] = self.lab.boto3_client(service)
        return self.client[service]

    def policy(self, name: str, *statements: tuple[str | list[str], str]) -> None:
        """Put an inline policy of (actions, resource)."""
        listed = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in statements]
        self.api("iam").put_role_policy(
            RoleName=self.name,
            PolicyName=name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": listed}),
        )

    def forbid(self, action: str) -> None:
        """Take one action away from the role."""
        denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [denied]}
        self.api("iam").put_role_policy(RoleName=self.name, PolicyName="forbidden", PolicyDocument=json.dumps(document))

    def allow_again(self) -> None:
        """Undo `forbid`."""
        self.api("iam").delete_role_policy(RoleName=self.name, PolicyName="forbidden")

    def put(self, key: str, do: str = "") -> None:
        """Put an item that tells the function what to do."""
        item = {"id": {"S": key}, "do": {"S": do}}
        self.api("dynamodb").put_item(TableName=self.name, Item=item)

    def map(self, **settings: Any) -> str:
        """Create the event source mapping and return its id."""
        base: dict[str, Any] = {
            "EventSourceArn": self.stream_arn,
            "FunctionName": self.name,
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": self.queue_arn}},
        }
        made = self.api("lambda").create_event_source_mapping(**base | settings)
        self.mapping = str(made["UUID"])
        return self.mapping

    def last_result(self) -> str:
        """The mapping's LastProcessingResult."""
        found = self.api("lambda").get_event_source_mapping(UUID=self.mapping)
        return str(found["LastProcessingResult"])

    def log(self) -> list[str]:
        """The lines in the function's log group."""
        logs = self.api("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def deliveries(self) -> list[dict[str, Any]]:
        """What the function printed for each invocation of the mapping."""
        return [json.loads(line) for line in self.log() if line.startswith('{"records"')]

    def delivered(self) -> list[list[str]]:
        """The keys of each invocation's records."""
        return [[record["dynamodb"]["Keys"]["id"]["S"] for record in each["records"]] for each in self.deliveries()]

    def messages(self) -> list[dict[str, Any]]:
        """The bodies in the failure queue; read once."""
        answer = self.api("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def invoke(self, event: Any) -> Any:
        """Invoke the function directly; its payload."""
        answer = self.api("lambda").invoke(FunctionName=self.name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def close(self) -> None:
        """Delete what runs; the rest ends with the lab."""
        for each in self.api("lambda").list_event_source_mappings(FunctionName=self.name)["EventSourceMappings"]:
            self.api("lambda").delete_event_source_mapping(UUID=each["UUID"])
        self.api("lambda").delete_function(FunctionName=self.name)
        found = self.api("opensearchserverless").batch_get_collection(names=[self.name])
        for each in found["collectionDetails"]:
            if each["status"] != "DELETING":
                self.api("opensearchserverless").delete_collection(id=each["id"])

    def _role(self) -> None:
        self.role_arn = there.function_role(self.api("iam"), self.name)

    def _sources(self) -> None:
        self.stream_arn = there.table(self.api("dynamodb"), self.name)["LatestStreamArn"]
        self.queue_url = self.api("sqs").create_queue(QueueName=self.name)["QueueUrl"]
        self.queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        log = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/{self.name}:*"
        self.policy(
            "pipeline",
            ([f"dynamodb:{action}" for action in STREAM_ACTIONS], self.stream_arn),
            ("dynamodb:ListStreams", "*"),
            ("sqs:SendMessage", self.queue_arn),
            (["logs:CreateLogStream", "logs:PutLogEvents"], log),
        )
        self.api("logs").create_log_group(logGroupName=f"/aws/lambda/{self.name}")

    def _collection(self) -> None:
        aoss = self.api("opensearchserverless")
        encryption = {
            "Rules": [{"ResourceType": "collection", "Resource": [f"collection/{self.name}"]}],
            "AWSOwnedKey": True,
        }
        aoss.create_security_policy(name=self.name, type="encryption", policy=json.dumps(encryption))
        made = aoss.create_collection(name=self.name, type="SEARCH")["createCollectionDetail"]
        self.collection_id, self.collection_arn = made["id"], made["arn"]
        self.policy("collection", ("aoss:APIAccessAll", self.collection_arn))
        found = wait_until("collection ACTIVE", lambda: self._active(made["id"]))
        self.endpoint = found["collectionEndpoint"]

    def _active(self, collection_id: str) -> Any:
        aoss = self.api("opensearchserverless")
        (found,) = aoss.batch_get_collection(ids=[collection_id])["collectionDetails"]
        return found if found["status"] == "ACTIVE" else None

    def permit(self, *permissions: str, index: str = "i", principal: str = "") -> None:
        """A data access policy for the role on one index."""
        rule = {
            "ResourceType": "index",
            "Resource": [f"index/{self.name}/{index}"],
            "Permission": list(permissions),
        }
        policy = [{"Rules": [rule], "Principal": [principal or self.role_arn]}]
        self.api("opensearchserverless").create_access_policy(
            name=f"p{uuid.uuid4().hex[:20]}", type="data", policy=json.dumps(policy)
        )

    def _function(self) -> None:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", HANDLER)
        self.api("lambda").create_function(
            FunctionName=self.name,
            Role=self.role_arn,
            Runtime="python3.12",
            Handler="index.handle",
            Timeout=FUNCTION_SECONDS,
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": {"COLLECTION": self.endpoint}},
        )
