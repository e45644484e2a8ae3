"""A batch's records to one decision per document. Pure.

Of one document's changes only the last is sent. Where time and delivery order disagree about which
is the last, or a record lacks its image, its creation time or a number, the table is asked: resync.
An item without a document by the condition is a deletion, in the same order as any other. Where the condition asks of
keys alone nothing is sent: there never was a document. Each view decides for itself, by the same records.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from searchsync.documents.attributes import AttributeMap
from searchsync.documents.document import document_id, encode
from searchsync.documents.view import FIRST, View, name_of
from searchsync.errors import NotKeptError, SearchsyncError, StackError
from searchsync.protocol.bulk import Answer, Kind, Write
from searchsync.protocol.records import StreamRecord
from searchsync.protocol.version import deletes_as_of, second_of, sequence_order, stream_version
from searchsync.sanitize import shown

POISON_KIND = "searchsync.poison"
"""The member `kind` of a failure message that this package wrote."""
FROM_THE_FUTURE = "version_from_the_future"
"""The error type of a document whose version nobody of this pipeline can have written."""


@dataclass(slots=True)  # one a record is made: frozen takes three times as long
class Change:
    """A document's last record in a batch, and of all its records there the latest second, and what `deletes_as_of`
    says."""

    id: str
    record: StreamRecord
    latest_second: int
    as_of: float = 0.0
    view: View = FIRST

    @property
    def is_kept(self) -> bool:
        """Whether the item's document stays though the item is gone."""
        return self.record.by_expiry and bool(self.view.rules.keep_expired)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that can never be written, with what the failure queue is told of it.

    `reason` may quote the engine, and so the item; `error_type` and `trace` never do. `index`: as in `View`.
    `as_of`: what `deletes_as_of` says of the record and of those before it in its batch.
    """

    keys: AttributeMap
    sequence_number: str
    version: int | None
    error_type: str
    reason: str
    trace: str = ""
    index: str = ""
    as_of: float = 0.0


@dataclass
class Plan:
    """What to do with a batch. `last`: the last record of each document id, in their order; `changes`: those of each
    view by the document's name (`view`), which is in `writes` or `resyncs`, in the same order, or in neither when its
    record is poison; `filtered`: how many documents there never were, by their keys."""

    last: list[Change] = field(default_factory=list)
    changes: dict[str, Change] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    resyncs: list[str] = field(default_factory=list)
    filtered: int = 0
    poison: list[Poison] = field(default_factory=list)


def plan_batch(
    records: Sequence[StreamRecord],
    key_attributes: tuple[str, ...],
    received: int,
    latest: float,
    views: Sequence[View] = (FIRST,),
) -> Plan:
    """One decision per document and view. `received` is the second, rounded up, in which the batch was taken.

    A record that says it comes from beyond `latest` (now + max_skew) has no creation time worth the name.
    """
    plan = Plan()
    last: dict[str, Change] = {}
    versions: dict[str, int | None] = {}
    for record in records:
        told = told_second(record, latest)
        version = _version(record, told)
        try:
            name = document_id(record.keys, key_attributes)
        except StackError:
            raise
        except Exception as error:  # noqa: BLE001 - one record's failure in pure code is that record's
            plan.poison.append(unwritable(record.keys, record.sequence_number, version, error))
            continue
        second = received if version is None or told is None else told
        as_of = deletes_as_of(record.removal, told)
        before = last.pop(name, None)  # its place is the last record's, which a failure reports
        if before is None:
            versions[name] = version
        else:
            second = max(second, before.latest_second)
            as_of = max(as_of, before.as_of)
            versions[name] = _rising(versions[name], version)
        last[name] = Change(name, record, second, as_of, views[0])
    plan.last = list(last.values())
    asked = [(view, view.rules.by_keys(key_attributes)) for view in views]
    for change in plan.last:
        keys, version = change.record.keys, versions[change.id]
        # Most views have nothing of most items: all are asked before anything is made.
        having = [view for view, takes in asked if takes is None or takes(keys)]
        plan.filtered += len(views) - len(having)
        for view in having:
            of_view = (
                change
                if view is change.view
                else Change(change.id, change.record, change.latest_second, change.as_of, view)
            )
            _decide(plan, of_view, version, latest)
    return plan


def told_second(record: StreamRecord, latest: float) -> int | None:
    """The Unix second that a record tells, None where it tells none, or one beyond `latest`."""
    return None if record.second is None or record.second > latest else record.second


def record_version(record: StreamRecord, latest: float) -> int | None:
    """The external version of a record, None where it gives no usable time or number."""
    return _version(record, told_second(record, latest))


def _version(record: StreamRecord, told: int | None) -> int | None:
    sequence = sequence_order(record.sequence_number)
    return None if told is None or sequence is None else stream_version(told, sequence)


def unwritable(
    keys: AttributeMap,
    sequence_number: str,
    version: int | None,
    error: Exception,
    index: str = "",
    *,
    as_of: float = 0.0,
) -> Poison:
    """The poison that an exception in pure code makes of a record or an item."""
    reason = str(error) if isinstance(error, SearchsyncError) else "an error in the conversion of this item"
    trace = "".join(traceback.format_tb(error.__traceback__))
    return Poison(keys, sequence_number, version, type(error).__name__, reason, trace, index, as_of)


def refused(
    keys: AttributeMap,
    sequence_number: str,
    version: int | None,
    answer: Answer,
    index: str = "",
    *,
    as_of: float = 0.0,
) -> Poison:
    """The poison that the collection's answer makes of a record or an item: a refusal, or a version from the future."""
    if answer.kind is Kind.CONFLICT:
        reason = f"the index holds version {answer.current}, which lies in the future: not from this pipeline"
        return Poison(keys, sequence_number, version, FROM_THE_FUTURE, reason, index=index, as_of=as_of)
    error_type = answer.error_type or f"http_{answer.status}"  # something between answers without a type
    return Poison(keys, sequence_number, version, error_type, answer.reason, index=index, as_of=as_of)


def _rising(before: int | None, after: int | None) -> int | None:
    return after if before is not None and after is not None and before < after else None


def _decide(plan: Plan, change: Change, version: int | None, latest: float) -> None:
    record, rules, index = change.record, change.view.rules, change.view.index
    name = name_of(index, change.id)
    plan.changes[name] = change
    if kept := change.is_kept:  # whatever order the records before an expiry have, it is the last of them (`version`)
        version = record_version(record, latest)
    if version is None or (record.image is None and not record.is_deletion):
        plan.resyncs.append(name)
        return
    try:
        image = _old_image(record, rules.keep_expired, latest) if kept else record.image
        source = encode(change.id, image, rules)
    except Exception as error:  # noqa: BLE001 - one record's failure in pure code is that record's
        plan.poison.append(unwritable(record.keys, record.sequence_number, version, error, index, as_of=change.as_of))
        return
    if kept and source is None:  # left out by the condition: a deletion like any other
        plan.changes[name] = replace(change, as_of=max(change.as_of, second_of(version)))
    plan.writes.append(Write(change.id, version, source, index))


def _old_image(record: StreamRecord, attribute: str, latest: float) -> AttributeMap:
    """What an expired item was. Raises NotKeptError where its document could not be known for a kept one."""
    if record.old_image is None:
        raise NotKeptError(
            "An item expired, and its record has no old image to keep: document.keep_expired needs a stream of "
            "NEW_AND_OLD_IMAGES. Set it, and put the item again where it must have a document."
        )
    expiry = record.old_image.get(attribute, {}).get("N")
    if expiry is None or Decimal(expiry) > latest:
        raise NotKeptError(
            f"An item expired, and its {shown(attribute)} does not say so: set document.keep_expired to the attribute "
            "by which the table's items expire, before a repair takes their documents for orphans."
        )
    return record.old_image
