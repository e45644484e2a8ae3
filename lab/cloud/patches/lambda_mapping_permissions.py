"""A mapping is refused when its role could not serve it.

AWS: CreateEventSourceMapping checks that the function's execution role may read the stream
(DescribeStream, GetRecords and GetShardIterator on it, ListStreams on everything) and write the
on-failure queue, and answers InvalidParameterValueException when not. The stream may be another account's, whose
resource-based policy admits the role, in the function's region ("Process DynamoDB records with Lambda", "Creating a
cross-account event source mapping").
ministack: creates the mapping in any case, and none across accounts.
"""

from __future__ import annotations

from typing import Any

from ministack.core import lambda_runtime
from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, get_region
from ministack.services import lambda_svc

from lab.cloud.identity import account_of, allows
from lab.cloud.patching import private, replace

ON_THE_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")


def apply() -> None:
    """Refuse what AWS refuses."""

    def create(data: dict[str, Any]) -> Any:
        arn = str(data.get("EventSourceArn", ""))
        if ":dynamodb:" in arn and arn.split(":")[3] != get_region():
            message = f"Event source region must match Lambda region {get_region()}: {arn}"
            return error_response_json("InvalidParameterValueException", message, 400)
        missing = _missing(data)
        if missing:
            message = f"Cannot access the event source. Please ensure the role can perform: {', '.join(missing)}"
            return error_response_json("InvalidParameterValueException", message, 400)
        return original(data)

    def validated(arn: str) -> Any:
        parts = arn.split(":")
        if parts[2:4] != ["dynamodb", get_region()] or "/stream/" not in arn:
            return validate(arn)
        return parse_arn(arn), None

    original = replace(lambda_svc, "_create_esm", create)
    validate = replace(lambda_svc, "_validate_event_source_arn", validated)


def _missing(data: dict[str, Any]) -> list[str]:
    stream = str(data.get("EventSourceArn", ""))
    name, _, error = private(lambda_svc, "_resolve_existing_esm_function")(data.get("FunctionName", ""))
    if error or ":dynamodb:" not in stream:
        return []
    config = private(lambda_svc, "_functions")[name]["config"]
    key = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    wanted = [(action, stream) for action in ON_THE_STREAM] + [("dynamodb:ListStreams", "*")]
    destination = ((data.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination") or ""
    if ":sqs:" in destination:
        wanted.append(("sqs:SendMessage", destination))
    account = account_of(config["FunctionArn"])
    return [action for action, resource in wanted if not allows(key, account, action, resource)]
