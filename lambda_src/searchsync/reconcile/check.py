"""What `searchsync mapping check` shows: whether the collection would take a mapping, in its own words.

A collection has no call that tries a mapping and makes nothing (AOSS, "Supported OpenSearch API operations"). So one is
tried in the index of the doctor's probes, which is made and deleted for it: once new, with the stack's settings; and
once as a copy of the index's own mapping, into which it is put. The index itself is only described. What the engine
says goes to who asked, and never into the log. Loaded only when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opensearchpy.client.client import Client

from searchsync.clock import Clock, Deadline
from searchsync.config import Config
from searchsync.documents.index import DEFAULT_MAPPING, MARK, Mark, creation_body
from searchsync.documents.mapping import problem
from searchsync.errors import CollectionBusyError, RunRefusedError, StackError
from searchsync.limits import CLEAN_UP, PATIENCE
from searchsync.protocol.bulk import MAPPING_CONFLICT, Answer, Kind, classify_request
from searchsync.reconcile.asker import Asker, UnaskedError, claim, clean_up

COPIED = ("analysis", "mapping", "similarity")
"""Of an index's settings: what a mapping may lean on, and its bounds. The rest is the engine's own, or AOSS's."""


def check(
    config: Config, connect: Callable[[], Client], clock: Clock, event: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    """What becomes of the event's `mapping`, or the stack's. Raises RunRefusedError where the probes' index is
    another's, StackError where the role may not, CollectionBusyError."""
    mapping = event.get("mapping", config.mapping)
    found: dict[str, Any] = {"index": config.index, "given": "mapping" in event, "own": _own(mapping)}
    if found["own"]:
        return found
    at = Asker(config, connect, clock, Deadline.after(clock, seconds - CLEAN_UP))
    try:
        claim(at)
        found["made"] = _said(_make(at, creation_body(mapping, Mark("", 0.0, None), config.settings)))
        found["put"] = _put(at, DEFAULT_MAPPING if mapping is None else mapping)
    except UnaskedError as error:
        raise _unasked(at, error) from None
    finally:
        found["left"] = clean_up(at)
    return found


def _own(mapping: Any) -> str:
    """Why searchsync itself refuses a mapping; empty where it does not."""
    if mapping is None:
        return ""
    if not isinstance(mapping, Mapping) or "mappings" in mapping:
        return "give the index mapping as a JSON object, what stands below 'mappings'"
    return problem(mapping)


def _make(at: Asker, body: Mapping[str, Any]) -> Answer:
    """Make the probes' index of this body. One that was just deleted may be known for a while."""
    meta = {MARK: {"doctor": at.mark, "since": int(at.clock.now())}}
    body = {**body, "mappings": {**body["mappings"], "_meta": meta}}
    at.made = None
    answer = _put_at_last(at, f"/{at.probe}", body)
    at.made = True if answer.kind is Kind.DONE else None
    return answer


def _put(at: Asker, mapping: Mapping[str, Any]) -> dict[str, Any] | None:
    """What becomes of a mapping that is put into the index, tried on a copy; None where there is no index."""
    described = at.ask("GET", f"/{at.config.index}")
    kind = classify_request(described).kind
    if kind is Kind.NO_INDEX:
        return None
    if kind is not Kind.DONE or not isinstance(described.body, Mapping):
        raise UnaskedError(kind.value)
    (own,) = described.body.values()
    at.ask("DELETE", f"/{at.probe}", optional=True)
    settings = {name: value for name, value in own["settings"]["index"].items() if name in COPIED}
    copy = _make(at, {"mappings": own["mappings"], "settings": settings})
    if copy.kind is not Kind.DONE:
        raise UnaskedError(f"no copy of the index could be made ({copy.status} {copy.error_type})")
    body = {name: value for name, value in mapping.items() if name != "_meta"}
    return _said(_put_at_last(at, f"/{at.probe}/_mapping", body))


def _put_at_last(at: Asker, path: str, body: Mapping[str, Any]) -> Answer:
    """The answer to a PUT that does not pass by waiting: a new index, or a deleted one, is known everywhere later."""
    until = at.clock.monotonic() + PATIENCE
    while True:
        answer = classify_request(at.ask("PUT", path, body))
        passing = answer.kind is Kind.NO_INDEX or answer.error_type == MAPPING_CONFLICT
        if not passing or at.clock.monotonic() > until:
            return answer
        at.sleep(1.0)


def _said(answer: Answer) -> dict[str, Any]:
    """An answer with the engine's words. Raises UnaskedError where it says nothing of the mapping."""
    if answer.kind not in (Kind.DONE, Kind.REFUSED):
        raise UnaskedError(answer.kind.value)
    return {"taken": answer.kind is Kind.DONE, "type": answer.error_type, "reason": answer.reason}


def _unasked(at: Asker, error: UnaskedError) -> Exception:
    if at.refused:
        return StackError(
            f"The reconcile function's role may not {', '.join(sorted(at.refused))}. Allow it in the data access "
            "policy (a change takes up to a minute); `searchsync doctor` asks for all that it needs."
        )
    if error.why in (Kind.BUSY.value, "time"):
        return CollectionBusyError(f"The collection did not answer in time ({error.why}). Try again.")
    return RunRefusedError(f"The collection did not say what becomes of the mapping: {error.why}. Try again.")
