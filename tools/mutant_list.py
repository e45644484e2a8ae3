"""The mutants of `make mutants`: each one rule taken away, and the tests that notice."""

from __future__ import annotations

from dataclasses import dataclass

FUNCTION = "lambda_src/searchsync/"


@dataclass(frozen=True)
class Mutant:
    """A rule taken away: `old` stands once in `file`, and becomes `new`; `tests` are pytest's arguments."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "versions left out",
        FUNCTION + "bulk.py",
        """b'{"%b":{"_id":%b,"version":%d,"version_type":"external"}}\\n' % (
        action,
        quote(write.id).encode(),
        write.version,
    )""",
        """b'{"%b":{"_id":%b}}\\n' % (action, quote(write.id).encode())""",
        ("tests/unit/test_bulk.py", "-k", "every_write_is_versioned_externally"),
    ),
    Mutant(
        "a conflict taken as a failure",
        FUNCTION + "bulk.py",
        "return Answer(Kind.CONFLICT, status",
        "return Answer(Kind.BUSY, status",
        ("tests/unit/test_pipeline.py", "-k", "a_repeated_record_is_a_duplicate_and_no_failure"),
    ),
    Mutant(
        "429 taken as poison",
        FUNCTION + "bulk.py",
        "frozenset({402, 429, 500, 502, 503, 504})",
        "frozenset({402, 500, 502, 503, 504})",
        ("tests/unit/test_pipeline_failures.py", "-k", "a_storm_makes_no_poison"),
    ),
    Mutant(
        "the highest failed number instead of the lowest",
        FUNCTION + "records.py",
        "return min(numbers, key=int)",
        "return max(numbers, key=int)",
        ("tests/unit/test_pipeline_failures.py", "-k", "what_stays_busy_is_reported_by_its_lowest_number"),
    ),
    Mutant(
        "the id's parts not escaped",
        FUNCTION + "document.py",
        """return value.replace("\\\\", "\\\\\\\\").replace("|", "\\\\|")""",
        "return value",
        ("tests/unit/test_document.py", "-k", "no_two_keys_share_an_id"),
    ),
    Mutant(
        "numbers through float",
        FUNCTION + "document.py",
        "value if kind == 'N'",
        "repr(float(value)) if kind == 'N'",
        ("tests/unit/test_document.py", "-k", "a_number_keeps_its_own_digits"),
    ),
    Mutant(
        "the index not ensured",
        FUNCTION + "collection.py",
        "if self._ensured_at is not None and now - self._ensured_at < ENSURED_FOR:",
        "if now >= 0.0:",
        ("tests/engine/test_function.py", "-k", "our_mapping_and_mark_before_the_first_document"),
    ),
    Mutant(
        "one IAM permission removed",
        "iam.tf",
        'Action   = ["dynamodb:BatchGetItem"]',
        "Action   = []",
        ("tests/terraform", "-k", "policies"),
    ),
    Mutant(
        "the bisect setting removed",
        "main.tf",
        "  bisect_batch_on_function_error     = var.trigger.bisect_batch_on_function_error\n",
        "",
        ("tests/terraform", "-k", "settings"),
    ),
    Mutant(
        "the table read without consistency",
        FUNCTION + "table.py",
        '"ConsistentRead": True',
        '"ConsistentRead": False',
        ("tests/unit/test_table.py", "-k", "reads_are_consistent"),
    ),
    Mutant(
        "a conflict on a deletion taken as done",
        FUNCTION + "version.py",
        "    if deletion:\n        return Verdict.RESYNC\n",
        "    if deletion:\n        return Verdict.STALE\n",
        ("tests/unit/test_pipeline.py", "-k", "a_repeated_deletion_asks_the_table_again"),
    ),
    Mutant(
        "a resync without its wait",
        FUNCTION + "version.py",
        "return max(0.0, second + 1 + margin - now)",
        "return 0.0",
        ("tests/unit/test_pipeline.py", "-k", "a_resync_waits_out_the_margin"),
    ),
    Mutant(
        "a read's version without the margin",
        FUNCTION + "version.py",
        "return int(read_at - margin) << LOW_BITS | 1",
        "return int(read_at) << LOW_BITS | 1",
        ("tests/unit/test_version.py", "-k", "a_change_in_the_second_after_a_read_wins"),
    ),
    Mutant(
        "low bits decide a conflict",
        FUNCTION + "version.py",
        "if second_of(current) - second > margin:",
        "if second_of(current) - second >= 0:",
        ("tests/unit/test_version.py", "-k", "low_bits_never_decide"),
    ),
    Mutant(
        "falling versions in a batch sent all the same",
        FUNCTION + "plan.py",
        "return after if before is not None and after is not None and before < after else None",
        "return after",
        ("tests/unit/test_pipeline.py", "-k", "falling_versions_in_one_batch_ask_the_table"),
    ),
    Mutant(
        "a lone busy document without its witness",
        FUNCTION + "delivery.py",
        "if len(busy) > LONE_DOCUMENTS or not any(answer.kind in ANSWERED for answer in latest.values()):",
        "if len(busy) > LONE_DOCUMENTS:",
        ("tests/unit/test_pipeline_failures.py", "-k", "a_storm_after_one_success_makes_no_poison"),
    ),
)
