"""An applied stack as a person looks at it: items, documents, log lines, the failure queue."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import requests

from lab.compare import Comparison, compare, index_documents, table_documents
from lab.errors import LabError
from lab.process import looks
from lab.stack import Lab
from searchsync.config import Config, read_environment
from searchsync.documents.shape import WHOLE, Rules

PATIENCE_SECONDS = 60.0
TIMEOUT_SECONDS = 30
LOG_CHARACTERS = 2_000
LINE_PATTERN = '"CloudWatchMetrics"'
"""Of the function's own lines only: an answer holds 10,000 events at most."""


def config_of(lab: Lab, function: str) -> Config:
    """What a function reads of its environment."""
    found = lab.boto3_client("lambda").get_function_configuration(FunctionName=function)
    return read_environment({**found["Environment"]["Variables"], "AWS_LAMBDA_FUNCTION_NAME": function})


class Applied:
    """The stack that Terraform's `outputs` describe, in the lab. `rules`: of its documents."""

    def __init__(
        self, lab: Lab, outputs: dict[str, Any], key_attributes: tuple[str, ...] = ("id",), rules: Rules = WHOLE
    ) -> None:
        self.lab = lab
        self.outputs = outputs
        self.key_attributes = key_attributes
        self.rules = rules
        self.dynamodb = lab.boto3_client("dynamodb")
        self.sqs = lab.boto3_client("sqs")
        self.logs = lab.boto3_client("logs")

    def view(self, name: str) -> Applied:
        """A further view of the stack, as a stack of its own, with the rules that its function has."""
        outputs = {**self.outputs, **self.outputs["views"][name]}
        config = config_of(self.lab, outputs["reconciliation_function_name"])
        return Applied(self.lab, outputs, self.key_attributes, config.rules)

    def post(self, body: object) -> Any:
        """Post to the applied API; its answer. `invoke_url` is a name that only AWS resolves."""
        outputs = self.outputs
        url = f"{self.lab.endpoint}/restapis/{outputs['rest_api_id']}/{outputs['stage_name']}/_user_request_/"
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    def put(self, item: dict[str, Any]) -> None:
        """Put an item, given as attribute values."""
        self.dynamodb.put_item(TableName=self.outputs["table_name"], Item=item)

    def delete(self, key: dict[str, Any]) -> None:
        """Delete an item."""
        self.dynamodb.delete_item(TableName=self.outputs["table_name"], Key=key)

    def item(self, key: dict[str, Any]) -> Any:
        """An item by key, None where there is none."""
        return self.dynamodb.get_item(TableName=self.outputs["table_name"], Key=key, ConsistentRead=True).get("Item")

    def document(self, name: str) -> Any:
        """A document by id, None where there is none. By id, so no refresh is waited for."""
        url = f"{self.lab.engine_url}/{self.outputs['index_name']}/_mget"
        answer = requests.post(url, json={"ids": [name]}, timeout=TIMEOUT_SECONDS).json()
        return answer.get("docs", [{}])[0].get("_source")

    def log_lines(self, since: float = 0.0) -> list[dict[str, Any]]:
        """The function's own log lines from `since` (Unix seconds) on, oldest first."""
        group, start = self.outputs["log_group_name"], int(since * 1000)
        found = self.logs.filter_log_events(logGroupName=group, startTime=start, filterPattern=LINE_PATTERN)
        return [json.loads(each["message"]) for each in found["events"] if each["message"].startswith('{"_aws"')]

    def log_line(self, name: str) -> dict[str, Any] | None:
        """The latest log line that names a document."""
        named = (
            line for line in reversed(self.log_lines()) if any(r["document"] == name for r in line.get("records", ()))
        )
        return next(named, None)

    def failure_messages(self) -> list[dict[str, Any]]:
        """Take the messages out of the failure queue."""
        found: list[dict[str, Any]] = []
        url = self.outputs["failure_queue_url"]
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def comparison(self) -> Comparison:
        """Table and index, item by item."""
        items = table_documents(self.dynamodb, self.outputs["table_name"], self.key_attributes, self.rules)
        return compare(items, index_documents(self.lab.engine_url, self.outputs["index_name"]))

    def until(self, what: str, look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """The first truth that `look` finds. LabError after `seconds`."""
        for _ in looks(seconds):
            if found := look():
                return found
        raise LabError(
            f"{what} did not come within {seconds:.0f} s. The lab's log ends:\n{self.lab.log()[-LOG_CHARACTERS:]}"
        )
