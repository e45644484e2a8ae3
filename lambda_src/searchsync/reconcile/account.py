"""What a run asks of AWS beside table, queue and index: an edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.config import Config
from searchsync.edges.wire import AS_SENT
from searchsync.errors import RunRefusedError, StackError
from searchsync.limits import MOST_DATAPOINTS
from searchsync.reconcile.manifest import Export, Manifest
from searchsync.reconcile.prepare import TableFacts, read_capacity
from searchsync.reconcile.settings import Settings
from searchsync.sanitize import code_of


class Account:
    """Questions to AWS, each with the permission that it needs."""

    def __init__(self, clients: Mapping[str, Any], config: Config, settings: Settings) -> None:
        """`clients`: boto3 clients by service."""
        self._clients = clients
        self._config = config
        self._settings = settings

    def table(self) -> TableFacts:
        """The table as it is now. Raises RunRefusedError where there is none."""
        try:
            found = self._clients["dynamodb"].describe_table(TableName=self._config.table_arn)["Table"]
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException":
                raise RunRefusedError(f"There is no table {self._config.table_name}: apply again.") from error
            raise _refused("dynamodb:DescribeTable", error) from error
        kinds = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
        names = [each["AttributeName"] for each in sorted(found["KeySchema"], key=lambda each: each["KeyType"])]
        on = found.get("StreamSpecification", {}).get("StreamEnabled", False)
        return TableFacts(
            {name: kinds[name] for name in names},
            int(found.get("TableSizeBytes", 0)),
            found.get("LatestStreamArn") if on else None,
            found.get("TableId"),
            found["CreationDateTime"].timestamp() if "CreationDateTime" in found else None,
            read_capacity(found),
            found.get("StreamSpecification", {}).get("StreamViewType"),
        )

    def export(self, arn: str) -> Mapping[str, Any]:
        """The ExportDescription of an export. Raises RunRefusedError where there is none.

        DescribeExport knows the exports of its own account and region; ListExports names those of 90 days, and a
        load needs one of the last day.
        """
        try:
            answer = self._clients["dynamodb"].describe_export(ExportArn=arn)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ExportNotFoundException":
                raise RunRefusedError(
                    f"DynamoDB knows no export {arn}: give one of `aws dynamodb list-exports`, or export anew."
                ) from error
            raise _refused("dynamodb:DescribeExport", error) from error
        if not answer.get(AS_SENT):
            raise StackError("The runtime's botocore hides whether an export is whole: it must be 1.35.16 or later.")
        found: Mapping[str, Any] = answer["ExportDescription"]
        return found

    def export_parts(self, export: Export) -> tuple[str, list[str]]:
        """The ETag of an export's manifest, and its parts."""
        return Manifest(self._clients["s3"]).parts(export)

    def running(self) -> list[Mapping[str, Any]]:
        """The runs that run now. A run that began or ended a moment ago may be missing, or be there still
        (API "ListExecutions": eventually consistent)."""
        found = self._ask("states:ListExecutions", self._list_executions)
        # The children of a Map are no runs: their ARNs say <machine>/<map>.
        return [each for each in found if "/" not in each["executionArn"]]

    def ended_since(self, since: float) -> bool:
        """Whether a run has succeeded after a Unix second; the newest executions come first (API "ListExecutions")."""
        machine = self._settings.state_machine_arn
        listed = self._clients["stepfunctions"].list_executions
        found = self._ask("states:ListExecutions", lambda: listed(stateMachineArn=machine, statusFilter="SUCCEEDED"))
        return any(each["stopDate"].timestamp() >= since for each in found["executions"])

    def trigger(self) -> Mapping[str, Any] | None:
        """The event source mapping of the sync function on our stream."""
        found = self._ask("lambda:ListEventSourceMappings", self._list_mappings)
        return found[0] if found else None

    def unreserved(self) -> int:
        """How many executions at once all functions of account and region share that have reserved none."""
        answer = self._ask("lambda:GetAccountSettings", self._clients["lambda"].get_account_settings)
        return int(answer["AccountLimit"]["UnreservedConcurrentExecutions"])

    def lag(self, now: float, since: float | None = None) -> float:
        """Seconds that the trigger was behind the stream since a Unix time, or in the last minutes; 0.0 where no metric
        says so. What it waits for a full batch is no lag."""
        points = self._ask("cloudwatch:GetMetricStatistics", lambda: self._iterator_age(now, since))
        age = max((float(point["Maximum"]) for point in points), default=0.0) / 1000
        return max(0.0, age - self._settings.window)

    def signals(self, function: str, since: float, now: float) -> int:
        """How often a function said between two Unix seconds that a repair is needed."""
        points = self._ask("cloudwatch:GetMetricStatistics", lambda: self._repair_needed(function, since, now))
        return sum(int(point["Sum"]) for point in points)

    def _list_executions(self) -> Any:
        machine = self._settings.state_machine_arn
        pages = self._clients["stepfunctions"].get_paginator("list_executions")
        return pages.paginate(stateMachineArn=machine, statusFilter="RUNNING").build_full_result()["executions"]

    def _list_mappings(self) -> Any:
        return self._clients["lambda"].list_event_source_mappings(
            FunctionName=self._settings.sync_function, EventSourceArn=self._config.stream_arn
        )["EventSourceMappings"]

    def _iterator_age(self, now: float, since: float | None) -> Any:
        end = datetime.fromtimestamp(now, UTC)
        start = end - timedelta(minutes=3) if since is None else datetime.fromtimestamp(since - since % 60, UTC)
        return self._clients["cloudwatch"].get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": self._settings.sync_function}],
            StartTime=start,
            EndTime=end,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]

    def _repair_needed(self, function: str, since: float, now: float) -> Any:
        minutes = max(1, math.ceil((now - since) / 60 / MOST_DATAPOINTS))
        return self._clients["cloudwatch"].get_metric_statistics(
            Namespace=self._config.metric_namespace,
            MetricName="RepairNeeded",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=datetime.fromtimestamp(since - since % 60, UTC),
            EndTime=datetime.fromtimestamp(now, UTC),
            Period=60 * minutes,
            Statistics=["Sum"],
        )["Datapoints"]

    def _ask(self, permission: str, call: Any) -> Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            raise _refused(permission, error) from error


def _refused(permission: str, error: Exception) -> StackError:
    return StackError(
        f"AWS refused a question of the run: {code_of(error)}. Check {permission} of the reconcile function's role."
    )
