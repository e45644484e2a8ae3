"""The run's own bucket, where calls leave what others go on with: an edge, S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.errors import StackError
from searchsync.sanitize import code_of


@dataclass(frozen=True)
class Bucket:
    """A bucket by its name. Each method raises StackError where S3 refuses it."""

    s3: Any
    name: str

    def put(self, key: str, body: bytes) -> None:
        """Write an object, or replace it."""
        try:
            self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise self._refused(error) from error

    def find(self, key: str) -> bytes | None:
        """A whole object, None where there is none."""
        try:
            return bytes(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "NoSuchKey":
                return None
            raise self._refused(error) from error

    def part(self, key: str, start: int, size: int) -> bytes:
        """So many bytes of an object, from `start` on."""
        within = f"bytes={start}-{start + size - 1}"
        try:
            return bytes(self.s3.get_object(Bucket=self.name, Key=key, Range=within)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise self._refused(error) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of all objects that begin with `prefix`, in order."""
        more: dict[str, str] = {}
        while True:
            try:
                answer = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix, **more)
            except (ClientError, BotoCoreError) as error:
                raise self._refused(error) from error
            yield from (each["Key"] for each in answer.get("Contents", ()))
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def _refused(self, error: Exception) -> StackError:
        return StackError(
            f"The run's bucket {self.name} refused a request: {code_of(error)}. Check that it is there, and the "
            "reconcile function's role may s3:GetObject, s3:ListBucket and s3:PutObject there, and use its KMS key."
        )
