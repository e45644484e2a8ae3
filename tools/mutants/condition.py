"""Mutants of the condition of documents: each path that goes without it, and its own rules."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

CONDITION, OPERATORS = FUNCTION + "documents/condition.py", FUNCTION + "documents/operators.py"
SHAPE, PARTS = FUNCTION + "documents/shape.py", FUNCTION + "reconcile/parts.py"
VERIFY = FUNCTION + "reconcile/verify.py"
RULES, WITHOUT = "self.config.rules", "type(self.config.rules)(self.config.shape, self.config.rules.fields)"
LANGUAGE = ("tests/unit/test_condition.py", "-k", "what_aws_says")
LANE = ("tests/unit/test_reconcile_parts.py", "-k", "condition")


def _without(name: str, file: str, call: str, tests: tuple[str, ...]) -> Mutant:
    """A path that keeps the shape and goes without the condition; `call` has `{}` where the rules stand."""
    return Mutant(name, file, call.format(RULES), call.format(WITHOUT), tests)


MUTANTS = (
    Mutant(
        "a stream that goes without the condition",
        FUNCTION + "protocol/plan.py",
        "source = encode(change.id, image, rules)",
        "source = encode(change.id, image, type(rules)(rules.shape, rules.fields))",
        ("tests/unit/test_pipeline.py", "-k", "stops_matching"),
    ),
    Mutant(
        "a stream's resync that goes without the condition",
        FUNCTION + "sync/resync.py",
        "encode(name, image, target.view.rules)",
        "encode(name, image, type(target.view.rules)(target.view.rules.shape, target.view.rules.fields))",
        ("tests/unit/test_pipeline.py", "-k", "not_brought_back"),
    ),
    Mutant(
        "a redrive that goes without the condition",
        FUNCTION + "sync/redrive.py",
        "for view in self.config.targets]",
        "for view in [type(v)(type(v.rules)(v.rules.shape, v.rules.fields)) for v in self.config.targets]]",
        ("tests/unit/test_redrive.py", "-k", "to_have_no_document"),
    ),
    _without(
        "a backfill that goes without the condition",
        PARTS,
        "return converted(page, self.config.max_skew, {})",
        LANE,
    ),
    _without(
        "what is read again goes without the condition",
        PARTS,
        "read_version(page.read_at, self.config.max_skew), {})",
        LANE,
    ),
    _without(
        "an export that is loaded without the condition",
        PARTS,
        "batch = Batch(documents(items, version, {}), deadline)",
        ("tests/unit/test_reconcile_export.py", "-k", "by_the_condition"),
    ),
    _without(
        "a verification that goes without the condition",
        PARTS,
        "            {},\n            state.recheck_delay",
        LANE,
    ),
    _without("a repair that goes without the condition", PARTS, "self.clock, self.config.max_skew, {})", LANE),
    Mutant(
        "a document whose item is to have none taken for right when it is looked up",
        VERIFY,
        "elif self.rules.of(image) is None:",
        "elif image is None:",
        LANE,
    ),
    Mutant(
        "what is to have no document counted as compared, so that its document is not looked up",
        VERIFY,
        "        return given\n",
        "        return [item.id for item in items]\n",
        LANE,
    ),
    Mutant(
        "another condition not told from the verified one",
        FUNCTION + "reconcile/identity.py",
        "repr((config.shape, config.when, *_of_its_own(config)))",
        "repr((config.shape, *_of_its_own(config)))",
        ("tests/unit/test_reconcile_identity.py", "-k", "shape"),
    ),
    Mutant(
        "an item that stops matching is not deleted, as if its keys were to blame",
        SHAPE,
        " and self.condition.asks_of(names) else None",
        " else None",
        ("tests/unit/test_condition.py", "-k", "condition_of_keys_alone"),
    ),
    Mutant(
        "deletions sent for keys that never match",
        FUNCTION + "protocol/plan.py",
        " if takes is None or takes(keys)]",
        "]",
        ("tests/unit/test_pipeline.py", "-k", "leave_out_is_counted"),
    ),
    Mutant(
        "what is absent looked for in one map of a list",
        CONDITION,
        "(leaf.or_absent and _lacks(image, leaf.path, known))",
        "(leaf.or_absent and name not in members)",
        LANGUAGE,
    ),
    Mutant(
        "what a nested pattern asks found in several maps of a list",
        CONDITION,
        "for each in _maps(members.get(name)) or [{}]:",
        "for each in [{k: v for one in _maps(members.get(name)) for k, v in one.items()}]:",
        LANGUAGE,
    ),
    Mutant(
        "true taken for 1", OPERATORS, "(type(value), value) in wanted", "value in {v for _, v in wanted}", LANGUAGE
    ),
    Mutant(
        "a wildcard whose ends overlap",
        OPERATORS,
        "if at > end or not value.startswith(first)",
        "if not value.startswith(first)",
        LANGUAGE,
    ),
    Mutant(
        "a number that no item has",
        OPERATORS,
        "if not possible_number(str(number)):",
        "if False:",
        ("tests/unit/test_condition.py", "-k", "refused_at_the_start"),
    ),
    Mutant(
        "a range without a number in it",
        OPERATORS,
        "if bounds[0] > bounds[1] or",
        "if",
        ("tests/unit/test_condition.py", "-k", "refused_at_the_start"),
    ),
)
