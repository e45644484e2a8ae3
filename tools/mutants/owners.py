"""Mutants of whose an index is, and of what it is made with."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

OWNERS = "tests/engine/test_owners.py"

MAPPING = "tests/unit/test_mapping.py"

MUTANTS = (
    Mutant(
        "F57 a field of a type that is none",
        FUNCTION + "documents/mapping.py",
        "        if kind not in FIELD_TYPES:",
        "        if False:",
        (MAPPING, "-k", "refused_and_named"),
    ),
    Mutant(
        "F57 types looked at in the first level alone",
        FUNCTION + "documents/mapping.py",
        "            yield from _fields(_object(field).get(members), also)",
        "            yield from ()",
        (MAPPING, "-k", "refused_and_named"),
    ),
    Mutant(
        "F57 an index that keeps no source written",
        FUNCTION + "documents/mapping.py",
        'if source.get("enabled") in NO or source.get("includes") or source.get("excludes"):',
        "if False:",
        (MAPPING, "-k", "refused_and_named"),
    ),
    Mutant(
        "F57 an index that wants a routing written, and each item poison",
        FUNCTION + "documents/index.py",
        "    return lost(_mappings(described))",
        '    return ""',
        (OWNERS, "-k", "would_lose_items"),
    ),
    Mutant(
        "F57 a type that the plan does not look at",
        "modules/view/variables.tf",
        ", local.no_field_type, local.nothing))), local.field_types)) == 0",
        ', "/.*/", local.nothing))), local.field_types)) == 0',
        ("tests/terraform/test_settings.py", "-k", "wrong_value_is_refused"),
    ),
    Mutant(
        "F56 the engine's reason for a refused mapping hidden",
        FUNCTION + "edges/collection.py",
        'f"{shown(answer.reason)}. Correct',
        'f". Correct',
        (OWNERS, "-k", "reason"),
    ),
    Mutant(
        "F40 the index of another stack written",
        FUNCTION + "edges/collection.py",
        "if mark is not None and mark.owner == self._owner:",
        "if mark is not None:",
        (OWNERS, "-k", "another_is_refused"),
    ),
    Mutant(
        "F40 the index of another table written",
        FUNCTION + "documents/index.py",
        'return cls(found["stack"], found["table"]) if found else None',
        'return cls(found["stack"], found["table"].lower()) if found else None',
        (OWNERS, "-k", "another_is_refused"),
    ),
    Mutant(
        "F40 any index taken over once the setting is there",
        FUNCTION + "edges/collection.py",
        "if self._adopt == holder(mark):",
        "if self._adopt:",
        (OWNERS, "-k", "handed_over"),
    ),
    Mutant(
        "F40 an index taken over keeps its mark, and old verdicts hold",
        FUNCTION + "edges/collection.py",
        'text = uuid5(NAMESPACE_OID, f"{mark.text} {self._owner}").hex if mark else uuid4().hex',
        "text = mark.text if mark else uuid4().hex",
        (OWNERS, "-k", "handed_over"),
    ),
    Mutant(
        "F40 a run over another stack's index",
        FUNCTION + "reconcile/reader.py",
        "if mark is None or mark.owner != self._owner:",
        "if mark is None:",
        ("tests/unit/test_reconcile_reader.py", "-k", "another_stack"),
    ),
    Mutant(
        "F40 status takes another stack's index for its own",
        FUNCTION + "reconcile/identity.py",
        "ours = mark is not None and mark.owner == own",
        "ours = mark is not None",
        ("tests/unit/test_reconcile_identity.py", "-k", "another_stack"),
    ),
    Mutant(
        "F40 the doctor writes into another stack's index",
        FUNCTION + "doctor.py",
        'if asked.get("owner") == SEEN:',
        "if described.kind is Kind.DONE:",
        ("tests/engine/test_doctor.py", "-k", "asked_without_a_trace"),
    ),
    Mutant(
        "F56 what the index's mapping says of itself lost when it is taken over",
        FUNCTION + "documents/index.py",
        '"_meta": {**found.get("_meta", {}), MARK: mark.as_member()},\n    }\n\n\ndef unfit',
        '"_meta": {MARK: mark.as_member()},\n    }\n\n\ndef unfit',
        ("tests/unit/test_index.py", "-k", "keeps_the_rest"),
    ),
    Mutant(
        "F56 an index with a field of another type under the key's name adopted",
        FUNCTION + "documents/index.py",
        'if field is not None and field.get("type") != KEY_MAPPING["type"]:',
        "if False:",
        ("tests/unit/test_index.py", "-k", "another_field"),
    ),
    Mutant(
        "F56 settings that end the age of tombstones taken",
        FUNCTION + "documents/mapping.py",
        '        "gc_deletes",\n',
        "",
        (MAPPING, "-k", "plan_knows_the_same or break_the_sync"),
    ),
    Mutant(
        "F56 an index made without its settings",
        FUNCTION + "edges/collection.py",
        "creation_body(self._mapping, mark, self._settings)",
        "creation_body(self._mapping, mark)",
        (OWNERS, "-k", "settings_that_are_given"),
    ),
    Mutant(
        "F48 the indexes of an imported table deleted",
        "main.tf",
        "ignore_changes = [global_secondary_index, local_secondary_index, on_demand_throughput, replica, table_class]",
        "ignore_changes = [table_class]",
        ("tests/lab/test_imported_table.py",),
    ),
)
