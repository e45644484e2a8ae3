"""Mutants of what the command line asks beside runs: previews and mappings."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CLI = "cli/searchsync_cli/"
PREVIEW = "tests/unit/test_preview.py"
SHOWN = "tests/unit/test_cli_preview.py"

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
        "document_fields(name, image, self.config.shape)",
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
)
