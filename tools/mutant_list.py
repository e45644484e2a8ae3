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
        "a state's name in three Maps of the state machine",
        "modules/table_walk/state_machine.tf",
        """          "${map}Totals" = {""",
        """          Totals = {""",
        ("tests/terraform/test_terraform.py", "-k", "step_functions_takes_each_rendered_state_machine"),
    ),
    Mutant(
        "more parts of a walk than one state has room for",
        FUNCTION + "walk/prepare.py",
        "MOST_SEGMENTS = 1_000",
        "MOST_SEGMENTS = 2_000",
        ("tests/unit/test_walk_state.py", "-k", "results_of_the_most_parts_fit"),
    ),
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
        "a table's answer that says nothing taken for no items",
        FUNCTION + "table.py",
        "if answer is None or wanted not in answer:",
        "if answer is None:",
        ("tests/unit/test_table.py", "-k", "does_not_say_that_items_are_gone"),
    ),
    Mutant(
        "a conflict on a deletion taken as done",
        FUNCTION + "version.py",
        "    if deletion or (tombstone and is_table_read(current)):\n",
        "    if tombstone and is_table_read(current):\n",
        ("tests/unit/test_version.py", "-k", "a_conflict_on_a_deletion_is_never_done"),
    ),
    Mutant(
        "a resync that was busy taken for one that was disputed",
        FUNCTION + "resync.py",
        "            busy |= {name for name",
        "            busy = {name for name",
        ("tests/unit/test_pipeline.py", "-k", "a_resync_that_was_busy_in_a_round"),
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
        "if quota or len(busy) > LONE_DOCUMENTS or not answered:",
        "if quota or len(busy) > LONE_DOCUMENTS:",
        ("tests/unit/test_pipeline_failures.py", "-k", "a_storm_after_one_success_makes_no_poison"),
    ),
    Mutant(
        "a failure message deleted before its key is right",
        FUNCTION + "redrive.py",
        "settled = [held[name] for name, reason in reasons.items() if not reason]",
        "settled = [held[name] for name in reasons]",
        ("tests/unit/test_redrive.py", "-k", "what_still_cannot_be_written_stays"),
    ),
    Mutant(
        "a redrive that does not wait for its message's second",
        FUNCTION + "redrive.py",
        "found[each.id] = Target(each.id, each.keys, second, second)",
        "found[each.id] = Target(each.id, each.keys, second, 0)",
        ("tests/unit/test_redrive.py", "-k", "waits_until_the_margin_has_passed"),
    ),
    Mutant(
        "a range message deleted although its records are trimmed",
        FUNCTION + "redrive.py",
        "            return error.reason\n",
        '            return ""\n',
        ("tests/unit/test_redrive_ranges.py", "-k", "a_range_whose_records_are_trimmed_stays"),
    ),
    Mutant(
        "a range message deleted before its poison has messages of its own",
        FUNCTION + "redrive.py",
        '        return "not_sent"\n',
        '        return ""\n',
        ("tests/unit/test_redrive_ranges.py", "-k", "a_range_whose_poison_the_queue_refuses_stays"),
    ),
    Mutant(
        "a repair taken to have covered what was written within the margin before it",
        FUNCTION + "redrive.py",
        "wanted.last_second + margin < repaired",
        "wanted.last_second < repaired",
        ("tests/unit/test_redrive_ranges.py", "-k", "a_repair_settles_the_ranges_that_lie_a_margin_before_it"),
    ),
    Mutant(
        "the redrive may not delete messages",
        "iam.tf",
        '"sqs:DeleteMessage", ',
        "",
        ("tests/terraform", "-k", "policies"),
    ),
    Mutant(
        "the capacity limit taken for a document's fault",
        FUNCTION + "delivery.py",
        "if quota or len(busy) > LONE_DOCUMENTS or not answered:",
        "if len(busy) > LONE_DOCUMENTS or not answered:",
        ("tests/unit/test_pipeline_failures.py", "-k", "the_capacity_limit_is_no_documents_fault"),
    ),
    Mutant(
        "a walk's page written without its version's margin",
        FUNCTION + "walk/parts.py",
        "version = read_version(read.read_at, self.config.margin)",
        "version = read_version(read.read_at, 0.0)",
        ("tests/unit/test_walk_parts.py", "-k", "a_change_after_the_page_was_read_wins"),
    ),
    Mutant(
        "a walk's page written after its read's time",
        FUNCTION + "walk/parts.py",
        "time_to_write(read.read_monotonic, deadline)",
        "deadline",
        ("tests/unit/test_walk_parts.py", "-k", "a_page_that_takes_too_long_is_read_again"),
    ),
    Mutant(
        "no second look at a disagreement",
        FUNCTION + "walk/agreement.py",
        "if now.version != before.version:",
        "if now.version is None and before.version is not None:",
        ("tests/unit/test_walk_verify.py", "-k", "changes_again_and_again"),
    ),
    Mutant(
        "a page's own item taken for the first look",
        FUNCTION + "walk/verify.py",
        "for page in self.table.read(doubtful, deadline):",
        "for page in [SimpleNamespace(images={item.id: item.image for item in items if item.id in doubtful})]:",
        ("tests/unit/test_walk_verify.py", "-k", "changes_between_page_and_documents"),
    ),
    Mutant(
        "a missing document not watched",
        FUNCTION + "walk/verify.py",
        "SAMPLES = 20",
        "SAMPLES = 0",
        ("tests/unit/test_walk_verify.py", "-k", "put_again_and_again"),
    ),
    Mutant(
        "the index read in the order of its shards",
        FUNCTION + "walk/reader.py",
        '"sort": [{"_id": "asc"}]',
        '"sort": [{"_doc": "asc"}]',
        ("tests/engine/test_walk.py", "-k", "calls_that_end_early"),
    ),
    Mutant(
        "an answer without one of its shards believed",
        FUNCTION + "walk/reader.py",
        "return (failed and not _lost_shards(body)) or",
        "return",
        ("tests/unit/test_walk_reader.py", "-k", "without_some_shard"),
    ),
    Mutant(
        "doctor: an index of another's taken for the probes' own",
        FUNCTION + "walk/doctor.py",
        "or not isinstance(since, int):",
        "or False:",
        ("tests/engine/test_doctor.py", "-k", "anothers"),
    ),
    Mutant(
        "doctor: a probe index of a doctor that runs deleted",
        FUNCTION + "walk/doctor.py",
        "if at.clock.now() - since < ANOTHERS:",
        "if False:",
        ("tests/engine/test_doctor.py", "-k", "that_runs"),
    ),
    Mutant(
        "doctor: nothing cleaned up after an error",
        FUNCTION + "walk/doctor.py",
        "    finally:\n        left = clean_up(at)",
        "    except ZeroDivisionError:\n        pass\n    left = clean_up(at)",
        ("tests/engine/test_doctor.py", "-k", "unforeseen"),
    ),
    Mutant(
        "doctor: a missing index made by the question whether it may be written",
        FUNCTION + "doctor.py",
        "if described.kind is Kind.DONE:",
        "if described:",
        ("tests/engine/test_doctor.py", "-k", "without_a_trace"),
    ),
    Mutant(
        "doctor: waking counted as a lack of capacity",
        FUNCTION + "walk/doctor.py",
        "    at.busy.clear()  # of its own row\n",
        "",
        ("tests/engine/test_doctor.py", "-k", "waking_status"),
    ),
    Mutant(
        "doctor: a tombstone of half a minute relied on",
        "cli/searchsync_cli/diagnosis.py",
        "TOMBSTONE_S = 55.0",
        "TOMBSTONE_S = 25.0",
        ("tests/unit/test_cli_doctor.py", "-k", "judged_by_its_row or bounds"),
    ),
    Mutant(
        "doctor: any refusal beside another change of the mapping called harmless",
        "cli/searchsync_cli/diagnosis.py",
        'others - {"400 resource_already_exists_exception"}',
        'others - {"400 resource_already_exists_exception", "400 mapper_parsing_exception"}',
        ("tests/unit/test_cli_doctor.py", "-k", "judged_by_its_row"),
    ),
)
