"""What the cloud process is told when it starts, and the names both sides of it know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.behaviours import Behaviours
from lab.process import LOOPBACK

REGION = "us-east-1"
ACCOUNT = "000000000000"
# ministack takes this key for the account's root: it may do everything but use a collection.
ROOT_ACCESS_KEY = "test"
ROOT_SECRET_KEY = "test"

SequenceNumbers = Literal["dynamodb", "ministack"]


@dataclass(frozen=True)
class Settings:
    """The command line of `python -m lab.cloud`."""

    port: int
    engine_url: str
    sequence_numbers: SequenceNumbers
    behaviours: Behaviours
    """Of every collection."""

    @property
    def endpoint(self) -> str:
        """The URL of all AWS APIs (AWS_ENDPOINT_URL)."""
        return f"http://{LOOPBACK}:{self.port}"
