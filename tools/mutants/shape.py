"""Mutants of the documents' shape: each path that goes without it, and its own rules."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

SHAPE, PARTS = FUNCTION + "documents/shape.py", FUNCTION + "reconcile/parts.py"
UNIT = "tests/unit/test_shape.py"
LANE = ("tests/unit/test_reconcile_parts.py", "-k", "goes_by_the_shape")

MUTANTS = (
    Mutant(
        "a stream that goes without the shape",
        FUNCTION + "protocol/plan.py",
        "source = encode(change.id, image, rules)",
        "source = encode(change.id, image)",
        (UNIT, "-k", "the_streams_too"),
    ),
    Mutant(
        "a backfill that goes without the shape",
        PARTS,
        "return converted(page, self.config.max_skew, self.config.rules)",
        "return converted(page, self.config.max_skew)",
        LANE,
    ),
    Mutant(
        "what is read again goes without the shape",
        PARTS,
        "read_version(page.read_at, self.config.max_skew), self.config.rules)",
        "read_version(page.read_at, self.config.max_skew))",
        LANE,
    ),
    Mutant(
        "a verification that goes without the shape",
        PARTS,
        "            self.config.rules,\n",
        "            type(self.config.rules)(),\n",
        LANE,
    ),
    Mutant(
        "a repair that goes without the shape",
        PARTS,
        "self.clock, self.config.max_skew, self.config.rules)",
        "self.clock, self.config.max_skew)",
        LANE,
    ),
    Mutant(
        "an export that is loaded without the shape",
        PARTS,
        "batch = Batch(documents(items, version, self.config.rules), deadline)",
        "batch = Batch(documents(items, version), deadline)",
        ("tests/unit/test_reconcile_export.py", "-k", "shape_of_documents"),
    ),
    Mutant(
        "a resync that goes without the shape",
        FUNCTION + "sync/resync.py",
        "encode(name, image, target.view.rules)",
        "encode(name, image)",
        ("tests/unit/test_pipeline_failures.py", "-k", "only_what_the_mapping_does_not_map"),
    ),
    Mutant(
        "a name that the engine keeps sent as it is",
        SHAPE,
        'return f"_{name}" if bare in _BARE and bare != name else name',
        "return name",
        (UNIT, "-k", "one_more_underscore"),
    ),
    Mutant(
        "only the engine's own names renamed, so that two may meet",
        SHAPE,
        "if bare in _BARE and bare != name else name",
        "if name in METADATA else name",
        (UNIT, "-k", "no_two_attributes"),
    ),
    Mutant(
        "a key looked for by its attribute's name",
        FUNCTION + "reconcile/keys.py",
        "source.get(stored_name(name))",
        "source.get(name)",
        (UNIT, "-k", "name_that_it_has_there"),
    ),
    Mutant(
        "included without the key",
        SHAPE,
        "_tree((*(self.include or ()), *map(path_of, self.keys)))",
        "_tree(self.include or ())",
        (UNIT, "-k", "what_its_shape_says"),
    ),
    Mutant(
        "another shape not told from the verified one",
        FUNCTION + "reconcile/identity.py",
        '        "shape": _digest(repr((config.shape, config.when, *_of_its_own(config))).encode()),\n',
        "",
        ("tests/unit/test_reconcile_identity.py", "-k", "shape"),
    ),
    Mutant(
        "names of any length kept as they are",
        FUNCTION + "documents/shape.py",
        "_PLAIN.update(name for name in found if len(name) <= LONGEST_KEPT)",
        "_PLAIN.update(found)",
        ("tests/unit/test_shape.py", "-k", "long_names_are_not_kept"),
    ),
    Mutant(
        "names of any length kept as they are stored",
        FUNCTION + "documents/shape.py",
        "(_renamed if len(name) > LONGEST_KEPT else _kept)(name)",
        "_kept(name)",
        ("tests/unit/test_shape.py", "-k", "long_names_are_not_kept"),
    ),
)
