"""An account with one stack, for the command line's tests.

The clients are boto3's own. SQS, S3, CloudWatch, Logs and DynamoDB are moto's. Lambda, Step Functions and exports are
answered here, since moto runs no distributed map and no function without containers: botocore checks each request's
parameters against the service's model as ever, and each answer is checked against it too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.validate import validate_parameters
from rich.console import Console

from searchsync_cli.aws import Aws
from searchsync_cli.errors import iam_action
from searchsync_cli.executions import World
from searchsync_cli.main import main
from searchsync_cli.screen import Screen
from tests.support.fakes import FakeClock

REGION = "eu-central-1"
ACCOUNT = "123456789012"
NAME = "orders-search"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
STREAM_LABEL = "2026-01-02T03:04:05.678"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}-reconcile"
BUCKET = "exports"


def machine_arn(view: str = "") -> str:
    """The state machine of a view."""
    return MACHINE_ARN.removesuffix("reconcile") + (f"{view}-reconcile" if view else "reconcile")


LOADER = botocore.session.Session().get_component("data_loader")
"""The services' models, read once for all tests: most of a test's time otherwise."""


class Refused(Exception):
    """AWS's refusal: code and message."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(code)
        self.code, self.message = code, message


@dataclass
class Run:
    """One execution. looks: how often it is described before it ends; segments: children of the table's map."""

    name: str
    task: str
    started: float
    status: str = "RUNNING"
    stopped: float | None = None
    looks: int = 3
    segments: int = 4
    output: Mapping[str, Any] = field(default_factory=dict)
    fails: tuple[str, str] | None = None
    child: tuple[str, str] | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    redrive_status: str = "REDRIVABLE"
    redriven: int = 0
    machine: str = MACHINE_ARN

    @property
    def arn(self) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{self.name}"


@dataclass
class Cloud:
    """The account, and a terminal to work with it."""

    clock: FakeClock
    session: Any = None
    runs: list[Run] = field(default_factory=list)
    next_run: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    trigger: dict[str, Any] | None = None
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)
    saw: dict[str, Any] = field(default_factory=dict)
    index: dict[str, Any] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    has_machine: bool = True
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    out: str = ""
    err: str = ""

    def __post_init__(self) -> None:
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        self.session = boto3.Session("testing", "testing", region_name=REGION, botocore_session=core)
        for service in ("lambda", "stepfunctions", "dynamodb.DescribeExport"):
            self.session.events.register(f"before-parameter-build.{service}", self._keep)
            self.session.events.register(f"before-call.{service}", self._answer)
        self.session.events.register("before-parameter-build", self._note)
        self.session.events.register("before-call", self._deny)
        sqs = self.session.client("sqs")
        self.queue_url = sqs.create_queue(QueueName=f"{NAME}-failures")["QueueUrl"]
        self.session.client("dynamodb").create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.variables = {
            "STREAM_ARN": f"{TABLE_ARN}/stream/{STREAM_LABEL}",
            "FAILURE_QUEUE_URL": self.queue_url,
            "OPENSEARCH_INDEX": "orders",
            "METRIC_NAMESPACE": "searchsync",
            "OPENSEARCH_HOST": f"https://abc.{REGION}.aoss.amazonaws.com",
        }
        self.saw = {
            "collection": f"abc.{REGION}.aoss.amazonaws.com",
            "index": "orders",
            "index_uuid": "uuid-1",
            "index_mark": "mark-1",
            "table_id": "table-1",
            "stream_arn": self.variables["STREAM_ARN"],
            "mapping": "m1",
            "conversion": "c1",
            "package": "0.1.0+0123456789ab",
        }
        self.index = {"state": "there", "created": 7.0, "documents": 0}
        self.rolling: dict[str, Any] | None = None
        self.trigger = {
            "UUID": "6d5c1f0e-0000-4000-8000-000000000000",
            "EventSourceArn": self.variables["STREAM_ARN"],
            "State": "Enabled",
            "LastProcessingResult": "OK",
            "StartingPosition": "TRIM_HORIZON",
            "MaximumRecordAgeInSeconds": 79_200,
        }
        for function in (NAME, f"{NAME}-redrive", f"{NAME}-reconcile"):
            self._add_function(function)
        self.functions[f"{NAME}-reconcile"] = self.look

    def _add_function(self, name: str) -> None:
        self.functions[name] = lambda _: None
        self.session.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
        self.session.client("logs").create_log_stream(logGroupName=f"/aws/lambda/{name}", logStreamName="1")

    def add_view(self, name: str) -> None:
        """A further view of the stack, its index named after it."""
        views = json.loads(self.variables.get("VIEWS", "{}"))
        self.variables["VIEWS"] = json.dumps({**views, name: {"index": f"orders-{name}"}})
        self._add_function(f"{NAME}-{name}-reconcile")
        self.functions[f"{NAME}-{name}-reconcile"] = lambda event: self.look(event, name)

    def look(self, event: Any, view: str = "") -> dict[str, Any]:
        """What a view's reconcile function answers to a look."""
        unasked = {"state": "unasked", "created": None, "documents": None}
        hidden = {} if event.get("index") else {"index_uuid": None, "index_mark": None}
        index = self.index if event.get("index") else unasked
        saw = {**self.saw_of(view), **hidden}
        return {"saw": saw, "index": index, "table_created": 7.0, "rolling": self.rolling}

    def saw_of(self, view: str) -> dict[str, Any]:
        """What a view's reconcile function looks at."""
        return {**self.saw, **({"index": f"orders-{view}"} if view else {})}

    def run(self, *words: str, width: int = 100) -> int:
        """The exit code of `searchsync WORDS --name …`; what it wrote is in `out` and `err`."""
        out, err = io.StringIO(), io.StringIO()
        screen = Screen(
            "--json" in words, "--progress" in words, Console(file=out, width=width), Console(file=err, width=width)
        )
        code = main(
            [*words, "--name", NAME], World(Aws(session=self.session), screen, self.clock.now, self.clock.sleep)
        )
        self.out, self.err = out.getvalue(), err.getvalue()
        return code

    def finished(
        self, task: str, in_step: bool | None = True, before: float = 3600.0, view: str = "", **totals: Any
    ) -> Run:
        """A run of a view that succeeded, begun so many seconds ago, two minutes long."""
        started = self.clock.now() - before
        run = Run(f"{task}-{len(self.runs)}", task, started, "SUCCEEDED", started + 120, machine=machine_arn(view))
        run.output = {"task": task, "run": run.name, "totals": totals, "in_step": in_step, "report": None}
        run.output = {**run.output, "saw": self.saw_of(view)}
        self.runs.append(run)
        return run

    def metric(
        self, namespace: str, name: str, value: float, before: float = 60.0, of: str = NAME, *, view: str = ""
    ) -> None:
        """One value of a metric, so many seconds ago; of a further view with the dimension that names it."""
        dimension = {"AWS/SQS": "QueueName", "AWS/DynamoDB": "TableName"}.get(namespace, "FunctionName")
        self.session.client("cloudwatch").put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": dimension, "Value": of},
                        *([{"Name": "View", "Value": view}] if view else []),
                    ],
                    "Timestamp": datetime.fromtimestamp(self.clock.now() - before, UTC),
                    "Value": value,
                }
            ],
        )

    def log(self, message: str | Mapping[str, Any], before: float = 60.0, function: str = NAME) -> None:
        """One log line, so many seconds ago."""
        text = message if isinstance(message, str) else json.dumps(message)
        at = int((self.clock.now() - before) * 1000)
        self.session.client("logs").put_log_events(
            logGroupName=f"/aws/lambda/{function}", logStreamName="1", logEvents=[{"timestamp": at, "message": text}]
        )

    def send(self, message: Mapping[str, Any]) -> None:
        """One message to the failure queue."""
        self.session.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(message))

    # What is answered here

    def _keep(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _note(self, model: Any, **_: Any) -> None:
        self.actions.add(iam_action(model.service_model.signing_name, model.name))

    def _deny(self, model: Any, **_: Any) -> Any:
        if model.name in self.denied:
            error = {"Code": "AccessDeniedException", "Message": f"not authorized to perform {model.name}"}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
        return None

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        asked = context["asked"]
        if model.name in self.denied:
            return None
        self.calls.append((model.name, asked))
        try:
            parsed = getattr(self, f"_on_{model.name}")(asked)
        except Refused as refused:
            error = {"Code": refused.code, "Message": refused.message}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
        validate_parameters(parsed, model.output_shape)
        return SimpleNamespace(status_code=200), parsed

    def _on_GetFunctionConfiguration(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        name = self._function(asked)
        return {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
            "Environment": {"Variables": self.variables},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        }

    def _function(self, asked: Mapping[str, Any]) -> str:
        name: str = asked["FunctionName"]
        if name not in self.functions:
            raise Refused("ResourceNotFoundException", f"Function not found: {name}")
        return name

    def _on_ListEventSourceMappings(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        # A page with another mapping comes first, as in an account with many.
        if "Marker" not in asked:
            return {
                "EventSourceMappings": [
                    {"UUID": "6d5c1f0e-0000-4000-8000-000000000001", "EventSourceArn": "arn:aws:sqs:eu-central-1:1:q"}
                ],
                "NextMarker": "2",
            }
        return {"EventSourceMappings": [self.trigger] if self.trigger else []}

    def _on_Invoke(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        answer = self.functions[self._function(asked)](json.loads(asked["Payload"]))
        if isinstance(answer, Exception):
            failed = {"errorMessage": str(answer), "errorType": type(answer).__name__}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    def _on_StartExecution(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        self._machine()
        request = json.loads(asked["input"])
        machine = asked["stateMachineArn"]
        run = Run(asked["name"], request["task"], self.clock.now(), input=request, machine=machine, **self.next_run)
        self.runs.append(run)
        return {"executionArn": run.arn, "startDate": _date(run.started)}

    def _machine(self) -> None:
        if not self.has_machine:
            raise Refused("StateMachineDoesNotExist", "State Machine Does Not Exist")

    def _on_ListExecutions(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        if "mapRunArn" in asked:
            run = self._run({"executionArn": asked["mapRunArn"].rpartition("/")[0]})
            return {"executions": [_listed(child) for child in _failed_children(run)]}
        self._machine()
        runs = [run for run in self.runs if run.machine == asked["stateMachineArn"]]
        found = [run for run in runs if run.status == asked.get("statusFilter", run.status)]
        found.sort(key=lambda run: run.stopped or run.started, reverse=True)
        return {"executions": [_listed(run) for run in found]}

    def _on_DescribeExecution(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        run = self._run(asked)
        if run.status == "RUNNING":
            run.looks -= 1
            if run.looks < 0:
                run.status, run.stopped = ("FAILED" if run.fails else "SUCCEEDED"), self.clock.now()
        described = _listed(run) | {"input": json.dumps({"task": run.task, **run.input})}
        if run.status == "SUCCEEDED":
            described["output"] = json.dumps(run.output)
        elif run.fails and run.status != "RUNNING":
            described |= {"error": run.fails[0], "cause": run.fails[1]}
        if run.status not in ("RUNNING", "SUCCEEDED"):
            described["redriveStatus"] = run.redrive_status
        return described

    def _on_RedriveExecution(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        run = self._run(asked)
        run.status, run.stopped, run.looks, run.fails = "RUNNING", None, 2, None
        run.redriven += 1
        return {"redriveDate": _date(self.clock.now())}

    def _on_ListMapRuns(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        run = self._run(asked)
        runs = [run.started + 1, run.started + 60] if run.task != "backfill" and run.looks <= 0 else [run.started + 1]
        return {
            "mapRuns": [
                {
                    "executionArn": run.arn,
                    "mapRunArn": f"{run.arn}/{position}",
                    "stateMachineArn": run.machine,
                    "startDate": _date(at),
                }
                for position, at in reversed(list(enumerate(runs)))
            ]
        }

    def _on_DescribeMapRun(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        arn, _, position = asked["mapRunArn"].rpartition("/")
        run = self._run({"executionArn": arn})
        segments = run.segments if position == "0" else 2
        done = max(0, min(segments, segments - run.looks))
        counts = {
            "pending": 0,
            "running": segments - done,
            "succeeded": done,
            "failed": 0,
            "timedOut": 0,
            "aborted": 0,
            "total": segments,
            "resultsWritten": done,
        }
        return {
            "mapRunArn": asked["mapRunArn"],
            "executionArn": arn,
            "status": run.status,
            "startDate": _date(run.started + 60 * int(position)),
            "maxConcurrency": 4,
            "toleratedFailurePercentage": 0.0,
            "toleratedFailureCount": 0,
            "itemCounts": counts,
            "executionCounts": counts,
            "redriveCount": run.redriven,
        }

    def _on_DescribeExport(self, asked: Mapping[str, Any]) -> Any:  # noqa: N802
        if asked["ExportArn"] not in self.exports:
            raise Refused("ExportNotFoundException", "Export not found")
        return {"ExportDescription": self.exports[asked["ExportArn"]]}

    def _run(self, asked: Mapping[str, Any]) -> Run:
        every = [each for run in self.runs for each in (run, *_failed_children(run))]
        found = next((run for run in every if run.arn == asked["executionArn"]), None)
        if found is None:
            raise Refused("ExecutionDoesNotExist")
        return found


def _failed_children(run: Run) -> list[Run]:
    if run.child is None:
        return []
    failed = Run(f"{run.name}-child", run.task, run.started, "FAILED", run.started + 1, fails=run.child)
    return [replace(failed, machine=run.machine)]


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _listed(run: Run) -> dict[str, Any]:
    listed = {
        "executionArn": run.arn,
        "stateMachineArn": run.machine,
        "name": run.name,
        "status": run.status,
        "startDate": _date(run.started),
    }
    return listed | ({"stopDate": _date(run.stopped)} if run.stopped else {})
