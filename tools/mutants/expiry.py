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
        "        version = record_version(record, latest)\n    if version is None",
        "        pass\n    if version is None",
        "in_whatever_order",
    ),
    _mutant(
        "an expiry without its old image taken for a deletion",
        "protocol/plan.py",
        "_old_image(record, rules.keep_expired, latest) if kept else record.image",
        "record.old_image if change.is_kept else record.image",
        "without_its_old_image",
    ),
    _mutant(
        "an expiry settled by the table",
        "sync/pipeline.py",
        "        if change.is_kept and write.source is not None:\n",
        "        if False:\n",
        "meets_something_later",
    ),
    _mutant(
        "an expiry refused without a version taken for done",
        "sync/pipeline.py",
        "return target if found is Verdict.RESYNC else Outcome(Result(found.value), answer)",
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
        "    if as_of == math.inf:\n        return read\n",
        "    if as_of >= 0:\n        return read\n",
        "does_not_undo_the_expiry or never_above_the_read",
    ),
    _mutant(
        "a deletion above the read that found no item",
        "protocol/version.py",
        "    return min(read, version)\n",
        "    return version\n",
        "never_above_the_read",
    ),
    _mutant(
        "a tombstone that is not renewed",
        "protocol/version.py",
        "return Verdict.RESYNC if found is Verdict.PASSED and as_of else found",
        "return found",
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
    _mutant(
        "an expiry that the condition leaves out taken for a put",
        "sync/pipeline.py",
        "        if change.is_kept and write.source is not None:\n",
        "        if change.is_kept:\n",
        "leaves_no_document",
    ),
    _mutant(
        "what an expiry keeps written as long as one reads",
        "sync/resync.py",
        "        if self.kept_until is None or self.kept_until.begin_within() > 0.0:\n",
        "        if True:\n",
        "holds_nothing_else_up",
    ),
    _mutant(
        "a request that holds what an expiry keeps sent as long as its read allows",
        "sync/resync.py",
        "            until = until.at_most(self.kept_until.at, self.kept_until.begin_by)\n",
        "            pass\n",
        "as_long_as_its_batch",
    ),
    _mutant(
        "an item that expired by another attribute kept",
        "protocol/plan.py",
        "    if expiry is None or Decimal(expiry) > latest:\n",
        "    if False:\n",
        "by_another_attribute",
    ),
    _mutant(
        "a range settled by a repair although the stream has its deletions",
        "sync/redrive.py",
        "if by_repair and not any(view.rules.keep_expired for view in self.config.targets):",
        "if by_repair:",
        "a_repair_does_not_settle",
    ),
    _mutant(
        "a repair's poison that deletes nothing",
        "reconcile/repair.py",
        'refused(keys[name], "", None, answer, as_of=as_of[name])',
        'refused(keys[name], "", None, answer)',
        "what_a_repair_could_not_delete",
    ),
    _mutant(
        "a verdict that another setting leaves standing",
        "reconcile/identity.py",
        'return (*made, {"keep_expired": config.keep_expired}) if config.keep_expired else made',
        "return made",
        "falls_with_it",
    ),
)
