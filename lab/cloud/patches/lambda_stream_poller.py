"""The event source mapping of a DynamoDB stream.

AWS: as lab/trigger.py says.
ministack: its poller ignores batchItemFailures, bisect, retries and parallelization, and reads
past IAM. It is switched off; lab/cloud/event_sources.py runs the applied mappings instead.
"""

from __future__ import annotations

from ministack.services import lambda_svc

from lab.cloud.patching import replace


def apply() -> None:
    """Keep ministack from polling DynamoDB streams."""

    def nothing() -> bool:
        return False

    replace(lambda_svc, "_poll_dynamodb_streams", nothing)
