"""The event source mapping of a DynamoDB stream.

AWS: as lab/trigger.py says. What is not given has its default, and is told (guide, "Lambda parameters for Amazon
DynamoDB event source mappings").
ministack: its poller ignores batchItemFailures, bisect, retries and parallelization, and reads
past IAM. It is switched off; lab/cloud/event_sources.py runs the applied mappings instead. Whether a batch is halved is
told only where it was given.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc

from lab.cloud.patching import replace


def apply() -> None:
    """Keep ministack from polling DynamoDB streams, and complete what a mapping is made of."""

    def nothing() -> bool:
        return False

    def create(data: dict[str, Any]) -> Any:
        stream = ":dynamodb:" in str(data.get("EventSourceArn", ""))
        return original({**({"BisectBatchOnFunctionError": False} if stream else {}), **data})

    original = replace(lambda_svc, "_create_esm", create)
    replace(lambda_svc, "_poll_dynamodb_streams", nothing)
