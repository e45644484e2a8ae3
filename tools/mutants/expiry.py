"""Mutants of the documents of expired items: which are kept, by what version, and what may not undo it."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

UNIT = "tests/unit/test_expiry.py"


def _mutant(name: str, file: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(f"expiry: {name}", FUNCTION + file, old, new, (UNIT, "-k", test))


MUTANTS = (
    _mutant(
        "any deletion by a service taken for one",
        "protocol/records.py",
        "all(identity.get(name) == text for name, text in EXPIRY.items())",
        'identity.get("type") == EXPIRY["type"]',
        "tells_an_expiry_from_a_deletion",
    ),
    _mutant(
        "the stream's own names of the identity not read",
        "edges/stream.py",
        '"type": told.get("Type")',
        '"type": told.get("type")',
        "in_its_own_words",
    ),
    _mutant(
        "a view that follows taken for one that keeps",
        "protocol/plan.py",
        "return self.record.by_expiry and bool(self.view.rules.keep_expired)",
        "return self.record.by_expiry",
        "without_the_setting",
    ),
    _mutant(
        "an expiry's order taken from the records before it",
        "protocol/plan.py",
        "record_version(change.record, latest) if of_view.is_kept else version",
        "version",
        "in_whatever_order",
    ),
    _mutant(
        "an expiry without its old image taken for a deletion",
        "protocol/plan.py",
        "_old_image(record) if change.is_kept else record.image",
        "record.old_image if change.is_kept else record.image",
        "without_its_old_image",
    ),
    _mutant(
        "an expiry settled by the table",
        "sync/pipeline.py",
        "        if change.is_kept:\n",
        "        if False:\n",
        "meets_something_later",
    ),
    _mutant(
        "an expiry refused without a version taken for done",
        "sync/pipeline.py",
        "return kept if found is Verdict.RESYNC else Outcome(Result(found.value), answer)",
        "return Outcome(Result.STALE if found is Verdict.RESYNC else Result(found.value), answer)",
        "refused_without_a_version",
    ),
    _mutant(
        "an expiry that is read again not written",
        "sync/resync.py",
        "                if image is None and target.kept is not None:\n",
        "                if image is None and target.kept is None and target.known == 0:\n",
        "refused_without_a_version",
    ),
    _mutant(
        "a deletion as of its read",
        "protocol/version.py",
        "version = read if as_of == math.inf else min(read, ",
        "version = read if as_of >= 0 else min(read, ",
        "does_not_undo_the_expiry or never_above_the_read",
    ),
    _mutant(
        "a deletion above the read that found no item",
        "protocol/version.py",
        "else min(read, (int(as_of) + math.ceil(max_skew) + 1) << LOW_BITS | 1)",
        "else (int(as_of) + math.ceil(max_skew) + 1) << LOW_BITS | 1",
        "never_above_the_read",
    ),
    _mutant(
        "a tombstone that is not renewed",
        "sync/resync.py",
        "            if _is_tombstone_of(version, current):\n                return Verdict.RESYNC\n",
        "",
        "redrive_of_a_deletion_renews",
    ),
    _mutant(
        "an expiry's message taken for a deletion's",
        "protocol/version.py",
        "    if removal == EXPIRED:\n        return 0.0\n",
        "",
        "leaves_what_is_there or given_up",
    ),
    _mutant(
        "a range's expiry that forgets what came before it",
        "sync/redrive.py",
        "max(second, before.second), max(as_of, before.as_of))",
        "max(second, before.second), as_of)",
        "given_up",
    ),
    _mutant(
        "a kept document taken for an orphan",
        "reconcile/verify.py",
        "if image is None and document is not None and rules.is_kept(document.source, now):",
        "if False:",
        "once_it_says",
    ),
    _mutant(
        "a document without an item kept before it has expired",
        "documents/shape.py",
        "return isinstance(expiry, Decimal) and expiry <= second",
        "return isinstance(expiry, Decimal)",
        "once_it_says",
    ),
    _mutant(
        "a repair that undoes an expiry",
        "reconcile/repair.py",
        "self._past(each), view, _as_of(each))",
        "self._past(each), view)",
        "a_repair_deletes_what_it_saw",
    ),
    _mutant(
        "a transform that leaves out the time",
        "documents/shape.py",
        "return self._with_expiry(made, image) if self.keep_expired and made is not None else made",
        "return made",
        "a_transform_must_leave",
    ),
    _mutant(
        "a run on a stream without old images",
        "reconcile/prepare.py",
        'if config.keep_expired and facts.images != "NEW_AND_OLD_IMAGES":',
        "if False:",
        "a_run_refuses",
    ),
)
