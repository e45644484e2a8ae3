"""Finds the stack: the sync function's name from Terraform's outputs or the operator, all else from AWS. And one of its
views: the index, the reconcile function and the state machine are a view's, all else is the stack's."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from searchsync_cli.aws import Aws, pages
from searchsync_cli.errors import AwsError, CliError

REQUIRED = ("STREAM_ARN", "FAILURE_QUEUE_URL", "OPENSEARCH_INDEX")
HELPERS = {"searchsync.redrive_handler.handle": "redrive", "searchsync.reconcile_handler.handle": "reconcile"}
"""A stack's other functions by their handler. Their environment is the sync function's, and their name its name, with
this behind a hyphen; a further view's name stands between the two, and in its VIEW."""


@dataclass(frozen=True)
class Named:
    """A sync function that an output names. region: from its ARN, or None."""

    name: str
    region: str | None


@dataclass(frozen=True)
class Stack:
    """One pipeline, looked at by one of its views. `name` is the sync function's; what else belongs to it follows by
    convention. view: "" is the first one; index: of that view; further: the index of each further view by its name."""

    name: str
    function_arn: str
    log_group: str
    stream_arn: str
    queue_url: str
    index: str
    metric_namespace: str
    host: str = ""
    view: str = ""
    further: Mapping[str, str] = field(default_factory=dict)

    def of_view(self, view: str) -> Stack:
        """The stack by a further view. Raises CliError that names those there are."""
        if view in self.further:
            return replace(self, view=view, index=self.further[view])
        there = f"Those there are: {', '.join(sorted(self.further))}" if self.further else "It has no further views"
        raise CliError(
            f"The stack {self.name} has no view {json.dumps(view, ensure_ascii=False)}.",
            f"{there}. Without --view it is the first one, which has no name.",
        )

    @property
    def every(self) -> tuple[Stack, ...]:
        """Of the stack by its first view: by each of them, the first one before the others."""
        return (self, *(self.of_view(each) for each in sorted(self.further)))

    @property
    def may_sleep(self) -> bool:
        """Whether its collection is a NextGen one, which a question wakes: only theirs is such an endpoint (developer
        guide, "Collection endpoints for Amazon OpenSearch Serverless")."""
        return self.host.rstrip("/").endswith(".on.aws")

    @property
    def endpoint(self) -> str | None:
        """The collection's host, as a run names it; None where the function does not say it."""
        return urlsplit(self.host if "://" in self.host else f"https://{self.host}").netloc or None

    @property
    def region(self) -> str:
        """The region of the function, and so of all."""
        return self.function_arn.split(":")[3]

    @property
    def redrive_name(self) -> str:
        """The redrive function."""
        return f"{self.name}-redrive"

    @property
    def reconcile_name(self) -> str:
        """The view's reconcile function."""
        return f"{self.name}-{self.view}-reconcile" if self.view else f"{self.name}-reconcile"

    @property
    def reconcile_names(self) -> tuple[str, ...]:
        """The reconcile functions of all views."""
        return tuple(replace(self, view=view).reconcile_name for view in ("", *self.further))

    @property
    def machine_arn(self) -> str:
        """The state machine of the view's reconciliation."""
        _, partition, _, region, account, *_ = self.function_arn.split(":")
        return f"arn:{partition}:states:{region}:{account}:stateMachine:{self.reconcile_name}"

    @property
    def table_arn(self) -> str:
        """The table of the stream."""
        return self.stream_arn.partition("/stream/")[0]

    @property
    def cross_account(self) -> bool:
        """Whether the table belongs to another account than the function."""
        return self.stream_arn.split(":")[4] != self.function_arn.split(":")[4]

    @property
    def table_name(self) -> str:
        """The table's name."""
        return self.table_arn.partition(":table/")[2]

    @property
    def queue_name(self) -> str:
        """The failure queue's name."""
        return self.queue_url.rstrip("/").rpartition("/")[2]


def functions_in(outputs: Mapping[str, Any]) -> list[Named]:
    """The sync functions that `terraform output -json` names, as an output or inside one that is an object."""
    plain = {name: output.get("value") for name, output in outputs.items() if isinstance(output, dict)}
    found = {named.name: named for value in (plain, *plain.values()) for named in _named(value)}
    return list(found.values())


def _named(value: Any) -> Iterator[Named]:
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
        return
    if not isinstance(value, dict):
        return
    name, arn = value.get("function_name"), value.get("function_arn")
    if isinstance(name, str) and name:
        yield Named(name, arn.split(":")[3] if isinstance(arn, str) and arn.count(":") >= 6 else None)


def from_terraform(folder: Path) -> Named:
    """The one sync function that the Terraform configuration in `folder` has applied. Raises CliError."""
    by_hand = "Or give the sync function's name with --name."
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        raise CliError("Terraform is not installed here.", f"Install it. {by_hand}")
    if not folder.is_dir():
        raise CliError(
            f"--terraform {folder} is no folder.", f"Give the folder where you run terraform apply. {by_hand}"
        )
    ran = subprocess.run(
        [program, "output", "-json"], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if ran.returncode != 0:
        last = [line.strip(" │╷╵") for line in ran.stderr.splitlines() if line.strip(" │╷╵")]
        raise CliError(
            f"`terraform output -json` failed in {folder}: {' '.join(last)[:500]}",
            f"Run terraform init there. {by_hand}",
        )
    found = functions_in(_json(ran.stdout, folder))
    if not found:
        raise CliError(
            f"The Terraform outputs in {folder} name no function.",
            'Add `output "searchsync" { value = module.searchsync }` and apply, or give another folder with '
            f"--terraform. {by_hand}",
        )
    if len(found) > 1:
        names = ", ".join(named.name for named in found)
        raise CliError(f"The Terraform outputs in {folder} name several functions: {names}.", "Give one with --name.")
    return found[0]


def _json(text: str, folder: Path) -> Mapping[str, Any]:
    try:
        outputs = json.loads(text)
    except json.JSONDecodeError as error:
        raise CliError(
            f"`terraform output -json` in {folder} gave no JSON.", "Give the sync function's name with --name."
        ) from error
    return outputs if isinstance(outputs, dict) else {}


def discover(aws: Aws, name: str) -> Stack:
    """What AWS says of the sync function. Raises CliError when there is none or it is not one of ours."""
    try:
        configuration = aws.client("lambda").get_function_configuration(FunctionName=name)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise CliError(
                f"There is no function {name} in this account and region.",
                "Look at --name, --region and --profile; `terraform output function_name` says its name.",
            ) from error
        raise
    return stack_of(configuration)


def stack_of(configuration: Mapping[str, Any]) -> Stack:
    """The stack of a function's configuration (GetFunctionConfiguration). Raises CliError."""
    name = configuration["FunctionName"]
    environment = configuration.get("Environment", {})
    helper = HELPERS.get(configuration.get("Handler", ""))
    if helper is not None:
        raise _helpers(name, helper, environment.get("Variables", {}).get("VIEW", ""))
    if "Error" in environment:
        raise CliError(
            f"The environment of {name} cannot be read: {environment['Error'].get('Message', '')}.",
            "Allow kms:Decrypt with the key of function.environment_kms_key_arn.",
        )
    variables = environment.get("Variables", {})
    missing = [each for each in REQUIRED if not variables.get(each)]
    if missing:
        raise CliError(
            f"The function {name} is not a searchsync sync function: its environment has no {', '.join(missing)}.",
            "Give the sync function's name with --name; `terraform output function_name` says it.",
        )
    return Stack(
        name=name,
        function_arn=configuration["FunctionArn"],
        log_group=log_group_of(configuration),
        stream_arn=variables["STREAM_ARN"],
        queue_url=variables["FAILURE_QUEUE_URL"],
        index=variables["OPENSEARCH_INDEX"],
        metric_namespace=variables.get("METRIC_NAMESPACE") or "searchsync",
        host=variables.get("OPENSEARCH_HOST", ""),
        further=further_views(name, variables.get("VIEWS", "")),
    )


def _helpers(name: str, helper: str, view: str) -> CliError:
    """Another function of a stack was given for its sync function."""
    sync = name.removesuffix(f"-{helper}")
    if not view:
        return CliError(
            f"The function {name} is a stack's {helper} function.",
            f"Give the sync function's name with --name: {sync}.",
        )
    return CliError(
        f"The function {name} is the {helper} function of a stack's view {view}.",
        f"Give the sync function's name and the view: --name {sync.removesuffix(f'-{view}')} --view {view}.",
    )


def further_views(function: str, text: str) -> Mapping[str, str]:
    """The index of each further view by its name, from the variable VIEWS of a sync function: JSON, as it is or as
    Terraform's `base64gzip` writes it. Raises CliError."""
    if not text:
        return {}
    try:
        plain = text if text.lstrip().startswith("{") else gzip.decompress(base64.b64decode(text, validate=True))
        return {str(name): str(view["index"]) for name, view in json.loads(plain).items()}
    except (ValueError, OSError, EOFError, zlib.error, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise CliError(
            f"The views of {function} cannot be read: VIEWS of its environment is not what the module writes.",
            "Run terraform apply; if that changes nothing, install the `searchsync` of the module's version.",
        ) from error


def log_group_of(configuration: Mapping[str, Any]) -> str:
    """The log group of a function's configuration."""
    given: str | None = configuration.get("LoggingConfig", {}).get("LogGroup")
    return given or f"/aws/lambda/{configuration['FunctionName']}"


def log_group(aws: Aws, function: str) -> str:
    """The log group of one of the stack's functions. Raises CliError when the module has none."""
    try:
        return log_group_of(aws.client("lambda").get_function_configuration(FunctionName=function))
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise CliError(f"There is no function {function}.", OLD_MODULE) from error
        raise


OLD_MODULE = "The stack was applied with an older module, or not whole: run terraform apply with this one."


@dataclass(frozen=True)
class Trigger:
    """The event source mapping. changed: when it, or its state, was (Unix seconds); destination: the ARN of where it
    tells of records that it gave up."""

    uuid: str
    state: str
    last_result: str
    changed: float | None = None
    destination: str = ""

    @property
    def bucket(self) -> str | None:
        """The bucket that takes what it gave up, None where that is the failure queue."""
        return self.destination.partition(":s3:::")[2] or None


def find_trigger(aws: Aws, stack: Stack) -> Trigger | None:
    """The trigger between the stack's stream and its function; None when there is none."""
    call = aws.client("lambda").list_event_source_mappings
    for mapping in pages(call, "EventSourceMappings", ("Marker", "NextMarker"), FunctionName=stack.name):
        if mapping.get("EventSourceArn") == stack.stream_arn:
            changed = mapping.get("LastModified")
            return Trigger(
                uuid=mapping["UUID"],
                state=mapping.get("State", ""),
                last_result=mapping.get("LastProcessingResult", ""),
                changed=changed.timestamp() if changed else None,
                destination=mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
            )
    return None
