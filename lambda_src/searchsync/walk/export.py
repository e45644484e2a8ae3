"""A table's export to S3, as a walk reads it: an edge.

Data files are gzip with one JSON object a line, {"Item": {…}} in DynamoDB JSON (AWS page "DynamoDB table
export output format"). That is the event's form already.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.errors import SearchsyncError, StackError, TableBusyError
from searchsync.foreign import code_of
from searchsync.records import AttributeMap
from searchsync.walk.state import File

MISSING = frozenset({"NoSuchKey", "404"})
REFUSED = frozenset({"AccessDenied", "403", "NoSuchBucket", "KMS.DisabledException"})


class BrokenFileError(SearchsyncError):
    """A data file that cannot be read: it is named in the result, and the walk goes on."""


class ExportFile:
    """One data file; `lines` were read already."""

    def __init__(self, s3: Any, part: File, lines: int) -> None:
        self._s3 = s3
        self._part = part
        self.line = lines

    @property
    def name(self) -> str:
        """The file's key."""
        return self._part.file

    def pages(self, size: int) -> Iterator[list[AttributeMap]]:
        """Images in the event's form, up to `size` at once, from where the last call stopped.

        Raises BrokenFileError where the file is missing, is no gzip of JSON lines, or does not hold as
        many items as the manifest says; StackError where the function may not read it; TableBusyError
        where S3 does not answer.
        """
        try:
            body = self._s3.get_object(Bucket=self._part.bucket, Key=self._part.file)["Body"]
            with gzip.open(body, "rt", encoding="utf-8") as text:
                images = (_image(line) for line in islice(text, self.line, None))
                while page := list(islice(images, size)):
                    self.line += len(page)
                    yield page
        except ClientError as error:
            raise self._failed(code_of(error)) from error
        except BotoCoreError as error:
            raise TableBusyError(f"S3 did not give {self._part.file}: {type(error).__name__}.") from error
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            what = type(error).__name__
            raise BrokenFileError(f"{self._part.file} is broken after {self.line} items: {what}") from error
        if self.line != self._part.items:
            raise BrokenFileError(f"{self._part.file} has {self.line} items, and the manifest says {self._part.items}.")

    def _failed(self, code: str) -> SearchsyncError:
        if code in MISSING:
            return BrokenFileError(f"{self._part.file} is missing")
        if code in REFUSED:
            return StackError(
                f"S3 refused {self._part.file}: {code}. Check `table_walk.export_bucket` (s3:GetObject and "
                "s3:ListBucket for the walk role, and kms:Decrypt where the bucket has a customer key)."
            )
        return TableBusyError(f"S3 did not give {self._part.file}: {code}.")


def _image(line: str) -> AttributeMap:
    image = json.loads(line)["Item"]
    if not isinstance(image, dict):
        raise TypeError("an item that is no object")
    return image
