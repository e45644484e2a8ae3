"""Mutants of the index phase: keys, ranges, what the table has shown."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

SWEEP, SEEN, READER = FUNCTION + "reconcile/sweep.py", FUNCTION + "reconcile/seen.py", FUNCTION + "reconcile/reader.py"
UNIT = "tests/unit/test_reconcile_sweep.py"

MUTANTS = (
    Mutant(
        "F61 a rule of documents that holds for what is written alone",
        FUNCTION + "reconcile/verify.py",
        "return look(document_fields(name, image, rules), document)",
        "return look(document_fields(name, image), document)",
        ("tests/unit/test_shape.py", "-k", "have_one_rule"),
    ),
    Mutant(
        "F61 a document compared without its key",
        FUNCTION + "reconcile/verify.py",
        "return look(document_fields(name, image, rules), document)",
        "return look(rules.of(image), document)",
        ("tests/unit/test_reconcile_parts.py", "-k", "finds_what_was_planted"),
    ),
    Mutant(
        "an attribute of the key's name written over",
        FUNCTION + "documents/document.py",
        "TAKEN if KEY_FIELD in found else",
        "",
        ("tests/unit/test_document.py", "tests/unit/test_reconcile_parts.py", "-k", "name_of_the_key or keys_name"),
    ),
    Mutant(
        "the key's field left out of a user's mapping",
        FUNCTION + "documents/index.py",
        """    chosen["properties"] = {**chosen.get("properties", {}), KEY_FIELD: dict(KEY_MAPPING)}
""",
        "",
        ("tests/unit/test_index.py", "-k", "keys_field"),
    ),
    Mutant(
        "an index without the key's field scanned",
        READER,
        "if not has_key(body):",
        "if False:",
        ("tests/unit/test_index.py", "tests/unit/test_reconcile_reader.py", "-k", "without_the_keys_field"),
    ),
    Mutant(
        "F72 a page of the index in an order",
        READER,
        '"sort": ["_doc"]',
        '"sort": ["_id"]',
        ("tests/unit/test_reconcile_reader.py", "-k", "nothing_that_is_stored"),
    ),
    Mutant(
        "F72 an error that lasts waited for",
        READER,
        "if now - wrong_since >= LASTING_ERROR:",
        "if False:",
        ("tests/unit/test_reconcile_reader.py", "-k", "error_that_lasts"),
    ),
    Mutant(
        "a page of the index that lacks documents taken",
        READER,
        'if len(found["hits"]) != min(LARGEST_RESULT_WINDOW, int(found["total"]["value"])):',
        "if False:",
        ("tests/unit/test_reconcile_reader.py", "-k", "shows_fewer"),
    ),
    Mutant(
        "F78 a key left out where a page ends",
        SWEEP,
        "low = self.part.low if position is None else int(position, 16)",
        "low = self.part.low if position is None else int(position, 16) + 1",
        (UNIT, "-k", "shown_once"),
    ),
    Mutant(
        "a page's last key on the next page alone",
        READER,
        '("lt", high)',
        '("lte", high)',
        ("tests/unit/test_reconcile_reader.py", "-k", "nothing_that_is_stored"),
    ),
    Mutant(
        "a page with more documents than it shows taken",
        SWEEP,
        "if page.total <= (LARGEST_RESULT_WINDOW if narrow else 2 * self._stride.wanted):",
        "if True:",
        (UNIT, "-k", "too_many_documents"),
    ),
    Mutant(
        "documents of one key taken for one that was seen",
        SWEEP,
        "if shown > 1 or key not in known)",
        "if key not in known)",
        (UNIT, "-k", "copy_under_another_id"),
    ),
    Mutant(
        "documents without a key left out",
        SWEEP,
        "if position is None and self.part.range == 0:",
        "if False:",
        (UNIT, "-k", "without_a_key"),
    ),
    Mutant(
        "a document as old as the run taken for a new one",
        SWEEP,
        "not self.part.since + self.max_skew < second",
        "not self.part.since < second",
        (UNIT, "-k", "from_the_future"),
    ),
    Mutant(
        "a document from the future taken for a new one",
        SWEEP,
        "second <= self.clock.now() + self.max_skew",
        "second",
        (UNIT, "-k", "from_the_future"),
    ),
    Mutant(
        "keys that the table has shown not written",
        FUNCTION + "reconcile/parts.py",
        """            self.seen.write(state.run, state.name, keys)
""",
        "            pass\n",
        (UNIT, "-k", "looks_up_nothing"),
    ),
    Mutant(
        "a range's keys read from the next one's place",
        SEEN,
        "sum(counts[:number])",
        "sum(counts[: number + 1])",
        (UNIT, "-k", "read_by_range"),
    ),
    Mutant(
        "keys written without an order",
        SEEN,
        "array(KEY, sorted(each)).tobytes()",
        "each.tobytes()",
        (UNIT, "-k", "read_by_range"),
    ),
    Mutant(
        "the first thousand objects of keys alone read",
        FUNCTION + "reconcile/bucket.py",
        """if not answer.get("IsTruncated"):""",
        "if True:",
        (UNIT, "-k", "more_objects"),
    ),
    Mutant(
        "a call that holds keys without end",
        FUNCTION + "reconcile/parts.py",
        "or keys.count >= MOST_KEYS or",
        "or",
        (UNIT, "-k", "as_many_keys"),
    ),
    Mutant(
        "more keys read than memory holds",
        SEEN,
        "if size > left:",
        "if False:",
        (UNIT, "-k", "fit_into_memory"),
    ),
)
