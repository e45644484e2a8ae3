"""What a run asks of AWS beside table, queue and index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from searchsync.config import read_environment
from searchsync.edges.wire import AS_SENT
from searchsync.errors import RunRefusedError, StackError
from searchsync.reconcile.account import Account
from searchsync.reconcile.settings import Settings
from tests.support.events import NOW, STREAM_ARN, environment

CONFIG = read_environment(environment())
SETTINGS = Settings(30.0, None, 4, None, None, "sync", "arn:machine")
ARN = f"{STREAM_ARN.partition('/stream/')[0]}/export/01693685827463-2d8752fd"
EXPORT = {"arn": ARN}
ON_DEMAND = {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}


@mock_aws
def test_the_tables_facts_are_read_in_key_order() -> None:
    client = boto3.client("dynamodb", region_name="eu-central-1")
    client.create_table(
        TableName=CONFIG.table_name,
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "a", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "a", "AttributeType": "N"},
            {"AttributeName": "h", "AttributeType": "B"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    account = Account({"dynamodb": client}, CONFIG, SETTINGS)
    facts = account.table()
    assert list(facts.types.items()) == [("h", "B"), ("a", "N")]
    assert facts.stream_arn is None
    client.update_table(
        TableName=CONFIG.table_name,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    assert account.table().stream_arn is not None
    assert account.table().capacity is None
    client.update_table(
        TableName=CONFIG.table_name,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 40, "WriteCapacityUnits": 1},
    )
    assert account.table().capacity == 40.0
    client.delete_table(TableName=CONFIG.table_name)
    with pytest.raises(RunRefusedError, match="There is no table"):
        account.table()


class Answering:
    """AWS clients that give one answer, or an error, to whatever they are asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*_: Any, **request: Any) -> Any:
            self.asked.append(request)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call


def account(service: str, answer: Any, settings: Settings = SETTINGS) -> tuple[Account, Answering]:
    client = Answering(answer)
    return Account({service: client}, CONFIG, settings), client


def test_the_lag_is_the_functions_latest_iterator_age_in_seconds() -> None:
    asking, client = account("cloudwatch", {"Datapoints": [{"Maximum": 1_500.0}, {"Maximum": 7_000.0}]})
    assert asking.lag(NOW) == 7.0
    (request,) = client.asked
    assert request["Dimensions"] == [{"Name": "FunctionName", "Value": "sync"}]
    assert request["EndTime"].timestamp() == NOW
    assert account("cloudwatch", {"Datapoints": []})[0].lag(NOW) == 0.0


def test_what_the_trigger_waits_for_a_full_batch_is_no_lag() -> None:
    """Its records are that old in a pipeline that is in time; what is over it is lag."""
    for age, lag in ((151_000.0, 1.0), (149_000.0, 0.0), (320_000.0, 170.0)):
        asking, _ = account("cloudwatch", {"Datapoints": [{"Maximum": age}]}, replace(SETTINGS, window=150.0))
        assert asking.lag(NOW) == lag


def test_the_lag_since_a_time_is_asked_for_from_that_times_minute_on() -> None:
    asking, client = account("cloudwatch", {"Datapoints": []})
    asking.lag(NOW, NOW - 1_000.0)
    (request,) = client.asked
    assert 0 <= NOW - 1_000.0 - request["StartTime"].timestamp() < 60
    assert request["StartTime"].timestamp() % request["Period"] == 0


def test_the_trigger_is_the_one_on_our_stream() -> None:
    asking, client = account("lambda", {"EventSourceMappings": [{"State": "Enabled"}]})
    assert asking.trigger() == {"State": "Enabled"}
    assert client.asked == [{"FunctionName": "sync", "EventSourceArn": STREAM_ARN}]
    assert account("lambda", {"EventSourceMappings": []})[0].trigger() is None


def test_the_room_that_lambda_has_is_what_no_function_has_reserved() -> None:
    limit = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 900}
    assert account("lambda", {"AccountLimit": limit})[0].unreserved() == 900


def test_the_running_runs_are_all_pages_of_them_and_no_children_of_a_map() -> None:
    client = boto3.client("stepfunctions", region_name="eu-central-1")
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:sync-reconcile"
    asked = {"stateMachineArn": machine, "statusFilter": "RUNNING"}

    def listed(name: str, map_: str = "") -> dict[str, Any]:
        arn = f"{machine.replace('stateMachine', 'execution')}{map_}:{name}"
        found = {"executionArn": arn, "stateMachineArn": machine, "name": name, "status": "RUNNING"}
        return {**found, "startDate": datetime.fromtimestamp(1.0, UTC)}

    with Stubber(client) as stub:
        first = {"executions": [listed("b"), listed("child", "/Table")], "nextToken": "more"}
        stub.add_response("list_executions", first, asked)
        stub.add_response("list_executions", {"executions": [listed("a")]}, {**asked, "nextToken": "more"})
        account = Account({"stepfunctions": client}, CONFIG, replace(SETTINGS, state_machine_arn=machine))
        assert [each["name"] for each in account.running()] == ["b", "a"]


@pytest.mark.parametrize(("since", "ended"), [(99.0, True), (100.0, True), (101.0, False)])
def test_a_run_has_ended_since_a_time_by_its_end_and_not_by_its_beginning(since: float, ended: bool) -> None:
    found = {
        "executions": [{"startDate": datetime.fromtimestamp(1.0, UTC), "stopDate": datetime.fromtimestamp(100.0, UTC)}]
    }
    asking, client = account("stepfunctions", found)
    assert asking.ended_since(since) is ended
    assert client.asked == [{"stateMachineArn": SETTINGS.state_machine_arn, "statusFilter": "SUCCEEDED"}]
    assert not account("stepfunctions", {"executions": []})[0].ended_since(0.0)


def test_an_export_is_what_dynamodb_says_of_it_unparsed() -> None:
    described = {"ExportStatus": "COMPLETED", "FilterSpecification": {"FilterExpression": "a = :b"}}
    asking, client = account("dynamodb", {"ExportDescription": described, AS_SENT: True})
    assert asking.export(ARN) == described
    assert client.asked == [{"ExportArn": ARN}]
    unknown = ClientError({"Error": {"Code": "ExportNotFoundException"}}, "x")
    with pytest.raises(RunRefusedError, match=r"knows no export .* list-exports"):
        account("dynamodb", unknown)[0].export(ARN)
    with pytest.raises(StackError, match="botocore hides whether an export is whole"):
        account("dynamodb", {"ExportDescription": described})[0].export(ARN)


def test_what_aws_refuses_names_the_permission() -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "x")
    asks: tuple[tuple[str, Callable[[Account], object], str], ...] = (
        ("cloudwatch", lambda asking: asking.lag(NOW), "cloudwatch:GetMetricStatistics"),
        ("lambda", lambda asking: asking.trigger(), "lambda:ListEventSourceMappings"),
        ("lambda", lambda asking: asking.unreserved(), "lambda:GetAccountSettings"),
        ("stepfunctions", lambda asking: asking.running(), "states:ListExecutions"),
        ("stepfunctions", lambda asking: asking.ended_since(NOW), "states:ListExecutions"),
        ("dynamodb", lambda asking: asking.table(), "dynamodb:DescribeTable"),
        ("dynamodb", lambda asking: asking.export(ARN), "dynamodb:DescribeExport"),
    )
    for service, ask, permission in asks:
        with pytest.raises(StackError, match=permission):
            ask(account(service, denied)[0])
