"""How the command line finds its stack, and what it says when it cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from searchsync_cli.errors import CliError
from searchsync_cli.main import main
from searchsync_cli.stack import Named, from_terraform, functions_in, stack_of
from tests.support.cli_cloud import ACCOUNT, NAME, REGION, STREAM_LABEL, TABLE_ARN

FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"


def output(**values: Any) -> dict[str, Any]:
    return {name: {"sensitive": False, "type": "string", "value": value} for name, value in values.items()}


def configuration(**variables: str) -> dict[str, Any]:
    given = {
        "STREAM_ARN": f"{TABLE_ARN}/stream/{STREAM_LABEL}",
        "FAILURE_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders-search-failures",
        "OPENSEARCH_INDEX": "orders",
    }
    environment = {name: value for name, value in (given | variables).items() if value}
    return {"FunctionName": NAME, "FunctionArn": FUNCTION_ARN, "Environment": {"Variables": environment}}


def terraform(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int = 0, complaint: str = "") -> None:
    """A terraform on the path that answers so, and only to `output -json`."""
    program = folder / "bin" / "terraform"
    program.parent.mkdir()
    (folder / "answer").write_text(answer)
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "output -json" ] || exit 9\ncat "{folder}/answer"\necho "{complaint}" >&2\nexit {code}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_an_output_names_the_function_and_its_arn_the_region() -> None:
    assert functions_in(output(function_name=NAME, function_arn=FUNCTION_ARN)) == [Named(NAME, REGION)]


def test_a_whole_module_as_an_output_names_it_too() -> None:
    assert functions_in(output(search={"function_name": NAME, "index_name": "orders"})) == [Named(NAME, None)]


def test_modules_with_count_or_for_each_are_looked_into() -> None:
    many = output(a=[{"function_name": "one"}], b={"function_name": "two"})
    assert [named.name for named in functions_in(many)] == ["one", "two"]


def test_the_same_function_named_twice_is_one() -> None:
    assert len(functions_in(output(function_name=NAME, search={"function_name": NAME}))) == 1


def test_terraform_in_a_folder_names_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform(tmp_path, monkeypatch, json.dumps(output(function_name=NAME)))
    assert from_terraform(tmp_path).name == NAME


@dataclass(frozen=True)
class Terraform:
    """What it answers, exits with and complains of; and what the operator is told."""

    answer: str
    says: str
    code: int = 0
    complaint: str = ""


TWO = json.dumps(output(a={"function_name": "one"}, b={"function_name": "two"}))


@pytest.mark.parametrize(
    "case",
    [
        Terraform("{}", "name no function"),
        Terraform("not JSON", "gave no JSON"),
        Terraform("", "Backend initialization required", 1, "Error: Backend initialization required"),
        Terraform(TWO, "several functions: one, two"),
    ],
    ids=["nothing", "garbage", "not initialised", "several"],
)
def test_what_terraform_does_not_say_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Terraform
) -> None:
    terraform(tmp_path, monkeypatch, case.answer, case.code, case.complaint)
    with pytest.raises(CliError, match=case.says) as raised:
        from_terraform(tmp_path)
    assert "--name" in raised.value.remedy


def test_without_terraform_the_name_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliError, match="not installed"):
        from_terraform(tmp_path)


def test_all_else_follows_from_the_function() -> None:
    stack = stack_of(configuration())
    assert stack.machine_arn == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}-reconcile"
    assert (stack.redrive_name, stack.reconcile_name) == (f"{NAME}-redrive", f"{NAME}-reconcile")
    assert (stack.table_arn, stack.table_name) == (TABLE_ARN, "orders")
    assert (stack.queue_name, stack.region) == ("orders-search-failures", REGION)
    assert (stack.log_group, stack.metric_namespace) == (f"/aws/lambda/{NAME}", "searchsync")


def test_a_log_group_and_a_namespace_of_their_own_are_taken() -> None:
    stack = stack_of(configuration(METRIC_NAMESPACE="mine") | {"LoggingConfig": {"LogGroup": "/own"}})
    assert (stack.log_group, stack.metric_namespace) == ("/own", "mine")


def test_a_function_of_something_else_is_refused() -> None:
    with pytest.raises(CliError, match="is not a searchsync sync function: its environment has no STREAM_ARN"):
        stack_of(configuration(STREAM_ARN=""))


def test_an_environment_that_cannot_be_decrypted_is_told() -> None:
    hidden = configuration() | {"Environment": {"Error": {"ErrorCode": "AccessDenied", "Message": "no kms:Decrypt"}}}
    with pytest.raises(CliError, match="no kms:Decrypt") as raised:
        stack_of(hidden)
    assert "kms:Decrypt" in raised.value.remedy


def test_name_and_folder_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", "a", "--terraform", "."]) == 2
    assert "both name the stack" in capsys.readouterr().err


def test_without_credentials_one_message_says_how_to_get_some(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert main(["status", "--name", "a", "--region", REGION]) == 2
    told = capsys.readouterr().err
    assert "no AWS credentials" in told
    assert "--profile" in told
    assert "Traceback" not in told


@mock_aws
def test_a_function_that_is_not_there_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", "nobody", "--region", REGION, "--json"]) == 2
    shown = capsys.readouterr()
    assert "There is no function nobody" in shown.err
    assert json.loads(shown.out)["error"].startswith("There is no function nobody")


def test_a_profile_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", "a", "--profile", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_no_region_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert main(["status", "--name", "a"]) == 2
    assert "Give --region" in capsys.readouterr().err


@mock_aws
def test_terraforms_region_is_taken_where_none_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    terraform(tmp_path, monkeypatch, json.dumps(output(function_name=NAME, function_arn=FUNCTION_ARN)))
    assert main(["status", "--terraform", str(tmp_path)]) == 2
    assert f"There is no function {NAME}" in capsys.readouterr().err


@pytest.mark.parametrize("helper", ["redrive", "reconcile"])
def test_a_stacks_other_function_says_whose_it_is(helper: str) -> None:
    other = configuration() | {"FunctionName": f"{NAME}-{helper}", "Handler": f"searchsync.{helper}_handler.handle"}
    with pytest.raises(CliError, match=rf"{helper} function\. .*--name: {NAME}\."):
        stack_of(other)


def test_an_empty_name_is_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", ""]) == 2
    assert '--name is ""' in capsys.readouterr().err


def test_a_region_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", NAME, "--region", "no region"]) == 2
    told = capsys.readouterr().err
    assert "no region" in told
    assert "--region" in told
