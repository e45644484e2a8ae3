"""Mutants of the names that documents have by `document.rename` and `document.constants`, and of what refuses them."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

SHAPE, CONFIG, PLAN = FUNCTION + "documents/shape.py", FUNCTION + "config.py", "tests/terraform/test_terraform.py"
UNIT, SETTINGS, WRONG = "tests/unit/test_shape.py", "tests/terraform/test_settings.py", "wrong_value_is_refused"
RENAMES, CLASHES = (UNIT, "-k", "gives_the_last_name"), (UNIT, "-k", "two_values_of_one_name")
STARTS, FREE = (UNIT, "-k", "refused_at_the_start"), (UNIT, "-k", "leaves_a_name_free")


def _mutant(name: str, old: str, new: str, tests: tuple[str, ...], file: str = SHAPE) -> Mutant:
    return Mutant(f"names: {name}", file, old, new, tests)


def _plan(name: str, file: str, old: str, new: str, run: str) -> Mutant:
    return Mutant(f"names: at plan, {name}", file, old, new, (SETTINGS if run == WRONG else PLAN, "-k", run))


MUTANTS = (
    _mutant("a rename that takes the place of an attribute", "taken = place.new in found", "taken = False", CLASHES),
    _mutant(
        "a constant that takes the place of an attribute",
        '_clash(name, "document.constants", name) if name in found else value',
        "value",
        CLASHES,
    ),
    _mutant(
        "two values of one name agree with whatever is there",
        "return found is not None and found.same(inner, value)",
        "return found is None or found.same(inner, value)",
        CLASHES,
        FUNCTION + "documents/values.py",
    ),
    _mutant(
        "renames one after the other",
        "moved = [(places[name], found.pop(name)) for name in named if places[name].new]",
        "moved = ((places[name], found.pop(name)) for name in named if places[name].new)",
        RENAMES,
    ),
    _mutant(
        "lists left alone",
        '{"L": [{"M": _rename(e["M"], places)} if "M" in e else _members_rename(e, places) for e in value["L"]]}',
        "value",
        RENAMES,
    ),
    _mutant("lists in lists left alone", 'if "M" in e else _members_rename(e, places)', 'if "M" in e else e', RENAMES),
    _mutant(
        "a name that the engine keeps looked for as the item has it",
        "setdefault(stored_name(first), _Place())",
        "setdefault(first, _Place())",
        (UNIT, "-k", "engine_keeps_may_be_renamed"),
    ),
    _mutant(
        "paths of new names",
        "        found = image\n        if self.include",
        "        found = image = _rename(image, self._renames)\n        if self.include",
        (UNIT, "-k", "items_own_names"),
    ),
    _mutant(
        "a condition of new names",
        "self.condition.matches(image))",
        "self.condition.matches(self.shape.of(image)))",
        (UNIT, "-k", "items_own_names"),
    ),
    _mutant(
        "a verification that goes without them",
        "return look(document_fields(name, image, rules), document)",
        "shape = type(rules.shape)(rules.shape.include, rules.shape.exclude, rules.shape.keys)\n"
        "    return look(document_fields(name, image, type(rules)(shape, rules.fields, rules.condition)), document)",
        ("tests/unit/test_reconcile_parts.py", "-k", "names_and_constants"),
        FUNCTION + "reconcile/verify.py",
    ),
    _mutant(
        "another rename not told from the verified one",
        "    rename: tuple[tuple[str, str], ...] = ()\n",
        "    rename: tuple[tuple[str, str], ...] = field(default=(), repr=False)\n",
        ("tests/unit/test_reconcile_identity.py", "-k", "named"),
    ),
    _mutant(
        "another constant not told from the verified one",
        "    constants: tuple[tuple[str, AttributeValue], ...] = ()\n",
        "    constants: tuple[tuple[str, AttributeValue], ...] = field(default=(), repr=False)\n",
        ("tests/unit/test_reconcile_identity.py", "-k", "named"),
    ),
    _mutant(
        "to be excluded by the document's name",
        "sample.suggestion(self.config.key_attributes, self.config.shape.attribute)",
        "sample.suggestion(self.config.key_attributes)",
        ("tests/unit/test_suggest.py", "-k", "to_be_excluded_the_items"),
        FUNCTION + "reconcile/suggest.py",
    ),
    _mutant("a configured rename forgotten", "tuple(rename.items()),", "(),", STARTS, CONFIG),
    _mutant(
        "a constant's number cut to a double's digits",
        'if isinstance(value, Decimal) and possible_number(str(value)):\n        return {"N": str(value)}',
        'if isinstance(value, Decimal) and possible_number(str(value)):\n        return {"N": str(float(value))}',
        (UNIT, "-k", "keeps_its_type"),
        CONFIG,
    ),
    _mutant(
        "a constant of any number",
        "isinstance(value, Decimal) and possible_number(str(value))",
        "isinstance(value, Decimal)",
        STARTS,
        CONFIG,
    ),
    _mutant("an empty name", 'if not name.strip() or "." in name:', 'if "." in name:', STARTS),
    _mutant("a name with a dot", 'if not name.strip() or "." in name:', "if not name.strip():", STARTS),
    _mutant("the name of the documents' key", "if len(way) == 1 and name == KEY_FIELD:", "if False:", STARTS),
    _mutant("a name that the engine keeps", "if len(way) == 1 and stored_name(name) != name:", "if False:", STARTS),
    _mutant(
        "only the engine's own names kept from settings", "stored_name(name) != name:", "name in METADATA:", STARTS
    ),
    _mutant("names below the top kept, too", "if len(way) == 1 and stored_name", "if stored_name", FREE),
    _mutant("one name given twice", "if given.count(way) > 1:", "if False:", STARTS),
    _mutant(
        "the name of a key attribute",
        "if len(way) == 1 and way[0] in self.keys:",
        "if False:",
        STARTS,
    ),
    _mutant("a key attribute renamed", "        if way[0] in self.keys:", "        if False:", STARTS),
    _mutant(
        "a name that is included",
        'return "`include` names it" if any(each[: len(way)] == way for each in included) else ""',
        'return ""',
        STARTS,
    ),
    _mutant(
        "a name that is free refused",
        "() if way in (*renamed, *excluded) else included or ()",
        "included or ()",
        FREE,
    ),
    _mutant("what is excluded renamed", "if any(way[: len(each)] == each for each in excluded):", "if False:", STARTS),
    _mutant("a name that it has already", '"that is its name already" if new == way[-1] else ', "", STARTS),
    _plan(
        "one name given twice",
        "modules/view/main.tf",
        "length([for each in local.new_paths : each if each == new]) > 1 || ",
        "",
        "refuses_a_name_that_is_given_twice",
    ),
    _plan(
        "the name of a key attribute",
        "modules/view/main.tf",
        " || contains(var.key_attributes, new)",
        "",
        "refuses_the_name_of_a_key_attribute",
    ),
    _plan(
        "a key attribute renamed",
        "modules/view/main.tf",
        "[for path in concat(var.document.exclude, keys(var.document.rename)) : regex(local.first_name, path)]",
        "[for path in var.document.exclude : regex(local.first_name, path)]",
        "refuses_to_rename_a_key_attribute",
    ),
    _plan(
        "a name that is included",
        "modules/view/main.tf",
        'if anytrue([for each in coalesce(var.document.include, []) : startswith("${each}.", "${new}.")])',
        "if false",
        "is_included",
    ),
    _plan(
        "the name that it has already",
        "modules/view/main.tf",
        "    [for path, new in local.renamed_paths : new if new == path],\n",
        "",
        "refuses_the_name_that_it_has",
    ),
    _plan(
        "a name that is free refused",
        "modules/view/main.tf",
        "setsubtract(local.new_paths, concat(keys(var.document.rename), var.document.exclude))",
        "local.new_paths",
        "every_function_has_the_renames",
    ),
    _plan(
        "a dot in a name taken for one between names",
        "modules/view/patterns.tf",
        'path_before = "/^((?:(?:[^.\\\\\\\\]|\\\\\\\\[.\\\\\\\\])+[.])*)(?:[^.\\\\\\\\]|\\\\\\\\[.\\\\\\\\])+$/"',
        'path_before = "/^(.*[.])?[^.]+$/"',
        "every_function_has_the_renames",
    ),
    _plan(
        "a name that the engine keeps",
        "modules/view/variables.tf",
        "condition = length(concat(\n      [for path, name in var.document.rename : name if"
        " !can(regex(local.new_name, name)) || (can(regex(local.kept_name, name)) && ",
        "condition = length(concat(\n      [for path, name in var.document.rename : name if"
        " !can(regex(local.new_name, name)) || (false && ",
        WRONG,
    ),
    _plan(
        "what is excluded renamed",
        "modules/view/variables.tf",
        "condition = length([for path in keys(var.document.rename) : path if\n"
        '      anytrue([for each in var.document.exclude : startswith("${path}.", "${each}.")]) ||',
        "condition = length([for path in keys(var.document.rename) : path if",
        WRONG,
    ),
    _plan(
        "constants that are no texts, numbers or booleans",
        "modules/view/variables.tf",
        "condition     = can(keys(var.document.constants)) && try(alltrue([for value in values(var.document.constants)"
        " : tostring(value) != null]), false)",
        "condition     = can(keys(var.document.constants))",
        WRONG,
    ),
)
