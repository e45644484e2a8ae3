"""A part of a table's export in S3, as a run reads it: an edge.

Data files are gzip with one JSON object a line, {"Item": {…}} in DynamoDB JSON (AWS page "DynamoDB table
export output format"). That is the event's form already.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from searchsync.documents.attributes import AttributeMap
from searchsync.edges.table import Item
from searchsync.errors import ConversionError, SearchsyncError, TableBusyError
from searchsync.limits import FILES_AT_ONCE, LARGEST_ANSWER
from searchsync.reconcile.manifest import MISSING, DataFile, Manifest, refused
from searchsync.reconcile.state import Files
from searchsync.sanitize import code_of


class BrokenFileError(SearchsyncError):
    """A data file that cannot be read: it is named in the result, and the run goes on."""


class ExportFiles:
    """The data files of a part, one after the other. `item` makes an item of an image.

    `position`: the number of the file in the part, and how many of its lines were read. `broken`: what was wrong
    with the files that could not be read, each by the last part of its key.
    """

    def __init__(self, s3: Any, part: Files, position: list[int], item: Callable[[AttributeMap], Item]) -> None:
        self._s3 = s3
        self._part = part
        self._item = item
        self._file, self._line = position
        self._size = 0
        """Characters of the lines read since a page was begun."""
        self.broken: list[str] = []

    @property
    def position(self) -> list[int]:
        """Behind the last page."""
        return [self._file, self._line]

    def pages(self, size: int) -> Iterator[list[Item]]:
        """Items, up to `size` at once, no more text than memory holds, of up to FILES_AT_ONCE files, from where the
        last call stopped.

        Raises as Manifest does.
        """
        page, opened, self._size = list[Item](), 0, 0
        for file in islice(Manifest(self._s3).files(self._part), self._file, None):
            opened += 1
            try:
                for item in self._items(file):
                    page.append(item)
                    if len(page) >= size or self._size >= LARGEST_ANSWER:
                        yield page
                        page, opened, self._size = [], 1, 0
            except BrokenFileError as error:
                self.broken.append(str(error))
            self._file, self._line = self._file + 1, 0
            if opened >= FILES_AT_ONCE:
                yield page
                page, opened, self._size = [], 0, 0
        if opened:
            yield page

    def _items(self, file: DataFile) -> Iterator[Item]:
        """The items of a file behind the lines that were read.

        Raises BrokenFileError where the file is missing, is no gzip of JSON lines, holds an item without a
        usable key, or not as many items as the manifest says.
        """
        name = file.key.rpartition("/")[2]
        try:
            body = self._s3.get_object(Bucket=self._part.bucket, Key=file.key)["Body"]
            with gzip.open(body, "rt", encoding="utf-8") as text:
                for line in islice(text, self._line, None):
                    item = self._read(line, name)
                    self._line += 1
                    self._size += len(line)
                    yield item
        except ClientError as error:
            code = code_of(error)
            raise BrokenFileError(f"{name} is missing") if code in MISSING else refused(file.key, code) from error
        except BotoCoreError as error:
            raise TableBusyError(f"S3 did not give {file.key}: {type(error).__name__}.") from error
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            raise BrokenFileError(f"{name} is broken after {self._line} items: {type(error).__name__}") from error
        if self._line != file.items:
            raise BrokenFileError(f"{name} has {self._line} items, and the manifest says {file.items}")

    def _read(self, line: str, name: str) -> Item:
        image = json.loads(line)["Item"]
        if not isinstance(image, dict):
            raise TypeError("an item that is no object")
        try:
            return self._item(image)
        except (KeyError, TypeError, ConversionError) as error:
            raise BrokenFileError(f"{name} is broken: item {self._line + 1} has no usable key") from error
