"""AWS's refusals, as an operator reads them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from searchsync_cli.errors import explain, iam_action, printable


def refusal(code: str, message: str = "why") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "StartExecution")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403"])
def test_a_missing_permission_is_named(code: str) -> None:
    error = explain(refusal(code, "not authorized"), "states:StartExecution")
    assert "states:StartExecution" in error.message
    assert "Allow states:StartExecution" in error.remedy


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("monitoring", "GetMetricData", "cloudwatch:GetMetricData"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("states", "StartExecution", "states:StartExecution"),
    ],
)
def test_permissions_are_named_as_a_policy_names_them(service: str, operation: str, action: str) -> None:
    assert iam_action(service, operation) == action


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException"])
def test_old_credentials_are_told_from_missing_permissions(code: str) -> None:
    assert "Log in again" in explain(refusal(code)).remedy


def test_a_throttled_call_says_to_wait() -> None:
    assert "in a minute" in explain(refusal("ThrottlingException")).remedy


def test_any_other_refusal_keeps_its_reason_and_code() -> None:
    error = explain(refusal("InvalidArn", "Invalid Arn: x."), "states:ListExecutions")
    assert error.message == "states:ListExecutions was refused: Invalid Arn: x (InvalidArn)."
    assert error.code == "InvalidArn"


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="https://x"), ConnectTimeoutError(endpoint_url="https://x")],
    ids=["refused", "timeout"],
)
def test_a_network_that_is_down_says_where_to_look(error: EndpointConnectionError) -> None:
    assert "AWS_ENDPOINT_URL" in explain(error).remedy


@pytest.mark.parametrize("sneaky", ["\x1b[2J", "\x9b31m", "\u202e", "\r", "\x07"])
def test_text_from_outside_cannot_steer_the_terminal(sneaky: str) -> None:
    assert printable(f"a{sneaky}b") != f"a{sneaky}b"
    assert not set(printable(sneaky)) & set("\x1b\x9b\u202e\r\x07")


def test_ordinary_text_stays() -> None:
    assert printable("größe → 東京\n\tx") == "größe → 東京\n\tx"
