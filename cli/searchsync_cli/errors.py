"""What goes wrong, in one message with its remedy. `explain` is pure: an AWS error to our own."""

from __future__ import annotations

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDeniedException", "403", "Forbidden"}
STALE = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestExpired",
}  # fmt: skip
BUSY = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
IAM_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "s3:ListObjectsV2": "s3:ListBucket",
    "monitoring:DescribeAlarmsForMetric": "cloudwatch:DescribeAlarmsForMetric",
    "monitoring:GetMetricData": "cloudwatch:GetMetricData",
}
"""IAM actions that are not named like their operation."""

UNANSWERED: tuple[tuple[tuple[type[BotoCoreError], ...], str, str], ...] = (
    (
        (NoCredentialsError, PartialCredentialsError),
        "There are no AWS credentials.",
        "Give --profile, or set AWS_PROFILE, or log in with `aws sso login`.",
    ),
    ((ProfileNotFound,), "{text}.", "Look at `aws configure list-profiles`, and give one with --profile."),
    ((NoRegionError,), "No region is given.", "Give --region, or set AWS_REGION."),
    ((InvalidRegionError,), "{text}.", "Give --region (or set AWS_REGION) like eu-central-1."),
    ((SSOError, TokenRetrievalError), "The single sign-on session is over.", "Log in again with `aws sso login`."),
    (
        (HTTPClientError, ConnectionError),
        "AWS cannot be reached: {text}.",
        "Look at the network, --region and AWS_ENDPOINT_URL; try again.",
    ),
)
"""What the SDK raises without an answer: its kinds, what is wrong, and the remedy."""


class CliError(Exception):
    """An expected problem: exit code 2. `message` says what is wrong, `remedy` what to do next."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class AwsError(CliError):
    """AWS refused or did not answer. `code` is the service's error code, "" when there was no answer."""

    def __init__(self, message: str, remedy: str, code: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code


def iam_action(service: str, operation: str) -> str:
    """The IAM action of a service's (by signing name) operation: what a policy must allow."""
    action = f"{service}:{operation}"
    return IAM_NAMES.get(action, action)


def explain(error: ClientError | BotoCoreError, action: str = "") -> AwsError:
    """The error with its remedy. `action` is the IAM action that was tried, if it is known."""
    if isinstance(error, ClientError):
        return _refused(error, action)
    text = str(error).rstrip(".")
    what, remedy = next(
        ((what, remedy) for kinds, what, remedy in UNANSWERED if isinstance(error, kinds)),
        ("The AWS SDK gave up: {text}.", "Look at the profile in ~/.aws/config."),
    )
    return AwsError(what.format(text=text), remedy)


def _refused(error: ClientError, action: str) -> AwsError:
    answer = error.response.get("Error", {})
    code, text = answer.get("Code", ""), answer.get("Message", "").strip().rstrip(".")
    if code in DENIED:
        return AwsError(
            f"These credentials may not call {action or error.operation_name}: {text}.",
            f"Allow {action or error.operation_name} (docs/operations.md lists what each command needs), "
            "or use another --profile.",
            code,
        )
    if code in STALE:
        return AwsError(
            f"AWS does not accept these credentials ({code}).", "Log in again, or give another --profile.", code
        )
    if code in BUSY:
        return AwsError(f"{action or error.operation_name} is throttled ({code}).", "Try again in a minute.", code)
    return AwsError(
        f"{action or error.operation_name} was refused: {text or 'without a reason'} ({code}).",
        "Look at --name and --region: do they name the stack?",
        code,
    )


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Text from outside for a terminal: control and direction characters are shown as escapes, not obeyed."""
    return CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
