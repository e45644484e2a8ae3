"""Mutants of what the command line asks beside runs: previews and mappings."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CLI = "cli/searchsync_cli/"
PREVIEW = "tests/unit/test_preview.py"
SHOWN = "tests/unit/test_cli_preview.py"
SUGGESTION = FUNCTION + "documents/suggestion.py"
DECIDED = "tests/unit/test_suggestion.py"
SAMPLED = "tests/unit/test_suggest.py"
CHECK = FUNCTION + "reconcile/check.py"
CHECKED = "tests/engine/test_mapping_check.py"

MUTANTS = (
    Mutant(
        "preview: the document of the whole item, whatever `document` says",
        FUNCTION + "reconcile/preview.py",
        "encode(name, image, self.config.rules)",
        "encode(name, image)",
        (PREVIEW, "-k", "what_would_be_written"),
    ),
    Mutant(
        "preview: an attribute that is excluded is a difference",
        FUNCTION + "reconcile/preview.py",
        "document_fields(name, image, self.config.rules)",
        "document_fields(name, image)",
        (PREVIEW, "-k", "excluded_attribute"),
    ),
    Mutant(
        "preview: the table asked about an item that is given",
        FUNCTION + "reconcile/preview.py",
        "        if image is None:\n            image = self._item",
        "        if True:\n            image = self._item",
        (PREVIEW, "-k", "neither_table"),
    ),
    Mutant(
        "preview: a difference ends as agreement does",
        CLI + "commands/preview.py",
        'good = answer["kind"] is None if options.diff',
        "good = True if options.diff",
        (SHOWN, "-k", "is_the_exit_code"),
    ),
    Mutant(
        "preview: a set in another order shown as a difference",
        CLI + "items.py",
        "value if name in differs else indexed[name]",
        "value",
        (SHOWN, "-k", "what_does_not_differ"),
    ),
    Mutant(
        "preview: numbers through a float",
        CLI + "items.py",
        "parse_float=Digits",
        "parse_float=float",
        (SHOWN, "-k", "own_digits or every_digit"),
    ),
    Mutant(
        "suggestion: a date field though one text is no date",
        SUGGESTION,
        "if place.dates == texts:",
        "if place.dates:",
        (DECIDED, "-k", "first_type_that_fits"),
    ),
    Mutant(
        "suggestion: a day that no calendar has taken for a date",
        SUGGESTION,
        "date(int(found[1]), int(found[2]), int(found[3]))",
        "date(2000, 1, 1)",
        (DECIDED, "-k", "first_type_that_fits"),
    ),
    Mutant(
        "suggestion: digits lost in a double",
        SUGGESTION,
        "    if place.inexact:\n",
        "    if False:\n",
        (DECIDED, "-k", "first_type_that_fits"),
    ),
    Mutant(
        "suggestion: a flat_object of texts that are too long for it",
        SUGGESTION,
        "return place.odd or too_long or",
        "return place.odd or",
        (DECIDED, "-k", "no_flat_object_takes"),
    ),
    Mutant(
        "suggestion: maps beside other values as an object",
        SUGGESTION,
        '    if place.scalars:\n        return "maps beside',
        '    if False:\n        return "maps beside',
        (DECIDED, "-k", "first_type_that_fits"),
    ),
    Mutant(
        "suggestion: more fields than an index has",
        SUGGESTION,
        "each.mapping is not None and fields <= SUGGESTED_FIELDS",
        "each.mapping is not None",
        (DECIDED, "-k", "more_fields"),
    ),
    Mutant(
        "suggestion: a sample without a bound of read units",
        FUNCTION + "reconcile/suggest.py",
        "if reading.units >= SAMPLE_UNITS:",
        "if False:",
        (SAMPLED, "-k", "units_of_a_sample"),
    ),
    Mutant(
        "suggestion: attributes sampled that documents do not have",
        FUNCTION + "reconcile/suggest.py",
        "document_fields(item.id, item.image, self.config.rules)",
        "document_fields(item.id, item.image)",
        (SAMPLED, "-k", "as_they_are_written"),
    ),
    Mutant(
        "suggestion: lists in lists that no mapping takes are kept",
        SUGGESTION,
        "    if place.deepest > MAPPED_DEPTH:",
        "    if False:",
        (DECIDED, "-k", "refuses_wherever"),
    ),
    Mutant(
        "mapping check: the index itself is changed",
        CHECK,
        '_put_at_last(at, f"/{at.probe}/_mapping", body)',
        '_put_at_last(at, f"/{at.config.index}/_mapping", body)',
        (CHECKED, "-k", "adds_a_field"),
    ),
    Mutant(
        "mapping check: a copy without the index's analyzers",
        CHECK,
        'COPIED = ("analysis", "mapping", "similarity")',
        'COPIED = ("mapping", "similarity")',
        (CHECKED, "-k", "own_analyzers"),
    ),
    Mutant(
        "mapping check: an index that is not known yet counts as a refusal",
        CHECK,
        "passing = answer.kind is Kind.NO_INDEX or",
        "passing =",
        (CHECKED, "-k", "waited_for"),
    ),
)
