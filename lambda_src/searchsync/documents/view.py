"""A view: one index of the table's documents. Pure.

A table may have several. Each is a function of the item: which document it has there, or none. The same item has the
same document id in each, so that in a batch a document's name says its index, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from searchsync.documents.document import OWN_PREFIX
from searchsync.documents.shape import WHOLE, Rules


@dataclass(frozen=True, slots=True)
class View:
    """`index`: what each write names, empty where the table has one view and the request's path names its index."""

    rules: Rules = WHOLE
    index: str = ""


FIRST = View()


def name_of(index: str, document: str) -> str:
    """By what a batch knows a document: its id; of several indexes with the index before it, as no item's id is."""
    return f"{OWN_PREFIX}{index}:{document}" if index else document
