"""A state machine with a Distributed Map and a function, made by boto3 in the lab: for tests of the lab itself."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

from lab.closing import Closing
from lab.stack import Lab
from tests.support.small_stack import ACCOUNT, wait_until

# Its state goes in and comes out with the next call. It fails or sleeps as its environment says by part.
HANDLER = """
import json, os, time

class RunRefusedError(Exception):
    pass

kept = []

def listed(name):
    return os.environ.get(name, "").split(",")

def handle(event, context):
    part, call = str(event["part"]), event.get("call", 0)
    print(json.dumps({"part": part, "call": call, "pid": os.getpid(), "execution": event.get("execution")}))
    if event.get("keep"):
        kept.append(bytearray(event["keep"] * 1024 * 1024))
    if event.get("metric"):
        print(json.dumps(event["metric"]))
    if part in listed("SLEEP"):
        time.sleep(float(os.environ.get("SECONDS", "2")))
    if part in listed("REFUSE") and call == 1:
        raise RunRefusedError("as asked")
    if part in listed("ONCE") and call == 1 and not kept:
        kept.append(part)
        raise ConnectionError("as asked")
    totals = {"items": call + 1, "text": "x" * event.get("size", 0)}
    return {**event, "call": call + 1, "done": call == 2, "totals": totals}
"""


def child(**member: Any) -> dict[str, Any]:
    """The processor of a Distributed Map: three calls of the function, then its totals."""
    return {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Run",
        "States": {
            "Run": {"Type": "Task", "OutputPath": "$.Payload", "Next": "Done", **member},
            "Done": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "Result"}],
                "Default": "Run",
            },
            "Result": {"Type": "Pass", "OutputPath": "$.totals", "End": True},
        },
    }


class SmallMachine(Closing):
    """Function, state machine and their roles under one random name."""

    def __init__(self, lab: Lab, concurrency: int = 1, **map_members: Any) -> None:
        """`map_members` go into the Map state, over its ItemsPath and ItemSelector."""
        self.lab = lab
        self.name = f"m{uuid.uuid4().hex[:12]}"
        self.arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{self.name}"
        self.children = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:{self.name}/Parts:*"
        self.states, self.functions, self.iam = (lab.boto3_client(each) for each in ("stepfunctions", "lambda", "iam"))
        self._function()
        self._machine_role()
        self.states.create_state_machine(
            name=self.name,
            roleArn=self._role("machine", "states.amazonaws.com"),
            definition=json.dumps(self._definition(concurrency, map_members)),
        )

    def _definition(self, concurrency: int, map_members: dict[str, Any]) -> dict[str, Any]:
        retry = [
            {"ErrorEquals": ["RunRefusedError"], "MaxAttempts": 0},
            {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2},
        ]
        run = {
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": self.function_arn, "Payload.$": "$"},
            "Retry": retry,
            "TimeoutSeconds": 960,
        }
        parts = {
            "Type": "Map",
            "Label": "Parts",
            "ItemsPath": "$.parts",
            "ItemSelector": {"part.$": "$$.Map.Item.Value", "parent.$": "$$.Execution.Id", "call": 0},
            "MaxConcurrency": concurrency,
            "ToleratedFailurePercentage": 0,
            "ItemProcessor": child(**run),
            "End": True,
        }
        return {"StartAt": "Parts", "States": {"Parts": parts | map_members}}

    def start(self, parts: list[Any], **more: Any) -> str:
        """Start an execution; its ARN."""
        given = json.dumps({"parts": parts, **more})
        return str(self.states.start_execution(stateMachineArn=self.arn, input=given)["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """The execution's description when it has ended."""

        def ended() -> Any:
            found = self.states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return dict(wait_until("the execution's end", ended, 60))

    def redrive(self, execution: str) -> dict[str, Any]:
        """Redrive; the description at the end."""
        self.states.redrive_execution(executionArn=execution)
        return self.end(execution)

    def map_run(self, execution: str) -> dict[str, Any]:
        """The description of the only Map Run."""
        (found,) = wait_until("a Map Run", lambda: self.states.list_map_runs(executionArn=execution)["mapRuns"])
        return dict(self.states.describe_map_run(mapRunArn=found["mapRunArn"]))

    def executions_of(self, map_run: dict[str, Any]) -> list[dict[str, Any]]:
        """The children, described."""
        found = self.states.list_executions(mapRunArn=map_run["mapRunArn"])["executions"]
        return [self.states.describe_execution(executionArn=each["executionArn"]) for each in found]

    def behave(self, **variables: str) -> None:
        """Give the function another environment."""
        self.functions.update_function_configuration(FunctionName=self.name, Environment={"Variables": variables})

    def log(self) -> list[str]:
        """The function's log lines."""
        logs = self.lab.boto3_client("logs")
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        return [each["message"] for each in events]

    def calls(self) -> list[tuple[str, int]]:
        """Part and number of each call, as the function printed them."""
        return [(each["part"], each["call"]) for each in self.printed()]

    def printed(self) -> list[dict[str, Any]]:
        """What the function printed."""
        return [json.loads(line) for line in self.log() if line.startswith('{"part"')]

    def forbid(self, *actions: str) -> None:
        """Take actions away from the machine's role; none gives all back."""
        role = f"{self.name}-machine"
        if not actions:
            self.iam.delete_role_policy(RoleName=role, PolicyName="forbidden")
            return
        self._policy(role, "forbidden", [(list(actions), "*")], effect="Deny")

    def rule_role(self) -> str:
        """A role for a rule of EventBridge; it may do nothing yet."""
        return self._role("rule", "events.amazonaws.com")

    def let_the_rule_start(self) -> None:
        """Let the rule's role start the machine."""
        self._policy(f"{self.name}-rule", "start", [("states:StartExecution", self.arn)])

    def close(self) -> None:
        """Delete what runs."""
        for each in self.states.list_executions(stateMachineArn=self.arn, statusFilter="RUNNING")["executions"]:
            self.states.stop_execution(executionArn=each["executionArn"])
        self.states.delete_state_machine(stateMachineArn=self.arn)
        self.functions.delete_function(FunctionName=self.name)

    def _role(self, suffix: str, service: str) -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        name = f"{self.name}-{suffix}"
        try:
            made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        except self.iam.exceptions.EntityAlreadyExistsException:
            made = self.iam.get_role(RoleName=name)
        return str(made["Role"]["Arn"])

    def _policy(
        self, role: str, name: str, statements: list[tuple[str | list[str], str]], effect: str = "Allow"
    ) -> None:
        listed = [{"Effect": effect, "Action": action, "Resource": resource} for action, resource in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": listed})
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    def _machine_role(self) -> None:
        self._role("machine", "states.amazonaws.com")
        self._policy(
            f"{self.name}-machine",
            "machine",
            [
                ("lambda:InvokeFunction", self.function_arn),
                ("states:StartExecution", self.arn),
                (["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"], self.children),
                ("s3:GetObject", f"arn:aws:s3:::{self.name}/*"),
            ],
        )

    def _function(self) -> None:
        role = self._role("function", "lambda.amazonaws.com")
        log = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/{self.name}:*"
        self._policy(f"{self.name}-function", "log", [(["logs:CreateLogStream", "logs:PutLogEvents"], log)])
        self.lab.boto3_client("logs").create_log_group(logGroupName=f"/aws/lambda/{self.name}")
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", HANDLER)
        made = self.functions.create_function(
            FunctionName=self.name,
            Role=role,
            Runtime="python3.12",
            Handler="index.handle",
            Timeout=900,
            Code={"ZipFile": package.getvalue()},
        )
        self.function_arn = str(made["FunctionArn"])
